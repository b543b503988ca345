package consent_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"igledger/consent"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
)

func (w *world) verdict(a *entry.Access, result entry.VerdictResult, rules ...string) *entry.Verdict {
	w.Helper()
	v := w.mustJudge(a).Verdict
	if v == nil || v.Result != result || len(rules) > 0 && !slices.Equal(v.Rules, rules) {
		w.Errorf("verdict %+v, want %s %v", v, result, rules)
	}
	return v
}

// From three boards' signatures to termination, what is said of an access follows the agreement.
func TestVerdictFollowsAgreement(t *testing.T) {
	w := newWorld(t)
	j := w.mustJudge(w.access())
	if j.Verdict.Result != entry.NotCovered || !slices.Equal(j.Flags, []entry.Flag{entry.FlagUnknownAgreement}) || j.Verdict.Agreement != "" {
		t.Errorf("under an unknown agreement: %+v", j)
	}
	e, err := w.propose("north", isa("isa-1", 1))
	w.ok(err)
	w.verdict(w.access(), entry.NotCovered, "agreement-in-force")
	for _, org := range []string{"north", "south", "east"} {
		w.must(w.signature(org, e))
	}
	v := w.verdict(w.access(), entry.Covered, "agreement")
	if v.Agreement != "isa-1" || v.Version != 1 || v.Policies != 0 || v.Consent != "" {
		t.Errorf("%+v", v)
	}
	w.verdict(w.access(func(a *entry.Access) { a.Org = "university" }), entry.NotCovered, "agreement-party")
	w.verdict(w.access(func(a *entry.Access) { a.Purpose = []string{"HMARKT"} }), entry.NotCovered, "agreement-purpose")
	w.verdict(w.access(func(a *entry.Access) { a.Recorded = "2026-10-31T23:59:59Z" }), entry.NotCovered)
	w.verdict(w.access(func(a *entry.Access) { a.Agreement = "" }), entry.NotCovered, "agreement-named")
	w.verdict(w.access(func(a *entry.Access) { a.Agreement, a.Org = "", "" }), entry.Covered, "own-records")
	w.verdict(w.access(func(a *entry.Access) {
		a.Agreement, a.Emergency, a.Text = "", true, &entry.Text{Justification: "unconscious"}
	}), entry.BreakGlass, "break-glass")

	w.ok(w.act("south", "isa-1", 1, "suspend"))
	w.verdict(w.access(), entry.NotCovered, "agreement-in-force")
	w.ok(w.act("south", "isa-1", 1, "resume"))
	w.ok(w.act("east", "isa-1", 1, "review"))
	w.verdict(w.access(), entry.Covered)
	w.ok(w.act("north", "isa-1", 1, "terminate"))
	v = w.verdict(w.access(), entry.NotCovered, "agreement-in-force")
	if got, want := w.rules.Reasons(v), []string{policies.BuiltIn().Plain("agreement-in-force")}; v.Agreement != "isa-1" || v.Version != 1 || !slices.Equal(got, want) {
		t.Errorf("of %s version %d, in words: %q", v.Agreement, v.Version, got)
	}
}

// Data of which one category is said in words only is not limited; research is known by any code
// below HRESCH, and needs a project.
func TestFactsOfAgreement(t *testing.T) {
	w := newWorld(t)
	other := func(a *entry.Access) { a.Data = []string{"http://hl7.org/fhir/resource-types|Condition"} }
	w.agree(isa("isa-1", 1))
	w.verdict(w.access(other), entry.NotCovered, "agreement-data")
	w.agree(isa("isa-2", 1, func(t *entry.AgreementText) { t.Data = append(t.Data, entry.AgreementData{Text: "Letters"}) }))
	w.verdict(w.access(other, func(a *entry.Access) { a.Agreement = "isa-2" }), entry.Covered)

	study := func(a *entry.Access) { a.Agreement, a.Purpose = "study", []string{"CLINTRCH"} }
	narrow := func(t *entry.AgreementText) { t.Purposes[0].Code = "CLINTRCH" }
	w.agree(isa("study", 1, narrow))
	w.verdict(w.access(study), entry.NotCovered, "research-approved")
	w.agree(isa("study-2", 1, narrow, func(t *entry.AgreementText) {
		t.Approvals = []entry.Approval{{Body: "PBPP", Reference: "2526-0001", Date: "2026-10-01"}}
	}))
	w.verdict(w.access(study, func(a *entry.Access) { a.Agreement = "study-2" }), entry.Covered)
}

