package policies

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Nothing that is asked may be remembered for something else: every field that a decision looks at,
// changed alone, has a key of its own.
func TestKeysDiffer(t *testing.T) {
	at := sound().At
	seen := map[string]string{}
	for name, change := range map[string]func(f *Facts, a *Agreement){
		"nothing": func(f *Facts, a *Agreement) {}, "org": func(f *Facts, a *Agreement) { f.Org = "X" }, "holder": func(f *Facts, a *Agreement) { f.Holder = "X" },
		"own": func(f *Facts, a *Agreement) { f.Own = true }, "ledger": func(f *Facts, a *Agreement) { f.Ledger = true },
		"action": func(f *Facts, a *Agreement) { f.Action = "U" }, "purposes": func(f *Facts, a *Agreement) {
			f.Purposes = []string{
				"TREAT", "COC",
			}
		},
		"split": func(f *Facts, a *Agreement) { f.Purposes = []string{"TREATCOC"} }, "moved": func(f *Facts, a *Agreement) {
			f.Purposes, f.Data = nil, append(
				[]string{"TREAT"}, f.Data...,
			)
		},
		"two words": func(f *Facts, a *Agreement) {
			f.Purposes = []string{
				"AB", "C",
			}
		}, "cut elsewhere": func(f *Facts, a *Agreement) { f.Purposes = []string{"A", "BC"} },
		"data": func(f *Facts, a *Agreement) { f.Data = nil }, "roles": func(f *Facts, a *Agreement) { f.Roles = nil }, "machine": func(f *Facts, a *Agreement) { f.Machine = true },
		"emergency": func(f *Facts, a *Agreement) { f.Emergency = true }, "justified": func(f *Facts, a *Agreement) { f.Justified = true },
		"named":          func(f *Facts, a *Agreement) { f.Named = false },
		"agreement":      func(f *Facts, a *Agreement) { f.Agreement = nil },
		"delegate":       func(f *Facts, a *Agreement) { f.Delegate = &Delegation{} },
		"delegate ended": func(f *Facts, a *Agreement) { f.Delegate = &Delegation{Known: true, Revoked: true} },
		"agreement id":   func(f *Facts, a *Agreement) { a.ID = "x" }, "version": func(f *Facts, a *Agreement) { a.Version++ }, "state": func(f *Facts, a *Agreement) { a.State = "x" },
		"parties": func(f *Facts, a *Agreement) { a.Parties = nil }, "agreed purposes": func(f *Facts, a *Agreement) { a.Purposes = nil },
		"agreed data": func(f *Facts, a *Agreement) { a.Data = [][]string{{condition}} }, "agreed roles": func(f *Facts, a *Agreement) { a.Roles = []string{"nurse"} },
		"basis": func(f *Facts, a *Agreement) { a.ConsentBasis = true }, "research": func(f *Facts, a *Agreement) { a.Research = true },
		"project": func(f *Facts, a *Agreement) { a.Project = "x" }, "period": func(f *Facts, a *Agreement) { a.Start = at.Add(1) },
	} {
		f := with(change)
		key, small := f.key(nil)
		if !small {
			t.Errorf("%s: an ordinary access is too long to be remembered", name)
		}
		if other, ok := seen[string(key)]; ok {
			t.Errorf("%s and %s are remembered as one", name, other)
		}
		seen[string(key)] = name
	}
	// And the same question at another time of the same day, about another person who chose something
	// else, is the same question: what is remembered does not tell what was chosen.
	a, b := sound(), sound()
	b.At, b.Consent = at.Add(time.Hour), Consent{Decision: Deny, ID: "another", Restricts: true, Refused: []string{observation}}
	ka, _ := a.key(nil)
	kb, _ := b.key(nil)
	if !slices.Equal(ka, kb) {
		t.Error("time or consent id is part of the key")
	}
}

// The memory of decisions is bounded, however many different accesses there are, and what is asked
// again and again stays.
func TestMemoIsBounded(t *testing.T) {
	var m memo
	often := []byte("asked often")
	m.put(often, new(outcomes))
	key := make([]byte, maxKey)
	for i := range 5 * maxRemembered / maxKey {
		copy(key, fmt.Sprint(i, " "))
		m.put(key, new(outcomes))
		if _, ok := m.get(often); !ok {
			t.Fatalf("forgotten after %d others", i)
		}
		if n := (len(m.newer) + len(m.older)) * maxKey; n > 3*maxRemembered {
			t.Fatalf("%d bytes of keys are held", n)
		}
	}
	copy(key, "0 ")
	if _, ok := m.get(key); ok {
		t.Error("the first is still there: nothing was forgotten")
	}
}
