package api

import (
	"encoding/json"
	"fmt"
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
