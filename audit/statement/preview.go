package statement

import (
	"bytes"
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// rootWith is the root that tree would have after Apply(updates), no K twice, without changing it: a root is logged before the tree may move to it, as the log
// may take another's. It is computed from the tree's own proofs, as a verifier would, so a tree that is wrong in itself shows up when the
// two are held against each other.
func rootWith(tree *index.Tree, updates []index.Update) wire.Hash {
	if len(updates) == 0 {
		return tree.Root()
	}
	leaves := make([]leaf, len(updates))
	for i, u := range updates {
		leaves[i] = leaf{u.K, u.State.Value()}
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return bytes.Compare(a.k[:], b.k[:]) })
	return grow(tree, leaves, prove(tree, leaves[0].k), 0)
}

type leaf struct{ k, v wire.Hash }

// path is a proof, with the leaf that stands at its end if there is one.
type path struct {
	siblings []wire.Hash
	end      *leaf
}

func prove(tree *index.Tree, k wire.Hash) path {
	p, state, found := tree.Prove(k)
	at := path{siblings: p.Siblings}
	switch {
	case found:
		at.end = &leaf{k, state.Value()}
	case p.Other != nil:
		at.end = &leaf{p.Other.K, p.Other.V}
	}
	return at
}

// grow is the hash of the subtree at depth which holds leaves, sorted, besides what it holds already. p is the path of leaves[0].
func grow(tree *index.Tree, leaves []leaf, p path, depth int) wire.Hash {
	if depth == len(p.siblings) { // a leaf or nothing stands here so far
		if p.end != nil {
			if i, has := slices.BinarySearchFunc(leaves, p.end.k, func(l leaf, k wire.Hash) int { return bytes.Compare(l.k[:], k[:]) }); !has {
				leaves = slices.Insert(slices.Clone(leaves), i, *p.end)
			}
		}
		return plant(leaves, depth)
	}
	zeros, ones := fork(leaves, depth)
	left, right := p.siblings[depth], p.siblings[depth]
	if len(zeros) > 0 {
		left = grow(tree, zeros, p, depth+1)
	}
	switch {
	case len(ones) == 0:
	case len(zeros) == 0:
		right = grow(tree, ones, p, depth+1)
	default:
		right = grow(tree, ones, prove(tree, ones[0].k), depth+1)
	}
	return proof.IndexNode(left, right)
}

// plant is the hash of a new subtree at depth that holds just these leaves.
func plant(leaves []leaf, depth int) wire.Hash {
	switch len(leaves) {
	case 0:
		return wire.Hash{}
	case 1:
		return proof.IndexLeaf(leaves[0].k, leaves[0].v)
	}
	zeros, ones := fork(leaves, depth)
	return proof.IndexNode(plant(zeros, depth+1), plant(ones, depth+1))
}

func fork(leaves []leaf, depth int) (zeros, ones []leaf) {
	i, _ := slices.BinarySearchFunc(leaves, 1, func(l leaf, one int) int { return proof.IndexBit(l.k, depth) - one })
	return leaves[:i], leaves[i:]
}
