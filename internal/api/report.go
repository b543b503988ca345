package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

// Reports tell information governance officers what they have to act on, but not whose record it
// was. A report reads openings in the order of the log, a page at a time.

const (
	maxLeaves   = 20_000 // leaves that one page looks at
	maxReported = 1_000  // accesses or findings on one page, approximately
	scanAtOnce  = 64     // leaves in memory: one may have more than a megabyte

	// disorder is how far the times at which the ledger took entries may be out of the order of the
	// log, because replicas have their own clocks and queues.
	disorder = 10 * time.Minute
)

// report is POST /v1/reports.
func (a *api) report(w http.ResponseWriter, r *request) error {
	var body client.ReportRequest
	if err := a.decode(r, maxBody, "report request", &body); err != nil {
		return err
	}
	period, err := periodOf(body)
	if err != nil {
		return err
	}
	asked, err := askedOf(body.Purpose, "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Report, asked)
	if err != nil {
		return err
	}
	if rd.extent == readers.Own {
		body.Organisation = cmp.Or(body.Organisation, r.caller.Issuer)
		if body.Organisation != r.caller.Issuer {
			return &refusal{code: forbidden, detail: "only auditors may read reports on other organisations"}
		}
	}
	now := a.now().UTC()
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	out := &client.Report{Kind: body.Kind, Organisation: body.Organisation, At: now.Format(time.RFC3339)}
	if body.Kind == client.Due {
		out.Due = dueAgreements(rules, body.Organisation, now, cmp.Or(body.Within, defaultWithin))
		return answer(w, out)
	}
	if !a.reports.TryAcquire(1) {
		return &refusal{code: busy, detail: "too many reports at once"}
	}
	defer a.reports.Release(1)
	s := scan{
		a: a, rules: rules, reader: rd.caller.Issuer, extent: rd.extent, out: out, period: period, look: looks[body.Kind], most: maxLeaves,
		until: now.Add(a.limits.ReportTime),
		drift: map[client.DriftFinding]*client.DriftFinding{},
	}
	if err := s.run(r.Context(), body.After); err != nil {
		return err
	}
	if err := a.logBulkRead(r.Context(), rd); err != nil {
		return err
	}
	return answer(w, out)
}

// reportPeriod limits a report to entries that the ledger took at or after from, and before to. A
// zero time is no limit.
type reportPeriod struct{ from, to time.Time }

// periodOf checks a request for a report and returns its period.
func periodOf(b client.ReportRequest) (reportPeriod, error) {
	bad := func(detail string) (reportPeriod, error) {
		return reportPeriod{}, &refusal{code: badRequest, detail: detail}
	}
	if b.Kind != client.Due && looks[b.Kind] == nil {
		return bad("kind must be uncovered, attempts, break-glass, due or drift")
	}
	if b.Within < 0 || b.Within > maxWithin {
		return bad("within must be from 0 to " + strconv.Itoa(maxWithin) + " days")
	}
	if b.Organisation != "" && wire.CheckOrgID(b.Organisation) != nil {
		return bad("organisation must be an organisation id")
	}
	from, err := timeOf("from", b.From)
	if err != nil {
		return reportPeriod{}, err
	}
	to, err := timeOf("to", b.To)
	if err != nil {
		return reportPeriod{}, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return bad("from must be before to")
	}
	return reportPeriod{from, to}, nil
}

// timeOf returns the time that a member of a request holds, or the zero time if the member is
// absent.
func timeOf(member, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := entry.ParseTime(text)
	if err != nil {
		detail := member + " must be an RFC 3339 time with a zone, for example 2026-11-01T00:00:00Z"
		return time.Time{}, &refusal{code: badRequest, detail: detail}
	}
	return t, nil
}

func dueAgreements(rules *consent.Rules, party string, now time.Time, within int) []client.DueAgreement {
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

// scan reads openings and keeps what look finds.
type scan struct {
	a      *api
	rules  *consent.Rules
	reader string // organisation
	extent readers.Extent
	out    *client.Report
	period reportPeriod
	look   look
	most   uint64    // leaves to look at
	until  time.Time // no further leaves and persons are looked at after this time
	size   uint64
	drift  map[client.DriftFinding]*client.DriftFinding // by the finding without its count and positions
	glass  []glass                                      // those of out.Accesses, while it is not known if they were followed up

	persons, read int // persons whose records were read to find follow-ups, and entries of them
}

// look judges one access of the period and organisation.
type look func(ctx context.Context, s *scan, o *bundle.Opening, e *entry.Entry, x *entry.Access) error

var looks = map[client.ReportKind]look{
	client.Uncovered:  lookUncovered,
	client.Attempts:   lookAtNone,
	client.BreakGlass: lookBreakGlass,
	client.Drift:      lookDrift,
}

// run looks at one page, which starts at position after, or at the beginning of the period if after
// is 0.
func (s *scan) run(ctx context.Context, after uint64) error {
	size, err := s.a.log.Size(ctx)
	if err != nil {
		return err
	}
	s.size = size
	at := after
	if at == 0 && !s.period.from.IsZero() {
		at, err = s.begin(ctx)
		if err != nil {
			return err
		}
	}
	over := false
	start, end := at, at+s.most
	for at < s.size && at < end && !over && len(s.out.Accesses)+len(s.drift) < maxReported && (at == start || !s.late()) {
		list, err := s.a.log.Openings(ctx, at, min(scanAtOnce, s.size-at, end-at))
		if err != nil {
			return err
		}
		for _, o := range list {
			over, err = s.take(ctx, o)
			if err != nil {
				return err
			}
			if over {
				break
			}
		}
		at += uint64(len(list))
	}
	if at < s.size && !over {
		s.out.Next = at
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	for _, d := range s.drift {
		s.out.Drift = append(s.out.Drift, *d)
	}
	slices.SortFunc(s.out.Drift, func(a, b client.DriftFinding) int {
		return cmp.Or(
			cmp.Compare(a.Agreement, b.Agreement),
			cmp.Compare(a.First, b.First),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Code, b.Code),
		)
	})
	return nil
}

// late reports whether the time for a page is over.
func (s *scan) late() bool { return !s.until.IsZero() && !s.a.now().Before(s.until) }

// take looks at one opening and reports whether the period is over.
func (s *scan) take(ctx context.Context, o *bundle.Opening) (over bool, err error) {
	if o == nil || o.JWS == "" { // public or erased
		return false, nil
	}
	received, err := time.Parse(time.RFC3339Nano, o.Received)
	switch p := s.period; {
	case err != nil:
		return false, err
	case !p.to.IsZero() && !received.Before(p.to):
		return received.After(p.to.Add(disorder)), nil
	case received.Before(p.from):
		return false, nil
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return false, err
	}
	x, ok := e.Body.(*entry.Access)
	if !ok {
		return false, nil
	}
	if org := s.out.Organisation; org != "" && !readers.Owns(org, s.a.log.Genesis().Operator.ID, e) {
		return false, nil
	}
	if x.Act() != entry.ActAccess {
		s.out.Attempts++
		if s.out.Kind == client.Attempts {
			s.list(o, e, x)
		}
		return false, nil
	}
	s.out.Seen++
	return false, s.look(ctx, s, o, e, x)
}

// begin returns a position at or before the first entry of the period. It searches by halving,
// since the ledger takes entries in the order of the log, except for disorder.
func (s *scan) begin(ctx context.Context) (uint64, error) {
	want := s.period.from.Add(-disorder)
	low, high := uint64(0), s.size
	for low < high {
		middle := low + (high-low)/2
		at, received, err := s.firstSealed(ctx, middle, high)
		if err != nil {
			return 0, err
		}
		if at < high && received.Before(want) {
			low = at + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// firstSealed returns the position of the first sealed entry at or after from, and when the ledger
// took it. If there is none below high, it returns high.
func (s *scan) firstSealed(ctx context.Context, from, high uint64) (at uint64, received time.Time, err error) {
	for n := uint64(8); from < high; n = min(2*n, scanAtOnce) {
		list, err := s.a.log.Openings(ctx, from, min(n, high-from))
		if err != nil {
			return 0, received, err
		}
		for _, o := range list {
			if o == nil || o.JWS == "" {
				continue
			}
			received, err = time.Parse(time.RFC3339Nano, o.Received)
			return o.Index, received, err
		}
		from += uint64(len(list))
	}
	return high, received, nil
}

// lookAtNone lists no access: take has listed the attempts.
func lookAtNone(context.Context, *scan, *bundle.Opening, *entry.Entry, *entry.Access) error {
	return nil
}

func lookUncovered(_ context.Context, s *scan, o *bundle.Opening, e *entry.Entry, x *entry.Access) error {
	if o.Verdict != nil && o.Verdict.Result == entry.NotCovered {
		s.list(o, e, x)
	}
	return nil
}

// told returns a verdict as the reader is told it. A report names no person, and the id of a
// consent would be one's pseudonym.
func (s *scan) told(v *entry.Verdict, x *entry.Access) *entry.Verdict {
	if v == nil || !readers.ToldChoice(readers.Report, s.extent, s.reader, x.Issuer) {
		return s.rules.Blind(v)
	}
	c := *v
	c.Consent = ""
	return &c
}

func (s *scan) list(o *bundle.Opening, e *entry.Entry, x *entry.Access) {
	s.out.Accesses = append(s.out.Accesses, client.ReportedAccess{
		Index: o.Index, ID: e.ID, Received: o.Received, At: cmp.Or(x.Occurred, x.Recorded),
		Organisation: x.Accessor(), Foreign: x.Foreign, Recipient: x.Recipient, Holder: x.Issuer, Source: x.Source, System: x.System,
		Act: x.Act(), Action: x.Action, Outcome: x.Outcome, Data: x.Data, Purpose: x.Purpose, Role: x.Role, Machine: x.Machine,
		Verdict: *cmp.Or(inWords(s.rules, s.told(o.Verdict, x)), &client.PlainVerdict{}),
	})
}

// lookDrift compares an access with the version of the agreement that its verdict names. An
// emergency overrides agreements, so it is not drift.
func lookDrift(_ context.Context, s *scan, o *bundle.Opening, _ *entry.Entry, x *entry.Access) error {
	if o.Verdict == nil || o.Verdict.Version == 0 || x.Emergency {
		return nil
	}
	g := s.rules.Agreements().Get(o.Verdict.Agreement)
	if g == nil || o.Verdict.Version > uint64(len(g.Versions)) {
		return nil // the verdict was tampered with, which igledger rebuild reports
	}
	for _, d := range s.rules.Departures(g.Versions[o.Verdict.Version-1].Text, x) {
		key := client.DriftFinding{
			Agreement: g.ID, Version: o.Verdict.Version, Organisation: x.Accessor(), Field: d.Field, Code: d.Code,
		}
		f := s.drift[key]
		if f == nil {
			found := key
			found.First = o.Index
			f = &found
			s.drift[key] = f
		}
		f.Count++
		f.Last = o.Index
	}
	return nil
}