// An access is held against the version that was in force when it happened.
func TestVerdictNamesVersionOfItsTime(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	w.agree(isa("isa-1", 2, starting("2026-11-21"), func(t *entry.AgreementText) { t.Purposes[0].Code = "HRESCH" }))
	for day, want := range map[string]struct {
		version uint64
		result  entry.VerdictResult
	}{"2026-11-20": {1, entry.Covered}, "2026-11-21": {2, entry.NotCovered}} {
		v := w.verdict(w.access(func(a *entry.Access) { a.Recorded = day + "T12:00:00Z" }), want.result)
		if v.Version != want.version {
			t.Errorf("%s: version %d", day, v.Version)
		}
	}
}

func TestVerdictFollowsConsent(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	w.agree(isa("isa-2", 1, onConsent))
	w.verdict(w.access(), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("given", withAgreement("isa-1")))
	if v := w.verdict(w.access(), entry.Covered, "agreement", "consent"); v.Consent != record1 {
		t.Errorf("decided by %q", v.Consent)
	}
	w.verdict(w.access(func(a *entry.Access) { a.Agreement = "isa-2" }), entry.NotCovered, "consent-missing")
	w.verdict(w.access(func(a *entry.Access) { a.Sub = other }), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("withdrawn"))
	w.verdict(w.access(), entry.NotCovered, "consent-missing")
	w.mustJudge(w.consent("refused", withAgreement("isa-1")))
	if v := w.verdict(w.access(), entry.NotCovered, "consent-refused"); v.Consent != record1 {
		t.Errorf("decided by %q", v.Consent)
	}
}

// A citizen's refusal turns research under an agreement that rests on a public task to not covered,
// and leaves their care as it was.
func TestObjectionToResearch(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	w.agree(isa("res-1", 1, func(t *entry.AgreementText) {
		t.Purposes[0].Code = "HRESCH"
		t.Approvals = []entry.Approval{{Body: "PBPP", Reference: "2026-0042", Date: "2026-03-01"}}
	}))
	research := func(a *entry.Access) { a.Agreement, a.Purpose = "res-1", []string{"DSRCH"} }
	w.verdict(w.access(research), entry.Covered)
	w.mustJudge(w.consent("refused", func(c *entry.Consent) { c.Scope = "research" }))
	w.verdict(w.access(research), entry.NotCovered, "objection")
	w.verdict(w.access(), entry.Covered)
	w.mustJudge(w.consent("withdrawn"))
	w.verdict(w.access(research), entry.Covered)
}

// A verdict names the newest of the consents that decide alike, and none that decided nothing.
func TestConsentThatDecided(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	w.agree(isa("isa-2", 1))
	w.mustJudge(w.consent("given"))
	w.mustJudge(w.consent("given", func(c *entry.Consent) { c.Consent = deed }))
	if v := w.verdict(w.access(), entry.Covered); v.Consent != deed {
		t.Errorf("decided by %q", v.Consent)
	}
	if v := w.verdict(w.access(func(a *entry.Access) { a.Agreement = "isa-2" }), entry.Covered); v.Consent != "" {
		t.Errorf("decided by %q, where consent is not the basis", v.Consent)
	}
}

