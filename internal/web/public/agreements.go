package public

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// pageSize is how many agreements are on a page of the register.
const pageSize = 25

// kinds are the colours of states. Their words say the same.
var kinds = map[consent.State]string{
	consent.Proposed: "blue", consent.Approved: "teal", consent.InForce: "green", consent.UnderReview: "yellow",
	consent.Suspended: "orange", consent.Withdrawn: "grey", consent.Terminated: "red", consent.Superseded: "grey",
	consent.Expired: "grey",
}

func stateTag(words *ui.Words, s consent.State) ui.Tag {
	return ui.Tag{Text: words.Text(plain.Key("state." + string(s))), Kind: kinds[s]}
}

// listed is an agreement in the register's list.
type listed struct {
	Href, Title string
	State       ui.Tag
	Parties     []string
	Purposes    []string
	Start, End  time.Time
}

// query is what a reader filters the register by.
type query struct{ Words, State, Party string }

func (q query) href(page int) string {
	return "/register/agreements" + ui.Query(page, map[string]string{"q": q.Words, "state": q.State, "party": q.Party})
}

type option struct {
	Value, Text string
	Selected    bool
}

func (p *room) agreements(w http.ResponseWriter, r *http.Request) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	words := p.pages.Words(r)
	form := r.URL.Query()
	q := query{strings.TrimSpace(form.Get("q")), form.Get("state"), form.Get("party")}
	now, all := p.Door.Now(), rules.Agreements()
	var list []listed
	parties := map[string]bool{}
	for _, id := range all.IDs() {
		v, state := all.State(id, now)
		for _, org := range v.Text.Organisations() {
			parties[org] = true
		}
		if q.fits(v.Text, state) {
			list = append(list, p.listed(words, v.Text, state))
		}
	}
	page, _ := strconv.Atoi(form.Get("page"))
	pages := max(1, (len(list)+pageSize-1)/pageSize)
	page = min(max(page, 1), pages)
	shown := list[(page-1)*pageSize : min(page*pageSize, len(list))]
	title := words.Text("agreements.title")
	_ = p.pages.Render(w, r, http.StatusOK, "agreements", ui.Page{Title: title, Section: "register", Data: map[string]any{
		"Query": q, "List": shown, "Found": len(list), "All": len(all.IDs()),
		"States": states(words, q.State), "Parties": p.parties(parties, q.Party),
		"Pages": numbered(words.Text("agreements.pages"), page, pages, q.href),
	}})
}

func (q query) fits(t *entry.AgreementText, state consent.State) bool {
	said := strings.ToLower(t.Title + " " + t.ID)
	return (q.State == "" || q.State == string(state)) &&
		(q.Party == "" || slices.Contains(t.Organisations(), q.Party)) &&
		strings.Contains(said, strings.ToLower(q.Words))
}

func (p *room) listed(words *ui.Words, t *entry.AgreementText, state consent.State) listed {
	l := listed{
		Href: "/register/agreements/" + t.ID, Title: t.Title, State: stateTag(words, state),
		Start: t.StartTime(), End: t.EndTime().AddDate(0, 0, -1),
	}
	for _, org := range t.Organisations() {
		l.Parties = append(l.Parties, p.Door.OrgName(org))
	}
	for _, x := range t.Purposes {
		l.Purposes = append(l.Purposes, purposeOf(words, x.Code))
	}
	return l
}

// numbered returns the pagination of a list of numbered pages: the first, the last, and those around
// the current one.
func numbered(label string, page, pages int, href func(int) string) ui.Pagination {
	list := ui.Pagination{Label: label}
	if pages < 2 {
		return list
	}
	for n := max(1, page-2); n <= min(pages, page+2); n++ {
		list.Pages = append(list.Pages, ui.Link{Text: strconv.Itoa(n), Href: href(n), Current: n == page})
	}
	if page > 1 {
		list.Prev = href(page - 1)
	}
	if page < pages {
		list.Next = href(page + 1)
	}
	if page > 3 {
		list.First = href(1)
	}
	if page < pages-2 {
		list.Last = href(pages)
	}
	return list
}

