package paper

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/internal/web/paper/sealed"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// english has what people read about accesses.
var english = plain.In(plain.English)

// row is an entry as paper shows it.
type row struct {
	Number  int // on this paper, from 1
	When    time.Time
	Where   string
	Who     string
	What    string
	Why     string
	Covered string // in words; "" of what is no access
	Marked  bool   // it stands out, which paper shows without colour
	Href    string
}

// maker makes rows in one language.
type maker struct {
	*ui.Words
	rules *consent.Rules
	base  string
}

func (m *maker) row(i *door.Item) row {
	s := i.Words
	r := row{When: i.When, Where: i.Name, What: sentence(s.What), Why: sentence(s.Why), Href: m.base + "/print/" + strconv.FormatUint(i.Index, 10)}
	switch {
	case i.Type == door.Erased:
		r.Where, r.Who, r.What, r.Marked = m.Text("erased.where"), m.Text("erased.who"), m.Text("erased.what"), true
	case i.Reader == door.ByPerson:
		r.Who = m.Text("who.person")
	case i.Reader == door.ByDelegate:
		r.Who = m.Text("who.delegate")
	case s.Machine && s.System != "":
		r.Who = m.Text("who.system", "system", s.System)
	case s.Machine:
		r.Who = m.Text("who.machine")
	case s.Staff != "" && s.Role != "":
		r.Who = s.Staff + ", " + s.Role
	case s.Staff != "":
		r.Who = s.Staff
	case s.Role != "":
		r.Who = sentence(m.Text("who.role", "role", s.Role))
	case i.Type != entry.TypeAccess || i.Reader == door.ByOthers:
		r.Who = m.Text("who.organisation")
	default:
		r.Who = m.Text("who.unnamed")
	}
	if i.Mine() {
		r.Where, r.What, r.Why = m.Text("where.mine"), m.Text("what.mine"), ""
	}
	switch b := i.Body.(type) { // what the person chose speaks to them, as on the screen
	case *entry.Consent:
		r.What = m.Text(plain.Key("act.consent."+b.Act), "scope", english.Text(plain.Key("scope."+b.Scope)))
	case *entry.Delegation:
		r.What = m.Text("act.delegation.revoked")
		if end, err := entry.ParseTime(b.End); b.Act == "granted" && err == nil {
			r.What = m.Text("act.delegation.granted", "date", m.Date(end))
		}
	}
	if i.ID == door.Everyone {
		r.Who = m.Text("who.everyone", "who", r.Who)
	}
	if v := i.Verdict; v != nil && !i.Mine() {
		switch v.Result {
		case entry.Covered:
			r.Covered = m.Text("covered.yes")
		case entry.BreakGlass:
			r.Covered, r.Marked = m.Text("covered.override"), true
		case entry.NotCovered:
			r.Covered, r.Marked = m.Text("covered.no"), true
		}
	}
	return r
}

// sentence returns a text with a capital at its beginning.
func sentence(text string) string {
	for n, r := range text {
		return strings.ToUpper(string(r)) + text[n+len(string(r)):]
	}
	return text
}

// large reports whether large print was chosen.
func large(r *http.Request) bool { return r.URL.Query().Get("size") == "large" }

// sheet is what the print views have in common.
type sheet struct {
	Large  bool
	Base   string // of the addresses to which the script sends
	Index  string // of the one access; "": the list
	Days   int    // how long a code works
	Made   time.Time
	Desk   string // name of the organisation whose desk prints; "": the person does
	Phone  string
	Rows   []row
	Marked int // rows that stand out
	Count  int
	Self   string // address of this page
}

func (p *pages) sheet(r *http.Request, a *asking, h *door.History) (*sheet, error) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return nil, err
	}
	s := &sheet{
		Large: large(r), Base: a.base, Days: int(p.Life / (24 * time.Hour)), Made: p.Now(), Phone: p.Brand.Contact.Telephone,
		Count: len(h.Items), Self: r.URL.Path,
	}
	if a.desk != "" {
		s.Desk = p.Door.OrgName(a.desk)
	}
	m := &maker{p.room.Words(r), rules, a.base}
	for n, i := range h.Items {
		row := m.row(i)
		row.Number = n + 1
		if row.Marked {
			s.Marked++
		}
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}

