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

// gathered is what a statement is made of: checkpoint, index root, history and public chains of one moment.
type gathered struct {
	origin  string
	note    []byte // the checkpoint
	size    uint64 // N
	root    Root
	genesis ledger.PublicLeaf
	pasts   []*past // in the order of the ids asked for
	linked  []*past // of statements: of the ids that are linked with the first, ascending
	chains  bundle.Chains
}

// all are the histories in the order in which a statement has them.
func (g *gathered) all() []*past { return append(g.pasts[:len(g.pasts):len(g.pasts)], g.linked...) }

// past is the history of one id.
type past struct {
	id       string
	tag      wire.Hash
	vrfProof []byte
	entries  []ledger.HistoryEntry // all below N
	read     uint64                // N, or what it was when this was last looked at
	links    map[uint64]*entry.Link
	covered  int // of entries those below M
	proof    proof.IndexProof
}

// history shows it, opened inside the period.
func (p *past) history(period *bundle.Period) *bundle.History {
	h := &bundle.History{Subject: bundle.Subject{Tag: p.tag, VRFProof: p.vrfProof, Proof: p.proof, Count: uint64(p.covered)},
		Entries: make(bundle.Entries, 0, p.covered), Newer: bundle.Entries{}}
	for i, e := range p.entries {
		switch in := p.shows(period, e.Index); {
		case i < p.covered && in:
			h.Entries = append(h.Entries, bundle.NewEntry(e.Opening))
		case i < p.covered:
			h.Entries = append(h.Entries, bundle.HiddenEntry(e.Index, e.LeafHash))
		case in:
			h.Newer = append(h.Newer, bundle.NewEntry(e.Opening))
		} // else outside the period asked for, and above what is proved
	}
	return h
}

// attempts bounds how often gather goes on because an index root came in between: each time only what is new is read.
const attempts = 16

// gather reads without any lock, the checkpoint first, and then looks under the lock whether the index root of now lies below that checkpoint: so a
// long history keeps nobody waiting. With links, the histories of the ids linked with the first are gathered too. pick says of which entries the signers' keys are to be shown.
func (f *Follower) gather(ctx context.Context, ids []string, links bool, pick func(all []*past, size uint64) ([]ledger.HistoryEntry, error)) (*gathered, error) {
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
		signed, head, err := f.cover(ctx, max(root.Index+1, g.size))
		if err != nil {
			return nil, err
		}
		for _, p := range g.pasts {
			if err := f.readOn(ctx, p, head.Size, links); err != nil {
				return nil, err
			}
		}
		if links {
			if err := f.readLinked(ctx, g, g.pasts[0].linkedBelow(root.Size), head.Size); err != nil {
				return nil, err
			}
		}
		g.note, g.size = signed, head.Size
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
	return nil, fmt.Errorf("index roots come faster than a history can be read: %w", ErrNotReady)
}

func (f *Follower) past(id string) (*past, error) {
	tag, vrfProof, err := f.cfg.Log.Tag(id)
	return &past{id: id, tag: tag, vrfProof: vrfProof, links: map[uint64]*entry.Link{}}, err
}

// readOn reads what a history has further below size, and of it the links if they are asked for.
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

// cover gives the checkpoint that a statement is made under: the newest that a quorum of witnesses stands behind, if it has at least size entries and so the
// newest index root; else the newest of all, with the cosignatures it has. What came after it is not part of the statement.
func (f *Follower) cover(ctx context.Context, size uint64) ([]byte, proof.Checkpoint, error) {
	signed, c, err := f.witnessed(ctx)
	if err != nil {
		return nil, proof.Checkpoint{}, err
	}
	if c.Size < size {
		return f.checkpoint(ctx)
	}
	return signed, c, nil
}

// prove adds what the tree says, if its root is logged below g's checkpoint.
func (f *Follower) prove(g *gathered, kid string, links bool, chains map[string][]ledger.PublicLeaf) (bool, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.broken != nil:
		return false, f.broken
	case f.root == nil:
		return false, ErrNotReady
	case f.root.Index >= g.size || f.root.kid != kid || links && !g.stillLinked(f.root.Size):
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
			return false, fmt.Errorf("a history of %d entries below %d is another than the index has: %w", p.covered, g.root.Size, ErrDiffers)
		}
		p.proof = filled(path)
	}
	g.chains = make(bundle.Chains, 0, len(chains))
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		leaves := chains[name]
		path, state, _ := f.tree.Prove(proof.NameKey(name))
		n := below(leaves, g.root.Size, func(l ledger.PublicLeaf) uint64 { return l.Index })
		if state.Count != uint64(n) {
			return false, fmt.Errorf("the history of %s has %d entries below %d, not the %d of the index: %w", name, n, g.root.Size, state.Count, ErrDiffers)
		}
		c := bundle.Chain{Name: name, Proof: filled(path), Leaves: make(bundle.Leaves, n)}
		for i, l := range leaves[:n] {
			c.Leaves[i] = bundle.Leaf{Index: l.Index, Leaf: l.Leaf}
		}
		g.chains = append(g.chains, c)
	}
	return true, nil
}

// filled makes an empty path an empty list, which JSON tells from a missing one.
func filled(p proof.IndexProof) proof.IndexProof {
	if p.Siblings == nil {
		p.Siblings = proof.IndexSiblings{}
	}
	return p
}

// below is how many of list, ascending, lie below size.
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

// indices are the positions of the public leaves of a statement.
func (g *gathered) indices() []uint64 {
	list := []uint64{g.genesis.Index, g.root.Index}
	for _, c := range g.chains {
		for _, l := range c.Leaves {
			list = append(list, l.Index)
		}
	}
	return list
}
