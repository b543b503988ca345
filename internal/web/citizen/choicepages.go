package citizen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/ledger/entry"
)

// mountChoices adds the pages of what a person refuses and permits.
func (p *pages) mountChoices(mux *http.ServeMux) {
	for _, base := range []string{"/you", "/you/for/{n}"} {
		p.handle(mux, "GET "+base+"/choices", p.choices)
		p.change(mux, "GET "+base+"/choices/no/{use}", p.askNo) // so that the answer comes after it, and counts at once
		p.change(mux, "POST "+base+"/choices/no/{use}", p.sayNo)
		p.handle(mux, "GET "+base+"/choices/back/{use}", p.askBack)
		p.change(mux, "POST "+base+"/choices/back/{use}", p.takeBack)
		p.change(mux, "POST "+base+"/choices/undo/{index}", p.undo)
		p.handle(mux, "GET "+base+"/choices/undo/{index}", p.again("/choices"))
	}
	p.change(mux, "GET /you/choices/out/{kind}/{index}", p.askOut)
	p.change(mux, "POST /you/choices/out/{kind}/{index}", p.keepOut)
	mux.HandleFunc("GET /notices/{hash}", p.notice)
}

// change adds what is answered only to somebody who has just proved who they are: what changes
// something, and the page before it.
func (p *pages) change(mux *http.ServeMux, pattern string, h func(http.ResponseWriter, *http.Request) error) {
	inner := http.NewServeMux()
	p.handle(inner, pattern, h)
	mux.Handle(pattern, p.Signin.Need("")(p.Signin.StepUp(inner)))
}

// again is where people come back to who had to sign in, or prove who they are, before a form was
// taken that has no page of its own: the page with the form.
func (p *pages) again(page string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, err := p.subject(r)
		if err == nil {
			http.Redirect(w, r, s.base+page+"?done="+ui.Again, http.StatusSeeOther)
		}
		return err
	}
}

// choosing is what the pages know of a person's choices.
type choosing struct {
	*subject
	history *door.History
	rules   *consent.Rules
	held    []decided
	state   func(string) []byte
	size    uint64
}

func (p *pages) choosing(r *http.Request) (*choosing, error) {
	s, h, err := p.history(r)
	if err != nil {
		return nil, err
	}
	return p.choosingOf(r, s, h)
}

// choosingOf is choosing of a history that has been read.
func (p *pages) choosingOf(r *http.Request, s *subject, h *door.History) (*choosing, error) {
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return nil, err
	}
	c := &choosing{subject: s, history: h, rules: rules, size: h.Size, held: heldOf(h)}
	known := map[string][]byte{}
	for _, id := range h.IDs {
		if known[id], err = p.Door.Log().Person(r.Context(), id); err != nil {
			return nil, err
		}
	}
	c.state = func(id string) []byte { return known[id] }
	return c, nil
}

// refusal returns the decision that refuses a use, or nil. Of several it is one that was recorded
// here, which can be taken back here.
func (c *choosing) refusal(u *use, here string, now time.Time) *decided {
	var found *decided
	for i := range c.held {
		if d := &c.held[i]; u.refusedBy(d.Rule, now) && len(d.Agreements) == 0 && (found == nil || d.from(here) && !found.from(here)) {
			found = d
		}
	}
	return found
}

// partly returns what a person refused of a use of which they did not refuse the whole.
func (c *choosing) partly(say *speaker, u *use, now time.Time) (list []ui.Link) {
	for i := range c.held {
		d := &c.held[i]
		if d.Rule == nil || d.Rule.Decision != "deny" || !during(d.Rule, now) {
			continue
		}
		for _, id := range d.Agreements {
			if u.meets(d.Rule.Purposes) && u.meets(purposesOf(c.rules, id)) {
				list = append(list, ui.Link{Text: titleOf(c.rules, id), Href: "/register/agreements/" + id})
			}
		}
		if len(d.Agreements) == 0 && len(d.Rule.Purposes) > 0 && u.meets(d.Rule.Purposes) {
			list = append(list, ui.Link{Text: say.what(d.item), Href: fmt.Sprintf("%s/access/%d", c.base, d.item.Index)})
		}
	}
	return list
}

// purposesOf returns the purposes of an agreement, none if the ledger does not know it.
func purposesOf(rules *consent.Rules, id string) (codes []string) {
	if a := rules.Agreements().Get(id); a != nil && len(a.Versions) > 0 {
		for _, p := range a.Versions[len(a.Versions)-1].Text.Purposes {
			codes = append(codes, p.Code)
		}
	}
	return codes
}

