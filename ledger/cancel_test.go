package ledger_test

import (
	"context"
	"errors"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger/entry"
)

// A caller that gives up while its entries are being committed reads nothing that the batcher still
// writes: with -race this failed when Append looked at an entry's result after its context had ended.
func TestCallersThatGiveUp(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	for range 50 {
		ctx, cancel := context.WithCancel(w.ctx)
		entries := make([]*entry.Entry, 8)
		for i := range entries {
			entries[i] = w.access(person)
		}
		go cancel()
		for _, r := range w.log.Append(ctx, entries...) {
			if r.Err != nil && !errors.Is(r.Err, context.Canceled) {
				t.Fatal(r.Err)
			}
		}
		cancel()
	}
	w.must(w.access(person)) // queued behind what was given up, so that is in the log now
	w.checkLog()
}
