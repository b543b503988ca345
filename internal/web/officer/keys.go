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

	"igledger/audit/plain"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const (
	keyShelf   = "officer.keys"
	keyWaits   = 30 * 24 * time.Hour // how long a request for a key waits
	maxKeyAsks = 100                 // of an organisation
)

// keyFile is a request as `igledger key request` writes it and `igledger key add` takes it.
type keyFile struct {
	Organisation string          `json:"organisation"`
	Key          entry.PublicKey `json:"key"`
	Proof        string          `json:"proof"`
}

// keyRequest is a request for a key that waits for an administrator.
type keyRequest struct {
	File keyFile   `json:"file"`
	By   string    `json:"by"`   // display name of who asks
	Mail string    `json:"mail"` // of their account, as the provider names it
	At   time.Time `json:"at"`
	KID  string    `json:"-"`
}

// Short returns what of the thumbprint people compare on the telephone.
func (k keyRequest) Short() string { return short(k.KID) }

type shownKey struct {
	KID, Short, Purposes string
	Tag                  ui.Tag
	Added                time.Time
	Revoke               string
}

type keysPage struct {
	Keys               []shownKey
	Requests           []keyRequest
	MaySign, MayAdmin  bool
	Org, Origin, Owner string
	OrgName            string
}

func (p *deeds) mayHaveKeys(u *signin.User) bool {
	return u.Can(signin.Agreements) || u.Can(signin.Administer)
}

// keys is GET /officer/keys.
func (p *deeds) keys(rw http.ResponseWriter, r *http.Request) error {
	u, words := signin.From(r.Context()), p.words(r)
	if !p.mayHaveKeys(u) {
		p.Site.Problem(rw, r, http.StatusForbidden, "forbidden")
		return nil
	}
	reg, err := p.Door.Register(r.Context())
	if err != nil {
		return err
	}
	data := keysPage{MaySign: u.Can(signin.Agreements), MayAdmin: u.Can(signin.Administer), Org: u.Org, OrgName: words.org(u.Org),
		Origin: p.Door.Log().Origin(), Owner: p.owner(u)}
	for _, k := range slices.Backward(reg.Keys(u.Org)) {
		x := shownKey{KID: k.KID, Short: short(k.KID), Tag: ui.Tag{Text: words.Text("key.active"), Kind: "green"}}
		var purposes []string
		for _, purpose := range k.Key.Purposes {
			purposes = append(purposes, words.Text(plain.Key("purpose."+string(purpose))))
		}
		x.Purposes = strings.Join(purposes, ", ")
		if k.Revoked {
			x.Tag = ui.Tag{Text: words.Text("key.revoked"), Kind: "red"}
		} else if data.MayAdmin {
			x.Revoke = "/officer/keys/" + k.KID + "/revoke"
		}
		if x.Added, err = p.added(r, k.KID); err != nil {
			return err
		}
		data.Keys = append(data.Keys, x)
	}
	if data.Requests, err = p.waitingKeys(r); err != nil {
		return err
	}
	return p.render(rw, r, http.StatusOK, "keys", ui.Page{Title: words.Text("keys.title"), Section: "inbox", Data: data,
		Notice:  p.notice(r, words),
		Scripts: []string{"officer-keys"}, Crumbs: words.crumbs()})
}

// added returns when a key was registered.
func (p *deeds) added(r *http.Request, kid string) (time.Time, error) {
	leaves, err := p.Door.PublicHistory(r.Context(), "key:"+kid)
	if err != nil || len(leaves) == 0 {
		return time.Time{}, err
	}
	return time.Unix(leaves[0].Entry.IssuedAt, 0), nil
}

