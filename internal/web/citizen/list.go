package citizen

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/internal/web/door"
	"igledger/internal/web/draw"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
)

const (
	perPage       = 25
	mostAttention = 5  // above the list; a link leads to all
	recentDays    = 30 // of the sentence
	chartMonths   = 12
)

// listData is the page of a list.
type listData struct {
	Base      string
	Acting    bool // it is another's list
	Closed    int  // other numbers of that person, whose entries the reader may not see
	Sentence  []string
	Attention []row
	More      int    // that need attention, besides those
	MoreHref  string // where all of them are
	Days      []dayRows
	First     int // of the entries on this page, from 1
	Last      int
	Total     int
	Filter    filter
	Filtered  bool
	Who       []option
	Orgs      []option
	Why       []option
	Covered   []option
	Pages     ui.Pagination
	Chart     template.HTML
}

// option is a choice of a filter.
type option struct {
	Value, Text string
	Chosen      bool
}

// dayRows are the entries of a day, by organisation.
type dayRows struct {
	Day    time.Time
	Places []placeRows
}

type placeRows struct {
	Place string
	Rows  []row
}

// list is the list of who used the record.
func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return err
	}
	say := p.speaker(r, rules, s)
	f, bad := readFilter(r)
	d := &listData{Base: s.base, Acting: s.acting != nil, Closed: h.Closed, Filter: f, Filtered: f.any()}
	page := ui.Page{Title: say.Text("list.title"), Section: "you", User: signin.From(r.Context()), Data: d}
	if s.acting != nil {
		page.Title, page.Section = say.Text("list.title-acting"), "people"
		page.Crumbs = []ui.Crumb{{Text: say.Text("crumb.people"), Href: "/you/people"}}
	}
	for _, name := range bad {
		field := name
		if name == "order" {
			field = "to"
		}
		page.Errors = append(page.Errors, ui.FieldError{Field: field, Text: say.Text(plain.Key("filter." + name + ".bad"))})
	}
	chosen := f.choose(h.Items, p.Zone)
	d.options(say, h.Items, f)
	d.rows(say, chosen, p.Zone)
	if f.any() || f.Page > 1 {
		page.Title = say.Text("list.title-part", "title", page.Title)
	} else {
		now := p.Door.Now()
		d.Sentence = summary(say, h.Items, now)
		d.attention(say, h.Items)
	}
	if len(d.Days) == 0 && f.Page > 1 {
		return errNotFound
	}
	if f.Page == 1 {
		d.Chart = chart(say, chosen, p.Door.Now().In(p.Zone))
	}
	return p.room.Render(w, r, http.StatusOK, "list", page)
}

// attention fills in what needs attention, the newest first.
func (d *listData) attention(say *speaker, items []*door.Item) {
	for _, i := range items {
		if len(marksOf(i)) == 0 {
			continue
		}
		if len(d.Attention) < mostAttention {
			d.Attention = append(d.Attention, say.row(i))
		} else {
			d.More++
		}
	}
	d.MoreHref = d.Base + filter{Covered: coveredAttention}.query()
}

// rows fills in the entries of a page, by day and place.
func (d *listData) rows(say *speaker, items []*door.Item, zone *time.Location) {
	d.Total = len(items)
	pages := (len(items) + perPage - 1) / perPage
	from := min((d.Filter.Page-1)*perPage, len(items))
	to := min(from+perPage, len(items))
	d.First, d.Last = from+1, to
	for _, i := range items[from:to] {
		row := say.row(i)
		day := i.When.In(zone).Format(time.DateOnly)
		if n := len(d.Days); n == 0 || d.Days[n-1].Day.In(zone).Format(time.DateOnly) != day {
			d.Days = append(d.Days, dayRows{Day: i.When})
		}
		last := &d.Days[len(d.Days)-1]
		n := slices.IndexFunc(last.Places, func(p placeRows) bool { return p.Place == row.Place })
		if n < 0 {
			n = len(last.Places)
			last.Places = append(last.Places, placeRows{Place: row.Place})
		}
		last.Places[n].Rows = append(last.Places[n].Rows, row)
	}
	if pages < 2 {
		return
	}
	d.Pages.Label = say.Text("list.pages")
	at := func(n int) string { return d.Base + d.Filter.page(n) }
	if d.Filter.Page > 1 {
		d.Pages.Prev = at(d.Filter.Page - 1)
	}
	if d.Filter.Page < pages {
		d.Pages.Next = at(d.Filter.Page + 1)
	}
	for _, n := range nearby(d.Filter.Page, pages) {
		d.Pages.Pages = append(d.Pages.Pages, ui.Link{Text: strconv.Itoa(n), Href: at(n), Current: n == d.Filter.Page})
	}
}

// nearby returns the numbers of pages to which a page links: the first, the last and those around.
func nearby(page, pages int) (list []int) {
	for n := 1; n <= pages; n++ {
		if n == 1 || n == pages || n >= page-1 && n <= page+1 {
			list = append(list, n)
		}
	}
	return list
}