// An emergency is justified by a justification, not by any words.
func TestJustified(t *testing.T) {
	w := newWorld(t)
	override := func(why, justification string) *entry.Access {
		return w.access(func(a *entry.Access) {
			a.Agreement, a.Emergency, a.Text = "", true, &entry.Text{Why: why, Justification: justification}
		})
	}
	w.verdict(override("unconscious", ""), entry.NotCovered, "break-glass-justified")
	w.verdict(override("", "unconscious"), entry.BreakGlass, "break-glass")
}

// An advance directive and consent to undergo a treatment are about care: they open and close no
// record.
func TestConsentToCareDecidesNoAccess(t *testing.T) {
	for _, scope := range []string{"adr", "treatment"} {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		scoped := func(c *entry.Consent) { c.Scope = scope }
		w.mustJudge(w.consent("given", scoped))
		w.verdict(w.access(), entry.NotCovered, "consent-missing")
		w.mustJudge(w.consent("refused", scoped, func(c *entry.Consent) { c.Consent = deed }))
		w.verdict(w.access(), entry.NotCovered, "consent-missing")
	}
}

// Consent to research that names no purpose is for research.
func TestScopeIsThePurpose(t *testing.T) {
	for scope, want := range map[string]entry.VerdictResult{"research": entry.NotCovered, "patient-privacy": entry.Covered} {
		w := newWorld(t)
		w.agree(isa("isa-1", 1, onConsent))
		w.mustJudge(w.consent("given", func(c *entry.Consent) { c.Scope = scope }))
		w.verdict(w.access(), want)
		// Where it names one, that is it.
		w.mustJudge(w.consent("amended", func(c *entry.Consent) { c.Scope, c.Rule.Purposes = scope, []string{"BTG"} }))
		w.verdict(w.access(), entry.NotCovered)
		w.verdict(w.access(func(a *entry.Access) { a.Purpose = []string{"BTG"} }), entry.Covered)
	}
}

func TestVerdictFollowsDelegation(t *testing.T) {
	w := newWorld(t)
	act := func(a *entry.Access) { a.Agreement, a.Org, a.Purpose, a.Delegation = "", "", []string{"PWATRNY"}, deed }
	w.verdict(w.access(act), entry.NotCovered, "delegation-known")
	w.mustJudge(w.delegation("granted"))
	w.verdict(w.access(act), entry.Covered)
	w.verdict(w.access(act, func(a *entry.Access) { a.Sub = other }), entry.NotCovered, "delegation-known")
	w.verdict(w.access(act, func(a *entry.Access) { a.Recorded = "2025-12-31T23:59:59Z" }), entry.NotCovered, "delegation-live")
	w.verdict(w.access(act, func(a *entry.Access) { a.Recorded = "2027-01-01T00:00:00Z" }), entry.NotCovered, "delegation-live")
	w.mustJudge(w.delegation("revoked"))
	w.verdict(w.access(act), entry.NotCovered, "delegation-live")
}

// An access by an organisation that is none of the log is nobody's own, so no ground covers it.
func TestUnknownOrganisation(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	foreign := func(a *entry.Access) { a.Org, a.Foreign = "", true }
	none := func(a *entry.Access) { a.Agreement = "" }
	override := func(a *entry.Access) {
		a.Emergency, a.Purpose, a.Text = true, []string{"BTG"}, &entry.Text{Justification: "unconscious"}
	}
	w.verdict(w.access(none, func(a *entry.Access) { a.Org = "" }), entry.Covered, "own-records")
	w.verdict(w.access(none, foreign), entry.NotCovered, "agreement-named", "organisation-known")
	w.verdict(w.access(foreign), entry.NotCovered, "agreement-party", "organisation-known")
	w.verdict(w.access(none, override, func(a *entry.Access) { a.Org = "" }), entry.BreakGlass)
	w.verdict(w.access(none, override, foreign), entry.NotCovered, "organisation-known")
	if j := w.mustJudge(w.access(foreign)); !slices.Equal(j.Flags, []entry.Flag{entry.FlagUnknownOrg}) {
		t.Errorf("flags %v", j.Flags)
	}
}