func states(words *ui.Words, selected string) (list []option) {
	for _, s := range consent.States() {
		list = append(list, option{string(s), words.Text(plain.Key("state." + string(s))), string(s) == selected})
	}
	return list
}

func (p *room) parties(ids map[string]bool, selected string) (list []option) {
	for id := range ids {
		list = append(list, option{id, p.Door.OrgName(id), id == selected})
	}
	slices.SortFunc(list, func(a, b option) int { return strings.Compare(a.Text+a.Value, b.Text+b.Value) })
	return list
}

// purposeOf returns what a purpose of use is called, or its code.
func purposeOf(words *ui.Words, code string) string {
	if said, ok := words.Plain().Purpose(code); ok {
		return said
	}
	return code
}

// step is something that happened to an agreement.
type step struct {
	At     time.Time
	What   string
	Who    string
	Reason string
	Key    string // under which it was signed
	Index  uint64
	Coming bool // it is still to come
}

// party is a party of an agreement, and when it signed.
type party struct {
	Name, Role string
	Signed     time.Time // zero: not
	Functions  []ui.Row
}

// shownAgreement is a version of an agreement as its page shows it.
type shownAgreement struct {
	ID       string
	Text     *entry.AgreementText
	State    ui.Tag
	Means    string // of the state
	Versions []ui.Link
	Parties  []party
	Steps    []step
	Purposes []ui.Row
	Data     []shared
	Flows    []string
	Law      []string
	Dates    []ui.Row
	Terms    []ui.Row
	Index    uint64
}

// shared is a kind of data that is shared.
type shared struct {
	Text         string
	Codes        []string
	Identifiable bool
}

func (p *room) agreement(w http.ResponseWriter, r *http.Request) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	all, id := rules.Agreements(), r.PathValue("id")
	g := all.Get(id)
	if g == nil {
		p.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	now := p.Door.Now()
	v, state := all.State(id, now)
	if asked := r.URL.Query().Get("version"); asked != "" {
		n, err := strconv.ParseUint(asked, 10, 64)
		if err != nil || n < 1 || n > uint64(len(g.Versions)) {
			p.Site.Problem(w, r, http.StatusNotFound, "not-found")
			return
		}
		v, state = g.Versions[n-1], all.StateOf(id, n, now)
	}
	words := p.pages.Words(r)
	a := p.describe(words, id, v)
	a.State, a.Means = stateTag(words, state), words.Text(plain.Key("state."+string(state)+".means"))
	if a.Steps, err = p.steps(r.Context(), words, id, v, state); err != nil {
		p.fail(w, r, err)
		return
	}
	for _, other := range g.Versions {
		n := strconv.FormatUint(other.Text.Version, 10)
		a.Versions = append(a.Versions, ui.Link{
			Text: words.Text("agreement.version", "version", n), Current: other == v,
			Href: "/register/agreements/" + id + "?version=" + n,
		})
	}
	_ = p.pages.Render(w, r, http.StatusOK, "agreement", ui.Page{
		Title: v.Text.Title, Section: "register", Data: a,
		Crumbs: []ui.Crumb{{Text: words.Text("agreements.title"), Href: "/register/agreements"}},
	})
}

