package officer

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/draw"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
)

// deeds has the pages of agreements and keys: what is signed, and signing it.
type deeds struct{ *work }

func mountDeeds(mux *http.ServeMux, d Deps) error {
	w, err := newWork(d)
	if err != nil {
		return err
	}
	p := &deeds{w}
	agreements := []signin.Permission{signin.Agreements}
	administer := []signin.Permission{signin.Administer}
	// Who had to sign in before one of these forms was taken comes back to where it is.
	for pattern, to := range map[string]string{
		"GET /officer/keys/{kid}/refuse": "/officer/inbox", "GET /officer/drafts/{draft}/delete": "/officer/drafts",
	} {
		mux.Handle(pattern, http.RedirectHandler(to, http.StatusSeeOther))
	}
	for _, route := range []struct {
		pattern string
		serve   handler
		may     []signin.Permission
		sure    bool
	}{
		{"GET /officer/agreements", p.register, agreements, false},
		{"GET /officer/agreements/{id}", p.agreement, agreements, false},
		{"GET /officer/agreements/{id}/compare", p.compare, agreements, false},
		{"GET /officer/agreements/{id}/{version}/{act}", p.show(p.toAct), agreements, true},
		{"POST /officer/agreements/{id}/{version}/{act}", p.perform(p.toAct), agreements, true},
		{"GET /officer/agreements/{id}/{version}/decline", p.declining, agreements, false},
		{"POST /officer/agreements/{id}/{version}/decline", p.decline, agreements, false},
		{"GET /officer/inbox", p.inbox, nil, false},
		{"GET /officer/drafts", p.drafts, agreements, false},
		{"GET /officer/draft", p.newDraft, agreements, false},
		{"POST /officer/draft", p.saveDraft, agreements, false},
		{"POST /officer/draft/check", p.checkDraft, agreements, false},
		{"GET /officer/drafts/{draft}", p.draft, agreements, false},
		{"POST /officer/drafts/{draft}", p.saveDraft, agreements, false},
		{"POST /officer/drafts/{draft}/delete", p.deleteDraft, agreements, false},
		{"GET /officer/drafts/{draft}/propose", p.show(p.toPropose), agreements, true},
		{"POST /officer/drafts/{draft}/propose", p.perform(p.toPropose), agreements, true},
		{"GET /officer/request/{id}/sign", p.show(p.toAsk), agreements, true},
		{"POST /officer/request/{id}/sign", p.perform(p.toAsk), agreements, true},
		{"GET /officer/requests/{id}/sign", p.show(p.toAnswer), agreements, true},
		{"POST /officer/requests/{id}/sign", p.perform(p.toAnswer), agreements, true},
		{"GET /officer/keys", p.keys, nil, false},
		{"POST /officer/keys/prove", p.proveKey, nil, true},
		{"POST /officer/keys", p.requestKey, nil, true},
		{"GET /officer/keys/{kid}/request.json", p.keyRequestFile, nil, false},
		{"GET /officer/keys/{kid}/approve", p.show(p.toApprove), administer, true},
		{"POST /officer/keys/{kid}/approve", p.perform(p.toApprove), administer, true},
		{"POST /officer/keys/{kid}/refuse", p.refuseKey, administer, true},
		{"GET /officer/keys/{kid}/revoke", p.show(p.toRevoke), administer, true},
		{"POST /officer/keys/{kid}/revoke", p.perform(p.toRevoke), administer, true},
	} {
		var h http.Handler = p.page(route.serve)
		if route.sure {
			h = d.Signin.StepUp(h)
		}
		mux.Handle(route.pattern, d.Signin.Need(signin.Staff, route.may...)(h))
	}
	return nil
}

// stateKinds are the colours of states, which repeat what the words say.
var stateKinds = map[consent.State]string{
	consent.Proposed: "blue", consent.Approved: "teal", consent.InForce: "green", consent.UnderReview: "yellow",
	consent.Suspended: "orange", consent.Withdrawn: "grey", consent.Terminated: "grey", consent.Superseded: "grey", consent.Expired: "grey",
}

func (l words) state(s consent.State) ui.Tag {
	return ui.Tag{Text: l.Text(plain.Key("state." + string(s))), Kind: stateKinds[s]}
}

// dayOf returns a day of an agreement as a time, the zero time if it is none.
func dayOf(day string) time.Time {
	t, _ := time.Parse(time.DateOnly, day)
	return t
}

func running(s consent.State) bool {
	return slices.Contains([]consent.State{consent.InForce, consent.UnderReview, consent.Suspended}, s)
}

