package officer

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/draw"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/policies/purpose"
)

// Beyond these, a drawing would have too many lines to be read, and a table of who with whom is
// shown in its place.
const (
	maxDrawn    = 60 // lines
	maxDrawnOrg = 30 // organisations on one side
)

// share is one flow of an agreement in force.
type share struct {
	From, To  string // organisation ids
	Agreement string
	Title     string
	Codes     []string // purposes
	Why       string
	What      string
	How       string
	State     consent.State
}

// shares returns the flows of all agreements in force, by who gives and who gets.
func (w *work) shares(rules *consent.Rules) (list []share) {
	all := rules.Agreements()
	for _, id := range all.IDs() {
		v, state := all.State(id, w.now())
		if state != consent.InForce && state != consent.UnderReview {
			continue
		}
		var codes, why, what []string
		for _, p := range v.Text.Purposes {
			codes, why = append(codes, purpose.Code(p.Code)), append(why, plain.OneLine(p.Text))
		}
		for _, d := range v.Text.Data {
			what = append(what, plain.OneLine(d.Text))
		}
		for _, f := range v.Text.Flows {
			list = append(list, share{
				From: f.From, To: f.To, Agreement: id, Title: plain.OneLine(v.Text.Title), Codes: codes,
				Why: strings.Join(why, "; "), What: strings.Join(what, "; "), How: plain.OneLine(f.How), State: state,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b share) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Agreement, b.Agreement))
	})
	return list
}

type sharingPage struct {
	Path     string
	Orgs     []choice
	Purposes []choice
	Count    int // flows
	Drawing  template.HTML
	Matrix   *matrix
	Rows     []sharingRow
	Register string // path of an agreement's page, to which its id is added
}

type sharingRow struct {
	From, To, Agreement, Title, Purposes, Why, What, How string
	Review                                               bool
}

// matrix says how many agreements there are from whom to whom.
type matrix struct {
	To   []string
	Rows []matrixRow
}

type matrixRow struct {
	From  string
	Cells []int
}

// ownSharing is GET /officer/sharing: at first, what the officer's organisation shares.
func (w *work) ownSharing(rw http.ResponseWriter, r *http.Request) error {
	u := signin.From(r.Context())
	org := u.Org
	if r.URL.Query().Has("organisation") {
		org = r.URL.Query().Get("organisation")
	}
	return w.sharingPage(rw, r, org, "/officer/sharing", agreementsOf(u), ui.Page{Section: "officer", Crumbs: w.words(r).crumbs()})
}

// agreementsOf is where a user sees an agreement: among officers' pages, or in the public register.
func agreementsOf(u *signin.User) string {
	if u.Can(signin.Agreements) {
		return "/officer/agreements/"
	}
	return "/register/agreements/"
}

// sharing is GET /register/sharing, for everybody.
func (w *work) sharing(rw http.ResponseWriter, r *http.Request) error {
	words := w.words(r)
	return w.sharingPage(rw, r, r.URL.Query().Get("organisation"), "/register/sharing", "/register/agreements/", ui.Page{
		Section: "register", Crumbs: []ui.Crumb{{Text: words.Text("register.title"), Href: "/register/agreements"}},
	})
}

func (w *work) sharingPage(rw http.ResponseWriter, r *http.Request, org, path, register string, p ui.Page) error {
	rules, err := w.rules(r.Context())
	if err != nil {
		return err
	}
	words, code := w.words(r), r.URL.Query().Get("purpose")
	all := w.shares(rules)
	var orgs, codes []string
	for _, s := range all {
		orgs, codes = append(orgs, s.From, s.To), append(codes, s.Codes...)
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(s share) bool {
		return org != "" && s.From != org && s.To != org || code != "" && !slices.Contains(s.Codes, code)
	})
	data := sharingPage{
		Path: path, Count: len(fitting), Register: register,
		Orgs:     choices(words.Text("sharing.all-orgs"), org, distinct(orgs), words.org),
		Purposes: choices(words.Text("sharing.all-purposes"), code, distinct(codes), words.use),
	}
	for _, s := range fitting {
		data.Rows = append(data.Rows, sharingRow{
			words.org(s.From), words.org(s.To), s.Agreement, s.Title, words.uses(s.Codes), s.Why, s.What, s.How, s.State == consent.UnderReview,
		})
	}
	data.Drawing, data.Matrix = words.draw(fitting)
	p.Title, p.Data = words.Text("sharing.title"), data
	return w.render(rw, r, http.StatusOK, "sharing", p)
}

// draw returns the drawing of flows, or a table of who with whom if there are too many.
func (l words) draw(flows []share) (template.HTML, *matrix) {
	if len(flows) == 0 {
		return "", nil
	}
	d := draw.Links{ID: "sharing", Title: l.Text("sharing.drawing"), From: l.Text("sharing.from"), To: l.Text("sharing.to"),
		Description: l.Count("sharing.description", uint64(len(flows)))}
	count, used := map[string]int{}, map[string]bool{}
	for _, s := range flows {
		for _, c := range s.Codes {
			count[c]++
			used[c] = true
		}
	}
	var codes []string
	for c := range used {
		codes = append(codes, c)
	}
	slices.SortFunc(codes, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	kind := map[string]int{}
	for i, c := range codes {
		kind[c] = min(i, draw.MostKinds-1)
		switch {
		case i < draw.MostKinds-1 || len(codes) == draw.MostKinds:
			d.Kinds = append(d.Kinds, l.use(c))
		case i == draw.MostKinds-1:
			d.Kinds = append(d.Kinds, l.Text("chart.rest"))
		}
	}
	from, to := map[string]bool{}, map[string]bool{}
	seen := map[draw.Link]bool{}
	for _, s := range flows {
		from[l.org(s.From)], to[l.org(s.To)] = true, true
		for _, c := range s.Codes {
			x := draw.Link{From: l.org(s.From), To: l.org(s.To), Kind: kind[c]}
			if !seen[x] {
				seen[x] = true
				d.Links = append(d.Links, x)
			}
		}
	}
	if len(d.Links) <= maxDrawn && len(from) <= maxDrawnOrg && len(to) <= maxDrawnOrg {
		return d.Figure(), nil
	}
	m := &matrix{}
	for name := range to {
		m.To = append(m.To, name)
	}
	m.To = distinct(m.To)
	var givers []string
	for name := range from {
		givers = append(givers, name)
	}
	for _, giver := range distinct(givers) {
		row := matrixRow{From: giver, Cells: make([]int, len(m.To))}
		for i, taker := range m.To {
			agreements := map[string]bool{}
			for _, s := range flows {
				if l.org(s.From) == giver && l.org(s.To) == taker {
					agreements[s.Agreement] = true
				}
			}
			row.Cells[i] = len(agreements)
		}
		m.Rows = append(m.Rows, row)
	}
	return "", m
}

// Escaped is an agreement's id in an address.
func (r sharingRow) Escaped() string { return url.PathEscape(r.Agreement) }
