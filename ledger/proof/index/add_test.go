package index_test

import (
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// A history goes on where it was, however its entries come: one by one, in batches, or all at once.
func TestAddInBatches(t *testing.T) {
	var entries []index.Filed
	for i := range uint64(60) {
		h := proof.HistoryOfTag(wire.Hash{byte(i % 7)})
		entries = append(entries, index.Filed{History: h, Index: i, LeafHash: wire.Hash{1, byte(i)}})
	}
	whole := index.New()
	whole.Add(entries)
	if s, found := whole.Get(entries[0].K); !found || s.Count != 9 {
		t.Fatalf("the first history has %d entries, want 9", s.Count)
	}
	for _, size := range []int{1, 4, 7, 59} {
		parts := index.New()
		for from := 0; from < len(entries); from += size {
			parts.Add(entries[from:min(from+size, len(entries))])
		}
		if parts.Root() != whole.Root() {
			t.Errorf("in batches of %d another root", size)
		}
	}
}