// printList is the list of a citizen, to print.
func (p *pages) printList(w http.ResponseWriter, r *http.Request) error {
	a, err := p.asking(r)
	if err != nil {
		return err
	}
	h, err := p.Door.History(r.Context(), a.reader, a.id)
	if err != nil {
		return err
	}
	s, err := p.sheet(r, a, h)
	if err != nil {
		return err
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "list", ui.Page{
		Title: words.Text("list.title"), Section: "you", Scripts: []string{"seal"}, Data: s,
		Crumbs: []ui.Crumb{{Text: words.Text("nav.you"), Href: "/you"}},
	})
}

// access is one access on paper.
type access struct {
	*sheet
	Row     row
	Reasons []string
	Facts   []ui.Row
}

// printAccess is one access of a citizen's list, to print.
func (p *pages) printAccess(w http.ResponseWriter, r *http.Request) error {
	a, err := p.asking(r)
	if err != nil {
		return err
	}
	index, ok := parseIndex(r.PathValue("index"))
	if !ok {
		return errNotFound
	}
	h, err := p.Door.History(r.Context(), a.reader, a.id)
	if err != nil {
		return err
	}
	item := h.At(index)
	if item == nil {
		return errNotFound
	}
	only := *h
	only.Items = []*door.Item{item}
	s, err := p.sheet(r, a, &only)
	if err != nil {
		return err
	}
	if item.ID == 0 && item.Type != door.Erased { // of a linked number or of everyone's data there is no extract under this number
		s.Index = r.PathValue("index")
	}
	words := p.room.Words(r)
	d := &access{sheet: s, Row: s.Rows[0], Facts: p.facts(words, item, s.Rows[0])}
	if v := item.Verdict; v != nil {
		rules, err := p.Door.Rules(r.Context())
		if err != nil {
			return err
		}
		signed := rules.Reasons(v)
		for n, id := range v.Rules {
			d.Reasons = append(d.Reasons, sentence(english.Rule(id, signed[n])))
		}
	}
	return p.room.Render(w, r, http.StatusOK, "access", ui.Page{
		Title: words.Text("access.title"), Section: "you", Scripts: []string{"seal"}, Data: d,
		Crumbs: []ui.Crumb{{Text: words.Text("nav.you"), Href: "/you"}},
	})
}

func (p *pages) facts(words *ui.Words, i *door.Item, r row) (list []ui.Row) {
	add := func(key plain.Key, value string) {
		if value != "" {
			list = append(list, ui.Row{Key: words.Text(key), Value: value})
		}
	}
	add("fact.when", words.When(i.When))
	add("fact.where", r.Where)
	add("fact.who", r.Who)
	add("fact.what", r.What)
	add("fact.why", r.Why)
	add("fact.justification", i.Words.Justification)
	add("fact.result", sentence(i.Words.Result))
	add("fact.agreement", i.Agreement)
	add("fact.covered", r.Covered)
	if i.Issuer != i.Org {
		add("fact.reported", p.Door.OrgName(i.Issuer))
	}
	add("fact.position", strconv.FormatUint(i.Index, 10))
	return list
}

func parseIndex(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 53)
	return n, err == nil && strconv.FormatUint(n, 10) == s
}

// document answers with what a script seals: the id and the statement or extract. It is private to
// the reader, and what it is about is in no address.
type document struct {
	ID        string `json:"id"`
	Statement string `json:"statement"`
}

