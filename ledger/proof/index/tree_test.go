package index_test

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/internal/testneeds"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

func flip(k wire.Hash, bit int) wire.Hash {
	k[bit/8] ^= 0x80 >> (bit % 8)
	return k
}

// under returns an invented history under k.
func under(k wire.Hash) index.Update {
	return index.Update{K: k, State: proof.State{Count: uint64(k[31]) + 1, Head: wire.Hash(sha256.Sum256(k[:]))}}
}

// populations are sets of histories, from none to many, and some that an attacker would choose who
// could choose keys.
func populations() map[string][]index.Update {
	base := history(1).K
	all := map[string][]index.Update{
		"none":                     {},
		"one":                      {history(1)},
		"one under zero":           {under(wire.Hash{})},
		"two":                      {history(1), history(2)},
		"twins sharing 255 bits":   {under(base), under(flip(base, 255))},
		"twins and a stranger":     {under(base), under(flip(base, 255)), under(flip(base, 0))},
		"twins parting at a byte":  {under(base), under(flip(base, 8))},
		"first and last of all":    {under(wire.Hash{}), under(wire.Hash(bytes.Repeat([]byte{0xff}, 32)))},
		"many":                     slices.Collect(histories(300)),
		"enough for both cores":    slices.Collect(histories(2000)),
		"more than a chunk (4096)": slices.Collect(histories(5000)),
	}
	ladder := []index.Update{under(base)}
	for bit := range 256 {
		ladder = append(ladder, under(flip(base, bit)))
	}
	all["one parting from the rest at every bit"] = ladder
	dense := []index.Update{}
	for last := range 256 {
		k := base
		k[31] = byte(last)
		dense = append(dense, under(k))
	}
	all["256 sharing 248 bits"] = dense
	return all
}

// loads are the ways to fill a tree.
var loads = map[string]func(r *rand.Rand, list []index.Update) *index.Tree{
	"one by one": func(_ *rand.Rand, list []index.Update) *index.Tree {
		t := index.New()
		for _, u := range list {
			t.Apply([]index.Update{u})
		}
		return t
	},
	"one batch": func(_ *rand.Rand, list []index.Update) *index.Tree {
		t := index.New()
		t.Apply(list)
		return t
	},
	"batches": func(r *rand.Rand, list []index.Update) *index.Tree {
		t := index.New()
		for len(list) > 0 {
			n := min(r.IntN(700), len(list))
			t.Apply(list[:n])
			list = list[n:]
		}
		return t
	},
	"build": func(_ *rand.Rand, list []index.Update) *index.Tree {
		return index.Build(slices.Values(list))
	},
	"build, then the rest": func(_ *rand.Rand, list []index.Update) *index.Tree {
		t := index.Build(slices.Values(list[:len(list)/2]))
		t.Apply(list[len(list)/2:])
		return t
	},
	"from wrong histories to right ones": func(r *rand.Rand, list []index.Update) *index.Tree {
		wrong := slices.Clone(list)
		for i := range wrong {
			wrong[i].State.Count += 7
		}
		r.Shuffle(len(wrong), func(i, j int) { wrong[i], wrong[j] = wrong[j], wrong[i] })
		t := index.Build(slices.Values(wrong))
		t.Apply(list)
		return t
	},
}

func TestRootDependsOnContentsOnly(t *testing.T) {
	for name, list := range populations() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 14))
			want := oracleRoot(list, 0)
			ascending := contents(list)
			descending := slices.Clone(ascending)
			slices.Reverse(descending)
			orders := [][]index.Update{list, ascending, descending}
			for range 2 {
				shuffled := slices.Clone(list)
				r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				orders = append(orders, shuffled)
			}
			for how, load := range loads {
				for i, order := range orders {
					tree := load(r, order)
					if tree.Root() != want {
						t.Errorf("%s, order %d: root %x, the oracle's %x", how, i, tree.Root(), want)
					}
					if tree.Len() != len(list) {
						t.Errorf("%s, order %d: %d histories, want %d", how, i, tree.Len(), len(list))
					}
					for _, u := range list {
						if got, ok := tree.Get(u.K); !ok || got != u.State {
							t.Fatalf("%s, order %d: %x: got %v %v, want %v", how, i, u.K, got, ok, u.State)
						}
					}
				}
			}
		})
	}
}

