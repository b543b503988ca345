package citizen

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"igledger/internal/web/door"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// filter is what of a list a reader wants to see. Its values are in the address; no number of a
// person can be among them.
type filter struct {
	Who     who
	Org     string // id of an organisation, or elsewhere
	Why     string // one of the widest purposes, or noReason
	Covered string // yes, no, override, or attention: everything that stands out
	From    string // days, as 2026-11-28
	To      string
	Page    int // from 1
}

// elsewhere stands for organisations that the ledger does not know, noReason for no purpose.
const (
	elsewhere = "other"
	noReason  = "none"
)

// Values of the filter covered.
const (
	coveredYes       = "yes"
	coveredNo        = "no"
	coveredOverride  = "override"
	coveredAttention = "attention"
)

// mostPages is more pages than any list has, and few enough to be multiplied.
const mostPages = 1 << 30

// readFilter reads a filter from an address. What it does not know it ignores. It returns which
// days cannot be read, and "order" if the last is before the first.
func readFilter(r *http.Request) (f filter, bad []string) {
	q := r.URL.Query()
	f = filter{Who: who(q.Get("who")), Org: q.Get("org"), Why: q.Get("why"), Covered: q.Get("covered"), Page: 1}
	if !slices.Contains([]who{people, machines, mine, acts}, f.Who) {
		f.Who = ""
	}
	if !slices.Contains([]string{coveredYes, coveredNo, coveredOverride, coveredAttention}, f.Covered) {
		f.Covered = ""
	}
	if len(f.Org) > 128 || len(f.Why) > 64 {
		f.Org, f.Why = "", ""
	}
	for name, into := range map[string]*string{"from": &f.From, "to": &f.To} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			bad = append(bad, name)
			continue
		}
		*into = text
	}
	slices.Sort(bad)
	if f.From != "" && f.To != "" && f.To < f.From {
		bad = append(bad, "order")
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 1 {
		f.Page = min(n, mostPages)
	}
	return f, bad
}

// any reports whether the filter leaves anything out.
func (f filter) any() bool {
	f.Page = 0
	return f != filter{}
}

// query returns the filter as the query of an address.
func (f filter) query() string {
	return ui.Query(f.Page, map[string]string{
		"who": string(f.Who), "org": f.Org, "why": f.Why, "covered": f.Covered, "from": f.From, "to": f.To,
	})
}

// Query returns the filter as the query of the address of its first page.
func (f filter) Query() string { return f.page(1) }

// page returns the query of another page of the same list.
func (f filter) page(n int) string {
	f.Page = n
	return f.query()
}

// choose returns the items that the filter shows, in their order.
func (f filter) choose(items []*door.Item, zone *time.Location) []*door.Item {
	if !f.any() {
		return items
	}
	var from, to time.Time
	if f.From != "" {
		from, _ = time.ParseInLocation(time.DateOnly, f.From, zone)
	}
	if f.To != "" {
		to, _ = time.ParseInLocation(time.DateOnly, f.To, zone)
		to = to.AddDate(0, 0, 1)
	}
	var out []*door.Item
	for _, i := range items {
		switch {
		case f.Who != "" && whoOf(i) != f.Who,
			f.Org == elsewhere && i.Org != "",
			f.Org != "" && f.Org != elsewhere && i.Org != f.Org,
			f.Org != "" && (i.Mine() || i.Type == door.Erased),
			f.Why != "" && !hasReason(i, f.Why),
			f.Covered != "" && !isCovered(i, f.Covered),
			!from.IsZero() && i.When.Before(from),
			!to.IsZero() && !i.When.Before(to):
			continue
		}
		out = append(out, i)
	}
	return out
}

func isCovered(i *door.Item, how string) bool {
	switch how {
	case coveredAttention:
		return len(marksOf(i)) > 0
	case coveredOverride:
		return slices.Contains(marksOf(i), override)
	case coveredNo:
		return i.Verdict != nil && i.Verdict.Result == entry.NotCovered
	}
	return i.Verdict != nil && i.Verdict.Result == entry.Covered
}

// reasons returns the widest purposes that an access states, or noReason.
func reasons(i *door.Item) []string {
	var list []string
	for _, code := range i.Purpose {
		if w := widest(code); w != "" && !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	if len(list) == 0 && i.Type == entry.TypeAccess {
		return []string{noReason}
	}
	return list
}

func hasReason(i *door.Item, reason string) bool { return slices.Contains(reasons(i), reason) }

// widest returns the widest purpose that covers a code, or "".
func widest(code string) string {
	p, ok := purpose.Lookup(purpose.Code(code))
	for ok && p.Parent != "" {
		p, ok = purpose.Lookup(p.Parent)
	}
	return p.Code
}
