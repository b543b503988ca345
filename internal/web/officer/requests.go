package officer

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

type requestsPage struct {
	Asked    []shownRequest // of us, without an answer
	Waiting  []shownRequest // by us, without an answer
	Answered []shownRequest // of or by us
	May      bool
}

type shownRequest struct {
	ID      string
	At      time.Time
	Asker   string
	Holder  string
	Data    string
	Purpose string
	Needed  string
	Late    bool
	Tag     ui.Tag
}

var decisionKinds = map[string]string{"agreed": "green", "agreed-in-part": "yellow", "refused": "red"}

// requests is GET /officer/requests.
func (w *work) requests(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), w.words(r)
	rules, err := w.rules(r.Context())
	if err != nil {
		return err
	}
	data := requestsPage{May: u.Can(signin.Agreements)}
	for _, id := range rules.Requests().IDs() {
		x := rules.Requests().Get(id)
		shown := w.shownRequest(words, x)
		switch {
		case x.Asked.Holder != u.Org && x.Asked.Issuer != u.Org: // others' are in the public record
		case x.Decision != nil:
			data.Answered = append(data.Answered, shown)
		case x.Asked.Holder == u.Org:
			data.Asked = append(data.Asked, shown)
		default:
			data.Waiting = append(data.Waiting, shown)
		}
	}
	for _, list := range [][]shownRequest{data.Asked, data.Waiting} { // the oldest first
		slices.SortFunc(list, func(a, b shownRequest) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	}
	slices.SortFunc(data.Answered, func(a, b shownRequest) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ID, b.ID)) })
	p := ui.Page{Title: words.Text("requests.title"), Section: "requests", Crumbs: words.crumbs(), Data: data}
	return w.render(rw, r, http.StatusOK, "requests", p)
}

func (w *work) shownRequest(l words, x *consent.Request) shownRequest {
	out := shownRequest{
		ID: x.Asked.Request, At: time.Unix(x.Asked.IssuedAt, 0), Asker: l.org(x.Asked.Issuer), Holder: l.org(x.Asked.Holder),
		Data: plain.OneLine(x.Asked.Data), Purpose: l.uses(x.Asked.Codes), Tag: ui.Tag{Text: l.Text("decision.none"), Kind: "blue"},
	}
	if day, err := time.Parse(time.DateOnly, x.Asked.Needed); err == nil {
		out.Needed = l.Date(day)
		out.Late = x.Decision == nil && !w.Door.Now().Before(day.AddDate(0, 0, 1))
	}
	if x.Decision != nil {
		out.Tag = ui.Tag{Text: l.Text(plain.Key("decision." + x.Decision.Decision)), Kind: decisionKinds[x.Decision.Decision]}
	}
	return out
}

// mine returns the request that an address names, if the officer's organisation asked or is asked.
func (w *work) mine(r *http.Request) (*consent.Request, error) {
	rules, err := w.rules(r.Context())
	if err != nil {
		return nil, err
	}
	u, x := signin.From(r.Context()), rules.Requests().Get(r.PathValue("id"))
	if x == nil || x.Asked.Holder != u.Org && x.Asked.Issuer != u.Org {
		return nil, errNotFound
	}
	return x, nil
}

type requestPage struct {
	ID       string
	Asked    []ui.Row
	Decided  []ui.Row
	Tag      ui.Tag
	MayReply bool
	Ours     bool // we are asked
	Index    uint64
}

// request is GET /officer/requests/{id}.
func (w *work) request(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), w.words(r)
	x, err := w.mine(r)
	if err != nil {
		return err
	}
	data := requestPage{
		ID: x.Asked.Request, Asked: words.asked(x), Decided: words.decided(x), Tag: w.shownRequest(words, x).Tag,
		Ours: x.Asked.Holder == u.Org, Index: x.Index,
		MayReply: x.Decision == nil && x.Asked.Holder == u.Org && u.Can(signin.Agreements),
	}
	p := ui.Page{Title: words.Text("request.title", "id", x.Asked.Request), Section: "requests", Data: data,
		Crumbs: words.crumbs(ui.Crumb{Text: words.Text("requests.title"), Href: "/officer/requests"})}
	switch ui.Done(r) {
	case "asked":
		p.Notice = words.Text("request.done", "org", words.org(x.Asked.Holder))
	case "decided":
		p.Notice = words.Text("decision.done")
	}
	return w.render(rw, r, http.StatusOK, "request", p)
}

// rows returns those of a list of names and values that have a value.
func (l words) rows(prefix string, pairs ...string) (rows []ui.Row) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			rows = append(rows, ui.Row{Key: l.Text(plain.Key(prefix + pairs[i])), Value: pairs[i+1]})
		}
	}
	return rows
}

// issued returns when an entry was signed, "" if it is not signed yet.
func (l words) issued(c entry.Common) string {
	if c.IssuedAt == 0 {
		return ""
	}
	return l.When(time.Unix(c.IssuedAt, 0))
}

// issuer returns who signed an entry, "" if nobody has yet.
func (l words) issuer(c entry.Common) string {
	if c.Issuer == "" {
		return ""
	}
	return l.org(c.Issuer)
}

func (l words) asked(x *consent.Request) []ui.Row {
	a, needed := x.Asked, ""
	if day, err := time.Parse(time.DateOnly, a.Needed); err == nil {
		needed = l.Date(day)
	}
	return l.rows("ask.", "asker", l.issuer(a.Common), "holder", l.org(a.Holder), "at", l.issued(a.Common), "by", a.By,
		"data", a.Data, "purpose", a.Purpose, "codes", l.uses(a.Codes), "necessity", a.Necessity, "power", a.Power,
		"agreement", a.Agreement, "needed", needed)
}

func (l words) decided(x *consent.Request) []ui.Row {
	d := x.Decision
	if d == nil {
		return nil
	}
	return l.rows("decide.", "decision", l.Text(plain.Key("decision."+d.Decision)), "at", l.issued(d.Common), "by", d.By,
		"reasons", d.Reasons, "article6", articles("6(1)", d.Article6), "article9", articles("9(2)", d.Article9), "condition", d.Condition,
		"dpia", d.DPIA, "opinion", d.Opinion, "retention", d.Retention, "security", d.Security, "rights", d.Rights,
		"interval", d.Interval, "agreement", d.Agreement)
}

// articles returns letters as the law writes them: Article 6(1)(e).
func articles(article string, letters []string) string {
	out := ""
	for i, l := range letters {
		if i > 0 {
			out += ", "
		}
		out += "Article " + article + "(" + l + ")"
	}
	return out
}
