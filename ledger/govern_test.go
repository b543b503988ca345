package ledger_test

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// governed is a log whose accesses are judged, with a board SRC that holds records and a university
// UNI that may use them under an agreement.
type governed struct {
	*world
	board, university *wire.Signer // for agreements
}

func newGoverned(t testing.TB, dsn string) *governed {
	t.Helper()
	w := newWorld(t, dsn)
	w.log.Close(w.ctx)
	w.rules = consent.New()
	w.reopen()
	g := &governed{world: w, board: signer(t, wire.EdDSA), university: signer(t, wire.EdDSA)}
	uni := signer(t, wire.EdDSA)
	w.enrol("UNI", uni, entry.RoleController)
	w.must(w.addKey("SRC", w.sourceAdmin, g.board, entry.PurposeAgreements))
	w.must(w.addKey("UNI", uni, g.university, entry.PurposeAgreements))
	return g
}

func common(org string) entry.Common { return entry.Common{Issuer: org, Audience: origin} }

func (g *governed) text(basis string) entry.AgreementText {
	day := func(days int) string { return g.now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	return entry.AgreementText{
		ID: "isa-1", Version: 1, Title: "Study of drug reactions", Tier: "isa",
		Parties: []entry.AgreementParty{{Org: "SRC", Role: "controller", Contact: "rights office"},
			{Org: "UNI", Role: "recipient", Contact: "research office"}},
		Purposes: []entry.AgreementPurpose{{Text: "research", Code: "HRESCH"}}, Article6: []string{basis}, Power: "statute",
		Data: []entry.AgreementData{{Text: "allergies"}}, Subjects: "patients",
		Flows:     []entry.AgreementFlow{{From: "SRC", To: "UNI", How: "safe haven"}},
		Retention: "a year", Disposal: "deletion", Security: "safe haven", DPIA: entry.Assessment{Reference: "1", Date: day(-30)},
		Approvals: []entry.Approval{{Body: "PBPP", Reference: "42", Date: day(-20)}},
		Notice:    entry.Notice{URL: "https://src.test/privacy", Hash: sha256.Sum256([]byte("notice"))},
		Rights:    "rights office", Breach: "security desk",
		Start: day(-10), End: day(300), ReviewDue: day(200),
	}
}

// agree brings an agreement into force.
func (g *governed) agree(basis string) {
	g.t.Helper()
	text := g.text(basis)
	e := g.sign(g.board, &entry.Agreement{Common: common("SRC"), Agreement: text})
	g.must(e)
	for org, key := range map[string]*wire.Signer{"SRC": g.board, "UNI": g.university} {
		g.must(g.sign(key, &entry.AgreementSignature{Common: common(org), Agreement: text.ID, Version: 1, Proposal: e.Identity()}))
	}
}

func research(a *entry.Access) { a.Org, a.Agreement, a.Purpose = "UNI", "isa-1", []string{"HRESCH"} }

func (g *governed) consent(act string) *entry.Entry {
	c := &entry.Consent{Common: common("SRC"), Consent: "0193b5a0-0000-7000-8000-000000000001", Act: act,
		Scope: "research", Agreements: []string{"isa-1"},
		Decided: g.now().UTC().Format(time.RFC3339), Expressed: entry.Expressed{How: "written"}, Sub: person}
	switch act {
	case "given", "reconfirmed":
		c.Rule = &entry.ConsentRule{Decision: "permit", Purposes: []string{"HRESCH"}}
	case "refused":
		c.Rule = &entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}}
	}
	return g.sign(g.board, c)
}

// verdict appends a research access to id and returns the verdict of the answer and of the opening,
// which must agree.
func (g *governed) verdict(id string) string {
	g.t.Helper()
	r := g.must(g.access(id, research))
	o, err := g.log.Opening(g.ctx, r.Index)
	if err != nil {
		g.t.Fatal(err)
	}
	if r.Verdict == nil || !r.Verdict.Equal(o.Verdict) {
		g.t.Fatalf("the answer says %+v, the opening %+v", r.Verdict, o.Verdict)
	}
	return string(r.Verdict.Result) + " " + strings.Join(r.Verdict.Rules, ",")
}

func (g *governed) want(what string) {
	g.t.Helper()
	g.wantOf(person, what)
}

func (g *governed) wantOf(id, what string) {
	g.t.Helper()
	if got := g.verdict(id); got != what {
		g.t.Errorf("the verdict is %q, want %q", got, what)
	}
}

