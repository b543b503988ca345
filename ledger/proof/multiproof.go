package proof

import (
	"crypto/sha256"
	"maps"
	"math/bits"
	"slices"

	"igledger/ledger/wire"
)

// A multi-inclusion proof shows that many leaves are in one log tree (RFC 6962) of a known size
// with a known root. It carries each shared node once. It is the list of the roots of the largest
// subtrees that hold none of the leaves, from left to right. The subtrees are those of RFC 6962
// section 2.1, where a range of n > 1 leaves splits at the largest power of two below n.
//
//	size 7, leaves 1 and 5:                root
//	                              /                    \
//	                       •                               •
//	                   /       \                       /       \
//	               •             [2,3]             •             [6]
//	             /   \                           /   \
//	          [0]     1                       [4]     5                  nodes: 0, (2,3), 4, 6
//
// Size and indices alone determine the nodes, so there is one proof for one question. For a single
// leaf they are the nodes of RFC 6962's audit path, in the order of their leaves.

// maxTreeSize bounds the size of a log tree in leaves, as in a checkpoint.
const maxTreeSize = 1 << 62

// NodeID names a subtree of a log tree: the tree hash of the leaves from Index<<Level below
// (Index+1)<<Level, cut at the tree's size. Level is the lowest that spans its leaves. A subtree of
// 1<<Level leaves is perfect: tiles hold its node, or the nodes from which it follows. Any other
// subtree is on the right edge of the tree.
type NodeID struct {
	Level uint
	Index uint64
}

// MultiProofNodes returns the nodes, in order, whose hashes prove the leaves at indices in a tree
// of size leaves. Order and repetition of indices do not matter. If there is no index, one is not
// below size, or size is above 2^62, it returns BadProof.
func MultiProofNodes(indices []uint64, size uint64) ([]NodeID, error) {
	var nodes []NodeID
	err := EachMultiProofNode(indices, size, func(n NodeID) error { nodes = append(nodes, n); return nil })
	return nodes, err
}

// EachMultiProofNode calls f with the nodes of MultiProofNodes, in order, without holding them. If
// f returns an error, it ends with that.
func EachMultiProofNode(indices []uint64, size uint64, f func(NodeID) error) error {
	sorted := slices.Sorted(slices.Values(indices))
	if err := checkIndices(sorted, size); err != nil {
		return err
	}
	var walk func(lo, hi uint64, in []uint64) error
	walk = func(lo, hi uint64, in []uint64) error {
		if len(in) == 0 {
			level := uint(bits.Len64(hi - lo - 1))
			return f(NodeID{level, lo >> level})
		}
		if hi-lo == 1 {
			return nil
		}
		mid := splitRange(lo, hi)
		at, _ := slices.BinarySearch(in, mid)
		if err := walk(lo, mid, in[:at]); err != nil {
			return err
		}
		return walk(mid, hi, in[at:])
	}
	return walk(0, size, sorted)
}

// MultiProof returns the proof: the hashes of MultiProofNodes. perfect must return the tree hash of
// the 1<<level leaves from index<<level, which are all in the tree.
func MultiProof(
	indices []uint64, size uint64, perfect func(level uint, index uint64) (wire.Hash, error),
) ([]wire.Hash, error) {
	nodes, err := MultiProofNodes(indices, size)
	if err != nil {
		return nil, err
	}
	hashes := make([]wire.Hash, len(nodes))
	for i, n := range nodes {
		hashes[i], err = n.Hash(size, perfect)
		if err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// Hash computes the hash of the node in a tree of size leaves from perfect subtrees, at most 62 of
// them on the right edge. If the node is not in such a tree, it returns BadProof.
func (n NodeID) Hash(size uint64, perfect func(level uint, index uint64) (wire.Hash, error)) (wire.Hash, error) {
	if size > maxTreeSize || n.Level > 62 || n.Index > (maxTreeSize-1)>>n.Level || n.Index<<n.Level >= size {
		return wire.Hash{}, wire.Errorf(wire.BadProof, "log node",
			"level %d index %d is not in a tree of %d leaves", n.Level, n.Index, size)
	}
	lo := n.Index << n.Level
	hi := min(size, lo+1<<n.Level)
	var h wire.Hash
	// The range splits into perfect subtrees as its length splits into powers of two, the largest
	// first. Fold them from the right.
	for rest, first := hi-lo, true; rest > 0; first = false {
		level := uint(bits.TrailingZeros64(rest))
		rest -= 1 << level
		left, err := perfect(level, (lo+rest)>>level)
		if err != nil {
			return wire.Hash{}, err
		}
		if first {
			h = left
		} else {
			h = logNode(left, h)
		}
	}
	return h, nil
}

// VerifyMulti checks that exactly nodes, in the order of MultiProofNodes, lead from leafHashes
// (LeafHash by index) to the root of a tree of size leaves. Size and root come from a checkpoint.
// It stops an operator from showing leaves that the log does not hold at these indices. If the
// proof does not lead to root, a node is missing or left over, there is no leaf, or an index is not
// below size, it returns BadProof.
func VerifyMulti(leafHashes map[uint64]wire.Hash, nodes []wire.Hash, size uint64, root wire.Hash) error {
	sorted := slices.Sorted(maps.Keys(leafHashes))
	if err := checkIndices(sorted, size); err != nil {
		return err
	}
	missing := false
	var climb func(lo, hi uint64, in []uint64) wire.Hash
	climb = func(lo, hi uint64, in []uint64) wire.Hash {
		switch {
		case missing:
			return wire.Hash{}
		case len(in) == 0:
			if len(nodes) == 0 {
				missing = true
				return wire.Hash{}
			}
			h := nodes[0]
			nodes = nodes[1:]
			return h
		case hi-lo == 1:
			return leafHashes[lo]
		}
		mid := splitRange(lo, hi)
		at, _ := slices.BinarySearch(in, mid)
		left := climb(lo, mid, in[:at])
		return logNode(left, climb(mid, hi, in[at:]))
	}
	got := climb(0, size, sorted)
	switch {
	case missing:
		return wire.Errorf(wire.BadProof, "inclusion of leaves",
			"too few nodes (leaves: %d, tree size: %d)", len(sorted), size)
	case len(nodes) > 0:
		return wire.Errorf(wire.BadProof, "inclusion of leaves",
			"nodes left over: %d (leaves: %d, tree size: %d)", len(nodes), len(sorted), size)
	case got != root:
		return wire.Errorf(wire.BadProof, "inclusion of leaves",
			"the leaves do not lead to the root (leaves: %d, tree size: %d)", len(sorted), size)
	}
	return nil
}

func checkIndices(sorted []uint64, size uint64) error {
	switch {
	case len(sorted) == 0:
		return wire.Errorf(wire.BadProof, "inclusion of leaves", "no leaf to prove")
	case size > maxTreeSize:
		return wire.Errorf(wire.BadProof, "inclusion of leaves", "tree of %d leaves, at most 2^62", size)
	case sorted[len(sorted)-1] >= size:
		return wire.Errorf(wire.BadProof, "inclusion of leaves",
			"leaf %d is not in a tree of %d leaves", sorted[len(sorted)-1], size)
	}
	return nil
}

// splitRange returns where lo..hi splits: at lo plus the largest power of two below its length.
func splitRange(lo, hi uint64) uint64 { return lo + 1<<(bits.Len64(hi-lo-1)-1) }

// logNode returns SHA-256(0x01 ‖ left ‖ right), as RFC 6962 section 2.1 defines it.
func logNode(left, right wire.Hash) wire.Hash {
	var b [65]byte
	b[0] = 0x01
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}