// options fills in what can be chosen: what the whole history has.
func (d *listData) options(say *speaker, items []*door.Item, f filter) {
	names, reason, other, last := map[string]string{}, map[string]bool{}, false, ""
	for _, i := range items {
		if i.Mine() || i.Type == door.Erased {
			continue
		}
		switch i.Org {
		case "":
			other = true
		case last: // many that follow each other are of one
		default:
			names[i.Org], last = i.Name, i.Org
		}
		for _, code := range reasons(i) {
			reason[code] = true
		}
	}
	choose := func(value, text, chosen string) option { return option{value, text, value == chosen} }
	words := func(family, chosen string, values ...string) (list []option) {
		for _, v := range values {
			list = append(list, choose(v, say.Text(plain.Key(family+"."+cmp.Or(v, "all"))), chosen))
		}
		return list
	}
	d.Who = words("filter.who", string(f.Who), "", string(people), string(machines), string(mine), string(acts))
	d.Covered = words("filter.covered", f.Covered, "", coveredAttention, coveredNo, coveredOverride, coveredYes)
	d.Orgs = words("filter.org", f.Org, "")
	ids := make([]string, 0, len(names))
	for id := range names {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(strings.Compare(names[a], names[b]), strings.Compare(a, b)) })
	for _, id := range ids {
		d.Orgs = append(d.Orgs, choose(id, names[id], f.Org))
	}
	if other {
		d.Orgs = append(d.Orgs, words("filter.org", f.Org, elsewhere)...)
	}
	d.Why = words("filter.why", f.Why, "")
	for _, code := range []string{"TREAT", "HOPERAT", "HRESCH", "PUBHLTH", "HPAYMT", "PATRQT", "HMARKT", noReason} {
		if reason[code] {
			d.Why = append(d.Why, words("filter.why", f.Why, code)...)
		}
	}
}

// summary says in a few sentences what happened in the last days.
func summary(say *speaker, items []*door.Item, now time.Time) []string {
	since := now.AddDate(0, 0, -recentDays)
	persons, systems := map[string]bool{}, map[string]bool{}
	var overrides, uncovered, refusals, readers uint64
	for _, i := range items {
		if i.When.Before(since) {
			break // they are in this order
		}
		if i.Mine() {
			continue
		}
		if refused(i) {
			refusals++
		}
		if !i.Access() {
			continue
		}
		if i.Reader != door.NoReading {
			readers++
			continue
		}
		key := i.Org + "\x00" + i.Words.Organisation + "\x00"
		if i.Words.Machine {
			systems[key+i.Words.System] = true
		} else {
			persons[key+cmp.Or(i.Staff, i.Words.Staff, i.Words.Role)] = true
		}
		marks := marksOf(i)
		if slices.Contains(marks, override) {
			overrides++
		}
		if slices.Contains(marks, notCovered) {
			uncovered++
		}
	}
	a, b := uint64(len(persons)), uint64(len(systems))
	of := func(key plain.Key, args ...string) string {
		if say.subject.acting != nil {
			key += "-acting"
		}
		return say.Text(key, args...)
	}
	var list []string
	switch {
	case a == 0 && b == 0:
		list = append(list, of("sum.nobody"))
	case b == 0:
		list = append(list, of("sum.looked", "who", say.Count("sum.people", a)))
	case a == 0:
		list = append(list, of("sum.looked", "who", say.Count("sum.systems", b)))
	default:
		who := say.Text("sum.and", "people", say.Count("sum.people", a), "systems", say.Count("sum.systems", b))
		list = append(list, of("sum.looked", "who", who))
	}
	for _, c := range []struct {
		key plain.Key
		n   uint64
	}{{"sum.overrides", overrides}, {"sum.uncovered", uncovered}, {"sum.refusals", refusals}, {"sum.readers", readers}} {
		if c.n > 0 {
			list = append(list, say.Count(c.key, c.n, "count", small(say.For(c.key), c.n)))
		}
	}
	return list
}

// small returns a small number as a word that begins a sentence.
func small(words *ui.Words, n uint64) string {
	if n >= 1 && n <= 9 {
		return words.Text(plain.Key("number." + strconv.FormatUint(n, 10)))
	}
	return strconv.FormatUint(n, 10)
}

// chart draws the accesses of the last months by organisation.
func chart(say *speaker, items []*door.Item, now time.Time) template.HTML {
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	b := draw.Bars{ID: "months", Title: say.Text("chart.title"), Words: draw.Words{
		Table: say.Text("chart.table"), Row: say.Text("chart.month"), Total: say.Text("chart.total"), Other: say.Text("chart.other"),
	}}
	counts, names := map[string][]int{}, []string{}
	total := 0
	for n := range chartMonths {
		b.Rows = append(b.Rows, say.Month(first.AddDate(0, -n, 0)))
	}
	for _, i := range items {
		if !i.Access() || i.Mine() {
			continue
		}
		t := i.When.In(now.Location())
		n := (now.Year()-t.Year())*12 + int(now.Month()) - int(t.Month())
		if n < 0 || n >= chartMonths {
			continue
		}
		name := i.Name
		if i.Org == "" {
			name = say.Text("filter.org.other")
		}
		if counts[name] == nil {
			counts[name] = make([]int, chartMonths)
			names = append(names, name)
		}
		counts[name][n]++
		total++
	}
	if total == 0 {
		return ""
	}
	slices.Sort(names)
	for _, name := range names {
		b.Series = append(b.Series, draw.Series{Name: name, Counts: counts[name]})
	}
	b.Description = say.Count("chart.description", uint64(total), "organisations", strconv.Itoa(len(names)))
	return b.Figure()
}
