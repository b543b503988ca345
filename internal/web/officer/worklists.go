package officer

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// worklist is one of the lists of accesses that stand out.
type worklist struct {
	kind client.ReportKind
	path string
	key  plain.Key // of its words
}

var (
	uncovered  = worklist{client.Uncovered, "/officer/uncovered", "uncovered"}
	breakGlass = worklist{client.BreakGlass, "/officer/break-glass", "glass"}
	attempts   = worklist{client.Attempts, "/officer/attempts", "attempts"}
)

// todo reports whether accesses of the list have to be followed up. Attempts are there to be seen.
func (l worklist) todo() bool { return l != attempts }

// found is an access of a list with what was recorded about it.
type found struct {
	report.Finding
	followUp *followUp
}

func (f *found) status() status { return f.followUp.status() }

// todo reports whether an officer still has to do something about it.
func (f *found) todo() bool { return !f.FollowedUp && f.status().todo() }

// open returns a list of the officer's organisation, as of now.
func (w *work) open(r *http.Request, kind client.ReportKind) ([]found, *report.View, error) {
	u := signin.From(r.Context())
	view, err := w.Door.Work(r.Context(), reader(u))
	if err != nil {
		return nil, nil, err
	}
	recorded, err := w.allRecorded(r.Context(), u)
	if err != nil {
		return nil, nil, err
	}
	list := make([]found, len(view.Lists[kind]))
	for i, f := range view.Lists[kind] {
		list[i] = found{f, recorded[f.ID]}
	}
	return list, view, nil
}

// filter is what a list is narrowed to.
type filter struct {
	Month, System, Reason, Status string
}

// shown values of the filter by status, besides those of statuses.
const (
	showTodo = ""
	showAll  = "all"
	showNew  = "new"
	showDone = "done" // followed up in the ledger
)

func filterOf(q url.Values) filter {
	return filter{q.Get("month"), q.Get("system"), q.Get("reason"), q.Get("status")}
}

// Narrow reports whether the list is narrowed to something at all.
func (f filter) Narrow() bool { return f != filter{} }

func (f filter) query(page int) string {
	return ui.Query(page, map[string]string{"month": f.Month, "system": f.System, "reason": f.Reason, "status": f.Status})
}

func (f filter) fits(x *found, zone *time.Location, todo bool) bool {
	switch {
	case f.Month != "" && x.Month(zone) != f.Month,
		f.System != "" && x.System != f.System,
		f.Reason != "" && !slices.Contains(x.Rules, f.Reason):
		return false
	}
	if !todo {
		return true
	}
	switch f.Status {
	case showTodo:
		return x.todo()
	case showAll:
		return true
	case showNew:
		return x.todo() && x.status() == isNew
	case showDone:
		return x.FollowedUp
	}
	return string(x.status()) == f.Status
}

// onPage is how many accesses a page lists.
const onPage = 25

type listPage struct {
	List        worklist
	Path        string
	Intro       string
	Tabs        []ui.Link
	Filter      filter
	Months      []choice
	Systems     []choice
	Reasons     []choice
	Statuses    []choice // empty: the list has none
	Count       int      // that fit the filter
	Items       []listItem
	Pages       ui.Pagination
	Query       string
	Since       time.Time // not zero: only what the ledger took since has been read
	Dropped     bool
	MayFollowUp bool
}

type listItem struct {
	Index   uint64
	At      time.Time
	Who     string
	What    string
	Why     string
	Reasons []string
	Tag     ui.Tag
	Last    step
}

