package entry

import (
	"bytes"
	"errors"
	"testing"
)

// A record opens its own leaf and no other, a public leaf takes only the zero record, and a page is read back as it was written.
func TestFeedRecord(t *testing.T) {
	rec := FeedRecord{TagSalt: Hash{1, 2}, Tag: Hash{3, 4}}
	sealed := Leaf{TagCommit: TagCommit(rec.TagSalt, rec.Tag), BodyCommit: Hash{9}}
	swapped := FeedRecord{TagSalt: rec.Tag, Tag: rec.TagSalt}
	for name, c := range map[string]struct {
		rec  FeedRecord
		leaf Leaf
		good bool
	}{
		"its own leaf":               {rec, sealed, true},
		"salt and tag changed over":  {swapped, sealed, false},
		"none for a sealed leaf":     {FeedRecord{}, sealed, false},
		"none for a public leaf":     {FeedRecord{}, Leaf{Public: true, JWS: "h.p.s"}, true},
		"a salt for a public leaf":   {FeedRecord{TagSalt: Hash{1}}, Leaf{Public: true, JWS: "h.p.s"}, false},
		"a tag for a public leaf":    {FeedRecord{Tag: Hash{1}}, Leaf{Public: true, JWS: "h.p.s"}, false},
		"a record for a public leaf": {rec, Leaf{Public: true, JWS: "h.p.s"}, false},
	} {
		if err := c.rec.Check(c.leaf, 7); (err == nil) != c.good || err != nil && !errors.Is(err, BadCommitment) {
			t.Errorf("%s: %v", name, err)
		}
	}
	page := rec.Append(FeedRecord{}.Append(nil))
	want := append(make([]byte, 64), append(append([]byte{1, 2}, make([]byte, 30)...), append([]byte{3, 4}, make([]byte, 30)...)...)...)
	if !bytes.Equal(page, want) {
		t.Errorf("written as %x", page)
	}
	if list, err := ParseFeed(page); err != nil || len(list) != 2 || list[1] != rec || list[0] != (FeedRecord{}) {
		t.Errorf("read as %v, %v", list, err)
	}
	if _, err := ParseFeed(page[:127]); !errors.Is(err, BadLength) {
		t.Errorf("cut short: %v", err)
	}
	if _, err := ParseFeed(make([]byte, 64*(MaxFeedRecords+1))); !errors.Is(err, TooLarge) {
		t.Errorf("too many: %v", err)
	}
}
