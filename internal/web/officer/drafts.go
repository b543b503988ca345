package officer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/consent"
	"igledger/consent/draft"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	draftShelf = "officer.drafts"
	maxDrafts  = 200 // of an organisation
)

// savedDraft is an agreement that an organisation is writing.
type savedDraft struct {
	Text     string    `json:"text"`
	ID       string    `json:"id"` // of the agreement, as far as it can be read
	Title    string    `json:"title"`
	Version  uint64    `json:"version"`
	Wrong    int       `json:"wrong"` // problems
	By       string    `json:"by"`    // display name of who saved it
	At       time.Time `json:"at"`
	Revision int       `json:"revision"`

	kept   bool   // Text is what was typed when a session ended, and is not saved
	theirs string // what another saved meanwhile, if Text could not be saved
}

// key returns where a draft lies: what another organisation wrote is not found there.
func (p *deeds) draftKey(u *signin.User, id string) string { return u.Org + "/" + id }

func (p *deeds) loadDraft(r *http.Request) (*savedDraft, error) {
	data, err := p.Shelf.Get(r.Context(), draftShelf, p.draftKey(signin.From(r.Context()), r.PathValue("draft")))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	d := new(savedDraft)
	return d, json.Unmarshal(data, d)
}

type shownDraft struct {
	savedDraft
	Href string
}

// listDrafts returns the drafts of the officer's organisation, the newest first.
func (p *deeds) listDrafts(r *http.Request) (list []shownDraft, err error) {
	prefix := p.draftKey(signin.From(r.Context()), "")
	items, err := p.Shelf.List(r.Context(), draftShelf, prefix, "", maxDrafts)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		d := shownDraft{Href: "/officer/drafts/" + url.PathEscape(strings.TrimPrefix(item.Key, prefix))}
		if err := json.Unmarshal(item.Value, &d.savedDraft); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b shownDraft) int { return b.At.Compare(a.At) })
	return list, nil
}

// drafts is GET /officer/drafts.
func (p *deeds) drafts(rw http.ResponseWriter, r *http.Request) error {
	list, err := p.listDrafts(r)
	if err != nil {
		return err
	}
	words := p.words(r)
	return p.render(rw, r, http.StatusOK, "drafts", ui.Page{Title: words.Text("drafts.title"), Section: "agreements", Data: list,
		Notice: p.notice(r, words), Crumbs: words.crumbs(ui.Crumb{Text: words.Text("register.title"), Href: "/officer/agreements"})})
}

// problem is what is wrong with a line.
type problem struct {
	draft.Problem
	Quoted string // the line
}

type editorPage struct {
	Action, Text string
	Revision     int
	Draft        string // address of the saved draft
	By           string
	At           time.Time
	Problems     []problem
	Checked      bool // and nothing is wrong
	Explained    []explainedField
	Rows         int
	Differs      template.HTML // from what another saved
	Examples     []string      // fields that still have the template's words
}

type explainedField struct {
	draft.Explained
	Anchor string
}

// newDraft is GET /officer/draft: from the template, or from the newest version of an agreement.
func (p *deeds) newDraft(rw http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("amend")
	if id == "" {
		d := &savedDraft{Text: string(draft.Template())}
		if kept := p.Signin.Kept(r); kept != nil { // the session ended while it was written
			d.Text, d.kept = unix(kept.Get("text")), true
		}
		return p.editor(rw, r, http.StatusOK, d, "", nil)
	}
	rules, err := p.rules(r.Context())
	if err != nil {
		return err
	}
	a := rules.Agreements().Get(id)
	if a == nil || !slices.Contains(a.Versions[len(a.Versions)-1].Text.Organisations(), signin.From(r.Context()).Org) {
		return errNotFound
	}
	var agreed []*entry.AgreementText
	for _, v := range a.Versions {
		if v.Complete() && !v.Withdrawn {
			agreed = append(agreed, v.Text)
		}
	}
	text, err := draft.YAML(draft.Amend(a.Versions[len(a.Versions)-1].Text, agreed, p.now()))
	if err != nil {
		return err
	}
	return p.editor(rw, r, http.StatusOK, &savedDraft{Text: string(text)}, "", nil)
}

