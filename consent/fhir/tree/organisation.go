package tree

import (
	"cmp"
	"strings"

	"igledger/consent/fhir/mapping"
)

// OrganisationID returns the id in the log of the organisation that a Reference names: by its
// identifier, by the reference itself, by what it resolves to, or in words, as far as the mapping
// or the ledger knows them. It returns "" if the organisation is foreign, or if the Reference names
// something else.
func (s Scope) OrganisationID(ref Object) string {
	if t := s.ReferenceType(ref); ref == nil || t != "" && t != "Organization" {
		return ""
	}
	n := mapping.Named{Words: []string{Text(ref, "display")}}
	identify := func(i Object) {
		if u := Text(i, "use"); u != "old" && u != "temp" {
			n.Identifiers = append(n.Identifiers, mapping.Identifier{System: Text(i, "system"), Value: Text(i, "value")})
		}
	}
	identify(Child(ref, "identifier"))
	r := Text(ref, "reference")
	if _, identifier, ok := Conditional(r); ok {
		identify(identifier)
	} else if !strings.HasPrefix(r, "#") {
		n.References = append(n.References, s.spellings(r)...)
	}
	if in := s.enter(ref); in.Root != nil {
		for _, i := range Objects(in.Root, "identifier") {
			identify(i)
		}
		n.Words = append(n.Words, Text(in.Root, "name"))
		if !strings.HasPrefix(r, "#") {
			n.References = append(n.References, in.URL)
		}
	}
	return s.Map.Organisation(n)
}

// spellings returns a literal reference as its resource may be called: relative, and with the base
// URL of the root's server.
func (s Scope) spellings(ref string) []string {
	list, base := []string{ref}, s.BaseURL()
	of, typ, id := ParseReference(ref)
	switch {
	case typ == "" || base == "":
	case of == "":
		list = append(list, base+"/"+typ+"/"+id)
	case of == base:
		list = append(list, typ+"/"+id)
	}
	return list
}

// OrganisationName returns the words for the organisation that a Reference names: its display, else
// the name of what it resolves to, "" if there are none.
func (s Scope) OrganisationName(ref Object) string {
	return cmp.Or(Text(ref, "display"), Text(s.Resolve(ref), "name"))
}

// belongs says which element of a resource names the organisation that it belongs to. Some list
// several, or may name something else.
var belongs = map[string]string{
	"PractitionerRole": "organization", "Location": "managingOrganization", "HealthcareService": "providedBy", "Device": "owner",
	"CareTeam": "managingOrganization", "Group": "managingEntity", "Endpoint": "managingOrganization",
}

// OrganisationOf returns the Reference to the organisation to which the resource belongs that a
// Reference names, such as PractitionerRole.organization, and its scope. The Reference is nil if
// that is not known. Of several, it is one that is foreign, if there is one.
func (s Scope) OrganisationOf(ref Object) (Scope, Object) {
	in := s.enter(ref)
	list := members(in.Root, belongs[Text(in.Root, "resourceType")])
	if strings.HasPrefix(Text(ref, "reference"), "#") { // what is contained refers to what is contained beside it
		in = s
	}
	var of Object
	for _, o := range list {
		if t := in.ReferenceType(o); t != "" && t != "Organization" {
			continue
		}
		if of == nil || in.OrganisationID(o) == "" {
			of = o
		}
	}
	return in, of
}
