package officer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"igledger/consent"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
)

const declinedShelf = "officer.declined"

// declined is a proposal that an organisation will not sign. The ledger has no entry for that.
type declined struct {
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

type waiting struct {
	ID, Title, Href, By string
	Version             uint64
	Proposed            time.Time
	Missing             string
	Decline             string
	Typed               string // why, before they had to sign in
	Declined            *declined
}

type inboxPage struct {
	Org               string
	Sign, Declined    []waiting
	Waiting           []waiting // own proposals that others have not signed
	Reviews           []due
	Keys              []keyRequest
	Drafts            []shownDraft
	MaySign, MayAdmin bool
}

type due struct {
	ID, Title, Href string
	Day             time.Time
	Overdue         bool
	State           ui.Tag
}

// inbox is GET /officer/inbox: what waits for the officer's organisation.
func (p *deeds) inbox(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), p.words(r)
	data := inboxPage{Org: words.org(u.Org), MaySign: u.Can(signin.Agreements), MayAdmin: u.Can(signin.Administer)}
	if !data.MaySign && !data.MayAdmin {
		p.Site.Problem(rw, r, http.StatusForbidden, "forbidden")
		return nil
	}
	if data.MaySign {
		rules, err := p.rules(r.Context())
		if err != nil {
			return err
		}
		if err := p.proposals(r, words, rules.Agreements(), &data); err != nil {
			return err
		}
		for _, d := range dates(rules.Agreements(), u.Org, p.now()) {
			if d.Kind == reviews && (d.Overdue || d.Day.Before(p.now().AddDate(0, 0, soon))) {
				data.Reviews = append(data.Reviews, due{d.Text.ID, d.Text.Title, agreementPath(d.Text.ID), d.Day, d.Overdue, words.state(d.State)})
			}
		}
		if data.Drafts, err = p.listDrafts(r); err != nil {
			return err
		}
	}
	if data.MayAdmin {
		var err error
		if data.Keys, err = p.waitingKeys(r); err != nil {
			return err
		}
	}
	return p.render(rw, r, http.StatusOK, "inbox", ui.Page{Title: words.Text("inbox.title"), Section: "inbox", Data: data,
		Crumbs: words.crumbs(), Notice: p.notice(r, words)})
}

// proposals fills in the open proposals of an organisation.
func (p *deeds) proposals(r *http.Request, words words, all *consent.Agreements, data *inboxPage) error {
	org, kept := signin.From(r.Context()).Org, p.Signin.Kept(r)
	for _, id := range all.IDs() {
		for _, v := range all.Get(id).Versions {
			t := v.Text
			if !slices.Contains(t.Organisations(), org) || all.StateOf(id, t.Version, p.now()) != consent.Proposed {
				continue
			}
			path := fmt.Sprintf("%s/%d", agreementPath(id), t.Version)
			x := waiting{ID: id, Title: t.Title, Version: t.Version, By: words.org(v.By), Href: path + "/sign", Decline: path + "/decline",
				Missing: words.orgs(v.Missing())}
			at, err := p.taken(r, id, v)
			if err != nil {
				return err
			}
			x.Proposed = at
			if !slices.Contains(v.Missing(), org) {
				x.Href = fmt.Sprintf("/officer/agreements/%s?version=%d", id, t.Version)
				data.Waiting = append(data.Waiting, x)
				continue
			}
			if kept != nil && r.URL.Path == x.Decline {
				x.Typed = kept.Get("reason")
			}
			if x.Declined, err = p.declined(r.Context(), org, id, t.Version); err != nil {
				return err
			}
			if x.Declined != nil {
				data.Declined = append(data.Declined, x)
			} else {
				data.Sign = append(data.Sign, x)
			}
		}
	}
	return nil
}

// taken returns when a version was proposed.
func (p *deeds) taken(r *http.Request, id string, v *consent.Version) (time.Time, error) {
	leaves, err := p.Door.PublicHistory(r.Context(), "agreement:"+id)
	if err != nil {
		return time.Time{}, err
	}
	for _, leaf := range leaves {
		if leaf.Index == v.Proposed {
			return time.Unix(leaf.Entry.IssuedAt, 0), nil
		}
	}
	return time.Time{}, nil
}

func declinedKey(org, id string, version uint64) string {
	return fmt.Sprintf("%s/%s/%d", org, id, version)
}

func (w *work) declined(ctx context.Context, org, id string, version uint64) (*declined, error) {
	data, err := w.Shelf.Get(ctx, declinedShelf, declinedKey(org, id, version))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := new(declined)
	return d, json.Unmarshal(data, d)
}

// maxDeclined bounds what is kept of why a proposal is not signed, in bytes.
const maxDeclined = 2000

// declining is GET /officer/agreements/{id}/{version}/decline, to which people come who had to sign
// in before what they typed was taken: the inbox has it.
func (p *deeds) declining(rw http.ResponseWriter, r *http.Request) error {
	if p.Signin.Kept(r) == nil {
		http.Redirect(rw, r, "/officer/inbox", http.StatusSeeOther)
		return nil
	}
	return p.inbox(rw, r)
}

// decline is POST /officer/agreements/{id}/{version}/decline: the organisation will not sign, or
// will think again. It stays here: the ledger knows only who signed.
func (p *deeds) decline(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil
	}
	v, err := p.version(r, r.PathValue("version"))
	if err != nil {
		return err
	}
	u := signin.From(r.Context())
	if v.state != consent.Proposed || !slices.Contains(v.Missing(), u.Org) {
		return errNotFound
	}
	key := declinedKey(u.Org, v.Text.ID, v.Text.Version)
	if r.PostForm.Get("again") != "" {
		err = p.Shelf.Delete(r.Context(), declinedShelf, key)
	} else {
		reason := strings.TrimSpace(r.PostForm.Get("reason"))
		data, jsonErr := json.Marshal(declined{By: u.Name, At: p.Door.Now().UTC(),
			Reason: strings.ToValidUTF8(reason[:min(len(reason), maxDeclined)], "")})
		if jsonErr != nil {
			return jsonErr
		}
		err = p.Shelf.Put(r.Context(), declinedShelf, key, data, v.Text.EndTime())
	}
	if err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/inbox?done=declined", http.StatusSeeOther)
	return nil
}
