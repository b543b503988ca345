package consent_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"igledger/consent"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/terminology"
)

func (w *world) policySet(version uint64, text string) error {
	w.Helper()
	_, err := w.admit(&entry.PolicySet{
		Common: w.by("registry"), Version: version, Schema: entry.SchemaV1, Text: text, Hash: sum(text),
		Reason: "as decided",
	})
	return err
}

// A new policy set judges what comes after it; older verdicts keep their words.
func TestPolicySets(t *testing.T) {
	w := newWorld(t)
	w.agree(isa("isa-1", 1))
	text := policies.BuiltIn().Text()
	w.want(w.policySet(2, text), register.VersionConflict)
	w.want(w.policySet(1, "permit (principal, action, resource);"), register.BadPolicySet)
	w.want(w.policySet(1, "nonsense"), register.BadPolicySet)
	before := w.verdict(w.access(), entry.Covered)
	w.ok(w.policySet(1, strings.Replace(text, "A data-sharing agreement between the organisations covers it.", "Other words.", 1)))
	w.want(w.policySet(1, text), register.VersionConflict)
	after := w.verdict(w.access(), entry.Covered)
	if before.Policies != 0 || after.Policies != 1 {
		t.Errorf("sets %d and %d", before.Policies, after.Policies)
	}
	if a, b := w.rules.Reasons(before)[0], w.rules.Reasons(after)[0]; a == b || b != "Other words." {
		t.Errorf("%q and %q", a, b)
	}
	if w.rules.PoliciesOf(1) != w.rules.Policies() || w.rules.PoliciesOf(2) != nil {
		t.Error("version 1 is not the set in use, or there is a version 2")
	}
	words := w.rules.Reasons(&entry.Verdict{Result: entry.NotCovered, Rules: []string{"gone", "objection"}, Policies: 9})
	if want := []string{"", policies.BuiltIn().Plain("objection")}; !slices.Equal(words, want) {
		t.Errorf("of an unknown set: %q", words)
	}
}

// And of policy sets.
func TestFuturePoliciesAreApart(t *testing.T) {
	w := newWorld(t)
	text := policies.BuiltIn().Text()
	for version := uint64(1); version < 5; version++ {
		before := w.rules
		next := func(text string) *consent.Rules {
			w.rules = before
			w.ok(w.policySet(version, text))
			return w.rules
		}
		one, two := next(text), next(text+"\n")
		if one.Policies().Text() != text || two.Policies().Text() != text+"\n" {
			t.Errorf("two sets of version %d are one", version)
		}
	}
}

// A policy set that rests on code systems is judged by with them, and by nothing else.
func TestPolicySetWithCodeSystems(t *testing.T) {
	x, err := terminology.Load(strings.NewReader("subtypeId\tsupertypeId\n1000001001\t1000001000\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := policies.BuiltIn().Text()
	set := func(w *world, version uint64, files ...wire.Hash) {
		w.Helper()
		_, err := w.admit(&entry.PolicySet{Common: w.by("registry"), Version: version, Schema: entry.SchemaV1, Text: text,
			Hash: sum(text), Reason: "as decided", Terminology: files})
		w.ok(err)
	}
	given, without := newWorld(t), newWorld(t)
	given.rules = consent.New(x)
	for _, w := range []*world{given, without} {
		w.agree(isa("isa-1", 1))
		w.verdict(w.access(), entry.Covered)
		set(w, 1, x.Files()...)
	}
	given.verdict(given.access(), entry.Covered)
	if !given.rules.Knows(x.Files()) || given.rules.Able() != nil {
		t.Error("rules do not know the code systems that they were given")
	}
	_, err = without.rules.Decide(without.access(), func(string) []byte { return nil })
	if !errors.Is(err, register.ErrUnable) || without.rules.Knows(x.Files()) {
		t.Errorf("without the code systems: %v", err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("%x", x.Files()[0][:])) {
		t.Errorf("%q does not say which file is missing", err)
	}
	// A refusal of a branch reaches what lies below it; an agreement for a branch covers it.
	of := func(code string) func(*entry.Access) {
		return func(a *entry.Access) {
			a.Agreement, a.Purpose, a.Data = "branch", []string{"HQUALIMP"}, []string{"http://snomed.info/sct|" + code}
		}
	}
	given.agree(isa("branch", 1, func(t *entry.AgreementText) {
		t.Purposes[0].Code, t.Data[0].Codes = "HQUALIMP", []string{"http://snomed.info/sct|1000001000"}
	}))
	given.verdict(given.access(of("1000001001")), entry.Covered)
	given.verdict(given.access(of("1000009999")), entry.NotCovered, "agreement-data") // the file does not know it
	given.mustJudge(given.consent("refused", func(c *entry.Consent) {
		c.Rule.Purposes, c.Rule.Data = nil, []string{"http://snomed.info/sct|1000001000"}
	}))
	given.verdict(given.access(of("1000001001")), entry.NotCovered, "objection")
	given.verdict(given.access(of("1000001000")), entry.NotCovered, "objection")
	// An older verdict stays as it was, and a set without code systems judges again.
	set(without, 2)
	without.verdict(without.access(), entry.Covered)
}
