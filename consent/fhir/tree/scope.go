package tree

import (
	"cmp"
	"strings"

	"igledger/consent/fhir/mapping"
)

// Place is where a resource was found: what R4 (bundle.html#references) needs to resolve the
// references in it. The zero Place is a resource by itself.
type Place struct {
	URL    string  // fullUrl of its entry, "" if it has none
	Bundle *Bundle // the other resources of its Bundle; nil: none
}

// Scope is a resource with everything that its references can name: what it contains, and the other
// resources of its Bundle.
type Scope struct {
	Root Object
	Place
	Base string       // base URL of the server that its relative references belong to, if its URL does not say
	Map  *mapping.Map // may be nil
}

// With returns the scope of another resource, or another version of it, at the same place.
func (s Scope) With(root Object) Scope {
	s.Root = root
	return s
}

// Resolve returns the resource that a Reference names: one that the root contains, or one of its
// Bundle. It returns nil if there is none, or if several could be meant.
//
//   - "#id" is a contained resource.
//   - A relative reference belongs to the server of the root's fullUrl, else to Base.
//   - An absolute one is the entry with this fullUrl. A version in it chooses among several.
//   - Entries whose fullUrl is missing or does not name a server are found by type and id, if only
//     one has them; if the root's server is unknown, all entries are.
//   - A conditional reference, or an identifier without a reference, is the one entry with it.
func (s Scope) Resolve(ref Object) Object { return s.enter(ref).Root }

// enter returns the scope of the resource that a Reference names. Its Root is nil if there is none.
func (s Scope) enter(ref Object) Scope {
	r := Text(ref, "reference")
	if strings.HasPrefix(r, "#") {
		return s.With(Contained(s.Root, r))
	}
	k := s.Bundle.find(ref, s.BaseURL())
	if k == nil {
		return Scope{}
	}
	in := Scope{Root: s.Bundle.tree(k), Place: Place{URL: k.url, Bundle: s.Bundle}, Base: s.Base, Map: s.Map}
	if !k.based {
		in.Base = s.BaseURL()
	}
	return in
}

// Named returns the resources that say who a Reference to a person names: the one that it resolves
// to, the Patients that it links to if it is a Person, and the one to whose record it belongs.
func (s Scope) Named(ref Object) []Object {
	var list []Object
	if o := s.Resolve(ref); o != nil {
		list = append(list, o)
	}
	if p, in := s.record(ref); p != nil {
		if o := in.Resolve(p); o != nil {
			list = append(list, o)
		}
	}
	for _, l := range s.links(ref) {
		if o := l.from.Resolve(l.ref); o != nil {
			list = append(list, o)
		}
	}
	return list
}

// link is a Reference in a resource.
type link struct {
	from Scope
	ref  Object
}

// links returns the references of a Person to its Patients (R4 Person.link.target).
func (s Scope) links(ref Object) []link {
	in := s.enter(ref)
	if Text(in.Root, "resourceType") != "Person" {
		return nil
	}
	var list []link
	for _, l := range Objects(in.Root, "link") {
		if target := Child(l, "target"); in.ReferenceType(target) == "Patient" {
			list = append(list, link{in, target})
		}
	}
	return list
}

// ofPatient are the members of resources that name the patient to whose record they belong; under
// those that are alone, nothing but a Patient can stand. A member of a member is after the dot.
var ofPatient = []struct {
	name  string
	alone bool
}{{"patient", true}, {"subject", false}, {"beneficiary", true}, {"for", false}, {"individual", false}, {"participant.actor", false}}

// record returns the Reference to the patient to whose record the resource that a Reference names
// belongs, and its scope: RelatedPerson.patient, Observation.subject and the like. If a resource
// names several patients in one member, it is in the record of none of them more than of the
// others, and the Reference is nil.
func (s Scope) record(ref Object) (Object, Scope) {
	in := s.enter(ref)
	if t := Text(in.Root, "resourceType"); t == "" || t == "Patient" || t == "Person" {
		return nil, in
	}
	from := in
	if strings.HasPrefix(Text(ref, "reference"), "#") { // what is contained refers to what is contained beside it
		from = s
	}
	for _, m := range ofPatient {
		var found []Object
		for _, p := range members(in.Root, m.name) {
			if t := from.ReferenceType(p); t == "Patient" || t == "" && len(p) > 0 && (m.alone || s.Scheme(Child(p, "identifier")) != "") {
				found = append(found, p)
			}
		}
		if len(found) == 1 {
			return found[0], from
		}
	}
	return nil, in
}

// members returns the objects that a member of a resource is or lists, and those that stand in it.
func members(o Object, name string) []Object {
	name, rest, deeper := strings.Cut(name, ".")
	list := Objects(o, name)
	if one := Child(o, name); one != nil {
		list = []Object{one}
	}
	if !deeper {
		return list
	}
	var found []Object
	for _, m := range list {
		found = append(found, members(m, rest)...)
	}
	return found
}

// InRecord reports whether a Reference names a resource that belongs to the record of a patient, as
// far as that can be seen.
func (s Scope) InRecord(ref Object) bool {
	p, _ := s.record(ref)
	return p != nil
}

// Scheme returns the scheme of an identifier whose system is known to be of CHI or NHS numbers,
// else "". Its value may be no such number.
func (s Scope) Scheme(identifier Object) string {
	system, _ := split(identifier)
	return s.Map.Scheme(system)
}

// at returns the day of the event or the decision, "" if the resource does not say.
func (s Scope) at() string {
	return cmp.Or(Text(s.Root, "recorded"), Text(s.Root, "dateTime"), Text(s.Root, "date"))
}

// BaseURL returns the base URL of the server that relative references belong to, "" if it is
// unknown.
func (s Scope) BaseURL() string {
	base, _, _ := ParseReference(s.URL)
	return cmp.Or(base, strings.TrimSuffix(s.Base, "/"))
}

// IsPatient reports whether a Reference says that it names a Patient.
func (s Scope) IsPatient(ref Object) bool {
	return Text(ref, "type") == "Patient" || s.ReferenceType(ref) == "Patient"
}

// ReferenceType returns the resource type that a Reference names, "" if it does not say. What it
// resolves to counts before what it calls itself.
func (s Scope) ReferenceType(ref Object) string {
	if t := Text(s.Resolve(ref), "resourceType"); t != "" {
		return t
	}
	if t := Text(ref, "type"); IsResource(t) {
		return t
	}
	r := Text(ref, "reference")
	if t, _, ok := Conditional(r); ok {
		return t
	}
	_, t, _ := ParseReference(r)
	return t
}