// After each of many batches, with a history several times in one, a tree has the root of what it
// then holds.
func TestEveryBatchMovesTheRoot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 59))
	tree := index.New()
	var applied []index.Update
	for batch := range testneeds.Part(60, 12) {
		var updates []index.Update
		for range r.IntN(400) {
			u := history(r.Uint64N(1500))
			if r.IntN(4) == 0 {
				u.K = flip(u.K, r.IntN(256))
			}
			u.State.Count = r.Uint64()
			updates = append(updates, u)
		}
		before := tree.Root()
		tree.Apply(updates)
		applied = append(applied, updates...)
		want := contents(applied)
		if tree.Root() != oracleRoot(want, 0) {
			t.Fatalf("batch %d of %d updates: not the oracle's root", batch, len(updates))
		}
		if len(updates) > 0 && tree.Root() == before {
			t.Fatalf("batch %d of %d updates left the root as it was", batch, len(updates))
		}
		if tree.Len() != len(want) {
			t.Fatalf("batch %d: %d histories, want %d", batch, tree.Len(), len(want))
		}
	}
}

// strangers returns keys that are not in list: far from all, and as near to one as possible.
func strangers(list []index.Update) []wire.Hash {
	keys := []wire.Hash{{}, wire.Hash(bytes.Repeat([]byte{0xff}, 32)), wire.Hash(bytes.Repeat([]byte{0xaa}, 32))}
	for i := range list {
		if i%(len(list)/4+1) == 0 {
			for bit := range 256 {
				keys = append(keys, flip(list[i].K, bit))
			}
		}
	}
	return slices.DeleteFunc(keys, func(k wire.Hash) bool { _, ok := find(list, k); return ok })
}

func TestProofs(t *testing.T) {
	for name, list := range populations() {
		t.Run(name, func(t *testing.T) {
			tree := index.Build(slices.Values(list))
			root := oracleRoot(list, 0)
			for i, u := range list {
				if len(list) > 1000 && i%testneeds.Part(1, 7) != 0 {
					continue
				}
				p, s, ok := tree.Prove(u.K)
				if !ok || s != u.State {
					t.Fatalf("%x: %v %v, want %v", u.K, s, ok, u.State)
				}
				if got, err := p.Root(u.K, oracleValue(u.State)); err != nil || got != root {
					t.Fatalf("%x: root %x, %v; want %x", u.K, got, err, root)
				}
				if i%(len(list)/20+1) == 0 {
					sameProof(t, p, oracleProof(list, u.K))
				}
			}
			for i, k := range strangers(list) {
				if i%testneeds.Part(1, 5) != 0 {
					continue
				}
				p, s, ok := tree.Prove(k)
				if ok || s != (proof.State{}) {
					t.Fatalf("%x is not there, but %v %v", k, s, ok)
				}
				if _, ok := tree.Get(k); ok {
					t.Fatalf("%x is not there, but Get says so", k)
				}
				if got, err := p.RootWithout(k); err != nil || got != root {
					t.Fatalf("%x: root %x, %v; want %x", k, got, err, root)
				}
				if i%50 == 0 {
					sameProof(t, p, oracleProof(list, k))
				}
			}
		})
	}
}

// sameProof checks that a proof is that of the oracle and survives its JSON unchanged.
func sameProof(t *testing.T, got, want proof.IndexProof) {
	t.Helper()
	if !slices.Equal(got.Siblings, want.Siblings) || !reflect.DeepEqual(got.Other, want.Other) {
		t.Fatalf("proof %v\nthe oracle's %v", got, want)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	back, err := proof.ParseIndexProof(text)
	if err != nil || !slices.Equal(back.Siblings, want.Siblings) || !reflect.DeepEqual(back.Other, want.Other) {
		t.Fatalf("%s read back: %v, %v", text, back, err)
	}
}

// A proof of an earlier tree does not verify against a later root.
func TestOldProofFailsAgainstNewRoot(t *testing.T) {
	list := slices.Collect(histories(1000))
	tree := index.Build(slices.Values(list))
	here, absent := list[10], history(5000)
	inclusion, _, _ := tree.Prove(here.K)
	absence, _, _ := tree.Prove(absent.K)

	grown := here
	grown.State.Count++
	tree.Apply([]index.Update{grown, absent})
	if got, err := inclusion.Root(here.K, here.State.Value()); err == nil && got == tree.Root() {
		t.Error("the shorter history still verifies")
	}
	if got, err := absence.RootWithout(absent.K); err == nil && got == tree.Root() {
		t.Error("the history that came is still proved absent")
	}
}

func TestReadersSideBySide(t *testing.T) {
	list := slices.Collect(histories(3000))
	tree := index.Build(slices.Values(list))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for _, u := range list {
				p, s, ok := tree.Prove(u.K)
				got, err := p.Root(u.K, s.Value())
				if !ok || err != nil || got != tree.Root() {
					t.Errorf("%x: %v %v", u.K, ok, err)
					return
				}
			}
		})
	}
	readers.Wait()
}
