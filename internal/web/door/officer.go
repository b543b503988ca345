package door

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/internal/web/shelf"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// ErrNotFound says that the reader's organisation has no access at a position, whatever else there
// is.
var ErrNotFound = errors.New("the organisation has no access there")

// Work returns what an officer's organisation has to look at. It is a report: the reading is logged
// as that of the API's reports is, once a day and organisation, before Work returns.
func (d *Door) Work(ctx context.Context, r Reader) (*report.View, error) {
	if r.Person {
		return nil, readers.NoReader
	}
	reading, err := d.official(ctx, r, readers.Report)
	if err != nil {
		return nil, err
	}
	view, err := d.book.View(ctx, r.Org)
	if err != nil {
		return nil, err
	}
	reading.Staff = nil // one entry a day is not of one of those who read
	if err := d.bulk.Log(ctx, d.log, d.cfg.Now(), reading); err != nil {
		d.cfg.Logger.Error("a reading could not be logged and was refused", "error", err)
		return nil, errors.Join(ErrUnlogged, err)
	}
	return view, nil
}

// MayNote returns why a reader may not see what their organisation noted about accesses, or nil.
func (d *Door) MayNote(ctx context.Context, r Reader) error {
	if r.Person {
		return readers.NoReader
	}
	_, err := d.official(ctx, r, readers.Note)
	return err
}

// keptBook keeps on the shelf what the Book has read, by the zone of its months. Without a shelf
// each process reads the log.
func (d *Door) keptBook() *report.Kept {
	const name, form = "book", "1"
	s := d.cfg.Shelf
	if s == nil {
		return nil
	}
	key := func(segment uint64) string {
		return s.Blind(name, form, d.log.Origin(), d.cfg.Zone.String()) + fmt.Sprintf("/%09d", segment)
	}
	return &report.Kept{
		Get: func(ctx context.Context, segment uint64) []byte {
			data, err := s.Get(ctx, name, key(segment))
			if err != nil && !errors.Is(err, shelf.ErrNotFound) {
				d.cfg.Logger.Warn("what is kept for officers' lists cannot be read", "error", err)
			}
			return data
		},
		Put: func(ctx context.Context, segment uint64, data []byte) {
			if err := s.Put(ctx, name, key(segment), data, d.cfg.Now().Add(keptFor)); err != nil {
				d.cfg.Logger.Warn("what the log has for officers' lists is not kept", "error", err)
			}
		},
	}
}

// Zone is where months begin and end.
func (d *Door) Zone() *time.Location { return d.cfg.Zone }

// Opened is one access with all that its organisation may see of it.
type Opened struct {
	client.ReportedAccess
	Access *entry.Access
}

// Open returns one access of the reader's organisation, by its position. The reading is an entry in
// the history of the person, once a session, before Open returns.
func (d *Door) Open(ctx context.Context, r Reader, index uint64) (*Opened, error) {
	if r.Person {
		return nil, readers.NoReader
	}
	reading, err := d.official(ctx, r, readers.Opening)
	if err != nil {
		return nil, err
	}
	o, err := d.log.Opening(ctx, index)
	switch {
	case errors.Is(err, ledger.ErrNotFound), errors.Is(err, ledger.ErrErased):
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, err
	}
	x, ok := e.Body.(*entry.Access)
	if !ok || entry.IsRegister(e.ShownSub()) || e.ShownSub() == "" || !readers.Owns(r.Org, d.Operator(), e) {
		return nil, ErrNotFound
	}
	rules, err := d.Rules(ctx)
	if err != nil {
		return nil, err
	}
	if r.Session != "" {
		reading.ID = once(d.log.Origin(), r.Session, e.ShownSub(), strconv.FormatUint(index, 10), r.Purpose...)
	}
	if err := d.logReading(ctx, reading, e.ShownSub()); err != nil {
		return nil, err
	}
	return &Opened{report.Reported(rules, report.Reader{Org: r.Org, Extent: readers.Own}, o, e, x), x}, nil
}
