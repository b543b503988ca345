package consent_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

const deed = "9b2d1f04-6f0f-4d0c-8a43-51f1f5b7a111"

func (w *world) delegation(act string, change ...func(*entry.Delegation)) *entry.Delegation {
	d := &entry.Delegation{Common: w.by("north"), Delegation: deed, Act: act, Sub: person}
	if act == "granted" {
		d.Kind, d.Scope, d.Start, d.End = "POWATT", []string{"access", "consent"}, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
		d.Delegate = &entry.Delegate{ID: other}
	}
	for _, f := range change {
		f(d)
	}
	return d
}

func withAgreement(id string) func(*entry.Consent) {
	return func(c *entry.Consent) { c.Agreements = []string{id} }
}

func byDelegate(c *entry.Consent) { c.By = &entry.ConsentBy{Delegation: deed} }

// The life of a consent record: what each state of it allows.
func TestConsentActs(t *testing.T) {
	states := map[string][]string{"none": nil, "given": {"given"}, "refused": {"refused"}, "withdrawn": {"given", "withdrawn"}, "expired": {"given", "expired"}}
	refused := map[string]map[string]wire.Code{
		"none": {
			"amended": register.UnknownConsent, "reconfirmed": register.UnknownConsent,
			"withdrawn": register.UnknownConsent, "expired": register.UnknownConsent,
		},
		"withdrawn": {
			"amended": register.BadTransition, "reconfirmed": register.BadTransition,
			"withdrawn": register.BadTransition, "expired": register.BadTransition,
		},
		"expired": {
			"amended": register.BadTransition, "withdrawn": register.BadTransition,
			"expired": register.BadTransition,
		},
	}
	for state, before := range states {
		for _, act := range entry.ConsentActs {
			t.Run(state+"/"+act, func(t *testing.T) {
				w := newWorld(t)
				for _, b := range before {
					w.mustJudge(w.consent(b))
				}
				kept := w.states[person]
				_, err := w.judge(w.consent(act))
				w.want(err, refused[state][act])
				if err != nil && !bytes.Equal(kept, w.states[person]) {
					t.Error("a refused act left a trace")
				}
			})
		}
	}
}

func TestConsentRefused(t *testing.T) {
	rule := func(f func(r *entry.ConsentRule)) func(*entry.Consent) {
		return func(c *entry.Consent) { f(c.Rule) }
	}
	except := func(x ...entry.ConsentRule) func(*entry.Consent) {
		return rule(func(r *entry.ConsentRule) { r.Purposes, r.Except = []string{"ETREAT", "HRESCH"}, x })
	}
	for _, c := range []struct {
		name   string
		change func(*entry.Consent)
		want   wire.Code
	}{
		{"plain", func(*entry.Consent) {}, ""},
		{"of a register", func(c *entry.Consent) { c.Sub = "reg:everyone" }, wire.BadID},
		{"for an unknown agreement", withAgreement("isa-9"), register.UnknownAgreement},
		{
			"over before it was decided",
			rule(func(r *entry.ConsentRule) { r.End = "2026-11-22T09:00:00Z" }), register.PastPeriod,
		},
		{"ends later", rule(func(r *entry.ConsentRule) { r.End = "2026-11-22T09:00:01Z" }), ""},
		{"unknown purpose", rule(func(r *entry.ConsentRule) { r.Purposes = []string{"CURIOSITY"} }), wire.BadClaim},
		{"exception takes all", except(entry.ConsentRule{Decision: "deny"}), register.Contradiction},
		{
			"exception takes all by subsumption",
			except(entry.ConsentRule{Decision: "deny", Purposes: []string{"TREAT", "HRESCH"}}),
			register.Contradiction,
		},
		{"exception takes part", except(entry.ConsentRule{Decision: "deny", Purposes: []string{"BTG"}}), ""},
		{"exception takes all for a time", except(entry.ConsentRule{Decision: "deny", Start: "2027-01-01T00:00:00Z"}), ""},
		{"exception takes all of some", except(entry.ConsentRule{Decision: "deny", Recipients: []string{"university"}}), ""},
		{"exception takes all of some roles", except(entry.ConsentRule{Decision: "deny", Roles: []string{"nurse"}}), ""},
		{"exception takes all of some actions", except(entry.ConsentRule{Decision: "deny", Actions: []string{"U"}}), ""},
		{"exception takes all data of a time", except(entry.ConsentRule{Decision: "deny", DataEnd: "2020-01-01T00:00:00Z"}), ""},
		{"exception takes all until then", except(entry.ConsentRule{Decision: "deny", End: "2027-01-01T00:00:00Z"}), ""},
		{"exception takes all of the same time", rule(func(r *entry.ConsentRule) {
			r.Start, r.End = "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"
			r.Except = []entry.ConsentRule{{Decision: "deny", Start: r.Start, End: r.End}}
		}), register.Contradiction},
		{"exception with an exception", except(entry.ConsentRule{Decision: "deny", Except: []entry.ConsentRule{{Decision: "permit", Recipients: []string{"north"}}}}), ""},
		{"deeper exception takes all", except(entry.ConsentRule{Decision: "deny", Recipients: []string{"north"}, Except: []entry.ConsentRule{{Decision: "permit", Recipients: []string{"north", "south"}}}}), register.Contradiction},
		{"by an unknown delegation", byDelegate, register.UnknownConsent},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.judge(w.consent("given", c.change))
			w.want(err, c.want)
		})
	}
	w := newWorld(t)
	_, err := w.judge(w.consent("refused", withAgreement("isa-9")))
	w.want(err, register.UnknownAgreement)
}

