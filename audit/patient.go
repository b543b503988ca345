package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"igledger/ledger/entry"
)

// How a patient of an event gets an id (entry.CheckID), best first:
//
//	identifier of a system in Conversion.Systems, ten digits    chi:<digits>, nhs:<digits>
//	Patient/<id>                                                temp:<issuer>:<id>
//	other reference                                             temp:<issuer>:<reference without version>
//	other identifier                                            temp:<issuer>:<system>|<value>, as in a FHIR token search; |<value> without system
//
// In temp ids, bytes that are not printable ASCII, "%" and a "|" of the event's own are percent-encoded, so that no two patients of one issuer
// share an id; what is longer than 128 characters then becomes sha256:<base64url>. A patient the event names by words only cannot be filed
// under a person and goes to reg:sources.

// identity is one way in which an event names a patient.
type identity struct {
	rank int    // 0 chi, 1 nhs, 2 reference, 3 identifier
	id   string // entry id
}

// patient is one patient of an event. Entities and agents are indices into AuditEvent.entity and .agent.
type patient struct {
	identities []identity // none: cannot be filed
	entities   []int
	agents     []int
}

func (p *patient) id() string {
	if len(p.identities) == 0 {
		return entry.RegSources
	}
	return slices.MinFunc(p.identities, func(a, b identity) int { return cmp.Compare(a.rank, b.rank) }).id
}

// patients finds the patients of an event: those its entities name or, where none does, those among its agents.
func (c Conversion) patients(root object) []*patient {
	var list []*patient
	unfiled := &patient{}
	find := func(ids []identity) *patient {
		if len(ids) == 0 {
			return unfiled
		}
		var p *patient
		list = slices.DeleteFunc(list, func(q *patient) bool { // all who share an identity become one
			if !slices.ContainsFunc(q.identities, func(i identity) bool { return slices.Contains(ids, i) }) {
				return false
			}
			if p == nil {
				p = &patient{}
			}
			p.identities = append(p.identities, q.identities...)
			p.entities = append(p.entities, q.entities...)
			return true
		})
		if p == nil {
			p = &patient{}
		}
		p.identities = append(p.identities, ids...)
		list = append(list, p)
		return p
	}
	for i, e := range objects(root, "entity") {
		if c.isPatient(root, e) {
			p := find(c.identities(root, child(e, "what")))
			p.entities = append(p.entities, i)
		}
	}
	if len(unfiled.entities) > 0 {
		list = append(list, unfiled)
	}
	if len(list) == 0 {
		for _, a := range objects(root, "agent") {
			if who := child(a, "who"); isPatientReference(root, who) {
				if ids := c.identities(root, who); len(ids) > 0 {
					find(ids)
				}
			}
		}
	}
	for i, a := range objects(root, "agent") {
		ids := c.identities(root, child(a, "who"))
		for _, p := range list {
			if slices.ContainsFunc(ids, func(i identity) bool { return slices.Contains(p.identities, i) }) {
				p.agents = append(p.agents, i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *patient) int { return cmp.Compare(first(a.entities), first(b.entities)) })
	return list
}

func first(list []int) int {
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

// isPatient reports whether an entity is a patient: by the type of what it refers to, its object role, or an identifier only patients have.
func (c Conversion) isPatient(root, e object) bool {
	what := child(e, "what")
	return isPatientReference(root, what) || codingOf(child(e, "role")).isPatientRole() ||
		c.scheme(child(what, "identifier")) != ""
}

func isPatientReference(root, ref object) bool {
	r := text(ref, "reference")
	_, typ, _ := parseReference(r)
	return typ == "Patient" || text(ref, "type") == "Patient" || strings.HasPrefix(r, "Patient?") ||
		text(contained(root, r), "resourceType") == "Patient"
}

// contained gives the contained resource that a reference "#id" names.
func contained(root object, ref string) object {
	id, ok := strings.CutPrefix(ref, "#")
	if !ok || id == "" {
		return nil
	}
	for _, o := range objects(root, "contained") {
		if text(o, "id") == id {
			return o
		}
	}
	return nil
}

// identities lists how a Reference names a patient.
func (c Conversion) identities(root, ref object) []identity {
	var list []identity
	identify := func(identifier object) {
		system, value := text(identifier, "system"), text(identifier, "value")
		if value == "" {
			return
		}
		if scheme := c.scheme(identifier); scheme != "" {
			rank := 0
			if scheme == "nhs" {
				rank = 1
			}
			list = append(list, identity{rank, scheme + ":" + squeeze(value)})
			return
		}
		list = append(list, identity{3, c.temp(escape(system) + "|" + escape(value))})
	}
	identify(child(ref, "identifier"))
	switch r := text(ref, "reference"); {
	case r == "":
	case r[0] == '#':
		for _, i := range objects(contained(root, r), "identifier") {
			identify(i)
		}
	case strings.HasPrefix(r, "Patient?"): // a conditional reference
		if q, err := url.ParseQuery(r[len("Patient?"):]); err == nil {
			if system, value, ok := strings.Cut(q.Get("identifier"), "|"); ok {
				identify(object{"system": system, "value": value})
			}
		}
	default:
		list = append(list, identity{2, c.temp(referenceValue(r))})
	}
	return list
}

// scheme is the id scheme of an identifier whose system is known and whose value has the form, else "". The check digit does not
// matter: an access that happened is filed under the number it was made with.
func (c Conversion) scheme(identifier object) string {
	scheme := c.Systems[text(identifier, "system")]
	if scheme == "" {
		scheme = defaultSystems[text(identifier, "system")]
	}
	if scheme == "" || entry.CheckID(scheme+":"+squeeze(text(identifier, "value"))) != nil {
		return ""
	}
	return scheme
}

func (c Conversion) temp(value string) string {
	if len(value) > 128 {
		h := sha256.Sum256([]byte(value))
		value = "sha256:" + base64.RawURLEncoding.EncodeToString(h[:])
	}
	return "temp:" + c.Issuer + ":" + value
}

// referenceValue is the value of a temp id for a reference.
func referenceValue(ref string) string {
	base, typ, id := parseReference(ref)
	switch {
	case typ == "":
		return escape(ref)
	case base != "":
		return escape(base + "/" + typ + "/" + id)
	case typ != "Patient":
		return escape(typ + "/" + id)
	}
	return strings.ReplaceAll(strings.ReplaceAll(escape(id), ":", "%3A"), "/", "%2F") // so that no FHIR id looks like a URL
}

// parseReference takes a literal reference apart: [base/]Type/id[/_history/version]. Type is "" if it has another form.
func parseReference(ref string) (base, typ, id string) {
	ref, _, _ = strings.Cut(ref, "/_history/")
	parts := strings.Split(strings.TrimPrefix(ref, "/"), "/")
	n := len(parts)
	if n < 2 || !isResource(parts[n-2]) || parts[n-1] == "" {
		return "", "", ""
	}
	return strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1]
}

// squeeze takes blanks and hyphens out of a number, as people group it.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, s)
}

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

// idValue is what the event had in the place of the id: digits, the id of a Patient, the value of an identifier or a whole reference; "" where
// the id does not tell.
func idValue(id string) string {
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
