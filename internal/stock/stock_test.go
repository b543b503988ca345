package stock_test

import (
	"errors"
	"testing"

	"igledger/internal/stock"
	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

// Whatever a client waits for, all leaves are in the tree when a load is over.
func TestRun(t *testing.T) {
	ctx := t.Context()
	s, err := stock.Open(ctx, testdb.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var leaves []storage.Record
	for i := range byte(20) {
		leaves = append(leaves, storage.Record{Value: []byte{i}, Identity: [32]byte{i}})
	}
	for _, wait := range []stock.Wait{stock.Queued, stock.Integrated, stock.Proved} {
		l, err := s.NewLog(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Run(ctx, leaves, 4, wait)
		if err != nil || r.Entries != len(leaves) || len(r.Calls) != len(leaves) || r.Calls[0] <= 0 {
			t.Errorf("waiting as %d: %+v, %v", wait, r, err)
		}
		if err := l.Check(ctx, len(leaves)); err != nil {
			t.Errorf("waiting as %d: %v", wait, err)
		}
		if l.Check(ctx, len(leaves)+1) == nil {
			t.Error("a leaf that is not there was found")
		}
	}
}

func TestEngines(t *testing.T) {
	if _, err := stock.Open(t.Context(), testdb.SQLite(t)); !errors.Is(err, stock.ErrNoEngine) {
		t.Errorf("SQLite: %v", err)
	}
}
