package officer

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
)

// row is an agreement in the register.
type row struct {
	ID, Href, Title, Parties string
	State                    ui.Tag
	Start, End, Review       time.Time
	Overdue                  bool
	Waits                    string // who has not signed
}

type registerPage struct {
	Whose, States, Orders []choice
	Words                 string // that are looked for
	Rows                  []row
	Count                 int // that fit, on all pages
	Pages                 ui.Pagination
}

// orders are how the register can be sorted.
var orders = map[string]func(a, b row) int{
	"title":  func(a, b row) int { return 0 },
	"review": func(a, b row) int { return a.Review.Compare(b.Review) },
	"end":    func(a, b row) int { return a.End.Compare(b.End) },
	"start":  func(a, b row) int { return b.Start.Compare(a.Start) }, // the newest first
}

// wanted is what of the register is looked for.
type wanted struct{ whose, state, words, sort string }

func (x wanted) query(page int) string {
	return ui.Query(page, map[string]string{"whose": x.whose, "state": x.state, "words": x.words, "sort": x.sort})
}

// fits reports whether each word that is looked for is in the id, the title or the name of a party.
func (x wanted) fits(r row) bool {
	text := strings.ToLower(r.ID + " " + r.Title + " " + r.Parties)
	for _, word := range strings.Fields(strings.ToLower(x.words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// register is GET /officer/agreements: everything in the register is public, and an officer sees
// their own organisation's agreements first.
func (p *deeds) register(rw http.ResponseWriter, r *http.Request) error {
	rules, err := p.rules(r.Context())
	if err != nil {
		return err
	}
	words, q := p.words(r), r.URL.Query()
	x := wanted{q.Get("whose"), q.Get("state"), strings.TrimSpace(q.Get("words")), q.Get("sort")}
	if orders[x.sort] == nil {
		x.sort = ""
	}
	rows := p.rows(words, rules.Agreements(), signin.From(r.Context()).Org, x)
	page, _ := strconv.Atoi(q.Get("page"))
	last := max(1, (len(rows)+onPage-1)/onPage)
	page = min(max(page, 1), last)
	data := registerPage{
		Whose: []choice{{"", words.Text("register.mine"), x.whose != "all"}, {"all", words.Text("register.all"), x.whose == "all"}},
		Words: x.words, Count: len(rows), Rows: rows[(page-1)*onPage : min(len(rows), page*onPage)],
		Pages: pagination(words, "/officer/agreements", x.query, page, last),
	}
	var states []string
	for _, s := range consent.States() {
		states = append(states, string(s))
	}
	data.States = choices(words.Text("register.states"), x.state, states,
		func(s string) string { return words.Text(plain.Key("state." + s)) })
	for _, o := range []string{"title", "review", "end", "start"} {
		data.Orders = append(data.Orders, choice{o, words.Text(plain.Key("register.sort." + o)), o == cmp.Or(x.sort, "title")})
	}
	return p.render(rw, r, http.StatusOK, "register", ui.Page{
		Title: words.Text("register.title"), Section: "agreements", Crumbs: words.crumbs(), Data: data,
	})
}

// rows returns the agreements that are wanted, in their order.
func (p *deeds) rows(words words, all *consent.Agreements, org string, want wanted) (list []row) {
	now := p.now()
	for _, id := range all.IDs() {
		v, s := all.State(id, now)
		if want.whose != "all" && !slices.Contains(v.Text.Organisations(), org) {
			continue
		}
		newest := all.Get(id).Versions[len(all.Get(id).Versions)-1]
		open := all.StateOf(id, newest.Text.Version, now) == consent.Proposed
		if want.state != "" && string(s) != want.state && !(want.state == string(consent.Proposed) && open) {
			continue
		}
		x := row{ID: id, Href: agreementPath(id), Title: v.Text.Title, Parties: words.orgs(v.Text.Organisations()),
			State: words.state(s), Start: dayOf(v.Text.Start), End: dayOf(v.Text.End), Review: dayOf(v.Text.ReviewDue)}
		if !want.fits(x) {
			continue
		}
		x.Overdue = running(s) && !now.Before(v.Text.ReviewTime())
		if open {
			x.Waits = words.Text("register.waits", "version", fmt.Sprint(newest.Text.Version), "who", words.orgs(newest.Missing()))
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, func(a, b row) int {
		return cmp.Or(orders[cmp.Or(want.sort, "title")](a, b),
			cmp.Compare(strings.ToLower(a.Title), strings.ToLower(b.Title)), cmp.Compare(a.ID, b.ID))
	})
	return list
}
