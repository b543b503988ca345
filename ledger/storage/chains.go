package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
)

// AllChains calls f with the state of every history, in no particular order, and returns the size
// of the log that these states belong to: head and histories are read in one snapshot, so no append
// falls between them. It holds one connection and no lock while it runs, which takes seconds for
// millions of histories. If f returns an error, AllChains ends with it. After any error the caller
// must discard what f has seen. AllChains does not try again, because f has seen a part.
func (s *Storage) AllChains(
	ctx context.Context, tree *trillian.Tree, f func(k [32]byte, c Chain) error,
) (size uint64, err error) {
	const doing = "reading all chains"
	num, err := s.Number(ctx, tree)
	if err != nil {
		return 0, s.wrap(ctx, doing, err)
	}
	var h headRow
	err = s.db.snapshot(ctx, headOp(num, &h, false), Op{
		SQL:  "SELECT k, count, head, last FROM chain WHERE k >= $1 AND k < $2",
		Args: []any{num.Key(nil), (num + 1).Key(nil)},
		Scan: func(scan func(...any) error) error {
			k, c, err := scanChain(scan)
			if err != nil {
				return err
			}
			return f(k, c)
		},
	})
	if err == nil && !h.found {
		err = fmt.Errorf("%w: the tree is gone", ErrNotFound)
	}
	if err == nil {
		s.saw(num, h.Size)
	}
	return h.Size, s.wrap(ctx, doing, err)
}

func scanChain(scan func(...any) error) (k [32]byte, c Chain, err error) {
	var key, head []byte
	var count, last int64
	if err := scan(&key, &count, &head, &last); err != nil {
		return k, c, err
	}
	if len(key) != treePrefix+32 || len(head) != 32 {
		return k, c, fmt.Errorf("%w: the key or head of a chain has the wrong length", ErrCorrupt)
	}
	return [32]byte(key[treePrefix:]), Chain{Count: uint64(count), Head: [32]byte(head), Last: uint64(last)}, nil
}

// At returns the leaves at these indices, in this order. All are held in memory, so callers bound
// their number and, by Place.Stored, their bytes.
func (s *Storage) At(ctx context.Context, tree *trillian.Tree, indices []uint64) ([]Record, error) {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, s.wrap(ctx, "reading leaves", err)
	}
	places := make([]int64, len(indices))
	for i, index := range indices {
		places[i] = num.Place(index)
	}
	rs, err := s.at(ctx, places)
	return rs, s.wrap(ctx, "reading leaves", err)
}
