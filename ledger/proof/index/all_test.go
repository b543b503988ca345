package index

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// All returns each history that was filed, once and in order, so that a tree that is stored and
// loaded again is the same.
func TestAllLoadsTheSameTree(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{0, 1, 2, 500} {
		tree := New()
		var list []Update
		for i := range n {
			u := Update{State: proof.State{Count: uint64(i + 1)}}
			for j := range u.K {
				u.K[j] = byte(rng.Uint32())
			}
			list = append(list, u)
		}
		tree.Apply(list)
		var last wire.Hash
		count := 0
		for u := range tree.All() {
			if count > 0 && bytes.Compare(last[:], u.K[:]) >= 0 {
				t.Fatalf("%d histories: not ascending", n)
			}
			if got, ok := tree.Get(u.K); !ok || got != u.State {
				t.Fatalf("%d histories: gives one that is not there", n)
			}
			last, count = u.K, count+1
		}
		if again := Build(tree.All()); count != n || again.Root() != tree.Root() {
			t.Errorf("%d histories: %d given, roots %x and %x", n, count, tree.Root(), again.Root())
		}
		for range tree.All() { // the caller may stop early
			break
		}
	}
}
