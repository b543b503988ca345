package policies

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"igledger/internal/testneeds"
	"igledger/ledger/entry"
)

// What people chose who did not permit the access, one of whom said nothing.
var unpermitted = map[string]Consent{
	"said nothing":               {},
	"refused":                    {Decision: Deny, ID: "c"},
	"refused a part":             {Decision: Deny, ID: "c", Refused: []string{condition}},
	"restricted":                 {Decision: Deny, ID: "c", Restricts: true},
	"restricted a part of it":    {Decision: Deny, ID: "c", Restricts: true, Refused: []string{condition}},
	"restricted, another record": {Decision: Deny, ID: "d", Restricts: true},
}

// anyFacts returns an access with any of everything that policies look at.
func anyFacts(r *rand.Rand) Facts {
	some := func(list ...string) []string {
		var out []string
		for _, s := range list {
			if r.IntN(3) == 0 {
				out = append(out, s)
			}
		}
		return out
	}
	yes := func() bool { return r.IntN(2) == 0 }
	f := with(func(f *Facts, a *Agreement) {
		f.Purposes = some("TREAT", "BTG", "HRESCH", "TRAIN", "HCOMPL", "FAMRQT", "PUBHLTH")
		f.Data, f.Roles = some(observation, condition), some("doctor", "nurse")
		f.Own, f.Machine, f.Emergency, f.Justified = yes(), yes(), yes(), yes()
		if f.Own {
			f.Holder = f.Org
		}
		a.Purposes = some("TREAT", "HRESCH", "HOPERAT", "PATRQT", "PUBHLTH", "HMARKT")
		a.Roles = some("doctor")
		if yes() {
			a.Data = [][]string{{observation}}
		}
		a.ConsentBasis, a.Research = yes(), yes()
		if r.IntN(4) == 0 {
			a.State = "terminated"
		}
		if r.IntN(4) == 0 {
			a.Parties = []string{"probe-b", "probe-c"}
		}
		if yes() {
			a.Project = "p"
		}
	})
	switch r.IntN(4) {
	case 0:
		f.Agreement = nil
	case 1:
		f.Agreement, f.Named = nil, false
	}
	switch r.IntN(3) {
	case 0:
		f.Delegate = &Delegation{Known: yes(), Revoked: yes(), Scope: some("access", "consent")}
	}
	return f
}

// Whatever is asked, and by whatever rules, the blind forms for all who did not permit it are equal
// if their results are, and have no word of what was chosen.
func TestBlind(t *testing.T) {
	absolute, err := Compile(1, defaultText+`
		@id("restriction-absolute")
		@plain("Restricted, in emergencies too.")
		@cites("consent") @obligation("ask-consent")
		forbid (principal, action == Action::"break-glass", resource) when { context.restricted };
		@id("no-clerks")
		@plain("No one without a role, unless the person said so.")
		@obligation("justify")
		forbid (principal, action, resource) when { context.roles.isEmpty() && !context.machine && context.consent != "permit" };
		@id("no-nurses")
		@plain("No nurses in an emergency.")
		forbid (principal, action == Action::"break-glass", resource) when { context.roles.contains("nurse") };`)
	if err != nil {
		t.Fatal(err)
	}
	// No ground is open to everybody, so which is the nearest depends on what else a set permits.
	const open = `permit (principal, action == Action::"agreement", resource);`
	if !strings.Contains(defaultText, open) {
		t.Fatal("the built-in set has another permit for agreements")
	}
	narrow, err := Compile(2, strings.Replace(defaultText, open, strings.TrimSuffix(open, ";")+` when { context.named };`, 1)+`
		@id("asked-for") @plain("Nothing but what the person permitted, or is silent about.")
		permit (principal, action == Action::"own-records", resource) when { context.consent != "deny" && context.machine };`)
	if err != nil {
		t.Fatal(err)
	}
	// Whose refusal closes one ground only is covered on another.
	parted, err := Compile(3, defaultText+`
		@id("own-research") @plain("Research on own records.") @obligation("justify")
		permit (principal, action == Action::"own-records", resource) when { context.purposes.contains("HRESCH") };
		@id("not-at-home") @plain("Not here, in so many words.")
		forbid (principal, action in [Action::"own-records", Action::"agreement"], resource)
		when { context.consent == "deny" && action == Action::"own-records" };`)
	if err != nil {
		t.Fatal(err)
	}
	if BuiltIn().parts || absolute.parts || !narrow.parts || !parted.parts {
		t.Error("which sets part grounds is not known")
	}
	r := rand.New(rand.NewPCG(1, 2))
	compared := map[entry.VerdictResult]int{}
	for range testneeds.Part(4000, 600) {
		for _, set := range []*Set{BuiltIn(), absolute, narrow, parted} {
			f := anyFacts(r)
			seen := map[entry.VerdictResult]Decision{}
			for name, c := range unpermitted {
				f.Consent = c
				d := set.Decide(f)
				got := set.Blind(f, d)
				if got.Result != d.Result || got.Consent {
					t.Fatalf("%s: %+v becomes %+v", name, d, got)
				}
				if before, ok := seen[d.Result]; !ok {
					seen[d.Result] = got
				} else if !reflect.DeepEqual(got, before) {
					t.Fatalf("who %s gets %+v, another %+v\nof %+v", name, got, before, f)
				} else {
					compared[d.Result]++
				}
				for _, id := range got.Rules {
					if words := set.Plain(id); strings.Contains(words, "consent") || strings.Contains(words, "refus") ||
						strings.Contains(words, "restrict") || strings.Contains(words, "object") {
						t.Fatalf("%s tells %q", name, words)
					}
				}
				if v := set.BlindRules(d.Result, d.Rules); !reflect.DeepEqual(v, got.Rules) {
					t.Fatalf("a verdict tells %v, a decision %v", v, got.Rules)
				}
			}
		}
	}
	if compared[entry.NotCovered] < 1000 || compared[entry.Covered] < 100 || compared[entry.BreakGlass] < 100 {
		t.Errorf("compared only %v", compared)
	}
}

// What the blind form still says: all that agreement, purpose and role have to say.
func TestBlindKeepsTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		f    Facts
		want string
	}{
		"covered":    {sound(), "covered agreement"},
		"by consent": {with(func(f *Facts, a *Agreement) { a.ConsentBasis = true }), "covered agreement"},
		"no consent": {with(func(f *Facts, a *Agreement) { a.ConsentBasis, f.Consent = true, Consent{} }), "not-covered no-rule"},
		"restricted for care": {
			with(func(f *Facts, _ *Agreement) { f.Consent = Consent{Decision: Deny, Restricts: true} }),
			"not-covered no-rule",
		},
		"role, and refused": {with(func(f *Facts, a *Agreement) {
			a.Roles, f.Consent = []string{"nurse"}, Consent{Decision: Deny, Restricts: true}
		}), "not-covered agreement-role"},
		"data, and refused": {with(func(f *Facts, a *Agreement) {
			f.Data, a.Data = []string{observation, condition}, [][]string{{observation}}
			f.Consent = Consent{Decision: Deny, Restricts: true, Refused: []string{observation}}
		}), "not-covered agreement-data redact:" + condition},
		"an override": {with(func(f *Facts, _ *Agreement) {
			f.Emergency, f.Justified, f.Consent = true, true, Consent{Decision: Deny, Restricts: true}
		}), "break-glass  follow-up"},
	} {
		if got := show(BuiltIn().Blind(c.f, BuiltIn().Decide(c.f))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
