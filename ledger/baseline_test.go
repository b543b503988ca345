package ledger_test

import (
	"errors"
	"testing"

	"igledger/internal/stock"
	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

// BenchmarkStockCRDB is Trillian's stock provider storage/crdb alone: 256 clients hand in one leaf
// at a time, Trillian's signer integrates. One operation is one leaf; it counts when it is
// integrated, whatever its client waits for.
func BenchmarkStockCRDB(b *testing.B) {
	printConditions()
	for _, load := range []struct {
		name string
		wait stock.Wait
	}{{"queued", stock.Queued}, {"integrated", stock.Integrated}, {"proved", stock.Proved}} {
		b.Run(load.name, func(b *testing.B) {
			testdb.EachB(b, func(b *testing.B, dsn string) {
				s := newStock(b, dsn)
				l := s.newLog()
				records := madeUp(b.N)
				b.ResetTimer()
				m := l.run(records, 256, load.wait)
				b.StopTimer()
				l.check(b.N)
				b.ReportMetric(m.rate(), "leaves/s")
				b.ReportMetric(m.percentile(0.50), "p50-ms")
				b.ReportMetric(m.percentile(0.99), "p99-ms")
				b.ReportMetric(float64(s.Retries()), "retries")
			})
		})
	}
}

// BenchmarkAgainstStock has our ledger and the stock provider take the same leaves with the same
// encrypted openings, 256 clients of one each, in one database in turns. Ours does all its work
// (see BenchmarkAppend); the stock provider gets leaves that are already sealed, and signs no
// checkpoint. Like for like is ratio-proved, as our clients leave with a receipt; ratio-integrated
// spares the stock provider the proofs, and ratio-queued also its clients' waiting.
//
// One run (-benchtime 1x) takes less than two minutes on any engine: where the stock provider is
// slow, as on CockroachDB, it and ours get fewer leaves.
func BenchmarkAgainstStock(b *testing.B) {
	const rounds, most, clients = 3, 5_000, 256
	const each = 6 // seconds that a load of the stock provider takes, about
	printConditions()
	testdb.EachB(b, func(b *testing.B, dsn string) {
		var logs [3]stockLog
		var theirs [3]measured
		var ours measured
		trillian := newStock(b, dsn)
		for i := range logs {
			logs[i] = trillian.newLog()
		}
		trial := trillian.newLog().run(madeUp(clients), clients, stock.Proved)
		entries := min(most, max(2*clients, int(trial.rate()*each)))
		w := newWorld(b, dsn)
		c := newCrowd(w, clients, entries)
		for range b.N * rounds { // one operation is the whole comparison
			first := w.logSize()
			m := c.send(c.sign(entries), 1)
			c.check(m)
			ours.add(m)
			records := w.records(first, uint64(entries))
			for i, s := range logs {
				theirs[i].add(s.run(records, clients, stock.Wait(i)))
			}
		}
		w.replay()
		b.ReportMetric(ours.rate(), "entries/s")
		for i, suffix := range []string{"-queued", "-integrated", "-proved"} {
			logs[i].check(theirs[i].entries)
			b.ReportMetric(theirs[i].rate(), "stock/s"+suffix)
			b.ReportMetric(ours.rate()/theirs[i].rate(), "ratio"+suffix)
		}
		b.ReportMetric(float64(trillian.Retries()), "stock-retries")
		b.ReportMetric(0, "ns/op")
	})
}

// add sums loads. It keeps only rates and times.
func (m *measured) add(n measured) {
	m.entries, m.took, m.cpu = m.entries+n.entries, m.took+n.took, m.cpu+n.cpu
}

// records returns n leaves of the log as stored.
func (w *world) records(first, n uint64) []storage.Record {
	w.t.Helper()
	tree, err := w.store.FindTree(w.ctx, origin)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []storage.Record
	for uint64(len(all)) < n {
		got, err := w.store.Records(w.ctx, tree, first+uint64(len(all)), min(1000, n-uint64(len(all))))
		if err != nil || len(got) == 0 {
			w.t.Fatalf("reading %d entries back: %d, then %v", n, len(all), err)
		}
		all = append(all, got...)
	}
	return all
}

// stockServer and stockLog end a benchmark that fails.
type stockServer struct {
	*stock.Server
	b *testing.B
}

type stockLog struct {
	*stock.Log
	b *testing.B
}

// newStock opens the stock provider. It skips on SQLite, for which Trillian has none.
func newStock(b *testing.B, dsn string) stockServer {
	b.Helper()
	s, err := stock.Open(b.Context(), dsn)
	if errors.Is(err, stock.ErrNoEngine) || errors.Is(err, stock.ErrNoSchema) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return stockServer{s, b}
}

func (s stockServer) newLog() stockLog {
	s.b.Helper()
	l, err := s.NewLog(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	return stockLog{l, s.b}
}

func (l stockLog) run(records []storage.Record, clients int, wait stock.Wait) measured {
	l.b.Helper()
	cpu := cpuTime()
	r, err := l.Run(l.b.Context(), records, clients, wait)
	if err != nil {
		l.b.Fatal(err)
	}
	return measured{entries: r.Entries, took: r.Took, calls: r.Calls, cpu: cpuTime() - cpu}
}

func (l stockLog) check(want int) {
	l.b.Helper()
	if err := l.Check(l.b.Context(), want); err != nil {
		l.b.Fatal(err)
	}
}
