package citizen

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
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

// mountPeople adds the pages about other people and about the person's numbers.
func (p *pages) mountPeople(mux *http.ServeMux) {
	p.handle(mux, "GET /you/people", p.people)
	p.change(mux, "POST /you/people/{index}/end", p.endDelegation)
	p.handle(mux, "GET /you/people/{index}/end", p.again("/people"))
	p.handle(mux, "GET /you/numbers", p.numbers)
	p.handle(mux, "GET /you/told", p.told)
}

// peoplePage has who may act for the person, and for whom they may act.
type peoplePage struct {
	For     []acting // who acts for the person
	Ended   []acting
	Actings []acting // for whom the person acts
	Contact ui.Contact
}

// acting is one delegation.
type acting struct {
	Who        string // the name, or the kind of delegate
	Kind       string
	May        string
	Start, End time.Time
	By         string // organisation that recorded it
	Looks      uint64 // of the delegate at the person's list
	LooksHref  string
	Href       string // of the list of the person for whom one acts
	Choices    string // of their choices, if one may decide for them
	EndForm    string // address of the form that ends it; "": it is not ended here
	Token      string
	Number     string // of the person for whom one acts
}

// mandates are the kinds of delegation that rest on nothing but the person's own wish, so that they
// may end them with a word. The others rest on law, on a court or on a registered deed.
var mandates = []string{"AGNT", "DELEGATEE"}

func (p *pages) people(w http.ResponseWriter, r *http.Request) error {
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	held, err := p.Door.Delegations(r.Context(), s.id)
	if err != nil {
		return err
	}
	words, now := p.room.Words(r), p.Door.Now()
	d := &peoplePage{Contact: p.Brand.Contact}
	for _, i := range h.Items {
		b, ok := i.Body.(*entry.Delegation)
		if !ok || b.Act != "granted" || i.ID != 0 {
			continue
		}
		n := slices.IndexFunc(held, func(x consent.Held) bool { return x.ID == b.Delegation })
		if n < 0 {
			continue
		}
		a := acting{Kind: kindOf(words, b.Kind), May: scopes(words, held[n].Scope), Start: held[n].Start, End: held[n].End,
			By: p.Door.OrgName(i.Issuer), LooksHref: "/you" + filter{Who: mine}.query()}
		a.Who = a.Kind
		if b.Delegate != nil && b.Delegate.Name != "" {
			a.Who = plain.OneLine(b.Delegate.Name)
		}
		for _, look := range h.Items {
			if look.Delegation == b.Delegation && look.Reader == door.ByDelegate {
				a.Looks++
			}
		}
		if !held[n].Live(now) {
			d.Ended = append(d.Ended, a)
			continue
		}
		if slices.Contains(mandates, b.Kind) && i.Issuer == p.Choices && p.mayChange(r.Context(), s) {
			a.EndForm, a.Token = "/you/people/"+strconv.FormatUint(i.Index, 10)+"/end", uuid.NewString()
		}
		d.For = append(d.For, a)
	}
	list, err := p.Door.ActsFor(r.Context(), s.id)
	if err != nil {
		return err
	}
	for _, f := range list {
		a := acting{Kind: kindOf(words, f.Kind), May: scopes(words, f.Scope), Start: f.Start, End: f.End, Number: number(words, f.ID)}
		if slices.Contains(f.Scope, "access") {
			a.Href = "/you/for/" + strconv.FormatUint(f.Index, 10)
			if slices.Contains(f.Scope, "consent") {
				a.Choices = a.Href + "/choices"
			}
		}
		d.Actings = append(d.Actings, a)
	}
	page := ui.Page{Title: words.Text("people.title"), Section: "people", Data: d}
	if done := plain.Key("people.done." + ui.Done(r)); words.Has(done) {
		page.Notice = words.Text(done)
	}
	return p.room.Render(w, r, http.StatusOK, "people", page)
}

// kindOf says what kind of delegate somebody is, as a sentence begins.
func kindOf(words *ui.Words, kind string) string {
	return sentence(plain.In(words.Language()).Text(plain.Key("delegate." + kind)))
}

func scopes(words *ui.Words, list []string) string {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = plain.In(words.Language()).Text(plain.Key("may." + s))
	}
	return strings.Join(texts, ", ")
}

// number returns a person's number as people write it, for that person's own page.
func number(words *ui.Words, id string) string {
	scheme, n, _ := strings.Cut(id, ":")
	switch scheme {
	case "chi":
		return words.Text("number.chi", "number", n[:6]+" "+n[6:])
	case "nhs":
		return words.Text("number.nhs", "number", n[:3]+" "+n[3:6]+" "+n[6:])
	}
	org, local, _ := strings.Cut(n, ":")
	return words.Text("number.local", "number", local, "who", org)
}

