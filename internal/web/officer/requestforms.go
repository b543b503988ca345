package officer

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// codesOffered are the purposes that the form offers, the usual ones. Whoever needs another uses
// the command igledger sharing.
var codesOffered = []string{"TREAT", "HOPERAT", "CAREMGT", "HQUALIMP", "PATSFTY", "PUBHLTH", "HRESCH", "GOV", "HLEGAL", "HPAYMT", "TRAIN"}

// field is a field of a form.
type field struct {
	Name, Label, Hint, Value, Error string
	Kind                            string // line, text, day, select, checks, radios
	Optional                        bool
	Choices                         []choice
}

// formSpec is a field as its form has it. Names are those of the claims of the entry, so that what
// the ledger says is wrong with a claim can be shown at its field.
type formSpec struct {
	name, kind string
	optional   bool
	choices    func(words, *work, *http.Request) ([]choice, error)
}

var askForm = []formSpec{
	{"request", "line", false, nil},
	{"holder", "select", false, otherOrganisations},
	{"data", "text", false, nil},
	{"purpose", "text", false, nil},
	{"codes", "checks", false, func(l words, _ *work, _ *http.Request) (list []choice, err error) {
		for _, c := range codesOffered {
			list = append(list, choice{Value: c, Text: l.use(c)})
		}
		return list, nil
	}},
	{"necessity", "text", false, nil},
	{"legalPower", "text", false, nil},
	{"agreement", "select", true, ownAgreements},
	{"needed", "day", true, nil},
	{"by", "line", false, nil},
}

var decideForm = []formSpec{
	{"decision", "radios", false, func(l words, _ *work, _ *http.Request) (list []choice, err error) {
		for _, d := range []string{"agreed", "agreed-in-part", "refused"} {
			list = append(list, choice{Value: d, Text: l.Text(plain.Key("decision." + d))})
		}
		return list, nil
	}},
	{"reasons", "text", false, nil},
	{"article6", "checks", true, lettersUpTo("article6.", 'f')},
	{"article9", "checks", true, lettersUpTo("article9.", 'j')},
	{"dpaCondition", "line", true, nil},
	{"dpia", "text", false, nil},
	{"dpoOpinion", "text", true, nil},
	{"retention", "text", true, nil},
	{"security", "text", true, nil},
	{"rights", "text", true, nil},
	{"interval", "line", true, nil},
	{"agreement", "select", true, ownAgreements},
	{"by", "line", false, nil},
}

func lettersUpTo(prefix string, last rune) func(words, *work, *http.Request) ([]choice, error) {
	return func(l words, _ *work, _ *http.Request) (list []choice, err error) {
		for c := 'a'; c <= last; c++ {
			list = append(list, choice{Value: string(c), Text: "(" + string(c) + ") " + l.Text(plain.Key(prefix+string(c)))})
		}
		return list, nil
	}
}

func otherOrganisations(l words, w *work, r *http.Request) ([]choice, error) {
	reg, err := w.Door.Register(r.Context())
	if err != nil {
		return nil, err
	}
	list := []choice{{"", l.Text("form.choose"), false}}
	for _, o := range reg.Organisations() {
		if o.ID != signin.From(r.Context()).Org {
			list = append(list, choice{Value: o.ID, Text: l.org(o.ID)})
		}
	}
	return list, nil
}

func ownAgreements(l words, w *work, r *http.Request) ([]choice, error) {
	rules, err := w.rules(r.Context())
	if err != nil {
		return nil, err
	}
	list := []choice{{"", l.Text("form.none"), false}}
	all := rules.Agreements()
	for _, id := range all.IDs() {
		v, state := all.State(id, w.now())
		if slices.Contains(v.Text.Organisations(), signin.From(r.Context()).Org) &&
			slices.Contains([]consent.State{consent.Proposed, consent.Approved, consent.InForce, consent.UnderReview, consent.Suspended}, state) {
			list = append(list, choice{Value: id, Text: id + ": " + v.Text.Title})
		}
	}
	return list, nil
}

type formPage struct {
	Intro  string
	Action string
	Fields []field
	Asked  []ui.Row // of a decision: what was asked
}

// fields returns the fields of a form with what was typed, and what is wrong with it.
func (w *work) fields(r *http.Request, prefix string, form []formSpec, typed url.Values,
	wrong map[string]string) ([]field, []ui.FieldError, error) {
	words := w.words(r)
	var list []field
	var errs []ui.FieldError
	for _, s := range form {
		key := plain.Key(prefix + s.name)
		f := field{Name: s.name, Label: words.Text(key + ".label"), Kind: s.kind, Optional: s.optional, Value: typed.Get(s.name),
			Error: wrong[s.name]}
		if words.Has(key + ".hint") {
			f.Hint = words.Text(key + ".hint")
		}
		if s.choices != nil {
			var err error
			if f.Choices, err = s.choices(words, w, r); err != nil {
				return nil, nil, err
			}
			for i := range f.Choices {
				f.Choices[i].Chosen = slices.Contains(typed[s.name], f.Choices[i].Value)
			}
		}
		if f.Error != "" {
			target := s.name
			if s.kind == "checks" || s.kind == "radios" {
				target += "-0"
			}
			errs = append(errs, ui.FieldError{Field: target, Text: f.Label + ": " + f.Error})
		}
		list = append(list, f)
	}
	if other := wrong[""]; other != "" {
		errs = append(errs, ui.FieldError{Text: other})
	}
	return list, errs, nil
}

