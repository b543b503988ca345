package officer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// deed is an entry that an officer is asked to sign for their organisation.
type deed struct {
	kind     string // key of its words
	purpose  entry.Purpose
	body     entry.Body                 // without what all entries have
	text     *entry.AgreementText       // that it is about, or nil
	proposal string                     // header and payload of the proposal that is signed, or ""
	id       string                     // what must be typed, "" if nothing
	reason   *string                    // where its reason goes, nil if it has none
	choices  []string                   // of which the reason is one, nil: words of the officer
	facts    []ui.Row                   // what is to be known of it
	at, done string                     // addresses: its own, and where it leads
	back     string                     // where it leads without signing; "": as done
	args     []string                   // of its words
	already  func(context.Context) bool // it has been done: the form was sent twice
	after    func(context.Context) error
}

// finder returns the deed that an address names, or errNotFound.
type finder func(*http.Request) (*deed, error)

// claim is a value of an entry as it is signed.
type claim struct{ Name, Value string }

type deedPage struct {
	Kind, At           string
	Intro              string
	Facts              []ui.Row
	Sections           []section
	Claims             []claim
	Proposal           string
	ID, Typed          string
	HasReason          bool
	Reason             string
	Choices            []choice
	Server             bool // the server holds a key
	Button             string
	Org, Origin, Owner string
	Purpose            string
	Type               entry.Type
	Final              bool
	Examples           []string // fields of a proposal that still have the template's words
	May                string   // thumbprints of the organisation's keys that may sign this
	Back               string
}

// show answers with the page of a deed.
func (p *deeds) show(find finder) handler {
	return func(rw http.ResponseWriter, r *http.Request) error {
		d, err := find(r)
		if errors.Is(err, errUnfinished) {
			return p.unfinished(rw, r)
		}
		if err != nil {
			return err
		}
		if kept := p.Signin.Kept(r); kept != nil { // they had to sign in first
			r.PostForm, r.Form = kept, kept
		}
		return p.deedPage(rw, r, http.StatusOK, d, nil)
	}
}

// unfinished leads from proposing a draft that has problems to the draft.
func (p *deeds) unfinished(rw http.ResponseWriter, r *http.Request) error {
	http.Redirect(rw, r, strings.TrimSuffix(r.URL.EscapedPath(), "/propose"), http.StatusSeeOther)
	return nil
}

func (p *deeds) deedPage(rw http.ResponseWriter, r *http.Request, code int, d *deed, errs []ui.FieldError) error {
	u, words := signin.From(r.Context()), p.words(r)
	data := deedPage{Kind: d.kind, At: d.at, Facts: d.facts, Proposal: d.proposal, ID: d.id, Typed: r.PostFormValue("typed"),
		HasReason: d.reason != nil, Reason: r.PostFormValue("reason"), Org: u.Org, Origin: p.Door.Log().Origin(), Owner: p.owner(u),
		Server: p.Door.MaySign(r.Context(), u.Org, d.purpose), Purpose: string(d.purpose), Final: d.id != "", Back: backOf(d),
		Intro: words.Text(plain.Key("deed."+d.kind+".intro"), d.args...), Button: words.Text(plain.Key("deed." + d.kind + ".button"))}
	for _, c := range d.choices {
		data.Choices = append(data.Choices, choice{c, words.Text(plain.Key("reason." + c)), c == data.Reason})
	}
	if d.text != nil {
		var err error
		if data.Sections, err = p.sections(words, d.text); err != nil {
			return err
		}
	}
	if _, proposal := d.body.(*entry.Agreement); proposal {
		var err error
		if data.Examples, err = words.examples(d.text, ""); err != nil {
			return err
		}
	}
	claims, t, err := claimsOf(d.body)
	if err != nil {
		return err
	}
	data.Claims, data.Type = claims, t
	if data.May, err = p.mayDo(r.Context(), u.Org, d.purpose); err != nil {
		return err
	}
	return p.render(rw, r, code, "deed", ui.Page{
		Title: words.Text(plain.Key("deed."+d.kind+".title"), d.args...), Section: "agreements", Data: data, Errors: errs,
		Scripts: []string{"officer-sign"}, Crumbs: words.crumbs(ui.Crumb{Text: words.Text("register.title"), Href: "/officer/agreements"}),
	})
}

