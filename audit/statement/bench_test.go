package statement_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
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
			size = len(w.write(f, alice, nil))
		}
		b.ReportMetric(float64(size)/1000, "B/access")
		began := time.Now()
		w.check(w.make(f, alice, nil), alice)
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-made-and-verified")
	})
}

// heap remembers the highest use of the heap that it has seen.
type heap struct {
	writes     int
	live, most uint64
	bytes      int
}

func (h *heap) Write(b []byte) (int, error) {
	h.bytes += len(b)
	if h.writes++; h.writes%512 == 0 {
		h.look()
	}
	return len(b), nil
}

func (h *heap) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.most = max(h.most, m.HeapAlloc)
	runtime.GC()
	runtime.ReadMemStats(&m)
	h.live = max(h.live, m.HeapAlloc)
}

// BenchmarkStatementMemory makes a statement of 100,000 accesses (or $IGLEDGER_BENCH_ENTRIES), each
// far from the next, with as many opened as one file holds. It prints how many MB of the heap it
// needs beyond what the process had: live at the worst moment, and with garbage.
func BenchmarkStatementMemory(b *testing.B) {
	w := newWorld(b, testdb.SQLite(b))
	n := entries(b, 100_000)
	f := w.follow(w.log)
	w.clock = march(1)
	w.fill(max(4*n-160_000, 4), 4)
	w.step(f)
	w.clock = march(2)
	w.fill(160_000, 4)
	w.step(f)
	var before, h heap
	before.look()
	for b.Loop() {
		s, err := f.Statement(b.Context(), alice, days(2, 2))
		w.ok(err)
		h.look()
		w.ok(s.Write(b.Context(), &h))
		h.look()
		s.Close()
	}
	b.ReportMetric(float64(h.live-before.live)/1e6, "MB-live")
	b.ReportMetric(float64(h.most-before.live)/1e6, "MB-heap")
	b.ReportMetric(float64(h.bytes)/float64(b.N)/1e6, "MB-file")
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
