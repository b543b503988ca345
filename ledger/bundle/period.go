package bundle

import (
	"strings"
	"time"

	"igledger/ledger/wire"
)

// Days is a range of days in UTC, both included, by the time at which the ledger logged an entry.
// When the access itself happened is the source's claim, and may be on an earlier day.
type Days struct {
	From string `json:"from"` // 2026-01-31
	To   string `json:"to"`
}

// ParseDays parses "2026-01-01..2026-01-31".
func ParseDays(text string) (Days, error) {
	from, to, ok := strings.Cut(text, "..")
	d := Days{from, to}
	if !ok {
		return d, wire.Errorf(wire.BadStatement, "days", "want FROM..TO, two days such as 2026-01-31")
	}
	return d, d.Check()
}

// Check returns BadStatement unless both are days from 1970 on and From is not after To.
func (d Days) Check() error {
	for _, s := range []string{d.From, d.To} {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || len(s) != len(time.DateOnly) || t.Year() < 1970 {
			return wire.Errorf(wire.BadStatement, "days", "want two days such as 2026-01-31")
		}
	}
	if d.From > d.To {
		return wire.Errorf(wire.BadStatement, "days", "the first is after the last")
	}
	return nil
}

// Start returns the first second of the first day, End the first second after the last. Both are
// for days that Check takes.
func (d Days) Start() time.Time { t, _ := time.Parse(time.DateOnly, d.From); return t }

// End returns the first second after the last day.
func (d Days) End() time.Time { t, _ := time.Parse(time.DateOnly, d.To); return t.AddDate(0, 0, 1) }

func (d Days) String() string { return d.From + ".." + d.To }

// Period is a range of the log, From <= index < To. Every entry of the subject in it is opened, the
// others may be hidden. It is a range of indices and not of times: an index is proved, while a time
// is a claim inside the entry and invisible if the entry is hidden.
//
// Two index roots, which are public entries, tie the days that were asked for to indices. Before is
// one signed before the first day begins, so what is below its Size was logged earlier: From is
// that Size. After is one signed when the last day is over, so what is above its index was logged
// later: To is that index.
type Period struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	Days *Days  `json:"days,omitempty"` // nil only in evidence, of which no one asks days

	Before *Leaf `json:"before,omitempty"` // nil: From is 0
	After  *Leaf `json:"after,omitempty"`  // nil: To is not below the checkpoint's size
}

// Roots returns the index roots that tie the days to indices, ascending.
func (p *Period) Roots() []*Leaf {
	var list []*Leaf
	if p == nil {
		return nil
	}
	for _, l := range []*Leaf{p.Before, p.After} {
		if l != nil {
			list = append(list, l)
		}
	}
	return list
}

func (p *Period) check() error {
	if p.From >= p.To || p.To > wire.MaxInt {
		return wire.Errorf(wire.BadStatement, "period", "from must be below to, and to at most 2^53-1")
	}
	if p.Days != nil {
		if err := p.Days.Check(); err != nil {
			return err
		}
	}
	for _, l := range p.Roots() {
		if err := l.check(); err != nil {
			return err
		}
	}
	if p.Before != nil && p.After != nil && p.Before.Index >= p.After.Index {
		return wire.Errorf(wire.BadStatement, "period", "the index root before it is not below the one after it")
	}
	return nil
}