// mayDo returns the thumbprints of the keys with which an organisation can sign for a purpose now.
// A browser may hold others besides: one that waits to be approved, one that was revoked.
func (p *deeds) mayDo(ctx context.Context, org string, purpose entry.Purpose) (string, error) {
	reg, err := p.Door.Register(ctx)
	if err != nil {
		return "", err
	}
	size, err := p.Door.Log().Size(ctx)
	if err != nil {
		return "", err
	}
	var list []string
	for _, k := range reg.Keys(org) {
		if reg.May(k.KID, org, purpose, "", size) == nil {
			list = append(list, k.KID)
		}
	}
	return strings.Join(list, " "), nil
}

func backOf(d *deed) string {
	if d.back != "" {
		return d.back
	}
	path, _, _ := strings.Cut(d.done, "?")
	return path
}

// claimsOf returns what an entry says besides what all entries say and the text of an agreement.
// The reason is left out: it is in the form.
func claimsOf(body entry.Body) ([]claim, entry.Type, error) {
	e, err := entry.Prepare(wire.JWK{Kty: "OKP", Crv: "Ed25519"}, body)
	if err != nil {
		return nil, "", err
	}
	payload := map[string]any{}
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return nil, "", err
	}
	t, _ := payload["type"].(string)
	var list []claim
	for _, name := range []string{"type", "iss", "aud", "iat", "jti", "reason"} {
		delete(payload, name)
	}
	if _, whole := payload["agreement"].(map[string]any); whole {
		delete(payload, "agreement")
	}
	flattenClaims("", payload, &list)
	slices.SortFunc(list, func(a, b claim) int { return strings.Compare(a.Name, b.Name) })
	return list, entry.Type(t), nil
}

// disguised says where a deed has a text that people read as another than it is, "" if nowhere. The
// ledger would refuse it too: here the officer is told before they sign.
func (d *deed) disguised() string {
	e, err := entry.Prepare(wire.JWK{Kty: "OKP", Crv: "Ed25519"}, d.body)
	if err != nil {
		return "" // it will not be signed
	}
	var payload any
	if err := json.Unmarshal(e.Payload, &payload); err != nil {
		return ""
	}
	var list []claim
	flattenClaims("", payload, &list)
	slices.SortFunc(list, func(a, b claim) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range list {
		if why := wire.Hidden(c.Value); why != "" {
			return c.Name + ", " + why
		}
	}
	return ""
}

func flattenClaims(path string, v any, out *[]claim) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			flattenClaims(strings.TrimPrefix(path+"."+name, "."), x, out)
		}
	case []any:
		for i, x := range v {
			flattenClaims(fmt.Sprintf("%s[%d]", path, i), x, out)
		}
	default:
		*out = append(*out, claim{path, fmt.Sprint(v)})
	}
}

// owner is whose keys a browser's are: another officer at the same computer does not see them. It
// is no name.
func (p *deeds) owner(u *signin.User) string { return p.Shelf.Blind("officer", u.Issuer, u.Subject) }

// maxDeed bounds what is sent to sign something: an entry with its signature.
const maxDeed = 256 << 10

// perform signs a deed: with the key that the server holds, or by taking what a key in the browser
// signed. The browser asks first what to sign (how=prepare), and is answered in JSON.
func (p *deeds) perform(find finder) handler {
	return func(rw http.ResponseWriter, r *http.Request) error {
		r.Body = http.MaxBytesReader(rw, r.Body, maxDeed)
		if err := r.ParseForm(); err != nil {
			p.Site.Problem(rw, r, http.StatusBadRequest, "form")
			return nil
		}
		d, err := find(r)
		if errors.Is(err, errUnfinished) {
			return p.unfinished(rw, r)
		}
		if err != nil {
			return err
		}
		words := p.words(r)
		errs := d.fill(words, r.PostForm)
		if where := d.disguised(); len(errs) == 0 && where != "" {
			errs = append(errs, ui.FieldError{Text: words.Text("sign.disguised", "where", where)})
		}
		if len(errs) > 0 {
			return p.refuse(rw, r, d, errs)
		}
		u := signin.From(r.Context())
		switch r.PostForm.Get("how") {
		case "prepare":
			return p.prepare(rw, r, d)
		case "browser":
			err = p.submit(r, d)
		default:
			_, err = p.Door.Sign(r.Context(), u.Org, d.purpose, d.body)
		}
		if err != nil && !d.already(r.Context()) {
			text, err := words.refusal(err)
			if err != nil {
				return err
			}
			return p.refuse(rw, r, d, []ui.FieldError{{Text: text}})
		}
		if d.after != nil {
			if err := d.after(r.Context()); err != nil { // what is signed is in the log whatever becomes of the rest
				p.Logger.Error("after signing", "pattern", r.Pattern, "error", err)
			}
		}
		http.Redirect(rw, r, d.done, http.StatusSeeOther)
		return nil
	}
}

