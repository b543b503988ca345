package entry_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

func testHash(s string) wire.Hash { return sha256.Sum256([]byte(s)) }

// randomIndex has n keys. Some of them share long prefixes, which random ones hardly would.
func randomIndex(r *rand.Rand, n int) indexOracle {
	o := indexOracle{}
	for i := range n {
		k := testHash(fmt.Sprint(r.Uint64()))
		if keys := o.keys(); i%3 == 1 {
			shared := r.IntN(256)
			slices.SortFunc(keys, func(a, b wire.Hash) int { return slices.Compare(a[:], b[:]) })
			k = flipBit(keys[r.IntN(len(keys))], shared)
		}
		o[k] = testHash(fmt.Sprint("v", i))
	}
	return o
}

func flipBit(k wire.Hash, i int) wire.Hash {
	k[i/8] ^= 0x80 >> (i % 8)
	return k
}

// Every key of every tree is shown to be there, every other key to be absent, and neither can be
// shown the other way round.
func TestIndexProofsAgainstOracle(t *testing.T) {
	for n := range testneeds.Part(40, 20) {
		r := rand.New(rand.NewPCG(uint64(n), 7))
		o := randomIndex(r, n)
		root := o.root(o.keys(), 0)
		asked := append(o.keys(), testHash("absent"), wire.Hash{})
		for _, k := range o.keys() {
			asked = append(asked, flipBit(k, 0), flipBit(k, 255), flipBit(k, r.IntN(256)))
		}
		for _, k := range asked {
			p := o.prove(k)
			got, err := p.RootWithout(k)
			if v, present := o[k]; present {
				if err == nil && got == root {
					t.Fatalf("n %d: a key is shown to be absent", n)
				}
				got, err = p.Root(k, v)
			} else if in, err := p.Root(k, testHash("any")); err == nil && in == root {
				t.Fatalf("n %d: an absent key is shown", n)
			}
			if err != nil || got != root {
				t.Fatalf("n %d: %v, root %v", n, err, got == root)
			}
		}
	}
}

// An attacker has the whole tree and answers for k. No answer that is close to the true proof but
// differs from it leads to the root.
func TestIndexProofAltered(t *testing.T) {
	o := randomIndex(rand.New(rand.NewPCG(1, 2)), testneeds.Part(60, 20))
	root := o.root(o.keys(), 0)
	asked := o.keys()
	for i := range testneeds.Part(200, 20) {
		asked = append(asked, testHash(fmt.Sprint("absent", i)))
	}
	absentEmpty, absentOther := 0, 0
	for _, k := range asked {
		v, present := o[k]
		p := o.prove(k)
		if !present && p.Other == nil {
			absentEmpty++
		} else if !present {
			absentOther++
		}
		answers := func(q proof.IndexProof) int {
			n := 0
			for _, value := range []wire.Hash{v, testHash("forged"), {}} {
				if got, err := q.Root(k, value); err == nil && got == root {
					n++
				}
			}
			if got, err := q.RootWithout(k); err == nil && got == root {
				n++
			}
			return n
		}
		if answers(p) == 0 || present && v != (wire.Hash{}) && answers(p) != 1 {
			t.Fatal("the true proof does not have exactly one answer")
		}
		var forged []proof.IndexProof
		d := len(p.Siblings)
		for i := range d {
			q := p
			q.Siblings = slices.Clone(p.Siblings)
			q.Siblings[i] = flipBit(q.Siblings[i], 3)
			forged = append(forged, q, proof.IndexProof{Siblings: p.Siblings[:i], Other: p.Other},
				proof.IndexProof{Siblings: slices.Delete(slices.Clone(p.Siblings), i, i+1), Other: p.Other})
			for _, extra := range []wire.Hash{{}, p.Siblings[i], proof.IndexLeaf(k, v)} {
				forged = append(forged, proof.IndexProof{Siblings: slices.Insert(slices.Clone(p.Siblings), i, extra),
					Other: p.Other})
			}
		}
		for _, extra := range []wire.Hash{{}, root, proof.IndexLeaf(k, v)} {
			forged = append(forged, proof.IndexProof{Siblings: append(slices.Clone(p.Siblings), extra), Other: p.Other})
		}
		for _, other := range o.keys() {
			if p.Other == nil || p.Other.K != other {
				forged = append(forged, proof.IndexProof{Siblings: p.Siblings,
					Other: &proof.IndexOther{K: other, V: o[other]}})
			}
		}
		if p.Other != nil {
			forged = append(forged, proof.IndexProof{Siblings: p.Siblings, Other: nil},
				proof.IndexProof{Siblings: p.Siblings, Other: &proof.IndexOther{K: p.Other.K, V: testHash("forged")}})
		}
		for i, q := range forged {
			if answers(q) != 0 {
				t.Fatalf("forged proof %d of depth %d is accepted", i, d)
			}
		}
	}
	if absentEmpty == 0 || absentOther == 0 {
		t.Fatalf("the sample has %d empty places and %d other leaves", absentEmpty, absentOther)
	}
}

