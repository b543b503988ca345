package entry_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"igledger/internal/testneeds"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

type reference struct {
	tree   *testonly.Tree
	leaves [][]byte
}

func newReference(n int) *reference {
	r := &reference{tree: testonly.New(rfc6962.DefaultHasher)}
	for i := range n {
		r.leaves = append(r.leaves, fmt.Appendf(nil, "leaf %d", i))
	}
	r.tree.AppendData(r.leaves...)
	return r
}

func (r *reference) pick(indices ...uint64) map[uint64]wire.Hash {
	m := map[uint64]wire.Hash{}
	for _, i := range indices {
		m[i] = proof.LeafHash(r.leaves[i])
	}
	return m
}

// For every leaf of every small tree the nodes are those of the audit path of another
// implementation. The shared proof of any set of leaves has no node that is on no leaf's path and
// none that could be computed, and is accepted only with every node in its place.
func TestMultiProofAgainstSingleProofs(t *testing.T) {
	r := newReference(70)
	rnd := rand.New(rand.NewPCG(3, 4))
	for size := uint64(1); size <= uint64(testneeds.Part(70, 34)); size++ {
		root := wire.Hash(r.tree.HashAt(size))
		perfect := perfectNodes(r.leaves[:size])
		for i := range size {
			nodes, err := proof.MultiProof([]uint64{i}, size, perfect)
			single, err2 := r.tree.InclusionProof(i, size)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			var want []wire.Hash
			for _, h := range single {
				want = append(want, wire.Hash(h))
			}
			byBytes := func(a, b wire.Hash) int { return slices.Compare(a[:], b[:]) }
			if !slices.Equal(slices.SortedFunc(slices.Values(nodes), byBytes),
				slices.SortedFunc(slices.Values(want), byBytes)) {
				t.Fatalf("size %d leaf %d: nodes are not those of the audit path", size, i)
			}
			if err := proof.VerifyMulti(r.pick(i), nodes, size, root); err != nil {
				t.Fatalf("size %d leaf %d: %v", size, i, err)
			}
		}
		for range 20 {
			chosen := map[uint64]bool{}
			for range 1 + rnd.IntN(int(size)) {
				chosen[rnd.Uint64N(size)] = true
			}
			indices := slices.Collect(maps.Keys(chosen)) // in random order
			nodes, err := proof.MultiProof(indices, size, perfect)
			if err != nil {
				t.Fatal(err)
			}
			leaves := r.pick(indices...)
			if err := proof.VerifyMulti(leaves, nodes, size, root); err != nil {
				t.Fatalf("size %d leaves %v: %v", size, indices, err)
			}
			onPaths := map[wire.Hash]bool{}
			for _, i := range indices {
				path, err := r.tree.InclusionProof(i, size)
				h := leaves[i]
				if err != nil || merkle.VerifyInclusion(rfc6962.DefaultHasher, i, size, h[:], path, root[:]) != nil {
					t.Fatal("the reference refuses its own proof")
				}
				for _, p := range path {
					onPaths[wire.Hash(p)] = true
				}
			}
			for j, n := range nodes {
				if !onPaths[n] {
					t.Fatalf("size %d leaves %v: node %d is on no path", size, indices, j)
				}
			}
			tamperMulti(t, leaves, nodes, size, root)
		}
	}
}

