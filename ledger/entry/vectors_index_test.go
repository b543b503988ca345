package entry_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

type indexIn struct {
	Proof string `json:"proof"` // JSON as text
	K     hx     `json:"k"`
	V     hx     `json:"v,omitempty"` // missing: absence
}
type rootOut struct {
	Root hx `json:"root"`
}

func readIndex(in indexIn) (rootOut, error) {
	p, err := proof.ParseIndexProof([]byte(in.Proof))
	if err != nil {
		return rootOut{}, err
	}
	var root wire.Hash
	if in.V == nil {
		root, err = p.RootWithout(wire.Hash(in.K))
	} else {
		root, err = p.Root(wire.Hash(in.K), wire.Hash(in.V))
	}
	return rootOut{root[:]}, err
}

type multiProofIn struct {
	Size   uint64   `json:"size"`
	Root   hx       `json:"root"`
	Leaves []leafAt `json:"leaves"`
	Nodes  []hx     `json:"nodes"`
}
type leafAt struct {
	Index    uint64 `json:"index"`
	LeafHash hx     `json:"leafHash"`
}
type multiProofOut struct {
	Nodes [][2]uint64 `json:"nodes"` // level and index of each
}

func readMultiProof(in multiProofIn) (multiProofOut, error) {
	leaves, indices, nodes := map[uint64]wire.Hash{}, []uint64{}, []wire.Hash{}
	for _, l := range in.Leaves {
		leaves[l.Index], indices = wire.Hash(l.LeafHash), append(indices, l.Index)
	}
	for _, n := range in.Nodes {
		nodes = append(nodes, wire.Hash(n))
	}
	if err := proof.VerifyMulti(leaves, nodes, in.Size, wire.Hash(in.Root)); err != nil {
		return multiProofOut{}, err
	}
	ids, err := proof.MultiProofNodes(indices, in.Size)
	out := multiProofOut{[][2]uint64{}}
	for _, n := range ids {
		out.Nodes = append(out.Nodes, [2]uint64{uint64(n.Level), n.Index})
	}
	return out, err
}

type statementIn struct {
	Statement   string `json:"statement"` // JSON as text
	VerifierKey string `json:"verifierKey"`
}
type evidenceOut struct {
	Size        uint64   `json:"size"`                 // of the checkpoint
	Leaves      []leafAt `json:"leaves"`               // all of them, by index, as the nodes prove them
	IndexRoots  []hx     `json:"indexRoots,omitempty"` // computed for the subject, everyone and each chain; all equal to that of the index-root entry
	StatedRoot  hx       `json:"statedRoot"`
	CoversBelow uint64   `json:"coversBelow"` // M
}

func readStatement(in statementIn) (evidenceOut, error) {
	s, err := bundle.ParseStatement([]byte(in.Statement))
	if err != nil {
		return evidenceOut{}, err
	}
	leaves, err := s.LeafHashes()
	if err != nil {
		return evidenceOut{}, err
	}
	var roots []hx
	for _, h := range s.Histories() {
		root, err := h.IndexRootHash()
		if err != nil {
			return evidenceOut{}, err
		}
		roots = append(roots, root[:])
	}
	return readEvidence(s.Evidence, leaves, in.VerifierKey, roots)
}

func readExtract(in extractIn) (evidenceOut, error) {
	x, err := bundle.ParseExtract([]byte(in.Extract))
	if err != nil {
		return evidenceOut{}, err
	}
	leaves, err := x.LeafHashes()
	if err != nil {
		return evidenceOut{}, err
	}
	return readEvidence(x.Evidence, leaves, in.VerifierKey, nil)
}

type extractIn struct {
	Extract     string `json:"extract"` // JSON as text
	VerifierKey string `json:"verifierKey"`
}

func readEvidence(v bundle.Evidence, leaves map[uint64]wire.Hash, vkey string, roots []hx) (out evidenceOut,
	err error) {
	c, err := proof.OpenCheckpoint([]byte(v.Checkpoint), mustVerifier(vkey))
	if err != nil {
		return out, err
	}
	if err := proof.VerifyMulti(leaves, v.Nodes, c.Size, c.Root); err != nil {
		return out, err
	}
	leaf, err := proof.ParseLeaf(v.IndexRoot.Leaf)
	if err != nil {
		return out, err
	}
	e, err := leaf.Entry()
	if err != nil {
		return out, err
	}
	body, ok := e.Body.(*entry.IndexRoot)
	if !ok {
		return out, wire.Errorf(wire.BadIndexRoot, "indexRoot", "is an entry of another type")
	}
	if err := body.CheckPosition(v.IndexRoot.Index); err != nil {
		return out, err
	}
	for i := range v.Chains {
		root, err := v.Chains[i].Root()
		if err != nil {
			return out, err
		}
		roots = append(roots, root[:])
	}
	out = evidenceOut{Size: c.Size, IndexRoots: roots, StatedRoot: body.Root[:], CoversBelow: body.Size}
	for i := range c.Size {
		if h, ok := leaves[i]; ok {
			out.Leaves = append(out.Leaves, leafAt{i, h[:]})
		}
	}
	return out, nil
}

