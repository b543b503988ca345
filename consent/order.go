package consent

import (
	"reflect"
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/policies"
)

// What holds of a consent record follows from the set of its acts, in whatever order they reach the
// log, so that nothing that arrives late revives what was decided against:
//
//   - Of its decisions (acts with a rule) the one decided last counts (entry.Order). If the claims
//     do not tell, the later one in the log counts of those that officers stated. Else a refusal
//     counts before a permission, and otherwise again the later one in the log.
//   - An end (withdrawn, expired) ends a permission unless the permission is later, both in the
//     order of acts and as of its time. It ends a refusal only if the end is later in both.
//   - An act by someone whose authority is not shown only takes away permissions: its own are not
//     used, it lifts no refusal, not even an earlier one of theirs or of another such, and it ends
//     none.

// decision is a decision that may hold.
type decision struct {
	Act        string             `json:"act,omitempty"`
	Scope      string             `json:"scope,omitempty"`
	Issuer     string             `json:"issuer,omitempty"` // who stated it, if not the record's holder
	Agreements []string           `json:"agreements,omitempty"`
	Rule       *entry.ConsentRule `json:"rule,omitempty"` // nil: it has ended, and only its order matters
	At         entry.Order        `json:"at,omitzero"`
}

func (d *decision) denies() bool { return d.Rule.Decision == policies.Deny }

// later reports whether d counts rather than old: it was decided later, or the claims do not tell
// and d is no permission in place of a refusal. d is the later one in the log.
func (d *decision) later(old *decision) bool {
	if old == nil {
		return true
	}
	c := d.At.Compare(old.At)
	return c > 0 || c == 0 && (d.denies() || old.Rule == nil || !old.denies())
}

// ends are the ends of a record: the greatest in both orders.
type ends struct {
	Act  string      `json:"act"`           // of the last
	Last entry.Order `json:"last,omitzero"` // in the order of acts
	AsOf entry.Order `json:"asOf,omitzero"` // as of its time, if it is another
}

func (e *ends) asOf() time.Time {
	if e.AsOf.Decided.IsZero() {
		return e.Last.AsOf()
	}
	return e.AsOf.AsOf()
}

// with returns the ends with one more.
func (e *ends) with(act string, o entry.Order) *ends {
	if e == nil {
		return &ends{Act: act, Last: o}
	}
	next := *e
	if o.Compare(e.Last) > 0 {
		next.Act, next.Last = act, o
		if o.AsOf().Before(e.asOf()) && e.AsOf.Decided.IsZero() {
			next.AsOf = e.Last
		}
	}
	if o.AsOf().After(e.asOf()) {
		next.AsOf = o
	}
	if !next.AsOf.AsOf().After(next.Last.AsOf()) {
		next.AsOf = entry.Order{}
	}
	return &next
}

// end reports whether one of the ends ends a decision.
func (e *ends) end(o entry.Order, denies bool) bool {
	if e == nil {
		return false
	}
	last, asOf := e.Last.Compare(o), e.asOf().Compare(o.AsOf())
	if denies {
		return last > 0 && asOf >= 0
	}
	return last >= 0 || asOf > 0
}

// refuses reports whether a rule denies anything, at any depth.
func refuses(r *entry.ConsentRule) bool {
	return r.Decision == policies.Deny ||
		slices.ContainsFunc(slices.Concat(r.Except, r.Also), func(x entry.ConsentRule) bool { return refuses(&x) })
}

// record is what is known of a consent record.
type record struct {
	ID     string `json:"id"`
	Holder string `json:"holder"` // the organisation that stated its first act
	Index  uint64 `json:"index"`  // of the newest act that changed what holds
	decision
	Proxies []decision `json:"proxies,omitempty"` // by people whose authority is not shown; several only if they refuse
	Ended   *ends      `json:"ended,omitempty"`   //
	Doubted *ends      `json:"doubted,omitempty"` // ends by someone whose authority is not shown
}

// closed reports whether nothing of the record holds.
func (r *record) closed() bool { return r.Rule == nil && len(r.Proxies) == 0 }

// state returns the last act of a closed record, and "open" for others.
func (r *record) state() string {
	switch {
	case !r.closed():
		return "open"
	case r.Ended != nil:
		return r.Ended.Act
	}
	return "withdrawn" // by someone whose authority is not shown, before anything came
}

