package index_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/internal/testneeds"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// victims are histories whose proofs are forged: unrelated ones, twins, and a lone pair that leaves
// empty places beside a long path.
func victims() []index.Update {
	list := slices.Collect(histories(40))
	return append(list,
		under(flip(list[0].K, 255)),
		under(flip(list[1].K, 100)), under(flip(list[1].K, 120)),
		under(flip(list[2].K, 20)))
}

func equal(a, b proof.IndexProof) bool {
	return slices.Equal(a.Siblings, b.Siblings) && reflect.DeepEqual(a.Other, b.Other)
}

// alterations returns proofs that differ from p: every sibling changed, dropped, doubled, emptied
// or swapped; the path longer and shorter; Other added, changed or removed.
func alterations(p proof.IndexProof) map[string]proof.IndexProof {
	all := map[string]proof.IndexProof{}
	add := func(name string, siblings []wire.Hash, other *proof.IndexOther) {
		if q := (proof.IndexProof{Siblings: siblings, Other: other}); !equal(q, p) {
			all[name] = q
		}
	}
	path := []wire.Hash(p.Siblings)
	for i := range path {
		for _, bit := range []int{0, 7, 128, 255} {
			bent := slices.Clone(path)
			bent[i] = flip(bent[i], bit)
			add(fmt.Sprintf("sibling %d bent at bit %d", i, bit), bent, p.Other)
		}
		emptied := slices.Clone(path)
		emptied[i] = wire.Hash{}
		add(fmt.Sprintf("sibling %d emptied", i), emptied, p.Other)
		add(fmt.Sprintf("sibling %d dropped", i), slices.Delete(slices.Clone(path), i, i+1), p.Other)
		add(fmt.Sprintf("sibling %d doubled", i), slices.Insert(slices.Clone(path), i, path[i]), p.Other)
		add(fmt.Sprintf("an empty sibling before %d", i), slices.Insert(slices.Clone(path), i, wire.Hash{}), p.Other)
		if i > 0 {
			swapped := slices.Clone(path)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			add(fmt.Sprintf("siblings %d and %d swapped", i-1, i), swapped, p.Other)
		}
		add(fmt.Sprintf("only the first %d", i), slices.Clone(path[:i]), p.Other)
		add(fmt.Sprintf("only the first %d, and no other leaf", i), slices.Clone(path[:i]), nil)
	}
	add("an empty sibling at the end", append(slices.Clone(path), wire.Hash{}), p.Other)
	add("257 siblings", append(slices.Clone(path), make([]wire.Hash, 257-len(path))...), p.Other)
	backwards := slices.Clone(path)
	slices.Reverse(backwards)
	add("backwards", backwards, p.Other)
	add("no other leaf", path, nil)
	add("an empty other leaf", path, &proof.IndexOther{})
	stranger := history(9999)
	add("a made-up other leaf", path, &proof.IndexOther{K: stranger.K, V: oracleValue(stranger.State)})
	if p.Other != nil {
		for bit := range 256 {
			add(fmt.Sprintf("the other leaf's K bent at bit %d", bit), path,
				&proof.IndexOther{K: flip(p.Other.K, bit), V: p.Other.V})
		}
		add("the other leaf's V bent", path, &proof.IndexOther{K: p.Other.K, V: flip(p.Other.V, 77)})
	}
	return all
}

func TestAlteredInclusionIsRefused(t *testing.T) {
	list := victims()
	tree := index.Build(slices.Values(list))
	shows := func(p proof.IndexProof, k, v wire.Hash) bool {
		got, err := p.Root(k, v)
		return err == nil && got == tree.Root()
	}
	for i, u := range list {
		p, s, ok := tree.Prove(u.K)
		v := s.Value()
		if !ok || !shows(p, u.K, v) {
			t.Fatalf("history %d: the true proof fails", i)
		}
		for name, q := range alterations(p) {
			if shows(q, u.K, v) {
				t.Errorf("history %d: %s: still verifies", i, name)
			}
		}
		for bit := range 256 {
			if shows(p, flip(u.K, bit), v) {
				t.Errorf("history %d: verifies with K bent at bit %d", i, bit)
			}
			if shows(p, u.K, flip(v, bit)) {
				t.Errorf("history %d: verifies with V bent at bit %d", i, bit)
			}
		}
		for name, lie := range map[string]proof.State{
			"one entry less": {Count: s.Count - 1, Head: s.Head},
			"one entry more": {Count: s.Count + 1, Head: s.Head},
			"another head":   {Count: s.Count, Head: flip(s.Head, 3)},
			"another's":      list[(i+1)%len(list)].State,
			"no entries":     {},
		} {
			if shows(p, u.K, lie.Value()) {
				t.Errorf("history %d: %s: verifies", i, name)
			}
		}
		// Neither the proof nor any alteration shows that the history is absent.
		all := alterations(p)
		all["itself"] = p
		for name, q := range all {
			if got, err := q.RootWithout(u.K); err == nil && got == tree.Root() {
				t.Errorf("history %d: %s: denies a history that is there", i, name)
			}
		}
	}
}

