package statement_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/ledger/entry"
)

// fill appends n accesses, of which every one in every is to alice and the rest to a population.
func (w *world) fill(n, every int) {
	w.Helper()
	for done := 0; done < n; {
		batch := make([]*entry.Entry, 0, 4096)
		for ; len(batch) < cap(batch) && done < n; done++ {
			id := fmt.Sprintf("temp:SRC:%d", done*7919%50021)
			if done%every == 0 {
				id = alice
			}
			e, err := entry.Sign(w.source, w.access(id))
			w.ok(err)
			batch = append(batch, e)
		}
		for _, r := range w.log.Append(w.Context(), batch...) {
			w.ok(r.Err)
		}
	}
}

func entries(b *testing.B, standard int) int {
	if n, err := strconv.Atoi(os.Getenv("IGLEDGER_BENCH_ENTRIES")); err == nil {
		return n
	}
	return standard
}

// BenchmarkStatement makes a statement of 1,000 accesses, each far from the next, in a log of
// 100,000 entries (or $IGLEDGER_BENCH_ENTRIES).
func BenchmarkStatement(b *testing.B) {
	testdb.EachB(b, func(b *testing.B, dsn string) {
		n := entries(b, 100_000)
		w := newWorld(b, dsn)
		w.fill(n, n/1000)
		f := w.follow(w.log)
		w.step(f)
		var size int
		for b.Loop() {
			s, err := f.Statement(b.Context(), alice, statement.Window{})
			w.ok(err)
			data, err := s.Marshal()
			w.ok(err)
			size = len(data)
		}
		b.ReportMetric(float64(size)/1000, "B/access")
		began := time.Now()
		w.check(w.make(f, alice, statement.Window{}), alice)
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-made-and-verified")
	})
}

// BenchmarkAppend is the rate of appending with and without the index following behind: b.N entries
// in batches of 512 from two callers.
func BenchmarkAppend(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprintf("index=%v", on), func(b *testing.B) {
			testdb.EachB(b, func(b *testing.B, dsn string) {
				w := newWorld(b, dsn)
				list := make([]*entry.Entry, b.N)
				for i := range list {
					var err error
					list[i], err = entry.Sign(w.source, w.access(fmt.Sprintf("temp:SRC:%d", i*7919%50021)))
					w.ok(err)
				}
				ctx, cancel := context.WithCancel(b.Context())
				ended := make(chan struct{})
				f, err := statement.New(statement.Config{Log: w.log})
				w.ok(err)
				go func() {
					defer close(ended)
					if on {
						f.Run(ctx)
					}
				}()
				b.ResetTimer()
				errs := make(chan error, 2)
				for half := range 2 {
					go func() {
						for i := half * 512; i < len(list); i += 1024 {
							for _, r := range w.log.Append(b.Context(), list[i:min(i+512, len(list))]...) {
								if r.Err != nil {
									errs <- r.Err
									return
								}
							}
						}
						errs <- nil
					}()
				}
				w.ok(<-errs)
				w.ok(<-errs)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
				cancel()
				<-ended
				if on {
					b.ReportMetric(float64(f.Stats().Roots), "roots")
				}
			})
		})
	}
}
