package consent_test

import (
	"fmt"
	"testing"

	"igledger/ledger/entry"
)

// busy has many agreements in force.
func busy(b *testing.B, agreements int) *world {
	w := newWorld(b)
	for i := range agreements {
		w.agree(isa(fmt.Sprintf("isa-%d", i), 1))
	}
	w.log = nil
	return w
}

func BenchmarkJudge(b *testing.B) {
	w := busy(b, 5000)
	w.mustJudge(w.consent("refused", func(c *entry.Consent) { c.Rule.Purposes = []string{"HRESCH"} }))
	w.mustJudge(w.consent("given", func(c *entry.Consent) { c.Consent = deed; c.Rule.Purposes = []string{"TREAT"} }))
	accesses := make([]*entry.Entry, 1000)
	for i := range accesses {
		accesses[i] = w.sign(w.access(func(a *entry.Access) { a.Agreement = fmt.Sprintf("isa-%d", i*5) }))
	}
	for name, state := range map[string][]byte{"no consents": nil, "two consents": w.states[person]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				j, err := w.rules.Judge(accesses[i%len(accesses)], 1<<40, func(string) []byte { return state })
				if err != nil || j.Verdict.Result != entry.Covered {
					b.Fatal(j, err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verdicts/s")
		})
	}
}

// Each of a million people has a state of their own; no memo knows them all.
func BenchmarkJudgeMillionPersons(b *testing.B) {
	w := busy(b, 5000)
	w.mustJudge(w.consent("refused", func(c *entry.Consent) { c.Rule.Purposes = []string{"HRESCH"} }))
	template := string(w.states[person])
	states := make([][]byte, 1_000_000)
	for i := range states {
		s := []byte(template)
		copy(s[len(`{"v":1,"consents":[{"id":"`):], fmt.Sprintf("%08x", i))
		states[i] = s
	}
	accesses := make([]*entry.Entry, 5000)
	for i := range accesses {
		accesses[i] = w.sign(w.access(func(a *entry.Access) { a.Agreement = fmt.Sprintf("isa-%d", i) }))
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		j, err := w.rules.Judge(accesses[i%len(accesses)], 1<<40, func(string) []byte { return states[i%len(states)] })
		if err != nil || j.Verdict.Result != entry.Covered {
			b.Fatal(j, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "verdicts/s")
}

func BenchmarkAdmit(b *testing.B) {
	w := busy(b, 5000)
	e := w.sign(&entry.AgreementAct{Common: w.by("north"), Agreement: "isa-77", Version: 1, Act: "review", Reason: "due"})
	for b.Loop() {
		if _, err := w.rules.Admit(e, 1<<40, w.reg); err != nil {
			b.Fatal(err)
		}
	}
}
