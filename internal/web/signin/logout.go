package signin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"igledger/internal/web/shelf"
	"igledger/internal/web/ui"
	"igledger/ledger/wire"
)

// A provider may end sessions at any time (OpenID Connect Back-Channel Logout 1.0), by the name of its
// own session or by that of the user. So a session is found by both: on this shelf lies, under either
// name, blinded, the key of each session.
const indexShelf = "signin-index"

// index makes a session findable for the provider's logout.
func (m *Manager) index(ctx context.Context, s *session, key string) error {
	ends := s.Began.Add(m.config.Sessions.Absolute)
	for _, name := range m.indexed(s.User.Issuer, s.SID, s.User.Subject) {
		if err := m.deps.Shelf.Put(ctx, indexShelf, name+m.deps.Shelf.Blind("visit", s.User.Session), []byte(key), ends); err != nil {
			return err
		}
	}
	return nil
}

// indexed returns what the keys of a session's rows begin with.
func (m *Manager) indexed(issuer, sid, subject string) (prefixes []string) {
	if sid != "" {
		prefixes = append(prefixes, m.deps.Shelf.Blind("sid", issuer, sid)+"/")
	}
	if subject != "" {
		prefixes = append(prefixes, m.deps.Shelf.Blind("sub", issuer, subject)+"/")
	}
	return prefixes
}

// Why a logout token is not taken.
const (
	usedToken  refusal = "used"
	oldToken   refusal = "time"
	notAnEvent refusal = "event"
	junkToken  refusal = "token"
)

// maxLogoutAge is how old a logout token may be. For so long its jti is remembered.
const maxLogoutAge = 10 * time.Minute

// backchannel takes the word of a provider that sessions have ended.
func (m *Manager) backchannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	i := m.issuers[r.PathValue("issuer")]
	if i == nil {
		m.deps.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	n, err := m.signOutAt(r.Context(), i, r.PostFormValue("logout_token"))
	var why refusal
	switch {
	case err == nil:
		m.deps.Logger.Info("signed out by the provider", "issuer", i.Name, "sessions", n)
		w.WriteHeader(http.StatusOK)
	case errors.As(err, &why):
		m.deps.Logger.Warn("logout token refused", "issuer", i.Name, "why", err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_request"}` + "\n"))
	default:
		m.deps.Logger.Error("a logout token cannot be followed", "issuer", i.Name, "error", err)
		w.Header().Set("Retry-After", "10")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// signOutAt checks a logout token and ends the sessions that it names. It returns their number.
func (m *Manager) signOutAt(ctx context.Context, i *issuer, raw string) (int, error) {
	e, err := i.find(ctx)
	if err != nil {
		return 0, err
	}
	before := i.failures.Load()
	t, err := e.verifier.VerifyLogout(ctx, raw) // signature, iss, aud, exp, no nonce, and that sub or sid is there
	if err != nil {
		return 0, i.unanswered(before, junkToken, err)
	}
	var more struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	var event map[string]any
	if t.Claims(&more) != nil ||
		json.Unmarshal(more.Events["http://schemas.openid.net/event/backchannel-logout"], &event) != nil || event == nil {
		return 0, notAnEvent
	}
	now := m.now()
	if t.IssuedAt.After(now.Add(skew)) || t.IssuedAt.Before(now.Add(-maxLogoutAge)) {
		return 0, oldToken
	}
	// Once, also on another replica. It is remembered first: if the sessions then cannot be ended,
	// the provider is told so, and sends another token.
	used := m.deps.Shelf.Blind("jti", i.Name, t.TokenID)
	if err := m.deps.Shelf.Add(ctx, "signin-jti", used, nil, t.IssuedAt.Add(maxLogoutAge+skew)); err != nil {
		if errors.Is(err, shelf.ErrExists) {
			return 0, usedToken
		}
		return 0, err
	}
	prefixes := m.indexed(i.Name, t.SessionID, t.Subject)
	if t.SessionID != "" {
		prefixes = prefixes[:1] // this session only, and not the others of the user
	}
	n, err := m.endAll(ctx, prefixes[0])
	if err != nil {
		// The provider may send the same token again.
		return n, errors.Join(err, m.deps.Shelf.Delete(ctx, "signin-jti", used))
	}
	return n, nil
}

// endAll ends the sessions under a prefix of the index.
func (m *Manager) endAll(ctx context.Context, prefix string) (n int, err error) {
	for {
		items, err := m.deps.Shelf.List(ctx, indexShelf, prefix, "", 100)
		if err != nil || len(items) == 0 {
			return n, err
		}
		for _, item := range items {
			if err := m.store.end(ctx, string(item.Value)); err != nil {
				return n, err
			}
			if err := m.deps.Shelf.Delete(ctx, indexShelf, item.Key); err != nil {
				return n, err
			}
			n++
		}
	}
}

// signOut ends the browser's session, and offers to end that at the provider too. The answer to a form
// may not lead to another site (form-action in the Content-Security-Policy), so it leads to a page of
// ours, which leads on.
func (m *Manager) signOut(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	v := visitOf(r.Context())
	next := ""
	if v.user != nil {
		if i := m.issuers[v.user.Issuer]; i != nil {
			next = m.endSession(r.Context(), i, v.hint)
		}
	}
	if err := m.end(w, r); err != nil {
		m.away(w, r, err)
		return
	}
	if v.user != nil {
		m.deps.Logger.Info("signed out", "issuer", v.user.Issuer, "kind", string(v.user.Kind))
	}
	w.Header().Set("Clear-Site-Data", `"cache"`) // also what a browser keeps to go back to
	if next == "" {
		http.Redirect(w, r, "/signed-out", http.StatusSeeOther)
		return
	}
	w.Header().Set("Refresh", "0; url="+next)
	m.page(w, r.WithContext(ui.WithUser(r.Context(), nil)), http.StatusOK, "signing-out", "",
		map[string]any{"Next": next, "Issuer": m.issuers[v.user.Issuer].Title})
}

// endSession returns the address at which a provider ends its own session (RP-Initiated Logout 1.0), or
// "" if it has none or cannot be asked. It holds the ID token only if that says nothing of the user: an
// address is logged at many places.
func (m *Manager) endSession(ctx context.Context, i *issuer, hint string) string {
	e, err := i.find(ctx)
	if err != nil || e.EndSession == "" {
		return ""
	}
	u, err := url.Parse(e.EndSession)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !wire.Private(u) {
		return ""
	}
	q := u.Query()
	q.Set("client_id", i.ClientID)
	q.Set("post_logout_redirect_uri", i.public+"/signed-out")
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