// Nor does an id make one known that is not registered in the log, such as the code of an
// organisation that other registers have.
func TestUnregisteredOrganisation(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	next, err := w.rules.Admit(&entry.Entry{JWS: &wire.JWS{}, Body: w.reg.Genesis}, 0, w.reg)
	w.ok(err)
	w.rules = next.(*consent.Rules)
	override := func(a *entry.Access) {
		a.Org, a.Agreement, a.Emergency, a.Purpose, a.Text = "RYY", "", true, []string{"BTG"}, &entry.Text{Justification: "unconscious"}
	}
	w.verdict(w.access(), entry.Covered, "agreement")
	w.verdict(w.access(override), entry.NotCovered, "organisation-known")
	if j := w.mustJudge(w.access(override)); !slices.Equal(j.Flags, []entry.Flag{entry.FlagUnknownOrg}) {
		t.Errorf("flags %v", j.Flags)
	}
	before := w.rules
	next, err = w.rules.Admit(&entry.Entry{JWS: &wire.JWS{}, Body: &entry.Organisation{Organisation: entry.Member{ID: "RYY"}}}, 9, w.reg)
	w.ok(err)
	w.rules = next.(*consent.Rules)
	w.verdict(w.access(override), entry.BreakGlass)
	w.rules = before // what was judged before stays as it was
	w.verdict(w.access(override), entry.NotCovered, "organisation-known")
}

// A decision that was asked for has the verdict of the access it was asked for, holder and all.
func TestDecisionIsJudgedAsItsAccess(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	decision := func(change func(*entry.Decision)) *entry.Verdict {
		a := w.access()
		d := &entry.Decision{Common: w.by("operator"), Org: a.Org, Holder: a.Issuer, Action: a.Action, Data: a.Data, Purpose: a.Purpose, Agreement: a.Agreement,
			Decision: "permit", Asked: a.Recorded, Sub: person}
		change(d)
		return w.mustJudge(d).Verdict
	}
	if v := decision(func(*entry.Decision) {}); v.Result != entry.Covered || v.Agreement != "isa-1" {
		t.Errorf("%+v", v)
	}
	if v := decision(func(d *entry.Decision) { d.Holder = "university" }); !slices.Equal(v.Rules, []string{"agreement-holder"}) {
		t.Errorf("%+v", v)
	}
	if v := decision(func(d *entry.Decision) { d.Agreement, d.Holder = "", d.Org }); !slices.Equal(v.Rules, []string{"own-records"}) {
		t.Errorf("%+v", v)
	}
	override := func(d *entry.Decision) { d.Agreement, d.Emergency = "", true }
	if v := decision(override); !slices.Equal(v.Rules, []string{"break-glass-justified"}) {
		t.Errorf("%+v", v)
	}
	if v := decision(func(d *entry.Decision) { override(d); d.Justified = true }); v.Result != entry.BreakGlass {
		t.Errorf("%+v", v)
	}
	if v := decision(func(d *entry.Decision) { d.Delegation = deed }); !slices.Equal(v.Rules, []string{"delegation-known"}) {
		t.Errorf("under an unknown delegation: %+v", v)
	}
	if v := decision(func(d *entry.Decision) { d.Agreement, d.Holder = "", "" }); v.Result != entry.NotCovered {
		t.Errorf("without a person's record: %+v", v)
	}
}