// fill puts what was typed into a deed, and returns what is wrong with it.
func (d *deed) fill(words words, form url.Values) (errs []ui.FieldError) {
	if d.reason != nil {
		*d.reason = strings.TrimSpace(strings.ReplaceAll(form.Get("reason"), "\r\n", "\n"))
		if *d.reason == "" || d.choices != nil && !slices.Contains(d.choices, *d.reason) {
			errs = append(errs, ui.FieldError{Field: "reason", Text: words.Text("deed.reason.missing")})
		}
	}
	if d.id != "" && strings.TrimSpace(form.Get("typed")) != d.id {
		errs = append(errs, ui.FieldError{Field: "typed", Text: words.Text("deed.typed.wrong", "id", d.id)})
	}
	return errs
}

// refuse answers that a deed is not done, on its page or in JSON.
func (p *deeds) refuse(rw http.ResponseWriter, r *http.Request, d *deed, errs []ui.FieldError) error {
	if r.PostForm.Get("how") == "prepare" {
		return sendJSON(rw, http.StatusUnprocessableEntity, map[string]any{"field": errs[0].Field, "error": errs[0].Text})
	}
	return p.deedPage(rw, r, http.StatusUnprocessableEntity, d, errs)
}

// prepare answers with what a key in the browser is to sign.
func (p *deeds) prepare(rw http.ResponseWriter, r *http.Request, d *deed) error {
	u, words := signin.From(r.Context()), p.words(r)
	wrong := func(key plain.Key) error {
		return p.refuse(rw, r, d, []ui.FieldError{{Text: words.Text(key)}})
	}
	var key wire.JWK
	if err := wire.DecodeJSON("key", []byte(r.PostForm.Get("key")), &key); err != nil {
		return wrong("sign.bad-key")
	}
	reg, err := p.Door.Register(r.Context())
	if err != nil {
		return err
	}
	size, err := p.Door.Log().Size(r.Context())
	if err != nil {
		return err
	}
	if reg.May(key.Thumbprint(), u.Org, d.purpose, "", size) != nil {
		return wrong("sign.unregistered")
	}
	e, err := entry.PrepareFor(key, u.Org, p.Door.Log().Origin(), d.body)
	if err != nil {
		return err
	}
	return sendJSON(rw, http.StatusOK, map[string]string{"signing": e.Signing})
}

// errOther says that what was signed is not what the page asked to sign.
var errOther = errors.New("another entry was signed than this page is about")

// submit appends a deed that a key in the browser signed.
func (p *deeds) submit(r *http.Request, d *deed) error {
	compact := r.PostForm.Get("jws")
	e, err := entry.ParseParts(compact, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", door.ErrRefused, err)
	}
	u := signin.From(r.Context())
	if e.Issuer != u.Org || e.Audience != p.Door.Log().Origin() || !entry.Same(e.Body, d.body) {
		p.Logger.Warn("request refused", "why", errOther.Error(), "pattern", r.Pattern)
		return errOther
	}
	_, err = p.Door.Submit(r.Context(), compact, nil)
	return err
}

// refusal returns in words why the ledger did not take something, or err itself if it is no
// refusal.
func (l words) refusal(err error) (string, error) {
	var refused *wire.Error
	switch {
	case errors.Is(err, door.ErrNoKey):
		return l.Text("sign.no-key"), nil
	case errors.Is(err, errOther):
		return l.Text("sign.other"), nil
	case errors.As(err, &refused) && refused.Code == wire.PersonalData:
		return l.Text("sign.number"), nil
	case errors.As(err, &refused):
		return l.Text("sign.refused", "why", refused.Detail), nil
	}
	return "", err
}

func sendJSON(rw http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := rw.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = rw.Write(b)
	return nil
}

