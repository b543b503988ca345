package policies

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	observation = "http://hl7.org/fhir/resource-types|Observation"
	condition   = "http://hl7.org/fhir/resource-types|Condition"
)

// with is the sound access of probe.go, changed. The agreement is the changer's own copy.
func with(change func(f *Facts, a *Agreement)) Facts {
	f := sound()
	a := *f.Agreement
	f.Agreement = &a
	change(&f, &a)
	return f
}

// own is care by the organisation that holds the record, changed.
func own(change func(f *Facts)) Facts {
	f := sound()
	f.Org, f.Holder, f.Own, f.Named, f.Agreement, f.Consent = "probe-b", "probe-b", true, false, nil, Consent{}
	change(&f)
	return f
}

func none(*Facts) {}

func TestDecide(t *testing.T) {
	at := sound().At
	live := &Delegation{ID: "d", Known: true, Scope: []string{"access"}, Start: at, End: at.Add(time.Hour)}
	consentBasis := func(decision string, refused ...string) func(*Facts, *Agreement) {
		return func(f *Facts, a *Agreement) {
			a.ConsentBasis, f.Consent = true, Consent{Decision: decision, ID: "c", Refused: refused}
		}
	}
	research := func(f *Facts, a *Agreement) {
		f.Purposes, a.Purposes, a.Research, a.Project = []string{"DSRCH"}, []string{"HRESCH"}, true, "PBPP 2526-0001"
	}
	override := func(f *Facts, a *Agreement) {
		f.Purposes, f.Emergency, f.Justified, f.Agreement, f.Named = []string{"BTG"}, true, true, nil, false
	}
	restricted := func(f *Facts, _ *Agreement) { f.Consent.Decision, f.Consent.Restricts = Deny, true }
	delegated := func(d *Delegation, purpose string) Facts {
		return own(func(f *Facts) { f.Purposes, f.Delegate = []string{purpose}, d })
	}
	both := func(list ...func(*Facts, *Agreement)) Facts {
		return with(func(f *Facts, a *Agreement) {
			for _, change := range list {
				change(f, a)
			}
		})
	}
	for _, c := range []struct {
		name string
		f    Facts
		want string // result, rules, obligations
	}{
		{"under an agreement", sound(), "covered agreement"},
		{"under review is in force", with(func(f *Facts, a *Agreement) { a.State = "under-review" }), "covered agreement"},
		{"suspended", with(func(f *Facts, a *Agreement) { a.State = "suspended" }), "not-covered agreement-in-force"},
		{"terminated", with(func(f *Facts, a *Agreement) { a.State = "terminated" }), "not-covered agreement-in-force"},
		{"proposed", with(func(f *Facts, a *Agreement) { a.State = "proposed" }), "not-covered agreement-in-force"},
		{"no state", with(func(f *Facts, a *Agreement) { a.State = "" }), "not-covered agreement-in-force"},
		{"at its first moment", with(func(f *Facts, a *Agreement) { a.Start = at }), "covered agreement"},
		{
			"before its first moment", with(func(f *Facts, a *Agreement) { a.Start = at.Add(1) }),
			"not-covered agreement-period",
		},
		{"at its end", with(func(f *Facts, a *Agreement) { a.End = at }), "not-covered agreement-period"},
		{"before its end", with(func(f *Facts, a *Agreement) { a.End = at.Add(1) }), "covered agreement"},
		{
			"names none", with(func(f *Facts, a *Agreement) { f.Named, f.Agreement = false, nil }),
			"not-covered agreement-named",
		},
		{"names an unknown one", with(func(f *Facts, a *Agreement) { f.Agreement = nil }), "not-covered agreement-known"},
		{
			"an agreement given is an agreement named",
			with(func(f *Facts, a *Agreement) { f.Named = false }), "covered agreement",
		},
		{
			"shared with a party", with(func(f *Facts, a *Agreement) { f.Disclosed, f.Recipient = true, f.Org }),
			"covered agreement",
		},
		{
			"shared with no party", with(func(f *Facts, a *Agreement) { f.Disclosed, f.Recipient = true, "BOARD-C" }),
			"not-covered agreement-recipient",
		},
		{
			"shared with nobody whom the log knows", with(func(f *Facts, a *Agreement) { f.Disclosed, f.Foreign = true, true }),
			"not-covered agreement-recipient,organisation-known",
		},
		{"not a party", with(func(f *Facts, a *Agreement) { f.Org = "BOARD-C" }), "not-covered agreement-party"},
		{"record of no party", with(func(f *Facts, a *Agreement) { f.Holder = "BOARD-C" }), "not-covered agreement-holder"},
		{
			"an organisation that the log does not know, under an agreement of others",
			with(func(f *Facts, a *Agreement) { f.Foreign, f.Org = true, "" }), "not-covered agreement-party,organisation-known",
		},
		{
			"it, and no agreement", own(func(f *Facts) { f.Foreign, f.Own, f.Org = true, false, "" }),
			"not-covered agreement-named,organisation-known",
		},
		{"it, however its own the record is said to be", own(func(f *Facts) { f.Foreign = true }), "not-covered organisation-known"},
		{"it, in an emergency", both(override, func(f *Facts, a *Agreement) { f.Foreign, f.Org = true, "" }), "not-covered organisation-known"},
		{"holder not said", with(func(f *Facts, a *Agreement) { f.Holder = "" }), "covered agreement"},
		{"a narrower purpose", with(func(f *Facts, a *Agreement) { f.Purposes = []string{"ERTREAT"} }), "covered agreement"},
		{
			"a wider purpose", with(func(f *Facts, a *Agreement) { a.Purposes = []string{"ETREAT"} }),
			"not-covered agreement-purpose",
		},
		{
			"one purpose of two",
			with(func(f *Facts, a *Agreement) { f.Purposes = []string{"TREAT", "HQUALIMP"} }),
			"not-covered agreement-purpose",
		},
		{
			"an agreement for nothing", with(func(f *Facts, a *Agreement) { a.Purposes = nil }),
			"not-covered agreement-purpose",
		},
		{
			"a purpose of another system",
			with(func(f *Facts, a *Agreement) { f.Purposes = []string{"https://x.scot/why|handover"} }),
			"not-covered agreement-purpose",
		},
		{
			"and it is agreed",
			with(func(f *Facts, a *Agreement) { f.Purposes, a.Purposes = []string{"urn:x|y"}, []string{"urn:x|y"} }),
			"covered agreement",
		},
		{"no purpose", with(func(f *Facts, a *Agreement) { f.Purposes = nil }), "not-covered purpose-stated"},
		{
			"listed data", with(func(f *Facts, a *Agreement) { a.Data = [][]string{{condition, observation}} }),
			"covered agreement",
		},
		{
			"data of a listed system",
			with(func(f *Facts, a *Agreement) { a.Data = [][]string{{"http://hl7.org/fhir/resource-types|*"}} }),
			"covered agreement",
		},
		{
			"a star is not the beginning of a code",
			with(func(f *Facts, a *Agreement) { a.Data = [][]string{{"http://hl7.org|*", "|*", "*"}} }),
			"not-covered agreement-data",
		},
		{"other data", with(func(f *Facts, a *Agreement) { a.Data = [][]string{{condition}} }), "not-covered agreement-data"},
		{"some other data", with(func(f *Facts, a *Agreement) {
			f.Data, a.Data = []string{condition, observation}, [][]string{{condition}}
		}),
			"not-covered agreement-data redact:" + observation},
		{
			"data not stated",
			with(func(f *Facts, a *Agreement) { f.Data, a.Data = nil, [][]string{{condition}} }),
			"not-covered agreement-data",
		},
		{"data that redaction cannot help", with(func(f *Facts, a *Agreement) {
			f.Data, a.Data, a.State = []string{condition, observation}, [][]string{{condition}}, "suspended"
		}), "not-covered agreement-data,agreement-in-force"},
		{"another role", with(func(f *Facts, a *Agreement) { a.Roles = []string{"nurse"} }), "not-covered agreement-role"},
		{
			"one role of two",
			with(func(f *Facts, a *Agreement) { f.Roles, a.Roles = []string{"porter", "nurse"}, []string{"nurse"} }),
			"covered agreement",
		},
		{
			"no role", with(func(f *Facts, a *Agreement) { f.Roles, a.Roles = nil, []string{"nurse"} }),
			"not-covered agreement-role",
		},
		{
			"a machine has no role",
			with(func(f *Facts, a *Agreement) { f.Roles, a.Roles, f.Machine = nil, []string{"nurse"}, true }),
			"covered agreement",
		},
		{"everything wrong", with(func(f *Facts, a *Agreement) {
			f.Org, f.Holder, f.Purposes, a.Data, a.Roles = "C", "D", []string{"HRESCH"}, [][]string{{condition}}, []string{"nurse"}
			a.State, a.End, a.ConsentBasis, f.Consent, f.Delegate = "expired", at, true, Consent{}, &Delegation{}
		}), "not-covered agreement-data,agreement-holder,agreement-in-force,agreement-party,agreement-period,agreement-purpose,agreement-role," +
			"consent-missing,delegation-known,research-approved"},

		{"consent is the basis, given", with(consentBasis(Permit)), "covered agreement,consent"},
		{"consent is the basis, none", with(consentBasis("")), "not-covered consent-missing ask-consent"},
		{"consent is the basis, refused", with(consentBasis(Deny)), "not-covered consent-refused"},
		{"consent is the basis, refused for some data", both(consentBasis(Deny, condition), func(f *Facts, a *Agreement) { f.Data = []string{observation, condition} }),
			"not-covered consent-refused redact:" + condition},
		{
			"consent is not the basis: care goes on",
			with(func(f *Facts, a *Agreement) { f.Consent = Consent{Decision: Deny} }), "covered agreement",
		},
		{"objection to planning", with(func(f *Facts, a *Agreement) {
			f.Purposes, a.Purposes, f.Consent = []string{"HQUALIMP"}, []string{"HOPERAT"}, Consent{Decision: Deny}
		}), "not-covered objection"},
		{
			"objection to planning under a code of care",
			with(func(f *Facts, a *Agreement) { f.Purposes, f.Consent = []string{"POPHLTH"}, Consent{Decision: Deny} }),
			"not-covered objection",
		},
		{"objection, one of two purposes is care", with(func(f *Facts, a *Agreement) {
			f.Purposes, a.Purposes, f.Consent = []string{"TREAT", "TRAIN"}, []string{"TREAT", "TRAIN"}, Consent{Decision: Deny}
		}), "not-covered objection"},
		{"objection does not stop public health", with(func(f *Facts, a *Agreement) {
			f.Purposes, a.Purposes, f.Consent = []string{"THREAT"}, []string{"PUBHLTH"}, Consent{Decision: Deny}
		}), "covered agreement"},
		{
			"objection to the holder's own planning",
			own(func(f *Facts) { f.Purposes, f.Consent = []string{"TRAIN"}, Consent{Decision: Deny} }),
			"not-covered objection",
		},

		{"a restriction stops care", with(restricted), "not-covered restriction"},
		{"a restriction of one category", both(restricted, func(f *Facts, _ *Agreement) {
			f.Data, f.Consent.Refused = []string{observation, condition}, []string{condition}
		}), "not-covered restriction redact:" + condition},
		{
			"a restriction stops the holder's own staff",
			own(func(f *Facts) { f.Consent = Consent{Decision: Deny, Restricts: true} }), "not-covered restriction",
		},
		{"a restriction under an agreement on consent", both(consentBasis(Deny), restricted), "not-covered consent-refused,restriction"},
		{"a restriction does not stop what the law requires", own(func(f *Facts) {
			f.Purposes, f.Consent = []string{"HCOMPL"}, Consent{Decision: Deny, Restricts: true}
		}), "covered own-records"},
		{"nor what the person asked for", own(func(f *Facts) {
			f.Purposes, f.Consent = []string{"PATRQT"}, Consent{Decision: Deny, Restricts: true}
		}), "covered own-records"},
		{"a restriction of an access without a purpose", own(func(f *Facts) {
			f.Purposes, f.Consent = nil, Consent{Decision: Deny, Restricts: true}
		}), "not-covered purpose-stated,restriction"},
		{"a restriction overridden", both(restricted, override),
			"break-glass break-glass,break-glass-restricted follow-up,review-refusal,tell-person"},
		{"a restriction overridden although an agreement covers care", both(restricted, func(f *Facts, _ *Agreement) {
			f.Emergency, f.Justified = true, true
		}), "break-glass break-glass,break-glass-restricted follow-up,review-refusal,tell-person"},

		{"research", with(research), "covered agreement"},
		{
			"research without a project", both(research, func(f *Facts, a *Agreement) { a.Project = "" }),
			"not-covered research-approved",
		},
		{
			"research under an agreement that is not for it",
			both(research, func(f *Facts, a *Agreement) { a.Research = false }),
			"not-covered research-approved",
		},
		{
			"research against an objection",
			both(research, consentBasis(Deny), func(f *Facts, a *Agreement) { a.ConsentBasis = false }),
			"not-covered objection",
		},
		{
			"research on own records needs an agreement",
			own(func(f *Facts) { f.Purposes = []string{"HRESCH"} }),
			"not-covered agreement-named,research-approved",
		},
		{"a ground that nothing opens is not the nearest", own(func(f *Facts) { f.Purposes, f.Consent = []string{"HRESCH"}, Consent{Decision: Deny} }),
			"not-covered agreement-named,objection,research-approved"},
		{"care and research at once", both(research, func(f *Facts, a *Agreement) {
			f.Purposes, a.Purposes, a.Project = []string{"TREAT", "HRESCH"}, []string{"TREAT", "HRESCH"}, ""
		}),
			"not-covered research-approved"},

		{"own records for care", own(none), "covered own-records"},
		{
			"own records for running the service",
			own(func(f *Facts) { f.Purposes = []string{"PATADMIN"} }), "covered own-records",
		},
		{
			"own records because the person asked", own(func(f *Facts) { f.Purposes = []string{"PATRQT"} }),
			"covered own-records",
		},
		{"own records for marketing", own(func(f *Facts) { f.Purposes = []string{"HMARKT"} }), "not-covered agreement-named"},
		{
			"own records for care and marketing",
			own(func(f *Facts) { f.Purposes = []string{"TREAT", "HMARKT"} }), "not-covered agreement-named",
		},
		{"own records for no purpose", own(func(f *Facts) { f.Purposes = nil }), "not-covered purpose-stated"},
		{"own records need no agreement even if one is named", own(func(f *Facts) { f.Named = true }), "covered own-records"},
		{"own records under an agreement of others", with(func(f *Facts, a *Agreement) {
			f.Org, f.Own, f.Purposes, a.Purposes, a.Parties = "probe-b", true, []string{"HMARKT"}, []string{"HMARKT"}, []string{"probe-a", "probe-c"}
		}), "not-covered agreement-holder,agreement-party"},
		{"another's record because the person asked", with(func(f *Facts, a *Agreement) { f.Purposes, f.Named, f.Agreement = []string{"PATRQT"}, false, nil }),
			"not-covered agreement-named"},

		{"family with a delegation", delegated(live, "FAMRQT"), "covered own-records"},
		{"family without", delegated(nil, "FAMRQT"), "not-covered delegation-needed"},
		{"attorney without", delegated(nil, "PWATRNY"), "not-covered delegation-needed"},
		{"supporter without", delegated(nil, "SUPNWK"), "not-covered delegation-needed"},
		{"attorney, unknown delegation", delegated(&Delegation{ID: "d"}, "PWATRNY"), "not-covered delegation-known"},
		{
			"revoked delegation",
			delegated(&Delegation{Known: true, Revoked: true, Scope: []string{"access"}}, "FAMRQT"),
			"not-covered delegation-live",
		},
		{
			"delegation at its end",
			delegated(&Delegation{Known: true, Scope: []string{"access"}, End: at}, "FAMRQT"),
			"not-covered delegation-live",
		},
		{
			"delegation for other things",
			delegated(&Delegation{Known: true, Scope: []string{"consent", "question"}}, "FAMRQT"),
			"not-covered delegation-scope",
		},
		{
			"a delegation named must hold, whatever the purpose", delegated(&Delegation{}, "TREAT"),
			"not-covered delegation-known",
		},
		{
			"the delegation must hold under an agreement too",
			with(func(f *Facts, a *Agreement) { f.Delegate = &Delegation{} }),
			"not-covered delegation-known",
		},

		{
			"reading the ledger",
			own(func(f *Facts) { f.Ledger, f.Own, f.Purposes = true, false, []string{"HCOMPL"} }),
			"covered ledger-reading",
		},
		{
			"a person reads the ledger",
			own(func(f *Facts) { f.Ledger, f.Own, f.Purposes = true, false, []string{"PATRQT"} }),
			"covered ledger-reading",
		},
		{
			"reading the ledger without saying why",
			own(func(f *Facts) { f.Ledger, f.Purposes = true, nil }), "not-covered purpose-stated",
		},
		{
			"reading the ledger for research",
			own(func(f *Facts) { f.Ledger, f.Purposes = true, []string{"HRESCH"} }), "not-covered no-rule",
		},

		{"break-glass", with(override), "break-glass break-glass follow-up"},
		{
			"break-glass without justification",
			both(override, func(f *Facts, a *Agreement) { f.Justified = false }),
			"not-covered break-glass-justified justify",
		},
		{
			"break-glass for research",
			both(override, func(f *Facts, a *Agreement) { f.Purposes = []string{"HRESCH"} }),
			"not-covered break-glass-purpose",
		},
		{
			"break-glass for public health",
			both(override, func(f *Facts, a *Agreement) { f.Purposes = []string{"DISASTER"} }),
			"break-glass break-glass follow-up",
		},
		{
			"break-glass without a purpose",
			both(override, func(f *Facts, a *Agreement) { f.Purposes = nil }),
			"break-glass break-glass follow-up",
		},
		{"break-glass over a refusal", both(override, func(f *Facts, a *Agreement) { f.Consent = Consent{Decision: Deny} }),
			"break-glass break-glass,break-glass-refused follow-up,review-refusal"},
		{"break-glass past an agreement that is over", with(func(f *Facts, a *Agreement) {
			f.Purposes, f.Emergency, f.Justified, a.State = []string{"BTG"}, true, true, "terminated"
		}), "break-glass break-glass follow-up"},
		{"an emergency that the agreement covers is still flagged", with(func(f *Facts, a *Agreement) { f.Purposes, f.Emergency, f.Justified = []string{"BTG"}, true, true }),
			"break-glass agreement follow-up"},
		{
			"and owes its justification",
			with(func(f *Facts, a *Agreement) { f.Purposes, f.Emergency = []string{"BTG"}, true }),
			"break-glass agreement follow-up,justify",
		},
		{
			"a justification alone opens nothing",
			with(func(f *Facts, a *Agreement) { f.Justified, f.Agreement, f.Named = true, nil, false }),
			"not-covered agreement-named",
		},
		{"nothing at all", Facts{}, "not-covered agreement-named,purpose-stated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := BuiltIn()
			for _, again := range []string{"first", "remembered"} {
				d := set.Decide(c.f)
				if got := show(d); got != c.want {
					t.Errorf("%s: %s, want %s", again, got, c.want)
				}
				for _, r := range d.Rules {
					if set.Plain(r) == "" && r != NoRule {
						t.Errorf("rule %s has no words", r)
					}
				}
			}
		})
	}
}

