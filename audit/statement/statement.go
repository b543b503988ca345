package statement

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Statement is a statement that is ready to be written. It holds memory until it is closed.
type Statement struct {
	IDs []string // whose entries it shows: the id that was asked for, and those linked with it

	f       *Follower
	g       *gathered
	memory  reserved
	out     *bundle.Statement // without what entries contain, and without nodes
	indices []uint64          // of all leaves
	opened  []*placed         // entries to be opened, in the order of the file
}

// Statement prepares the statement of an id (see entry.CheckID), which the caller must close. It
// lists every entry of the id below its checkpoint, with the proof that none is missing below the
// newest settled index root, or that there is none at all.
//
// It lists the same for reads of everyone's data, unless id is entry.RegEveryone, and for each id
// that a link below that root says is the same person's. The links of those ids are not followed.
//
// With days, it opens only what the ledger logged on them, and hides the rest, but counts and
// proves it. Links are always opened.
//
// It returns ErrNotReady, ErrDiffers, ErrErased or ErrBusy. If all these ids together have more
// than ledger.MaxHistory entries, if there are more than entry.MaxLinked ids, or if the file would
// be larger than bundle.MaxSize, it returns ledger.ErrTooMany: as far as the numbers of entries
// tell, before any of them is read.
func (f *Follower) Statement(ctx context.Context, id string, days *bundle.Days) (_ *Statement, err error) {
	s := &Statement{f: f, memory: f.reserve()}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	ids := []string{id}
	if id != entry.RegEveryone {
		ids = append(ids, entry.RegEveryone)
	}
	s.g = &gathered{memory: &s.memory, whole: days == nil}
	var tags []wire.Hash
	for _, id := range ids {
		p, err := f.past(id)
		if err != nil {
			return nil, err
		}
		s.g.pasts, tags = append(s.g.pasts, p), append(tags, p.tag)
	}
	n, err := f.cfg.Log.HistoryCount(ctx, tags...)
	if err != nil {
		return nil, err
	}
	if s.g.whole && n > bundle.MaxSize/bundle.MinOpened {
		return nil, fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
	}
	if err := s.memory.wait(ctx, cost(n)); err != nil {
		return nil, err
	}
	s.g.paid = n
	var period *bundle.Period
	err = f.gather(ctx, s.g, func(all []*past, size uint64) (map[string]bool, error) {
		var roots []string
		period, roots, err = f.period(ctx, days, size)
		if err != nil {
			return nil, err
		}
		kids, err := signers(all, period)
		for _, kid := range roots {
			kids[kid] = true
		}
		return kids, err
	})
	if err != nil {
		return nil, err
	}
	s.lay(period)
	return s, nil
}

// signers returns the keys of those who signed what the histories show, unless that does not fit
// into one file.
func signers(all []*past, period *bundle.Period) (map[string]bool, error) {
	kids, size := map[string]bool{}, uint64(0)
	for _, p := range all {
		for i := range p.entries {
			e := &p.entries[i]
			if !p.shows(period, e.Index) {
				size += bundle.HiddenSize
				continue
			}
			size += bundle.OpenedSize(e.Stored)
			kids[e.kid] = true
		}
	}
	if size > bundle.MaxSize {
		return nil, fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
	}
	return kids, nil
}

// lay makes of what was gathered all of the statement but what its entries contain.
func (s *Statement) lay(period *bundle.Period) {
	g := s.g
	s.indices = g.indices()
	for _, root := range period.Roots() {
		s.indices = append(s.indices, root.Index)
	}
	own := s.history(g.pasts[0], period)
	s.IDs = []string{g.pasts[0].id}
	s.out = &bundle.Statement{
		Evidence: g.evidence(bundle.FormatStatement, statementText(g, period)),
		Subject:  own.Subject, Period: period, Entries: own.Entries, Newer: own.Newer, Linked: bundle.LinkedHistories{},
	}
	if len(g.pasts) > 1 {
		s.out.Everyone = s.history(g.pasts[1], period)
	}
	for _, p := range g.linked {
		s.IDs = append(s.IDs, p.id)
		s.out.Linked = append(s.out.Linked, bundle.LinkedHistory{ID: p.id, History: *s.history(p, period)})
	}
}

