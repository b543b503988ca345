package statement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"igledger/ledger"
	"igledger/ledger/entry"
)

// Window chooses what of a history is opened; the rest is hidden but counted and proved all the same. Either positions in the log, From <= index < To
// (To 0: no bound), or times at which the ledger took the entries, Since <= time < Until (zero: no bound), which become the positions that hold
// exactly these entries of the subject. The zero Window is everything.
type Window struct {
	From, To     uint64
	Since, Until time.Time
}

// Statement makes the statement of an id (see entry.CheckID): every entry of it below the published checkpoint, and the proof that below the newest index
// root none is missing, or that there is none at all. ErrNotReady, ErrDiffers; ledger.ErrTooMany above ledger.MaxHistory entries; ErrErased.
func (f *Follower) Statement(ctx context.Context, id string, w Window) (*entry.Statement, error) {
	var period *entry.Period
	g, err := f.gather(ctx, id, func(all []ledger.HistoryEntry, size uint64) ([]ledger.HistoryEntry, error) {
		period = w.period(all, size)
		return slices.DeleteFunc(slices.Clone(all), func(e ledger.HistoryEntry) bool { return !inside(period, e.Index) }), nil
	})
	if err != nil {
		return nil, err
	}
	s := &entry.Statement{
		Evidence: g.evidence(entry.FormatStatement, statementText(g, period)),
		Subject:  entry.Subject{Tag: g.tag, VRFProof: g.vrfProof, Proof: g.proof, Count: uint64(g.covered)},
		Period:   period,
		Entries:  make(entry.StatementEntries, 0, g.covered),
		Newer:    entry.StatementEntries{},
	}
	indices := g.indices()
	for i, e := range g.entries {
		switch in := inside(period, e.Index); {
		case i < g.covered && in:
			s.Entries = append(s.Entries, entry.NewStatementEntry(e.Opening))
		case i < g.covered:
			s.Entries = append(s.Entries, entry.HiddenStatementEntry(e.Index, e.LeafHash))
		case in:
			s.Newer = append(s.Newer, entry.NewStatementEntry(e.Opening))
		default: // outside the period asked for, and above what is proved
			continue
		}
		indices = append(indices, e.Index)
	}
	s.Nodes, err = f.cfg.Log.MultiProof(ctx, indices, g.size)
	return s, err
}

// Extract makes an extract of chosen entries of an id: that each is in the log, and nothing about what else there is. ErrNotFound if one is not the id's.
func (f *Follower) Extract(ctx context.Context, id string, indices []uint64) (*entry.Extract, error) {
	var shown []ledger.HistoryEntry
	g, err := f.gather(ctx, id, func(all []ledger.HistoryEntry, _ uint64) ([]ledger.HistoryEntry, error) {
		shown = nil
		for _, at := range slices.Compact(slices.Sorted(slices.Values(indices))) {
			i, ok := slices.BinarySearchFunc(all, at, func(e ledger.HistoryEntry, at uint64) int { return cmp.Compare(e.Index, at) })
			if !ok {
				return nil, fmt.Errorf("making an extract: entry %d is not among this subject's: %w", at, ErrNotFound)
			}
			shown = append(shown, all[i])
		}
		return shown, nil
	})
	if err != nil {
		return nil, err
	}
	x := &entry.Extract{Evidence: g.evidence(entry.FormatExtract, extractText(g)), Entries: make(entry.ExtractEntries, len(shown))}
	places := g.indices()
	for i, e := range shown {
		x.Entries[i] = entry.NewExtractEntry(e.Opening)
		places = append(places, e.Index)
	}
	x.Nodes, err = f.cfg.Log.MultiProof(ctx, places, g.size)
	return x, err
}

func inside(p *entry.Period, index uint64) bool { return p == nil || p.From <= index && index < p.To }

// period gives the positions that w stands for in the log of this size; nil for everything.
func (w Window) period(all []ledger.HistoryEntry, size uint64) *entry.Period {
	if w == (Window{}) {
		return nil
	}
	if w.Since.IsZero() && w.Until.IsZero() {
		if w.To == 0 {
			w.To = max(size, w.From+1)
		}
		return &entry.Period{From: w.From, To: w.To}
	}
	// The largest range that holds of the subject's entries just these: what lies between two of them is no matter of this person.
	taken := func(e ledger.HistoryEntry) time.Time {
		t, _ := time.Parse(time.RFC3339Nano, e.Received) // as this ledger wrote it
		return t
	}
	first, last := len(all), -1
	for i, e := range all {
		if t := taken(e); !t.Before(w.Since) && (w.Until.IsZero() || t.Before(w.Until)) {
			first, last = min(first, i), i
		}
	}
	if last < 0 { // none: the gap where they would be
		for first = 0; first < len(all) && taken(all[first]).Before(w.Since); first++ {
		}
		last = first - 1
	}
	p := &entry.Period{From: 0, To: size}
	if first > 0 {
		p.From = all[first-1].Index + 1
	}
	if last+1 < len(all) {
		p.To = all[last+1].Index
	}
	if p.From >= p.To { // no position between them
		return &entry.Period{From: size, To: size + 1}
	}
	return p
}

