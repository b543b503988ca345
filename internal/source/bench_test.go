package source_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"igledger/internal/source"
)

// BenchmarkImport imports events end to end: read, converted, signed, through the outbox, over HTTP
// into a ledger on SQLite in this process, receipts checked. It reports events a second, the
// processor's time for one, and the most memory that was in use, of ledger and source together.
//
//	go test ./internal/source -run '^$' -bench Import -benchtime 50000x
func BenchmarkImport(b *testing.B) {
	w := newWorld(b)
	filler := strings.Repeat("x", 1000)
	i := 0
	stream := source.Input{Name: "stream", Open: func() (io.ReadCloser, error) {
		r, out := io.Pipe()
		go func() {
			for ; i < b.N; i++ {
				e := event(fmt.Sprint(i), "2026-11-01T10:00:00Z")
				e = strings.Replace(e, `"reference":"Patient/p1"`, fmt.Sprintf(`"reference":"Patient/p%d","display":%q`, i%5000, filler), 1)
				if _, err := io.WriteString(out, e); err != nil {
					return
				}
			}
			out.Close()
		}()
		return r, nil
	}}
	var most uint64
	var m runtime.MemStats
	w.config.OnSent = func(int) {
		if runtime.ReadMemStats(&m); m.HeapInuse > most {
			most = m.HeapInuse
		}
	}
	a := w.open()
	before, start := processor(b), time.Now()
	b.ResetTimer()
	sum, err := a.Import(b.Context(), stream)
	b.StopTimer()
	if err != nil || sum.Logged != b.N {
		b.Fatalf("%+v, %v", sum, err)
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
	b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N), "cpu-µs/event")
	b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
}

func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
