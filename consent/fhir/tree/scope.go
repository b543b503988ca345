package tree

import (
	"cmp"
	"strings"
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
	Base string // base URL of the server that its relative references belong to, if its URL does not say
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
func (s Scope) Resolve(ref Object) Object {
	r := Text(ref, "reference")
	if strings.HasPrefix(r, "#") {
		return Contained(s.Root, r)
	}
	if typ, identifier, ok := Conditional(r); ok {
		return s.Bundle.identified(typ, identifier)
	}
	if r == "" {
		return s.Bundle.identified(Text(ref, "type"), Child(ref, "identifier"))
	}
	return s.Bundle.literal(r, s.base())
}

func (s Scope) base() string {
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
