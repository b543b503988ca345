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

// Window chooses what of a history is opened; the rest is hidden but counted and proved all the same. Either positions in the log, From <= index < To
// (To 0: no bound), or times at which the ledger took the entries, Since <= time < Until (zero: no bound), which become the positions that hold
// exactly these entries of the subject. The zero Window is everything.
type Window struct {
	From, To     uint64
	Since, Until time.Time
}

// Statement makes the statement of an id (see entry.CheckID): every entry of it below the checkpoint it stands under, and the proof that below the newest settled
// index root none is missing, or that there is none at all; the same of reads of everybody's data, unless these are what is asked for; and the same of each id that a link
// below that root holds to be the same person's, whose links are not followed further. ErrNotReady, ErrDiffers; ledger.ErrTooMany above ledger.MaxHistory entries of all these ids together or
// entry.MaxLinked ids; ErrErased.
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

// forEverybody leaves of the disclosures of a read of everybody's data what its statements may show to everybody: what it is filed under, and the reason in words. The
// rest may name others: staff, who was searched for, what the source knew besides. Organisation, role and purpose are open in any case.
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

// Extract makes an extract of chosen entries of an id: that each is in the log, and nothing about what else there is. ErrNotFound if one is not the id's.
func (f *Follower) Extract(ctx context.Context, id string, indices []uint64) (*bundle.Extract, error) {
	var shown []ledger.HistoryEntry
	g, err := f.gather(ctx, []string{id}, false, func(pasts []*past, _ uint64) ([]ledger.HistoryEntry, error) {
		all := pasts[0].entries
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
	x := &bundle.Extract{Evidence: g.evidence(bundle.FormatExtract, extractText(g)), Entries: make(bundle.ExtractEntries, len(shown))}
	places := g.indices()
	for i, e := range shown {
		x.Entries[i] = bundle.NewExtractEntry(e.Opening)
		places = append(places, e.Index)
	}
	x.Nodes, err = f.cfg.Log.MultiProof(ctx, places, g.size)
	return x, err
}

func inside(p *bundle.Period, index uint64) bool { return p == nil || p.From <= index && index < p.To }

// period gives the positions that w stands for in the log of this size; nil for everything.
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
	// The largest range that holds of the subject's entries just these: what lies between two of them is no matter of this person.
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
	if last < 0 { // none: the gap where they would be
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
