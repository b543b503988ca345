package report

import (
	"cmp"
	"context"
	"slices"
	"time"

	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// scan reads openings and keeps what look finds.
type scan struct {
	teller
	log    *ledger.Log
	now    func() time.Time
	out    *client.Report
	period Period
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
	size, err := s.log.Size(ctx)
	if err != nil {
		return err
	}
	s.size = size
	at := after
	if at == 0 && !s.period.From.IsZero() {
		at, err = s.begin(ctx)
		if err != nil {
			return err
		}
	}
	over := false
	start, end := at, at+s.most
	for at < s.size && at < end && !over && len(s.out.Accesses)+len(s.drift) < maxReported && (at == start || !s.late()) {
		list, err := s.log.Openings(ctx, at, min(scanAtOnce, s.size-at, end-at))
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
func (s *scan) late() bool { return !s.until.IsZero() && !s.now().Before(s.until) }

// take looks at one opening and reports whether the period is over.
func (s *scan) take(ctx context.Context, o *bundle.Opening) (over bool, err error) {
	if o == nil || o.JWS == "" { // public or erased
		return false, nil
	}
	received, err := time.Parse(time.RFC3339Nano, o.Received)
	switch p := s.period; {
	case err != nil:
		return false, err
	case !p.To.IsZero() && !received.Before(p.To):
		return received.After(p.To.Add(disorder)), nil
	case received.Before(p.From):
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
	if org := s.out.Organisation; org != "" && !readers.Owns(org, s.log.Genesis().Operator.ID, e) {
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
	want := s.period.From.Add(-disorder)
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
		list, err := s.log.Openings(ctx, from, min(n, high-from))
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

func (s *scan) list(o *bundle.Opening, e *entry.Entry, x *entry.Access) {
	s.out.Accesses = append(s.out.Accesses, s.reported(o, e, x))
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
