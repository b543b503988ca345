package testlog

import (
	"maps"
	"slices"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// AddIndexRoot appends the index root that an honest operator would state now.
func (l *Log) AddIndexRoot() uint64 {
	return l.AddIndexRootOf(l.Size(), l.IndexAt(l.Size()).Root(), l.Operator)
}

// AddIndexRootWhile appends an honest index root. Between its computation and its logging add
// appends entries, which it does not cover.
func (l *Log) AddIndexRootWhile(add func()) uint64 {
	m, root := l.Size(), l.IndexAt(l.Size()).Root()
	add()
	return l.AddIndexRootOf(m, root, l.Operator)
}

// Anchor returns the size of the newest anchor in the log of this size, 0 if there is none.
func (l *Log) Anchor(size uint64) uint64 {
	for ; size > 0; size-- {
		if e := l.Entries[size-1]; e != nil && e.Type == entry.TypeIndexRoot {
			break
		}
	}
	return size
}

// AddIndexRootAt appends an honest index root that says that it was signed at a time.
func (l *Log) AddIndexRootAt(at int64) uint64 {
	common := entry.Common{Issuer: "operator", Audience: l.Origin, IssuedAt: at}
	root := &entry.IndexRoot{Common: common, Size: l.Size(), Root: l.IndexAt(l.Size()).Root()}
	return l.AddPublic(Sign(l.Operator, root))
}

// AddIndexRootOf appends any index root.
func (l *Log) AddIndexRootOf(size uint64, root wire.Hash, s *wire.Signer) uint64 {
	common := entry.Common{Issuer: "operator", Audience: l.Origin, IssuedAt: Now}
	return l.AddPublic(Sign(s, &entry.IndexRoot{Common: common, Size: size, Root: root}))
}

// Claim says how a statement is made. The zero value of an optional field is what an honest ledger
// uses.
type Claim struct {
	ID         string                 // whose statement
	IndexRoot  uint64                 // position of the index root it uses
	Size       uint64                 // of the checkpoint; 0: that which ends in the index root
	Checkpoint []byte                 // signed; nil: the log's own with Cosigners' lines
	Cosigners  []*Cosigner            //
	CosignedAt int64                  // 0: Now
	Index      Index                  // nil: the honest one at the index root's size
	Period     *bundle.Period         // nil: whole
	Omit       map[uint64]bool        // entries left out of the list
	Besides    string                 // whose history is in everyone; "": entry.RegEveryone's, if that is not ID
	Alone      bool                   // everyone is left out
	Linked     []string               // ids whose histories are in linked, ascending; nil: those of links in force
	VRF        *wire.VRFKey           // nil: the log's
	Histories  map[wire.Hash]*History // nil: the honest ones
}

// Statement returns a statement. It finds the chains that it needs by following signers, beginning
// with those of the entries and of the index root.
func (l *Log) Statement(c Claim) *bundle.Statement {
	ir := l.Entries[c.IndexRoot].Body.(*entry.IndexRoot)
	m := ir.Size
	if c.Histories == nil {
		c.Histories = l.Histories(min(m, l.Size()))
	}
	if c.Index == nil {
		c.Index = IndexOf(c.Histories)
	}
	if c.VRF == nil {
		c.VRF = l.VRF
	}
	signers := map[string]bool{l.Entries[c.IndexRoot].KID: true}
	for _, root := range c.Period.Roots() {
		if e := l.Entries[root.Index]; e != nil {
			signers[e.KID] = true
		}
	}
	size := c.size()
	own := l.history(c, c.ID, m, size, signers)
	s := &bundle.Statement{Subject: own.Subject, Period: c.Period, Entries: own.Entries, Newer: own.Newer, Linked: bundle.LinkedHistories{}}
	if c.Besides == "" && c.ID != entry.RegEveryone {
		c.Besides = entry.RegEveryone
	}
	if c.Besides != "" && !c.Alone {
		s.Everyone = l.history(c, c.Besides, m, size, signers)
	}
	if c.Linked == nil {
		c.Linked = l.linked(own, m)
	}
	for _, id := range c.Linked {
		s.Linked = append(s.Linked, bundle.LinkedHistory{ID: id, History: *l.history(c, id, m, size, signers)})
	}
	s.Evidence = l.evidence(c, bundle.FormatStatement, size, signers)
	l.prove(s, size)
	return s
}

// Period returns the period of days between two index roots of the log; 0 leaves out one of them.
func (l *Log) Period(days string, before, after uint64) *bundle.Period {
	d := must(bundle.ParseDays(days))
	p := &bundle.Period{Days: &d, To: l.Size()}
	if before > 0 {
		p.From = l.Entries[before].Body.(*entry.IndexRoot).Size
		p.Before = &bundle.Leaf{Index: before, Leaf: l.Leaves[before]}
	}
	if after > 0 {
		p.To, p.After = after, &bundle.Leaf{Index: after, Leaf: l.Leaves[after]}
	}
	return p
}

// linked returns the ids of the links that are in force by a history's entries below m.
func (l *Log) linked(h *bundle.History, m uint64) []string {
	holding := map[string]bool{}
	for _, e := range h.Entries {
		if b, ok := l.Entries[e.Index].Body.(*entry.Link); ok && e.Index < m {
			holding[b.Other] = b.Act == "linked"
		}
	}
	maps.DeleteFunc(holding, func(_ string, holds bool) bool { return !holds })
	return slices.Sorted(maps.Keys(holding))
}

// history returns what the log has about an id. It adds the keys that signed the opened entries to
// signers.
func (l *Log) history(c Claim, id string, m, size uint64, signers map[string]bool) *bundle.History {
	tag, vrfProof := l.tag(c.VRF, id)
	h := &bundle.History{
		Subject: bundle.Subject{Tag: tag, VRFProof: vrfProof, Proof: c.Index.Prove(proof.TagKey(tag))},
		Entries: bundle.Entries{}, Newer: bundle.Entries{},
	}
	for i := range size {
		o := l.Openings[i]
		if o == nil || o.Tag != tag || c.Omit[i] {
			continue
		}
		e := bundle.NewEntry(o)
		e.Disclosures = slices.Clone(e.Disclosures) // tests alter them
		_, isLink := l.Entries[i].Body.(*entry.Link)
		outside := c.Period != nil && !isLink && (i < c.Period.From || i >= c.Period.To)
		if outside && i >= m {
			continue
		}
		if outside {
			e = bundle.HiddenEntry(i, proof.LeafHash(l.Leaves[i]))
		} else {
			signers[l.Entries[i].KID] = true
		}
		if i < m {
			h.Entries = append(h.Entries, e)
		} else {
			h.Newer = append(h.Newer, e)
		}
	}
	h.Count = uint64(len(h.Entries))
	return h
}

func (c Claim) size() uint64 {
	if c.Size == 0 {
		return c.IndexRoot + 1
	}
	return c.Size
}

// Prove computes the nodes of a statement again after it was altered, as the operator that makes
// the statement can.
func (l *Log) Prove(s *bundle.Statement) {
	text, _, _ := strings.Cut(s.Checkpoint, "\n\n")
	l.prove(s, must(proof.ParseCheckpointText(text+"\n")).Size)
}

func (l *Log) prove(s *bundle.Statement, size uint64) {
	s.Nodes = l.MultiNodes(slices.Collect(maps.Keys(must(s.LeafHashes()))), size)
}

// Extract returns an extract of chosen entries.
func (l *Log) Extract(c Claim, indices ...uint64) *bundle.Extract {
	x := &bundle.Extract{Entries: bundle.ExtractEntries{}}
	signers := map[string]bool{l.Entries[c.IndexRoot].KID: true}
	if c.Histories == nil {
		c.Histories = l.Histories(l.Entries[c.IndexRoot].Body.(*entry.IndexRoot).Size)
	}
	if c.Index == nil {
		c.Index = IndexOf(c.Histories)
	}
	for _, i := range indices {
		x.Entries = append(x.Entries, bundle.NewExtractEntry(l.Openings[i]))
		signers[l.Entries[i].KID] = true
	}
	x.Evidence = l.evidence(c, bundle.FormatExtract, c.size(), signers)
	x.Nodes = l.MultiNodes(slices.Collect(maps.Keys(must(x.LeafHashes()))), c.size())
	return x
}

func (l *Log) evidence(c Claim, format string, size uint64, signers map[string]bool) bundle.Evidence {
	if c.Checkpoint == nil {
		c.Checkpoint = l.Cosigned(size, c.CosignedAt, c.Cosigners...)
	}
	ev := bundle.Evidence{Format: format, Origin: l.Origin, Checkpoint: string(c.Checkpoint), Genesis: bundle.Leaf{Leaf: l.Leaves[0]},
		IndexRoot: bundle.Leaf{Index: c.IndexRoot, Leaf: l.Leaves[c.IndexRoot]},
		Chains:    bundle.Chains{}, Nodes: []wire.Hash{}, Text: []string{"for tests"},
	}
	names := l.names(signers)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		k := proof.NameKey(name)
		ev.Chains = append(ev.Chains, l.chain(name, c.Index.Prove(k), c.Histories[k]))
	}
	return ev
}