// from reports whether a decision was recorded here under the person's own number, so that it can be
// taken back here.
func (d *decided) from(here string) bool { return d.Issuer == here && d.item.ID == 0 }

// mayChange reports whether who looks may change the choices: the person, or who may decide for
// them, where an organisation records choices.
func (p *pages) mayChange(ctx context.Context, s *subject) bool {
	return p.Choices != "" && p.Door.MaySign(ctx, p.Choices, entry.PurposeAgreements) &&
		(s.acting == nil || slices.Contains(s.acting.Scope, "consent"))
}

// usePage is one use on the page of choices.
type usePage struct {
	Name, Title, Text string
	Refused           bool
	Partly            []ui.Link // what of the use is refused, where the whole is not
	Since             time.Time
	By                string     // organisation that recorded the refusal
	Here              bool       // it can be taken back here
	Now               string     // what it means now
	Allowed           []underLaw // agreements that let the record be used now
	Stopped           []underLaw // agreements that would, and do not
	Changed           []underLaw // what a no stops, or has stopped
	Kept              []underLaw // what goes on whatever the person says
	Form              string     // address of what can be done: say no, or take it back; "": nothing here
	Token             string
}

// underLaw is an agreement, with the law that it rests on.
type underLaw struct {
	ui.Link
	Law string
	Yes bool // it depends on the person's permission, which it has
}

type choicesPage struct {
	Acting    bool
	Uses      []usePage
	Asked     []underLaw // agreements that need the person's permission
	Decisions []decision
	Contact   ui.Contact
	Base      string
	MayChange bool
	Law       []string // uses that rest on law, as words name them
}

// decision is something that the person decided, in words.
type decision struct {
	What, Why, By, Href string
	Whom                []string // names of whom it is about
	When                time.Time
	Undo, Token         string // of the form that takes it back, if that is here
}

func (p *pages) choices(w http.ResponseWriter, r *http.Request) error {
	c, err := p.choosing(r)
	if err != nil {
		return err
	}
	words, now := p.room.Words(r), p.Door.Now()
	d := choicesPage{Acting: c.acting != nil, Base: c.base, MayChange: p.mayChange(r.Context(), c.subject), Contact: p.Brand.Contact,
		Law: []string{"care", "emergency", "run", "law", "asked"}}
	for i := range uses {
		u, err := p.usePage(r, c, &uses[i], d.MayChange, now)
		if err != nil {
			return err
		}
		d.Uses = append(d.Uses, *u)
	}
	asked, err := p.askedFor(words, c, now)
	if err != nil {
		return err
	}
	d.Asked = asked
	say := p.speaker(r, c.rules, c.subject)
	for _, x := range c.held {
		y := decision{What: say.what(x.item), Why: say.why(x.item), Whom: p.whomOf(say, c.history.Items, x.Rule), By: p.Door.OrgName(x.Issuer),
			When: x.When, Href: fmt.Sprintf("%s/access/%d", c.base, x.item.Index)}
		if d.MayChange && x.mayUndo(p.Choices) && !slices.ContainsFunc(uses, func(u use) bool { return u.refusedBy(x.Rule, now) }) {
			y.Undo, y.Token = undoHref(c.base, x.item.Index), uuid.NewString()
		}
		d.Decisions = append(d.Decisions, y)
	}
	page := ui.Page{Title: words.Text("choices.title"), Section: "choices", Data: d}
	if done := ui.Done(r); words.Has(plain.Key("choices.done."+done)) && d.so(done) {
		page.Notice = words.Text(plain.Key("choices.done." + done))
	}
	return p.room.Render(w, r, http.StatusOK, "choices", page)
}

// so reports whether what was done to a use still is so, which it need not be when somebody comes
// back to the page that said it.
func (d *choicesPage) so(done string) bool {
	act, name, _ := strings.Cut(done, "-")
	for _, u := range d.Uses {
		if u.Name == name {
			return act == "no" && u.Refused || act == "back" && !u.Here
		}
	}
	return true
}

