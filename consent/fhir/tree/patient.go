package tree

import (
	"cmp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// Number returns the only CHI number of a Patient that is current, else the only NHS number, else
// "".
func (p Patients) Number(patient Object) string {
	found := map[string]bool{}
	for _, i := range Objects(patient, "identifier") {
		if id, restored := p.number(i); id != "" && !restored && useOf(i, "") < 4 {
			found[id] = true
		}
	}
	for _, scheme := range []string{"chi:", "nhs:"} {
		var ids []string
		for id := range found {
			if strings.HasPrefix(id, scheme) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			if len(ids) == 1 {
				return ids[0]
			}
			return ""
		}
	}
	return ""
}

// Patients makes ids for patients.
type Patients struct {
	Issuer string       // the organisation whose local numbers they are
	Source string       // its system that has them; "": DefaultSource
	Map    *mapping.Map // may be nil
}

// DefaultSource is the name of a source system that nobody has named.
const DefaultSource = "fhir"

// Identity is one way in which a resource names a patient.
type Identity struct {
	Rank     int    // the lower, the better it tells who it is
	ID       string // entry id
	Restored bool   // a leading zero was put back

	// Of a local number: the identifier, by which a server may know the person.
	System, Value string
}

// The ranks. A number that is not current still tells better who it is than a number of one system:
// it is one person's in every system.
const (
	rankNumber     = 0  // and twice the use, and one for nhs
	rankReference  = 20 // to a resource of a server
	rankIdentifier = 21 // and the use
	rankURN        = 30 // which names nothing outside its Bundle
)

// Best returns the best identity, the zero Identity if there is none.
func Best(list []Identity) Identity {
	if len(list) == 0 {
		return Identity{}
	}
	return slices.MinFunc(list, func(a, b Identity) int { return cmp.Compare(a.Rank, b.Rank) })
}

// Identities lists the ways in which a Reference of a resource names a patient: its own identifier,
// those of the resource that it resolves to, and itself. A Person is the Patients that it links to,
// and a RelatedPerson is part of the record of its patient.
func (p Patients) Identities(s Scope, ref Object) []Identity {
	if record, at := s.record(ref); record != nil {
		return p.Identities(at, record)
	}
	named := s.Named(ref)
	var list []Identity
	if own := Child(ref, "identifier"); own != nil {
		use := useOf(own, s.at())
		for _, r := range named {
			for _, i := range Objects(r, "identifier") {
				if identified(i) == identified(own) {
					use = useOf(i, s.at())
				}
			}
		}
		list = p.identify(list, own, use)
	}
	for _, r := range named {
		for _, i := range Objects(r, "identifier") {
			list = p.identify(list, i, useOf(i, s.at()))
		}
	}
	for _, link := range s.links(ref) {
		list = p.refer(list, link.from, link.ref)
	}
	return p.refer(list, s, ref)
}

// refer adds what a reference itself says.
func (p Patients) refer(list []Identity, s Scope, ref Object) []Identity {
	r := Text(ref, "reference")
	if _, identifier, ok := Conditional(r); ok && identifier != nil {
		return p.identify(list, identifier, 0)
	}
	base, typ, id := ParseReference(r)
	switch {
	case r == "" || r[0] == '#':
		return list
	case typ == "Patient" && mapping.NumberedBy(base) != "":
		return p.identify(list, Object{"system": mapping.System(mapping.NumberedBy(base)), "value": id}, 0)
	case typ == "" && strings.HasPrefix(strings.ToLower(r), "urn:"):
		return append(list, Identity{Rank: rankURN, ID: p.temp(escape(fold(r)))})
	}
	return append(list, Identity{Rank: rankReference, ID: p.temp(p.local(r, s.BaseURL()))})
}

// identify adds an identifier.
func (p Patients) identify(list []Identity, identifier Object, use int) []Identity {
	system, value := split(identifier)
	if strings.TrimSpace(value) == "" {
		return list
	}
	if id, restored := p.number(identifier); id != "" {
		rank := rankNumber + 2*use
		if strings.HasPrefix(id, "nhs:") {
			rank++
		}
		return append(list, Identity{Rank: rank, ID: id, Restored: restored})
	}
	if system == mapping.OwnPatient && strings.HasPrefix(value, "temp:"+p.Issuer+":") && entry.CheckID(value) == nil {
		return append(list, Identity{Rank: rankReference - 1, ID: value})
	}
	return append(list, Identity{Rank: rankIdentifier + use, ID: p.temp(p.token(system, value)), System: system, Value: value})
}

// useOf orders identifiers by Identifier.use and period (R4 datatypes.html#Identifier): official
// and usual before unknown, secondary, temporary and old. at is a time at which those that have
// ended are old, "" for the end of time.
func useOf(identifier Object, at string) int {
	if end := Text(Child(identifier, "period"), "end"); end != "" {
		if n := min(len(end), len(at), len("2006-01-02")); at == "" || end[:n] < at[:n] {
			return 4
		}
	}
	switch Text(identifier, "use") {
	case "official", "usual":
		return 0
	case "secondary":
		return 2
	case "temp":
		return 3
	case "old":
		return 4
	}
	return 1
}

// number returns the id of an identifier whose system is known and whose value has the right form,
// else "". A wrong check digit does not matter: an access is filed under the number that it was
// made with. Nine digits of a CHI number that are right with a zero in front are those of a
// spreadsheet, which drops it.
func (p Patients) number(identifier Object) (id string, restored bool) {
	system, value := split(identifier)
	scheme := p.Map.Scheme(system)
	if scheme == "" {
		return "", false
	}
	n := Squeeze(value)
	if zero := "chi:0" + n; scheme == "chi" && len(n) == 9 && entry.CheckID(zero) == nil && entry.CheckDigitOK(zero) {
		return zero, true
	}
	if id = scheme + ":" + n; entry.CheckID(id) != nil {
		return "", false
	}
	return id, false
}

// identified is what makes an identifier the same as another.
func identified(identifier Object) [2]string {
	system, value := split(identifier)
	return [2]string{system, value}
}

// Value returns the value of an identifier that does not say its system, else "".
func Value(identifier Object) string {
	system, value := split(identifier)
	if system != "" {
		return ""
	}
	return value
}

// split returns system and value of an identifier. A value in the form of HL7 version 2 and of
// IHE's older profiles (CX: value^^^namespace&OID&ISO) names its system itself.
func split(identifier Object) (system, value string) {
	system, value = Text(identifier, "system"), Text(identifier, "value")
	if n, ok := identifier["value"].(jsontext.Value); ok {
		value = string(n)
	}
	before, authority, cx := strings.Cut(value, "^^^")
	if parts := strings.Split(authority, "&"); cx && system == "" && len(parts) == 3 && parts[2] == "ISO" {
		return "urn:oid:" + parts[1], before
	}
	return system, value
}

// Contained returns the contained resource that a reference "#id" names, nil if there is none.
func Contained(root Object, ref string) Object {
	id, ok := strings.CutPrefix(ref, "#")
	if !ok || id == "" {
		return nil
	}
	for _, o := range Objects(root, "contained") {
		if strings.TrimPrefix(Text(o, "id"), "#") == id { // DSTU 2 wrote the mark into the id as well
			return o
		}
	}
	return nil
}
