package storage

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/google/trillian"
)

// Place is where a leaf of a history is, and how many bytes of Record.Extra were stored with it
// when it was appended.
type Place struct {
	Index  uint64
	Stored uint64
}

// blockPlaces is how many places a row of table history has: always so many. Those after the last
// full block are in the history's row of table chain, which every leaf of the history writes
// anyway. So a history is read in a row for 64 leaves, and a leaf costs a 64th of a row.
const blockPlaces = 64

// block is a row of table history.
type block struct {
	number uint64 // 0, 1, … from the history's first leaf on
	first  uint64 // index of its first leaf
	places []byte
}

// chainRow is a row of table chain.
type chainRow struct {
	Chain
	governed bool   // the history may have a state in table person
	recent   []byte // the places after the last full block: Count % blockPlaces
}

// extend adds the places of new leaves to the recent ones of a history that had count leaves, the
// last one at index last. It returns the blocks that they filled, and those that are recent now.
func extend(count, last uint64, recent []byte, added []Place) (full []block, rest []byte) {
	rest = append(make([]byte, 0, len(recent)+8*len(added)), recent...)
	for _, p := range added {
		if count%blockPlaces == 0 {
			last = 0
		}
		rest = binary.AppendUvarint(rest, p.Index-last)
		rest = binary.AppendUvarint(rest, p.Stored)
		last = p.Index
		count++
		if count%blockPlaces == 0 {
			first, _ := binary.Uvarint(rest)
			full = append(full, block{count/blockPlaces - 1, first, rest})
			rest = nil
		}
	}
	return full, nonNil(rest)
}

var errPlaces = fmt.Errorf("%w: the places of a history are damaged", ErrCorrupt)

// eachPlace calls f with the n places that extend has encoded: for each, how far its index is from
// the one before it (from 0 for the first) and its Stored, as unsigned varints. What extend does
// not write is ErrCorrupt.
func eachPlace(b []byte, n uint64, f func(Place)) error {
	if n > blockPlaces {
		return errPlaces
	}
	last := uint64(0)
	for i := range n {
		step, used := uvarint(b)
		stored, more := uvarint(b[max(used, 0):])
		if used <= 0 || more <= 0 || step == 0 && i > 0 || step >= MaxLeaves || last+step >= MaxLeaves || stored > math.MaxInt32 {
			return errPlaces
		}
		b, last = b[used+more:], last+step
		f(Place{last, stored})
	}
	if len(b) > 0 {
		return errPlaces
	}
	return nil
}

func decodePlaces(b []byte, n uint64) (places []Place, err error) {
	err = eachPlace(b, n, func(p Place) { places = append(places, p) })
	return places, err
}

// uvarint is binary.Uvarint that takes only the shortest form.
func uvarint(b []byte) (v uint64, used int) {
	v, used = binary.Uvarint(b)
	if used > 1 && b[used-1] == 0 {
		return 0, -1
	}
	return v, used
}

// blockRows are rows of table history, as columns.
type blockRows struct {
	ks, places      [][]byte
	firsts, numbers []int64
}

func (r *blockRows) add(k []byte, blocks []block) {
	for _, b := range blocks {
		r.ks, r.firsts = append(r.ks, k), append(r.firsts, int64(b.first))
		r.numbers, r.places = append(r.numbers, int64(b.number)), append(r.places, b.places)
	}
}

// ops returns the statement that inserts the rows by f, if there are any.
func (r *blockRows) ops(f Form) []Op {
	if len(r.ks) == 0 {
		return nil
	}
	return []Op{f.Over(r.ks, r.firsts, r.numbers, r.places)}
}

// chainRowOp returns the statement that reads the rows of histories.
func chainRowOp(num TreeNumber, ks [][32]byte, into map[[32]byte]chainRow) Op {
	o := selectChainRows.Over(inTree32(num, ks))
	o.Scan = func(scan func(...any) error) error {
		var governed int64
		var recent []byte
		k, c, err := scanChain(func(to ...any) error { return scan(append(to, &governed, &recent)...) })
		if err != nil {
			return err
		}
		last := c.Last
		err = eachPlace(recent, c.Count%blockPlaces, func(p Place) { last = p.Index })
		if err == nil && last != c.Last {
			err = errPlaces
		}
		into[k] = chainRow{c, governed != 0, recent}
		return err
	}
	return o
}