// Only what the operator itself reports is a reading of the ledger: another source's word for it
// opens nothing.
func TestReadingTheLedger(t *testing.T) {
	w := newWorld(t)
	g := &entry.Entry{JWS: &wire.JWS{}, Body: w.reg.Genesis}
	next, err := w.rules.Admit(g, 0, w.reg)
	w.ok(err)
	w.rules = next.(*consent.Rules)
	reading := func(a *entry.Access) {
		a.Agreement, a.Purpose, a.Data, a.Event = "", []string{"HCOMPL"}, nil, []string{"http://dicom.nema.org/resources/ontology/DCM|110101"}
	}
	w.verdict(w.access(reading), entry.NotCovered)
	w.verdict(w.access(reading, func(a *entry.Access) { a.Issuer = "operator" }), entry.Covered, "ledger-reading")
	// Nor is everything that the operator reports one.
	w.verdict(w.access(reading, func(a *entry.Access) { a.Issuer, a.Event = "operator", nil }), entry.NotCovered, "agreement-named")
}

// story is a log in which everything happens.
func story(w *world) {
	w.agree(isa("isa-1", 1))
	w.agree(isa("con-1", 1, onConsent))
	w.mustJudge(w.access())
	w.mustJudge(w.consent("given", withAgreement("con-1")))
	w.mustJudge(w.access(func(a *entry.Access) { a.Agreement = "con-1" }))
	w.mustJudge(w.delegation("granted"))
	w.mustJudge(w.consent("amended", byDelegate))
	w.mustJudge(w.consent("refused", func(c *entry.Consent) { c.Consent = "7d444840-9dc0-11d1-b245-5ffdce74fad9" }))
	w.mustJudge(w.link("linked", temp, person))
	w.mustJudge(w.access(of(temp), func(a *entry.Access) { a.Purpose = []string{"HRESCH"} }))
	w.ok(w.act("south", "isa-1", 1, "suspend"))
	w.mustJudge(w.access())
	w.ok(w.policySet(1, policies.BuiltIn().Text()+"\n"))
	w.mustJudge(w.consent("withdrawn"))
	w.mustJudge(w.access(func(a *entry.Access) { a.Agreement = "con-1" }))
	w.agree(isa("isa-1", 2, starting("2026-11-10")))
	w.mustJudge(w.access())
	w.ok(w.act("north", "isa-1", 2, "terminate"))
	w.mustJudge(w.access())
}

// Whoever replays a log comes to the same: every judgement, and at every point the same rules,
// whatever was done with them in between. Rules of before an entry stay as they were.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	story(w)
	type answer struct {
		judgements []register.Judgement
		states     []consent.State
		set        uint64
	}
	ask := func(r *consent.Rules, upto int) (a answer) {
		for _, id := range r.Agreements().IDs() {
			for days := range 400 {
				_, s := r.Agreements().State(id, now.AddDate(0, 0, days-30))
				a.states = append(a.states, s)
			}
		}
		a.set = r.Policies().Version()
		return a
	}
	replay := func(upto int) (answer, []*consent.Rules) {
		var r register.Rules = consent.New()
		var all []*consent.Rules
		persons := map[string][]byte{}
		var js []register.Judgement
		for i, e := range w.log[:upto] {
			all = append(all, r.(*consent.Rules))
			if e.Type.Governs() {
				next, err := r.Admit(e, uint64(i+10), w.reg)
				w.ok(err)
				r = next
				continue
			}
			j, err := r.Judge(e, uint64(i+10), func(id string) []byte { return persons[id] })
			w.ok(err)
			if j.Person != nil {
				persons[e.ShownSub()] = j.Person
			}
			js = append(js, j)
		}
		a := ask(r.(*consent.Rules), upto)
		a.judgements = js
		return a, append(all, r.(*consent.Rules))
	}
	whole, along := replay(len(w.log))
	results := map[entry.VerdictResult]bool{}
	for _, j := range whole.judgements {
		if j.Verdict != nil {
			results[j.Verdict.Result] = true
		}
	}
	if !results[entry.Covered] || !results[entry.NotCovered] {
		t.Fatal("the story is too dull to prove anything")
	}
	for n := range len(w.log) + 1 {
		part, _ := replay(n)
		if !reflect.DeepEqual(part.judgements, whole.judgements[:len(part.judgements)]) && len(part.judgements) > 0 {
			t.Fatalf("of the first %d entries other judgements", n)
		}
		kept := ask(along[n], n)
		if !reflect.DeepEqual(kept.states, part.states) || kept.set != part.set {
			t.Fatalf("the rules before entry %d changed afterwards", n)
		}
	}
}

