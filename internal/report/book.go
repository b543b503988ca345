package report

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// Bounds of what a Book keeps of each organisation.
const (
	maxFindings = 20_000 // of each list; those that are oldest in the log are dropped
	maxCells    = 50_000 // counts that are kept apart
)

// Book keeps what each organisation has to look at: its accesses that were not covered, were
// emergencies, or were only tried, and counts of all. It reads each leaf once, the newest first, and
// then what is added. It keeps no name, number or text of a person, and on disk only what Kept
// keeps. It is safe for concurrent use.
type Book struct {
	log    *ledger.Log
	rules  func(context.Context) (*consent.Rules, error)
	logger *slog.Logger
	zone   *time.Location
	budget time.Duration
	kept   *Kept

	reading chan struct{}       // holds a token while nobody reads the log
	forming map[uint64]*forming // segments that were read in part; for whoever has the token

	mu        sync.Mutex // guards the fields below
	low, high uint64     // the leaves from low to below high were read
	began     bool
	since     time.Time // when the ledger took the oldest entry that was read
	orgs      map[string]*pages
	follows   map[glassKey]uint64 // position of the newest access that follows an override up
	open      map[glassKey][]*Finding
}

// pages is what a Book has of one organisation.
type pages struct {
	Lists   map[client.ReportKind][]*Finding // in no order
	dropped map[client.ReportKind]bool
	Counts  map[Cell]int
	Under   map[Under]int
}

// Finding is an access or attempt of a list.
type Finding struct {
	Index  uint64
	ID     string    // jti
	At     time.Time // when it happened, as the source states it
	Result entry.VerdictResult
	// Rules decided, as the organisation is told them, and are of this version of the policies.
	Rules    []string
	Policies uint64

	Purpose []string
	Role    []string
	Machine bool
	Action  string
	System  string // as in Cell
	Org     string // that accessed; "" if it is none of the log
	Holder  string

	// FollowedUp: a later access by the same organisation to the same record says that it follows
	// this one up.
	FollowedUp bool
}

// Month returns the month in which it happened, such as "2026-11".
func (f *Finding) Month(zone *time.Location) string { return f.At.In(zone).Format(monthForm) }

const monthForm = "2006-01"

// Cell is what accesses that are counted together have in common.
type Cell struct {
	Month   string // in which they happened, such as "2026-11"
	System  string // through which; the reporting one if no other is named
	Purpose string // the first one that was stated; "" if none was
	Result  entry.VerdictResult
}

// Under is what accesses that name one agreement have in common, when they are counted by it.
type Under struct {
	Agreement string // id, as accesses name it: it may be that of no agreement
	Month     string
	Result    entry.VerdictResult
}

// Rest is the name of systems and purposes when there are too many to be counted apart.
const Rest = "*"

// View is what an organisation has to look at.
type View struct {
	Lists    map[client.ReportKind][]Finding // newest first, by when it happened
	Dropped  map[client.ReportKind]bool      // those of which there are more than a Book keeps
	Counts   map[Cell]int
	Under    map[Under]int // accesses that name an agreement; attempts are none
	Complete bool          // all entries of the log were read
	Since    time.Time     // if not Complete: when the ledger took the oldest entry that was read
}

// NewBook returns a Book. A View waits for at most budget until the log has been read; beyond that
// reading goes on in the background. Months are those of zone. kept may be nil: then each process
// reads the whole log.
func NewBook(
	log *ledger.Log, rules func(context.Context) (*consent.Rules, error), logger *slog.Logger, zone *time.Location,
	budget time.Duration, kept *Kept,
) *Book {
	b := &Book{log: log, rules: rules, logger: logger, zone: zone, budget: budget, kept: kept, reading: make(chan struct{}, 1),
		forming: map[uint64]*forming{}, orgs: map[string]*pages{}, follows: map[glassKey]uint64{}, open: map[glassKey][]*Finding{}}
	b.reading <- struct{}{}
	return b
}

