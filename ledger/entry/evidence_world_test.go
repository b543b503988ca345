package entry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// indexOracle is a naive subject index, as in its definition: a map, and recursion over the bits.
type indexOracle map[wire.Hash]wire.Hash

func (o indexOracle) keys() []wire.Hash { return slices.Collect(maps.Keys(o)) }

func half(keys []wire.Hash, depth, bit int) []wire.Hash {
	var list []wire.Hash
	for _, k := range keys {
		if proof.IndexBit(k, depth) == bit {
			list = append(list, k)
		}
	}
	return list
}

func (o indexOracle) root(keys []wire.Hash, depth int) wire.Hash {
	switch len(keys) {
	case 0:
		return wire.Hash{}
	case 1:
		v := o[keys[0]]
		return sha([]byte{0x16}, keys[0][:], v[:])
	}
	l, r := o.root(half(keys, depth, 0), depth+1), o.root(half(keys, depth, 1), depth+1)
	return sha([]byte{0x17}, l[:], r[:])
}

func (o indexOracle) prove(k wire.Hash) proof.IndexProof {
	p := proof.IndexProof{Siblings: proof.IndexSiblings{}}
	keys := o.keys()
	for depth := 0; len(keys) > 1; depth++ {
		bit := proof.IndexBit(k, depth)
		p.Siblings = append(p.Siblings, o.root(half(keys, depth, 1-bit), depth+1))
		keys = half(keys, depth, bit)
	}
	if len(keys) == 1 && keys[0] != k {
		p.Other = &proof.IndexOther{K: keys[0], V: o[keys[0]]}
	}
	return p
}

// story is a log of a few entries about two persons and about everyone, which ends in an index
// root, at 12, over the leaves below 9: three entries came while it was made.
type story struct {
	w        *world
	leaves   [][]byte
	openings map[uint64]*bundle.Opening
	names    map[uint64]string // of public leaves
	index    indexOracle
}

const (
	storyM    = 9  // what the index root covers
	storyRoot = 12 // its index
	otherSub  = "chi:0101201234"
	nobodySub = "nhs:9434765919"
	linkedSub = "temp:north-board:A-77" // of linkedStory: its one entry links it with testSub
)

func (w *world) story() *story {
	return w.storyWith(func() *entry.Entry {
		body := w.accessBody()
		body.Sub = entry.RegEveryone
		return w.sign(w.board, body)
	}, entry.PurposeSubmit)
}

// linkedStory is the story with a link at 8 in place of a read of everyone's data.
func (w *world) linkedStory() *story {
	return w.storyWith(func() *entry.Entry { return w.sign(w.boardEC, w.linkBody()) }, entry.PurposeAgreements,
		entry.PurposeSubmit)
}

// storyWith is the story with the given sealed entry at 8 and the given purposes of the board's
// second key.
func (w *world) storyWith(eighth func() *entry.Entry, second ...entry.Purpose) *story {
	s := &story{w: w, openings: map[uint64]*bundle.Opening{}, names: map[uint64]string{}}
	public := func(e *entry.Entry) {
		s.names[uint64(len(s.leaves))] = e.Name()
		s.leaves = append(s.leaves, proof.PublicLeaf(e.Compact))
	}
	sealed := func(e *entry.Entry) {
		i := uint64(len(s.leaves))
		leaf, o := w.seal(e, i)
		o.Received = "2026-11-22T08:15:01Z"
		s.leaves, s.openings[i] = append(s.leaves, leaf), &o
	}
	access := func(by *wire.Signer, sub string) {
		body := w.accessBody()
		body.Sub = sub
		sealed(w.sign(by, body))
	}
	public(w.sign(w.registrar, w.genesisBody()))
	public(w.sign(w.registrar, w.boardBody()))
	public(w.sign(w.registrar, w.boardKeyBody()))
	access(w.board, testSub)
	access(w.board, otherSub)
	access(w.board, testSub)
	public(w.sign(w.board, w.ownKey(w.boardEC, second...)))
	access(w.boardEC, testSub)
	sealed(eighth())
	s.index = s.indexBelow(storyM)
	access(w.board, testSub)
	access(w.board, otherSub)
	access(w.board, entry.RegEveryone)
	public(w.sign(w.operator, &entry.IndexRoot{Common: w.common("operator"), Size: storyM,
		Root: s.index.root(s.index.keys(), 0)}))
	return s
}

