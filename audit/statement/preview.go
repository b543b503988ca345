package statement

import (
	"bytes"
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// rootWith returns the root that tree would have after Apply(updates), in which no K occurs twice.
// It does not change the tree: a root is logged before the tree may move to it, since the log may
// take another process's root. It computes the root from the tree's own proofs, as a verifier
// would. So if the tree itself is wrong, comparing the two shows it.
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

// path is a proof, with the leaf at its end if there is one.
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

// grow returns the hash of the subtree at depth with leaves, sorted, added to what it holds. p is
// the path of leaves[0].
func grow(tree *index.Tree, leaves []leaf, p path, depth int) wire.Hash {
	if depth == len(p.siblings) { // so far there is a leaf here, or nothing
		if p.end != nil {
			byKey := func(l leaf, k wire.Hash) int { return bytes.Compare(l.k[:], k[:]) }
			if i, has := slices.BinarySearchFunc(leaves, p.end.k, byKey); !has {
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

// plant returns the hash of a new subtree at depth that holds just these leaves.
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
