package statement

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// gathered is what a statement is made of: checkpoint, index root, history and public chains of one
// moment.
type gathered struct {
	origin  string
	note    []byte // the anchor
	size    uint64 // N
	root    Root
	genesis ledger.PublicLeaf
	pasts   []*past // in the order of the ids that were asked for
	linked  []*past // for statements: of the ids linked with the first, ascending
	chains  bundle.Chains
}

// all returns the histories in the order that a statement has them.
func (g *gathered) all() []*past { return append(g.pasts[:len(g.pasts):len(g.pasts)], g.linked...) }

// past is the history of one id.
type past struct {
	id       string
	tag      wire.Hash
	vrfProof []byte
	entries  []ledger.HistoryEntry // all below N
	read     uint64                // N, or what N was when the history was last read
	links    map[uint64]*entry.Link
	covered  int // how many of entries are below M
	proof    proof.IndexProof
}

// history returns the history for a statement. Entries inside the period are opened.
func (p *past) history(period *bundle.Period) *bundle.History {
	h := &bundle.History{
		Subject: bundle.Subject{Tag: p.tag, VRFProof: p.vrfProof, Proof: p.proof, Count: uint64(p.covered)},
		Entries: make(bundle.Entries, 0, p.covered), Newer: bundle.Entries{},
	}
	for i, e := range p.entries {
		switch in := p.shows(period, e.Index); {
		case i < p.covered && in:
			h.Entries = append(h.Entries, bundle.NewEntry(e.Opening))
		case i < p.covered:
			h.Entries = append(h.Entries, bundle.HiddenEntry(e.Index, e.LeafHash))
		case in:
			h.Newer = append(h.Newer, bundle.NewEntry(e.Opening))
		} // else outside the period that was asked for, and not covered by the proof
	}
	return h
}

// attempts bounds how often gather continues because a new index root was logged in between. Each
// time it reads only what is new.
const attempts = 16

// gather reads without a lock, the index root and its anchor first. Then it takes the lock and checks
// that this is still the root of the tree. So a long history keeps no one waiting. If links is set, it also reads the histories of the ids linked with the first. pick returns the entries whose
// signers' keys are to be shown.
func (f *Follower) gather(
	ctx context.Context, ids []string, links bool,
	pick func(all []*past, size uint64) ([]ledger.HistoryEntry, error),
) (*gathered, error) {
	g := &gathered{origin: f.cfg.Log.Origin()}
	for _, id := range ids {
		p, err := f.past(id)
		if err != nil {
			return nil, err
		}
		g.pasts = append(g.pasts, p)
	}
	for range attempts {
		root, err := f.Root()
		if err != nil {
			return nil, err
		}
		g.size = root.Index + 1
		g.note, err = f.cfg.Log.Cosigned(ctx, root.note)
		if err != nil {
			return nil, fmt.Errorf("reading the cosignatures of an anchor: %w", err)
		}
		for _, p := range g.pasts {
			if err := f.readOn(ctx, p, g.size, links); err != nil {
				return nil, err
			}
		}
		if links {
			if err := f.readLinked(ctx, g, g.pasts[0].linkedBelow(root.Size), g.size); err != nil {
				return nil, err
			}
		}
		shown, err := pick(g.all(), g.size)
		if err != nil {
			return nil, err
		}
		kids := map[string]bool{root.kid: true}
		for _, e := range shown {
			kids[e.KID] = true
		}
		chains, err := f.chains.behind(ctx, kids)
		if err != nil {
			return nil, err
		}
		if ok, err := f.prove(g, root.kid, links, chains); ok || err != nil {
			return g, err
		}
	}
	return nil, fmt.Errorf("reading a history: new index roots come too fast: %w", ErrNotReady)
}

func (f *Follower) past(id string) (*past, error) {
	tag, vrfProof, err := f.cfg.Log.Tag(id)
	return &past{id: id, tag: tag, vrfProof: vrfProof, links: map[uint64]*entry.Link{}}, err
}