// waitingKeys returns the requests for keys of the officer's organisation, the oldest first. One
// whose key was registered since, here or by the command line, is gone.
func (w *work) waitingKeys(r *http.Request) (list []keyRequest, err error) {
	u := signin.From(r.Context())
	items, err := w.Shelf.List(r.Context(), keyShelf, u.Org+"/", "", maxKeyAsks)
	if err != nil {
		return nil, err
	}
	reg, err := w.Door.Register(r.Context())
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		var k keyRequest
		if err := json.Unmarshal(item.Value, &k); err != nil {
			return nil, err
		}
		if k.KID = k.File.Key.JWK.Thumbprint(); reg.Key(k.KID) == nil {
			list = append(list, k)
		}
	}
	slices.SortStableFunc(list, func(a, b keyRequest) int { return a.At.Compare(b.At) })
	return list, nil
}

// asked returns the key and the purpose that a form names.
func (p *deeds) asked(r *http.Request) (key wire.JWK, purpose entry.Purpose, err error) {
	if err = wire.DecodeJSON("key", []byte(r.PostForm.Get("key")), &key); err != nil {
		return key, "", err
	}
	if _, err = key.Public(); err != nil {
		return key, "", err
	}
	purpose = entry.Purpose(r.PostForm.Get("purpose"))
	u := signin.From(r.Context())
	may := purpose == entry.PurposeAgreements && u.Can(signin.Agreements) || purpose == entry.PurposeAdminister && u.Can(signin.Administer)
	if !may {
		return key, "", errNotFound
	}
	return key, purpose, nil
}

// proveKey is POST /officer/keys/prove: what a new key in a browser signs to prove that it is
// there.
func (p *deeds) proveKey(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return sendJSON(rw, http.StatusBadRequest, map[string]string{"error": "form"})
	}
	key, _, err := p.asked(r)
	if err != nil {
		return sendJSON(rw, http.StatusUnprocessableEntity, map[string]string{"error": p.words(r).Text("sign.bad-key")})
	}
	signing, err := entry.KeyProofInput(key, p.Door.Log().Origin(), signin.From(r.Context()).Org)
	if err != nil {
		return err
	}
	return sendJSON(rw, http.StatusOK, map[string]string{"signing": signing})
}

// requestKey is POST /officer/keys: a new key with its proof, for an administrator to look at.
func (p *deeds) requestKey(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil
	}
	u := signin.From(r.Context())
	key, purpose, err := p.asked(r)
	if err == nil {
		err = entry.CheckKeyProof(r.PostForm.Get("proof"), p.Door.Log().Origin(), u.Org, key)
	}
	if err != nil {
		p.Logger.Warn("request refused", "why", "a request for a key without a good proof", "pattern", r.Pattern)
		p.Site.Problem(rw, r, http.StatusUnprocessableEntity, "form")
		return nil
	}
	waiting, err := p.waitingKeys(r)
	if err != nil {
		return err
	}
	if len(waiting) >= maxKeyAsks {
		p.Site.Problem(rw, r, http.StatusTooManyRequests, "busy")
		return nil
	}
	k := keyRequest{By: u.Name, Mail: u.Staff.ID, At: p.Door.Now().UTC(), File: keyFile{Organisation: u.Org, Proof: r.PostForm.Get("proof"),
		Key: entry.PublicKey{JWK: key, Purposes: []entry.Purpose{purpose}}}}
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	err = p.Shelf.Put(r.Context(), keyShelf, u.Org+"/"+key.Thumbprint(), data, p.Door.Now().Add(keyWaits))
	if err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/keys?done=asked", http.StatusSeeOther)
	return nil
}

// loadKey returns the request that an address names.
func (p *deeds) loadKey(r *http.Request) (*keyRequest, error) {
	kid := r.PathValue("kid")
	data, err := p.Shelf.Get(r.Context(), keyShelf, signin.From(r.Context()).Org+"/"+kid)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	k := &keyRequest{KID: kid}
	return k, json.Unmarshal(data, k)
}