// draft is GET /officer/drafts/{draft}.
func (p *deeds) draft(rw http.ResponseWriter, r *http.Request) error {
	d, err := p.loadDraft(r)
	if err != nil {
		return err
	}
	if kept := p.Signin.Kept(r); kept != nil {
		d.Text, d.kept = unix(kept.Get("text")), true
		d.Revision, _ = strconv.Atoi(kept.Get("revision"))
	}
	problems, _, err := p.problems(r.Context(), signin.From(r.Context()).Org, d.Text)
	if err != nil {
		return err
	}
	return p.editor(rw, r, http.StatusOK, d, r.PathValue("draft"), problems)
}

func (p *deeds) editor(rw http.ResponseWriter, r *http.Request, code int, d *savedDraft, id string, problems []draft.Problem) error {
	words := p.words(r)
	data := editorPage{Action: "/officer/draft", Text: d.Text, Revision: d.Revision, By: d.By, At: d.At,
		Rows: min(max(strings.Count(d.Text, "\n")+2, 24), 60)}
	title := words.Text("editor.title.new")
	if id != "" {
		data.Draft = "/officer/drafts/" + url.PathEscape(id)
		data.Action = data.Draft
		data.Checked = len(problems) == 0
		if title = words.Text("editor.title"); d.Title != "" {
			title = words.Text("editor.title.of", "title", d.Title)
		}
	}
	if id != "" {
		if t, err := draft.Read([]byte(d.Text)); err == nil {
			if data.Examples, err = words.examples(t, d.Text); err != nil {
				return err
			}
		}
	}
	if d.theirs != "" {
		data.Differs = marked(diffLines(d.theirs, d.Text), drop, add)
	}
	notice := p.notice(r, words)
	if d.kept {
		notice = words.Text("editor.kept")
	}
	lines := strings.Split(d.Text, "\n")
	var errs []ui.FieldError
	for _, x := range problems {
		one := problem{Problem: x}
		if x.Line > 0 && x.Line <= len(lines) {
			one.Quoted = strings.TrimSpace(lines[x.Line-1])
		}
		data.Problems = append(data.Problems, one)
		errs = append(errs, ui.FieldError{Field: "text", Text: words.problem(x)})
	}
	list, err := draft.Explain()
	if err != nil {
		return err
	}
	for _, x := range list {
		data.Explained = append(data.Explained, explainedField{x, "about-" + strings.ReplaceAll(x.Path, ".", "-")})
	}
	return p.render(rw, r, code, "editor", ui.Page{Title: title, Section: "agreements", Data: data, Errors: errs, Notice: notice,
		Scripts: []string{"officer-edit"}, Crumbs: words.crumbs(ui.Crumb{Text: words.Text("register.title"), Href: "/officer/agreements"},
			ui.Crumb{Text: words.Text("drafts.title"), Href: "/officer/drafts"})})
}

// examples returns the names of fields that still have the words of the template or a stopgap, with
// their lines if they are in text.
func (l words) examples(t *entry.AgreementText, text string) (names []string, err error) {
	list, err := draft.Examples(t)
	lines := map[string]int{}
	var left *draft.Error
	if _, err := draft.Check([]byte(text)); errors.As(err, &left) {
		for _, p := range left.Problems {
			lines[p.Field] = p.Line
		}
	}
	for _, f := range list {
		name := l.nameOf(f)
		if n := lines[f.Path]; n > 0 {
			name = l.Text("editor.example", "field", name, "n", strconv.Itoa(n))
		}
		names = append(names, name)
	}
	return names, err
}

