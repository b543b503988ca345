package policies

import (
	"slices"
	"testing"

	"igledger/ledger/entry"
)

// The departures from an agreement and the verdict agree field by field, also where a system holds
// "|".
func TestDepartures(t *testing.T) {
	for _, c := range []struct {
		name string
		f    Facts
		want []Departure
	}{
		{"all listed", sound(), nil},
		{"narrower purpose", with(func(f *Facts, a *Agreement) { f.Purposes = []string{"ERTREAT"} }), nil},
		{
			"one purpose of two",
			with(func(f *Facts, a *Agreement) { f.Purposes = []string{"TREAT", "HQUALIMP"} }),
			[]Departure{{"purpose", "HQUALIMP"}},
		},
		{"data not limited", with(func(f *Facts, a *Agreement) { f.Data, a.Data = nil, nil }), nil},
		{"data not stated", with(func(f *Facts, a *Agreement) { f.Data, a.Data = nil, [][]string{{condition}} }), []Departure{{"data", ""}}},
		{
			"data not stated, an empty code listed",
			with(func(f *Facts, a *Agreement) { f.Data, a.Data = nil, [][]string{{""}} }), []Departure{{"data", ""}},
		},
		{"other data", with(func(f *Facts, a *Agreement) {
			f.Data, a.Data = []string{condition, observation}, [][]string{{condition}}
		}), []Departure{{"data", observation}}},
		{"all of a version", with(func(f *Facts, a *Agreement) { f.Data, a.Data = []string{"urn:x|1|y"}, [][]string{{"urn:x|1|*"}} }), nil},
		{"all versions", with(func(f *Facts, a *Agreement) { f.Data, a.Data = []string{"urn:x|1|y"}, [][]string{{"urn:x|*"}} }), nil},
		{
			"another version",
			with(func(f *Facts, a *Agreement) { f.Data, a.Data = []string{"urn:x|1|y"}, [][]string{{"urn:x|2|*"}} }),
			[]Departure{{"data", "urn:x|1|y"}},
		},
		{"no listed role", with(func(f *Facts, a *Agreement) { f.Roles, a.Roles = []string{"porter", "clerk"}, []string{"nurse"} }), []Departure{{"role", "porter"}, {"role", "clerk"}}},
		{"one role of two", with(func(f *Facts, a *Agreement) { f.Roles, a.Roles = []string{"porter", "nurse"}, []string{"nurse"} }), nil},
		{"no role", with(func(f *Facts, a *Agreement) { f.Roles, a.Roles = nil, []string{"nurse"} }), []Departure{{"role", ""}}},
		{"a machine", with(func(f *Facts, a *Agreement) { f.Roles, a.Roles, f.Machine = nil, []string{"nurse"}, true }), nil},
		{"all fields", with(func(f *Facts, a *Agreement) {
			f.Purposes, a.Data, a.Roles = []string{"HMARKT"}, [][]string{{condition}}, []string{"nurse"}
		}), []Departure{{"purpose", "HMARKT"}, {"data", observation}, {"role", "doctor"}}},
	} {
		got := c.f.Agreement.Departures(c.f.Purposes, c.f.Data, c.f.Roles, c.f.Machine, nil)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		d := BuiltIn().Decide(c.f)
		if (d.Result == entry.Covered) != (len(c.want) == 0) {
			t.Errorf("%s: %+v, with departures %+v", c.name, d, got)
		}
	}
	unstated := with(func(f *Facts, a *Agreement) { f.Purposes = nil })
	if got := unstated.Agreement.Departures(nil, unstated.Data, unstated.Roles, false, nil); !slices.Equal(got, []Departure{{"purpose", ""}}) {
		t.Errorf("of no purpose: %+v", got)
	}
}