// Where consent is not the basis, taking one is flagged and there is nothing to withdraw; the
// refusal names the true basis and the right that does apply.
func TestTrueBasis(t *testing.T) {
	for _, c := range []struct {
		article6, article9 []string
		says               []string // nil: consent is the basis
	}{
		{
			[]string{"e"}, []string{"h"},
			[]string{"Article 6(1)(e) (a public task)", "Article 9(2)(h)", "to object (Article 21)"},
		},
		{[]string{"f"}, nil, []string{"Article 6(1)(f)", "to object"}},
		{[]string{"c"}, nil, []string{"Article 6(1)(c) (a legal obligation)", "restricted (Article 18)"}},
		{[]string{"b", "d"}, nil, []string{"6(1)(b)", "6(1)(d)", "restricted"}},
		{[]string{"a"}, []string{"h"}, nil},
		{[]string{"e"}, []string{"a"}, nil},
	} {
		t.Run(strings.Join(c.article6, "")+"-"+strings.Join(c.article9, ""), func(t *testing.T) {
			w := newWorld(t)
			w.agree(isa("isa-1", 1, func(t *entry.AgreementText) { t.Article6, t.Article9 = c.article6, c.article9 }))
			j := w.mustJudge(w.consent("given", withAgreement("isa-1")))
			if flagged := len(j.Flags) == 1 && j.Flags[0] == entry.FlagConsentNotBasis; flagged != (c.says != nil) {
				t.Errorf("flags %v", j.Flags)
			}
			_, err := w.judge(w.consent("withdrawn"))
			if c.says == nil {
				w.ok(err)
				return
			}
			w.want(err, register.NotConsentBasis)
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			// An objection can be made and taken back. It needs no flag: it counts.
			if j := w.mustJudge(w.consent("refused", withAgreement("isa-1"))); len(j.Flags) != 0 {
				t.Errorf("an objection has flags %v", j.Flags)
			}
			w.mustJudge(w.consent("withdrawn"))
		})
	}
}

func TestConsentByDelegate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*entry.Delegation)
		revoke bool
		want   wire.Code
	}{
		{"live", func(*entry.Delegation) {}, false, ""},
		{"revoked", func(*entry.Delegation) {}, true, register.BadDelegation},
		{"begins now", func(d *entry.Delegation) { d.Start = "2026-11-22T09:00:00Z" }, false, ""},
		{"not begun", func(d *entry.Delegation) { d.Start = "2026-11-22T09:00:01Z" }, false, register.BadDelegation},
		{
			"for other things", func(d *entry.Delegation) { d.Scope = []string{"access", "question"} },
			false, register.BadDelegation,
		},
		{"ended since", func(d *entry.Delegation) { d.End = "2026-11-22T09:00:30Z" }, false, register.BadDelegation},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mustJudge(w.delegation("granted", c.change))
			if c.revoke {
				w.mustJudge(w.delegation("revoked"))
			}
			if c.name == "ended since" {
				w.clock = w.clock.Add(30 * time.Second)
			}
			_, err := w.judge(w.consent("given", byDelegate))
			w.want(err, c.want)
		})
	}
}