// problem says in a sentence what is wrong, with the line.
func (l words) problem(x draft.Problem) string {
	text := x.Words + " " + x.Wrong + "."
	if x.Line > 0 {
		text = l.Text("editor.line", "n", strconv.Itoa(x.Line)) + " " + text
	}
	if x.Write != "" {
		text += " " + x.Write
	}
	return text
}

// problems returns what is wrong with a draft: with its form, or, if that is good, what the ledger
// would not take.
func (p *deeds) problems(ctx context.Context, org, text string) ([]draft.Problem, *entry.AgreementText, error) {
	t, err := draft.Read([]byte(text))
	if err != nil {
		var wrong *draft.Error
		if errors.As(err, &wrong) {
			return wrong.Problems, nil, nil
		}
		return nil, nil, err
	}
	rules, err := p.rules(ctx)
	if err != nil {
		return nil, nil, err
	}
	reg, err := p.Door.Register(ctx)
	if err != nil {
		return nil, nil, err
	}
	prepared, err := entry.PrepareFor(wire.JWK{Kty: "OKP", Crv: "Ed25519"}, org, p.Door.Log().Origin(), &entry.Agreement{Agreement: *t})
	if err != nil {
		return nil, nil, err
	}
	e, err := prepared.Complete(make([]byte, 64)) // for its form: rules do not look at signatures
	if err == nil {
		_, err = rules.Agreements().Apply(e, 1, reg)
	}
	var refused *wire.Error
	if errors.As(err, &refused) {
		return []draft.Problem{{Words: p.ledgerWords(), Wrong: "would not take it: " + refused.Detail}}, t, nil
	}
	return nil, t, err
}

// ledgerWords is who speaks in what rules say. Those sentences are English, as the schema's are.
func (p *deeds) ledgerWords() string { return "The ledger" }

// checkDraft is POST /officer/draft/check: what the editor's script asks while somebody types.
func (p *deeds) checkDraft(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, 2*maxForm+3*draft.MaxSize)
	if err := r.ParseForm(); err != nil {
		return sendJSON(rw, http.StatusBadRequest, map[string]any{"error": "form"})
	}
	text := unix(r.PostForm.Get("text"))
	list, _, err := p.problems(r.Context(), signin.From(r.Context()).Org, text)
	if err != nil {
		return err
	}
	type said struct {
		Line int    `json:"line"`
		Text string `json:"text"`
	}
	words, out := p.words(r), []said{}
	for _, x := range list {
		out = append(out, said{x.Line, words.problem(x)})
	}
	return sendJSON(rw, http.StatusOK, map[string]any{"problems": out})
}

func unix(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// errStale says that somebody else saved the draft since it was opened.
var errStale = errors.New("the draft has been saved by another")

// saveDraft is POST /officer/draft and /officer/drafts/{draft}. What was typed is kept whether it
// is right or not.
func (p *deeds) saveDraft(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, 2*maxForm+3*draft.MaxSize)
	if err := r.ParseForm(); err != nil {
		p.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil
	}
	u, words, id := signin.From(r.Context()), p.words(r), r.PathValue("draft")
	d := &savedDraft{Text: unix(r.PostForm.Get("text")), By: u.Name, At: p.Door.Now().UTC()}
	if len(d.Text) > draft.MaxSize {
		return p.editor(rw, r, http.StatusUnprocessableEntity, d, id, []draft.Problem{{Words: words.Text("editor.text"),
			Wrong: words.Text("editor.long")}})
	}
	problems, t, err := p.problems(r.Context(), u.Org, d.Text)
	if err != nil {
		return err
	}
	d.Wrong = len(problems)
	d.ID, d.Title = field0(d.Text, "id"), field0(d.Text, "title")
	if t != nil {
		d.ID, d.Title, d.Version = t.ID, t.Title, t.Version
	}
	sent, _ := strconv.Atoi(r.PostForm.Get("revision"))
	if id == "" {
		if list, err := p.listDrafts(r); err != nil {
			return err
		} else if len(list) >= maxDrafts {
			return p.editor(rw, r, http.StatusUnprocessableEntity, d, id, []draft.Problem{{Words: words.Text("editor.text"),
				Wrong: words.Text("editor.many")}})
		}
		id = rand.Text()
		sent = 0
		d.Revision = 1
		data, err := json.Marshal(d)
		if err == nil {
			err = p.Shelf.Add(r.Context(), draftShelf, p.draftKey(u, id), data, time.Time{})
		}
		if err != nil {
			return err
		}
	} else if err := p.replaceDraft(r, u, id, sent, d); errors.Is(err, errStale) {
		return p.editor(rw, r, http.StatusConflict, d, id, []draft.Problem{{Words: words.Text("editor.text"),
			Wrong: words.Text("editor.stale", "by", d.By)}})
	} else if err != nil {
		return err
	}
	path := "/officer/drafts/" + url.PathEscape(id)
	switch {
	case len(problems) > 0:
		return p.editor(rw, r, http.StatusUnprocessableEntity, d, id, problems)
	case r.PostForm.Get("next") == "propose":
		http.Redirect(rw, r, path+"/propose", http.StatusSeeOther)
	default:
		http.Redirect(rw, r, path+"?done=saved", http.StatusSeeOther)
	}
	return nil
}

