package officer

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/internal/client"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

type accessPage struct {
	Index         uint64
	ToDo          bool // it is on a list to be followed up
	Facts         []ui.Row
	Justification string // of an emergency
	Reasons       []string
	FollowedUp    bool
	Tag           ui.Tag
	Steps         []shownStep // the newest first
	May           bool
	Form          followForm
	Changed       bool
}

type shownStep struct {
	step
	Text string
	Kind string
}

type followForm struct {
	Status, Note, Token string
	Before              int
	Choices             []choice
}

// access is GET /officer/work/{index}: one access of the officer's organisation. Who looks at it is
// on record in the history of the person.
func (w *work) access(rw http.ResponseWriter, r *http.Request) error {
	form := followForm{Token: newToken()}
	if kept := w.Signin.Kept(r); kept != nil {
		form.Status, form.Note = kept.Get("status"), kept.Get("note")
	}
	p := ui.Page{}
	if ui.Done(r) != "" {
		p.Notice = w.words(r).Text("follow.done")
	}
	return w.show(rw, r, http.StatusOK, p, form, false)
}

// show answers with the page of an access.
func (w *work) show(rw http.ResponseWriter, r *http.Request, code int, p ui.Page, form followForm, changed bool) error {
	u, words := signin.From(r.Context()), w.words(r)
	o, l, err := w.opened(r)
	if err != nil {
		return err
	}
	view, err := w.Door.Work(r.Context(), reader(u))
	if err != nil {
		return err
	}
	f, err := w.recorded(r.Context(), u, o.ID)
	if err != nil {
		return err
	}
	data := accessPage{Index: o.Index, ToDo: l.todo(), Facts: words.facts(o), Reasons: o.Verdict.Plain,
		May:     u.Can(signin.FollowUp) && l.todo(),
		Changed: changed, Form: form}
	if x := o.Access.Text; x != nil {
		data.Justification = plain.OneLine(x.Justification)
	}
	for _, x := range view.Lists[l.kind] {
		if x.Index == o.Index {
			data.FollowedUp = x.FollowedUp
		}
	}
	if l.todo() {
		x := found{followUp: f}
		x.FollowedUp = data.FollowedUp
		data.Tag = words.tag(&x)
	}
	for i := len(f.Steps) - 1; i >= 0; i-- {
		s := f.Steps[i]
		data.Steps = append(data.Steps, shownStep{s, words.Text(statusKey(s.Status)), tagKinds[s.Status]})
	}
	data.Form.Before = len(f.Steps)
	for _, s := range statuses {
		data.Form.Choices = append(data.Form.Choices, choice{string(s), words.Text(statusKey(s) + ".long"), string(s) == form.Status})
	}
	at, err := entry.ParseTime(o.At)
	if err != nil {
		return err
	}
	p.Title, p.Section, p.Data = words.Text(l.key+".one", "when", words.When(at)), "work", data
	p.Crumbs = words.crumbs(ui.Crumb{Text: words.Text(l.key + ".title"), Href: l.path})
	return w.render(rw, r, code, "access", p)
}

// opened returns the access that a request is about, and on which list it is.
func (w *work) opened(r *http.Request) (*door.Opened, worklist, error) {
	index, err := strconv.ParseUint(r.PathValue("index"), 10, 63)
	if err != nil {
		return nil, worklist{}, errNotFound
	}
	o, err := w.Door.Open(r.Context(), reader(signin.From(r.Context())), index)
	if err != nil {
		return nil, worklist{}, err
	}
	switch o.Verdict.Result {
	case entry.NotCovered:
		return o, uncovered, nil
	case entry.BreakGlass:
		return o, breakGlass, nil
	case entry.AttemptOnly, entry.DecisionOnly:
		return o, attempts, nil
	}
	return nil, worklist{}, errNotFound // nothing to follow up
}