func TestDelegations(t *testing.T) {
	w := newWorld(t)
	_, err := w.judge(w.delegation("revoked"))
	w.want(err, register.UnknownConsent)
	_, err = w.judge(w.delegation("granted", func(d *entry.Delegation) { d.Delegate.ID = person }))
	w.want(err, register.BadDelegation)
	_, err = w.judge(w.delegation("granted", func(d *entry.Delegation) { d.Delegate.ID = "reg:everyone" }))
	w.want(err, register.BadDelegation)
	_, err = w.judge(w.delegation("granted", func(d *entry.Delegation) { d.Delegate = nil }))
	w.want(err, wire.BadClaim)
	_, err = w.judge(w.delegation("granted", func(d *entry.Delegation) { d.End = "2026-11-22T09:00:00Z" }))
	w.want(err, register.PastPeriod)
	_, err = w.judge(w.delegation("granted", func(d *entry.Delegation) { d.Sub = "reg:everyone" }))
	w.want(err, wire.BadID)
	// It is not a circle that the delegate has delegates, or that the person once was the
	// delegate's.
	w.mustJudge(w.delegation("granted", func(d *entry.Delegation) { d.Delegation, d.Sub, d.Delegate.ID = record1, other, "nhs:9434765919" }))
	w.mustJudge(w.delegation("granted", func(d *entry.Delegation) {
		d.Delegation, d.Sub, d.Delegate.ID, d.End = "9b2d1f04-6f0f-4d0c-8a43-51f1f5b7a112", other, person, "2026-11-22T09:00:30Z"
	}))
	w.clock = w.clock.Add(30 * time.Second) // the end of that
	w.mustJudge(w.delegation("granted"))
	_, err = w.judge(w.delegation("granted"))
	w.want(err, register.BadTransition)

	back := w.delegation("granted", func(d *entry.Delegation) { d.Sub, d.Delegate.ID = other, person })
	_, err = w.judge(back)
	w.want(err, register.BadDelegation) // the two would act for each other
	w.mustJudge(w.delegation("revoked"))
	_, err = w.judge(w.delegation("revoked"))
	w.want(err, register.BadTransition)
	w.mustJudge(back)
}

// What another organisation holds it alone declares expired; the person may withdraw anywhere.
func TestForeignRecord(t *testing.T) {
	w := newWorld(t)
	w.mustJudge(w.consent("given"))
	foreign := func(c *entry.Consent) { c.Issuer = "south" }
	_, err := w.judge(w.consent("expired", foreign))
	w.want(err, wire.WrongIssuer)
	_, err = w.judge(w.consent("amended", withAgreement("isa-1")))
	w.want(err, register.BadTransition)        // the record is for none
	w.mustJudge(w.consent("amended", foreign)) // which does not make it theirs
	_, err = w.judge(w.consent("expired", foreign))
	w.want(err, wire.WrongIssuer)
	w.mustJudge(w.consent("withdrawn", foreign))
}

// No error of this package tells who the person is, in whatever way an act about them fails.
func TestErrorsHoldNoPersonalDatum(t *testing.T) {
	w := newWorld(t)
	w.mustJudge(w.delegation("granted"))
	w.agree(isa("isa-1", 1))
	for _, b := range []entry.Body{
		w.consent("withdrawn"), w.consent("given", withAgreement("isa-9")), w.delegation("granted"),
		w.delegation("granted", func(d *entry.Delegation) { d.Sub, d.Delegate.ID = other, person }),
	} {
		_, err := w.judge(b)
		if err == nil || strings.Contains(err.Error(), "0101011237") || strings.Contains(err.Error(), "0202022236") || strings.Contains(err.Error(), record1) {
			t.Errorf("got %v", err)
		}
	}
}

// The state stays bounded: what ended longest ago goes first, and what is open stays.
func TestStateIsBounded(t *testing.T) {
	w := newWorld(t)
	w.mustJudge(w.consent("refused"))
	id := func(i int) func(*entry.Consent) {
		return func(c *entry.Consent) {
			c.Consent = fmt.Sprintf("7d444840-9dc0-11d1-b245-%012x", i)
			if c.Rule != nil {
				c.Rule.Purposes = []string{"https://" + strings.Repeat("x", 400) + ".example|care"}
				for i := range 200 {
					c.Rule.Purposes = append(c.Rule.Purposes, fmt.Sprintf("https://%s.example|%d", strings.Repeat("x", 400), i))
				}
			}
		}
	}
	for i := range 8 {
		w.mustJudge(w.consent("given", id(i)))
	}
	var err error
	i := 8
	for ; err == nil && i < 100; i++ {
		_, err = w.judge(w.consent("given", id(i)))
	}
	w.want(err, wire.TooLarge)
	if n := len(w.states[person]); n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
	w.mustJudge(w.consent("withdrawn", id(3)))
	w.mustJudge(w.consent("given", id(i)))
	if !bytes.Contains(w.states[person], []byte(record1)) {
		t.Error("a refusal that is in force was forgotten")
	}
}