func (s *story) indexBelow(m uint64) indexOracle {
	type history struct {
		head  wire.Hash
		count uint64
	}
	all := map[wire.Hash]history{}
	for i := range m {
		k, h := wire.Hash{}, history{}
		if o := s.openings[i]; o != nil {
			k, h = proof.TagKey(o.Tag), history{head: proof.TagHead0(o.Tag)}
		} else {
			k, h = proof.NameKey(s.names[i]), history{head: proof.NameHead0(s.names[i])}
		}
		if before, ok := all[k]; ok {
			h = before
		}
		all[k] = history{proof.NextHead(h.head, i, proof.LeafHash(s.leaves[i])), h.count + 1}
	}
	index := indexOracle{}
	for k, h := range all {
		index[k] = proof.IndexValue(h.count, h.head)
	}
	return index
}

func (s *story) leaf(i uint64) bundle.Leaf { return bundle.Leaf{Index: i, Leaf: s.leaves[i]} }

func (s *story) chain(name string) bundle.Chain {
	c := bundle.Chain{Name: name, Proof: s.index.prove(proof.NameKey(name))}
	for i := range uint64(storyM) {
		if s.names[i] == name {
			c.Leaves = append(c.Leaves, s.leaf(i))
		}
	}
	return c
}

func (s *story) evidence(format string) bundle.Evidence {
	v := bundle.Evidence{
		Format: format, Origin: testOrigin, Checkpoint: string(s.w.checkpoint(s.leaves)),
		Genesis: s.leaf(0), IndexRoot: s.leaf(storyRoot), Text: bundle.Text{"What this proves, in words."},
	}
	for _, name := range []string{"key:" + s.w.board.KID, "key:" + s.w.boardEC.KID, "key:" + s.w.operator.KID,
		"org:north-board"} {
		v.Chains = append(v.Chains, s.chain(name))
	}
	slices.SortFunc(v.Chains, func(a, b bundle.Chain) int { return strings.Compare(a.Name, b.Name) })
	return v
}

func (s *story) nodes(leaves map[uint64]wire.Hash) []wire.Hash {
	s.w.t.Helper()
	nodes, err := proof.MultiProof(slices.Collect(maps.Keys(leaves)), uint64(len(s.leaves)), perfectNodes(s.leaves))
	if err != nil {
		s.w.t.Fatal(err)
	}
	return nodes
}

func (s *story) statement(sub string, period *bundle.Period) *bundle.Statement {
	s.w.t.Helper()
	own := s.history(sub, period)
	st := &bundle.Statement{Evidence: s.evidence(bundle.FormatStatement), Period: period, Subject: own.Subject,
		Entries: own.Entries, Newer: own.Newer, Linked: bundle.LinkedHistories{}}
	if sub != entry.RegEveryone {
		st.Everyone = s.history(entry.RegEveryone, period)
	}
	if sub == linkedSub {
		st.Linked = bundle.LinkedHistories{{ID: testSub, History: *s.history(testSub, period)}}
	}
	hashes, err := st.LeafHashes()
	if err != nil {
		s.w.t.Fatal(err)
	}
	st.Nodes = s.nodes(hashes)
	return st
}

func (s *story) history(sub string, period *bundle.Period) *bundle.History {
	tag, vrfProof := s.w.vrf.Tag(testOrigin, sub)
	h := &bundle.History{Subject: bundle.Subject{Tag: tag, VRFProof: vrfProof, Proof: s.index.prove(proof.TagKey(tag))}}
	for i := range uint64(len(s.leaves)) {
		o := s.openings[i]
		switch {
		case o == nil || o.Tag != tag:
		case i >= storyM:
			h.Newer = append(h.Newer, bundle.NewEntry(o))
		case period != nil && (i < period.From || i >= period.To):
			h.Entries = append(h.Entries, bundle.HiddenEntry(i, proof.LeafHash(s.leaves[i])))
		default:
			h.Entries = append(h.Entries, bundle.NewEntry(o))
		}
	}
	h.Count = uint64(len(h.Entries))
	return h
}

func (s *story) extract(indices ...uint64) *bundle.Extract {
	s.w.t.Helper()
	x := &bundle.Extract{Evidence: s.evidence(bundle.FormatExtract)}
	for _, i := range indices {
		x.Entries = append(x.Entries, bundle.NewExtractEntry(s.openings[i]))
	}
	hashes, err := x.LeafHashes()
	if err != nil {
		s.w.t.Fatal(err)
	}
	x.Nodes = s.nodes(hashes)
	return x
}

// perfectNodes computes nodes of the log tree from its leaves.
func perfectNodes(leaves [][]byte) func(level uint, index uint64) (wire.Hash, error) {
	return func(level uint, index uint64) (wire.Hash, error) {
		return mth(leaves[index<<level : (index+1)<<level]), nil
	}
}

func marshalled[T interface{ Marshal() ([]byte, error) }](t testing.TB, v T) string {
	t.Helper()
	b, err := v.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
