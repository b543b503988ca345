package policies

import (
	"errors"
	"math/rand/v2"
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
	someData     = []string{observation, condition, "urn:x|y", "urn:x|*", "urn:x|1|y", "urn:x|1|*", "|*", "", confidential + "N", confidential + "R", confidential + "V",
		confidential + "*", "urn:oid:2.16.840.1.113883.5.25|L", actCode + "|PSY", actCode + "|SDV", RecordSystem + "|Observation/7", RecordSystem + "|https://x.example/Observation/7",
		AuthorSystem + "|urn:gmc|1", AuthorSystem + "|urn:gmc|2", AuthorSystem + "|Practitioner/1"}
	someStaff    = []string{"urn:nmc|1", "urn:gmc|1", "1", "https://x.example/Practitioner/1", "Practitioner/1"}
	someUnits    = []string{"urn:wards|4", "urn:wards|5", "4", "urn:igledger:organisation|A"}
	confidential = confidentiality + "|"
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
		Consent: Consent{Decision: []string{"", Permit, Deny, "?"}[s.pick(4)], Refused: s.some(someData...), Unnamed: s.bit()}}
	if s.bit() {
		var kinds [][]string
		for range s.pick(3) {
			kinds = append(kinds, append(s.some(someData[:7]...), someData[s.pick(len(someData))]))
		}
		f.Agreement = &Agreement{ID: "a", Version: uint64(s.pick(3)), State: []string{"in-force", "suspended", ""}[s.pick(3)], Parties: s.some(someOrgs...),
			Purposes: s.some(somePurposes...), Data: kinds, Roles: s.some(someRoles...), ConsentBasis: s.bit(), Research: s.bit(),
			Project: []string{"", "p"}[s.pick(2)], Start: s.time(), End: s.time()}
	}
	if s.bit() {
		f.Delegate = &Delegation{Known: s.bit(), Revoked: s.bit(), Scope: s.some(entry.DelegationScopes...), Start: s.time(), End: s.time()}
	}
	return f
}