// final are the acts that cannot be taken back. Their page asks for the id of the agreement.
var final = []string{"withdraw", "terminate"}

// toAct finds the act on an agreement that an address names: signing it, or changing its state.
func (p *deeds) toAct(r *http.Request) (*deed, error) {
	u, act := signin.From(r.Context()), r.PathValue("act")
	if act != "sign" && !slices.Contains(entry.AgreementActs, act) {
		return nil, errNotFound
	}
	v, err := p.version(r, r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	t := v.Text
	if !slices.Contains(t.Organisations(), u.Org) {
		return nil, errNotFound
	}
	words := p.words(r)
	d := &deed{kind: act, purpose: entry.PurposeAgreements, text: t, at: fmt.Sprintf("%s/%d/%s", agreementPath(t.ID), t.Version, act),
		args:  []string{"title", t.Title, "id", t.ID, "version", fmt.Sprint(t.Version), "org", words.org(u.Org)},
		facts: p.factsOf(words, v)}
	if act == "sign" {
		d.body = &entry.AgreementSignature{Agreement: t.ID, Version: t.Version, Proposal: v.Proposal}
		d.done = fmt.Sprintf("%s?version=%d&done=signed", agreementPath(t.ID), t.Version)
		d.already = func(ctx context.Context) bool {
			return p.isSo(ctx, t, func(v *consent.Version) bool { return !slices.Contains(v.Missing(), u.Org) })
		}
		d.proposal, err = p.proposalOf(r.Context(), v)
		return d, err
	}
	b := &entry.AgreementAct{Agreement: t.ID, Version: t.Version, Act: act}
	d.body, d.reason, d.done = b, &b.Reason, fmt.Sprintf("%s?version=%d&done=acted", agreementPath(t.ID), t.Version)
	if slices.Contains(final, act) {
		d.id = t.ID
	}
	d.already = func(ctx context.Context) bool { return p.lastActIs(ctx, b, u.Org) }
	return d, nil
}

// factsOf are the rows above an act: what is known of the version.
func (p *deeds) factsOf(words words, v *version) []ui.Row {
	rows := []ui.Row{
		{Key: words.Text("known.agreement"), Value: v.Text.ID + ", " + words.Text("compare.version", "n", fmt.Sprint(v.Text.Version))},
		{Key: words.Text("known.state"), Value: words.Text(plain.Key("state." + string(v.state)))},
		{Key: words.Text("known.proposed"), Value: words.org(v.By)},
	}
	var signed []string
	for _, s := range v.Signatures {
		signed = append(signed, words.Text("known.signed.one", "org", words.org(s.Org), "when", words.When(s.At)))
	}
	if len(signed) > 0 {
		rows = append(rows, ui.Row{Key: words.Text("known.signed"), Value: strings.Join(signed, "; ")})
	}
	if missing := v.Missing(); len(missing) > 0 {
		rows = append(rows, ui.Row{Key: words.Text("known.missing"), Value: words.orgs(missing)})
	}
	return rows
}

// proposalOf returns what was signed to propose a version: a signature names its hash.
func (p *deeds) proposalOf(ctx context.Context, v *version) (string, error) {
	leaves, err := p.Door.PublicHistory(ctx, "agreement:"+v.Text.ID)
	if err != nil {
		return "", err
	}
	for _, leaf := range leaves {
		if leaf.Index == v.Proposed {
			return leaf.Entry.Compact[:strings.LastIndexByte(leaf.Entry.Compact, '.')], nil
		}
	}
	return "", errNotFound
}

// isSo reports whether something is true of a version as the log has it now.
func (p *deeds) isSo(ctx context.Context, t *entry.AgreementText, so func(*consent.Version) bool) bool {
	rules, err := p.rules(ctx)
	if err != nil {
		return false
	}
	a := rules.Agreements().Get(t.ID)
	return a != nil && t.Version <= uint64(len(a.Versions)) && so(a.Versions[t.Version-1])
}

// lastActIs reports whether the newest entry about an agreement is this act by org.
func (p *deeds) lastActIs(ctx context.Context, b *entry.AgreementAct, org string) bool {
	leaves, err := p.Door.PublicHistory(ctx, "agreement:"+b.Agreement)
	if err != nil || len(leaves) == 0 {
		return false
	}
	last := leaves[len(leaves)-1].Entry
	return last.Issuer == org && entry.Same(last.Body, b)
}
