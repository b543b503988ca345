package door

import (
	"context"
	"fmt"
	"slices"
	"time"

	"igledger/audit/plain"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// History is what a reader may see of a person's history, as of one moment.
type History struct {
	Items []*Item // newest first, by when it happened
	Whole bool    // Items are all; if not, only what the reader's organisation owns
	Size  uint64  // of the log: entries below are here
	// IDs are the person's id and those linked with it, whose entries are here. They never go into a
	// URL, a log or a page other than the person's own list of numbers.
	IDs []string
	// Under are the delegations under which a delegate reads these, in the order of IDs.
	Under []string
	// Closed counts other numbers of the person whose entries are not here, because the delegate has
	// no authority that is recorded under them.
	Closed int
}

// Item is an entry of a history. Items are shared: do not change them.
type Item struct {
	Index    uint64
	ID       int       // the place in History.IDs of the id that it is filed under; Everyone if under none
	When     time.Time // it happened, as the signer claims
	Recorded time.Time // the source noted it, as it claims
	Received time.Time // the ledger received it

	Type   entry.Type
	Act    entry.Act // of an access or a decision
	Issuer string    // organisation that reported it
	Org    string    // id of the organisation that did it; "" if it is none of the log
	Name   string    // of that organisation, or words for one that the log does not know
	Staff  string    // by what the user is recognised; "" if none is named
	Reader By        // of a reading of the ledger: who read
	// Delegation is the id of the delegation under which someone acted for the person.
	Delegation string
	Agreement  string // id that the entry names
	Denied     bool   // of a decision: no
	Purpose    []string
	Action     string
	Flags      []entry.Flag
	Verdict    *entry.Verdict // nil of what is no access or decision
	Words      plain.Summary  // in English
	Body       entry.Body     // of what is neither an access nor a decision; of those see Door.Entry

	owners []string // see readers.Owners
}

// Erased is Item.Type of an entry whose content was erased: no type of the log. Of it only the
// place in the log and the history is left, and about when it was received.
const Erased entry.Type = "erased"

// Everyone is Item.ID of an entry about everyone's data.
const Everyone = -1

// By is who made a reading of the ledger.
type By int

// The readers.
const (
	NoReading  By = iota
	ByPerson      // the person signed in
	ByDelegate    // someone who acts for the person signed in
	ByOthers      // an organisation
)

// Mine reports whether the person, or who acts for them, did this.
func (i *Item) Mine() bool { return i.Reader == ByPerson || i.Reader == ByDelegate }

// Access reports whether the record was used: not merely tried, asked about or governed.
func (i *Item) Access() bool { return i.Type == entry.TypeAccess && i.Act == entry.ActAccess }

// History returns the history of id as r may see it. The reading is in the log before it returns,
// once for each session.
func (d *Door) History(ctx context.Context, r Reader, id string) (*History, error) {
	reading, err := d.readingOf(ctx, r, id)
	if err != nil {
		return nil, err
	}
	if err := d.logReading(ctx, reading, id); err != nil {
		return nil, err
	}
	ids := []string{id}
	var under []string
	closed := 0
	if reading.Delegation != "" {
		under = []string{reading.Delegation}
	}
	if reading.Extent == readers.Whole {
		linked, err := d.linkedWith(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, other := range linked {
			again := reading
			if reading.Delegation != "" {
				if again.Delegation, err = d.delegationFor(ctx, r.ID, other); err != nil {
					return nil, err
				}
				if again.Delegation == "" {
					closed++
					continue
				}
				under = append(under, again.Delegation)
			}
			if r.Session != "" {
				again.ID = once(d.log.Origin(), r.Session, other, id+again.Delegation)
			}
			if err := d.logReading(ctx, again, other); err != nil {
				return nil, err
			}
			ids = append(ids, other)
		}
	}
	h, err := d.whole(ctx, ids)
	if err != nil {
		return nil, err
	}
	h.Under, h.Closed = under, closed
	if reading.Extent == readers.Whole {
		return h, nil
	}
	return d.own(ctx, h, r.Org)
}

// own returns what is an organisation's own of a history, with blind verdicts.
func (d *Door) own(ctx context.Context, h *History, org string) (*History, error) {
	rules, err := d.Rules(ctx)
	if err != nil {
		return nil, err
	}
	out := &History{Size: h.Size, IDs: h.IDs}
	for _, i := range h.Items {
		if i.ID == Everyone || !slices.Contains(i.owners, org) {
			continue
		}
		c := *i
		c.Verdict = rules.Blind(i.Verdict)
		out.Items = append(out.Items, &c)
	}
	return out, nil
}

// Entry returns the whole of an entry of a history, with the opening that proves it.
func (d *Door) Entry(ctx context.Context, i *Item) (*entry.Entry, *bundle.Opening, error) {
	o, err := d.log.Opening(ctx, i.Index)
	if err != nil {
		return nil, nil, err
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, nil, fmt.Errorf("entry %d as stored: %w", i.Index, err)
	}
	return e, o, nil
}

// At returns the item at a position of the log, or nil if the history has none there.
func (h *History) At(index uint64) *Item {
	for _, i := range h.Items {
		if i.Index == index {
			return i
		}
	}
	return nil
}