// usePage says what a use is, what the person chose, and what that changes by the rules in force.
func (p *pages) usePage(r *http.Request, c *choosing, u *use, mayChange bool, now time.Time) (*usePage, error) {
	words := p.room.Words(r)
	key := plain.Key("use." + u.Name)
	out := &usePage{Name: u.Name, Title: words.Text(key + ".title"), Text: words.Text(key + ".text"), Token: uuid.NewString()}
	refusal := c.refusal(u, p.Choices, now)
	act := &entry.Consent{Consent: uuid.NewString(), Act: "refused", Scope: u.Scope, Decided: now.UTC().Format(time.RFC3339),
		Rule: u.rule(), Expressed: entry.Expressed{How: "explicit-electronic"}, Sub: c.id}
	if refusal != nil {
		act = &entry.Consent{Common: entry.Common{Issuer: refusal.Issuer}, Consent: refusal.Consent.Consent, Act: "withdrawn", Scope: refusal.Scope,
			Decided: now.UTC().Format(time.RFC3339), Expressed: entry.Expressed{How: "explicit-electronic"}, Sub: c.history.IDs[refusal.item.ID]}
	}
	supposed, err := supposing(r.Context(), c.rules, c.state, p.Door.Operator(), p.Door.Log().Origin(), c.size, act)
	if err != nil {
		return nil, err
	}
	with, without := supposed, c.state
	if refusal != nil {
		with, without = c.state, supposed
	}
	list, err := underAgreements(c.rules, u, c.id, c.state, with, without, now)
	if err != nil {
		return nil, err
	}
	changes := false
	for _, a := range list {
		x := p.underLaw(words, a)
		if a.Allowed {
			out.Allowed = append(out.Allowed, x)
		} else {
			out.Stopped = append(out.Stopped, x)
		}
		if a.Changes {
			out.Changed = append(out.Changed, x)
		} else if a.Allowed {
			out.Kept = append(out.Kept, x)
		}
		changes = changes || a.Changes
	}
	switch {
	case len(list) == 0:
		out.Now = words.Text("use.nobody")
	case len(out.Allowed) > 0:
		out.Now = words.Text("use.allowed")
	default:
		out.Now = words.Text("use.stopped")
	}
	if refusal != nil {
		out.Refused, out.Since, out.By = true, refusal.When, p.Door.OrgName(refusal.Issuer)
		out.Here = refusal.from(p.Choices) && mayChange
		if out.Here {
			out.Form = c.base + "/choices/back/" + u.Name
		}
		return out, nil
	}
	out.Partly = c.partly(p.speaker(r, c.rules, c.subject), u, now)
	// A refusal counts for agreements that do not exist yet. Where some do and it would change none
	// of them, it would be an empty promise; unless a part of it is refused, to which it adds the
	// rest.
	if mayChange && (changes || len(list) == 0 || len(out.Partly) > 0) {
		out.Form = c.base + "/choices/no/" + u.Name
	}
	return out, nil
}

// underLaw says which agreement it is, whom it lets use records, and on which law it rests.
func (p *pages) underLaw(words *ui.Words, a agreed) underLaw {
	names := make([]string, len(a.Receivers))
	for i, org := range a.Receivers {
		names[i] = p.Door.OrgName(org)
	}
	x := underLaw{Link: ui.Link{Href: "/register/agreements/" + a.ID,
		Text: words.Text("use.agreement", "title", a.Title, "who", strings.Join(names, ", "))}, Yes: a.Allowed}
	key := plain.Key("use.law")
	switch {
	case slices.Contains(a.Article6, "a"):
		key = "use.law.yes"
	case len(a.Article9) == 0:
		key = "use.law.six"
	}
	x.Law = words.Text(key, "six", strings.Join(a.Article6, ", "), "nine", strings.Join(a.Article9, ", "))
	return x
}

// askedFor returns the agreements in force that need the person's permission, and which have it.
func (p *pages) askedFor(words *ui.Words, c *choosing, now time.Time) (list []underLaw, err error) {
	any := &use{Name: "any"}
	found, err := underAgreements(c.rules, any, c.id, c.state, c.state, c.state, now)
	for _, a := range found {
		if slices.Contains(a.Article6, "a") {
			list = append(list, p.underLaw(words, a))
		}
	}
	return list, err
}

// asked is the page on which a person checks what they are about to say.
type asked struct {
	Use    *usePage
	Notice []string
	Base   string
	Acting bool
}

func (p *pages) askNo(w http.ResponseWriter, r *http.Request) error {
	u := useOf(r.PathValue("use"))
	if u == nil {
		return errNotFound
	}
	c, err := p.choosing(r)
	if err != nil {
		return err
	}
	page, err := p.usePage(r, c, u, p.mayChange(r.Context(), c.subject), p.Door.Now())
	if err != nil {
		return err
	}
	if page.Form == "" || page.Refused {
		http.Redirect(w, r, c.base+"/choices", http.StatusSeeOther)
		return nil
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "choose-no", ui.Page{Title: words.Text(plain.Key("no." + u.Name + ".title")), Section: "choices",
		Crumbs: []ui.Crumb{{Text: words.Text("choices.title"), Href: c.base + "/choices"}},
		Data:   asked{Use: page, Notice: noticeOf(words, u.Name), Base: c.base, Acting: c.acting != nil}})
}