// backwards calls f with the places of a history's leaves that are below before, from the newest
// back, until f returns false.
func (s *Storage) backwards(
	ctx context.Context, tree *trillian.Tree, k [32]byte, before uint64, f func(Place) bool,
) error {
	num, err := s.Number(ctx, tree)
	if err != nil {
		return err
	}
	rows := map[[32]byte]chainRow{}
	if err := s.Read(ctx, chainRowOp(num, [][32]byte{k}, rows)); err != nil {
		return err
	}
	row := rows[k]
	next := row.Count / blockPlaces // number of the block after those still to come
	known := before >= MaxLeaves    // whether next is known: it is not if newer leaves are passed over
	each := func(places []Place) (more bool) {
		for _, p := range slices.Backward(places) {
			if p.Index < before && !f(p) {
				return false
			}
		}
		return true
	}
	recent, err := decodePlaces(row.recent, row.Count%blockPlaces)
	if err != nil {
		return err
	}
	if !each(recent) || next == 0 {
		return nil
	}
	if len(recent) > 0 {
		known = known || recent[0].Index <= before
		before = min(before, recent[0].Index)
	}
	for {
		blocks, err := s.blocks(ctx, num, k, before)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			places, err := decodePlaces(b.places, blockPlaces)
			if err != nil {
				return err
			}
			if places[0].Index != b.first || known && (b.number+1 != next || places[blockPlaces-1].Index >= before) {
				return errPlaces
			}
			if !each(places) || b.number == 0 {
				return nil
			}
			next, known, before = b.number, true, b.first
		}
		if len(blocks) == 0 {
			if known {
				return errPlaces // a block is missing
			}
			return nil
		}
	}
}

// blocksRead is how many blocks are read at once.
const blocksRead = 64

// blocks returns blocks of a history whose first leaf is below before, the newest first, at most
// blocksRead.
func (s *Storage) blocks(ctx context.Context, num TreeNumber, k [32]byte, before uint64) ([]block, error) {
	var out []block
	err := s.Read(ctx, Op{
		SQL:   fmt.Sprintf("SELECT first, n, places FROM history WHERE k = $1 AND first < $2 ORDER BY first DESC LIMIT %d", blocksRead),
		Args:  []any{num.Key(k[:]), int64(min(before, MaxLeaves))},
		Fresh: func() { out = nil },
		Scan: func(scan func(...any) error) error {
			var first, n int64
			var places []byte
			if err := scan(&first, &n, &places); err != nil {
				return err
			}
			out = append(out, block{uint64(n), uint64(first), places})
			return nil
		},
	})
	return out, err
}

// Places returns the places of the leaves of a history with from <= index < before, ascending,
// without reading the leaves: it costs a row for 64 leaves of the history that are not older than
// from and below before. If there are more than most, it returns ErrTooMany.
func (s *Storage) Places(
	ctx context.Context, tree *trillian.Tree, k [32]byte, from, before uint64, most int,
) ([]Place, error) {
	var places []Place
	if from < before {
		err := s.backwards(ctx, tree, k, before, func(p Place) bool {
			if p.Index < from || len(places) > most {
				return false
			}
			places = append(places, p)
			return true
		})
		if err == nil && len(places) > most {
			err = fmt.Errorf("%w: more than %d", ErrTooMany, most)
		}
		if err != nil {
			return nil, s.wrap(ctx, "reading the places of a history", err)
		}
	}
	slices.Reverse(places)
	return places, nil
}

// Chain returns up to limit leaves of a history, newest first, with index < before (math.MaxUint64:
// from its end).
func (s *Storage) Chain(
	ctx context.Context, tree *trillian.Tree, k [32]byte, before uint64, limit int,
) ([]Record, error) {
	if limit <= 0 {
		return nil, nil
	}
	var indices []uint64
	err := s.backwards(ctx, tree, k, before, func(p Place) bool {
		indices = append(indices, p.Index)
		return len(indices) < limit
	})
	if err != nil {
		return nil, s.wrap(ctx, "reading a history", err)
	}
	return s.At(ctx, tree, indices)
}
