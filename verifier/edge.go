package verifier

import (
	"github.com/transparency-dev/merkle/rfc6962"

	"igledger/ledger/wire"
)

// edge is the right edge of a tree that is cut into tiles: the state that is needed to append more
// leaves. levels[l] holds the hashes of the unfinished tile of level l, which are fewer than
// TileWidth: the roots of perfect subtrees of 256^l leaves.
//
//	         level 1:  [a b]            a, b: roots of 256 leaves each
//	level 0:  ········ ········ [x y z] three leaves: size is 2*256 + 3
type edge struct {
	size   uint64
	levels [][]wire.Hash
}

// add appends the hash of the next leaf. It passes each tile that this completes to full, unless
// that is nil, lower levels first.
func (e *edge) add(h wire.Hash, full func(Tile)) {
	e.size++
	for l := 0; ; l++ {
		if l == len(e.levels) {
			e.levels = append(e.levels, make([]wire.Hash, 0, TileWidth))
		}
		e.levels[l] = append(e.levels[l], h)
		if len(e.levels[l]) < TileWidth {
			return
		}
		if full != nil {
			hashes := append([]wire.Hash(nil), e.levels[l]...)
			full(Tile{Level: l, Index: e.size>>(8*(l+1)) - 1, Hashes: hashes})
		}
		h = subtree(e.levels[l])
		e.levels[l] = e.levels[l][:0]
	}
}

// partials returns the unfinished tiles.
func (e *edge) partials() []Tile {
	var list []Tile
	for l, hashes := range e.levels {
		if len(hashes) > 0 {
			list = append(list, Tile{Level: l, Index: e.size >> (8 * (l + 1)), Hashes: append([]wire.Hash(nil), hashes...)})
		}
	}
	return list
}

// root returns the RFC 6962 root of all leaves so far.
func (e *edge) root() wire.Hash {
	if e.size == 0 {
		return wire.Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	var h wire.Hash
	have := false
	for _, hashes := range e.levels {
		row := append(make([]wire.Hash, 0, TileWidth), hashes...)
		if have {
			row = append(row, h)
		}
		if len(row) > 0 {
			h, have = subtree(row), true
		}
	}
	return h
}

// subtree returns the root over row, split as in RFC 6962 section 2.1 at the largest power of two
// below its length. The last element may be the root of a smaller tree than the others.
func subtree(row []wire.Hash) wire.Hash {
	if len(row) == 1 {
		return row[0]
	}
	k := 1
	for k*2 < len(row) {
		k *= 2
	}
	l, r := subtree(row[:k]), subtree(row[k:])
	return wire.Hash(rfc6962.DefaultHasher.HashChildren(l[:], r[:]))
}
