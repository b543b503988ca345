package ledger_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"igledger/consent"
	"igledger/internal/testdb"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// BenchmarkVerdicts compares the rate of a log that judges every access with the rate of one that
// has no rules. Runs alternate and the medians are compared; ratio-cpu compares processor time an
// entry. The promise is at least 0.90.
func BenchmarkVerdicts(b *testing.B) {
	const rounds, entries, clients = 7, 10_000, 256
	printConditions()
	for range b.N {
		var rates, cpu [2][]float64
		for round := range rounds {
			for _, i := range [][]int{{0, 1}, {1, 0}}[round%2] {
				w := newWorld(b, testdb.SQLite(b))
				w.log.Close(w.ctx)
				if i == 1 {
					w.rules = consent.New()
				}
				w.reopen()
				c := newCrowd(w, clients, entries)
				work := c.sign(entries)
				runtime.GC()
				m := c.send(work, 1)
				rates[i], cpu[i] = append(rates[i], m.rate()), append(cpu[i], m.cpu.Seconds())
				c.check(m)
			}
		}
		b.ReportMetric(median(rates[0]), "entries/s-without")
		b.ReportMetric(median(rates[1]), "entries/s-with")
		b.ReportMetric(median(rates[1])/median(rates[0]), "ratio")
		b.ReportMetric(median(cpu[0])/median(cpu[1]), "ratio-cpu")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDecide measures decisions of a ledger in process, on SQLite: the caller is known, the
// person's state is read from the database and decrypted, the agreement named is one of 5,000, and
// each person has a consent on file (20,000 people, or $IGLEDGER_BENCH_CONSENTS; the promise of
// 10,000 a second and p99 of 2 ms is about 1,000,000).
func BenchmarkDecide(b *testing.B) {
	const agreements = 5000
	people := 20_000
	if n, err := strconv.Atoi(os.Getenv("IGLEDGER_BENCH_CONSENTS")); err == nil {
		people = n
	}
	printConditions()
	g := newGoverned(b, testdb.SQLite(b))
	var batch []*entry.Entry
	flush := func() {
		for _, r := range g.log.Append(g.ctx, batch...) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
		batch = batch[:0]
	}
	for i := range agreements {
		text := g.text("a")
		text.ID = fmt.Sprintf("isa-%d", i)
		e := g.sign(g.board, &entry.Agreement{Common: common("SRC"), Agreement: text})
		batch = append(batch, e)
		for org, key := range map[string]*wire.Signer{"SRC": g.board, "UNI": g.university} {
			batch = append(batch, g.sign(key, &entry.AgreementSignature{Common: common(org), Agreement: text.ID, Version: 1,
				Proposal: e.Identity()}))
		}
		if len(batch) > 500 {
			flush()
		}
	}
	flush()
	id := func(i int) string { return fmt.Sprintf("temp:SRC:%d", i) }
	for i := range people {
		batch = append(batch, g.sign(g.board, &entry.Consent{Common: common("SRC"), Consent: uuid.NewString(),
			Act: "given", Scope: "research", Agreements: []string{fmt.Sprintf("isa-%d", i%agreements)},
			Decided: g.now().UTC().Format(time.RFC3339), Expressed: entry.Expressed{How: "written"}, Sub: id(i),
			Rule: &entry.ConsentRule{Decision: "permit", Purposes: []string{"HRESCH"}}}))
		if len(batch) == 4096 {
			flush()
		}
	}
	flush()
	rules, err := g.log.Rules(g.ctx)
	if err != nil {
		b.Fatal(err)
	}
	const each = 20_000
	var took []float64
	for b.Loop() { // one operation is many decisions, asked side by side
		all := make([][]float64, runtime.GOMAXPROCS(0))
		var side sync.WaitGroup
		for n := range all {
			side.Go(func() {
				for i := range each {
					i = (n*each + i) * 7919 % people
					began := time.Now()
					state := func(id string) []byte {
						state, err := g.log.Person(g.ctx, id)
						if err != nil {
							b.Error(err)
						}
						return state
					}
					d, err := rules.(*consent.Rules).Decide(&entry.Access{Common: common("SRC"), Org: "UNI",
						Agreement: fmt.Sprintf("isa-%d", i%agreements), Action: "R", Purpose: []string{"HRESCH"},
						Recorded: g.now().UTC().Format(time.RFC3339), Sub: id(i)}, state)
					if err != nil || d.Result != entry.Covered {
						b.Error(d, err)
						return
					}
					all[n] = append(all[n], time.Since(began).Seconds()*1000)
				}
			})
		}
		side.Wait()
		took = append(took, slices.Concat(all...)...)
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)*99/100], "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "decisions/s")
	b.ReportMetric(float64(people), "consents")
}