func TestAlteredAbsenceIsRefused(t *testing.T) {
	list := victims()
	tree := index.Build(slices.Values(list))
	shows := func(p proof.IndexProof, k wire.Hash) bool {
		got, err := p.RootWithout(k)
		return err == nil && got == tree.Root()
	}
	empty, taken := 0, 0
	for i, k := range strangers(list) {
		if i%testneeds.Part(29, 29*5) != 0 {
			continue
		}
		p, _, ok := tree.Prove(k)
		if ok || !shows(p, k) {
			t.Fatalf("stranger %d: the true proof fails", i)
		}
		if p.Other == nil {
			empty++
		} else {
			taken++
		}
		for name, q := range alterations(p) {
			if shows(q, k) {
				t.Errorf("stranger %d: %s: still verifies", i, name)
			}
		}
		// One empty or occupied place shows the absence of every key that would be there, and of no
		// other.
		for bit := range 256 {
			bent := flip(k, bit)
			_, there := find(list, bent)
			if want := !there && equal(p, oracleProof(list, bent)); shows(p, bent) != want {
				t.Errorf("stranger %d with K bent at bit %d: verifies %v, want %v", i, bit, !want, want)
			}
		}
		if got, err := p.Root(k, wire.Hash{}); err == nil && got == tree.Root() {
			t.Errorf("stranger %d: its absence shows a history", i)
		}
		if p.Other != nil {
			if got, err := p.Root(k, p.Other.V); err == nil && got == tree.Root() {
				t.Errorf("stranger %d: the other leaf passes for its own", i)
			}
			if shows(p, p.Other.K) {
				t.Errorf("stranger %d: denies the other leaf", i)
			}
		}
	}
	if empty == 0 || taken == 0 {
		t.Errorf("%d empty places and %d taken ones: both kinds must be tried", empty, taken)
	}
}

// FuzzForgery checks that every proof that verifies against the root is true, and is the proof that
// the tree makes.
func FuzzForgery(f *testing.F) {
	list := victims()
	tree := index.Build(slices.Values(list))
	add := func(k wire.Hash) {
		p, s, _ := tree.Prove(k)
		text, err := json.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		v := s.Value()
		f.Add(text, k[:], v[:])
	}
	for i, u := range list {
		if i%5 == 0 {
			add(u.K)
			add(flip(u.K, i))
		}
	}
	f.Fuzz(func(t *testing.T, text, key, value []byte) {
		if len(key) != 32 || len(value) != 32 {
			return
		}
		k, v := wire.Hash(key), wire.Hash(value)
		p, err := proof.ParseIndexProof(text)
		if err != nil {
			return
		}
		s, there := find(list, k)
		if got, err := p.Root(k, v); err == nil && got == tree.Root() && (!there || s.Value() != v || !equal(p,
			oracleProof(list, k))) {
			t.Errorf("shows %x under %x", v, k)
		}
		if got, err := p.RootWithout(k); err == nil && got == tree.Root() && (there || !equal(p,
			oracleProof(list, k))) {
			t.Errorf("shows the absence of %x", k)
		}
	})
}

// FuzzTree: bytes are updates and batches; after each batch the tree is the oracle's. Keys differ
// from one of four in one bit only, so that paths are long.
func FuzzTree(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 255, 1, 0, 254, 2, 255, 0, 0, 1, 0, 1, 1, 0, 2})
	f.Add([]byte{3, 9, 1, 3, 10, 1, 3, 9, 2, 254, 9, 2, 2, 9, 2, 129, 0, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		ops = ops[:min(len(ops), 300)]
		tree := index.New()
		var applied, batch []index.Update
		for ; len(ops) >= 3; ops = ops[3:] {
			k := flip(history(uint64(ops[0]%4)).K, int(ops[1]))
			batch = append(batch, index.Update{K: k, State: proof.State{Count: uint64(ops[2]) + 1,
				Head: wire.Hash{ops[2]}}})
			if ops[0] < 128 && len(ops) >= 6 {
				continue
			}
			tree.Apply(batch)
			applied, batch = append(applied, batch...), nil
			list := contents(applied)
			if root := oracleRoot(list, 0); tree.Root() != root || tree.Len() != len(list) {
				t.Fatalf("%d histories with root %x, want %d with %x", tree.Len(), tree.Root(), len(list), root)
			}
			for _, k := range []wire.Hash{k, flip(k, int(ops[2])), flip(k, 255)} {
				p, s, ok := tree.Prove(k)
				if want, there := find(list, k); s != want || ok != there || !equal(p, oracleProof(list, k)) {
					t.Fatalf("%x: %v %v, want %v %v; proof %v", k, s, ok, want, there, p)
				}
			}
		}
	})
}