// View returns what an organisation has to look at now. The caller logs the reading.
func (b *Book) View(ctx context.Context, org string) (*View, error) {
	limited, cancel := context.WithTimeout(ctx, b.budget)
	defer cancel()
	select {
	case <-b.reading:
		done, err := b.read(limited)
		switch {
		case err != nil && limited.Err() == nil:
			b.reading <- struct{}{}
			return nil, err
		case done:
			b.reading <- struct{}{}
		default:
			go b.goOn(context.WithoutCancel(ctx))
		}
	case <-limited.Done(): // somebody else is reading
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return b.view(org), nil
}

// goOn reads the rest of the log, and then returns the token.
func (b *Book) goOn(ctx context.Context) {
	defer func() { b.reading <- struct{}{} }()
	if _, err := b.read(ctx); err != nil {
		b.logger.Warn("reading the log for officers' lists stopped, and goes on when one is opened", "error", err)
	}
}

// read reads what was added, then what is older. It reports whether everything has been read.
func (b *Book) read(ctx context.Context) (done bool, err error) {
	for {
		size, err := b.log.Size(ctx)
		if err != nil {
			return false, err
		}
		b.mu.Lock()
		if !b.began {
			b.began, b.low, b.high = true, size, size
		}
		low, high := b.low, b.high
		b.mu.Unlock()
		switch segment := b.segment(); {
		case high < size:
			err = b.chunk(ctx, high, min(scanAtOnce, size-high, segment-high%segment))
		case low > 0 && low%segment == 0 && b.recall(ctx, low/segment-1):
		case low > 0:
			n := min(scanAtOnce, (low-1)%segment+1)
			err = b.chunk(ctx, low-n, n)
		default:
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
}

// chunk reads n leaves from a position on, which are next to those that were read.
func (b *Book) chunk(ctx context.Context, from, n uint64) error {
	rules, err := b.rules(ctx)
	if err != nil {
		return err
	}
	list, err := b.log.Openings(ctx, from, n)
	if err != nil {
		return err
	}
	if uint64(len(list)) != n {
		return errors.New("the log holds fewer entries than it says")
	}
	p := newPart()
	for _, o := range list {
		if o == nil || o.JWS == "" { // public or erased
			continue
		}
		if err := b.take(p, rules, o); err != nil {
			return err
		}
	}
	b.mu.Lock()
	b.merge(p)
	if from < b.low {
		b.low = from
	} else {
		b.high = from + n
	}
	b.mu.Unlock()
	b.form(ctx, from, n, p)
	return nil
}

// take puts an entry onto the pages of the organisations whose it is.
func (b *Book) take(p *part, rules *consent.Rules, o *bundle.Opening) error {
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return err
	}
	if received, err := time.Parse(time.RFC3339Nano, o.Received); err == nil && (p.Since.IsZero() || received.Before(p.Since)) {
		p.Since = received
	}
	x, ok := e.Body.(*entry.Access)
	if !ok {
		return nil
	}
	p.follow(o, x)
	operator := b.log.Genesis().Operator.ID
	orgs := []string{x.Accessor(), x.Issuer}
	if orgs[0] == orgs[1] {
		orgs = orgs[:1]
	}
	for _, org := range orgs {
		if readers.Owns(org, operator, e) {
			t := teller{rules, Reader{org, readers.Own}}
			p.add(org, b.zone, t.told(o.Verdict, x), o, e, x)
		}
	}
	return nil
}

func (b *Book) of(org string) *pages {
	p := b.orgs[org]
	if p == nil {
		p = newPages()
		b.orgs[org] = p
	}
	return p
}

// kinds says on which list an access with a result is.
var kinds = map[entry.VerdictResult]client.ReportKind{
	entry.NotCovered:   client.Uncovered,
	entry.BreakGlass:   client.BreakGlass,
	entry.AttemptOnly:  client.Attempts,
	entry.DecisionOnly: client.Attempts,
}

// count counts accesses. When there are too many systems and purposes to be counted apart, further
// ones are counted together.
func (p *pages) count(c Cell, n int) {
	if _, known := p.Counts[c]; !known && len(p.Counts) >= maxCells {
		c.System, c.Purpose = Rest, Rest
	}
	p.Counts[c] += n
}

// countUnder is count for accesses that name an agreement.
func (p *pages) countUnder(u Under, n int) {
	if _, known := p.Under[u]; !known && len(p.Under) >= maxCells {
		u.Agreement = Rest
	}
	p.Under[u] += n
}

// list puts a finding onto a list. If the list is full, the finding that is oldest in the log goes.
func (p *pages) list(kind client.ReportKind, f *Finding, low uint64) {
	if len(p.Lists[kind]) >= maxFindings {
		p.dropped[kind] = true
		if f.Index < low {
			return
		}
		i := oldest(p.Lists[kind])
		p.Lists[kind] = slices.Delete(p.Lists[kind], i, i+1)
	}
	p.Lists[kind] = append(p.Lists[kind], f)
}

// oldest returns where in a list the finding is that is oldest in the log.
func oldest(list []*Finding) (at int) {
	for i, f := range list {
		if f.Index < list[at].Index {
			at = i
		}
	}
	return at
}

// resultOf returns what an access counts as, "" if it has no verdict.
func resultOf(v *entry.Verdict, x *entry.Access) entry.VerdictResult {
	switch x.Act() {
	case entry.ActAttempt:
		return entry.AttemptOnly
	case entry.ActDecision:
		return entry.DecisionOnly
	}
	if v == nil {
		return ""
	}
	return v.Result
}

// view returns a copy of what the Book has of an organisation.
func (b *Book) view(org string) *View {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.orgs[org]
	if p == nil {
		p = &pages{}
	}
	v := &View{Lists: map[client.ReportKind][]Finding{}, Dropped: maps.Clone(p.dropped), Counts: maps.Clone(p.Counts),
		Under:    maps.Clone(p.Under),
		Complete: b.began && b.low == 0, Since: b.since}
	for kind, list := range p.Lists {
		out := make([]Finding, len(list))
		for i, f := range list {
			out[i] = *f
		}
		slices.SortFunc(out, func(x, y Finding) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(y.Index, x.Index)) })
		v.Lists[kind] = out
	}
	return v
}