// gathered is what a statement is made of: checkpoint, index root, history and public chains of one moment.
type gathered struct {
	origin   string
	note     []byte // the checkpoint
	size     uint64 // N
	root     Root
	genesis  ledger.PublicLeaf
	tag      entry.Hash
	vrfProof []byte
	entries  []ledger.HistoryEntry // all below N
	covered  int                   // of them below M
	proof    entry.IndexProof
	chains   entry.StatementChains
}

// attempts bounds how often gather goes on because an index root came in between: each time only what is new is read.
const attempts = 16

// gather reads without any lock, the checkpoint first, and then looks under the lock whether the index root of now lies below that checkpoint: so a
// long history keeps nobody waiting. pick says of which entries the signers' keys are to be shown.
func (f *Follower) gather(ctx context.Context, id string, pick func(all []ledger.HistoryEntry, size uint64) ([]ledger.HistoryEntry, error)) (*gathered, error) {
	g := &gathered{origin: f.cfg.Log.Origin()}
	var err error
	if g.tag, g.vrfProof, err = f.cfg.Log.Tag(id); err != nil {
		return nil, err
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
		more, err := f.cfg.Log.HistoryRange(ctx, g.tag, g.size, head.Size)
		if err != nil {
			return nil, err
		}
		if g.entries = append(g.entries, more...); len(g.entries) > ledger.MaxHistory {
			return nil, fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
		}
		g.note, g.size = signed, head.Size
		shown, err := pick(g.entries, g.size)
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
		if ok, err := f.prove(g, root.kid, chains); ok || err != nil {
			return g, err
		}
	}
	return nil, fmt.Errorf("index roots come faster than a history can be read: %w", ErrNotReady)
}

// cover gives the checkpoint that a statement is made under: the newest that a quorum of witnesses stands behind, if it has at least size entries and so the
// newest index root; else the newest of all, with the cosignatures it has. What came after it is not part of the statement.
func (f *Follower) cover(ctx context.Context, size uint64) ([]byte, entry.Checkpoint, error) {
	signed, err := f.cfg.Log.WitnessedCheckpoint(ctx)
	if errors.Is(err, ledger.ErrNotFound) {
		return f.checkpoint(ctx)
	}
	if err != nil {
		return nil, entry.Checkpoint{}, fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	c, err := entry.OpenCheckpoint(signed, f.verifier)
	if err != nil {
		return nil, entry.Checkpoint{}, fmt.Errorf("the witnessed checkpoint: %w", err)
	}
	if c.Size < size {
		return f.checkpoint(ctx)
	}
	return signed, c, nil
}

// prove adds what the tree says, if its root is logged below g's checkpoint.
func (f *Follower) prove(g *gathered, kid string, chains map[string][]ledger.PublicLeaf) (bool, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.broken != nil:
		return false, f.broken
	case f.root == nil:
		return false, ErrNotReady
	case f.root.Index >= g.size || f.root.kid != kid:
		return false, nil
	}
	g.root = *f.root
	g.genesis = chains["genesis"][0]
	delete(chains, "genesis")
	g.covered = below(g.entries, g.root.Size, func(e ledger.HistoryEntry) uint64 { return e.Index })
	proof, state, found := f.tree.Prove(entry.TagKey(g.tag))
	head := entry.TagHead0(g.tag)
	for _, e := range g.entries[:g.covered] {
		head = entry.NextHead(head, e.Index, e.LeafHash)
	}
	if found != (g.covered > 0) || found && (state.Count != uint64(g.covered) || state.Head != head) {
		return false, fmt.Errorf("a history of %d entries below %d is another than the index has: %w", g.covered, g.root.Size, ErrDiffers)
	}
	g.proof = filled(proof)
	g.chains = make(entry.StatementChains, 0, len(chains))
	for name, leaves := range chains {
		proof, state, _ := f.tree.Prove(entry.NameKey(name))
		n := below(leaves, g.root.Size, func(l ledger.PublicLeaf) uint64 { return l.Index })
		if state.Count != uint64(n) {
			return false, fmt.Errorf("the history of %s has %d entries below %d, not the %d of the index: %w", name, n, g.root.Size, state.Count, ErrDiffers)
		}
		c := entry.StatementChain{Name: name, Proof: filled(proof), Leaves: make(entry.StatementLeaves, n)}
		for i, l := range leaves[:n] {
			c.Leaves[i] = entry.StatementLeaf{Index: l.Index, Leaf: l.Leaf}
		}
		g.chains = append(g.chains, c)
	}
	slices.SortFunc(g.chains, func(a, b entry.StatementChain) int { return cmp.Compare(a.Name, b.Name) })
	return true, nil
}

// filled makes an empty path an empty list, which JSON tells from a missing one.
func filled(p entry.IndexProof) entry.IndexProof {
	if p.Siblings == nil {
		p.Siblings = entry.IndexSiblings{}
	}
	return p
}

// below is how many of list, ascending, lie below size.
func below[T any](list []T, size uint64, index func(T) uint64) int {
	n, _ := slices.BinarySearchFunc(list, size, func(e T, size uint64) int { return cmp.Compare(index(e), size) })
	return n
}

func (g *gathered) evidence(format string, text []string) entry.Evidence {
	return entry.Evidence{
		Format: format, Origin: g.origin, Checkpoint: string(g.note),
		Genesis:   entry.StatementLeaf{Index: g.genesis.Index, Leaf: g.genesis.Leaf},
		IndexRoot: entry.StatementLeaf{Index: g.root.Index, Leaf: g.root.leaf},
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
