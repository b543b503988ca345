package ledger_test

import (
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// The histories belong to the size that Histories returns, whatever is appended meanwhile: every
// entry is in exactly one of them.
func TestHistoriesAreOfOneMoment(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var batches [][]*entry.Entry
		for range 30 {
			var batch []*entry.Entry
			for _, id := range []string{"chi:0101011237", "temp:SRC:1", "temp:SRC:2", "temp:SRC:1"} {
				batch = append(batch, w.access(id))
			}
			batches = append(batches, batch)
		}
		done := make(chan error)
		go func() {
			for _, b := range batches {
				for _, r := range w.log.Append(w.ctx, b...) {
					if r.Err != nil {
						done <- r.Err
						return
					}
				}
			}
			close(done)
		}()
		for more := true; more; {
			select {
			case err := <-done:
				if err != nil {
					t.Fatal(err)
				}
				more = false
			default:
			}
			var sum uint64
			size, err := w.log.Histories(w.ctx, func(_ wire.Hash, count uint64, _ wire.Hash) error { sum += count; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if sum != size {
				t.Fatalf("histories of %d entries for a log of %d", sum, size)
			}
		}
	})
}

// The records of the feed add up to the stored histories, and HistoryPlaces and EachEntry return
// the part of a history that was asked for.
func TestFeed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var mine []uint64
		for i := range 40 {
			if i%3 == 0 {
				mine = append(mine, w.must(w.access("temp:SRC:1")).Index)
			} else {
				w.must(w.access("temp:SRC:2"))
			}
		}
		heads, counts := map[wire.Hash]wire.Hash{}, map[wire.Hash]uint64{}
		var next uint64
		for {
			records, err := w.log.Feed(w.ctx, next, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				break
			}
			for _, r := range records {
				if r.Index != next {
					t.Fatalf("entry %d after %d", r.Index, next)
				}
				leaf, err := proof.ParseLeaf(r.Leaf)
				if err != nil || leaf.Public != (r.Entry != nil) ||
					!leaf.Public && proof.TagCommit(r.TagSalt, r.Tag) != leaf.TagCommit {
					t.Fatalf("entry %d: the link does not open the leaf", r.Index)
				}
				next++
				if counts[r.K] == 0 {
					heads[r.K] = r.Head0
				}
				heads[r.K], counts[r.K] = proof.NextHead(heads[r.K], r.Index, r.LeafHash), counts[r.K]+1
			}
		}
		found := 0
		size, err := w.log.Histories(w.ctx, func(k wire.Hash, count uint64, head wire.Hash) error {
			found++
			if counts[k] != count || heads[k] != head {
				t.Errorf("a history of %d entries is not that of the feed", count)
			}
			return nil
		})
		if err != nil || size != next || found != len(heads) {
			t.Errorf("%d histories of %d entries, %v; the feed has %d of %d", found, size, err, len(heads), next)
		}
		tag, _, err := w.log.Tag("temp:SRC:1")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ from, before uint64 }{{0, next}, {mine[3], mine[7]}, {mine[3] + 1, mine[7] + 1},
			{mine[2], mine[2]}, {next, 1 << 50}, {mine[13], 1 << 50}, {5, 4}} {
			places, err := w.log.HistoryPlaces(w.ctx, tag, c.from, c.before)
			if err != nil {
				t.Fatal(err)
			}
			var got []ledger.HistoryEntry
			err = w.log.EachEntry(w.ctx, places, func(h ledger.HistoryEntry) error { got = append(got, h); return nil })
			if err != nil {
				t.Fatal(err)
			}
			var want []uint64
			for _, i := range mine {
				if c.from <= i && i < c.before {
					want = append(want, i)
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%d entries from %d below %d, want %v", len(got), c.from, c.before, want)
			}
			for i, e := range got {
				if e.Index != want[i] || e.KID != w.source.KID {
					t.Errorf("entry %d by %s, want %d", e.Index, e.KID, want[i])
				}
			}
		}
	})
}
