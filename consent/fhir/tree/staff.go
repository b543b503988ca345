package tree

import (
	"cmp"
	"strings"
)

// Staff is what the resources say of a member of staff whom a Reference names.
type Staff struct {
	Identifiers []Object // that are not old
	References  []string // literal, as others may name the person: none that holds within a resource or a Bundle only
	Name        string
}

// Staff returns who a Reference to a Practitioner or PractitionerRole names. What a
// PractitionerRole that is at hand says of its practitioner is part of it.
func (s Scope) Staff(ref Object) Staff {
	var staff Staff
	staff.add(s, ref)
	if in := s.enter(ref); Text(in.Root, "resourceType") == "PractitionerRole" {
		practitioner := Child(in.Root, "practitioner")
		if strings.HasPrefix(Text(ref, "reference"), "#") { // what is contained refers to what is contained beside it
			in = s
		}
		staff.add(in, practitioner)
	}
	return staff
}

func (st *Staff) add(s Scope, ref Object) {
	if ref == nil {
		return
	}
	found := s.Resolve(ref)
	list := Objects(found, "identifier")
	if t := Text(found, "resourceType"); t != "" && t != "Practitioner" && t != "PractitionerRole" {
		list = nil
	}
	for _, i := range append([]Object{Child(ref, "identifier")}, list...) {
		if Text(i, "value") != "" && Text(i, "use") != "old" {
			st.Identifiers = append(st.Identifiers, i)
		}
	}
	r, _, _ := strings.Cut(Text(ref, "reference"), "/_history/")
	if r != "" && r[0] != '#' && !strings.HasPrefix(strings.ToLower(r), "urn:") {
		st.References = append(st.References, r)
	}
	if st.Name == "" {
		st.Name = cmp.Or(Text(ref, "display"), humanName(found))
	}
}

// humanName returns the first name of a person in words, "" if there is none.
func humanName(o Object) string {
	for _, n := range Objects(o, "name") {
		given, _ := n["given"].([]any)
		var parts []string
		for _, g := range given {
			if word, ok := g.(string); ok {
				parts = append(parts, word)
			}
		}
		parts = append(parts, Text(n, "family"))
		if name := cmp.Or(Text(n, "text"), strings.TrimSpace(strings.Join(parts, " "))); name != "" {
			return name
		}
	}
	return ""
}