// readOn reads the new part of a history below size. If links is set, it also parses its links.
func (f *Follower) readOn(ctx context.Context, p *past, size uint64, links bool) error {
	if p.read >= size {
		return nil
	}
	more, err := f.cfg.Log.HistoryRange(ctx, p.tag, p.read, size)
	if err != nil {
		return err
	}
	p.entries = append(p.entries, more...)
	if len(p.entries) > ledger.MaxHistory {
		return fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
	}
	p.read = size
	for i := range more {
		if !links {
			break
		}
		l, err := entry.ParseLink(more[i].Opening.JWS, more[i].Opening.Disclosures)
		if err != nil {
			return fmt.Errorf("entry %d as stored: %w", more[i].Index, err)
		}
		if l != nil {
			p.links[more[i].Index] = l
		}
	}
	return nil
}

// prove adds what the tree proves, if g's checkpoint ends in its root.
func (f *Follower) prove(g *gathered, kid string, links bool, chains map[string][]ledger.PublicLeaf) (bool, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.broken != nil:
		return false, f.broken
	case f.root == nil:
		return false, ErrNotReady
	case f.root.Index+1 != g.size || f.root.kid != kid || links && !g.stillLinked(f.root.Size):
		return false, nil
	}
	g.root = *f.root
	g.genesis = chains["genesis"][0]
	delete(chains, "genesis")
	for _, p := range g.all() {
		p.covered = below(p.entries, g.root.Size, func(e ledger.HistoryEntry) uint64 { return e.Index })
		own := proof.HistoryOfTag(p.tag)
		path, indexed, found := f.tree.Prove(own.K)
		state := own.Start()
		for _, e := range p.entries[:p.covered] {
			state = state.Add(e.Index, e.LeafHash)
		}
		if found != (p.covered > 0) || found && indexed != state {
			return false, fmt.Errorf("a history of %d entries below %d differs from the index: %w",
				p.covered, g.root.Size, ErrDiffers)
		}
		p.proof = filled(path)
	}
	g.chains = make(bundle.Chains, 0, len(chains))
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		leaves := chains[name]
		path, state, _ := f.tree.Prove(proof.NameKey(name))
		n := below(leaves, g.root.Size, func(l ledger.PublicLeaf) uint64 { return l.Index })
		if state.Count != uint64(n) {
			return false, fmt.Errorf("the history of %s has %d entries below %d, but %d in the index: %w",
				name, n, g.root.Size, state.Count, ErrDiffers)
		}
		c := bundle.Chain{Name: name, Proof: filled(path), Leaves: make(bundle.Leaves, n)}
		for i, l := range leaves[:n] {
			c.Leaves[i] = bundle.Leaf{Index: l.Index, Leaf: l.Leaf}
		}
		g.chains = append(g.chains, c)
	}
	return true, nil
}

// filled makes an empty path an empty list, which JSON distinguishes from a missing one.
func filled(p proof.IndexProof) proof.IndexProof {
	if p.Siblings == nil {
		p.Siblings = proof.IndexSiblings{}
	}
	return p
}

// below returns how many elements of list, which ascends, are below size.
func below[T any](list []T, size uint64, index func(T) uint64) int {
	n, _ := slices.BinarySearchFunc(list, size, func(e T, size uint64) int { return cmp.Compare(index(e), size) })
	return n
}

func (g *gathered) evidence(format string, text []string) bundle.Evidence {
	return bundle.Evidence{
		Format: format, Origin: g.origin, Checkpoint: string(g.note),
		Genesis:   bundle.Leaf{Index: g.genesis.Index, Leaf: g.genesis.Leaf},
		IndexRoot: bundle.Leaf{Index: g.root.Index, Leaf: g.root.leaf},
		Chains:    g.chains, Text: text,
	}
}

// indices returns the positions of the public leaves of a statement.
func (g *gathered) indices() []uint64 {
	list := []uint64{g.genesis.Index, g.root.Index}
	for _, c := range g.chains {
		for _, l := range c.Leaves {
			list = append(list, l.Index)
		}
	}
	return list
}
