package door_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"igledger/internal/web/door"
	"igledger/ledger/entry"
)

// fill appends accesses: to morag's record, each far from the next, and to a population's between.
func (w *world) fill(t testing.TB, own, every int) {
	var batch []*entry.Entry
	for n := range own * every {
		id := fmt.Sprintf("temp:TST:%d", n*7919%50021)
		if n%every == 0 {
			id = morag
		}
		a := w.template(id, n/every%700)
		a.Staff = &entry.Staff{ID: strconv.Itoa(n % 97), System: "https://staff.test", Name: "Staff member"}
		e, err := entry.Sign(w.key, a)
		ok(t, err)
		if batch = append(batch, e); len(batch) == 4096 || n == own*every-1 {
			for _, r := range w.Ledger.Log.Append(t.Context(), batch...) {
				ok(t, r.Err)
			}
			batch = batch[:0]
		}
	}
}

// BenchmarkHistory reads the history of a person with 10,000 accesses in a log of 50,000 entries, or
// of $IGLEDGER_BENCH_EVERY times as many: first as nobody has read it, then as it is kept, then with
// one more access.
func BenchmarkHistory(b *testing.B) {
	w := newWorld(b)
	every := 5
	if n, err := strconv.Atoi(os.Getenv("IGLEDGER_BENCH_EVERY")); err == nil {
		every = n
	}
	w.fill(b, 10_000, every)
	r := citizen(morag)
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			d := door.New(door.Config{Log: w.Ledger.Log})
			h, err := d.History(b.Context(), r, morag)
			ok(b, err)
			if len(h.Items) < 10_000 {
				b.Fatal(len(h.Items))
			}
		}
	})
	kept := newShelf(b)
	d := door.New(door.Config{Log: w.Ledger.Log, Shelf: kept})
	ok(b, d.KeepAhead(b.Context()))
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			d := door.New(door.Config{Log: w.Ledger.Log, Shelf: kept})
			h, err := d.History(b.Context(), r, morag)
			ok(b, err)
			if len(h.Items) < 10_000 {
				b.Fatal(len(h.Items))
			}
		}
	})
	_, err := w.History(b.Context(), r, morag)
	ok(b, err)
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			_, err := w.History(b.Context(), r, morag)
			ok(b, err)
		}
	})
	b.Run("grown", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			w.access(morag, 1, nil)
			b.StartTimer()
			_, err := w.History(b.Context(), r, morag)
			ok(b, err)
		}
	})
}