// Of what has ended the oldest tenth goes when room is needed, consents and delegations alike; what
// is open stays, however old.
func TestForgetting(t *testing.T) {
	const full = 9000
	var b strings.Builder
	fmt.Fprintf(&b, `{"v":1,"consents":[{"id":%q,"act":"refused","scope":"research","holder":"north","index":1,"rule":{"decision":"deny"}}`, record1)
	for i := range full {
		fmt.Fprintf(&b, `,{"id":"%08d","holder":"north","index":%d,"ended":{"act":"withdrawn","last":{"d":"2026-01-01T00:00:00Z"}}}`, i, 10+i)
	}
	delegation := func(id string, index int, revoked bool) string {
		return fmt.Sprintf(`{"id":%q,"delegate":%q,"scope":["access"],"start":"2026-01-01T00:00:00Z","end":"2027-01-01T00:00:00Z","revoked":%v,"index":%d}`, id, other, revoked, index)
	}
	b.WriteString(`],"delegations":[` + delegation("open", 2, false) + "," + delegation("early", 3, true) + "," + delegation("late", 5_000_000, true) + "]}")
	w := newWorld(t)
	w.index = 10_000_000
	w.states[person] = []byte(b.String())
	w.mustJudge(w.access()) // it can be read
	w.mustJudge(w.consent("given", func(c *entry.Consent) {
		c.Consent = deed
		for range 250 {
			c.Rule.Purposes = append(c.Rule.Purposes, "https://"+strings.Repeat("x", 480)+".example|care")
		}
		c.Rule.Data = slices.Repeat([]string{"https://" + strings.Repeat("x", 480) + ".example|care"}, 250)
		for range 20 {
			c.Rule.Except = append(c.Rule.Except, entry.ConsentRule{Decision: "deny", Purposes: []string{"HMARKT"}, Data: slices.Repeat([]string{"https://" + strings.Repeat("y", 480) + ".example|care"}, 25)})
		}
	}))
	state := string(w.states[person])
	for id, kept := range map[string]bool{record1: true, deed: true, "open": true, "early": false, "late": true, "00000000": false, "00008999": true} {
		if strings.Contains(state, `"id":"`+id+`"`) != kept {
			t.Errorf("%s: kept is %v", id, !kept)
		}
	}
}

func FuzzPersonState(f *testing.F) {
	w := newWorld(f)
	w.agree(isa("isa-1", 1))
	w.mustJudge(w.consent("given", func(c *entry.Consent) {
		c.Rule.Except = []entry.ConsentRule{{Decision: "deny", Purposes: []string{"BTG"}}}
	}))
	w.mustJudge(w.delegation("granted"))
	f.Add(w.states[person])
	w.mustJudge(w.consent("withdrawn"))
	w.mustJudge(w.delegation("revoked"))
	f.Add(w.states[person])
	w.mustJudge(w.link("linked", person, temp))
	f.Add(w.states[person])
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(`{"v":1,"consents":[{"id":"a","act":"given","scope":"","holder":"","index":1}]}`))
	access, act := w.sign(w.access()), w.sign(w.consent("refused"))
	f.Fuzz(func(t *testing.T, state []byte) {
		j, err := w.rules.Judge(access, 1<<40, func(string) []byte { return state })
		next, err2 := w.rules.Judge(act, 1<<40, func(string) []byte { return state })
		if err != nil {
			if j.Verdict != nil || err2 == nil {
				t.Error("a state that cannot be read was judged by")
			}
			return
		}
		if err2 != nil {
			return // too large, or above the index
		}
		// What was written is read again, to the same.
		again, err := w.rules.Judge(act, 1<<40+1, func(string) []byte { return next.Person })
		if err != nil || len(again.Person) == 0 {
			t.Errorf("own state refused: %v", err)
		}
	})
}