// statement makes the statement, or the extract of one access, for the script to seal.
func (p *pages) statement(w http.ResponseWriter, r *http.Request) error {
	a, err := p.asking(r)
	if err != nil {
		return err
	}
	if p.Door.Index() == nil {
		return errors.Join(errors.New("this server keeps no index of people"), errNotFound)
	}
	h, err := p.Door.History(r.Context(), a.reader, a.id) // which asks the table, and logs the reading
	if err != nil {
		return err
	}
	d := document{}
	if text := r.PostFormValue("index"); text != "" {
		index, ok := parseIndex(text)
		if item := h.At(index); !ok || item == nil || item.ID != 0 {
			return errNotFound
		}
		x, done, err := p.Door.Index().Extract(r.Context(), a.id, []uint64{index})
		if err != nil {
			return err
		}
		defer done()
		data, err := x.Marshal()
		if err != nil {
			return err
		}
		d.Statement = string(data)
	} else {
		s, err := p.Door.Index().Statement(r.Context(), a.id, nil)
		if err != nil {
			return err
		}
		defer s.Close()
		var out bytes.Buffer
		if err := s.Write(r.Context(), &out); err != nil {
			return err
		}
		d.ID, d.Statement = a.id, out.String()
	}
	if len(d.Statement) > bundle.MaxSize {
		return sealed.ErrTooLarge
	}
	return answer(w, d)
}

func answer(w http.ResponseWriter, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.Write(data) // it fails only if the reader went away
	return nil
}

// kept is the answer to what was sealed.
type kept struct {
	ID   string `json:"id"`
	Ends string `json:"ends"` // in words
}

// keep takes sealed bytes.
func (p *pages) keep(w http.ResponseWriter, r *http.Request) error {
	a, err := p.asking(r)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, sealed.MaxSize))
	if err != nil {
		return sealed.ErrTooLarge
	}
	if !sealed.Plausible(data) {
		p.Site.Problem(w, r, http.StatusBadRequest, "not-sealed")
		return nil
	}
	owners := []string{a.id}
	if a.visit != nil {
		owners = a.visit.IDs // a number that is linked with the one that was typed is the same person's
	}
	paper, err := p.store.Keep(r.Context(), owners, a.desk, data)
	if err != nil {
		return err
	}
	return answer(w, kept{paper.ID, p.room.Words(r).Date(paper.Ends)})
}

// papers lists a citizen's codes.
func (p *pages) papers(w http.ResponseWriter, r *http.Request) error {
	u := signin.From(r.Context())
	list, err := p.papersOf(r, u.ID)
	if err != nil {
		return err
	}
	words := p.room.Words(r)
	notice := ""
	if r.URL.Query().Has("taken-back") {
		notice = words.Text("papers.taken-back")
	}
	return p.room.Render(w, r, http.StatusOK, "papers", ui.Page{
		Title: words.Text("papers.title"), Section: "you", Notice: notice, Data: papersData{Base: "/you", Papers: list},
		Crumbs: []ui.Crumb{{Text: words.Text("nav.you"), Href: "/you"}, {Text: words.Text("list.title"), Href: "/you/print"}},
	})
}

type papersData struct {
	Base   string
	Papers []paperRow
}

// paperRow is a code as its owner sees it. Its id is in the address of the paper, so it may be in the
// address of a form.
type paperRow struct {
	*Paper
	By    string // name of the desk that made it; "": the person
	Live  bool
	State string
	Short string // the beginning of the id, to find the paper by
}

func (p *pages) papersOf(r *http.Request, owner string) ([]paperRow, error) {
	list, err := p.store.Of(r.Context(), owner)
	if err != nil {
		return nil, err
	}
	words := p.room.Words(r)
	var rows []paperRow
	for _, paper := range list {
		row := paperRow{Paper: paper, Live: paper.Live(p.Now()), State: words.Text("papers.works"), Short: paper.ID[:6]}
		switch {
		case !paper.TakenBack.IsZero():
			row.State = words.Text("papers.was-taken-back", "date", words.Date(paper.TakenBack))
		case !row.Live:
			row.State = words.Text("papers.ended")
		}
		if paper.Desk != "" {
			row.By = p.Door.OrgName(paper.Desk)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (p *pages) takeBack(w http.ResponseWriter, r *http.Request) error {
	a, err := p.asking(r)
	if err != nil {
		return err
	}
	if err := p.store.TakeBack(r.Context(), a.id, r.PathValue("id")); err != nil {
		return err
	}
	to := "/you/papers?taken-back"
	if a.desk != "" {
		to = a.base + "?taken-back"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
