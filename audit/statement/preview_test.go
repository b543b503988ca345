package statement

import (
	"math/rand/v2"
	"testing"

	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// The predicted root is the one that Apply then returns, for keys of every likeness.
func TestRootWith(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tree := index.New()
	for round := range 300 {
		updates := map[wire.Hash]index.Update{}
		for range r.IntN(40) {
			var k wire.Hash
			switch r.IntN(3) {
			case 0: // from few, so that histories grow
				k[0], k[31] = byte(r.IntN(4))<<6, byte(r.IntN(8))
			case 1: // alike for many bits
				k[20] = 1 << r.IntN(8)
				k[31] = byte(r.IntN(256))
			default:
				for i := range k {
					k[i] = byte(r.Uint32())
				}
			}
			updates[k] = index.Update{K: k, State: proof.State{Count: uint64(round + 1), Head: wire.Hash{byte(r.Uint32())}}}
		}
		var list []index.Update
		for _, u := range updates {
			list = append(list, u)
		}
		before := tree.Root()
		want := rootWith(tree, list)
		if tree.Root() != before {
			t.Fatal("looking ahead changed the tree")
		}
		if tree.Apply(list); tree.Root() != want {
			t.Fatalf("round %d: %d updates make %x, predicted was %x", round, len(list), tree.Root(), want)
		}
	}
}
