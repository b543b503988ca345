package report

import (
	"context"
	"errors"
	"slices"
	"strings"

	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// A report of break-glass accesses leaves out those that a later access follows up. So it must read
// what came later on record about each person: once for each person on a page, however many
// accesses the page has.

// glass is a break-glass access of a page of a report.
type glass struct {
	tag       wire.Hash
	at        int    // in scan.out.Accesses
	seen      uint64 // scan.out.Seen before it
	attempts  uint64 // scan.out.Attempts before it
	follow    followUp
	followed  bool
	undecided bool
}

// followUp is what must be said in a later access to follow up one.
type followUp struct {
	org string // who made both
	jti string // of the first
}

func lookBreakGlass(_ context.Context, s *scan, o *bundle.Opening, e *entry.Entry, x *entry.Access) error {
	if o.Verdict == nil || o.Verdict.Result != entry.BreakGlass {
		return nil
	}
	s.glass = append(s.glass, glass{
		tag: o.Tag, at: len(s.out.Accesses), seen: s.out.Seen - 1, attempts: s.out.Attempts,
		follow: followUp{x.Accessor(), e.ID}, undecided: true,
	})
	s.list(o, e, x)
	s.out.Accesses[len(s.out.Accesses)-1].Justification = justification(x)
	return nil
}

// justification returns the reason that was stated for an override, for those who have to judge it:
// the report goes to who made it, who holds the record, and auditors.
func justification(x *entry.Access) string {
	if x.Text == nil {
		return ""
	}
	text := plain.OneLine(x.Text.Justification)
	if entry.ContainsPersonNumber(text) {
		return "(withheld: it has a person's number)"
	}
	return text
}

// settle takes those that were followed up out of the report. If the time is over before each
// person was looked at, the page ends before the first access that is not decided.
func (s *scan) settle(ctx context.Context) error {
	for i := range s.glass {
		if !s.glass[i].undecided {
			continue
		}
		if i > 0 && s.late() {
			break
		}
		if err := s.decide(ctx, i); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(s.glass, func(g glass) bool { return g.undecided }); i >= 0 {
		s.out.Next, s.out.Seen = s.out.Accesses[s.glass[i].at].Index, s.glass[i].seen
		s.out.Attempts = s.glass[i].attempts
		s.out.Accesses, s.glass = s.out.Accesses[:s.glass[i].at], s.glass[:i]
	}
	var left []client.ReportedAccess
	for _, g := range s.glass {
		if !g.followed {
			left = append(left, s.out.Accesses[g.at])
		}
	}
	if len(s.glass) > 0 {
		s.out.Accesses = left
	}
	return nil
}

// decide looks for follow-ups of all accesses to the record of one person, of which s.glass[i] is
// the first.
func (s *scan) decide(ctx context.Context, i int) error {
	wanted := map[followUp]int{}
	for j := i; j < len(s.glass); j++ {
		if g := &s.glass[j]; g.tag == s.glass[i].tag {
			wanted[g.follow] = j
			g.undecided = false
		}
	}
	first := s.out.Accesses[s.glass[i].at].Index
	places, err := s.log.HistoryPlaces(ctx, s.glass[i].tag, first+1, s.size)
	if errors.Is(err, ledger.ErrTooMany) {
		return nil // too many to look at: they stay in the report
	}
	if err != nil {
		return err
	}
	s.persons++
	s.read += len(places)
	err = s.log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
		f, err := entry.ParseParts(h.JWS, h.Disclosures)
		if err != nil {
			return err
		}
		y, ok := f.Body.(*entry.Access)
		if !ok || y.Text == nil {
			return nil
		}
		for _, jti := range append(followedUp(y.Text.Why), followedUp(y.Text.Justification)...) {
			j, ok := wanted[followUp{y.Accessor(), jti}]
			if ok && s.out.Accesses[s.glass[j].at].Index < h.Index {
				s.glass[j].followed = true
			}
		}
		return nil
	})
	if errors.Is(err, ledger.ErrErased) {
		return nil // what was erased follows nothing up that can be shown
	}
	return err
}

// followedUp returns the jtis of the accesses that a text says it follows up: see client.FollowUp.
func followedUp(text string) (jtis []string) {
	const size = len("01234567-89ab-cdef-0123-456789abcdef")
	for {
		_, rest, ok := strings.Cut(text, client.FollowUp)
		if !ok {
			return jtis
		}
		if len(rest) >= size {
			jtis = append(jtis, rest[:size])
		}
		text = rest
	}
}
