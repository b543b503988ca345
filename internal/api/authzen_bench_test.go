package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
)

// BenchmarkEvaluation is a decision from the request to the answer, without a network: a permit,
// which is not logged, and a denial, which is. There are 1,000 agreements, and 1,000 persons of
// whom every second one has refused something.
func BenchmarkEvaluation(bench *testing.B) {
	b := newBoard(bench)
	b.agree(b.isa("isa-1", 1))
	var list []*entry.Entry
	for i := range 1000 {
		list = append(list, b.sign(b.keys["SRC"], &entry.Agreement{Common: common("SRC"), Agreement: b.isa(fmt.Sprintf("other-%d", i), 1)}))
	}
	for _, r := range b.log.Append(b.Context(), list...) {
		b.ok(r.Err)
	}
	const people = 512
	id := func(i int) string { return fmt.Sprintf("temp:SRC:%d", i%people) }
	for i := range people / 2 {
		b.refuse(id(2*i), "HRESCH")
	}
	h := b.handler()
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	for name, purpose := range map[string]string{"permit": "TREAT", "denial": "HPAYMT"} {
		bodies := make([]string, people)
		for i := range bodies {
			text, _ := json.Marshal(questionOf(b.shared(id(i), func(a *entry.Access) { a.Purpose = []string{purpose} })))
			bodies[i] = string(text)
		}
		ask := func(bench *testing.B, i int) bool {
			req := httptest.NewRequest("POST", "/access/v1/evaluation", strings.NewReader(bodies[i%people]))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", auth)
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != 200 {
				bench.Error(rec.Body.String())
			}
			return rec.Code == 200
		}
		bench.Run(name+"/many", func(bench *testing.B) {
			bench.SetParallelism(32)
			bench.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next() && ask(bench, i); i++ {
				}
			})
			bench.ReportMetric(float64(bench.N)/bench.Elapsed().Seconds(), "decisions/s")
		})
		bench.Run(name+"/alone", func(bench *testing.B) {
			took := make([]time.Duration, 0, bench.N)
			for i := 0; bench.Loop(); i++ {
				began := time.Now()
				ask(bench, i)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			bench.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkDecisionsTellNothing asks by turns about a person who refused and one who was never
// asked, under an agreement that rests on consent, so that both are denied alike. It reports how
// often the answer about who refused takes longer: 0.5 is chance, and what an observer of the time
// gains over guessing is the distance from it. The second metric is the spread of that number if
// there were nothing to see.
func BenchmarkDecisionsTellNothing(bench *testing.B) {
	b := newBoard(bench)
	b.agree(b.isa("isa-consent", 1, func(a *entry.AgreementText) { a.Article6 = []string{"a"} }))
	people := []string{"temp:SRC:refused", "temp:SRC:unasked"}
	b.choose(people[0], &entry.ConsentRule{Decision: "deny", Restricts: true})
	b.append(b.submit["SRC"], b.access("SRC", people[1]))
	h := b.handler()
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	took := make([][]time.Duration, 2)
	for n := 0; bench.Loop(); n++ {
		for i := range people {
			who := (n + i) % 2 // neither is always the first
			q := questionOf(b.shared(people[who], func(a *entry.Access) {
				a.Agreement, a.Role = "isa-consent", []string{"nurse", fmt.Sprint("role-", n)} // never asked before
			}))
			text, _ := json.Marshal(q)
			req := httptest.NewRequest("POST", "/access/v1/evaluation", strings.NewReader(string(text)))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", auth)
			rec := httptest.NewRecorder()
			began := time.Now()
			h.ServeHTTP(rec, req)
			took[who] = append(took[who], time.Since(began))
			if rec.Code != 200 {
				bench.Fatal(rec.Body.String())
			}
		}
	}
	longer, all := 0.0, 0.0
	for _, x := range took[0] {
		for _, y := range took[1] {
			all++
			if x > y {
				longer++
			} else if x == y {
				longer += 0.5
			}
		}
	}
	n := float64(len(took[0]))
	bench.ReportMetric(longer/all, "refused-longer")
	bench.ReportMetric(math.Sqrt((2*n+1)/(12*n*n)), "by-chance±")
}