// tamperMulti alters a valid proof in every single place.
func tamperMulti(t *testing.T, leaves map[uint64]wire.Hash, nodes []wire.Hash, size uint64, root wire.Hash) {
	t.Helper()
	no := func(what string, leaves map[uint64]wire.Hash, nodes []wire.Hash, size uint64, root wire.Hash) {
		t.Helper()
		if err := proof.VerifyMulti(leaves, nodes, size, root); !errors.Is(err, wire.BadProof) {
			t.Fatalf("size %d, %d leaves: %s: %v", size, len(leaves), what, err)
		}
	}
	for i := range leaves {
		changed := maps.Clone(leaves)
		changed[i] = flipBit(leaves[i], 9)
		no("a leaf changed", changed, nodes, size, root)
		fewer := maps.Clone(leaves)
		delete(fewer, i)
		no("a leaf less", fewer, nodes, size, root)
		if _, taken := leaves[i+1]; !taken {
			fewer[i+1] = leaves[i]
			no("a leaf elsewhere", fewer, nodes, size, root)
		}
	}
	for j := range nodes {
		changed := slices.Clone(nodes)
		changed[j] = flipBit(nodes[j], 9)
		no("a node changed", leaves, changed, size, root)
		no("a node less", leaves, slices.Delete(slices.Clone(nodes), j, j+1), size, root)
		no("a node twice", leaves, slices.Insert(slices.Clone(nodes), j, nodes[j]), size, root)
	}
	if len(nodes) > 1 {
		swapped := slices.Clone(nodes)
		swapped[0], swapped[1] = swapped[1], swapped[0]
		no("nodes swapped", leaves, swapped, size, root)
	}
	no("a node more", leaves, append(slices.Clone(nodes), root), size, root)
	no("another root", leaves, nodes, size, flipBit(root, 0))
	beyond := maps.Clone(leaves)
	beyond[size] = root
	no("a leaf beyond", beyond, nodes, size, root)
}