// A state that this package could not have written is not read.
func TestBadState(t *testing.T) {
	w := newWorld(t)
	a := w.sign(w.access())
	record := func(id, act, rule string, index int) string {
		return fmt.Sprintf(`{"id":%q,"act":%q,"scope":"research","holder":"north","index":%d%s}`, id, act, index, rule)
	}
	const ended = `,"ended":{"act":"withdrawn","last":{"d":"2026-01-01T00:00:00Z"}}`
	const deny, perhaps = `,"rule":{"decision":"deny"}`, `,"rule":{"decision":"perhaps"}`
	grant := func(id string, index int) string {
		return fmt.Sprintf(`{"id":%q,"delegate":%q,"scope":["access"],"start":"2026-01-01T00:00:00Z","end":"2027-01-01T00:00:00Z","index":%d}`, id, other, index)
	}
	consents := func(list ...string) string { return `{"v":1,"consents":[` + strings.Join(list, ",") + `]}` }
	delegations := func(list ...string) string { return `{"v":1,"delegations":[` + strings.Join(list, ",") + `]}` }
	var links []string
	for i := range entry.MaxLinked + 1 {
		links = append(links, fmt.Sprintf(`{"id":"temp:north:%d","index":%d}`, i, i+1))
	}
	most := `{"v":1}` + strings.Repeat(" ", 1<<20-len(`{"v":1}`))
	for _, c := range []struct {
		name, state string
		want        wire.Code
	}{
		{"as it can be", consents(record("a", "refused", deny, 1), record("b", "given", ended, 2)), ""},
		{"delegations as they can be", delegations(grant("a", 1), grant("b", 2)), ""},
		{"links as they can be", `{"v":1,"linked":[` + strings.Join(links[1:], ",") + `]}`, ""},
		{"as large as can be", most, ""},
		{"too large by one", most + " ", wire.TooLarge},
		{"no format", `{}`, wire.BadJSON},
		{"a record twice", consents(record("a", "refused", deny, 1), record("a", "refused", deny, 2)), wire.BadJSON},
		{"two records of one entry", consents(record("a", "refused", deny, 1), record("b", "refused", deny, 1)), wire.BadJSON},
		{"withdrawn with a rule", consents(record("a", "withdrawn", deny, 1)), wire.BadJSON},
		{"refused without a rule", consents(record("a", "refused", "", 1)), wire.BadJSON},
		{"neither permits nor denies", consents(record("a", "refused", perhaps, 1)), wire.BadJSON},
		{"a delegation twice", delegations(grant("a", 1), grant("a", 2)), wire.BadJSON},
		{"two delegations of one entry", delegations(grant("a", 1), grant("b", 1)), wire.BadJSON},
		{"too many links", `{"v":1,"linked":[` + strings.Join(links, ",") + `]}`, wire.BadJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{TB: t, rules: w.rules}
			_, err := w.rules.Judge(a, 1<<40, func(id string) []byte {
				if id != person {
					return nil
				}
				return []byte(c.state)
			})
			w.want(err, c.want)
		})
	}
}

// A state holds times as entries do: what only a lenient parser takes was not written by this
// package.
func TestBadTimesInState(t *testing.T) {
	w := newWorld(t)
	a := w.sign(w.access())
	state := func(start, ruleEnd string) []byte {
		return fmt.Appendf(nil, `{"v":1,"consents":[{"id":%q,"act":"refused","scope":"research","holder":"north","index":1,"rule":{"decision":"deny","end":%q}}],`+
			`"delegations":[{"id":%q,"delegate":%q,"scope":["access"],"start":%q,"end":"2027-01-01T00:00:00Z","index":2}]}`, record1, ruleEnd, deed, other, start)
	}
	const good = "2026-01-01T07:00:00.5Z"
	for _, c := range []struct {
		start, ruleEnd string
		want           wire.Code
	}{
		{good, good, ""},
		{"2026-01-01T7:00:00Z", good, wire.BadJSON},
		{"2026-01-01T07:00:00,5Z", good, wire.BadJSON},
		{good, "2026-01-01T7:00:00Z", wire.BadClaim},
		{good, "2026-01-01T07:00:00,5Z", wire.BadClaim},
	} {
		_, err := w.rules.Judge(a, 1<<40, func(id string) []byte {
			if id != person {
				return nil
			}
			return state(c.start, c.ruleEnd)
		})
		w.want(err, c.want)
	}
}