func (w *work) list(l worklist) handler {
	return func(rw http.ResponseWriter, r *http.Request) error {
		all, view, err := w.open(r, l.kind)
		if err != nil {
			return err
		}
		rules, err := w.rules(r.Context())
		if err != nil {
			return err
		}
		words, f, u := w.words(r), filterOf(r.URL.Query()), signin.From(r.Context())
		p := listPage{
			List: l, Path: l.path, Intro: words.Text(l.key + ".intro"), Tabs: words.tabs(l), Filter: f, MayFollowUp: u.Can(signin.FollowUp),
			Dropped: view.Dropped[l.kind],
		}
		if !view.Complete {
			p.Since = view.Since
		}
		w.filters(&p, words, all, rules)
		fitting := fitting(all, f, w.Door.Zone(), l.todo())
		p.Count = len(fitting)
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		last := max(1, (len(fitting)+onPage-1)/onPage)
		page = min(max(page, 1), last)
		for _, x := range fitting[min(len(fitting), (page-1)*onPage):min(len(fitting), page*onPage)] {
			p.Items = append(p.Items, words.item(&x, l, rules, u.Org))
		}
		p.Pages = pagination(words, l.path, f.query, page, last)
		p.Query = f.query(1)
		return w.render(rw, r, http.StatusOK, "list", ui.Page{
			Title: words.Text(l.key + ".title"), Section: "work", Crumbs: words.crumbs(), Data: p,
		})
	}
}

func fitting(all []found, f filter, zone *time.Location, todo bool) (list []found) {
	for _, x := range all {
		if f.fits(&x, zone, todo) {
			list = append(list, x)
		}
	}
	return list
}

// crumbs is the way to a page below the overview.
func (l words) crumbs(more ...ui.Crumb) []ui.Crumb {
	return append([]ui.Crumb{{Text: l.Text("home.title"), Href: "/officer"}}, more...)
}

func (l words) tabs(current worklist) (tabs []ui.Link) {
	for _, x := range []worklist{uncovered, breakGlass, attempts} {
		tabs = append(tabs, ui.Link{Text: l.Text(x.key + ".tab"), Href: x.path, Current: x == current})
	}
	return tabs
}