// facts says who did what, without whose record it was.
func (l words) facts(o *door.Opened) []ui.Row {
	at, _ := entry.ParseTime(o.At) // checked when it was taken
	rows := []ui.Row{{Key: l.Text("fact.when"), Value: l.When(at)}, {Key: l.Text("fact.org"), Value: l.org(o.Organisation)}}
	if o.Foreign && o.Access.Text != nil && o.Access.Text.Organisation != "" {
		rows[1].Value = l.Text("org.foreign", "name", plain.OneLine(o.Access.Text.Organisation))
	}
	add := func(key plain.Key, value string) {
		if value != "" {
			rows = append(rows, ui.Row{Key: l.Text(key), Value: value})
		}
	}
	add("fact.staff", staffOf(o.Access))
	add("fact.role", plainCodes(o.Role))
	add("fact.system", strings.Join(nonempty(o.System, o.Source), ", "))
	add("fact.holder", l.org(o.Holder))
	if o.Recipient != "" {
		add("fact.recipient", l.org(o.Recipient))
	}
	add("fact.did", plain.In(l.Language()).Did(o.Access))
	add("fact.purpose", l.uses(o.Purpose))
	add("fact.agreement", o.Access.Agreement)
	if o.Access.Text != nil {
		add("fact.said", plain.OneLine(o.Access.Text.Why))
	}
	add("fact.received", l.received(o.Received))
	add("fact.id", o.ID)
	return rows
}

func (l words) received(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return l.When(t)
}

func nonempty(list ...string) (out []string) {
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// staffOf returns who used the record, as their organisation names them.
func staffOf(a *entry.Access) string {
	if a.Staff == nil {
		return ""
	}
	name, id := plain.OneLine(a.Staff.Name), plain.OneLine(a.Staff.ID)
	switch {
	case name == "":
		return id
	case id == "":
		return name
	}
	return name + " (" + id + ")"
}

const maxForm = 64 << 10 // bytes

// followUp is POST /officer/work/{index}.
func (w *work) followUp(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		w.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil
	}
	u, words := signin.From(r.Context()), w.words(r)
	o, l, err := w.opened(r)
	if err != nil {
		return err
	}
	if !l.todo() {
		return errNotFound
	}
	before, err := strconv.Atoi(r.PostForm.Get("before"))
	if err != nil {
		before = -1 // then it is as if somebody had been first
	}
	s := step{
		Status: status(r.PostForm.Get("status")), Note: strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("note"), "\r\n", "\n")),
		At: w.Door.Now().UTC(), By: byline(u), Token: tokenOf(r.PostForm.Get("token")),
	}
	form := followForm{Status: string(s.Status), Note: s.Note, Token: newToken()}
	if field, key := checkStep(s); key != "" {
		p := ui.Page{Errors: []ui.FieldError{{Field: field, Text: words.Text(plain.Key(key))}}}
		return w.show(rw, r, http.StatusUnprocessableEntity, p, form, false)
	}
	err = w.record(r.Context(), u.Org, o.ID, before, s)
	switch {
	case errors.Is(err, errChanged):
		p := ui.Page{Errors: []ui.FieldError{{Field: "history", Text: words.Text("follow.changed")}}}
		return w.show(rw, r, http.StatusConflict, p, form, true)
	case errors.Is(err, errFull):
		p := ui.Page{Errors: []ui.FieldError{{Field: "history", Text: words.Text("follow.full")}}}
		return w.show(rw, r, http.StatusConflict, p, form, false)
	case err != nil:
		return err
	}
	http.Redirect(rw, r, "/officer/work/"+strconv.FormatUint(o.Index, 10)+"?done=1", http.StatusSeeOther)
	return nil
}

// byline is how an organisation's own records name an officer.
func byline(u *signin.User) string {
	for _, s := range []string{u.Staff.Name, u.Name, u.Staff.ID} {
		if s = plain.OneLine(s); s != "" {
			return s
		}
	}
	return u.Subject
}

// counts is what is to do on the lists.
type counts struct{ uncovered, glass int }

func (w *work) counts(r *http.Request) (c counts, err error) {
	list, view, err := w.open(r, client.Uncovered)
	if err != nil {
		return c, err
	}
	recorded, err := w.allRecorded(r.Context(), signin.From(r.Context()))
	if err != nil {
		return c, err
	}
	for _, x := range list {
		if x.todo() {
			c.uncovered++
		}
	}
	for _, f := range view.Lists[client.BreakGlass] {
		if x := (found{f, recorded[f.ID]}); x.todo() {
			c.glass++
		}
	}
	return c, nil
}