// A subtree cannot pass as a leaf. If size did not fix the form of the tree, the root alone would
// "prove" anything.
func TestMultiProofNoConfusion(t *testing.T) {
	r := newReference(8)
	root := wire.Hash(r.tree.Hash())
	left := mth(r.leaves[:4])
	for name, c := range map[string]struct {
		leaves map[uint64]wire.Hash
		nodes  []wire.Hash
		size   uint64
	}{
		"no leaf":                  {nil, []wire.Hash{root}, 8},
		"the root as the only one": {map[uint64]wire.Hash{0: root}, nil, 8},
		"a node as a leaf":         {map[uint64]wire.Hash{0: left}, []wire.Hash{mth(r.leaves[4:])}, 8},
		"empty tree":               {map[uint64]wire.Hash{0: root}, nil, 0},
		"too large a tree":         {map[uint64]wire.Hash{0: root}, nil, 1<<62 + 1},
		"largest number":           {map[uint64]wire.Hash{1<<64 - 1: root}, nil, 1<<64 - 1},
		"largest tree":             {map[uint64]wire.Hash{1<<62 - 1: root}, make([]wire.Hash, 61), 1 << 62},
	} {
		if err := proof.VerifyMulti(c.leaves, c.nodes, c.size, root); !errors.Is(err, wire.BadProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// With the size the log signs the form of the tree. A tree of size 2 whose leaves are nodes of
	// a tree of size 8 needs another signed size.
	if err := proof.VerifyMulti(map[uint64]wire.Hash{0: left}, []wire.Hash{mth(r.leaves[4:])}, 2, root); err != nil {
		t.Errorf("%v: the size is as trusted as the root", err)
	}
}

func TestMultiProofNodes(t *testing.T) {
	for name, c := range map[string]struct {
		indices []uint64
		size    uint64
		want    []proof.NodeID
	}{
		"one of one": {[]uint64{0}, 1, nil},
		"the picture": {[]uint64{1, 5}, 7, []proof.NodeID{{Level: 0, Index: 0}, {Level: 1, Index: 1},
			{Level: 0, Index: 4}, {Level: 0, Index: 6}}},
		"any order, repeated": {[]uint64{5, 1, 5}, 7, []proof.NodeID{{Level: 0, Index: 0}, {Level: 1, Index: 1},
			{Level: 0, Index: 4}, {Level: 0, Index: 6}}},
		"right edge ephemeral": {[]uint64{0}, 7, []proof.NodeID{{Level: 0, Index: 1}, {Level: 1, Index: 1},
			{Level: 2, Index: 1}}},
		"all":          {[]uint64{0, 1, 2}, 3, nil},
		"last of five": {[]uint64{4}, 5, []proof.NodeID{{Level: 2, Index: 0}}},
	} {
		got, err := proof.MultiProofNodes(c.indices, c.size)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	// Indices up to the limit of a log do not overflow.
	nodes, err := proof.MultiProofNodes([]uint64{0, 1<<62 - 1}, 1<<62)
	if err != nil || len(nodes) != 122 {
		t.Errorf("%d nodes, %v", len(nodes), err)
	}
	odd := uint64(1<<62 - 3)
	calls := 0
	for _, n := range append(nodes[:60], proof.NodeID{Level: 62, Index: 0}, proof.NodeID{Level: 61, Index: 1}) {
		if _, err := n.Hash(odd, func(level uint, index uint64) (wire.Hash, error) {
			calls++
			if (index+1)<<level > odd {
				t.Fatalf("asks for level %d index %d, outside the tree", level, index)
			}
			return wire.Hash{}, nil
		}); err != nil {
			t.Error(err)
		}
	}
	if calls < 120 {
		t.Errorf("%d perfect nodes", calls)
	}
	for _, n := range []proof.NodeID{{Level: 63, Index: 0}, {Level: 64, Index: 0}, {Level: 0, Index: odd},
		{Level: 62, Index: 1}, {Level: 5, Index: 1 << 60}, {Level: 0, Index: 1<<64 - 1}} {
		if _, err := n.Hash(odd, nil); !errors.Is(err, wire.BadProof) {
			t.Errorf("%v: %v", n, err)
		}
	}
	for _, size := range []uint64{1<<62 + 1, 1<<64 - 1} {
		if _, err := proof.MultiProofNodes([]uint64{0}, size); !errors.Is(err, wire.BadProof) {
			t.Errorf("size %d: %v", size, err)
		}
		if _, err := (proof.NodeID{Level: 0, Index: 0}).Hash(size, perfectNodes([][]byte{{1}})); !errors.Is(err,
			wire.BadProof) {
			t.Errorf("size %d: %v", size, err)
		}
	}
	cause := errors.New("tile is missing")
	if _, err := proof.MultiProof([]uint64{0}, 2, func(uint, uint64) (wire.Hash, error) {
		return wire.Hash{},
			cause
	}); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func FuzzVerifyMulti(f *testing.F) {
	r := newReference(33)
	f.Add(uint64(33), []byte{1, 5, 32}, uint64(0))
	f.Add(uint64(1<<62), []byte{0}, uint64(1<<61))
	f.Fuzz(func(t *testing.T, size uint64, picks []byte, offset uint64) {
		leaves := map[uint64]wire.Hash{}
		var indices []uint64
		for _, p := range picks {
			indices = append(indices, offset+uint64(p))
			leaves[offset+uint64(p)] = wire.Hash{p}
		}
		ids, err := proof.MultiProofNodes(indices, size)
		if err != nil {
			refused(t, err)
			if err := proof.VerifyMulti(leaves, nil, size, wire.Hash{}); err == nil {
				t.Fatal("verified what has no proof")
			}
			return
		}
		if len(ids) > 62*len(leaves) {
			t.Fatalf("%d nodes for %d leaves", len(ids), len(leaves))
		}
		for i, id := range ids { // left to right, disjoint, without a leaf asked for
			lo := id.Index << id.Level
			if i > 0 && lo < (ids[i-1].Index+1)<<ids[i-1].Level {
				t.Fatal("nodes overlap or are out of order")
			}
			for _, at := range indices {
				if at >= lo && at < lo+1<<id.Level {
					t.Fatal("a node holds a leaf asked for")
				}
			}
		}
		if err := proof.VerifyMulti(leaves, make([]wire.Hash, len(ids)), size,
			wire.Hash(r.tree.Hash())); !errors.Is(err, wire.BadProof) {
			t.Fatal(err)
		}
		if size <= 33 {
			nodes, err := proof.MultiProof(indices, size, perfectNodes(r.leaves))
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyMulti(r.pick(indices...), nodes, size, wire.Hash(r.tree.HashAt(size))); err != nil {
				t.Fatal(err)
			}
		}
	})
}
