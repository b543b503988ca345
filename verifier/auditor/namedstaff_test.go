package auditor_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/internal/testlog"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// A refusal that names a member of staff or a unit is judged again as the ledger did: by name, held
// open where no user is named, and also from a late act and under a restriction. An auditor who is
// not shown the user says that of the verdict, and no more; one who is shown them finds what is
// wrong.
func TestVerdictsFollowNamedStaff(t *testing.T) {
	const nurse, ward = "https://staff.example|n-7", "https://units.example|w4"
	world := func() (g *testlog.Governed, at map[string]uint64) {
		g, at = governed(), map[string]uint64{}
		id := g.IDs[0]
		add := func(name string, staff *entry.Staff, change func(a *entry.Access)) {
			a := *g.SharedAccess(id).Body.(*entry.Access)
			a.ID, a.SD, a.Org, a.Agreement, a.Purpose, a.Staff = "", nil, "", "", []string{"TREAT"}, staff
			change(&a)
			at[name] = g.AddSealed(testlog.Sign(g.Second, &a), id)
		}
		refuse := func(record string, change func(c *entry.Consent)) {
			c := *g.Entries[g.Consents[0]].Body.(*entry.Consent)
			c.Common, c.ID, c.SD, c.Consent, c.Act, c.Scope, c.Agreements = g.Common("lothian"), "", nil, record, "refused", "patient-privacy", nil
			c.Rule = &entry.ConsentRule{Decision: "deny", Restricts: true, Staff: []string{nurse}}
			change(&c)
			g.AddSealed(testlog.Sign(g.Lothian, &c), id)
		}
		none := func(*entry.Access) {}
		her, other := &entry.Staff{ID: "n-7", System: "https://staff.example"}, &entry.Staff{ID: "n-8", System: "https://staff.example"}
		add("before", her, none)
		refuse("7d444840-9dc0-11d1-b245-5ffdce74fa01", func(*entry.Consent) {})
		add("her", her, none)
		add("another", other, none)
		add("nobody named", nil, none)
		add("a machine", nil, func(a *entry.Access) { a.Machine = true })
		refuse("7d444840-9dc0-11d1-b245-5ffdce74fa02", func(c *entry.Consent) { c.Rule.Staff, c.Rule.Units = nil, []string{ward} })
		add("another on the ward", &entry.Staff{ID: "n-8", System: "https://staff.example", Units: []string{ward}}, none)
		add("another elsewhere", &entry.Staff{ID: "n-8", System: "https://staff.example", Units: []string{ward + "0"}}, none)
		refuse("7d444840-9dc0-11d1-b245-5ffdce74fa02", func(c *entry.Consent) { // it comes late, and lifts nothing
			c.Act, c.Rule, c.FHIR, c.Decided = "withdrawn", nil, []byte(`{"resourceType":"Consent"}`), "2020-01-01T00:00:00Z"
		})
		add("another on the ward, later", &entry.Staff{ID: "n-8", System: "https://staff.example", Units: []string{ward}}, none)
		g.GiveVerdicts(consent.New())
		return g, at
	}
	g, at := world()
	for name, rules := range map[string]string{
		"before": "own-records", "her": "restriction", "another": "own-records", "nobody named": "restriction,user-unnamed", "a machine": "own-records",
		"another on the ward": "restriction", "another elsewhere": "own-records", "another on the ward, later": "restriction",
	} {
		if v := g.Openings[at[name]].Verdict; v == nil || strings.Join(v.Rules, ",") != rules {
			t.Errorf("%s: %+v, want %s", name, v, rules)
		}
	}
	replay(t, g.Log).to(g.Size()).clean()
	doubts := func(change func(g *testlog.Governed, at map[string]uint64)) (got []string) {
		g, at := world()
		change(g, at)
		r := replay(t, g.Log).to(g.Size())
		for _, d := range r.verdicts.Doubts() {
			for name, i := range at {
				if i == d.Index {
					got = append(got, name+": "+string(d.Kind))
				}
			}
		}
		if len(r.found)+len(r.verdicts.Wrong()) > 0 || len(got) != len(r.verdicts.Doubts()) {
			t.Errorf("found %v, wrong %v, doubts %+v", r.found, r.verdicts.Wrong(), r.verdicts.Doubts())
		}
		return got
	}
	withhold := func(g *testlog.Governed, i uint64) {
		o := g.Openings[i]
		o.Disclosures = slices.DeleteFunc(slices.Clone(o.Disclosures), func(d string) bool {
			text, err := wire.Decode64("disclosure", d)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Contains(text, []byte(`"staff",`))
		})
	}
	if got := doubts(func(g *testlog.Governed, at map[string]uint64) { withhold(g, at["another"]) }); !slices.Equal(
		got, []string{"another: unnamed"},
	) {
		t.Errorf("the user is withheld: %q", got)
	}
	if got := doubts(func(g *testlog.Governed, at map[string]uint64) {
		g.Openings[at["her"]].Verdict = g.Openings[at["another"]].Verdict
	}); !slices.Equal(got, []string{"her: verdict"}) {
		t.Errorf("a forged verdict: %q", got)
	}
	if got := doubts(func(g *testlog.Governed, at map[string]uint64) { // without a rule that names users before it, nothing excuses
		withhold(g, at["before"])
		g.Openings[at["before"]].Verdict = g.Openings[at["her"]].Verdict
	}); !slices.Equal(got, []string{"before: verdict"}) {
		t.Errorf("a forged verdict from before the refusal, the user withheld: %q", got)
	}
}
