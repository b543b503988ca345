package statement_test

import (
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger/entry"
)

// The index is as old as the time since which something waits for a root, not as the newest root.
func TestAge(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	f := w.follow(w.log)
	is := func(want time.Duration) {
		t.Helper()
		if got := f.Stats().Age; got.Truncate(time.Second) != want { // roots have whole seconds
			t.Errorf("the index is %v old, want %v", got, want)
		}
	}
	is(0)
	w.step(f)
	is(0)
	w.clock = w.clock.Add(time.Hour)
	is(time.Hour) // nothing has followed the log since
	w.step(f)
	is(0) // and nothing has come
	w.look(alice)
	w.step(f)
	is(0)
	w.look(bob)
	w.clock = w.clock.Add(3 * time.Second)
	w.step(f)
	is(3 * time.Second)
	w.pass()
	w.step(f)
	is(0)

	// No root can be logged: it grows, also in a process that starts then.
	w.add(w.registrar, &entry.KeyRevocation{Common: w.by("REG"), Org: "OPR", KID: w.keys.Operator.KID, Reason: "compromised"})
	w.clock = w.clock.Add(time.Hour)
	for range 2 {
		if err := f.Step(t.Context()); err == nil {
			t.Fatal("a root was logged")
		}
		is(time.Hour)
		f = w.follow(w.log)
	}
}