func agreementPath(id string) string { return "/officer/agreements/" + url.PathEscape(id) }

// found is a version of an agreement that an address names.
type version struct {
	all   *consent.Agreements
	whole *consent.Agreement
	*consent.Version
	state consent.State
}

// version returns the version that a request asks for; "" is the current one.
func (p *deeds) version(r *http.Request, number string) (*version, error) {
	rules, err := p.rules(r.Context())
	if err != nil {
		return nil, err
	}
	x := &version{all: rules.Agreements()}
	id := r.PathValue("id")
	if x.whole = x.all.Get(id); x.whole == nil {
		return nil, errNotFound
	}
	if number == "" {
		x.Version, x.state = x.all.State(id, p.now())
		return x, nil
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n == 0 || n > uint64(len(x.whole.Versions)) {
		return nil, errNotFound
	}
	x.Version, x.state = x.whole.Versions[n-1], x.all.StateOf(id, n, p.now())
	return x, nil
}

type shownVersion struct {
	Number     uint64
	Href       string
	State      ui.Tag
	Start, End time.Time
	Current    bool
	Compare    string // address of what changed since the one before
}

type shownSignature struct {
	Org       string
	At        time.Time
	Key, Full string // thumbprint, short and whole
	Revoked   bool
	Missing   bool
}

// lineStep is something that happened to an agreement, or will.
type lineStep struct {
	At       time.Time
	Day      bool // At is a day, not a moment
	Text     string
	Reason   string
	Ahead    bool
	Position uint64 // of its entry, 0 if it has none
}

type agreementPage struct {
	ID, Version string
	State       ui.Tag
	Versions    []shownVersion
	Signatures  []shownSignature
	Line        []lineStep
	Sections    []section
	Acts        []ui.Link
	Amend       string
	Chart       template.HTML
	NoReports   bool
	Since       time.Time
	Mine        bool
}

// agreement is GET /officer/agreements/{id}.
func (p *deeds) agreement(rw http.ResponseWriter, r *http.Request) error {
	v, err := p.version(r, r.URL.Query().Get("version"))
	if err != nil {
		return err
	}
	u, words := signin.From(r.Context()), p.words(r)
	t := v.Text
	data := agreementPage{ID: t.ID, Version: fmt.Sprint(t.Version), State: words.state(v.state),
		Mine: slices.Contains(t.Organisations(), u.Org)}
	if data.Sections, err = p.sections(words, t); err != nil {
		return err
	}
	for _, x := range slices.Backward(v.whole.Versions) {
		n := x.Text.Version
		s := shownVersion{Number: n, Href: agreementPath(t.ID) + "?version=" + fmt.Sprint(n), State: words.state(v.all.StateOf(t.ID, n, p.now())),
			Start: dayOf(x.Text.Start), End: dayOf(x.Text.End), Current: n == t.Version}
		if n > 1 {
			s.Compare = fmt.Sprintf("%s/compare?from=%d&to=%d", agreementPath(t.ID), n-1, n)
		}
		data.Versions = append(data.Versions, s)
	}
	if err := p.history(r, words, v, &data); err != nil {
		return err
	}
	if data.Mine {
		for _, act := range p.acts(v, u.Org) {
			data.Acts = append(data.Acts, ui.Link{Text: words.Text(plain.Key("act." + act)), Href: fmt.Sprintf("%s/%d/%s",
				agreementPath(t.ID), t.Version, act)})
		}
		if mayAmend(v, u.Org) {
			data.Amend = "/officer/draft?amend=" + url.QueryEscape(t.ID)
		}
		if err := p.accesses(r, words, t.ID, &data); err != nil {
			return err
		}
	}
	return p.render(rw, r, http.StatusOK, "agreement", ui.Page{Title: t.Title, Section: "agreements", Data: data, Notice: p.notice(r, words),
		Crumbs: words.crumbs(ui.Crumb{Text: words.Text("register.title"), Href: "/officer/agreements"})})
}

// notices are what a page says after something was done.
var notices = []string{"proposed", "signed", "acted", "declined", "saved", "deleted", "asked", "approved", "refused", "revoked"}

func (p *deeds) notice(r *http.Request, words words) string {
	if done := ui.Done(r); slices.Contains(notices, done) {
		return words.Text(plain.Key("done." + done))
	}
	return ""
}

// acts returns what an organisation can do with a version, signing first.
func (p *deeds) acts(v *version, org string) []string {
	var list []string
	if v.state == consent.Proposed && slices.Contains(v.Missing(), org) {
		list = append(list, "sign")
	}
	return append(list, v.all.Acts(v.Text.ID, v.Text.Version, org, p.now())...)
}

// mayAmend reports whether an organisation could propose a next version: it is a controller, and
// nothing is open.
func mayAmend(v *version, org string) bool {
	return v.state != consent.Proposed && v.whole.Terminated == nil && v.state != consent.Superseded &&
		slices.ContainsFunc(v.Text.Parties, func(x entry.AgreementParty) bool {
			return x.Org == org && strings.HasSuffix(x.Role, "controller")
		})
}

// history fills in who signed, when and under which key, and the line of states.
func (p *deeds) history(r *http.Request, words words, v *version, data *agreementPage) error {
	leaves, err := p.Door.PublicHistory(r.Context(), "agreement:"+v.Text.ID)
	if err != nil {
		return err
	}
	reg, err := p.Door.Register(r.Context())
	if err != nil {
		return err
	}
	now := p.now()
	for _, leaf := range leaves {
		e := leaf.Entry
		s := lineStep{At: time.Unix(e.IssuedAt, 0), Position: leaf.Index}
		switch b := e.Body.(type) {
		case *entry.Agreement:
			if b.Agreement.Version != v.Text.Version {
				continue
			}
			s.Text = words.Text("step.proposed", "org", words.org(e.Issuer))
		case *entry.AgreementSignature:
			if b.Version != v.Text.Version {
				continue
			}
			s.Text = words.Text("step.signed", "org", words.org(e.Issuer))
			key := reg.Key(e.KID)
			data.Signatures = append(data.Signatures, shownSignature{Org: words.org(e.Issuer), At: s.At, Key: short(e.KID), Full: e.KID,
				Revoked: key != nil && key.Revoked})
		case *entry.AgreementAct:
			if b.Version != v.Text.Version {
				continue
			}
			s.Text, s.Reason = words.Text(plain.Key("step."+b.Act), "org", words.org(e.Issuer)), b.Reason
		}
		data.Line = append(data.Line, s)
	}
	for _, org := range v.Missing() {
		data.Signatures = append(data.Signatures, shownSignature{Org: words.org(org), Missing: true})
	}
	if v.state != consent.Withdrawn {
		days := []lineStep{{At: dayOf(v.Text.Start), Text: words.Text("step.start")}}
		if v.state != consent.Terminated && v.state != consent.Superseded {
			days = append(days, lineStep{At: dayOf(v.Text.ReviewDue), Text: words.Text("step.review-due")},
				lineStep{At: dayOf(v.Text.End), Text: words.Text("step.end")})
		}
		for _, s := range days {
			s.Day, s.Ahead = true, s.At.After(now)
			data.Line = append(data.Line, s)
		}
	}
	slices.SortStableFunc(data.Line, func(a, b lineStep) int { return a.At.Compare(b.At) })
	return nil
}

// short is what of a thumbprint people compare.
func short(kid string) string { return kid[:min(len(kid), 12)] }

// accesses draws how often the organisation's accesses named the agreement. It is a report, and
// logged as one.
func (p *deeds) accesses(r *http.Request, words words, id string, data *agreementPage) error {
	u := signin.From(r.Context())
	if data.NoReports = !u.Can(signin.Reports); data.NoReports {
		return nil
	}
	view, err := p.Door.Work(r.Context(), reader(u))
	if err != nil {
		return err
	}
	if !view.Complete {
		data.Since = view.Since
	}
	counts := map[string]map[entry.VerdictResult]int{}
	for c, n := range view.Under {
		if c.Agreement != id {
			continue
		}
		if counts[c.Month] == nil {
			counts[c.Month] = map[entry.VerdictResult]int{}
		}
		counts[c.Month][c.Result] += n
	}
	var months []string
	for m := range counts {
		months = append(months, m)
	}
	slices.SortFunc(months, func(a, b string) int { return cmp.Compare(b, a) })
	months = months[:min(len(months), shownMonths)]
	if len(months) == 0 {
		return nil
	}
	chart := draw.Bars{ID: "under", Title: words.Text("chart.under"), Words: words.drawing("chart.by-month.row")}
	sum := 0
	for _, m := range months {
		chart.Rows = append(chart.Rows, words.month(m))
	}
	for _, result := range results {
		s := draw.Series{Name: words.Text(plain.Key("result." + string(result)))}
		for _, m := range months {
			s.Counts = append(s.Counts, counts[m][result])
			sum += counts[m][result]
		}
		chart.Series = append(chart.Series, s)
	}
	chart.Description = words.Count("chart.under.description", uint64(sum))
	data.Chart = chart.Figure()
	return nil
}