// keyRequestFile is GET /officer/keys/{kid}/request.json, for `igledger key add --request`.
func (p *deeds) keyRequestFile(rw http.ResponseWriter, r *http.Request) error {
	if !p.mayHaveKeys(signin.From(r.Context())) {
		return errNotFound
	}
	k, err := p.loadKey(r)
	if err != nil {
		return err
	}
	rw.Header().Set("Content-Disposition", `attachment; filename="key-request.json"`)
	return sendJSON(rw, http.StatusOK, k.File)
}

// toApprove finds the key whose registration an administrator is asked to sign.
func (p *deeds) toApprove(r *http.Request) (*deed, error) {
	k, err := p.loadKey(r)
	if err != nil {
		return nil, err
	}
	words := p.words(r)
	org, own := signin.From(r.Context()).Org, k.Mail == signin.From(r.Context()).Staff.ID
	d := &deed{
		kind: "approve", purpose: entry.PurposeAdminister, at: "/officer/keys/" + k.KID + "/approve", done: "/officer/inbox?done=approved",
		body: &entry.Key{Org: k.File.Organisation, Key: k.File.Key, Proof: k.File.Proof},
		args: []string{"by", k.By, "org", words.org(org)},
		facts: []ui.Row{{Key: words.Text("known.asked"), Value: k.By + " (" + k.Mail + ")"},
			{Key: words.Text("known.when"), Value: words.When(k.At)},
			{Key: words.Text("known.for"), Value: words.Text(plain.Key("purpose." + string(k.File.Key.Purposes[0])))},
			{Key: words.Text("known.kid"), Value: short(k.KID)}},
		already: func(ctx context.Context) bool {
			reg, err := p.Door.Register(ctx)
			return err == nil && reg.Key(k.KID) != nil && reg.Key(k.KID).Org == org
		},
		after: func(ctx context.Context) error { return p.Shelf.Delete(ctx, keyShelf, org+"/"+k.KID) },
	}
	if own {
		d.facts = append(d.facts, ui.Row{Key: words.Text("known.own"), Value: words.Text("known.own.text")})
	}
	return d, nil
}

// refuseKey is POST /officer/keys/{kid}/refuse.
func (p *deeds) refuseKey(rw http.ResponseWriter, r *http.Request) error {
	k, err := p.loadKey(r)
	if err != nil {
		return err
	}
	if err := p.Shelf.Delete(r.Context(), keyShelf, signin.From(r.Context()).Org+"/"+k.KID); err != nil {
		return err
	}
	http.Redirect(rw, r, "/officer/inbox?done=refused", http.StatusSeeOther)
	return nil
}

// revocations are the reasons for which a key is revoked.
var revocations = []string{"superseded", "compromised", "retired", "other"}

// toRevoke finds the key that an administrator is asked to revoke.
func (p *deeds) toRevoke(r *http.Request) (*deed, error) {
	reg, err := p.Door.Register(r.Context())
	if err != nil {
		return nil, err
	}
	words, org, kid := p.words(r), signin.From(r.Context()).Org, r.PathValue("kid")
	k := reg.Key(kid)
	if k == nil || k.Org != org {
		return nil, errNotFound
	}
	b := &entry.KeyRevocation{Org: org, KID: kid}
	var purposes []string
	for _, purpose := range k.Key.Purposes {
		purposes = append(purposes, words.Text(plain.Key("purpose."+string(purpose))))
	}
	return &deed{
		kind: "revoke", purpose: entry.PurposeAdminister, body: b, reason: &b.Reason, choices: revocations, id: short(kid),
		at: "/officer/keys/" + kid + "/revoke", done: "/officer/keys?done=revoked", args: []string{"key", short(kid), "org", words.org(org)},
		facts: []ui.Row{{Key: words.Text("known.kid"), Value: fmt.Sprint(short(kid))}, {Key: words.Text("known.for"),
			Value: strings.Join(purposes, ", ")}},
		already: func(ctx context.Context) bool {
			reg, err := p.Door.Register(ctx)
			return err == nil && reg.Key(kid) != nil && reg.Key(kid).Revoked
		},
	}, nil
}
