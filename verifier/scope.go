package verifier

import (
	"fmt"
	"slices"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// maxSkew is how far clocks may be apart: a time further ahead than this is not believed.
const maxSkew = 5 * time.Minute

// ask keeps what the caller asked for.
func (c *check) ask(ev StatementEvidence) {
	c.asked, c.pinned = ev.Period, ev.Genesis
	if ev.OnProgress != nil {
		c.onProgress = ev.OnProgress
	}
	if ev.MaxAge > 0 {
		c.maxAge = ev.MaxAge
	}
}

// checkScope checks that the file covers what the caller asked for. It stops the maker of a file
// from choosing a part in which nothing happened.
func (c *check) checkScope(p *bundle.Period) {
	c.period = p
	found := "the whole history"
	switch {
	case p != nil && p.Days != nil:
		found = "days " + p.Days.String()
	case p != nil:
		found = "a period without days"
	}
	want := scopeInWords(c.asked)
	if c.asked != nil {
		if err := c.asked.Check(); err != nil {
			c.Fail(&Failure{Check: CheckScope, Expected: "two days", Found: err.Error(), Err: err,
				Meaning: "what you asked for is no period"})
			return
		}
	}
	if want == found {
		c.Pass(CheckScope, nil, "the file is about what you asked for: %s", want)
		return
	}
	c.Fail(&Failure{Check: CheckScope, Expected: want, Found: found,
		Meaning: "the file answers another question than yours: ask the ledger for a statement of " + want})
}

func scopeInWords(asked *bundle.Days) string {
	if asked == nil {
		return "the whole history"
	}
	return "days " + asked.String()
}

// checkPeriod checks that the positions of a period hold everything that was logged on its days:
//
//	     before (signed before the days)         after (signed after them)
//	        │  covers all below its size             │
//	────────┼────┬───────────────────────────────────┼──────▶ log
//	  earlier    From = before's size        To = after's index     later
//
// Whoever chooses other roots than the nearest shows more, never less. The dates of the roots are
// the operator's claims. They may not contradict each other or the cosigners, and auditors check
// that no root is dated before an earlier one.
func (c *check) checkPeriod(s *bundle.Statement) {
	p := s.Period
	if p == nil || p.Days == nil || c.asked == nil || *p.Days != *c.asked {
		return // the scope has failed
	}
	before := len(c.Failures)
	from, to := uint64(0), max(p.To, c.head.Size)
	if p.Before != nil {
		if root := c.readBound(s, p.Before); root != nil {
			from = root.Size
			c.checkBoundDate(p.Before.Index, root, root.IssuedAt < c.asked.Start().Unix(),
				"before "+c.asked.From+" begins", "entries logged on the first days could be left out")
		}
	}
	if p.After != nil {
		to = p.After.Index
		if root := c.readBound(s, p.After); root != nil {
			c.checkBoundDate(p.After.Index, root, root.IssuedAt >= c.asked.End().Unix(),
				"when "+c.asked.To+" is over", "entries logged on the last days could be left out")
		}
	}
	if len(c.Failures) == before && (p.From != from || p.To != to) {
		c.Fail(&Failure{Check: CheckPeriod,
			Expected: fmt.Sprintf("positions %d to %d, as the index roots say", from, to),
			Found:    fmt.Sprintf("%d to %d", p.From, p.To),
			Meaning:  "the file shows other positions of the log than those of the days that you asked for"})
	}
	if len(c.Failures) > before {
		return
	}
	c.partly = c.uncoveredDays(s)
	if c.partly == "" {
		c.Pass(CheckPeriod, nil, "what was logged on these days (UTC) is at positions %d to %d, by the dates of index "+
			"roots outside them", from, min(to, c.head.Size)-1)
	} else {
		c.Skip(CheckPeriod, nil, "%s", c.partly)
	}
}

// readBound reads an index root outside the period and leaves its signature to be judged with all
// others.
func (c *check) readBound(s *bundle.Statement, l *bundle.Leaf) *entry.IndexRoot {
	e, err := readPublic(l.Leaf)
	if err != nil {
		c.Fail(failure(err, At(l.Index), CheckPeriod))
		return nil
	}
	root, ok := e.Body.(*entry.IndexRoot)
	if !ok {
		c.Fail(&Failure{Check: CheckPeriod, Index: At(l.Index),
			Expected: "an index root", Found: "an entry of type " + string(e.Type),
			Meaning: "nothing ties the days that you asked for to positions of the log"})
		return nil
	}
	if !slices.ContainsFunc(c.signed, func(e signedEntry) bool { return e.index == l.Index }) {
		c.signed = append(c.signed, signedEntry{l.Index, e, false})
	}
	own := s.IndexRoot.Index
	if l.Index < own && (root.IssuedAt > c.root.IssuedAt || root.Size > c.root.Size) ||
		l.Index > own && (root.IssuedAt < c.root.IssuedAt || root.Size < c.root.Size) {
		c.Fail(&Failure{Check: CheckPeriod, Index: At(l.Index),
			Expected: fmt.Sprintf("an index root in order with the one at entry %d", own),
			Found:    "one whose date or size is out of order", Err: wire.BadIndexRoot,
			Meaning: "the operator dated its index roots falsely, so the days are not tied to positions of the log"})
		return nil
	}
	return root
}

// checkBoundDate checks that an index root was signed on the right side of the period, and no later
// than cosigners saw it.
func (c *check) checkBoundDate(at uint64, root *entry.IndexRoot, outside bool, when, meaning string) {
	signed := time.Unix(root.IssuedAt, 0).UTC()
	seen := c.backers.asOf
	f := &Failure{Check: CheckPeriod, Index: At(at), Expected: "an index root signed " + when,
		Found: "one signed " + signed.Format(time.RFC3339), Meaning: meaning}
	switch {
	case !outside:
	case !seen.IsZero() && signed.After(seen.Add(maxSkew)):
		f.Expected = "an index root signed before cosigners saw it, at " + seen.Format(time.RFC3339)
		f.Meaning = "the operator dated it falsely, so it does not tie the days to positions of the log"
	default:
		return
	}
	c.Fail(f)
}

// uncoveredDays returns why the index does not cover the whole period, or "". It does if it covers
// everything below the root after the period; or, if no root came after it, if the index root ends
// the log, covers all before itself, and cosigners saw it in this state when the last day was over.
func (c *check) uncoveredDays(s *bundle.Statement) string {
	p, below := s.Period, c.root.Size
	last := s.IndexRoot.Index
	quiet := p.After == nil && below == last && c.head.Size == last+1 && !c.backers.asOf.Before(c.asked.End())
	switch {
	case p.After != nil && p.To <= below, quiet:
		return ""
	case !c.now.IsZero() && c.now.Before(c.asked.End()):
		return fmt.Sprintf("the period is not over: it is covered as far as entry %d only", below)
	}
	return fmt.Sprintf("the proof covers the entries below %d, and does not show that %s was over then: ask for a newer "+
		"statement", below, c.asked.To)
}

// dateByOperator dates a statement by its index root if the policy asks for no cosigners, and none
// of those it names has dated it. Then the date is the operator's word, as everything else is.
func (c *check) dateByOperator(r *StatementReport) {
	signed := time.Unix(c.root.IssuedAt, 0).UTC()
	if !r.NobodyAsked || !r.AsOf.IsZero() || c.now.IsZero() || signed.After(c.now.Add(maxSkew)) {
		return
	}
	r.SignedAt = signed
	r.Stale = c.now.Sub(signed) > c.maxAge
}
