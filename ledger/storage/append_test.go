package storage

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestAppend(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "example.org/log")
		if checkLog(t, s, tree).Size != 0 {
			t.Fatal("a new log is not empty")
		}
		n := 0
		// Sizes around the borders of tiles, and one batch larger than a tile.
		for _, batch := range []int{1, 1, 2, 7, 200, 44, 1, 1, 255, 256, 257, 600, 5} {
			at := mustAppend(t, s, tree, someLeaves("w", n, batch))
			for i, index := range at {
				if index != uint64(n+i) {
					t.Fatalf("leaf %d got index %d", n+i, index)
				}
			}
			n += batch
			if head := checkLog(t, s, tree); head.Size != uint64(n) {
				t.Fatalf("size %d, want %d", head.Size, n)
			}
		}
		all := someLeaves("w", 0, n)
		checkChains(t, s, tree, all)
		// A repeat stores nothing and finds everything.
		for i, index := range mustAppend(t, s, tree, all[:300]) {
			if index != uint64(i) {
				t.Fatalf("repeated leaf %d was found at %d", i, index)
			}
		}
		if head := checkLog(t, s, tree); head.Size != uint64(n) {
			t.Fatalf("size %d after a repeat, want %d", head.Size, n)
		}
		var want []uint64
		for i := range all {
			if all[i].Register && i >= 20 {
				want = append(want, uint64(i))
			}
		}
		rs, err := s.Register(ctx, tree, 20)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, r := range rs {
			got = append(got, r.Index)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("register is %v, want %v", got, want)
		}
		head, err := s.Head(ctx, tree)
		if err != nil || head.Register != want[len(want)-1]+1 {
			t.Fatalf("head's register is %d, %v", head.Register, err)
		}
	})
}

func TestChainPages(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		const n = 2500 // more than one recursive statement follows
		leaves := someLeaves("w", 0, n)
		for i := range leaves {
			leaves[i].Chain = [32]byte{byte(i%2 + 1)}
		}
		mustAppend(t, s, tree, leaves[:1000])
		mustAppend(t, s, tree, leaves[1000:])
		for _, c := range []struct {
			before uint64
			limit  int
			first  uint64
			count  int
		}{
			{math.MaxUint64, 3, 2498, 3}, {math.MaxUint64, 5000, 2498, 1250}, {11, 100, 10, 6}, {10, 2, 8, 2},
			{1, 9, 0, 1}, {0, 9, 0, 0}, {2400, 1200, 2398, 1200},
		} {
			rs, err := s.Chain(ctx, tree, [32]byte{1}, c.before, c.limit)
			if err != nil || len(rs) != c.count {
				t.Fatalf("Chain(before %d, limit %d): %d leaves, %v", c.before, c.limit, len(rs), err)
			}
			for i, r := range rs {
				if r.Index != c.first-uint64(2*i) {
					t.Fatalf("Chain(before %d, limit %d)[%d] is leaf %d", c.before, c.limit, i, r.Index)
				}
			}
		}
	})
}

func TestAppendRules(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, someLeaves("w", 0, 3))
		boom := errors.New("no")
		old, fresh := testLeaf("w", 1), testLeaf("w", 99)
		sign := func(ctx context.Context, tx *AppendTx) error {
			h, err := tx.Integrate(ctx)
			tx.SetCheckpoint(checkpointFor(h))
			return err
		}
		for name, c := range map[string]struct {
			f    func(ctx context.Context, tx *AppendTx) error
			want error
		}{
			"f refuses":   {func(ctx context.Context, tx *AppendTx) error { _, _ = tx.Add(fresh); return boom }, boom},
			"key taken":   {func(ctx context.Context, tx *AppendTx) error { _, err := tx.Add(old); return err }, ErrMisuse},
			"key unknown": {func(ctx context.Context, tx *AppendTx) error { _, err := tx.Add(testLeaf("w", 7)); return err }, ErrMisuse},
			"not signed": {func(ctx context.Context, tx *AppendTx) error {
				tx.Add(fresh)
				tx.SetChain(fresh.Chain, Chain{1, [32]byte{}, 3})
				tx.Integrate(ctx)
				return nil
			}, ErrMisuse},
			"not merged": {func(ctx context.Context, tx *AppendTx) error {
				tx.Add(fresh)
				tx.SetChain(fresh.Chain, Chain{1, [32]byte{}, 3})
				return nil
			}, ErrMisuse},
			"chain not set": {func(ctx context.Context, tx *AppendTx) error { tx.Add(fresh); return sign(ctx, tx) }, ErrMisuse},
			"chain wrong": {func(ctx context.Context, tx *AppendTx) error {
				tx.Add(fresh)
				tx.SetChain(fresh.Chain, Chain{1, [32]byte{}, 4})
				return sign(ctx, tx)
			}, ErrMisuse},
			"error ignored": {func(ctx context.Context, tx *AppendTx) error { tx.Add(old); return nil }, ErrMisuse},
			"too large": {func(ctx context.Context, tx *AppendTx) error {
				l := fresh
				l.Value = make([]byte, MaxValue+1)
				_, err := tx.Add(l)
				return err
			}, ErrTooLarge},
			"nothing": {func(ctx context.Context, tx *AppendTx) error { return nil }, nil},
		} {
			err := s.Append(ctx, tree, lookupOf([]Leaf{old, fresh}), c.f)
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
			if head := checkLog(t, s, tree); head.Size != 3 {
				t.Fatalf("%s: the log has %d leaves", name, head.Size)
			}
		}
		// What is not a leaf can be changed without one.
		if err := s.Append(ctx, tree, Lookup{}, func(_ context.Context, tx *AppendTx) error {
			tx.SetStream([16]byte{9}, []byte("seventy-seven"))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(ctx, tree, Lookup{Streams: [][16]byte{{9}, {8}}}, func(_ context.Context, tx *AppendTx) error {
			if string(tx.Streams[[16]byte{9}]) != "seventy-seven" || len(tx.Streams) != 1 {
				t.Errorf("streams are %v", tx.Streams)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
