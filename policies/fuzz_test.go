package policies

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
)

// Whatever text an operator puts into a policy set, an auditor's replay neither crashes nor hangs
// on it, and a set that compiles decides.
func FuzzCompile(f *testing.F) {
	condition := func(c string) string {
		return "@id(\"x\") @plain(\"w\") forbid (principal, action, resource) when { " + c + " };"
	}
	for _, s := range []string{
		"", defaultText, many(2), condition("context.machine"), condition("if context.machine then context.own else 1 == 1"),
		condition("context has agreement && context.agreement.version * 9223372036854775807 < 0"), condition(`context.consent like "p*t"`),
		condition(`principal in [Organisation::"a"] || resource is Record in Record::"b"`), condition(`ip("::1").isLoopback() == decimal("1.0").lessThan(decimal("2.0"))`),
		condition(`{"a": [1, {"b": context}]}["a"].contains(-1)`), condition(`datetime("2026-01-01").toDate() < duration("1d")`), condition(`!(!context.named)`),
		"permit (principal, action, resource", "@id @plain permit(principal,action,resource);", "@id(\"\\u{0}\")", "permit(principal == ?principal, action, resource);",
	} {
		f.Add(s)
	}
	list := append(soundAccesses(), unsoundAccesses()...)
	f.Fuzz(func(t *testing.T, text string) {
		for _, text := range []string{text, defaultText + text} {
			s, err := Compile(3, text)
			if err != nil {
				var p *PolicyError
				if !errors.As(err, &p) || p.Reason == "" || p.Line > strings.Count(text, "\n")+1 {
					t.Fatalf("not an error of ours: %v", err)
				}
				continue
			}
			for _, facts := range list {
				first := s.Decide(facts)
				if len(first.Rules) == 0 || len(first.Rules) > MaxRules {
					t.Fatalf("%d rules decided", len(first.Rules))
				}
				for _, r := range first.Rules {
					if s.Plain(r) == "" && r != NoRule {
						t.Fatalf("rule %q has no words", r)
					}
				}
				if again := s.Decide(facts); !reflect.DeepEqual(first, again) {
					t.Fatalf("decided %+v, then %+v", first, again)
				}
			}
		}
	})
}

// source makes values out of bytes.
type source []byte

func (s *source) pick(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func (s *source) bit() bool { return s.pick(2) == 1 }

func (s *source) some(from ...string) (list []string) {
	for range s.pick(4) {
		list = append(list, from[s.pick(len(from))])
	}
	return list
}

var (
	somePurposes = []string{"TREAT", "BTG", "ETREAT", "HRESCH", "DSRCH", "HOPERAT", "POPHLTH", "FAMRQT", "urn:x|y", "NOSUCH", ""}
	someData     = []string{observation, condition, "urn:x|y", "urn:x|*", "urn:x|1|y", "urn:x|1|*", "|*", ""}
	someOrgs     = []string{"A", "B", ""}
	someRoles    = []string{"doctor", "nurse"}
)

func (s *source) time() time.Time {
	if n := s.pick(4); n > 0 {
		return noon.Add(time.Duration(n-2) * time.Second)
	}
	return time.Time{}
}

func (s *source) facts() Facts {
	f := Facts{Org: someOrgs[s.pick(3)], Holder: someOrgs[s.pick(3)], Own: s.bit(), Ledger: s.bit(), Action: "R", Purposes: s.some(somePurposes...), Data: s.some(someData...),
		Roles: s.some(someRoles...), Machine: s.bit(), Emergency: s.bit(), Justified: s.bit(), At: noon, Named: s.bit(),
		Consent: Consent{Decision: []string{"", Permit, Deny, "?"}[s.pick(4)], Refused: s.some(someData...)}}
	if s.bit() {
		f.Agreement = &Agreement{ID: "a", Version: uint64(s.pick(3)), State: []string{"in-force", "suspended", ""}[s.pick(3)], Parties: s.some(someOrgs...),
			Purposes: s.some(somePurposes...), Data: s.some(someData...), Roles: s.some(someRoles...), ConsentBasis: s.bit(), Research: s.bit(),
			Project: []string{"", "p"}[s.pick(2)], Start: s.time(), End: s.time()}
	}
	if s.bit() {
		f.Delegate = &Delegation{Known: s.bit(), Revoked: s.bit(), Scope: s.some(entry.DelegationScopes...), Start: s.time(), End: s.time()}
	}
	return f
}

func (s *source) rule(depth int) Rule {
	r := Rule{Deny: s.bit(), Start: s.time(), End: s.time(), Purposes: s.some(somePurposes...), Data: s.some(someData...),
		Recipients: s.some(someOrgs...), Roles: s.some(someRoles...), Actions: s.some("R", "U"), DataStart: s.time()}
	if depth > 0 {
		for range s.pick(3) {
			r.Except = append(r.Except, s.rule(depth-1))
		}
	}
	return r
}

// What holds of every decision by the built-in set, whatever the access.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x01\x01\x00\x01\x00\x01\x00\x00\x00\x01\x01\x01\x01\x00\x01\x02\x00\x02\x00\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := source(b)
		facts := src.facts()
		set := BuiltIn()
		d := facts.decision(set.outcomes(&facts)[facts.Consent.choice()])
		if first, second := set.Decide(facts), set.Decide(facts); !reflect.DeepEqual(first, d) || !reflect.DeepEqual(second, d) {
			t.Fatalf("decided %+v, remembered %+v, then %+v", d, first, second)
		}
		if len(d.Rules) == 0 || !slices.IsSorted(d.Rules) {
			t.Fatalf("rules %q", d.Rules)
		}
		due := func(id string) bool {
			return slices.ContainsFunc(d.Obligations, func(o Obligation) bool { return o.ID == id })
		}
		a := facts.Agreement
		if a != nil && !facts.Own && !facts.Ledger && !facts.Emergency {
			departed := a.Departures(facts.Purposes, facts.Data, facts.Roles, facts.Machine)
			for field, rule := range map[string]string{"purpose": "agreement-purpose", "data": "agreement-data", "role": "agreement-role"} {
				departs := slices.ContainsFunc(departed, func(d Departure) bool { return d.Field == field })
				if field == "purpose" && len(facts.Purposes) == 0 {
					rule = "purpose-stated"
				}
				if slices.Contains(d.Rules, rule) != departs {
					t.Errorf("departures %+v, but the verdict cites %q", departed, d.Rules)
				}
			}
		}
		switch d.Result {
		case entry.Covered:
			if facts.Emergency {
				t.Error("an emergency is plainly covered")
			}
			if !facts.Own && !facts.Ledger && (a == nil || a.State != "in-force" || !slices.Contains(a.Parties, facts.Org) || len(a.unlistedPurposes(facts.Purposes)) > 0) {
				t.Error("covered without an agreement that covers it")
			}
			if !facts.Own && !facts.Ledger && a.ConsentBasis && facts.Consent.Decision != Permit {
				t.Error("covered without the consent that its agreement rests on")
			}
			if len(facts.Purposes) == 0 {
				t.Error("covered without a purpose")
			}
		case entry.BreakGlass:
			if !facts.Emergency || !due(FollowUp) || due(Justify) == facts.Justified {
				t.Errorf("break-glass of %+v with %+v", facts, d.Obligations)
			}
		case entry.NotCovered:
			if due(FollowUp) {
				t.Error("a follow-up of what was not allowed")
			}
		default:
			t.Errorf("result %q", d.Result)
		}
	})
}

