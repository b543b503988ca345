package web_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"igledger/internal/web/reading"
)

// BenchmarkStatementOf1000 verifies a statement of 1,000 accesses in Chromium, called as the page
// calls it, and natively, in a log of 4,000 entries.
func BenchmarkStatementOf1000(b *testing.B) {
	w := newWorld()
	for range 1000 {
		w.AddSealed(w.Access("lothian", w.Second, w.me()), w.me())
	}
	w.AddRandom(3000)
	statement := marshal(b, w.Statement(w.claim()))
	b.Run("chromium", func(b *testing.B) {
		p := open(b)
		p.clock(now)
		text, _ := json.Marshal(string(statement))
		policy, _ := json.Marshal(w.policy)
		eval[bool](p, fmt.Sprintf(`(window.bytes = new TextEncoder().encode(%s), window.pol = %s, true)`, text, policy))
		ms := 0.0
		for b.Loop() {
			ms += eval[float64](p, `(() => {
				const start = performance.now(), r = verifyStatement(bytes, pol, "chi:0101011237");
				if (r.verdict !== "complete" || r.entries.length !== 1002) throw new Error(r.verdict + r.problem);
				return performance.now() - start;
			})()`)
		}
		b.ReportMetric(ms/float64(b.N), "ms/statement")
		b.ReportMetric(float64(len(statement))/1002, "B/access")
	})
	b.Run("native", func(b *testing.B) {
		for b.Loop() {
			if r := reading.Read(reading.Input{Statement: statement, Policy: w.policy, ID: w.me(), Now: now}); r.Verdict != reading.Whole {
				b.Fatal(r.Problem, r.Says)
			}
		}
	})
}