// Chain returns the public history called name, proved by the honest index over the leaves below m.
func (l *Log) Chain(name string, m uint64) bundle.Chain {
	k, histories := proof.NameKey(name), l.Histories(m)
	return l.chain(name, IndexOf(histories).Prove(k), histories[k])
}

func (l *Log) chain(name string, proof proof.IndexProof, h *History) bundle.Chain {
	c := bundle.Chain{Name: name, Proof: proof, Leaves: bundle.Leaves{}}
	if h != nil {
		for _, i := range h.Indices {
			c.Leaves = append(c.Leaves, bundle.Leaf{Index: i, Leaf: l.Leaves[i]})
		}
	}
	return c
}

// names follows signers to the public histories that decide about them: of their keys, of their
// organisations, of the parties that signed these, and so on.
func (l *Log) names(signers map[string]bool) map[string]bool {
	orgOf := map[string]string{}
	g := l.Entries[0].Body.(*entry.Genesis)
	for _, p := range []entry.GenesisParty{g.Registrar, g.Enroller, g.Operator} {
		orgOf[p.Key.JWK.Thumbprint()] = p.ID
	}
	byName := map[string][]*entry.Entry{}
	for i := range l.Size() {
		e := l.Entries[i]
		if e == nil || e.Type.Sealed() {
			continue
		}
		byName[e.Name()] = append(byName[e.Name()], e)
		if k, ok := e.Body.(*entry.Key); ok {
			orgOf[k.Key.JWK.Thumbprint()] = k.Org
		}
	}
	names := map[string]bool{}
	var follow func(name string)
	signed := func(kid string) {
		follow("key:" + kid)
		follow("org:" + orgOf[kid])
	}
	follow = func(name string) {
		if names[name] || strings.HasSuffix(name, ":") {
			return
		}
		names[name] = true
		for _, e := range byName[name] {
			signed(e.KID)
			for _, counter := range counters(e) {
				signed(must(wire.ParseJWS("countersignature", counter, wire.TypCountersignature)).KID)
			}
		}
	}
	for kid := range signers {
		signed(kid)
	}
	return names
}

func counters(e *entry.Entry) []string {
	var list []string
	switch b := e.Body.(type) {
	case *entry.Organisation:
		list = []string{b.Counter}
	case *entry.Key:
		list = []string{b.Counter}
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// Cosigned returns the checkpoint of the first size leaves with cosignatures made at a time (0:
// Now).
func (l *Log) Cosigned(size uint64, at int64, cosigners ...*Cosigner) []byte {
	if at == 0 {
		at = Now
	}
	head := proof.Checkpoint{Origin: l.Origin, Size: size, Root: l.Root(size)}
	b := slices.Clone(l.Checkpoint(size))
	for _, c := range cosigners {
		b = append(b, c.Line(head, at)...)
	}
	return b
}

// StatementJSON returns a statement in its format.
func StatementJSON(s *bundle.Statement) []byte { return must(s.Marshal()) }