// wrong returns what is not filled in, and what was chosen that could not be chosen.
func (w *work) wrong(r *http.Request, form []formSpec, typed url.Values) (map[string]string, error) {
	words, wrong := w.words(r), map[string]string{}
	for _, s := range form {
		if !s.optional && strings.TrimSpace(strings.Join(typed[s.name], "")) == "" {
			wrong[s.name] = words.Text(plain.Key("form.missing." + s.kind))
		}
		if s.choices == nil {
			continue
		}
		list, err := s.choices(words, w, r)
		if err != nil {
			return nil, err
		}
		for _, v := range typed[s.name] {
			if !slices.ContainsFunc(list, func(c choice) bool { return c.Value == v }) {
				wrong[s.name] = words.Text(plain.Key("form.missing." + s.kind))
			}
		}
	}
	return wrong, nil
}

// unfit returns what an entry has that no entry may have, by the field whose claim it is. body is
// not used afterwards: it is signed with a key that is thrown away, since that checks it whole.
func (w *work) unfit(l words, form []formSpec, org string, body entry.Body) map[string]string {
	try, err := wire.GenerateSigner(wire.EdDSA)
	if err == nil {
		_, err = entry.SignFor(try, org, w.Door.Log().Origin(), body)
	}
	var refused *wire.Error
	switch {
	case !errors.As(err, &refused):
		return nil
	case refused.Code == wire.PersonalData:
		return map[string]string{"": l.Text("form.number")}
	}
	for _, s := range form {
		if refused.What == s.name {
			return map[string]string{s.name: refused.Detail}
		}
	}
	return map[string]string{form[0].name: refused.Detail} // of the id, which has another name in the entry
}

// typedInto returns what a form was sent with: nothing but its own fields, in one spelling.
func typedInto(form []formSpec, sent url.Values) url.Values {
	out := url.Values{}
	for _, s := range form {
		for _, v := range sent[s.name] {
			if v = strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n")); v != "" {
				out.Add(s.name, v)
			}
		}
		if s.kind == "checks" {
			slices.Sort(out[s.name])
			out[s.name] = slices.Compact(out[s.name])
		}
	}
	return out
}

func (w *work) newRequest(rw http.ResponseWriter, r *http.Request) error {
	typed := w.Signin.Kept(r)
	if id := r.URL.Query().Get("draft"); typed == nil && id != "" {
		var err error
		if typed, err = w.typed(r, "ask", id); err != nil {
			return err
		}
	}
	return w.askPage(rw, r, http.StatusOK, typed, nil)
}

func (w *work) askPage(rw http.ResponseWriter, r *http.Request, code int, typed url.Values, wrong map[string]string) error {
	words := w.words(r)
	list, errs, err := w.fields(r, "ask.", askForm, typed, wrong)
	if err != nil {
		return err
	}
	data := formPage{Intro: words.Text("ask.intro"), Action: "/officer/request", Fields: list}
	return w.render(rw, r, code, "form", ui.Page{Title: words.Text("ask.title"), Section: "requests", Data: data, Errors: errs,
		Crumbs: words.crumbs(ui.Crumb{Text: words.Text("requests.title"), Href: "/officer/requests"})})
}

// ask is POST /officer/request: what was typed is checked and kept, to be signed on the next page.
func (w *work) ask(rw http.ResponseWriter, r *http.Request) error {
	typed, ok := w.form(rw, r, askForm)
	if !ok {
		return nil
	}
	u, words := signin.From(r.Context()), w.words(r)
	wrong, err := w.wrong(r, askForm, typed)
	if err != nil {
		return err
	}
	body := requestOf(typed)
	if len(wrong) == 0 {
		wrong = w.unfit(words, askForm, u.Org, requestOf(typed))
	}
	if len(wrong) == 0 && body.Late(w.now()) {
		wrong = map[string]string{"needed": words.Text("ask.needed.over")}
	}
	if len(wrong) == 0 && w.isThere(r.Context(), body.Request, func(x *consent.Request) bool {
		return x.Asked.Issuer != u.Org || !entry.Same(x.Asked, body)
	}) {
		wrong = map[string]string{"request": words.Text("ask.request.taken")}
	}
	if len(wrong) > 0 {
		return w.askPage(rw, r, http.StatusUnprocessableEntity, typed, wrong)
	}
	if err := w.keep(r, "ask", body.Request, typed); err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/request/"+url.PathEscape(body.Request)+"/sign", http.StatusSeeOther)
	return nil
}

