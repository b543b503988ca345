package entry

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func testHash(s string) Hash { return sha256.Sum256([]byte(s)) }

// randomIndex has n keys, some of which share long prefixes, as random ones hardly would.
func randomIndex(r *rand.Rand, n int) indexOracle {
	o := indexOracle{}
	for i := range n {
		k := testHash(fmt.Sprint(r.Uint64()))
		if keys := o.keys(); i%3 == 1 {
			shared := r.IntN(256)
			slices.SortFunc(keys, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
			k = flipBit(keys[r.IntN(len(keys))], shared)
		}
		o[k] = testHash(fmt.Sprint("v", i))
	}
	return o
}

func flipBit(k Hash, i int) Hash {
	k[i/8] ^= 0x80 >> (i % 8)
	return k
}

// Every key of every tree is shown, every other key is shown to be absent, and neither can be shown the other way.
func TestIndexProofsAgainstOracle(t *testing.T) {
	for n := range 40 {
		r := rand.New(rand.NewPCG(uint64(n), 7))
		o := randomIndex(r, n)
		root := o.root(o.keys(), 0)
		asked := append(o.keys(), testHash("absent"), Hash{})
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

// An attacker has the whole tree and answers for k: whatever is near a true proof and is not it, does not lead to the root.
func TestIndexProofAltered(t *testing.T) {
	o := randomIndex(rand.New(rand.NewPCG(1, 2)), 60)
	root := o.root(o.keys(), 0)
	asked := o.keys()
	for i := range 200 {
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
		answers := func(q IndexProof) int {
			n := 0
			for _, value := range []Hash{v, testHash("forged"), {}} {
				if got, err := q.Root(k, value); err == nil && got == root {
					n++
				}
			}
			if got, err := q.RootWithout(k); err == nil && got == root {
				n++
			}
			return n
		}
		if answers(p) == 0 || present && v != (Hash{}) && answers(p) != 1 {
			t.Fatal("the true proof has not one answer")
		}
		var forged []IndexProof
		d := len(p.Siblings)
		for i := range d {
			q := p
			q.Siblings = slices.Clone(p.Siblings)
			q.Siblings[i] = flipBit(q.Siblings[i], 3)
			forged = append(forged, q, IndexProof{p.Siblings[:i], p.Other}, IndexProof{slices.Delete(slices.Clone(p.Siblings), i, i+1), p.Other})
			for _, extra := range []Hash{{}, p.Siblings[i], IndexLeaf(k, v)} {
				forged = append(forged, IndexProof{slices.Insert(slices.Clone(p.Siblings), i, extra), p.Other})
			}
		}
		for _, extra := range []Hash{{}, root, IndexLeaf(k, v)} {
			forged = append(forged, IndexProof{append(slices.Clone(p.Siblings), extra), p.Other})
		}
		for _, other := range o.keys() {
			if p.Other == nil || p.Other.K != other {
				forged = append(forged, IndexProof{p.Siblings, &IndexOther{other, o[other]}})
			}
		}
		if p.Other != nil {
			forged = append(forged, IndexProof{p.Siblings, nil}, IndexProof{p.Siblings, &IndexOther{p.Other.K, testHash("forged")}})
		}
		for i, q := range forged {
			if answers(q) != 0 {
				t.Fatalf("forged proof %d of depth %d is taken", i, d)
			}
		}
	}
	if absentEmpty == 0 || absentOther == 0 {
		t.Fatalf("the sample has %d empty places and %d other leaves", absentEmpty, absentOther)
	}
}

// Trees that no map has, made by an operator for the purpose. Where the proof itself shows it, it is refused; the rest (marked) is only
// seen by whoever recomputes the root, and still has one answer for one key.
func TestIndexProofOfCrookedTrees(t *testing.T) {
	k, v := testHash("k"), testHash("v")
	o := randomIndex(rand.New(rand.NewPCG(1, 3)), 2)
	fork := o.root(o.keys(), 0)
	deep := make(IndexSiblings, 256+1)
	for i := range deep {
		deep[i] = fork
	}
	sibling := flipBit(k, 4)
	twin := func(d int) *IndexOther { return &IndexOther{flipBit(k, d), v} }
	for name, c := range map[string]struct {
		p             IndexProof
		with, without bool // whether it is taken
	}{
		"one leaf":                                     {IndexProof{}, true, true}, // without: the empty tree, root zero
		"a leaf below its first unique depth":          {IndexProof{Siblings: IndexSiblings{fork, {}}}, false, false},
		"a leaf beside nothing":                        {IndexProof{Siblings: IndexSiblings{{}}}, false, false},
		"a leaf beside a fork":                         {IndexProof{Siblings: IndexSiblings{{}, fork}}, true, true},
		"nothing beside one leaf: seen by recomputing": {IndexProof{Siblings: IndexSiblings{IndexLeaf(sibling, v)}}, true, true},
		"depth 255":                                    {IndexProof{Siblings: deep[:255]}, true, true},
		"depth 256: two leaves there, no empty place":  {IndexProof{Siblings: deep[:256]}, true, false},
		"depth 257":                                    {IndexProof{Siblings: deep}, false, false},
		"other at depth 255":                           {IndexProof{deep[:255], twin(255)}, false, true},
		"other at depth 256":                           {IndexProof{deep[:256], twin(255)}, false, false},
		"other is the key itself":                      {IndexProof{deep[:3], &IndexOther{k, v}}, false, false},
		"other leaves the path at its last bit":        {IndexProof{deep[:3], twin(2)}, false, false},
		"other leaves the path after its last bit":     {IndexProof{deep[:3], twin(3)}, false, true},
		"other beside nothing":                         {IndexProof{IndexSiblings{fork, {}}, twin(9)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, with := c.p.Root(k, v)
			_, without := c.p.RootWithout(k)
			for _, err := range []error{with, without} {
				if err != nil && !errors.Is(err, BadIndexProof) {
					t.Error(err)
				}
			}
			if (with == nil) != c.with || (without == nil) != c.without {
				t.Errorf("with %v, without %v", with, without)
			}
		})
	}
	if root, err := (IndexProof{}).RootWithout(k); err != nil || root != (Hash{}) {
		t.Error("the empty tree has another root than zero")
	}
}

// A proof has one spelling of every member.
func TestIndexProofJSON(t *testing.T) {
	h := testHash("x")
	good := IndexProof{IndexSiblings{{}, h}, &IndexOther{h, h}}
	text, err := encodeJSON(good)
	if err != nil {
		t.Fatal(err)
	}
	e := Encode64(h[:])
	if want := fmt.Sprintf(`{"siblings":["","%s"],"other":{"k":"%s","v":"%s"}}`, e, e, e); string(text) != want {
		t.Fatalf("%s", text)
	}
	zero := strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		text string
		code Code
	}{
		"zero spelled out":  {`{"siblings":["` + zero + `","` + e + `"]}`, BadIndexProof},
		"no siblings":       {`{}`, BadIndexProof},
		"null":              {`{"siblings":null}`, BadJSON},
		"null sibling":      {`{"siblings":[null]}`, BadJSON},
		"not an array":      {`{"siblings":"` + e + `"}`, BadJSON},
		"31 bytes":          {`{"siblings":["` + e[:42] + `"]}`, BadBase64},
		"trailing bits":     {`{"siblings":["` + e[:42] + trailing(e) + `"]}`, BadBase64},
		"257":               {`{"siblings":[` + strings.Repeat(`"",`, 256) + `""]}`, TooLarge},
		"an unknown member": {`{"siblings":[],"depth":0}`, BadJSON},
		"other unknown":     {`{"siblings":[],"other":{"k":"` + e + `","v":"` + e + `","x":1}}`, BadJSON},
		"cut":               {`{"siblings":["`, BadJSON},
		"large":             {`{"siblings":[]}` + strings.Repeat(" ", 1<<16), TooLarge},
	} {
		if _, err := ParseIndexProof([]byte(c.text)); !errors.Is(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err := ParseIndexProof(text); err != nil || len(p.Siblings) != 2 || *p.Other != *good.Other {
		t.Errorf("%v %v", p, err)
	}
}

// Whoever may not state an index root, and whoever states one over the future, is refused by the register that all share.
func TestIndexRootInRegister(t *testing.T) {
	w := newWorld(t)
	s := w.story()
	r := NewRegister(testOrigin)
	for i, raw := range s.leaves {
		l, err := ParseLeaf(raw)
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
	if TypeIndexRoot.Sealed() || TypeIndexRoot.ChangesRegister() {
		t.Error("an index root is public and changes no register")
	}
	body := func(iss string, size uint64) *IndexRoot {
		return &IndexRoot{Common: w.common(iss), Size: size, Root: testHash("root")}
	}
	for name, c := range map[string]struct {
		signer *Signer
		body   *IndexRoot
		code   Code
	}{
		"over all below itself":                {w.operator, body("operator", 11), ""},
		"over itself":                          {w.operator, body("operator", 12), BadIndexRoot},
		"by a source that is not the operator": {w.board, body("north-board", 11), WrongPurpose},
		"by the registrar":                     {w.registrar, body("registry", 11), WrongPurpose},
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
	for name, b := range map[string]*IndexRoot{
		"size 0": {Common: w.common("operator"), Root: testHash("root")}, "size 2^53": body("operator", 1<<53),
		"empty tree": {Common: w.common("operator"), Size: 3},
	} {
		if _, err := Sign(w.operator, b); !errors.Is(err, BadClaim) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseIndexProof(f *testing.F) {
	seeds(f, "index", "proof")
	k, v := testHash("k"), testHash("v")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseIndexProof([]byte(s))
		if err != nil {
			refused(t, err, s)
			return
		}
		b, err := encodeJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseIndexProof(b); err != nil || !slices.Equal(again.Siblings, p.Siblings) {
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
			t.Fatal("inclusion with another leaf in the place")
		}
	})
}
