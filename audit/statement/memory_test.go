package statement_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"igledger/audit/statement"
	"igledger/internal/testdb"
	"igledger/internal/testneeds"
	"igledger/ledger"
	"igledger/ledger/entry"
)

// lookLong appends n accesses to alice's record whose texts have about this many bytes.
func (w *world) lookLong(n, size int) {
	w.Helper()
	for done := 0; done < n; {
		var batch []*entry.Entry
		for ; len(batch) < 100 && done < n; done++ {
			a := w.access(alice)
			a.Text = &entry.Text{Why: strings.Repeat("long ", size/5)}
			e, err := entry.Sign(w.source, a)
			w.ok(err)
			batch = append(batch, e)
		}
		for _, r := range w.log.Append(w.Context(), batch...) {
			w.ok(r.Err)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What a statement contains is read again while it is written, if it is much, and is the same.
func TestLongStatement(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.look(alice, bob)
		w.lookLong(40, 60_000)
		w.link("linked", alice, carol)
		w.look(carol)
		f := w.follow(w.log)
		w.step(f)
		s := w.make(f, alice, nil)
		if r := w.check(s, alice); len(r.Entries) != 42 {
			t.Errorf("%d entries", len(r.Entries))
		}
	})
}

// A statement that does not fit into one file is refused before anything of it is read. Its parts
// can be had.
func TestStatementTooLong(t *testing.T) {
	testneeds.Time(t, "a statement of more than 64 MiB")
	w := newWorld(t, testdb.SQLite(t))
	f := w.follow(w.log)
	w.clock = march(1)
	w.lookLong(700, 60_000)
	w.step(f)
	w.clock = march(2)
	w.lookLong(300, 60_000)
	w.step(f)
	used := allocated(func() {
		if _, err := f.Statement(t.Context(), alice, nil); !errors.Is(err, ledger.ErrTooMany) {
			t.Errorf("a statement of more than 64 MiB: %v", err)
		}
	})
	if used > 4<<20 {
		t.Errorf("%d bytes were allocated to refuse a statement", used)
	}
	s := w.make(f, alice, days(2, 2))
	if got := len(indices(s.Entries, true)); got != 300 {
		t.Errorf("%d entries of a period, want 300", got)
	}
}

// All statements that are being made have one limit of memory. One that is closed gives back its
// part, also when it failed.
func TestStatementsShareMemory(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.look(alice)
	const memory = 3 << 20 // enough for two small ones
	f, err := statement.New(statement.Config{
		Log: w.log, Now: func() time.Time { return w.clock }, Memory: memory, MemoryWait: time.Nanosecond,
	})
	w.ok(err)
	w.step(f)
	ask := func() (*statement.Statement, error) { return f.Statement(t.Context(), alice, nil) }
	a, err := ask()
	w.ok(err)
	b, err := ask()
	w.ok(err)
	if _, err := ask(); !errors.Is(err, statement.ErrBusy) {
		t.Fatalf("a third statement: %v", err)
	}
	if _, _, err := f.Extract(t.Context(), alice, []uint64{w.look(alice)[0]}); !errors.Is(err, statement.ErrBusy) {
		t.Errorf("an extract besides: %v", err)
	}
	for range 5 {
		b.Close()
		b.Close()
		b, err = ask()
		w.ok(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w.ok(b.Write(t.Context(), io.Discard))
	if err := a.Write(gone, io.Discard); err == nil {
		t.Log("all of it was in memory") // which is as good
	}
	a.Close()
	b.Close()
	for range 3 { // a failure keeps nothing
		if _, err := f.Statement(gone, alice, nil); err == nil {
			t.Error("a statement for a caller that is gone")
		}
	}
	a, err = ask()
	w.ok(err)
	b, err = ask()
	w.ok(err)
	a.Close()
	b.Close()
}
