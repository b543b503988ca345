package entry_test

import (
	"bytes"
	"errors"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// A record opens its own leaf and no other, a public leaf accepts only the zero record, and a page
// is read back as it was written.
func TestFeedRecord(t *testing.T) {
	rec := proof.FeedRecord{TagSalt: wire.Hash{1, 2}, Tag: wire.Hash{3, 4}}
	sealed := proof.Leaf{TagCommit: proof.TagCommit(rec.TagSalt, rec.Tag), BodyCommit: wire.Hash{9}}
	swapped := proof.FeedRecord{TagSalt: rec.Tag, Tag: rec.TagSalt}
	for name, c := range map[string]struct {
		rec  proof.FeedRecord
		leaf proof.Leaf
		good bool
	}{
		"its own leaf":              {rec, sealed, true},
		"salt and tag changed over": {swapped, sealed, false},
		"none for a sealed leaf":    {proof.FeedRecord{}, sealed, false},
		"none for a public leaf":    {proof.FeedRecord{}, proof.Leaf{Public: true, JWS: "h.p.s"}, true},
		"a salt for a public leaf": {proof.FeedRecord{TagSalt: wire.Hash{1}}, proof.Leaf{Public: true, JWS: "h.p.s"},
			false},
		"a tag for a public leaf": {proof.FeedRecord{Tag: wire.Hash{1}}, proof.Leaf{Public: true, JWS: "h.p.s"},
			false},
		"a record for a public leaf": {rec, proof.Leaf{Public: true, JWS: "h.p.s"}, false},
	} {
		if err := c.rec.Check(c.leaf, 7); (err == nil) != c.good || err != nil && !errors.Is(err, wire.BadCommitment) {
			t.Errorf("%s: %v", name, err)
		}
	}
	page := rec.Append(proof.FeedRecord{}.Append(nil))
	want := append(make([]byte, 64), append(append([]byte{1, 2}, make([]byte, 30)...),
		append([]byte{3, 4}, make([]byte, 30)...)...)...)
	if !bytes.Equal(page, want) {
		t.Errorf("written as %x", page)
	}
	if list, err := proof.ParseFeed(page); err != nil || len(list) != 2 || list[1] != rec || list[0] != (proof.FeedRecord{}) {
		t.Errorf("read as %v, %v", list, err)
	}
	for _, n := range []int{127, 96, 32, 1} {
		if _, err := proof.ParseFeed(page[:n]); !errors.Is(err, wire.BadLength) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := proof.ParseFeed(make([]byte, 64*(proof.MaxFeedRecords+1))); !errors.Is(err, wire.TooLarge) {
		t.Errorf("too many: %v", err)
	}
}