// Trees that no map has, made by a dishonest operator. If the proof itself shows that, it is
// refused. The others (marked) are only found by recomputing the root, and still have one answer
// for one key.
func TestIndexProofOfCrookedTrees(t *testing.T) {
	k, v := testHash("k"), testHash("v")
	o := randomIndex(rand.New(rand.NewPCG(1, 3)), 2)
	fork := o.root(o.keys(), 0)
	deep := make(proof.IndexSiblings, 256+1)
	for i := range deep {
		deep[i] = fork
	}
	sibling := flipBit(k, 4)
	twin := func(d int) *proof.IndexOther { return &proof.IndexOther{K: flipBit(k, d), V: v} }
	for name, c := range map[string]struct {
		p             proof.IndexProof
		with, without bool // whether it is accepted
	}{
		// without: the empty tree, root zero
		"one leaf": {proof.IndexProof{}, true, true},
		"a leaf below its first unique depth": {proof.IndexProof{Siblings: proof.IndexSiblings{fork, {}}},
			false, false},
		"a leaf beside nothing": {proof.IndexProof{Siblings: proof.IndexSiblings{{}}}, false,
			false},
		"a leaf beside a fork": {proof.IndexProof{Siblings: proof.IndexSiblings{{}, fork}},
			true, true},
		"nothing beside one leaf: seen by recomputing": {proof.IndexProof{Siblings: proof.IndexSiblings{proof.IndexLeaf(sibling, v)}}, true, true},
		"depth 255": {proof.IndexProof{Siblings: deep[:255]}, true, true},
		"depth 256: two leaves there, no empty place": {proof.IndexProof{Siblings: deep[:256]}, true, false},
		"depth 257": {proof.IndexProof{Siblings: deep}, false, false},
		"other at depth 255": {proof.IndexProof{Siblings: deep[:255], Other: twin(255)},
			false, true},
		"other at depth 256": {proof.IndexProof{Siblings: deep[:256], Other: twin(255)},
			false, false},
		"other is the key itself": {proof.IndexProof{Siblings: deep[:3],
			Other: &proof.IndexOther{K: k, V: v}}, false, false},
		"other leaves the path at its last bit": {proof.IndexProof{Siblings: deep[:3], Other: twin(2)}, false,
			false},
		"other leaves the path after its last bit": {proof.IndexProof{Siblings: deep[:3], Other: twin(3)}, false,
			true},
		"other beside nothing": {proof.IndexProof{Siblings: proof.IndexSiblings{fork, {}},
			Other: twin(9)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, with := c.p.Root(k, v)
			_, without := c.p.RootWithout(k)
			for _, err := range []error{with, without} {
				if err != nil && !errors.Is(err, wire.BadIndexProof) {
					t.Error(err)
				}
			}
			if (with == nil) != c.with || (without == nil) != c.without {
				t.Errorf("with %v, without %v", with, without)
			}
		})
	}
	if root, err := (proof.IndexProof{}).RootWithout(k); err != nil || root != (wire.Hash{}) {
		t.Error("the root of the empty tree is not zero")
	}
}

