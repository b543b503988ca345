package oracle

import (
	"slices"
	"strings"
	"time"
)

// Section 14: what a reader asked for, and the periods of statements.

// checkScope checks that a statement is about what was asked. It never ends the checks.
func (w *walk) checkScope(own bool) bool {
	if own {
		w.require(w.inScope(), "scope")
	}
	return true
}

func (w *walk) inScope() bool {
	p := w.bundle.period
	if p == nil || !p.has("days") {
		return p == nil && w.asked.Days == ""
	}
	days := p.get("days")
	return w.asked.Days == days.str("from")+".."+days.str("to")
}

// checkPeriod checks that the index roots around the days say which positions the period has, and
// whether the index covers it.
func (w *walk) checkPeriod() {
	b := w.bundle
	if b.period == nil || !w.inScope() {
		return
	}
	first, last, _ := strings.Cut(w.asked.Days, "..")
	start, _ := day(first)
	end, _ := day(last)
	end = end.AddDate(0, 0, 1)
	failed := len(w.failed)
	from := uint64(0)
	if b.before != nil && w.readBound(b.before, func(signed time.Time) bool { return signed.Before(start) }) {
		from = b.before.entry.claims.num("size")
	}
	to := b.period.num("to")
	if b.after != nil {
		w.readBound(b.after, func(signed time.Time) bool { return !signed.Before(end) })
		to = b.after.index
	}
	if len(w.failed) > failed {
		return
	}
	w.require(b.period.num("from") == from && b.period.num("to") == to && (b.after != nil || to >= w.head.size), "period")
	j, m := b.indexRoot.index, w.indexSize()
	seen := time.Unix(int64(w.answer.AsOf), 0)
	quiet := m == j && w.head.size == j+1 && !seen.Before(end)
	w.partial = b.after != nil && to > m || b.after == nil && !quiet
}

// readBound reads an index root beside the period, which has to be signed on the right side of it.
func (w *walk) readBound(l *publicLeaf, outside func(signed time.Time) bool) bool {
	own := w.bundle.indexRoot
	if !w.coded("period", func() { must(l.read().typ == "index-root", "") }) {
		return false
	}
	known := l.index == 0 || l.index == own.index
	if !known && !slices.ContainsFunc(w.signed, func(s signedEntry) bool { return s.index == l.index }) {
		w.signed = append(w.signed, signedEntry{l.index, l.entry, false})
	}
	number := func(e *entry, name string) uint64 { return e.claims.num(name) }
	for _, name := range []string{"iat", "size"} {
		here, there := number(l.entry, name), number(own.entry, name)
		if l.index < own.index && here > there || l.index > own.index && here < there {
			w.failed = append(w.failed, "period")
			return false
		}
	}
	signed := time.Unix(int64(number(l.entry, "iat")), 0)
	late := w.answer.AsOf != 0 && signed.After(time.Unix(int64(w.answer.AsOf), 0).Add(5*time.Minute))
	w.require(outside(signed) && !late, "period")
	return true
}
