package policies

import (
	"time"

	"igledger/ledger/entry"
)

// probe refuses a set that is plainly a mistake. A set that passes may still deny or allow too
// much.
func (s *Set) probe() error {
	if !s.anyIs(soundAccesses(), true) {
		return fail(DeniesEverything, 0, "the set covers no access, not even care under an agreement in force with consent")
	}
	if !s.anyIs(unsoundAccesses(), false) {
		return fail(PermitsEverything, 0,
			"the set covers even an access for marketing that names no agreement and that the person refused")
	}
	return nil
}

func (s *Set) anyIs(list []Facts, covered bool) bool {
	for _, f := range list {
		if (s.Decide(f).Result != entry.NotCovered) == covered {
			return true
		}
	}
	return false
}

// sound is an access with nothing wrong: a doctor of one board reads a record of another to give
// care, under an agreement in force.
func sound() Facts {
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	return Facts{
		Org: "probe-a", Holder: "probe-b", Action: "R", Purposes: []string{"TREAT"},
		Data:  []string{"http://hl7.org/fhir/resource-types|Observation"},
		Roles: []string{"doctor"}, At: at, Named: true, Consent: Consent{Decision: Permit, ID: "probe"},
		Agreement: &Agreement{
			ID: "probe", Version: 1, State: "in-force",
			Parties: []string{"probe-a", "probe-b"}, Purposes: []string{"TREAT"},
			Start: at.AddDate(-1, 0, 0), End: at.AddDate(1, 0, 0),
		},
	}
}

// soundAccesses returns accesses of which a sensible set covers at least one. A set that covers
// none denies everything.
func soundAccesses() []Facts {
	own := Facts{
		Org: "probe-a", Holder: "probe-a", Own: true, Action: "R", Purposes: []string{"TREAT"},
		Roles: []string{"doctor"}, At: sound().At,
	}
	emergency := sound()
	emergency.Purposes = []string{"BTG"}
	emergency.Emergency, emergency.Justified = true, true
	emergency.Named, emergency.Agreement = false, nil
	research := sound()
	a := *research.Agreement
	a.Purposes, a.Project = []string{"HRESCH"}, "probe"
	a.Research, a.ConsentBasis = true, true
	research.Purposes, research.Agreement = []string{"HRESCH"}, &a
	return []Facts{sound(), own, emergency, research}
}

// unsoundAccesses returns accesses of which a sensible set denies at least one. A set that covers
// all of them permits everything.
func unsoundAccesses() []Facts {
	unknown, ended, refused := sound(), sound(), sound()
	unknown.Agreement, unknown.Named = nil, false
	unknown.Purposes = []string{"HMARKT"}
	unknown.Consent = Consent{Decision: Deny, ID: "probe"}
	a := *ended.Agreement
	a.State, a.Parties = "terminated", nil
	ended.Agreement = &a
	b := *refused.Agreement
	b.ConsentBasis = true
	refused.Agreement, refused.Consent = &b, Consent{Decision: Deny, ID: "probe"}
	return []Facts{unknown, ended, refused}
}
