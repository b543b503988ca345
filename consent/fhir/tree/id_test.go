package tree

import (
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// Whatever a resource names its patient by, the id is well-formed, different names have different
// ids, a Reference made from it leads back, and the id says what the resource had in its place.
func FuzzID(f *testing.F) {
	for _, s := range [][5]string{
		{"ehr1", "", "100", "Patient/100", "Patient/101"},
		{"ehr1", "urn:oid:1.2.3", "A|7", "https://a.scot/fhir/Patient/100", "urn:uuid:1"},
		{"https://a.scot/fhir", "ehr/1", "ü%", "Patient/100/_history/2", "foo/Patient/100"},
		{"sha256", "sha256:x", "x", "sha256:abc", "A:17"},
		{"s", "urn:igledger:patient", "temp:B:7", "#x", "Patient?identifier=a|b"},
		{"s", "", strings.Repeat("9", 200), "Patient/" + strings.Repeat("9", 200), "/Patient/1"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4])
	}
	f.Fuzz(func(t *testing.T, source, system, value, ref, ref2 string) {
		if source == "" || len(source) > 128 || strings.ContainsFunc(source, func(r rune) bool { return r <= 0x20 || r > 0x7e }) {
			return
		}
		p := Patients{Issuer: "BOARD", Source: source}
		names := map[string]Object{}
		for _, o := range []Object{
			{"identifier": Object{"system": system, "value": value}},
			{"identifier": Object{"value": value}},
			{"reference": ref}, {"reference": ref2}, {"reference": value},
		} {
			id := Best(p.Identities(Scope{}, o)).ID
			if id == "" {
				continue
			}
			if err := entry.CheckID(id); err != nil {
				t.Fatalf("%v: %q: %v", o, id, err)
			}
			if other, ok := names[id]; ok && !same(o, other) {
				t.Fatalf("%v and %v are both %q", o, other, id)
			}
			names[id] = o
			elsewhere := Patients{Issuer: "BOARD", Source: source + "x"}
			if there := Best(elsewhere.Identities(Scope{}, o)).ID; strings.HasPrefix(id, "temp:BOARD:"+p.source()+"/") && there == id {
				t.Fatalf("%v is %q in two systems", o, id)
			}
			back := Best(p.Identities(Scope{}, PatientReference(id))).ID
			if back != id {
				t.Fatalf("%v: %q comes back as %q by %v", o, id, back, PatientReference(id))
			}
		}
	})
}

// same reports whether two References say the same in two ways.
func same(a, b Object) bool {
	said := func(o Object) string {
		r := Text(o, "reference")
		if typ, i, ok := Conditional(r); ok {
			o = Object{"identifier": i}
			_ = typ
		} else if r != "" {
			if base, typ, id := ParseReference(r); typ != "" {
				return strings.TrimPrefix(base+"/"+typ+"/"+id, "/")
			}
			return fold(r)
		}
		system, value := split(Child(o, "identifier"))
		return system + "\x00" + value
	}
	return said(a) == said(b)
}
