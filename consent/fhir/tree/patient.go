package tree

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// How a patient that a resource names gets an id (entry.CheckID), best first:
//
//	identifier of a system of mapping.Map.Scheme, ten digits    chi:<digits>, nhs:<digits>
//	Patient/<id>                                                temp:<issuer>:<id>
//	other reference                                             temp:<issuer>:<reference without version>
//	other identifier                                            temp:<issuer>:<system>|<value>, as in a FHIR token search;
//	                                                            |<value> without system
//
// In temp ids, bytes that are not printable ASCII, "%" and a "|" of the resource's own are
// percent-encoded, so that no two patients of one issuer share an id. A value longer than 128
// characters becomes sha256:<base64url>. A patient who is named only in words has no id.

// Patients makes ids for patients.
type Patients struct {
	Issuer string       // the organisation whose local numbers they are
	Map    *mapping.Map // may be nil
}

// Identity is one way in which a resource names a patient.
type Identity struct {
	Rank int    // 0 chi, 1 nhs, 2 reference, 3 identifier
	ID   string // entry id
}

// Best returns the id of the best identity, "" if there is none.
func Best(list []Identity) string {
	if len(list) == 0 {
		return ""
	}
	return slices.MinFunc(list, func(a, b Identity) int { return cmp.Compare(a.Rank, b.Rank) }).ID
}

// Identities lists the ways in which a Reference of a resource names a patient.
func (p Patients) Identities(s Scope, ref Object) []Identity {
	var list []Identity
	identify := func(identifier Object) {
		system, value := Text(identifier, "system"), Text(identifier, "value")
		if value == "" {
			return
		}
		if scheme := p.Scheme(identifier); scheme != "" {
			rank := 0
			if scheme == "nhs" {
				rank = 1
			}
			list = append(list, Identity{rank, scheme + ":" + Squeeze(value)})
			return
		}
		list = append(list, Identity{3, p.temp(escape(system) + "|" + escape(value))})
	}
	identify(Child(ref, "identifier"))
	for _, i := range Objects(s.Resolve(ref), "identifier") {
		identify(i)
	}
	r := Text(ref, "reference")
	if _, identifier, ok := Conditional(r); ok {
		identify(identifier)
	} else if r != "" && r[0] != '#' {
		list = append(list, Identity{2, p.temp(referenceValue(r))})
	}
	return list
}

// Scheme returns the id scheme of an identifier whose system is known and whose value has the right
// form, else "". A wrong check digit does not matter: an access is filed under the number that it
// was made with.
func (p Patients) Scheme(identifier Object) string {
	scheme := p.Map.Scheme(Text(identifier, "system"))
	if scheme == "" || entry.CheckID(scheme+":"+Squeeze(Text(identifier, "value"))) != nil {
		return ""
	}
	return scheme
}

func (p Patients) temp(value string) string {
	if len(value) > 128 {
		h := sha256.Sum256([]byte(value))
		value = "sha256:" + base64.RawURLEncoding.EncodeToString(h[:])
	}
	return "temp:" + p.Issuer + ":" + value
}

// PatientReference returns a Reference from which Identities finds the id again, nil for registers.
func PatientReference(id string) Object {
	scheme, rest, _ := strings.Cut(id, ":")
	switch scheme {
	case "chi", "nhs":
		return Object{"type": "Patient", "identifier": Object{"system": mapping.System(scheme), "value": rest}}
	case "temp":
		_, value, _ := strings.Cut(rest, ":")
		v := IDValue(id)
		if system, _, ok := strings.Cut(value, "|"); ok {
			identifier := Object{"value": v}
			if s := IDValue("temp::|" + system); s != "" {
				identifier["system"] = s
			}
			return Object{"identifier": identifier}
		}
		switch {
		case strings.Contains(v, ":"), strings.Contains(v, "/"):
			return Object{"reference": v}
		case v != "":
			return Object{"reference": "Patient/" + v}
		}
		return Object{"identifier": Object{"value": value}}
	}
	return nil
}

// Contained returns the contained resource that a reference "#id" names, nil if there is none.
func Contained(root Object, ref string) Object {
	id, ok := strings.CutPrefix(ref, "#")
	if !ok || id == "" {
		return nil
	}
	for _, o := range Objects(root, "contained") {
		if Text(o, "id") == id {
			return o
		}
	}
	return nil
}

// referenceValue returns the value of a temp id for a reference.
func referenceValue(ref string) string {
	base, typ, id := ParseReference(ref)
	switch {
	case typ == "":
		return escape(ref)
	case base != "":
		return escape(base + "/" + typ + "/" + id)
	case typ != "Patient":
		return escape(typ + "/" + id)
	}
	// So no FHIR id looks like a URL.
	return strings.ReplaceAll(strings.ReplaceAll(escape(id), ":", "%3A"), "/", "%2F")
}

// Conditional splits a conditional reference (R4 http.html#cond-create): [base/]Type?identifier=
// system|value, and perhaps further criteria.
func Conditional(ref string) (typ string, identifier Object, ok bool) {
	path, query, found := strings.Cut(ref, "?")
	typ = path[strings.LastIndexByte(path, '/')+1:]
	q, err := url.ParseQuery(query)
	if !found || !IsResource(typ) || err != nil {
		return "", nil, false
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

// Squeeze removes the blanks and hyphens with which people group a number.
func Squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, s)
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

// IDValue returns what the resource had in the place of the id: digits, the id of a Patient, the
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
			value = value[i+1:]
		}
		if plain, err := url.PathUnescape(value); err == nil {
			return plain
		}
	}
	return ""
}