// history lays out one history. Entries inside the period are to be opened.
func (s *Statement) history(p *past, period *bundle.Period) *bundle.History {
	h := &bundle.History{
		Subject: bundle.Subject{Tag: p.tag, VRFProof: p.vrfProof, Proof: p.proof, Count: uint64(p.covered)},
		Entries: make(bundle.Entries, 0, p.covered), Newer: bundle.Entries{},
	}
	for i := range p.entries {
		e := &p.entries[i]
		switch in := p.shows(period, e.Index); {
		case in && i < p.covered:
			h.Entries = append(h.Entries, bundle.Unopened(e.Index))
			s.opened = append(s.opened, e)
		case in && s.g.unknown[e.kid]:
			continue // nothing can show yet who signed it: a later statement does
		case in:
			h.Newer = append(h.Newer, bundle.Unopened(e.Index))
			s.opened = append(s.opened, e)
		case i < p.covered:
			h.Entries = append(h.Entries, bundle.Entry{Index: e.Index, LeafHash: &e.leafHash})
		default: // outside the period that was asked for, and not covered by the proof
			continue
		}
		s.indices = append(s.indices, e.Index)
	}
	return h
}

// Close gives back the statement's memory. It may be called again.
func (s *Statement) Close() { s.memory.release() }

// Write writes the statement as JSON (see bundle.ParseStatement). It reads what the entries contain
// as it goes, so its memory does not grow with it. After an error, what was written is not a whole
// JSON value. It is called once.
func (s *Statement) Write(ctx context.Context, w io.Writer) error {
	var again []ledger.Place
	for _, e := range s.opened {
		if e.content == nil {
			again = append(again, e.Place)
		}
	}
	next, stop := iter.Pull2(read(ctx, s.f.cfg.Log, again))
	defer stop()
	everyone := wire.Hash{}
	if s.out.Everyone != nil {
		everyone = s.out.Everyone.Tag
	}
	return s.out.Write(w, bundle.Late{
		Open: func(uint64) (bundle.Entry, error) {
			o, err := s.opened[0].content, error(nil)
			s.opened = s.opened[1:]
			if o == nil {
				o, err, _ = next()
			}
			if err != nil {
				return bundle.Entry{}, err
			}
			e := bundle.NewEntry(o)
			if o.Tag == everyone {
				e.Disclosures = forEverybody(e.Disclosures)
			}
			return e, nil
		},
		Nodes: func(write func([]wire.Hash) error) error {
			return s.f.cfg.Log.MultiProof(ctx, s.indices, s.g.size, write)
		},
	})
}

// read returns the openings at these places, in order, or an error as the last.
func read(ctx context.Context, log *ledger.Log, places []ledger.Place) iter.Seq2[*bundle.Opening, error] {
	return func(yield func(*bundle.Opening, error) bool) {
		err := log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
			if !yield(h.Opening, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			yield(nil, err)
		}
	}
}

// forEverybody keeps of the disclosures of a read of everyone's data only what anyone may see: what
// the read is filed under, and the reason in words. The rest may name other people: staff, whom a
// search was for, what else the source knew. Organisation, role and purpose are open in any case.
func forEverybody(disclosures []string) []string {
	return slices.DeleteFunc(slices.Clone(disclosures), func(d string) bool {
		p, err := wire.ParseDisclosure(d)
		if err != nil || p.Name != "sub" && p.Name != "text" {
			return true
		}
		var text entry.Text
		return p.Name == "text" && (wire.DecodeJSON("text", p.Value, &text) != nil || text.Query != "" || text.Outcome != "")
	})
}