// doubted reports whether someone whose authority is not shown ended the permission.
func (r *record) doubted() bool { return r.Rule != nil && !r.denies() && r.Doubted.end(r.At, false) }

// add adds an act to the record, and reports whether it came too late to change what holds. proved
// says that the person acted, or someone whose authority is shown; index is that of the act.
func (r *record) add(c *entry.Consent, index uint64, proved bool) (late bool) {
	at, before := c.Order(), *r
	if !reported(c) {
		at.Stated = index + 1
	}
	d := decision{Act: c.Act, Scope: c.Scope, Agreements: c.Agreements, Rule: c.Rule, At: at}
	if c.Issuer != r.Holder {
		d.Issuer = c.Issuer
	}
	switch {
	case c.Ends():
		into := &r.Ended
		if !proved {
			into = &r.Doubted
		}
		*into = (*into).with(c.Act, at)
	case proved && (r.At.Decided.IsZero() || d.later(&r.decision)):
		r.decision = d
	case !proved:
		r.Proxies = joined(r.Proxies, d)
	}
	r.settle()
	switch {
	case c.Ends():
		late = !before.closed() && !r.closed() && r.doubted() == before.doubted()
	case proved:
		late = r.Rule != c.Rule
	default:
		late = refuses(c.Rule) && !r.proxied(c.Rule)
	}
	return late
}

// joined returns acts of people whose authority is not shown, with one more. Each that refuses
// counts until the person decides anew; of equal ones the last. One that refuses nothing is kept
// only where there is no other: then the record is at least on file.
func joined(list []decision, d decision) []decision {
	switch {
	case len(list) == 0:
		return []decision{d}
	case !refuses(d.Rule):
		return list
	case !refuses(list[0].Rule):
		return []decision{d}
	}
	same := slices.IndexFunc(list, func(x decision) bool {
		return x.Scope == d.Scope && x.Issuer == d.Issuer && slices.Equal(x.Agreements, d.Agreements) && reflect.DeepEqual(x.Rule, d.Rule)
	})
	switch {
	case same < 0:
		return append(slices.Clip(list), d)
	case d.At.Compare(list[same].At) >= 0:
		list = slices.Clone(list)
		list[same] = d
	}
	return list
}

// proxied reports whether a rule is among those of people whose authority is not shown.
func (r *record) proxied(rule *entry.ConsentRule) bool {
	return slices.ContainsFunc(r.Proxies, func(d decision) bool { return d.Rule == rule })
}

// settle drops what has ended or was replaced. Of the person's own decision the order stays, so
// that nothing older takes its place.
func (r *record) settle() {
	if r.Rule != nil && r.Ended.end(r.At, r.denies()) {
		r.Rule = nil
	}
	over := func(p decision) bool {
		return !r.At.Decided.IsZero() && r.At.Compare(p.At) > 0 || r.Ended.end(p.At, true)
	}
	if slices.ContainsFunc(r.Proxies, over) {
		r.Proxies = slices.DeleteFunc(slices.Clone(r.Proxies), over)
	}
}

// effects appends what of the record decides about accesses.
func (r *record) effects(list []effect) []effect {
	if r.Rule != nil {
		list = append(list, effect{&r.decision, r.doubted()})
	}
	for i := range r.Proxies {
		list = append(list, effect{&r.Proxies[i], true})
	}
	return list
}

// effect is a decision that holds, perhaps only as far as it refuses.
type effect struct {
	*decision
	refusesOnly bool
}

// Holding returns which acts hold of each consent record, and how a record ended of which none
// does. The acts are those of one person, in the order of the log. A delegation that an act names
// is taken to be one that the ledger found live.
func Holding(acts []*entry.Consent) map[*entry.Consent]bool {
	records := map[string]*record{}
	for i, c := range acts {
		r := records[c.Consent]
		if r == nil {
			r = &record{ID: c.Consent}
			records[c.Consent] = r
		}
		r.add(c, uint64(i), c.By == nil || c.By.Delegation != "")
	}
	holds := map[*entry.Consent]bool{}
	ended := map[string]*entry.Consent{}
	for _, c := range acts {
		r := records[c.Consent]
		holds[c] = c.Rule != nil && (r.Rule == c.Rule || r.proxied(c.Rule))
		if old := ended[c.Consent]; r.closed() && c.Ends() && (old == nil || c.Order().Compare(old.Order()) >= 0) {
			ended[c.Consent] = c
		}
	}
	for _, c := range ended {
		holds[c] = true
	}
	return holds
}