// askBack is where somebody comes back to who had to prove first who they are.
func (p *pages) askBack(w http.ResponseWriter, r *http.Request) error {
	u := useOf(r.PathValue("use"))
	if u == nil {
		return errNotFound
	}
	c, err := p.choosing(r)
	if err != nil {
		return err
	}
	page, err := p.usePage(r, c, u, p.mayChange(r.Context(), c.subject), p.Door.Now())
	if err != nil {
		return err
	}
	if !page.Here {
		http.Redirect(w, r, c.base+"/choices", http.StatusSeeOther)
		return nil
	}
	words := p.room.Words(r)
	return p.room.Render(w, r, http.StatusOK, "choose-back", ui.Page{Title: words.Text(plain.Key("back." + u.Name + ".title")), Section: "choices",
		Crumbs: []ui.Crumb{{Text: words.Text("choices.title"), Href: c.base + "/choices"}},
		Data:   asked{Use: page, Base: c.base, Acting: c.acting != nil}})
}

// sayNo records the refusal of a use. The form's token makes it one, however often it is sent.
func (p *pages) sayNo(w http.ResponseWriter, r *http.Request) error {
	told, err := p.notified(r, r.PathValue("use"))
	if err != nil {
		return err
	}
	return p.decide(w, r, "no", func(c *choosing, u *use, token uuid.UUID, common entry.Common, now string) *entry.Consent {
		if c.refusal(u, p.Choices, p.Door.Now()) != nil {
			return nil
		}
		return &entry.Consent{Common: common, Consent: uuid.NewSHA1(token, []byte("consent")).String(), Act: "refused", Scope: u.Scope,
			Decided: now, Rule: u.rule(), Notice: told}
	})
}

// takeBack withdraws a refusal that was recorded here.
func (p *pages) takeBack(w http.ResponseWriter, r *http.Request) error {
	return p.decide(w, r, "back", func(c *choosing, u *use, _ uuid.UUID, common entry.Common, now string) *entry.Consent {
		refusal := c.refusal(u, p.Choices, p.Door.Now())
		if refusal == nil || !refusal.from(p.Choices) {
			return nil
		}
		return &entry.Consent{Common: common, Consent: refusal.Consent.Consent, Act: "withdrawn", Scope: refusal.Scope, Decided: now}
	})
}

// decide records the act that make returns about the use of a request, and shows the choices.
func (p *pages) decide(w http.ResponseWriter, r *http.Request, done string,
	make func(c *choosing, u *use, token uuid.UUID, common entry.Common, now string) *entry.Consent) error {
	u := useOf(r.PathValue("use"))
	if u == nil {
		return errNotFound
	}
	c, err := p.choosing(r)
	if err != nil {
		return err
	}
	return p.record(w, r, c, done+"-"+u.Name, func(token uuid.UUID, common entry.Common, now string) *entry.Consent {
		return make(c, u, token, common, now)
	})
}

// record records the act that make returns, and shows the choices. If make returns nil, there is
// nothing to do any more.
func (p *pages) record(w http.ResponseWriter, r *http.Request, c *choosing, done string,
	make func(token uuid.UUID, common entry.Common, now string) *entry.Consent) error {
	token, err := uuid.Parse(r.PostFormValue("token"))
	if err != nil || !p.mayChange(r.Context(), c.subject) {
		http.Redirect(w, r, c.base+"/choices", http.StatusSeeOther)
		return nil
	}
	now := p.Door.Now().UTC().Format(time.RFC3339)
	if act := make(token, entry.Common{ID: token.String()}, now); act != nil {
		act.Sub = c.id
		act.Expressed = entry.Expressed{How: "explicit-electronic", Verified: now, Language: string(p.room.Words(r).Language())}
		if c.acting != nil {
			act.By = &entry.ConsentBy{Delegation: c.acting.Held.ID}
		}
		_, err := p.Door.Sign(r.Context(), p.Choices, entry.PurposeAgreements, act)
		switch {
		case errors.Is(err, ledger.ErrConflict): // the same form, sent again
			after, err := p.choosing(r)
			if err != nil {
				return err
			}
			holds := slices.ContainsFunc(after.held, func(d decided) bool { return d.Consent.Consent == act.Consent })
			if holds == act.Ends() { // the other was decided since, and this form was left from before
				done = ui.Again
			}
		case errors.Is(err, door.ErrRefused):
			p.Logger.Error("the ledger refused a choice", "error", err)
			p.Site.Problem(w, r, http.StatusConflict, "choice-refused")
			return nil
		case err != nil:
			return err
		}
	}
	http.Redirect(w, r, c.base+"/choices?done="+done, http.StatusSeeOther)
	return nil
}
