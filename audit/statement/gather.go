package statement

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	memory  *reserved
	paid    uint64  // entries that memory is reserved for
	whole   bool    // every entry will be opened
	entries uint64  // of all histories
	bytes   uint64  // they have at most about as many in the file, if all are opened
	kept    uint64  // bytes at rest of those read
	pasts   []*past // in the order of the ids that were asked for
	linked  []*past // for statements: of the ids linked with the first, ascending
	chains  bundle.Chains
	unknown map[string]bool // keys that were registered at or above M
}

// all returns the histories in the order that a statement has them.
func (g *gathered) all() []*past { return append(g.pasts[:len(g.pasts):len(g.pasts)], g.linked...) }

// past is the history of one id, without what its entries contain.
type past struct {
	id       string
	tag      wire.Hash
	vrfProof []byte
	entries  []placed // all below N
	read     uint64   // N, or what N was when the history was last read
	links    map[uint64]*entry.Link
	covered  int // how many of entries are below M
	proof    proof.IndexProof
}

// placed is what is kept of each entry while a statement is made. There may be ledger.MaxHistory of
// them, so it is small: what an entry contains is read again when it is written, unless there is
// little of it.
type placed struct {
	ledger.Place
	leafHash wire.Hash
	kid      string
	content  *bundle.Opening // nil: to be read again
}

// attempts bounds how often gather continues because a new index root was logged in between. Each
// time it reads only what is new.
const attempts = 16

// pick returns the keys of the signers of what a statement shows.
type pick func(all []*past, size uint64) (kids map[string]bool, err error)

// gather reads without a lock, the index root and its anchor first. Then it takes the lock and
// checks that this is still the root of the tree. So a long history keeps no one waiting. If there
// are pasts, it also reads the histories of the ids linked with the first.
func (f *Follower) gather(ctx context.Context, g *gathered, pick pick) error {
	g.origin = f.cfg.Log.Origin()
	links := len(g.pasts) > 0
	for range attempts {
		root, err := f.Root()
		if err != nil {
			return err
		}
		g.size = root.Index + 1
		g.note, err = f.cfg.Log.Cosigned(ctx, root.note)
		if err != nil {
			return fmt.Errorf("reading the cosignatures of an anchor: %w", err)
		}
		for _, p := range g.pasts {
			read := f.readOn
			if g.shared(p) {
				read = f.readEverybody
			}
			if err := read(ctx, g, p, g.size); err != nil {
				return err
			}
		}
		if links {
			if err := f.readLinked(ctx, g, g.pasts[0].linkedBelow(root.Size), g.size); err != nil {
				return err
			}
		}
		kids, err := pick(g.all(), g.size)
		if err != nil {
			return err
		}
		kids[root.kid] = true
		chains, err := f.chains.behind(ctx, kids)
		if err != nil {
			return err
		}
		if ok, err := f.prove(g, root.kid, links, chains); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("reading a history: new index roots come too fast: %w", ErrNotReady)
}

func (f *Follower) past(id string) (*past, error) {
	tag, vrfProof, err := f.cfg.Log.Tag(id)
	return &past{id: id, tag: tag, vrfProof: vrfProof, links: map[uint64]*entry.Link{}}, err
}

// readOn reads the new part of a history below size, and parses its links. It keeps what entries
// contain while there is little of it.
func (f *Follower) readOn(ctx context.Context, g *gathered, p *past, size uint64) error {
	if p.read >= size {
		return nil
	}
	places, err := f.cfg.Log.HistoryPlaces(ctx, p.tag, p.read, size)
	if err != nil {
		return err
	}
	if err := g.take(places); err != nil {
		return err
	}
	i := 0
	err = f.cfg.Log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
		l, err := entry.ParseLink(h.Opening.JWS, h.Opening.Disclosures)
		if err != nil {
			return fmt.Errorf("entry %d as stored: %w", h.Index, err)
		}
		if l != nil {
			p.links[h.Index] = l
		}
		e := placed{Place: places[i], leafHash: h.LeafHash, kid: h.KID}
		if g.kept += e.Stored; g.kept <= keptStored {
			e.content = h.Opening
		}
		p.entries = append(p.entries, e)
		i++
		return nil
	})
	p.read = size
	return err
}

// take makes sure that there is room for further entries, in memory and in the file, before they
// are read.
func (g *gathered) take(places []ledger.Place) error {
	g.entries += uint64(len(places))
	for _, p := range places {
		g.bytes += bundle.OpenedSize(p.Stored)
	}
	if g.entries > ledger.MaxHistory || g.whole && g.bytes > bundle.MaxSize {
		return fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
	}
	if g.entries <= g.paid {
		return nil
	}
	extra := g.entries - g.paid
	g.paid = g.entries
	return g.memory.more(int64(extra) * entryMemory)
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
		p.covered = below(p.entries, g.root.Size, func(e placed) uint64 { return e.Index })
		own := proof.HistoryOfTag(p.tag)
		path, indexed, found := f.tree.Prove(own.K)
		state := own.Start()
		for _, e := range p.entries[:p.covered] {
			state = state.Add(e.Index, e.leafHash)
		}
		if found != (p.covered > 0) || found && indexed != state {
			return false, fmt.Errorf("a history of %d entries below %d differs from the index: %w",
				p.covered, g.root.Size, ErrDiffers)
		}
		p.proof = filled(path)
	}
	g.chains, g.unknown = make(bundle.Chains, 0, len(chains)), map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		leaves := chains[name]
		path, state, _ := f.tree.Prove(proof.NameKey(name))
		n := below(leaves, g.root.Size, func(l ledger.PublicLeaf) uint64 { return l.Index })
		if state.Count != uint64(n) {
			return false, fmt.Errorf("the history of %s has %d entries below %d, but %d in the index: %w",
				name, n, g.root.Size, state.Count, ErrDiffers)
		}
		if kid, ok := strings.CutPrefix(name, "key:"); ok && n == 0 && len(leaves) > 0 {
			g.unknown[kid] = true
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