// naively decides by the words of Rule's comment: pair by pair, record by record, without looking
// ahead.
func naively(records []Record, q Request) string {
	result := Permit
	for _, p := range orUnstated(q.Purposes) {
		for _, d := range orUnstated(q.Data) {
			said := ""
			for _, r := range records {
				switch decideOne(r.Rule, r.Deny, q, p, d) {
				case Deny:
					return Deny
				case Permit:
					said = Permit
				}
			}
			if said == "" {
				result = ""
			}
		}
	}
	return result
}

func anyCovers(permitted []string, asked string) bool {
	return slices.ContainsFunc(permitted, func(p string) bool { return Covers(p, asked) })
}

func decideOne(r Rule, deny bool, q Request, purpose, datum string) string {
	listed := func(limited, stated, listed bool) bool { return !limited || stated && listed || !stated && deny }
	if !listed(len(r.Purposes) > 0, purpose != "", anyCovers(r.Purposes, purpose)) ||
		!listed(len(r.Data) > 0, datum != "", anyCoversData(r.Data, datum)) ||
		!listed(len(r.Roles) > 0, len(q.Roles) > 0, overlap(r.Roles, q.Roles)) ||
		!listed(len(r.Recipients) > 0, q.Org != "", slices.Contains(r.Recipients, q.Org)) ||
		!listed(len(r.Actions) > 0, true, slices.Contains(r.Actions, q.Action)) ||
		!listed(!r.DataStart.IsZero() || !r.DataEnd.IsZero(), false, false) || !within(q.At, r.Start, r.End) {
		return ""
	}
	var said []string
	for _, x := range r.Except {
		said = append(said, decideOne(x, x.Deny || !deny, q, purpose, datum))
	}
	for _, decision := range []string{Deny, Permit} {
		if slices.Contains(said, decision) {
			return decision
		}
	}
	return map[bool]string{true: Deny, false: Permit}[deny]
}

// Combine comes to what a naive reading of the rule comes to, in any order of the records.
func FuzzCombine(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x04\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := source(b)
		q := Request{Org: someOrgs[src.pick(3)], Action: "R", Purposes: src.some(somePurposes...), Data: src.some(someData...), Roles: src.some(someRoles...), At: noon}
		var records []Record
		for i := range src.pick(4) {
			records = append(records, Record{ID: string(rune('a' + i)), Rule: src.rule(3)})
		}
		got := Combine(records, q)
		if want := naively(records, q); got.Decision != want {
			t.Fatalf("Combine says %q, naively %q, of %+v by %+v", got.Decision, want, q, records)
		}
		if (got.ID == "") != (got.Decision == "") || len(got.Refused) > 0 && (got.Decision != Deny || len(got.Refused) >= len(q.Data)) {
			t.Fatalf("%+v", got)
		}
		slices.Reverse(records)
		if back := Combine(records, q); back.Decision != got.Decision || !slices.Equal(back.Refused, got.Refused) {
			t.Fatalf("%+v, in reverse %+v", got, back)
		}
	})
}
