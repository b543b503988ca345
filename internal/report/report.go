// Package report makes the reports that information governance officers act on, for the API and for
// pages. A report says which accesses were not covered, were overridden, or were tried, but not
// whose record it was. What names nobody else's choices is in policies/readers.
//
// Maker reads a page of the log in its order, for callers who want a period. Book follows the log
// and keeps what each organisation has to look at, for pages that are opened again and again.
//
// Neither logs the reading: whoever shows a report calls readings.Bulk first.
package report

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

const (
	maxLeaves   = 20_000 // leaves that one page looks at
	maxReported = 1_000  // accesses or findings on one page, approximately
	scanAtOnce  = 64     // leaves in memory: one may have more than a megabyte

	// disorder is how far the times at which the ledger took entries may be out of the order of the
	// log, because replicas have their own clocks and queues.
	disorder = 10 * time.Minute

	defaultWithin = 90 // days
)

// MaxWithin is the most days from now for which anyone may ask what is due.
const MaxWithin = 3660

// ErrBusy means that as many reports as may be made at once are being made.
var ErrBusy = errors.New("too many reports at once")

// Invalid says what is wrong with what a report was asked for.
type Invalid string

func (i Invalid) Error() string { return string(i) }

// Reader is who a report is made for, as readers.Table permits it.
type Reader struct {
	Org    string // organisation
	Extent readers.Extent
}

// Maker makes reports on one log. It is safe for concurrent use.
type Maker struct {
	log      *ledger.Log
	now      func() time.Time
	pageTime time.Duration
	atOnce   *semaphore.Weighted
}

// New returns a Maker that makes at most atOnce reports at the same time. A page of a report ends
// after pageTime, with the position at which the next begins.
func New(log *ledger.Log, now func() time.Time, atOnce int, pageTime time.Duration) *Maker {
	return &Maker{log: log, now: now, pageTime: pageTime, atOnce: semaphore.NewWeighted(int64(atOnce))}
}

// Make returns the page of a report that q asks for. Errors are Invalid, ErrBusy, or those of the
// log.
func (m *Maker) Make(ctx context.Context, rules *consent.Rules, reader Reader, q *client.ReportRequest) (*client.Report, error) {
	period, err := Check(q)
	if err != nil {
		return nil, err
	}
	now := m.now().UTC()
	out := &client.Report{Kind: q.Kind, Organisation: q.Organisation, At: now.Format(time.RFC3339)}
	if q.Kind == client.Due {
		out.Due = DueAgreements(rules, q.Organisation, now, cmp.Or(q.Within, defaultWithin))
		return out, nil
	}
	if !m.atOnce.TryAcquire(1) {
		return nil, ErrBusy
	}
	defer m.atOnce.Release(1)
	s := scan{
		log: m.log, now: m.now, teller: teller{rules, reader}, out: out, period: period, look: looks[q.Kind], most: maxLeaves,
		until: now.Add(m.pageTime),
		drift: map[client.DriftFinding]*client.DriftFinding{},
	}
	if err := s.run(ctx, q.After); err != nil {
		return nil, err
	}
	return out, nil
}

// Period limits a report to entries that the ledger took at or after From, and before To. A zero
// time is no limit.
type Period struct{ From, To time.Time }

// Check checks the form of what is asked for and returns its period. Errors are Invalid.
func Check(q *client.ReportRequest) (Period, error) {
	bad := func(detail string) (Period, error) { return Period{}, Invalid(detail) }
	if q.Kind != client.Due && looks[q.Kind] == nil {
		return bad("kind must be uncovered, attempts, break-glass, due or drift")
	}
	if q.Within < 0 || q.Within > MaxWithin {
		return bad("within must be from 0 to " + strconv.Itoa(MaxWithin) + " days")
	}
	if q.Organisation != "" && wire.CheckOrgID(q.Organisation) != nil {
		return bad("organisation must be an organisation id")
	}
	from, err := timeOf("from", q.From)
	if err != nil {
		return Period{}, err
	}
	to, err := timeOf("to", q.To)
	if err != nil {
		return Period{}, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return bad("from must be before to")
	}
	return Period{from, to}, nil
}

// timeOf returns the time that a member of a request holds, or the zero time if the member is
// absent.
func timeOf(member, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := entry.ParseTime(text)
	if err != nil {
		return time.Time{}, Invalid(member + " must be an RFC 3339 time with a zone, for example 2026-11-01T00:00:00Z")
	}
	return t, nil
}

// DueAgreements returns the agreements of a party (empty: of all) that must be reviewed or end
// within so many days, the most urgent first.
func DueAgreements(rules *consent.Rules, party string, now time.Time, within int) []client.DueAgreement {
	var out []client.DueAgreement
	for _, d := range rules.Agreements().Due(now, now.AddDate(0, 0, within)) {
		t := d.Version.Text
		if party != "" && !slices.Contains(t.Organisations(), party) {
			continue
		}
		out = append(out, client.DueAgreement{
			ID: t.ID, Title: t.Title, Version: t.Version, State: string(d.State), Parties: t.Organisations(),
			ReviewDue: t.ReviewDue, End: t.End, Overdue: !now.Before(d.Review),
		})
	}
	return out
}

// teller tells one reader of accesses.
type teller struct {
	rules  *consent.Rules
	reader Reader
}

// told returns a verdict as the reader is told it. A report names no person, and the id of a
// consent would be one's pseudonym.
func (t teller) told(v *entry.Verdict, x *entry.Access) *entry.Verdict {
	if v == nil || !readers.ToldChoice(readers.Report, t.reader.Extent, t.reader.Org, x.Issuer) {
		return t.rules.Blind(v)
	}
	c := *v
	c.Consent = ""
	return &c
}

// Reported returns an access as a reader of reports is told of it.
func Reported(rules *consent.Rules, reader Reader, o *bundle.Opening, e *entry.Entry, x *entry.Access) client.ReportedAccess {
	return teller{rules, reader}.reported(o, e, x)
}

// inEnglish has the words of reports. The API answers in English.
var inEnglish = plain.In(plain.English)

// reported returns an access as the reader is told of it.
func (t teller) reported(o *bundle.Opening, e *entry.Entry, x *entry.Access) client.ReportedAccess {
	out := client.ReportedAccess{
		Index: o.Index, ID: e.ID, Received: o.Received, At: cmp.Or(x.Occurred, x.Recorded),
		Organisation: x.Accessor(), Foreign: x.Foreign, Recipient: x.Recipient, Holder: x.Issuer, Source: x.Source, System: x.System,
		Act: x.Act(), Action: x.Action, Outcome: x.Outcome, Data: x.Data, Purpose: x.Purpose, Role: x.Role, Machine: x.Machine,
	}
	if v := t.told(o.Verdict, x); v != nil {
		out.Verdict = client.PlainVerdict{Verdict: *v, Plain: inEnglish.VerdictWithReasons(v, t.rules.Reasons(v))}
	}
	return out
}
