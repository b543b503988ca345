package paper

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"crypto/rand"

	"igledger/audit/plain"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

const (
	visitShelf = "desk-visit"
	visitLife  = 30 * time.Minute
)

// visit is one person asking at one desk. It is on the shelf so that the number is on no page and in
// no address; it ends by itself, or when the member of staff says that the person is done.
type visit struct {
	ID       string         `json:"id"`  // as it was typed
	IDs      []string       `json:"ids"` // and the numbers that are linked with it
	Request  string         `json:"request"`
	Identity entry.Identity `json:"identity"`
}

// visitKey is that of a visit of this member of staff: another's token finds nothing.
func (p *pages) visitKey(u *signin.User, token string) string {
	return p.Shelf.Blind("desk visit", u.Issuer, u.Subject, u.Org, token)
}

func (p *pages) openVisit(r *http.Request) (*visit, error) {
	data, err := p.Shelf.Get(r.Context(), visitShelf, p.visitKey(signin.From(r.Context()), r.PathValue("visit")))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	v := new(visit)
	return v, json.Unmarshal(data, v)
}

func (v *visit) asking(token string, u *signin.User) *asking {
	return &asking{reader: deskReader(u, v.Request, v.Identity), id: v.ID, desk: u.Org, base: "/desk/visit/" + token, visit: v}
}

// identities are the ways to check who asks at a desk, in the order in which they are offered.
// Somebody who can sign in does not need the desk.
var identities = []entry.Identity{entry.ByDocuments, entry.ByVouching, entry.ByRecord}

// schemes are the kinds of numbers that people have.
var schemes = []string{"chi", "nhs"}

type choice struct {
	Value, Text, Hint string
	Chosen            bool
}

// deskForm is the form at the desk. It never holds the number.
type deskForm struct {
	Scheme, Identity []choice
	Request          string
	Org              string
	Minutes          int
	// Doubt stands for a number whose last digit does not fit, "" if it does. Who sends it back
	// with the same number says that the number is right: it is taken and flagged, as commands do.
	Doubt string
	Sure  bool
}

func (p *pages) desk(w http.ResponseWriter, r *http.Request) error {
	if kept := p.Signin.Kept(r); kept != nil { // all but the number
		r.PostForm, r.Form = kept, kept
	}
	notice := ""
	if r.URL.Query().Has("ended") {
		notice = p.room.Words(r).Text("desk.ended")
	}
	return p.deskPage(w, r, http.StatusOK, notice, "", nil)
}

func (p *pages) deskPage(w http.ResponseWriter, r *http.Request, status int, notice, doubt string, wrong []ui.FieldError) error {
	words := p.room.Words(r)
	d := deskForm{Org: p.Door.OrgName(signin.From(r.Context()).Org), Minutes: int(visitLife / time.Minute), Doubt: doubt}
	d.Sure = doubt != "" && r.PostFormValue("sure") == doubt
	d.Request = strings.TrimSpace(r.PostFormValue("request"))
	if entry.ContainsPersonNumber(d.Request) {
		d.Request = ""
	}
	for n, s := range schemes {
		chosen := r.PostFormValue("scheme") == s || n == 0 && r.PostFormValue("scheme") == ""
		d.Scheme = append(d.Scheme, choice{s, words.Text(plain.Key("desk.scheme." + s)), "", chosen})
	}
	for _, i := range identities {
		key := plain.Key("desk.identity." + string(i))
		d.Identity = append(d.Identity, choice{string(i), words.Text(key), words.Text(key + ".hint"), r.PostFormValue("identity") == string(i)})
	}
	return p.room.Render(w, r, status, "desk", ui.Page{Title: words.Text("desk.title"), Section: "desk", Notice: notice, Errors: wrong, Data: d})
}