// replaceDraft stores a draft in place of the revision that was opened. If there is another by now,
// d says who saved what: who has seen that can save over it.
func (p *deeds) replaceDraft(r *http.Request, u *signin.User, id string, sent int, d *savedDraft) error {
	return p.Shelf.Update(r.Context(), draftShelf, p.draftKey(u, id), func(old []byte) ([]byte, time.Time, error) {
		if old == nil {
			return nil, time.Time{}, errNotFound
		}
		var there savedDraft
		if err := json.Unmarshal(old, &there); err != nil {
			return nil, time.Time{}, err
		}
		if there.Revision != sent && there.Text != d.Text {
			d.By, d.At, d.Revision, d.theirs = there.By, there.At, there.Revision, there.Text
			return nil, time.Time{}, errStale
		}
		d.Revision = there.Revision + 1
		data, err := json.Marshal(d)
		return data, time.Time{}, err
	})
}

// field0 returns a member of a text that may not be YAML yet, for the list of drafts.
func field0(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			value, _, _ = strings.Cut(value, " #")
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}

// deleteDraft is POST /officer/drafts/{draft}/delete.
func (p *deeds) deleteDraft(rw http.ResponseWriter, r *http.Request) error {
	if err := p.Shelf.Delete(r.Context(), draftShelf, p.draftKey(signin.From(r.Context()), r.PathValue("draft"))); err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/drafts?done=deleted", http.StatusSeeOther)
	return nil
}

// toPropose finds the proposal that a draft is.
func (p *deeds) toPropose(r *http.Request) (*deed, error) {
	saved, err := p.loadDraft(r)
	if err != nil {
		return nil, err
	}
	u, words := signin.From(r.Context()), p.words(r)
	t, err := draft.Read([]byte(saved.Text))
	if err != nil {
		return nil, errUnfinished
	}
	key, id := p.draftKey(u, r.PathValue("draft")), t.ID
	return &deed{
		kind: "propose", purpose: entry.PurposeAgreements, body: &entry.Agreement{Agreement: *t}, text: t,
		args: []string{"title", t.Title, "id", id, "version", fmt.Sprint(t.Version), "org", words.org(u.Org)},
		at:   "/officer/drafts/" + url.PathEscape(r.PathValue("draft")) + "/propose",
		done: fmt.Sprintf("%s?version=%d&done=proposed", agreementPath(id), t.Version),
		already: func(ctx context.Context) bool {
			return p.isSo(ctx, t, func(v *consent.Version) bool { return v.By == u.Org && reflect.DeepEqual(v.Text, t) })
		},
		after: func(ctx context.Context) error { return p.Shelf.Delete(ctx, draftShelf, key) },
	}, nil
}

// errUnfinished says that a draft is not yet an agreement.
var errUnfinished = errors.New("the draft has problems")