func (s *source) rule(depth int) Rule {
	r := Rule{Deny: s.bit(), Start: s.time(), End: s.time(), Purposes: s.some(somePurposes...), Data: s.some(someData...),
		Recipients: s.some(someOrgs...), Staff: s.some(someStaff...), Units: s.some(someUnits...), Roles: s.some(someRoles...), Actions: s.some(
			"R", "U",
		), DataStart: s.time()}
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
			departed := a.Departures(facts.Purposes, facts.Data, facts.Roles, facts.Machine, facts.Codes)
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

// naively decides by the words of Combine's comment: combination by combination, record by record,
// without looking ahead. It shares only CoversData and Covers.
func naively(records []Record, q Request) string {
	result := Permit
	for _, c := range combinations(q) {
		said := ""
		for _, r := range records {
			switch decideOne(r.Rule, r.Deny, r.Holder, q, c) {
			case Deny:
				return Deny
			case Permit:
				if !r.RefusesOnly {
					said = Permit
				}
			}
		}
		if said == "" && !c.open {
			result = ""
		}
	}
	return result
}

// combination is one purpose with one code in each dimension, "" where the access states none.
type combination struct {
	purpose, typ, code, label, record, author string
	open                                      bool // the label is one that the access left out; label says of which kind
}

const levelLeftOut, reasonLeftOut = "level", "reason"

func combinations(q Request) (list []combination) {
	var types, codes, labels, records, authors []string
	levelled, reasoned, high := false, false, false
	for _, d := range q.Data {
		switch d = strings.Replace(d, "urn:oid:2.16.840.1.113883.5.25|", confidential, 1); {
		case d == "":
		case strings.HasPrefix(d, "http://hl7.org/fhir/resource-types|"):
			types = append(types, d)
		case strings.HasPrefix(d, confidential):
			labels, levelled = append(labels, d), true
			high = high || !slices.Contains([]string{"U", "L", "M", "N"}, strings.TrimPrefix(d, confidential))
		case strings.HasPrefix(d, actCode+"|"):
			labels, reasoned = append(labels, d), true
		case strings.HasPrefix(d, RecordSystem+"|"):
			records = append(records, d)
		case strings.HasPrefix(d, AuthorSystem+"|"):
			authors = append(authors, d)
		default:
			codes = append(codes, d)
		}
	}
	labels = orUnstated(labels)
	stated := len(labels)
	if reasoned && !levelled {
		labels = append(labels, levelLeftOut)
	}
	if high && !reasoned {
		labels = append(labels, reasonLeftOut)
	}
	for _, p := range orUnstated(q.Purposes) {
		for _, t := range orUnstated(types) {
			for _, c := range orUnstated(codes) {
				for i, l := range labels {
					for _, r := range orUnstated(records) {
						for _, a := range orUnstated(authors) {
							list = append(list, combination{p, t, c, l, r, a, i >= stated})
						}
					}
				}
			}
		}
	}
	return list
}

func anyCovers(permitted []string, asked string) bool {
	return slices.ContainsFunc(permitted, func(p string) bool { return Covers(p, asked) })
}

// dataMet reports whether a rule's list of data is met by the combination.
func dataMet(r Rule, deny bool, holder string, q Request, c combination) bool {
	limits, met := map[string]bool{}, map[string]bool{}
	for _, l := range r.Data {
		l = strings.Replace(l, "urn:oid:2.16.840.1.113883.5.25|", confidential, 1)
		dimension, stated := "code", c.code
		switch {
		case strings.HasPrefix(l, "http://hl7.org/fhir/resource-types|"):
			dimension, stated = "type", c.typ
		case strings.HasPrefix(l, confidential), strings.HasPrefix(l, actCode+"|"):
			dimension, stated = "label", c.label
		case strings.HasPrefix(l, RecordSystem+"|"):
			dimension, stated = "record", c.record
		case strings.HasPrefix(l, AuthorSystem+"|"):
			dimension, stated = "author", c.author
		}
		limits[dimension] = true
		const order = "ULMNRV"
		at := strings.Index(order, strings.TrimPrefix(stated, confidential))
		listed := strings.Index(order, strings.TrimPrefix(l, confidential))
		switch {
		case stated == "":
			met[dimension] = met[dimension] || deny
		case dimension == "label" && c.open:
			met[dimension] = met[dimension] || deny && (stated == levelLeftOut) == strings.HasPrefix(l, confidential)
		case dimension == "label" && strings.HasPrefix(l, confidential) && strings.HasPrefix(stated, confidential) && at >= 0 && listed >= 0:
			met[dimension] = met[dimension] || deny && at >= listed || !deny && at <= listed
		case deny && dimension == "record" && strings.HasSuffix(l, "Observation/7") && strings.HasSuffix(stated, "Observation/7"):
			met[dimension] = true
		case deny && dimension == "author" && !slices.ContainsFunc(r.Data, func(o string) bool {
			return strings.HasPrefix(o, AuthorSystem) && strings.Contains(o, "/") == strings.Contains(stated, "/")
		}):
			met[dimension] = true
		case dimension == "author" && !deny && strings.Contains(stated, "/") && q.Holder != holder:
		case dimension == "record" && !deny && !strings.Contains(stated, "https://") && q.Holder != holder:
		default:
			met[dimension] = met[dimension] || CoversData(l, stated)
		}
	}
	for d := range limits {
		if !met[d] {
			return false
		}
	}
	return true
}

func decideOne(r Rule, deny bool, holder string, q Request, c combination) string {
	listed := func(limited, stated, listed bool) bool { return !limited || stated && listed || !stated && deny }
	reference := func(s string) bool { return strings.Contains(s, "/") && !strings.Contains(s, "|") }
	compared := func(list, stated []string) []string { // those of which the rule lists the kind
		var out []string
		for _, s := range stated {
			if slices.ContainsFunc(list, func(l string) bool { return reference(l) == reference(s) }) {
				out = append(out, s)
			}
		}
		return out
	}
	named := func(list, stated []string) bool {
		for _, s := range stated {
			own := !strings.ContainsAny(s, "|:")
			if slices.Contains(list, s) && (deny || !own || q.Org == holder) || deny && strings.HasSuffix(s, "Practitioner/1") &&
				slices.ContainsFunc(list, func(l string) bool { return strings.HasSuffix(l, "Practitioner/1") }) {
				return true
			}
		}
		return false
	}
	if !listed(len(r.Purposes) > 0, c.purpose != "", anyCovers(r.Purposes, c.purpose)) ||
		!dataMet(r, deny, holder, q, c) ||
		!listed(len(r.Roles) > 0, len(q.Roles) > 0, overlap(r.Roles, q.Roles)) ||
		!listed(len(r.Recipients) > 0, q.Org != "", slices.Contains(r.Recipients, q.Org) ||
			deny && slices.Contains(q.Units, "urn:igledger:organisation|A") && slices.Contains(r.Recipients, "A")) ||
		!listed(len(r.Staff) > 0, len(compared(r.Staff, q.Staff)) > 0, named(r.Staff, q.Staff)) || len(r.Staff) > 0 && q.Machine ||
		!listed(len(r.Units) > 0, len(compared(r.Units, q.Units)) > 0, named(r.Units, q.Units)) ||
		!listed(len(r.Actions) > 0, true, slices.Contains(r.Actions, q.Action)) ||
		!listed(!r.DataStart.IsZero() || !r.DataEnd.IsZero(), false, false) || !within(q.At, r.Start, r.End) {
		return ""
	}
	var said []string
	for _, x := range r.Except {
		said = append(said, decideOne(x, x.Deny || !deny, holder, q, c))
	}
	for _, decision := range []string{Deny, Permit} {
		if slices.Contains(said, decision) {
			return decision
		}
	}
	return map[bool]string{true: Deny, false: Permit}[deny]
}

// Combine comes to what a naive reading of the rule comes to, in any order of the records. What it
// says to leave out helps, and a refusal for want of a name ends with one.
func FuzzCombine(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x04\x00\x00\x00\x00\x00"))
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 { // so that an ordinary test run sees rules of every kind
		b := make([]byte, 200)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		src := source(b)
		q := Request{Org: someOrgs[src.pick(3)], Holder: someOrgs[src.pick(3)], Action: "R", Purposes: src.some(somePurposes...),
			Data: append(
				src.some(someData...), src.some(someData...)...,
			), Roles: src.some(someRoles...), Staff: src.some(someStaff...), Units: src.some(someUnits...),
			Machine: src.bit(), At: noon}
		var records []Record
		for i := range src.pick(4) {
			records = append(
				records,
				Record{ID: string(rune('a' + i)), Holder: someOrgs[src.pick(3)], RefusesOnly: src.pick(8) == 7, Rule: src.rule(3)},
			)
		}
		got := Combine(records, q)
		if want := naively(records, q); got.Decision != want {
			t.Fatalf("Combine says %q, naively %q, of %+v by %+v", got.Decision, want, q, records)
		}
		if (got.ID == "") != (got.Decision == "") || len(got.Refused) > 0 && (got.Decision != Deny || len(got.Refused) >= len(q.Data)) {
			t.Fatalf("%+v", got)
		}
		if len(got.Refused) > 0 {
			rest := q
			rest.Data = slices.DeleteFunc(slices.Clone(q.Data), func(d string) bool { return slices.Contains(got.Refused, d) })
			if naively(records, rest) == Deny {
				t.Fatalf("without %q, %+v is still refused by %+v", got.Refused, q, records)
			}
		}
		if got.Decision == Deny {
			named := q
			if !q.Machine {
				named.Staff = append(slices.Clip(named.Staff), "urn:other|0", "Practitioner/0")
			}
			named.Units = append(slices.Clip(named.Units), "urn:other|0", "Location/0")
			if got.Unnamed != (naively(records, named) != Deny) {
				t.Fatalf("unnamed %v of %+v by %+v", got.Unnamed, q, records)
			}
		}
		slices.Reverse(records)
		if back := Combine(records, q); back.Decision != got.Decision || !slices.Equal(back.Refused, got.Refused) || back.Unnamed != got.Unnamed {
			t.Fatalf("%+v, in reverse %+v", got, back)
		}
	})
}