func TestDue(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	w.agree(isa("isa-2", 1, func(t *entry.AgreementText) { t.ReviewDue = "2026-12-31" }))
	for days, want := range map[int][]string{30: nil, 60: {"isa-2"}, 365: {"isa-1", "isa-2"}} {
		var got []string
		for _, d := range w.rules.Agreements().Due(now, now.Add(time.Duration(days)*24*time.Hour)) {
			got = append(got, d.Version.Text.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("within %d days: %v, want %v", days, got, want)
		}
	}
}

// Two futures of the same rules know nothing of each other: the ledger drops one when a transaction
// is rolled back.
func TestFuturesAreApart(t *testing.T) {
	w := newWorld(t)
	e, err := w.propose("north", isa("isa-1", 1, func(t *entry.AgreementText) {
		for _, org := range []string{"university", "stranger"} {
			t.Parties = append(t.Parties, entry.AgreementParty{Org: org, Role: "recipient", Contact: "Privacy office"})
		}
	}))
	w.ok(err)
	for _, org := range []string{"north", "south", "east"} {
		w.must(w.signature(org, e))
	}
	before := w.rules
	w.must(w.signature("university", e))
	one := w.rules
	w.rules = before
	w.must(w.signature("stranger", e))
	for r, missing := range map[*consent.Rules][]string{before: {"university", "stranger"}, one: {"stranger"}, w.rules: {"university"}} {
		if got := r.Agreements().Get("isa-1").Versions[0].Missing(); !slices.Equal(got, missing) {
			t.Errorf("missing %v, want %v", got, missing)
		}
	}
}

// The same of versions: an array that has room left is not shared.
func TestFutureVersionsAreApart(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.agree(isa("isa-1", uint64(i+1), starting(fmt.Sprintf("2026-11-%02d", i+1))))
		before := w.rules
		next := func(org string) *consent.Rules {
			w.rules = before
			_, err := w.propose(org, isa("isa-1", uint64(i+2), starting("2026-12-01")))
			w.ok(err)
			return w.rules
		}
		one, two := next("north"), next("south")
		for r, by := range map[*consent.Rules]string{one: "north", two: "south"} {
			if v := r.Agreements().Get("isa-1").Versions[i+1]; v.By != by {
				t.Errorf("version %d of %s was proposed by %s", i+2, by, v.By)
			}
		}
		w.rules = before
	}
}

// And of who suspended an agreement.
func TestFutureSuspensionsAreApart(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, func(t *entry.AgreementText) {
		for _, org := range []string{"university", "stranger"} {
			t.Parties = append(t.Parties, entry.AgreementParty{Org: org, Role: "recipient", Contact: "Privacy office"})
		}
	}))
	for _, org := range []string{"north", "south", "east"} {
		w.ok(w.act(org, "isa-1", 1, "suspend"))
	}
	before := w.rules
	next := func(org, act string) *consent.Rules {
		w.rules = before
		w.ok(w.act(org, "isa-1", 1, act))
		return w.rules
	}
	one, two, three := next("university", "suspend"), next("stranger", "suspend"), next("north", "resume")
	for r, want := range map[*consent.Rules][]string{
		before: {"north", "south", "east"}, one: {"north", "south", "east", "university"}, two: {"north", "south", "east", "stranger"}, three: {"south", "east"},
	} {
		if got := r.Agreements().Get("isa-1").Versions[0].Suspended; !slices.Equal(got, want) {
			t.Errorf("suspended by %v, want %v", got, want)
		}
	}
}

