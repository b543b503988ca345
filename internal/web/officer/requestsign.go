package officer

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"igledger/consent"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/ledger/entry"
)

// A request or an answer is typed on one page and signed on the next, which shows what is signed.
// In between it lies on a shelf of its officer, for a day.
const (
	typedShelf = "officer-requests"
	typedLife  = 24 * time.Hour
)

func (w *work) typedKey(u *signin.User, kind, id string) string {
	return kind + "/" + w.Shelf.Blind("officer", u.Issuer, u.Subject, u.Org) + "/" + id
}

// keep keeps what was typed, in place of what the same officer typed before for the same request.
func (w *work) keep(r *http.Request, kind, id string, typed url.Values) error {
	return w.Shelf.Put(r.Context(), typedShelf, w.typedKey(signin.From(r.Context()), kind, id), []byte(typed.Encode()),
		w.Door.Now().Add(typedLife))
}

// typed returns what an officer typed, or errNotFound.
func (w *work) typed(r *http.Request, kind, id string) (url.Values, error) {
	value, err := w.Shelf.Get(r.Context(), typedShelf, w.typedKey(signin.From(r.Context()), kind, id))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(value))
}

// toAsk finds the request that an officer is about to sign.
func (p *deeds) toAsk(r *http.Request) (*deed, error) {
	id := r.PathValue("id")
	typed, err := p.typed(r, "ask", id)
	if err != nil {
		return nil, err
	}
	u, words, body := signin.From(r.Context()), p.words(r), requestOf(typed)
	at := "/officer/request/" + url.PathEscape(id) + "/sign"
	return &deed{
		kind: "ask", purpose: entry.PurposeAgreements, body: body, at: at,
		back: "/officer/request?draft=" + url.QueryEscape(id), done: "/officer/requests/" + url.PathEscape(id) + "?done=asked",
		args:  []string{"id", id, "org", words.org(u.Org), "holder", words.org(body.Holder)},
		facts: words.asked(&consent.Request{Asked: body}),
		already: func(ctx context.Context) bool {
			return p.isThere(ctx, id, func(x *consent.Request) bool { return x.Asked.Issuer == u.Org && entry.Same(x.Asked, body) })
		},
	}, nil
}

// toAnswer finds the answer that an officer is about to sign.
func (p *deeds) toAnswer(r *http.Request) (*deed, error) {
	x, err := p.toDecide(r)
	if err != nil {
		return nil, err
	}
	typed, err := p.typed(r, "decide", x.Asked.Request)
	if err != nil {
		return nil, err
	}
	u, words, body := signin.From(r.Context()), p.words(r), decisionOf(x.Asked.Request, typed)
	at := "/officer/requests/" + url.PathEscape(x.Asked.Request)
	return &deed{
		kind: "answer", purpose: entry.PurposeAgreements, body: body, at: at + "/sign", back: at + "/decide", done: at + "?done=decided",
		args:  []string{"id", x.Asked.Request, "org", words.org(u.Org), "asker", words.org(x.Asked.Issuer)},
		facts: words.decided(&consent.Request{Asked: x.Asked, Decision: body}),
		already: func(ctx context.Context) bool {
			return p.isThere(ctx, x.Asked.Request, func(x *consent.Request) bool { return x.Decision != nil && entry.Same(x.Decision, body) })
		},
	}, nil
}