// The story of an agreement on consent. Each verdict follows from the entries below it, and is the
// same at another replica, after a restart, and after a rebuild.
func TestVerdicts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		g := newGoverned(t, dsn)
		g.want("not-covered agreement-known,research-approved")
		g.agree("a")
		g.want("not-covered consent-missing")
		g.must(g.consent("given"))
		g.want("covered agreement,consent")

		other, err := ledger.Open(g.ctx, g.config())
		if err != nil {
			t.Fatal(err)
		}
		here := g.log
		g.log = other
		g.want("covered agreement,consent")
		g.must(g.consent("withdrawn"))
		g.log = here
		g.want("not-covered consent-missing")
		g.must(g.sign(g.university, &entry.AgreementAct{Common: common("UNI"), Agreement: "isa-1", Version: 1,
			Act: "suspend", Reason: "a breach"}))
		g.log = other
		g.want("not-covered agreement-in-force,consent-missing")
		other.Close(g.ctx)
		here.Close(g.ctx)

		before := g.persons(person)
		r, err := g.rebuild()
		if err != nil || r.Verdicts != 6 || len(r.Differing) > 0 {
			t.Fatalf("rebuilding: %+v, %v", r, err)
		}
		if after := g.persons(person); after != before {
			t.Errorf("the state of the person was %s, is %s", before, after)
		}
		g.reopen()
		g.must(g.consent("given"))
		g.want("not-covered agreement-in-force")
		g.checkLog()
	})
}

func (g *governed) persons(id string) string {
	g.t.Helper()
	log, err := ledger.Open(g.ctx, g.config())
	if err != nil {
		g.t.Fatal(err)
	}
	defer log.Close(g.ctx) //nolint:errcheck // nothing was appended
	state, err := log.Person(g.ctx, id)
	if err != nil || len(state) == 0 {
		g.t.Fatalf("the state of a person: %q, %v", state, err)
	}
	return string(state)
}

// numbered is a number that SRC gave person before it knew their own.
const numbered = "temp:SRC:77"

func (g *governed) link(act, sub, other string) *entry.Entry {
	return g.sign(g.board, &entry.Link{Common: common("SRC"), Act: act, Reason: "one person", Sub: sub, Other: other})
}

// What a person refused under one number is valid for accesses filed under another number that is
// linked with it, at every replica, and after a rebuild.
func TestRefusalReachesLinkedNumber(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		g := newGoverned(t, dsn)
		g.agree("e")
		g.must(g.consent("refused"))
		const covered, objection = "covered agreement", "not-covered objection"
		g.wantOf(numbered, covered)
		g.must(g.link("linked", person, numbered)) // makes her number stricter by what was refused under the other, and not the other way round
		g.wantOf(numbered, covered)
		here := g.log
		other, err := ledger.Open(g.ctx, g.config())
		if err != nil {
			t.Fatal(err)
		}
		g.must(g.link("linked", numbered, person))
		g.log = other
		g.wantOf(numbered, objection)
		g.wantOf("temp:SRC:78", covered)
		// An act of the same call is valid: links come before accesses.
		call := []*entry.Entry{g.link("linked", "temp:SRC:78", person)}
		for range 20 { // enough that a shuffled link would not come first
			call = append(call, g.access("temp:SRC:78", research))
		}
		slices.Reverse(call)
		for i, r := range g.log.Append(g.ctx, call...) {
			if r.Err != nil || call[i].Type == entry.TypeAccess && r.Verdict.Result != entry.NotCovered {
				t.Errorf("entry %d of the call: %+v, %v", i, r.Verdict, r.Err)
			}
		}
		g.must(g.consent("given")) // they changed their mind: the same record, under the number that holds it
		g.log = here
		g.wantOf(numbered, covered)
		g.must(g.consent("refused"))
		g.wantOf(numbered, objection)
		g.must(g.link("unlinked", numbered, person))
		g.wantOf(numbered, covered)
		g.must(g.link("linked", numbered, person))
		other.Close(g.ctx)
		here.Close(g.ctx)

		before := g.persons(person) + g.persons(numbered)
		r, err := g.rebuild()
		if err != nil || r.Verdicts == 0 || len(r.Differing) > 0 {
			t.Fatalf("rebuilding: %+v, %v", r, err)
		}
		if after := g.persons(person) + g.persons(numbered); after != before {
			t.Errorf("the state of the person was %s, is %s", before, after)
		}
		g.reopen()
		g.wantOf(numbered, objection)
		g.checkLog()
	})
}

// An organisation may link a number of its own to any person's, both ways. That does not give it a
// permission of that person.
func TestPermissionIsNotBorrowedOverLink(t *testing.T) {
	g := newGoverned(t, testdb.SQLite(t))
	g.agree("a")
	g.must(g.consent("given"))
	g.must(g.link("linked", numbered, person))
	g.wantOf(numbered, "not-covered consent-missing")
	g.must(g.link("linked", person, numbered))
	g.wantOf(numbered, "not-covered consent-missing")
	g.want("covered agreement,consent")
	g.checkLog()
}

