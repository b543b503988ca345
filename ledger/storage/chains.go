package storage

import (
	"context"
	"fmt"
	"math"
	"slices"

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

// Place is where a leaf of a history is, and how many bytes of Record.Extra are stored there.
type Place struct {
	Index  uint64
	Stored uint64
}

// Places returns the places of the leaves of a history with from <= index < before, ascending. It
// follows each leaf's link to the one before it, without reading the leaves: it costs a step for
// each leaf from the end of the history down to from. If there are more than most, it returns
// ErrTooMany.
func (s *Storage) Places(
	ctx context.Context, tree *trillian.Tree, k [32]byte, from, before uint64, most int,
) ([]Place, error) {
	places, err := s.places(ctx, tree, k, from, before, most)
	return places, s.wrap(ctx, "following a chain", err)
}

func (s *Storage) places(
	ctx context.Context, tree *trillian.Tree, k [32]byte, from, before uint64, most int,
) ([]Place, error) {
	if from >= before {
		return nil, nil
	}
	num, err := s.Number(ctx, tree)
	if err != nil {
		return nil, err
	}
	m := map[[32]byte]Chain{}
	if err := s.Read(ctx, chainsOp(num, [][32]byte{k}, m, nil)); err != nil {
		return nil, err
	}
	c, ok := m[k]
	if !ok {
		return nil, nil
	}
	var places []Place // descending
	for at, more := c.Last, c.Count > 0 && c.Last >= from; more; {
		links, err := s.links(ctx, num, int64(at), from, before, math.MaxInt32)
		if err != nil {
			return nil, err
		}
		if len(links) == 0 {
			return nil, fmt.Errorf("%w: a leaf of a chain is missing", ErrCorrupt)
		}
		for _, l := range links {
			if i := uint64(l.index); i < before && i >= from {
				places = append(places, Place{i, uint64(l.stored)})
			}
		}
		if len(places) > most {
			return nil, fmt.Errorf("%w: more than %d", ErrTooMany, most)
		}
		last := links[len(links)-1]
		more = last.prev != nil && uint64(*last.prev) >= from
		if more {
			at = uint64(*last.prev)
		}
	}
	slices.Reverse(places)
	return places, nil
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
