package tree

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"igledger/consent/fhir/mapping"
)

// How a patient that a resource names gets an id (entry.CheckID):
//
//	identifier of a system of mapping.Map.Scheme, ten digits    chi:<digits>, nhs:<digits>
//	absolute reference                                          temp:<issuer>:<reference without version>
//	relative reference, if its server is known                  the same, with the base in front
//	relative reference                                          temp:<issuer>:<source>/<reference without version>
//	identifier whose system is a URI                            temp:<issuer>:<system>|<value>
//	other identifier                                            temp:<issuer>:<source>/<system>|<value>
//	identifier of the system mapping.OwnPatient                 itself, if it is the issuer's
//
// So a number that only one system knows is that system's own: Patient/100 of two systems of one
// organisation are two people, until somebody links them.
//
// In temp ids, bytes that are not printable ASCII, "%" and a "|" of the resource's own are
// percent-encoded; in the source ":" and "/" too. What begins with a source has no ":" before its
// first "/"; what does not, has one. So no two patients of one issuer share an id. A value longer
// than 128 characters becomes sha256:<base64url>. A patient who is named only in words has no id.

// local returns the value of a temp id for a literal reference of a resource on the server base, ""
// if that is not known.
func (p Patients) local(ref, base string) string {
	if of, typ, id := ParseReference(ref); typ != "" {
		ref = strings.TrimPrefix(of+"/"+typ+"/"+id, "/")
	}
	switch {
	case absolute(ref):
		return escape(ref)
	case absolute(base):
		return escape(base + "/" + strings.TrimPrefix(ref, "/"))
	}
	return p.source() + "/" + escape(ref)
}

// token returns the value of a temp id for an identifier.
func (p Patients) token(system, value string) string {
	t := escape(system) + "|" + escape(value)
	if !absolute(system) {
		t = p.source() + "/" + t
	}
	return t
}

func (p Patients) source() string {
	s := p.Source
	if s == "" {
		s = DefaultSource
	}
	return strings.NewReplacer(":", "%3A", "/", "%2F").Replace(escape(s))
}

// absolute reports whether a URI has a scheme.
func absolute(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	return ok && scheme != "" && !strings.Contains(scheme, "/")
}

func (p Patients) temp(value string) string {
	if len(value) > 128 || strings.HasPrefix(value, "sha256:") {
		h := sha256.Sum256([]byte(value))
		value = "sha256:" + base64.RawURLEncoding.EncodeToString(h[:])
	}
	return "temp:" + p.Issuer + ":" + value
}

// PatientReference returns a Reference from which Identities finds the id again, for the same
// source, nil for registers.
func PatientReference(id string) Object {
	scheme, rest, _ := strings.Cut(id, ":")
	switch scheme {
	case "chi", "nhs":
		return Object{"type": "Patient", "identifier": Object{"system": mapping.System(scheme), "value": rest}}
	case "temp":
		_, value, _ := strings.Cut(rest, ":")
		if !absolute(value) {
			_, local, ok := strings.Cut(value, "/")
			if !ok { // a number that the organisation gave: no resource named it
				return own(id)
			}
			value = local
		}
		if system, v, ok := strings.Cut(value, "|"); ok {
			identifier := Object{"value": unescape(v)}
			if system != "" {
				identifier["system"] = unescape(system)
			}
			return Object{"type": "Patient", "identifier": identifier}
		}
		if _, typ, _ := ParseReference(unescape(value)); typ == "" && !strings.HasPrefix(value, "urn:") {
			return own(id)
		}
		return Object{"reference": unescape(value)}
	}
	return nil
}

func own(id string) Object {
	return Object{"type": "Patient", "identifier": Object{"system": mapping.OwnPatient, "value": id}}
}

// Origin returns where a temporary id is from: the source system that it names, or the base URL of
// the server.
func Origin(id string) (source, base string) {
	rest, ok := strings.CutPrefix(id, "temp:")
	_, value, _ := strings.Cut(rest, ":")
	if !ok {
		return "", ""
	}
	if !absolute(value) {
		source, _, _ = strings.Cut(value, "/")
		return unescape(source), ""
	}
	base, _, _ = ParseReference(unescape(value))
	return "", base
}

// IDValue returns what the resource had in the place of the id: digits, the id of a resource, the
// value of an identifier, or a whole reference. If the id does not tell, it returns "".
func IDValue(id string) string {
	scheme, rest, _ := strings.Cut(id, ":")
	switch scheme {
	case "chi", "nhs":
		return rest
	case "temp":
		_, value, _ := strings.Cut(rest, ":")
		if strings.HasPrefix(value, "sha256:") {
			return ""
		}
		if i := strings.IndexByte(value, '|'); i >= 0 {
			return unescape(value[i+1:])
		}
		if _, typ, id := ParseReference(unescape(value)); typ != "" {
			return id
		}
		if !absolute(value) {
			if _, local, ok := strings.Cut(value, "/"); ok {
				value = local
			}
		}
		return unescape(value)
	}
	return ""
}

// Conditional splits a conditional reference (R4 http.html#ccreate): [base/]Type?identifier=
// system|value, and perhaps further criteria. Without an identifier, it is nil.
func Conditional(ref string) (typ string, identifier Object, ok bool) {
	path, query, found := strings.Cut(ref, "?")
	typ = path[strings.LastIndexByte(path, '/')+1:]
	q, err := url.ParseQuery(query)
	if !found || !IsResource(typ) || err != nil {
		return "", nil, false
	}
	if q.Get("identifier") == "" {
		return typ, nil, true
	}
	system, value, token := strings.Cut(q.Get("identifier"), "|")
	if !token {
		system, value = "", system
	}
	return typ, Object{"system": system, "value": value}, true
}

// ParseReference splits a literal reference: [base/]Type/id[/_history/version]. If it has another
// form, typ is "".
func ParseReference(ref string) (base, typ, id string) {
	ref, _, _ = strings.Cut(ref, "/_history/")
	parts := strings.Split(strings.TrimPrefix(ref, "/"), "/")
	n := len(parts)
	if n < 2 || strings.Contains(ref, "?") || !IsResource(parts[n-2]) || parts[n-1] == "" {
		return "", "", ""
	}
	return strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1]
}

// Squeeze removes the blanks, hyphens and invisible characters with which people group a number,
// and writes its digits as ASCII.
func Squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u2212', unicode.IsSpace(r), unicode.In(r, unicode.Pd, unicode.Cf): // U+2212 is the minus sign
			return -1
		case r >= 0x80 && unicode.IsDigit(r):
			return digit(r)
		}
		return r
	}, s)
}

// digit returns a decimal digit as ASCII. In Unicode, digits stand in rows of ten.
func digit(r rune) rune {
	for _, row := range unicode.Nd.R16 {
		if r >= rune(row.Lo) && r <= rune(row.Hi) {
			return '0' + (r-rune(row.Lo))%10
		}
	}
	for _, row := range unicode.Nd.R32 {
		if r >= rune(row.Lo) && r <= rune(row.Hi) {
			return '0' + (r-rune(row.Lo))%10
		}
	}
	return r
}

// escape percent-encodes what a temp id must not hold.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= 0x20 || c > 0x7e || c == '%' || c == '|' {
			b.WriteByte('%')
			b.WriteString(strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape undoes escape. What cannot come from it stays as it is.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