// An entry that the rules refuse gets its code and leaves nothing in the log. The rest of the call
// is not affected.
func TestRulesRefuse(t *testing.T) {
	g := newGoverned(t, testdb.SQLite(t))
	stranger := g.sign(g.university, &entry.AgreementSignature{Common: common("UNI"), Agreement: "isa-1", Version: 1,
		Proposal: sha256.Sum256(nil)})
	withdrawn := g.consent("withdrawn")
	size, _ := g.log.Size(g.ctx)
	results := g.log.Append(g.ctx, stranger, g.access(person), withdrawn)
	if !errors.Is(results[0].Err, register.UnknownAgreement) || results[1].Err != nil || !errors.Is(results[2].Err, register.UnknownConsent) {
		t.Errorf("%v, %v, %v", results[0].Err, results[1].Err, results[2].Err)
	}
	if now, _ := g.log.Size(g.ctx); now != size+1 {
		t.Errorf("the log grew from %d to %d", size, now)
	}
	g.agree("e")
	if err := g.log.Append(g.ctx, g.consent("withdrawn"))[0].Err; !errors.Is(err, register.UnknownConsent) {
		t.Errorf("withdrawing what was never given: %v", err)
	}
	g.must(g.consent("given"))
	if err := g.log.Append(g.ctx, g.consent("withdrawn"))[0].Err; !errors.Is(err, register.NotConsentBasis) {
		t.Errorf("withdrawing where consent is not the basis: %v", err)
	}
	// The same entry again is not a second act.
	again := g.consent("refused")
	g.must(again)
	if r := g.must(again); !r.Replayed {
		t.Error("an act sent twice counted twice")
	}
	g.want("not-covered objection")
	g.checkLog()
}

// Acts of one call keep their order and are valid for the accesses of the call, which are shuffled.
func TestConsentAndAccessesInOneCall(t *testing.T) {
	g := newGoverned(t, testdb.SQLite(t))
	g.agree("a")
	calls := []*entry.Entry{g.access(person, research), g.consent("given"), g.access(person, research),
		g.consent("withdrawn"), g.access(person, research), g.consent("reconfirmed"), g.access(person, research)}
	for i, r := range g.log.Append(g.ctx, calls...) {
		switch {
		case r.Err != nil:
			if !errors.Is(r.Err, register.BadTransition) { // what was withdrawn cannot be reconfirmed
				t.Errorf("entry %d: %v", i, r.Err)
			}
		case calls[i].Type == entry.TypeAccess && slices.Contains(r.Verdict.Rules, "consent"):
			t.Errorf("access %d was covered by a consent that was withdrawn in the same call", i)
		}
	}
}

// An operator with the database and the keys can change a verdict or remove it. Anyone who computes
// the verdicts again finds it.
func TestTamperedVerdict(t *testing.T) {
	for name, verdict := range map[string]*entry.Verdict{"another": {Result: entry.Covered, Rules: []string{"agreement"}}, "none": nil} {
		t.Run(name, func(t *testing.T) { tamperVerdict(t, verdict) })
	}
}

func tamperVerdict(t *testing.T, verdict *entry.Verdict) {
	dsn := testdb.SQLite(t)
	g := newGoverned(t, dsn)
	g.want("not-covered agreement-known,research-approved")
	index := g.must(g.access(person, research)).Index
	g.log.Close(g.ctx)
	if err := g.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ledger.ForgeVerdict(g.ctx, g.config(), strings.TrimPrefix(dsn, "sqlite:"), index, verdict); err != nil {
		t.Fatal(err)
	}
	g.reopen()
	if o, err := g.log.Opening(g.ctx, index); err != nil || !o.Verdict.Equal(verdict) {
		t.Fatalf("the forgery did not take: %+v, %v", o, err)
	}
	g.log.Close(g.ctx)
	r, err := g.rebuild()
	if err != nil || !slices.Equal(r.Differing, []uint64{index}) {
		t.Errorf("rebuilding found %+v, %v; want entry %d", r, err, index)
	}
}

// A state that cannot be decrypted stops no access: the access is logged without a verdict. Acts of
// consent are refused until the state is repaired.
func TestDamagedPerson(t *testing.T) {
	dsn := testdb.SQLite(t)
	g := newGoverned(t, dsn)
	g.agree("a")
	g.must(g.consent("given"))
	db, err := sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE person SET state = substr(state, 1, 25) || " +
		"iif(substr(state, 26, 1) = x'00', x'01', x'00') || substr(state, 27)"); err != nil {
		t.Fatal(err)
	}
	if r := g.must(g.access(person, research)); r.Verdict != nil {
		t.Errorf("a verdict from nothing: %+v", r.Verdict)
	}
	if err := g.log.Append(g.ctx, g.consent("withdrawn"))[0].Err; err == nil {
		t.Error("an act on a state that cannot be read was taken")
	}
	if _, err := g.rebuild(); err != nil {
		t.Fatal(err)
	}
	g.want("covered agreement,consent")
}