// A proof has one spelling of every member.
func TestIndexProofJSON(t *testing.T) {
	h := testHash("x")
	good := proof.IndexProof{Siblings: proof.IndexSiblings{{}, h}, Other: &proof.IndexOther{K: h, V: h}}
	text, err := wire.EncodeJSON(good)
	if err != nil {
		t.Fatal(err)
	}
	e := wire.Encode64(h[:])
	if want := fmt.Sprintf(`{"siblings":["","%s"],"other":{"k":"%s","v":"%s"}}`, e, e, e); string(text) != want {
		t.Fatalf("%s", text)
	}
	zero := strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		text string
		code wire.Code
	}{
		"zero spelled out":  {`{"siblings":["` + zero + `","` + e + `"]}`, wire.BadIndexProof},
		"no siblings":       {`{}`, wire.BadIndexProof},
		"null":              {`{"siblings":null}`, wire.BadJSON},
		"null sibling":      {`{"siblings":[null]}`, wire.BadJSON},
		"not an array":      {`{"siblings":"` + e + `"}`, wire.BadJSON},
		"31 bytes":          {`{"siblings":["` + e[:42] + `"]}`, wire.BadBase64},
		"trailing bits":     {`{"siblings":["` + e[:42] + trailing(e) + `"]}`, wire.BadBase64},
		"257":               {`{"siblings":[` + strings.Repeat(`"",`, 256) + `""]}`, wire.TooLarge},
		"an unknown member": {`{"siblings":[],"depth":0}`, wire.BadJSON},
		"other unknown":     {`{"siblings":[],"other":{"k":"` + e + `","v":"` + e + `","x":1}}`, wire.BadJSON},
		"cut":               {`{"siblings":["`, wire.BadJSON},
		"large":             {`{"siblings":[]}` + strings.Repeat(" ", 1<<16), wire.TooLarge},
	} {
		if _, err := proof.ParseIndexProof([]byte(c.text)); !errors.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := proof.ParseIndexProof(text); err != nil || len(p.Siblings) != 2 || *p.Other != *good.Other {
		t.Errorf("%v %v", p, err)
	}
}

// The register refuses an index root by an organisation that may not state one, and one over leaves
// that are still to come.
func TestIndexRootInRegister(t *testing.T) {
	w := newWorld(t)
	s := w.story()
	r := register.New(testOrigin)
	for i, raw := range s.leaves {
		l, err := proof.ParseLeaf(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !l.Public {
			continue
		}
		e, err := l.Entry()
		if err == nil {
			err = r.Verify(e, uint64(i))
		}
		if err == nil {
			err = r.Apply(e, uint64(i))
		}
		if err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		if i == storyRoot && e.Name() != "index-root" {
			t.Errorf("history %q", e.Name())
		}
	}
	if entry.TypeIndexRoot.Sealed() || entry.TypeIndexRoot.ChangesRegister() {
		t.Error("an index root is public and changes no register")
	}
	body := func(iss string, size uint64) *entry.IndexRoot {
		return &entry.IndexRoot{Common: w.common(iss), Size: size, Root: testHash("root")}
	}
	for name, c := range map[string]struct {
		signer *wire.Signer
		body   *entry.IndexRoot
		code   wire.Code
	}{
		"over all below itself":                {w.operator, body("operator", 11), ""},
		"over itself":                          {w.operator, body("operator", 12), wire.BadIndexRoot},
		"by a source that is not the operator": {w.board, body("north-board", 11), wire.WrongPurpose},
		"by the registrar":                     {w.registrar, body("registry", 11), wire.WrongPurpose},
	} {
		e := w.sign(c.signer, c.body)
		err := r.Verify(e, 11)
		if err == nil {
			err = r.Apply(e, 11)
		}
		if c.code == "" && err != nil || c.code != "" && !errors.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string]*entry.IndexRoot{
		"size 0": {Common: w.common("operator"), Root: testHash("root")}, "size 2^53": body("operator", 1<<53),
		"empty tree": {Common: w.common("operator"), Size: 3},
	} {
		if _, err := entry.Sign(w.operator, b); !errors.Is(err, wire.BadClaim) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseIndexProof(f *testing.F) {
	seeds(f, "index", "proof")
	k, v := testHash("k"), testHash("v")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := proof.ParseIndexProof([]byte(s))
		if err != nil {
			refused(t, err, s)
			return
		}
		b, err := wire.EncodeJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := proof.ParseIndexProof(b); err != nil || !slices.Equal(again.Siblings, p.Siblings) {
			t.Fatalf("%s became %s: %v", s, b, err)
		}
		_, with := p.Root(k, v)
		_, without := p.RootWithout(k)
		for _, err := range []error{with, without} {
			if err != nil {
				refused(t, err, s)
			}
		}
		if with == nil && p.Other != nil {
			t.Fatal("inclusion with another leaf in its place")
		}
	})
}
