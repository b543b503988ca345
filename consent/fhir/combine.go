package fhir

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/policies"
	"igledger/policies/purpose"
)

// overrule lets refusals within a refusal win over the permissions beside them: they become
// exceptions of those permissions. If there are no permissions beside them, they say nothing that
// the refusal around them does not.
//
// hidden says that an unused permission had refusals in it. widened says that the refusal around
// them lost a limit, so it is about more than the person meant, but its permissions are not. In
// both cases the permissions are left out.
func (r *reader) overrule(rule *entry.ConsentRule, path string, refusals []*entry.ConsentRule, hidden, widened bool) {
	switch {
	case len(rule.Except) == 0:
	case hidden:
		r.note(path, "a permission that is not used has refusals in it; so the permissions beside it are not used either")
		rule.Except = nil
	case widened:
		r.note(path, "the refusal is taken without a limit; so the permissions in it are not used")
		rule.Except = nil
	}
	var kept []entry.ConsentRule
	for _, e := range rule.Except {
		gone, refuses := false, len(e.Except) > 0
		for _, x := range refusals {
			x := *x
			gone = gone || covers(&x, &e)
			e.Except = append(slices.Clone(e.Except), x)
		}
		switch {
		case gone && refuses:
			r.note(path, "a refusal beside a permission leaves nothing of it, and it has refusals in it; "+
				"so no permission beside it is used")
			rule.Except = nil
			return
		case gone:
			r.note(path, "a refusal beside a permission leaves nothing of it")
		default:
			kept = append(kept, e)
		}
	}
	rule.Except = kept
}

// emptied leaves out what permits all that the refusal around it refuses. One of the two cannot
// have been meant.
func (r *reader) emptied(rule *entry.ConsentRule, path string) {
	all := func(e entry.ConsentRule) bool { return e.Decision == permit && len(e.Except) == 0 && covers(&e, rule) }
	if slices.ContainsFunc(rule.Except, all) {
		r.note(path, "a permission in it leaves nothing of the refusal; so it is not used")
		rule.Except = slices.DeleteFunc(rule.Except, all)
	}
}

// covers reports whether a applies wherever b does, as far as their lists and periods tell.
func covers(a, b *entry.ConsentRule) bool {
	for _, l := range lists(a, b) {
		if !l.coversAll() {
			return false
		}
	}
	if !policies.CoversAllData(a.Data, b.Data, a.Decision == deny, b.Decision == deny) {
		return false
	}
	early := func(x, y string) bool { return x == "" || y != "" && !a.Time(x).After(b.Time(y)) }
	late := func(x, y string) bool { return x == "" || y != "" && !a.Time(x).Before(b.Time(y)) }
	return early(a.Start, b.Start) && late(a.End, b.End) && early(a.DataStart, b.DataStart) && late(a.DataEnd, b.DataEnd)
}

// listPair is a list of one rule, the same list of another, and what covers what among their codes.
type listPair struct {
	a, b   *[]string
	covers func(a, b string) bool
}

// coversAll reports whether list a covers everything that list b does. An empty list covers all.
func (l listPair) coversAll() bool {
	if len(*l.a) == 0 {
		return true
	}
	outside := func(s string) bool {
		return !slices.ContainsFunc(*l.a, func(t string) bool { return l.covers(t, s) })
	}
	return len(*l.b) > 0 && !slices.ContainsFunc(*l.b, outside)
}

// lists pairs the lists of two rules, except those of data.
func lists(a, b *entry.ConsentRule) []listPair {
	same := func(a, b string) bool { return a == b }
	return []listPair{
		{&a.Purposes, &b.Purposes, purpose.Subsumes},
		{&a.Recipients, &b.Recipients, same},
		{&a.Roles, &b.Roles, same},
		{&a.Staff, &b.Staff, same},
		{&a.Units, &b.Units, same},
		{&a.Actions, &b.Actions, same},
	}
}

// narrow makes rule what rule and inner both say, and reports whether that is anything. The
// exceptions of inner join those of rule.
func narrow(rule, inner *entry.ConsentRule) bool {
	for _, l := range lists(rule, inner) {
		if !l.intersect() {
			return false
		}
	}
	both, any := policies.CommonData(rule.Data, inner.Data)
	if !any {
		return false
	}
	rule.Data = both
	for _, t := range []struct {
		to    *string
		from  string
		later bool // the later of the two times is narrower
	}{
		{&rule.Start, inner.Start, true},
		{&rule.End, inner.End, false},
		{&rule.DataStart, inner.DataStart, true},
		{&rule.DataEnd, inner.DataEnd, false},
	} {
		if t.from == "" {
			continue
		}
		if *t.to == "" || t.later == rule.Time(t.from).After(rule.Time(*t.to)) {
			*t.to = t.from
		}
	}
	rule.Except = append(rule.Except, inner.Except...)
	ends := func(start, end string) bool {
		return start != "" && end != "" && !rule.Time(start).Before(rule.Time(end))
	}
	return !ends(rule.Start, rule.End) && !ends(rule.DataStart, rule.DataEnd)
}

// intersect makes list a what both lists cover, and reports whether that is anything. An empty list
// is no limit.
func (l listPair) intersect() bool {
	if len(*l.b) == 0 {
		return true
	}
	if len(*l.a) == 0 {
		*l.a = *l.b
		return true
	}
	both := l.narrower()
	if len(both) == 0 {
		return false
	}
	slices.Sort(both)
	*l.a = slices.Compact(both)
	return true
}

// narrower returns, for every code of one list and code of the other of which one covers the other,
// the covered one.
func (l listPair) narrower() []string {
	var both []string
	for _, s := range *l.a {
		for _, t := range *l.b {
			switch {
			case l.covers(s, t):
				both = append(both, t)
			case l.covers(t, s):
				both = append(both, s)
			}
		}
	}
	return both
}

// bounded reports whether a rule and its exceptions are within what an entry takes. n counts them.
func bounded(rule *entry.ConsentRule, level int, n *int) bool {
	*n++
	for i := range rule.Also {
		if !bounded(&rule.Also[i], level, n) {
			return false
		}
	}
	for i := range rule.Except {
		if !bounded(&rule.Except[i], level+1, n) {
			return false
		}
	}
	return level <= 8 && *n <= 256
}