// What is no access is neither covered nor not, whatever its agreement, its purpose and the person
// say; it names the agreement all the same. An override that failed overrode nothing.
func TestVerdictOfWhatIsNoAccess(t *testing.T) {
	w := newWorld(t)
	refused := func(a *entry.Access) { a.Outcome = "8" }
	decision := func(a *entry.Access) {
		a.Action, a.Event = "E", []string{"http://dicom.nema.org/resources/ontology/DCM|110113",
			"https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Consent"}
	}
	own := func(a *entry.Access) { a.Agreement, a.Org = "", "" }
	override := func(a *entry.Access) { a.Emergency, a.Text = true, &entry.Text{Justification: "unconscious"} }
	if j := w.mustJudge(w.access(refused)); j.Verdict.Result != entry.AttemptOnly ||
		!slices.Equal(j.Flags, []entry.Flag{entry.FlagUnknownAgreement}) {
		t.Errorf("under an unknown agreement: %+v", j)
	}
	w.agree(isa("isa-1", 1))
	for _, c := range []struct {
		a    *entry.Access
		want entry.Verdict
	}{
		{w.access(refused), entry.Verdict{Result: entry.AttemptOnly, Agreement: "isa-1", Version: 1}},
		{w.access(refused, own, override), entry.Verdict{Result: entry.AttemptOnly}},
		{w.access(func(a *entry.Access) { a.Outcome = "4" }, own), entry.Verdict{Result: entry.AttemptOnly}},
		{w.access(decision), entry.Verdict{Result: entry.DecisionOnly, Agreement: "isa-1", Version: 1}},
		{w.access(decision, refused, own), entry.Verdict{Result: entry.DecisionOnly}},
	} {
		if j := w.mustJudge(c.a); !j.Verdict.Equal(&c.want) || len(j.Flags) > 0 {
			t.Errorf("%+v, want %+v", j, c.want)
		}
	}
}

// A purpose means the same with and without its system, in accesses, consents and agreements.
func TestPurposesWithTheirSystem(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, func(a *entry.AgreementText) {
		a.Purposes[0].Code = "http://terminology.hl7.org/CodeSystem/v3-ActReason|TREAT"
	}))
	spelled := func(p string) *entry.Access {
		return w.access(func(a *entry.Access) { a.Purpose = []string{p} })
	}
	for _, p := range []string{"TREAT", "http://terminology.hl7.org/CodeSystem/v3-ActReason|TREAT", "urn:oid:2.16.840.1.113883.5.8#ETREAT"} {
		w.verdict(spelled(p), entry.Covered, "agreement")
	}
	w.verdict(spelled("urn:x|TREAT"), entry.NotCovered, "agreement-purpose")
	w.mustJudge(w.consent("refused", func(c *entry.Consent) {
		c.Agreements, c.Rule = nil, &entry.ConsentRule{
			Decision: "deny", Restricts: true, Purposes: []string{"http://hl7.org/fhir/v3/ActReason|TREAT"},
		}
	}))
	w.verdict(spelled("TREAT"), entry.NotCovered, "restriction")
	w.verdict(spelled("http://terminology.hl7.org/CodeSystem/v3-ActReason#TREAT"), entry.NotCovered, "restriction")
}

// A person of whom nothing is on file is decided about by the same steps as one who refused.
func TestNothingOnFileIsAsMuchWork(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1, onConsent))
	w.mustJudge(w.consent("refused"))
	asked := map[string]int{}
	var told []policies.Decision
	for _, id := range []string{person, "temp:board-a:nobody"} {
		d, err := w.rules.Decide(w.access(of(id)), func(id string) []byte { asked[id]++; return w.states[id] })
		w.ok(err)
		told = append(told, d.Blind)
	}
	if asked[person] != 1 || asked["temp:board-a:nobody"] != 1 || !reflect.DeepEqual(told[0], told[1]) {
		t.Errorf("looked up %v, told %+v", asked, told)
	}
}
