package testlog

import (
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Index is a subject index that follows its definition literally. It is slow and shares only the
// hashes with other code: it is a map, and every call builds the tree again.
type Index map[wire.Hash]wire.Hash // K -> V

// History holds the entries of one K.
type History struct {
	Indices []uint64
	Head    wire.Hash
}

// Histories files every leaf below m as an honest ledger does: sealed leaves under the tag of their
// opening, public ones under their name.
func (l *Log) Histories(m uint64) map[wire.Hash]*History {
	all := map[wire.Hash]*History{}
	add := func(k, head0 wire.Hash, i uint64) {
		if all[k] == nil {
			all[k] = &History{Head: head0}
		}
		h := all[k]
		h.Indices = append(h.Indices, i)
		h.Head = proof.NextHead(h.Head, i, proof.LeafHash(l.Leaves[i]))
	}
	for i := range m {
		if o := l.Openings[i]; o != nil {
			add(proof.TagKey(o.Tag), proof.TagHead0(o.Tag), i)
		} else if e := l.Entries[i]; e != nil {
			add(proof.NameKey(e.Name()), proof.NameHead0(e.Name()), i)
		}
	}
	return all
}

// IndexOf returns the index of histories.
func IndexOf(histories map[wire.Hash]*History) Index {
	x := Index{}
	for k, h := range histories {
		x[k] = proof.IndexValue(uint64(len(h.Indices)), h.Head)
	}
	return x
}

// IndexAt returns the index over the leaves below m.
func (l *Log) IndexAt(m uint64) Index { return IndexOf(l.Histories(m)) }

// Root returns the root of the index.
func (x Index) Root() wire.Hash {
	var keys []wire.Hash
	for k := range x {
		keys = append(keys, k)
	}
	return x.subtree(keys, 0)
}

func (x Index) subtree(keys []wire.Hash, depth int) wire.Hash {
	switch len(keys) {
	case 0:
		return wire.Hash{}
	case 1:
		return proof.IndexLeaf(keys[0], x[keys[0]])
	}
	zeros, ones := split(keys, depth)
	return proof.IndexNode(x.subtree(zeros, depth+1), x.subtree(ones, depth+1))
}

func split(keys []wire.Hash, depth int) (zeros, ones []wire.Hash) {
	for _, k := range keys {
		if k[depth/8]&(0x80>>(depth%8)) == 0 {
			zeros = append(zeros, k)
		} else {
			ones = append(ones, k)
		}
	}
	return zeros, ones
}

// Prove returns the path of k, or the proof that it is absent.
func (x Index) Prove(k wire.Hash) proof.IndexProof {
	var keys []wire.Hash
	for o := range x {
		keys = append(keys, o)
	}
	p := proof.IndexProof{Siblings: proof.IndexSiblings{}}
	for depth := 0; len(keys) > 1; depth++ {
		zeros, ones := split(keys, depth)
		other := ones
		keys = zeros
		if k[depth/8]&(0x80>>(depth%8)) != 0 {
			keys, other = ones, zeros
		}
		p.Siblings = append(p.Siblings, x.subtree(other, depth+1))
	}
	if len(keys) == 1 && keys[0] != k {
		p.Other = &proof.IndexOther{K: keys[0], V: x[keys[0]]}
	}
	return p
}

// MultiNodes returns the nodes of a multi-inclusion proof of indices in the tree of the first size
// leaves.
func (l *Log) MultiNodes(indices []uint64, size uint64) []wire.Hash {
	hashes := make([]wire.Hash, size)
	for i := range hashes {
		hashes[i] = proof.LeafHash(l.Leaves[i])
	}
	nodes := []wire.Hash{}
	var walk func(lo, hi uint64, indices []uint64)
	walk = func(lo, hi uint64, indices []uint64) {
		switch {
		case len(indices) == 0:
			nodes = append(nodes, treeHash(hashes[lo:hi]))
			return
		case hi-lo == 1:
			return
		}
		mid := lo + half(hi-lo)
		at, _ := slices.BinarySearch(indices, mid)
		walk(lo, mid, indices[:at])
		walk(mid, hi, indices[at:])
	}
	walk(0, size, slices.Compact(slices.Sorted(slices.Values(indices))))
	return nodes
}

// half returns the largest power of two below n, which is greater than 1.
func half(n uint64) uint64 {
	k := uint64(1)
	for k*2 < n {
		k *= 2
	}
	return k
}

// treeHash returns MTH of RFC 6962 section 2.1.
func treeHash(hashes []wire.Hash) wire.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	k := half(uint64(len(hashes)))
	l, r := treeHash(hashes[:k]), treeHash(hashes[k:])
	return sha(append(append([]byte{1}, l[:]...), r[:]...))
}
