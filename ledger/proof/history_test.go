package proof_test

import (
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A public leaf belongs to the history of its entry's name, a sealed one to that of its tag,
// whether or not it has been opened.
func TestHistoryOf(t *testing.T) {
	tag := wire.Hash{7}
	root := &entry.Entry{Common: entry.Common{Type: entry.TypeIndexRoot}, Body: new(entry.IndexRoot)}
	access := &entry.Entry{Common: entry.Common{Type: entry.TypeAccess}, Body: new(entry.Access)}
	for name, c := range map[string]struct {
		got, want proof.History
	}{
		"public":        {proof.HistoryOf(root, wire.Hash{}), proof.HistoryOfName(entry.IndexRootHistory)},
		"sealed":        {proof.HistoryOf(nil, tag), proof.HistoryOfTag(tag)},
		"sealed, shown": {proof.HistoryOf(access, tag), proof.HistoryOfTag(tag)},
	} {
		if c.got != c.want {
			t.Errorf("%s: another history", name)
		}
	}
	if proof.HistoryOfName("a") == proof.HistoryOfName("b") || proof.HistoryOfTag(tag) == proof.HistoryOfTag(wire.Hash{8}) || proof.HistoryOfTag(tag) == proof.HistoryOfName(string(tag[:])) {
		t.Error("two histories are one")
	}
}
