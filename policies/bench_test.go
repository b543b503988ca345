package policies

import (
	"fmt"
	"testing"
)

// What a decision costs where nothing is remembered: the cheapest case, and one in which every rule
// of an agreement is looked at and two fail.
func BenchmarkDecide(b *testing.B) {
	s := BuiltIn()
	failing := with(func(f *Facts, a *Agreement) { a.State, a.ConsentBasis, f.Consent = "terminated", true, Consent{} })
	for _, c := range []struct {
		name string
		f    Facts
	}{{"own", own(none)}, {"agreement", sound()}, {"not-covered", failing}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				s.outcomes(&c.f)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
	b.Run("remembered", func(b *testing.B) {
		f := sound()
		for b.Loop() {
			s.Decide(f)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	})
}

func BenchmarkCombine(b *testing.B) {
	var records []Record
	for i := range 10 {
		records = append(records, Record{ID: fmt.Sprint(i), Rule: Rule{Purposes: []string{"TREAT"}, Except: []Rule{{Deny: true, Recipients: []string{"BOARD-B"}}}}})
	}
	q := asked(nil)
	wide := asked(func(q *Request) {
		q.Purposes, q.Data = nil, nil
		for i := range 64 {
			q.Purposes, q.Data = append(q.Purposes, "BTG"), append(q.Data, fmt.Sprint("urn:x|", i))
		}
	})
	for name, q := range map[string]Request{"ordinary": q, "widest": wide} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Combine(records, q)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(1, defaultText); err != nil {
			b.Fatal(err)
		}
	}
}