// endDelegation ends a delegation that the person gave of their own accord, and that was recorded
// here.
func (p *pages) endDelegation(w http.ResponseWriter, r *http.Request) error {
	index, ok := parseIndex(r.PathValue("index"))
	if !ok {
		return errNotFound
	}
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	i := h.At(index)
	if i == nil {
		return errNotFound
	}
	b, ok := i.Body.(*entry.Delegation)
	token, bad := uuid.Parse(r.PostFormValue("token"))
	if !ok || bad != nil || i.ID != 0 || i.Issuer != p.Choices || !slices.Contains(mandates, b.Kind) || !p.mayChange(r.Context(), s) {
		return errNotFound
	}
	_, err = p.Door.Sign(r.Context(), p.Choices, entry.PurposeAgreements, &entry.Delegation{Common: entry.Common{ID: token.String()},
		Delegation: b.Delegation, Act: "revoked", Sub: s.id})
	// Sent again, or ended before: it is ended either way.
	if err != nil && !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, door.ErrRefused) {
		return err
	}
	http.Redirect(w, r, "/you/people?done=ended", http.StatusSeeOther)
	return nil
}

// numbersPage has the numbers under which the person is known.
type numbersPage struct {
	Numbers []string
	Links   []link
	Contact ui.Contact
}

// link is an act by which two numbers were joined, or parted.
type link struct {
	What, Why, By string
	When          time.Time
}

func (p *pages) numbers(w http.ResponseWriter, r *http.Request) error {
	_, h, err := p.history(r)
	if err != nil {
		return err
	}
	words := p.room.Words(r)
	d := numbersPage{Contact: p.Brand.Contact}
	for _, id := range h.IDs {
		d.Numbers = append(d.Numbers, number(words, id))
	}
	for _, i := range h.Items {
		if b, ok := i.Body.(*entry.Link); ok && i.ID == 0 {
			d.Links = append(d.Links, link{What: words.Text(plain.Key("numbers."+b.Act), "number", number(words, b.Other)),
				Why: plain.OneLine(b.Reason), By: p.Door.OrgName(i.Issuer), When: i.When})
		}
	}
	return p.room.Render(w, r, http.StatusOK, "numbers", ui.Page{Title: words.Text("numbers.title"), Section: "people", Data: d,
		Crumbs: []ui.Crumb{{Text: words.Text("people.title"), Href: "/you/people"}}})
}

// toldPage has what the person was told, or must be told, and when.
type toldPage struct {
	Items      []told
	Agreements []ui.Link // what agreements say was told to people about them
}

type told struct {
	When time.Time
	What string
	Text string
	Href string // of the entry
	Read string // where the text is that they were told
}

func (p *pages) told(w http.ResponseWriter, r *http.Request) error {
	s, h, err := p.history(r)
	if err != nil {
		return err
	}
	rules, err := p.Door.Rules(r.Context())
	if err != nil {
		return err
	}
	words := p.room.Words(r)
	d := &toldPage{}
	named := map[string]bool{}
	for _, i := range h.Items {
		href := s.base + "/access/" + strconv.FormatUint(i.Index, 10)
		if b, ok := i.Body.(*entry.Consent); ok && b.Notice != nil {
			d.Items = append(d.Items, told{When: i.When, What: words.Text("told.notice", "who", p.Door.OrgName(i.Issuer)), Href: href,
				Read: webAddress(b.Notice.URL)})
		}
		if v := i.Verdict; v != nil && v.Result == entry.BreakGlass && i.Access() {
			key := plain.Key("told.emergency")
			if slices.Contains(v.Rules, "break-glass-restricted") {
				key = "told.emergency-restricted"
			}
			d.Items = append(d.Items, told{When: i.When, What: words.Text(key, "who", i.Name), Text: plain.OneLine(i.Words.Justification), Href: href})
		}
		if i.Agreement != "" && !named[i.Agreement] {
			named[i.Agreement] = true
			if a := rules.Agreements().Get(i.Agreement); a != nil {
				t := a.Versions[len(a.Versions)-1].Text
				d.Agreements = append(d.Agreements, ui.Link{Text: words.Text("told.agreement", "title", t.Title), Href: webAddress(t.Notice.URL)})
			}
		}
	}
	return p.room.Render(w, r, http.StatusOK, "told", ui.Page{Title: words.Text("told.title"), Section: "told", Data: d})
}

// webAddress returns an address that a page may link to, or "" for one that is not of the web.
func webAddress(url string) string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return url
	}
	return ""
}
