package ledger_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger/bundle"
)

// linkEnd is the end of the link part of an opening at rest: version and key id, nonce, two hashes,
// authentication tag.
const linkEnd = 8 + 12 + 64 + 16

// Openings in bulk equal those read one by one, except for the VRF proof. Public leaves have none.
// Without the content the link remains.
func TestOpenings(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		g := newGoverned(t, dsn)
		g.agree("e")
		first := g.must(g.access(person, research)).Index
		g.must(g.access("temp:SRC:1"))
		size, err := g.log.Size(g.ctx)
		if err != nil {
			t.Fatal(err)
		}
		list, err := g.log.Openings(g.ctx, 0, size+5)
		if err != nil || uint64(len(list)) != size {
			t.Fatalf("%d openings of %d leaves: %v", len(list), size, err)
		}
		sealed := 0
		for i, o := range list {
			want, err := g.log.Opening(g.ctx, uint64(i))
			if err == nil {
				sealed++
				want.VRFProof = nil
			}
			if (err == nil) != (o != nil) || o != nil && !sameOpening(o, want) {
				t.Errorf("leaf %d: %+v, alone %+v, %v", i, o, want, err)
			}
		}
		if sealed != 2 {
			t.Errorf("%d sealed leaves", sealed)
		}
		if tail, err := g.log.Openings(g.ctx, first, 1); err != nil || len(tail) != 1 || tail[0].Index != first {
			t.Errorf("one opening: %v %v", tail, err)
		}
		for _, from := range []uint64{size, 1 << 50} {
			if none, err := g.log.Openings(g.ctx, from, 10); err != nil || len(none) != 0 {
				t.Errorf("from %d: %d openings, %v", from, len(none), err)
			}
		}

		tree, err := g.store.FindTree(g.ctx, origin)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := g.store.Record(g.ctx, tree, first)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.store.SetExtra(g.ctx, tree, first, rec.Extra[:linkEnd]); err != nil {
			t.Fatal(err)
		}
		after, err := g.log.Openings(g.ctx, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		want := &bundle.Opening{Index: first, TagSalt: list[first].TagSalt, Tag: list[first].Tag, Disclosures: []string{}}
		if !sameOpening(after[first], want) || !sameOpening(after[size-1], list[size-1]) {
			t.Errorf("after the content is gone: %+v", after[first])
		}
	})
}

func sameOpening(a, b *bundle.Opening) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
