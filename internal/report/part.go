package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"time"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// What a Book reads of some leaves never changes: the log only grows, and a verdict is never
// changed. So what whole segments of the log have is kept, and a start reads that instead of the
// leaves. A segment that is not kept, or cannot be read, is read from the log.

// segmentLeaves is how many leaves a segment has.
const segmentLeaves = 8192

// Kept keeps the segments of a log, by number. It must keep them encrypted: they have pseudonyms of
// persons. Change the name under which it keeps them when part changes.
type Kept struct {
	Get func(ctx context.Context, segment uint64) []byte // nil: not kept
	Put func(ctx context.Context, segment uint64, data []byte)

	leaves uint64 // of a segment, if not segmentLeaves
}

func (b *Book) segment() uint64 {
	if b.kept == nil {
		return segmentLeaves
	}
	return cmp.Or(b.kept.leaves, segmentLeaves)
}

// part is what some leaves have.
type part struct {
	Since   time.Time
	Orgs    map[string]*pages
	Follows map[glassKey]uint64
	Glass   map[uint64]wire.Hash // whose record each break-glass finding was about, by position
}

// glassKey says which override an access follows up.
type glassKey struct {
	Tag wire.Hash
	Org string
	JTI string
}

// forming is a segment that was read in part.
type forming struct {
	*part
	leaves uint64
}

func newPart() *part {
	return &part{Orgs: map[string]*pages{}, Follows: map[glassKey]uint64{}, Glass: map[uint64]wire.Hash{}}
}

func newPages() *pages {
	return &pages{Lists: map[client.ReportKind][]*Finding{}, dropped: map[client.ReportKind]bool{}, Counts: map[Cell]int{},
		Under: map[Under]int{}}
}

// follow notes which overrides an access follows up.
func (p *part) follow(o *bundle.Opening, x *entry.Access) {
	if x.Text == nil {
		return
	}
	for _, jti := range append(followedUp(x.Text.Why), followedUp(x.Text.Justification)...) {
		key := glassKey{o.Tag, x.Accessor(), jti}
		p.Follows[key] = max(p.Follows[key], o.Index)
	}
}

func (p *part) of(org string) *pages {
	if p.Orgs[org] == nil {
		p.Orgs[org] = newPages()
	}
	return p.Orgs[org]
}

// add puts an access onto the pages of an organisation, with its verdict as that organisation is
// told it.
func (p *part) add(org string, zone *time.Location, v *entry.Verdict, o *bundle.Opening, e *entry.Entry, x *entry.Access) {
	to := p.of(org)
	result, at, system := resultOf(v, x), x.Time(), cmp.Or(x.System, x.Source)
	cell := Cell{Month: at.In(zone).Format(monthForm), System: system, Result: result}
	if len(x.Purpose) > 0 {
		cell.Purpose = x.Purpose[0]
	}
	to.Counts[cell]++
	if x.Agreement != "" && result != entry.AttemptOnly && result != entry.DecisionOnly {
		to.Under[Under{x.Agreement, cell.Month, result}]++
	}
	kind, listed := kinds[result]
	if !listed {
		return
	}
	f := &Finding{Index: o.Index, ID: e.ID, At: at, Result: result, Purpose: x.Purpose, Role: x.Role,
		Machine: x.Machine, Action: x.Action, System: system, Org: x.Accessor(), Holder: x.Issuer}
	if v != nil {
		f.Rules, f.Policies = v.Rules, v.Policies
	}
	if result == entry.BreakGlass {
		p.Glass[o.Index] = o.Tag
	}
	to.Lists[kind] = append(to.Lists[kind], f)
}

// join adds another part of the same segment.
func (p *part) join(q *part) {
	if p.Since.IsZero() || !q.Since.IsZero() && q.Since.Before(p.Since) {
		p.Since = q.Since
	}
	for key, at := range q.Follows {
		p.Follows[key] = max(p.Follows[key], at)
	}
	for at, tag := range q.Glass {
		p.Glass[at] = tag
	}
	for org, from := range q.Orgs {
		to := p.of(org)
		for kind, list := range from.Lists {
			to.Lists[kind] = append(to.Lists[kind], list...)
		}
		for c, n := range from.Counts {
			to.Counts[c] += n
		}
		for u, n := range from.Under {
			to.Under[u] += n
		}
	}
}

// merge adds what a part has to the Book. b.mu must be held.
func (b *Book) merge(p *part) {
	if b.since.IsZero() || !p.Since.IsZero() && p.Since.Before(b.since) {
		b.since = p.Since
	}
	for key, at := range p.Follows {
		b.follows[key] = max(b.follows[key], at)
		for _, f := range b.open[key] {
			f.FollowedUp = f.FollowedUp || f.Index < at
		}
	}
	for org, from := range p.Orgs {
		to := b.of(org)
		for c, n := range from.Counts {
			to.count(c, n)
		}
		for u, n := range from.Under {
			to.countUnder(u, n)
		}
		for kind, list := range from.Lists {
			for _, f := range list {
				if f.Result == entry.BreakGlass {
					key := glassKey{p.Glass[f.Index], f.Org, f.ID}
					f.FollowedUp = b.follows[key] > f.Index
					b.open[key] = append(b.open[key], f)
				}
				to.list(kind, f, b.low)
			}
		}
	}
}

// form adds what n leaves from a position on have to what is known of their segment, and keeps that
// when it is whole. The caller has the token.
func (b *Book) form(ctx context.Context, from, n uint64, p *part) {
	if b.kept == nil {
		return
	}
	number := from / b.segment()
	f := b.forming[number]
	if f == nil {
		f = &forming{part: newPart()}
		b.forming[number] = f
	}
	f.join(p)
	if f.leaves += n; f.leaves < b.segment() {
		return
	}
	delete(b.forming, number)
	var data bytes.Buffer
	if err := gob.NewEncoder(&data).Encode(f.part); err != nil {
		b.logger.Warn("what a part of the log has for officers' lists is not kept", "error", err)
		return
	}
	b.kept.Put(ctx, number, data.Bytes())
}

// recall adds a segment that is kept to the Book, which has read everything above it. It reports
// whether it could.
func (b *Book) recall(ctx context.Context, number uint64) bool {
	if b.kept == nil {
		return false
	}
	data := b.kept.Get(ctx, number)
	if data == nil {
		return false
	}
	p := newPart()
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(p); err != nil {
		b.logger.Warn("what is kept for officers' lists cannot be read", "error", err)
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.merge(p)
	b.low = number * b.segment()
	return true
}