// filters fills in what a list can be narrowed to: values that it has.
func (w *work) filters(p *listPage, words words, all []found, rules *consent.Rules) {
	var months, systems, reasons []string
	reason := map[string]string{}
	for _, x := range all {
		months, systems = append(months, x.Month(w.Door.Zone())), append(systems, x.System)
		for i, said := range words.reasons(&x.Finding, rules) {
			if i < len(x.Rules) {
				reasons, reason[x.Rules[i]] = append(reasons, x.Rules[i]), said
			}
		}
	}
	months = distinct(months)
	slices.Reverse(months)
	p.Months = choices(words.Text("filter.months"), p.Filter.Month, months, words.month)
	p.Systems = choices(words.Text("filter.systems"), p.Filter.System, distinct(systems), func(s string) string { return s })
	p.Reasons = choices(words.Text("filter.reasons"), p.Filter.Reason, distinct(reasons), func(s string) string { return reason[s] })
	if !p.List.todo() {
		return
	}
	values := []string{showNew, string(isOpen), string(explained), string(incident)}
	if p.List == breakGlass {
		values = append(values, showDone)
	}
	values = append(values, showAll)
	p.Statuses = choices(words.Text("filter.todo"), p.Filter.Status, values, func(s string) string {
		return words.Text(plain.Key("filter." + s))
	})
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// reasons returns what the rules say that decided, in their order.
func (l words) reasons(f *report.Finding, rules *consent.Rules) (list []string) {
	v := &entry.Verdict{Result: f.Result, Rules: f.Rules, Policies: f.Policies}
	for i, signed := range rules.Reasons(v) {
		list = append(list, plain.In(l.Language()).Rule(f.Rules[i], signed))
	}
	return list
}

// item is a finding as a list shows it to an officer of org.
func (l words) item(x *found, list worklist, rules *consent.Rules, org string) listItem {
	out := listItem{Index: x.Index, At: x.At, Why: l.uses(x.Purpose), Reasons: l.reasons(&x.Finding, rules), Last: x.followUp.last()}
	switch {
	case x.Org == org && x.Holder == org:
		out.Who = l.Text("who.own", "system", x.System)
	case x.Org == org:
		out.Who = l.Text("who.by-us", "system", x.System, "holder", l.org(x.Holder))
	default:
		out.Who = l.Text("who.of-ours", "system", x.System, "org", l.org(x.Org))
	}
	switch {
	case x.Machine:
		out.What = l.Text("what.machine")
	case len(x.Role) > 0:
		out.What = l.Text("what.role", "role", plainCodes(x.Role))
	}
	if len(out.Reasons) == 0 {
		out.Reasons = []string{plain.In(l.Language()).Verdict(&entry.Verdict{Result: x.Result})}
	}
	if list.todo() {
		out.Tag = l.tag(x)
	}
	return out
}

// plainCodes returns codes without their systems.
func plainCodes(codes []string) string {
	list := make([]string, len(codes))
	for i, c := range codes {
		_, code, found := strings.Cut(c, "|")
		if !found {
			code = c
		}
		list[i] = code
	}
	return strings.Join(list, ", ")
}

var tagKinds = map[status]string{isNew: "red", isOpen: "yellow", explained: "green", incident: "purple"}

func (l words) tag(x *found) ui.Tag {
	if x.FollowedUp && x.status() == isNew {
		return ui.Tag{Text: l.Text("status.done"), Kind: "green"}
	}
	return ui.Tag{Text: l.Text(statusKey(x.status())), Kind: tagKinds[x.status()]}
}

func statusKey(s status) plain.Key {
	if s == isNew {
		return "status.new"
	}
	return plain.Key("status." + string(s))
}

func pagination(l words, path string, query func(page int) string, page, last int) (p ui.Pagination) {
	p.Label = l.Text("pages.label")
	if last == 1 {
		return p
	}
	if page > 1 {
		p.Prev = path + query(page-1)
	}
	if page < last {
		p.Next = path + query(page+1)
	}
	for n := max(1, page-2); n <= min(last, page+2); n++ {
		p.Pages = append(p.Pages, ui.Link{Text: strconv.Itoa(n), Href: path + query(n), Current: n == page})
	}
	if page > 3 {
		p.First = path + query(1)
	}
	if page < last-2 {
		p.Last = path + query(last)
	}
	return p
}

// lists leads to the list in which there is most probably something to do.
func (w *work) lists(rw http.ResponseWriter, r *http.Request) error {
	http.Redirect(rw, r, uncovered.path, http.StatusSeeOther)
	return nil
}

func (w *work) listCSV(l worklist) handler {
	return func(rw http.ResponseWriter, r *http.Request) error {
		all, _, err := w.open(r, l.kind)
		if err != nil {
			return err
		}
		rules, err := w.rules(r.Context())
		if err != nil {
			return err
		}
		words := w.words(r)
		rows := [][]string{{"happened", "entry", "id", "organisation", "holder", "system", "action", "purpose", "role", "machine",
			"rules", "reasons", "status", "followed up in the ledger", "note", "recorded by", "recorded at"}}
		for _, x := range fitting(all, filterOf(r.URL.Query()), w.Door.Zone(), l.todo()) {
			s := x.followUp.last()
			at := ""
			if !s.At.IsZero() {
				at = s.At.In(w.Door.Zone()).Format(time.RFC3339)
			}
			rows = append(rows, []string{
				x.At.In(w.Door.Zone()).Format(time.RFC3339), strconv.FormatUint(x.Index, 10), x.ID, x.Org, x.Holder, x.System, x.Action,
				strings.Join(x.Purpose, " "), strings.Join(x.Role, " "), strconv.FormatBool(x.Machine), strings.Join(x.Rules, " "),
				strings.Join(words.reasons(&x.Finding, rules), " "), words.Text(statusKey(x.status())), strconv.FormatBool(x.FollowedUp),
				s.Note, s.By, at,
			})
		}
		return sendCSV(rw, string(l.kind)+".csv", rows)
	}
}