// ask opens a visit. The reading is logged before it is.
func (p *pages) ask(w http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), p.room.Words(r)
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	var wrong []ui.FieldError
	bad := func(field string, key plain.Key) {
		wrong = append(wrong, ui.FieldError{Field: field, Text: words.Text(key)})
	}
	v := visit{Request: strings.TrimSpace(r.PostFormValue("request")), Identity: entry.Identity(r.PostFormValue("identity"))}
	number := strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' || c == '\u00a0' {
			return -1
		}
		return c
	}, r.PostFormValue("number"))
	v.ID = r.PostFormValue("scheme") + ":" + number
	doubt := ""
	switch scheme := r.PostFormValue("scheme"); {
	case scheme != "chi" && scheme != "nhs":
		bad("scheme-chi", "desk.scheme.wrong")
	case entry.CheckID(v.ID) != nil:
		bad("number", "desk.number.form")
	case !entry.CheckDigitOK(v.ID):
		doubt = p.Shelf.Blind("desk number", u.Issuer, u.Subject, u.Org, v.ID)
		if r.PostFormValue("sure") != doubt {
			bad("number", "desk.number.digit")
		}
	}
	known := false
	for _, i := range identities {
		known = known || i == v.Identity
	}
	if !known {
		bad("identity-"+string(identities[0]), "desk.identity.none")
	}
	switch {
	case v.Request == "":
		bad("request", "desk.request.none")
	case entry.ContainsPersonNumber(v.Request):
		bad("request", "desk.request.number")
	case len(v.Request) > 128 || !wire.Printable(v.Request):
		bad("request", "desk.request.form")
	}
	if len(wrong) > 0 {
		return p.deskPage(w, r, http.StatusUnprocessableEntity, "", doubt, wrong)
	}
	h, err := p.Door.History(r.Context(), deskReader(u, v.Request, v.Identity), v.ID)
	var denied readers.Denied
	if errors.As(err, &denied) {
		p.Logger.Warn("a front desk was refused", "org", u.Org, "why", denied)
		return p.deskPage(w, r, http.StatusForbidden, "", doubt, []ui.FieldError{{Text: words.Text("desk.denied")}})
	}
	if err != nil {
		return err
	}
	v.IDs = h.IDs
	token := rand.Text()
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := p.Shelf.Put(r.Context(), visitShelf, p.visitKey(u, token), data, p.Now().Add(visitLife)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/visit/"+token, http.StatusSeeOther)
	return nil
}

// visitData is the print view of a desk.
type visitData struct {
	*sheet
	Request  string
	Identity string
	Papers   []paperRow
	Minutes  int
	Address  string
	Doubt    string // that the number fails its check, "" if it does not
}

func (p *pages) visit(w http.ResponseWriter, r *http.Request) error {
	return p.visitPage(w, r, http.StatusOK, "", nil)
}

func (p *pages) visitPage(w http.ResponseWriter, r *http.Request, status int, address string, wrong []ui.FieldError) error {
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
	papers, err := p.papersOf(r, a.id)
	if err != nil {
		return err
	}
	words := p.room.Words(r)
	s.Self = a.base
	d := visitData{
		sheet: s, Request: a.visit.Request, Papers: papers, Minutes: int(visitLife / time.Minute), Address: address,
		Identity: words.Text(plain.Key("desk.identity." + string(a.visit.Identity))),
	}
	if !entry.CheckDigitOK(a.id) {
		d.Doubt = sentence(words.Plain().Flag(entry.FlagCheckDigit))
	}
	for i := range d.Rows {
		d.Rows[i].Href = "" // the desk prints the list as one
	}
	notice := ""
	switch q := r.URL.Query(); {
	case q.Has("taken-back"):
		notice = words.Text("papers.taken-back")
	case q.Has("post"):
		notice = words.Text("post.added")
	}
	return p.room.Render(w, r, status, "visit", ui.Page{
		Title: words.Text("visit.title"), Section: "desk", Scripts: []string{"seal"}, Data: d, Notice: notice, Errors: wrong,
		Crumbs: []ui.Crumb{{Text: words.Text("nav.desk"), Href: "/desk"}},
	})
}

// endVisit forgets the number.
func (p *pages) endVisit(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.openVisit(r); err != nil {
		return err
	}
	if err := p.forget(r.Context(), signin.From(r.Context()), r.PathValue("visit")); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk?ended", http.StatusSeeOther)
	return nil
}

func (p *pages) forget(ctx context.Context, u *signin.User, token string) error {
	return p.Shelf.Delete(ctx, visitShelf, p.visitKey(u, token))
}