func requestOf(typed url.Values) *entry.SharingRequest {
	return &entry.SharingRequest{
		Request: typed.Get("request"), Holder: typed.Get("holder"), Data: typed.Get("data"), Purpose: typed.Get("purpose"),
		Codes: typed["codes"], Necessity: typed.Get("necessity"), Power: typed.Get("legalPower"), Agreement: typed.Get("agreement"),
		By: typed.Get("by"), Needed: typed.Get("needed"),
	}
}

func decisionOf(request string, typed url.Values) *entry.SharingDecision {
	return &entry.SharingDecision{
		Request: request, Decision: typed.Get("decision"), Reasons: typed.Get("reasons"), Article6: typed["article6"],
		Article9: typed["article9"], Condition: typed.Get("dpaCondition"), DPIA: typed.Get("dpia"), Opinion: typed.Get("dpoOpinion"),
		Retention: typed.Get("retention"), Security: typed.Get("security"), Rights: typed.Get("rights"), Interval: typed.Get("interval"),
		By: typed.Get("by"), Agreement: typed.Get("agreement"),
	}
}

// form returns what was typed into a form, or answers that it cannot be read.
func (w *work) form(rw http.ResponseWriter, r *http.Request, form []formSpec) (url.Values, bool) {
	r.Body = http.MaxBytesReader(rw, r.Body, 2*maxForm)
	if err := r.ParseForm(); err != nil {
		w.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil, false
	}
	return typedInto(form, r.PostForm), true
}

// isThere reports whether the log has a request already of which so is true.
func (w *work) isThere(ctx context.Context, id string, so func(*consent.Request) bool) bool {
	rules, err := w.rules(ctx)
	if err != nil {
		return false
	}
	x := rules.Requests().Get(id)
	return x != nil && so(x)
}

func (w *work) newDecision(rw http.ResponseWriter, r *http.Request) error {
	x, err := w.toDecide(r)
	if err != nil {
		return err
	}
	if x.Decision != nil {
		http.Redirect(rw, r, "/officer/requests/"+url.PathEscape(x.Asked.Request), http.StatusSeeOther)
		return nil
	}
	typed := w.Signin.Kept(r)
	if typed == nil {
		typed, err = w.typed(r, "decide", x.Asked.Request)
		if err != nil && !errors.Is(err, errNotFound) {
			return err
		}
	}
	return w.decisionPage(rw, r, http.StatusOK, x, typed, nil)
}

// toDecide returns the request that an address names, if the officer's organisation is asked.
func (w *work) toDecide(r *http.Request) (*consent.Request, error) {
	x, err := w.mine(r)
	if err == nil && x.Asked.Holder != signin.From(r.Context()).Org {
		return nil, errNotFound
	}
	return x, err
}

func (w *work) decisionPage(
	rw http.ResponseWriter, r *http.Request, code int, x *consent.Request, typed url.Values, wrong map[string]string,
) error {
	words := w.words(r)
	list, errs, err := w.fields(r, "decide.", decideForm, typed, wrong)
	if err != nil {
		return err
	}
	at := "/officer/requests/" + url.PathEscape(x.Asked.Request)
	data := formPage{Intro: words.Text("decide.intro", "org", words.org(x.Asked.Issuer)), Action: at + "/decide", Fields: list,
		Asked: words.asked(x)}
	return w.render(rw, r, code, "form", ui.Page{Title: words.Text("decide.title", "id", x.Asked.Request), Section: "requests", Data: data,
		Errors: errs, Crumbs: words.crumbs(ui.Crumb{Text: words.Text("requests.title"), Href: "/officer/requests"},
			ui.Crumb{Text: words.Text("request.title", "id", x.Asked.Request), Href: at})})
}

// decide is POST /officer/requests/{id}/decide.
func (w *work) decide(rw http.ResponseWriter, r *http.Request) error {
	typed, ok := w.form(rw, r, decideForm)
	if !ok {
		return nil
	}
	x, err := w.toDecide(r)
	if err != nil {
		return err
	}
	u, words := signin.From(r.Context()), w.words(r)
	wrong, err := w.wrong(r, decideForm, typed)
	if err != nil {
		return err
	}
	if d := typed.Get("decision"); d != "" && d != "refused" && len(typed["article6"]) == 0 {
		wrong["article6"] = words.Text("decide.article6.missing")
	}
	body := decisionOf(x.Asked.Request, typed)
	if len(wrong) == 0 {
		wrong = w.unfit(words, decideForm, u.Org, decisionOf(x.Asked.Request, typed))
	}
	if x.Decision != nil && !entry.Same(x.Decision, body) {
		wrong = map[string]string{"": words.Text("decide.already")}
	}
	if len(wrong) > 0 {
		return w.decisionPage(rw, r, http.StatusUnprocessableEntity, x, typed, wrong)
	}
	if err := w.keep(r, "decide", x.Asked.Request, typed); err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/requests/"+url.PathEscape(x.Asked.Request)+"/sign", http.StatusSeeOther)
	return nil
}