func (w *world) completenessVectors() map[string]madeFile {
	files := map[string]madeFile{"index": indexVectors(), "multi-proof": multiProofVectors(),
		"index-root": w.indexRootVectors()}
	s := w.story()
	files["statement"], files["extract"] = w.statementVectors(s), w.extractVectors(s)
	return files
}

func indexVectors() madeFile {
	o := randomIndex(rand.New(rand.NewPCG(1, 2)), 12)
	var list []made
	add := func(name string, p proof.IndexProof, k wire.Hash, v []byte, code wire.Code) {
		text, err := wire.EncodeJSON(p)
		if err != nil {
			panic(err)
		}
		list = append(list, made{name, indexIn{string(text), k[:], v}, code})
	}
	k, v := testHash("k"), testHash("v")
	add("a tree of one leaf", proof.IndexProof{}, k, v[:], "")
	add("the empty tree: root zero", proof.IndexProof{}, k, nil, "")
	add("a tree of one other leaf", proof.IndexProof{Other: &proof.IndexOther{K: testHash("other"), V: v}}, k, nil, "")
	var empty, other bool
	for i := 0; !empty || !other; i++ {
		ask := testHash(fmt.Sprint("ask", i))
		p := o.prove(ask)
		switch {
		case p.Other == nil && !empty:
			empty = true
			add("absent, the place is empty", p, ask, nil, "")
			v := testHash("v")
			add("the same path shows any leaf, but of another tree: compare the root", p, ask, v[:], "")
		case p.Other != nil && !other:
			other = true
			add("absent, another leaf stands there", p, ask, nil, "")
			add("inclusion with another leaf in the place", p, ask, v[:], wire.BadIndexProof)
			add("the other leaf is the one asked for", p, p.Other.K, nil, wire.BadIndexProof)
			add("the other leaf leaves the path", p, flipBit(ask, len(p.Siblings)-1), nil, wire.BadIndexProof)
		}
	}
	deepest := proof.IndexProof{}
	for _, key := range sortedHashes(o.keys()) {
		if p := o.prove(key); len(p.Siblings) > len(deepest.Siblings) {
			deepest, k = p, key
		}
	}
	v = o[k]
	add("a leaf far down: it shares many bits with another", deepest, k, v[:], "")
	add("the last sibling is empty",
		proof.IndexProof{Siblings: append(deepest.Siblings[:len(deepest.Siblings):len(deepest.Siblings)], wire.Hash{})},
		k, v[:], wire.BadIndexProof)
	add("one sibling, empty", proof.IndexProof{Siblings: proof.IndexSiblings{{}}}, k, v[:], wire.BadIndexProof)
	add("absence beside nothing", proof.IndexProof{Siblings: proof.IndexSiblings{{}}}, k, nil, wire.BadIndexProof)
	deep := make(proof.IndexSiblings, 256+1)
	for i := range deep {
		deep[i] = testHash("sibling")
	}
	add("256 siblings", proof.IndexProof{Siblings: deep[:256]}, k, v[:], "")
	add("absence with 255 siblings", proof.IndexProof{Siblings: deep[:255]}, k, nil, "")
	add("absence with 256 siblings", proof.IndexProof{Siblings: deep[:256]}, k, nil, wire.BadIndexProof)
	add("257 siblings", proof.IndexProof{Siblings: deep}, k, v[:], wire.TooLarge)
	h := wire.Encode64(v[:])
	for _, c := range []struct {
		name, text string
		code       wire.Code
	}{
		{"zero spelled out", `{"siblings":["` + strings.Repeat("A", 43) + `","` + h + `"]}`, wire.BadIndexProof},
		{"siblings missing", `{}`, wire.BadIndexProof},
		{"null", `{"siblings":null}`, wire.BadJSON},
		{"a sibling too short", `{"siblings":["AAAA"]}`, wire.BadLength},
		{"an unknown member", `{"siblings":[],"depth":0}`, wire.BadJSON},
	} {
		list = append(list, made{c.name, indexIn{c.text, k[:], v[:]}, c.code})
	}
	return madeFile{"A path of the subject index and the K asked for, with V for inclusion and without for absence: the root that it shows. Whoever checks compares this root with the one that an index-root entry states.", list}
}