// describe returns what a version says.
func (p *room) describe(words *ui.Words, id string, v *consent.Version) *shownAgreement {
	t := v.Text
	a := &shownAgreement{ID: id, Text: t, Index: v.Proposed}
	for _, x := range t.Parties {
		one := party{Name: p.Door.OrgName(x.Org), Role: words.Text(plain.Key("party." + x.Role))}
		for _, s := range v.Signatures {
			if s.Org == x.Org {
				one.Signed = s.At
			}
		}
		one.Functions = rows(words, "function.dpo", x.DPO, "function.siro", x.SIRO, "function.caldicott", x.Caldicott,
			"function.contact", x.Contact, "function.registration", x.Registration)
		a.Parties = append(a.Parties, one)
	}
	for _, x := range t.Purposes {
		a.Purposes = append(a.Purposes, ui.Row{Key: purposeOf(words, x.Code), Value: x.Text})
	}
	for _, x := range t.Data {
		d := shared{Text: x.Text, Identifiable: x.Identifiable}
		for _, c := range x.Codes {
			said, _ := words.Plain().Data(c)
			d.Codes = append(d.Codes, said)
		}
		a.Data = append(a.Data, d)
	}
	for _, f := range t.Flows {
		a.Flows = append(a.Flows, words.Text("flow", "from", p.Door.OrgName(f.From), "to", p.Door.OrgName(f.To), "how", f.How))
	}
	for _, x := range t.Article6 {
		a.Law = append(a.Law, words.Text(plain.Key("article6."+x)))
	}
	for _, x := range t.Article9 {
		a.Law = append(a.Law, words.Text(plain.Key("article9."+x)))
	}
	a.Dates = []ui.Row{
		{Key: words.Text("agreement.start"), Value: words.Date(t.StartTime())},
		{Key: words.Text("agreement.end"), Value: words.Date(t.EndTime().AddDate(0, 0, -1))},
		{Key: words.Text("agreement.review"), Value: words.Date(t.ReviewTime().AddDate(0, 0, -1))},
	}
	a.Terms = rows(words, "term.drivers", t.Drivers, "term.necessity", t.Necessity, "term.subjects", t.Subjects,
		"term.power", t.Power, "term.condition", t.Condition, "term.quality", t.Quality, "term.retention", t.Retention,
		"term.disposal", t.Disposal, "term.security", t.Security, "term.transfers", strings.Join(t.Transfers, ", "),
		"term.roles", strings.Join(t.Roles, ", "), "term.dpia", strings.TrimSpace(t.DPIA.Reference+" "+t.DPIA.Date+" "+t.DPIA.Opinion),
		"term.rights", t.Rights, "term.breach", t.Breach, "term.notice", t.Notice.URL)
	for _, x := range t.Approvals {
		a.Terms = append(a.Terms, ui.Row{Key: words.Text("term.approval"), Value: x.Body + ", " + x.Reference + ", " + x.Date})
	}
	return a
}

// rows returns rows for the texts that are not empty: key, text, key, text…
func rows(words *ui.Words, list ...string) (out []ui.Row) {
	for i := 0; i < len(list); i += 2 {
		if list[i+1] != "" {
			out = append(out, ui.Row{Key: words.Text(plain.Key(list[i])), Value: list[i+1]})
		}
	}
	return out
}

// steps returns what happened to an agreement in the order of the log, and what is to come of this
// version.
func (p *room) steps(ctx context.Context, words *ui.Words, id string, v *consent.Version, state consent.State) ([]step, error) {
	leaves, err := p.Door.PublicHistory(ctx, "agreement:"+id)
	if err != nil {
		return nil, err
	}
	var list []step
	for _, l := range leaves {
		s := step{At: time.Unix(l.Entry.IssuedAt, 0), Who: p.Door.OrgName(l.Entry.Issuer), Key: l.Entry.KID, Index: l.Index}
		version := uint64(0)
		switch b := l.Entry.Body.(type) {
		case *entry.Agreement:
			s.What, version = "step.proposed", b.Agreement.Version
		case *entry.AgreementSignature:
			s.What, version = "step.signed", b.Version
		case *entry.AgreementAct:
			s.What, version, s.Reason = "step."+b.Act, b.Version, b.Reason
		default:
			continue
		}
		s.What = words.Text(plain.Key(s.What), "who", s.Who, "version", strconv.FormatUint(version, 10))
		list = append(list, s)
	}
	now := p.Door.Now()
	for _, c := range []struct {
		key plain.Key
		at  time.Time
	}{
		{"step.start", v.Text.StartTime()}, {"step.due", v.Text.ReviewTime().AddDate(0, 0, -1)}, {"step.end", v.Text.EndTime().AddDate(0, 0, -1)},
	} {
		if c.at.After(now) && !over[state] {
			list = append(list, step{At: c.at, What: words.Text(c.key), Coming: true})
		}
	}
	return list, nil
}

// over are the states in which nothing more is to come.
var over = map[consent.State]bool{
	consent.Withdrawn: true, consent.Terminated: true, consent.Superseded: true, consent.Expired: true,
}