// show writes a decision as "result rule,rule obligation,obligation:code".
func show(d Decision) string {
	var due []string
	for _, o := range d.Obligations {
		due = append(due, strings.Join(append([]string{o.ID}, o.Codes...), ":"))
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", d.Result, strings.Join(d.Rules, ","), strings.Join(due, ",")))
}

// A verdict names the agreement and the consent only if they had to do with it.
func TestCites(t *testing.T) {
	denied := Consent{Decision: Deny, ID: "c"}
	for _, c := range []struct {
		name               string
		f                  Facts
		agreement, consent bool
	}{
		{"agreement", sound(), true, false}, // its consent says permit, but is not what it rests on
		{"consent", with(func(f *Facts, a *Agreement) { a.ConsentBasis = true }), true, true},
		{"refusal", with(func(f *Facts, a *Agreement) { a.ConsentBasis, f.Consent = true, denied }), true, true},
		{"unknown agreement", with(func(f *Facts, a *Agreement) { f.Agreement = nil }), false, false},
		{"own records", own(none), false, false},
		{"objection", own(func(f *Facts) { f.Purposes, f.Consent = []string{"TRAIN"}, denied }), false, true},
		{
			"override of a refusal",
			own(func(f *Facts) { f.Own, f.Emergency, f.Justified, f.Consent = false, true, true, denied }),
			false, true,
		},
	} {
		if d := BuiltIn().Decide(c.f); d.Agreement != c.agreement || d.Consent != c.consent {
			t.Errorf("%s: agreement %v, consent %v", c.name, d.Agreement, d.Consent)
		}
	}
}

// The caller may modify a decision that it received, and no one else sees the change.
func TestDecisionsAreCopies(t *testing.T) {
	f := with(func(f *Facts, a *Agreement) {
		f.Data, a.Data = []string{condition, observation}, [][]string{{condition}}
	})
	set, err := Compile(1, defaultText) // that remembers nothing yet
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d := set.Decide(f)
		if show(d) != "not-covered agreement-data redact:"+observation {
			t.Fatalf("%s", show(d))
		}
		d.Rules[0], d.Obligations[0].ID, d.Obligations[0].Codes[0] = "own-records", "follow-up", "x"
	}
}