func multiProofVectors() madeFile {
	leaves := make([][]byte, 13)
	for i := range leaves {
		leaves[i] = []byte{0x01, byte('a' + i)}
	}
	in := func(size uint64, indices ...uint64) multiProofIn {
		root := mth(leaves[:size])
		nodes, err := proof.MultiProof(indices, size, perfectNodes(leaves[:size]))
		if err != nil {
			panic(err)
		}
		m := multiProofIn{Size: size, Root: root[:], Nodes: []hx{}}
		for _, i := range indices {
			h := proof.LeafHash(leaves[i])
			m.Leaves = append(m.Leaves, leafAt{i, h[:]})
		}
		for _, n := range nodes {
			m.Nodes = append(m.Nodes, n[:])
		}
		return m
	}
	wrong := func(name string, f func(*multiProofIn)) made {
		m := in(13, 1, 5, 12)
		f(&m)
		return made{name, m, wire.BadProof}
	}
	return madeFile{"Leaves of a log tree (leaf i is 0x01 and the letter a + i), the nodes that prove them, size and root. out: which nodes, as level and index.", []made{
		{"one leaf of one", in(1, 0), ""},
		{"leaves 1 and 5 of 7, the picture in docs/FORMATS.md", in(7, 1, 5), ""},
		{"leaf 0 of 7: a node on the right edge", in(7, 0), ""},
		{"leaves 1, 5, 12 of 13", in(13, 1, 5, 12), ""},
		{"all of 3: no nodes", in(3, 0, 1, 2), ""},
		{"first and last of 13", in(13, 0, 12), ""},
		wrong("a node less", func(m *multiProofIn) { m.Nodes = m.Nodes[1:] }),
		wrong("a node more", func(m *multiProofIn) { m.Nodes = append(m.Nodes, m.Root) }),
		wrong("two nodes exchanged", func(m *multiProofIn) { m.Nodes[0], m.Nodes[1] = m.Nodes[1], m.Nodes[0] }),
		wrong("a leaf elsewhere", func(m *multiProofIn) { m.Leaves[0].Index = 0 }),
		wrong("a leaf less", func(m *multiProofIn) { m.Leaves = m.Leaves[1:] }),
		wrong("a leaf beyond the tree", func(m *multiProofIn) { m.Leaves[2].Index = 13 }),
		wrong("another size", func(m *multiProofIn) { m.Size = 14 }),
		wrong("no leaf, the root for a node", func(m *multiProofIn) { m.Leaves, m.Nodes = nil, []hx{m.Root} }),
	}}
}

func (w *world) indexRootVectors() madeFile {
	body := func() *entry.IndexRoot {
		return &entry.IndexRoot{Common: w.common("operator"), Size: 8, Root: testHash("root")}
	}
	good := w.sign(w.operator, body())
	h := testHash("root")
	edit := func(name, old, new string, code wire.Code) made {
		return made{name, entryIn{w.edit(good, w.operator, old, new), w.operator.Public}, code}
	}
	return madeFile{"Index roots. Where one may stand and who may sign it: register.json.", []made{
		{"over eight leaves", entryIn{good.Compact, w.operator.Public}, ""},
		edit("over the genesis alone", `"size":8`, `"size":1`, ""),
		edit("over 2^53 - 1", `"size":8`, `"size":9007199254740991`, ""),
		edit("over none", `"size":8`, `"size":0`, wire.BadClaim),
		edit("without size", `"size":8,`, ``, wire.BadClaim),
		edit("over 2^53", `"size":8`, `"size":9007199254740992`, wire.BadClaim),
		edit("size as text", `"size":8`, `"size":"8"`, wire.BadJSON),
		edit("size with a fraction", `"size":8`, `"size":8.0`, wire.BadJSON),
		edit("root of the empty tree", wire.Encode64(h[:]), strings.Repeat("A", 43), wire.BadClaim),
		edit("root of 30 bytes", wire.Encode64(h[:]), wire.Encode64(h[:30]), wire.BadLength),
		edit("an unknown claim", `{`, `{"count":1,`, wire.BadJSON),
		{"with disclosures", entryIn{good.Compact + "~", w.operator.Public}, wire.BadDisclosure},
	}}
}

// indexRootPositions are cases of register.json.
func (w *world) indexRootPositions() []made {
	log := replay{}.at(0, w.sign(w.registrar, w.genesisBody()).Compact).at(1,
		w.sign(w.registrar, w.boardBody()).Compact).at(2, w.sign(w.registrar, w.boardKeyBody()).Compact)
	root := func(name string, index, size uint64, s *wire.Signer, iss string, code wire.Code) made {
		e := w.sign(s, &entry.IndexRoot{Common: w.common(iss), Size: size, Root: testHash("root")})
		return made{name, registerIn{testOrigin, log.at(index, e.Compact)}, code}
	}
	key := pk(w.stranger, entry.PurposeSubmit)
	second := w.sign(w.registrar, &entry.Key{Common: w.common("registry"), Org: "operator", Key: key,
		Proof:   w.prove(w.stranger, "operator"),
		Counter: w.countersign(w.enroller, entry.Countersignature{Issuer: "guardian", Org: "operator", Key: &key})})
	return append([]made{
		root("an index root over all before it", 3, 3, w.operator, "operator", ""),
		root("an index root over fewer", 9, 1, w.operator, "operator", ""),
		root("an index root over itself", 3, 4, w.operator, "operator", wire.BadIndexRoot),
		root("an index root by a source that is not the operator", 3, 3, w.board, "north-board", wire.WrongPurpose),
		root("an index root by the registrar", 3, 3, w.registrar, "registry", wire.WrongPurpose),
	}, func() []made {
		log = log.at(3, second.Compact) // valid from 4
		return []made{
			root("an index root by a key that counts from its size", 6, 4, w.stranger, "operator", ""),
			root("an index root by a key that came after its size", 6, 3, w.stranger, "operator", wire.BadIndexRoot),
		}
	}()...)
}
