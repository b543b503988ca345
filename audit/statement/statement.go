package statement

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Window chooses which part of a history is opened. The rest is hidden, but still counted and
// proved. It is either positions in the log, From <= index < To (To 0: no bound), or times at which
// the ledger took the entries, Since <= time < Until (zero: no bound). Times become the positions
// that hold exactly these entries of the subject. The zero Window is everything.
type Window struct {
	From, To     uint64
	Since, Until time.Time
}

// Statement makes the statement of an id (see entry.CheckID). It lists every entry of the id below
// its checkpoint, with the proof that none is missing below the newest settled index root, or that
// there is none at all.
//
// It lists the same for reads of everyone's data, unless id is entry.RegEveryone, and for each id
// that a link below that root says is the same person's. The links of those ids are not followed.
//
// It returns ErrNotReady, ErrDiffers or ErrErased. If all these ids together have more than
// ledger.MaxHistory entries, or there are more than entry.MaxLinked ids, it returns
// ledger.ErrTooMany.
func (f *Follower) Statement(ctx context.Context, id string, w Window) (*bundle.Statement, error) {
	ids := []string{id}
	if id != entry.RegEveryone {
		ids = append(ids, entry.RegEveryone)
	}
	var period *bundle.Period
	g, err := f.gather(ctx, ids, true, func(all []*past, size uint64) (shown []ledger.HistoryEntry, err error) {
		period = w.period(merged(all[0], all[len(ids):]), size)
		for _, p := range all {
			for _, e := range p.entries {
				if p.shows(period, e.Index) {
					shown = append(shown, e)
				}
			}
		}
		return shown, nil
	})
	if err != nil {
		return nil, err
	}
	own := g.pasts[0].history(period)
	s := &bundle.Statement{
		Evidence: g.evidence(bundle.FormatStatement, statementText(g, period)),
		Subject:  own.Subject, Period: period, Entries: own.Entries, Newer: own.Newer, Linked: bundle.LinkedHistories{},
	}
	for _, p := range g.linked {
		s.Linked = append(s.Linked, bundle.LinkedHistory{ID: p.id, History: *p.history(period)})
	}
	if len(g.pasts) > 1 {
		s.Everyone = g.pasts[1].history(period)
		for _, list := range []bundle.Entries{s.Everyone.Entries, s.Everyone.Newer} {
			for i := range list {
				list[i].Disclosures = forEverybody(list[i].Disclosures)
			}
		}
	}
	indices := g.indices()
	for _, h := range s.Histories() {
		for _, list := range []bundle.Entries{h.Entries, h.Newer} {
			for _, e := range list {
				indices = append(indices, e.Index)
			}
		}
	}
	s.Nodes, err = f.cfg.Log.MultiProof(ctx, indices, g.size)
	return s, err
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

// Extract makes an extract of chosen entries of an id. It proves that each is in the log, and says
// nothing about other entries. If one is not the id's, it returns ErrNotFound.
func (f *Follower) Extract(ctx context.Context, id string, indices []uint64) (*bundle.Extract, error) {
	var shown []ledger.HistoryEntry
	g, err := f.gather(ctx, []string{id}, false, func(pasts []*past, _ uint64) ([]ledger.HistoryEntry, error) {
		all := pasts[0].entries
		shown = nil
		for _, at := range slices.Compact(slices.Sorted(slices.Values(indices))) {
			i, ok := slices.BinarySearchFunc(all, at, func(e ledger.HistoryEntry, at uint64) int {
				return cmp.Compare(e.Index, at)
			})
			if !ok {
				return nil, fmt.Errorf("making an extract: entry %d is not one of this subject's: %w", at, ErrNotFound)
			}
			shown = append(shown, all[i])
		}
		return shown, nil
	})
	if err != nil {
		return nil, err
	}
	x := &bundle.Extract{
		Evidence: g.evidence(bundle.FormatExtract, extractText(g)),
		Entries:  make(bundle.ExtractEntries, len(shown)),
	}
	places := g.indices()
	for i, e := range shown {
		x.Entries[i] = bundle.NewExtractEntry(e.Opening)
		places = append(places, e.Index)
	}
	x.Nodes, err = f.cfg.Log.MultiProof(ctx, places, g.size)
	return x, err
}

func inside(p *bundle.Period, index uint64) bool { return p == nil || p.From <= index && index < p.To }

// period returns the positions that w means in a log of this size, nil for everything.
func (w Window) period(all []ledger.HistoryEntry, size uint64) *bundle.Period {
	if w == (Window{}) {
		return nil
	}
	if w.Since.IsZero() && w.Until.IsZero() {
		if w.To == 0 {
			w.To = max(size, w.From+1)
		}
		return &bundle.Period{From: w.From, To: w.To}
	}
	// The largest range that holds exactly these of the subject's entries: positions between two of
	// them say nothing about this person.
	taken := func(e ledger.HistoryEntry) time.Time {
		t, _ := entry.ParseTime(e.Received) // as this ledger wrote it
		return t
	}
	first, last := len(all), -1
	for i, e := range all {
		if t := taken(e); !t.Before(w.Since) && (w.Until.IsZero() || t.Before(w.Until)) {
			first, last = min(first, i), i
		}
	}
	if last < 0 { // there are none: take the gap where they would be
		for first = 0; first < len(all) && taken(all[first]).Before(w.Since); first++ {
		}
		last = first - 1
	}
	p := &bundle.Period{From: 0, To: size}
	if first > 0 {
		p.From = all[first-1].Index + 1
	}
	if last+1 < len(all) {
		p.To = all[last+1].Index
	}
	if p.From >= p.To { // no position between them
		return &bundle.Period{From: size, To: size + 1}
	}
	return p
}
