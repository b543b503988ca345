package entry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// changed is a body with a change.
func changed[B any](b *B, change func(b *B)) *B {
	change(b)
	return b
}

func (w *world) agreementBody() *entry.Agreement {
	return &entry.Agreement{Common: w.common("north-board"), Agreement: agreementText()}
}

func (w *world) policySetBody(text, reason string) *entry.PolicySet {
	return &entry.PolicySet{Common: w.common("registry"), Version: 1, Schema: entry.SchemaV1, Text: text, Hash: sha([]byte(text)), Reason: reason}
}

// What the vectors leave out of the claims of each type, mostly at the very edge. "" is valid.
func TestClaims(t *testing.T) {
	w := newWorld(t)
	consent := func(change func(c *entry.Consent)) entry.Body { return changed(w.consentBody(), change) }
	rule := func(change func(r *entry.ConsentRule)) entry.Body {
		return consent(func(c *entry.Consent) { change(c.Rule) })
	}
	delegation := func(change func(d *entry.Delegation)) entry.Body { return changed(w.delegationBody(), change) }
	revoked := func(change func(d *entry.Delegation)) entry.Body {
		return changed(&entry.Delegation{Common: w.common("north-board"), Delegation: w.delegationBody().Delegation, Act: "revoked", Sub: testSub}, change)
	}
	agreement := func(change func(a *entry.AgreementText)) entry.Body {
		return changed(w.agreementBody(), func(a *entry.Agreement) { change(&a.Agreement) })
	}
	genesis := func(change func(g *entry.Genesis)) entry.Body { return changed(w.genesisBody(), change) }
	exceptions := func(n int) func(r *entry.ConsentRule) {
		return func(r *entry.ConsentRule) { r.Except = slices.Repeat([]entry.ConsentRule{{Decision: "deny"}}, n) }
	}
	const moment, later = "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z"
	for _, c := range []struct {
		name string
		body entry.Body
		want wire.Code
	}{
		{"given, and denies", rule(func(r *entry.ConsentRule) { r.Decision, r.Except = "deny", nil }), wire.BadClaim},
		{"refused, and permits", consent(func(c *entry.Consent) { c.Act = "refused" }), wire.BadClaim},
		{"amended, and denies", consent(func(c *entry.Consent) { c.Act, c.Rule.Decision, c.Rule.Except = "amended", "deny", nil }), ""},
		{"withdrawn with a rule", consent(func(c *entry.Consent) { c.Act = "withdrawn" }), wire.BadClaim},
		{"a rule of one second", rule(func(r *entry.ConsentRule) { r.Start, r.End = moment, later }), ""},
		{"a rule of no time", rule(func(r *entry.ConsentRule) { r.Start, r.End = moment, moment }), wire.BadClaim},
		{"a rule for data of no time", rule(func(r *entry.ConsentRule) { r.DataStart, r.DataEnd = moment, moment }), wire.BadClaim},
		{"as many rules as can be", rule(exceptions(255)), ""},
		{"a rule too many", rule(exceptions(256)), wire.TooLarge},
		{"all actions", rule(func(r *entry.ConsentRule) { r.Actions = []string{"C", "R", "U", "D", "E"} }), ""},
		{"an action too many", rule(func(r *entry.ConsentRule) { r.Actions = []string{"C", "R", "U", "D", "E", "C"} }), wire.TooLarge},
		{"an exception that says the same", rule(func(r *entry.ConsentRule) { r.Except[0].Decision = "permit" }), wire.BadClaim},

		{"a delegation for questions", delegation(func(d *entry.Delegation) { d.Scope = []string{"question"} }), ""},
		{"a delegation for one second", delegation(func(d *entry.Delegation) { d.Start, d.End = moment, later }), ""},
		{"a delegation for no time", delegation(func(d *entry.Delegation) { d.Start, d.End = moment, moment }), wire.BadClaim},
		{"a delegation revoked", revoked(func(d *entry.Delegation) {}), ""},
		{"revoked with a scope", revoked(func(d *entry.Delegation) { d.Scope = []string{"access"} }), wire.BadClaim},
		{"revoked with a basis", revoked(func(d *entry.Delegation) { d.Basis = "why" }), wire.BadClaim},
		{"revoked with an end", revoked(func(d *entry.Delegation) { d.End = moment }), wire.BadClaim},

		{"an agreement", agreement(func(a *entry.AgreementText) {}), ""},
		{"an agreement of one day", agreement(func(a *entry.AgreementText) { a.End = a.Start }), ""},
		{"an agreement that ends before it starts", agreement(func(a *entry.AgreementText) { a.End = "2026-11-30" }), wire.BadClaim},
		{"an agreement with oneself", agreement(func(a *entry.AgreementText) { a.Parties, a.Flows[0].To = a.Parties[:1], "north-board" }), wire.BadClaim},
		{"a party twice", agreement(func(a *entry.AgreementText) { a.Parties = append(a.Parties, a.Parties[1]) }), wire.BadClaim},
		{"no controller", agreement(func(a *entry.AgreementText) { a.Parties[0].Role = "processor" }), wire.BadClaim},
		{"data that flow to a stranger", agreement(func(a *entry.AgreementText) { a.Flows[0].To = "stranger" }), wire.BadClaim},
		{"data that flow from a stranger", agreement(func(a *entry.AgreementText) { a.Flows[0].From = "stranger" }), wire.BadClaim},
		{"under itself", agreement(func(a *entry.AgreementText) { a.Under = a.ID }), wire.BadClaim},
		{"in place of itself", agreement(func(a *entry.AgreementText) { a.Supersedes = []string{a.ID} }), wire.BadClaim},
		{"a number of a person", agreement(func(a *entry.AgreementText) { a.Subjects = "010101-1237" }), wire.PersonalData},
		{"a number of a person as a reason", &entry.AgreementAct{Common: w.common("north-board"), Agreement: "a", Version: 1, Act: "review", Reason: "asked by 0101011237"}, wire.PersonalData},
		{"a number of a person as an agreement", &entry.AgreementAct{Common: w.common("north-board"), Agreement: "0101011237",
			Version: 1, Act: "review",
			Reason: "due"}, wire.PersonalData},
		{"a number of a person, signed", &entry.AgreementSignature{Common: w.common("north-board"), Agreement: "0101011237", Version: 1,
			Proposal: wire.Hash{1}}, wire.PersonalData},
		{"a number of a person as a code", changed(w.requestBody(), func(r *entry.SharingRequest) {
			r.Codes = append(r.Codes,
				"chi|0101011237")
		}),
			wire.PersonalData},
		{"a request under a number of a person", changed(w.requestBody(), func(r *entry.SharingRequest) { r.Agreement = "0101011237" }),
			wire.PersonalData},
		{"a request", w.requestBody(), ""},
		{"a signature of no proposal", &entry.AgreementSignature{Common: w.common("north-board"), Agreement: "a", Version: 1}, wire.BadClaim},
		{"a notice that is not fixed", agreement(func(a *entry.AgreementText) { a.Notice.Hash = wire.Hash{} }), wire.BadClaim},

		{"policies", w.policySetBody("permit (principal, action, resource);", "as decided"), ""},
		{"policies with the hash of others", changed(w.policySetBody("x", "r"), func(p *entry.PolicySet) { p.Text = "y" }), wire.BadClaim},
		{"policies of another schema", changed(w.policySetBody("x", "r"), func(p *entry.PolicySet) { p.Schema = "igledger/2" }), wire.BadClaim},
		{"policies about a person", w.policySetBody("// 0101011237", "as decided"), wire.PersonalData},
		{"policies because of a person", w.policySetBody("// none", "0101011237 asked"), wire.PersonalData},

		{"a genesis with a key proof too many", genesis(func(g *entry.Genesis) { g.Proofs = append(g.Proofs, g.Proofs[2]) }), wire.BadGenesis},
		{"a genesis with a key from 1 on", genesis(func(g *entry.Genesis) { g.Operator.Key.ValidFrom = 1 }), wire.BadGenesis},
	} {
		if err := entry.CheckBody(c.body); c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// An agreement rests on consent by Article 6(1)(a), or by 9(2)(a) where that is the only condition
// of Article 9.
func TestConsentBasis(t *testing.T) {
	for _, c := range []struct {
		article6, article9 string
		want               bool
	}{
		{"a", "", true}, {"a", "h", true}, {"ae", "", true}, {"e", "a", true}, {"e", "", false}, {"e", "h", false}, {"e", "ah", false},
	} {
		a := entry.AgreementText{Article6: strings.Split(c.article6, ""), Article9: strings.Split(c.article9, "")}
		if a.ConsentBasis() != c.want {
			t.Errorf("6(1)(%s) 9(2)(%s): %v", c.article6, c.article9, !c.want)
		}
	}
}

// The last day of an agreement and the day of its review belong to it.
func TestAgreementDays(t *testing.T) {
	a := entry.AgreementText{Start: "2026-11-01", End: "2027-10-31", ReviewDue: "2027-06-01"}
	for name, c := range map[string]struct {
		got  time.Time
		want string
	}{
		"start": {a.StartTime(), "2026-11-01T00:00:00Z"}, "end": {a.EndTime(), "2027-11-01T00:00:00Z"}, "review": {a.ReviewTime(), "2027-06-02T00:00:00Z"},
	} {
		if got := c.got.Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Two verdicts are equal if all of them is: auditors compare by this what the ledger said with what
// they come to.
func TestVerdictEqual(t *testing.T) {
	verdict := func() *entry.Verdict {
		return &entry.Verdict{Result: entry.Covered, Rules: []string{"agreement", "consent"}, Agreement: "a", Version: 2, Consent: "c", Policies: 1}
	}
	for name, change := range map[string]func(v *entry.Verdict){
		"result": func(v *entry.Verdict) { v.Result = entry.NotCovered }, "rules": func(v *entry.Verdict) { v.Rules = v.Rules[:1] }, "agreement": func(v *entry.Verdict) { v.Agreement = "b" },
		"version": func(v *entry.Verdict) { v.Version++ }, "consent": func(v *entry.Verdict) { v.Consent = "" }, "policies": func(v *entry.Verdict) { v.Policies = 0 },
	} {
		if v := changed(verdict(), change); v.Equal(verdict()) || verdict().Equal(v) {
			t.Errorf("another %s is not noticed", name)
		}
	}
	if !verdict().Equal(verdict()) || verdict().Equal(nil) || (*entry.Verdict)(nil).Equal(verdict()) || !(*entry.Verdict)(nil).Equal(nil) {
		t.Error("a verdict is not itself, or is none")
	}
}

func TestVerdictCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     *entry.Verdict
		valid bool
	}{
		{"none", nil, true},
		{"covered", &entry.Verdict{Result: entry.Covered}, true},
		{"another result", &entry.Verdict{Result: "perhaps"}, false},
		{"no result", &entry.Verdict{}, false},
		{"64 rules", &entry.Verdict{Result: entry.NotCovered, Rules: slices.Repeat([]string{"r"}, 64)}, true},
		{"65 rules", &entry.Verdict{Result: entry.NotCovered, Rules: slices.Repeat([]string{"r"}, 65)}, false},
		{"128 bytes", &entry.Verdict{Result: entry.Covered, Agreement: strings.Repeat("a", 128)}, true},
		{"129 bytes", &entry.Verdict{Result: entry.Covered, Agreement: strings.Repeat("a", 129)}, false},
		{"a control character", &entry.Verdict{Result: entry.Covered, Rules: []string{"a\x1b"}}, false},
		{"version", &entry.Verdict{Result: entry.Covered, Version: 1 << 53}, false},
		{"policies", &entry.Verdict{Result: entry.Covered, Policies: 1 << 53}, false},
	} {
		if err := c.v.Check(); (err == nil) != c.valid || err != nil && !errors.Is(err, wire.BadStatement) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Judge needs the state of who acts as well as of whom they act for.
func TestPersons(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		body entry.Body
		want []string
	}{
		{w.accessBody(), []string{testSub}},
		{w.delegationBody(), []string{testSub, "chi:0101201234"}},
		{w.linkBody(), []string{w.linkBody().Sub}},
	} {
		if got := w.sign(w.board, c.body).Persons(); !slices.Equal(got, c.want) {
			t.Errorf("%T: %v, want %v", c.body, got, c.want)
		}
	}
}

// A delegate has the form of an id like everybody else, and a public entry no disclosures, not even
// where they come apart.
func TestDisclosuresOfParts(t *testing.T) {
	w := newWorld(t)
	if _, err := entry.Sign(w.board, changed(w.delegationBody(), func(d *entry.Delegation) { d.Delegate.ID = "somebody" })); !errors.Is(err, wire.BadID) {
		t.Errorf("a delegate of no form: %v", err)
	}
	public := w.sign(w.registrar, w.boardBody())
	shown := w.sign(w.board, w.accessBody()).Encoded()
	if _, err := entry.ParseParts(public.Compact, shown[:1]); !errors.Is(err, wire.BadDisclosure) {
		t.Errorf("a public entry with a disclosure: %v", err)
	}
}

// A text that is disclosed has 64 KiB at most, to the byte.
func TestLongestDisclosure(t *testing.T) {
	w := newWorld(t)
	const around = len(`{"why":""}`)
	for n, want := range map[int]wire.Code{wire.MaxText - around: "", wire.MaxText - around + 1: wire.TooLarge} {
		_, err := entry.Sign(w.board, changed(w.accessBody(), func(a *entry.Access) { a.Text = &entry.Text{Why: strings.Repeat("w", n)} }))
		if want == "" && err != nil || want != "" && !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %q", n, err, want)
		}
	}
}

// The JWS of a public entry has as many bytes as a leaf of an entry bundle can carry beside its
// first, and no more.
func TestLongestPublicEntry(t *testing.T) {
	w := newWorld(t)
	e := w.sign(w.registrar, w.boardBody())
	// Three bytes of payload are four of base64url, and each length but one above a multiple of
	// four occurs.
	sizes := map[int]bool{}
	n := (entry.MaxLeafSize - len(e.Compact)) / 4 * 3
	for fill := n - 6; fill < n+6; fill++ {
		compact := w.edit(e, w.registrar, `{`, `{`+strings.Repeat(" ", fill))
		over := len(compact)+1 > entry.MaxLeafSize
		if _, err := entry.Parse(compact); over != errors.Is(err, wire.TooLarge) || !over && err != nil {
			t.Errorf("%d bytes: %v", len(compact), err)
		}
		sizes[len(compact)+1-entry.MaxLeafSize] = true
	}
	if !sizes[1] {
		t.Errorf("no entry is over the limit by one byte: %v", sizes)
	}
}
