package consent_test

import (
	"slices"
	"testing"

	"igledger/ledger/entry"
	"igledger/policies"
)

// A former husband is a nurse, and a sister works at a practice: they are refused, nobody else is,
// and where it cannot be told, nobody is let in. The refusals restrict, so they stop care.
func TestNamedStaffAndPlaces(t *testing.T) {
	const nurse, practice = "urn:nmc|80B1234Z", "https://fhir.nhs.uk/Id/ods-organization-code|S10001"
	staff := func(s entry.Staff) func(*entry.Access) { return func(a *entry.Access) { a.Staff = &s } }
	own := func(a *entry.Access) { a.Org, a.Agreement = "", "" }
	elsewhere := []string{"urn:wards|4"}
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	w.mustJudge(w.consent("refused", func(c *entry.Consent) {
		c.Rule.Restricts, c.Rule.Staff = true, []string{nurse}
	}))
	w.mustJudge(w.consent("refused", func(c *entry.Consent) {
		c.Consent, c.Rule.Restricts, c.Rule.Units = deed, true, []string{practice}
	}))
	for _, c := range []struct {
		name   string
		change []func(*entry.Access)
		want   string // rules; "" if covered
		byName bool
	}{
		{"him", []func(*entry.Access){staff(entry.Staff{System: "urn:nmc", ID: "80B1234Z", Units: elsewhere})}, "restriction", false},
		{
			"him, on own records",
			[]func(*entry.Access){own, staff(entry.Staff{System: "urn:nmc", ID: "80B1234Z", Units: elsewhere})},
			"restriction", false,
		},
		{"someone else", []func(*entry.Access){staff(entry.Staff{System: "urn:nmc", ID: "11C0000A", Units: elsewhere})}, "", false},
		{
			"his number under another system",
			[]func(*entry.Access){staff(entry.Staff{System: "urn:board", ID: "80B1234Z", Units: elsewhere})}, "", false,
		},
		{"his number without a system", []func(*entry.Access){staff(entry.Staff{ID: "80B1234Z", Units: elsewhere})}, "", false},
		{"nobody named", []func(*entry.Access){staff(entry.Staff{Units: elsewhere})}, "restriction user-unnamed", false},
		{
			"a name is no identifier", []func(*entry.Access){staff(entry.Staff{Name: "A. Nurse", Units: elsewhere})},
			"restriction user-unnamed", false,
		},
		{
			"a bare reference does not compare",
			[]func(*entry.Access){staff(entry.Staff{ID: "Practitioner/7", Units: elsewhere})}, "restriction user-unnamed",
			false,
		},
		{"nothing disclosed", nil, "restriction user-unnamed", true},
		{"nothing disclosed, own records", []func(*entry.Access){own}, "restriction user-unnamed", true},
		{"at the practice", []func(*entry.Access){staff(entry.Staff{ID: "7", Units: append(elsewhere, practice)})}, "restriction", false},
		{"no place named", []func(*entry.Access){staff(entry.Staff{ID: "7"})}, "restriction user-unnamed", false},
		{
			"a machine somewhere else",
			[]func(*entry.Access){staff(entry.Staff{Units: elsewhere}), func(a *entry.Access) { a.Machine = true }}, "",
			false,
		},
		{"a machine anywhere", []func(*entry.Access){func(a *entry.Access) { a.Machine = true }}, "restriction user-unnamed", true},
		{"the law", []func(*entry.Access){own, func(a *entry.Access) { a.Purpose = []string{"HLEGAL"} }}, "purpose", true},
	} {
		j := w.mustJudge(w.access(c.change...))
		got := j.Verdict.Rules
		switch {
		case c.want == "purpose":
			if slices.Contains(got, "restriction") || slices.Contains(got, policies.UserUnnamed) {
				t.Errorf("%s: %q", c.name, got)
			}
		case c.want == "" && j.Verdict.Result != entry.Covered, c.want != "" && (j.Verdict.Result != entry.NotCovered || joined(got) != c.want):
			t.Errorf("%s: %s by %q, want %q", c.name, j.Verdict.Result, got, c.want)
		}
		if j.ByName != c.byName {
			t.Errorf("%s: depends on a name that is not shown: %v", c.name, j.ByName)
		}
	}
}

func joined(list []string) (s string) {
	for i, r := range list {
		if i > 0 {
			s += " "
		}
		s += r
	}
	return s
}
