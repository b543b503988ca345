package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"igledger/internal/web/shelf"
	"igledger/internal/web/ui"
)

// session is what lies on the shelf for a browser's token.
type session struct {
	User  User      `json:"user"`
	Began time.Time `json:"began"`
	Seen  time.Time `json:"seen"`            // last request, or up to touch before it
	SID   string    `json:"sid,omitempty"`   // the provider's name for its session
	Hint  string    `json:"hint,omitempty"`  // ID token for signing out at the provider: see hint
	Ended bool      `json:"ended,omitempty"` // signed out; kept so that a request on its way cannot bring it back
}

// over reports whether a session has ended, by sign-out, rest or age.
func (m *Manager) over(s *session) bool {
	now := m.now()
	return s.Ended || now.Sub(s.Seen) >= m.config.Sessions.Idle || now.Sub(s.Began) >= m.config.Sessions.Absolute
}

// grace is how long a session that is over stays on the shelf: with it, what its user was typing can
// be kept for them.
const grace = time.Hour

const sessionShelf = "session"

// sessionStore is the store of the session manager. The shelf's key of a session is its token,
// blinded: who reads the database cannot take a session over.
type sessionStore struct {
	shelf *shelf.Shelf
	now   func() time.Time
	life  time.Duration
}

func (s *sessionStore) key(token string) string { return s.shelf.Blind("session", token) }

// FindCtx implements scs.CtxStore.
func (s *sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	b, err := s.shelf.Get(ctx, sessionShelf, s.key(token))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// CommitCtx implements scs.CtxStore. It does not bring back a session that was ended while the
// request that commits it was on its way.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, b []byte, _ time.Time) error {
	return s.change(ctx, s.key(token), s.life, func(old *session) []byte {
		if old != nil && old.Ended {
			return nil
		}
		return b
	})
}

// DeleteCtx implements scs.CtxStore.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.end(ctx, s.key(token))
}

// end ends the session with this key of the shelf.
func (s *sessionStore) end(ctx context.Context, key string) error {
	return s.change(ctx, key, grace, func(old *session) []byte {
		if old == nil {
			return nil
		}
		old.Ended, old.Hint = true, ""
		b, err := json.Marshal(old)
		if err != nil {
			return nil // cannot be: it was made from JSON
		}
		return b
	})
}

var errAsItIs = errors.New("as it is")

// change replaces a session by what f returns, for life from now on, or leaves it as it is if that
// is nil.
func (s *sessionStore) change(ctx context.Context, key string, life time.Duration, f func(old *session) []byte) error {
	err := s.shelf.Update(ctx, sessionShelf, key, func(b []byte) ([]byte, time.Time, error) {
		var old *session
		if b != nil {
			old = new(session)
			if err := json.Unmarshal(b, old); err != nil {
				return nil, time.Time{}, err
			}
		}
		next := f(old)
		if next == nil {
			return nil, time.Time{}, errAsItIs
		}
		return next, s.now().Add(life), nil
	})
	if errors.Is(err, errAsItIs) {
		return nil
	}
	return err
}

// Find, Commit and Delete implement scs.Store, which calls them only for stores without contexts.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s *sessionStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

// Delete implements scs.Store.
func (s *sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// valueKey is the one value of a session in the session manager.
const valueKey = "session"

// codec stores the session alone, in JSON. How long it lives is decided here and not by the session
// manager, which would write every session at every request to know when it rested.
type codec struct{}

// Encode implements scs.Codec.
func (codec) Encode(_ time.Time, values map[string]any) ([]byte, error) {
	s, ok := values[valueKey].(*session)
	if !ok {
		return nil, errors.New("signin: a session without a user is not stored")
	}
	return json.Marshal(s)
}

// Decode implements scs.Codec.
func (codec) Decode(b []byte) (time.Time, map[string]any, error) {
	s := new(session)
	if err := json.Unmarshal(b, s); err != nil {
		return time.Time{}, nil, fmt.Errorf("signin: reading a session: %w", err)
	}
	return time.Time{}, map[string]any{valueKey: s}, nil
}

// touch is how old the time of the last request may be in the database: it is not written with every
// request.
func (m *Manager) touch() time.Duration { return m.config.Sessions.Idle / 15 }

// load returns the request with what its session says in its context.
func (m *Manager) load(r *http.Request) (*http.Request, error) {
	token := ""
	if c, err := r.Cookie(m.sessions.Cookie.Name); err == nil {
		token = c.Value
	}
	ctx, err := m.sessions.Load(r.Context(), token)
	if err != nil {
		return nil, fmt.Errorf("signin: loading the session: %w", err)
	}
	v := &visit{}
	if s, ok := m.sessions.Get(ctx, valueKey).(*session); ok {
		v.key = m.store.key(token)
		if m.over(s) {
			v.ended = s
		} else {
			v.user, v.began, v.hint = &s.User, s.Began, s.Hint
			if now := m.now(); now.Sub(s.Seen) >= m.touch() {
				next := *s
				next.Seen = now
				m.sessions.Put(ctx, valueKey, &next)
				if _, _, err := m.sessions.Commit(ctx); err != nil {
					return nil, fmt.Errorf("signin: storing the session: %w", err)
				}
				v.user = &next.User
			}
		}
	}
	ctx = context.WithValue(ctx, contextKey{}, v)
	if v.user != nil {
		ctx = ui.WithMadeFor(ui.WithUser(ctx, v.user), m.madeFor(v.user))
	}
	return r.WithContext(ctx), nil
}

// Begin makes a session for user and gives its token to the browser. A token that the browser had
// before is worth nothing from here on, so that nobody who knew it is signed in with them. The
// request must have come through Wrap.
func (m *Manager) Begin(w http.ResponseWriter, r *http.Request, user User) error {
	now := m.now()
	return m.begin(w, r, &session{User: user, Began: now, Seen: now})
}

// begin is Begin. The browser gets the token last: a session that the provider could not end,
// because it could not be indexed, is nobody's.
func (m *Manager) begin(w http.ResponseWriter, r *http.Request, s *session) error {
	ctx := r.Context()
	if err := m.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("signin: ending the session before: %w", err)
	}
	m.sessions.Put(ctx, valueKey, s)
	token, expiry, err := m.sessions.Commit(ctx)
	if err != nil {
		return fmt.Errorf("signin: storing the session: %w", err)
	}
	if err := m.index(ctx, s, m.store.key(token)); err != nil {
		return fmt.Errorf("signin: indexing the session: %w", err)
	}
	m.sessions.WriteSessionCookie(ctx, w, token, expiry)
	return nil
}

// end ends the browser's session.
func (m *Manager) end(w http.ResponseWriter, r *http.Request) error {
	if err := m.sessions.Destroy(r.Context()); err != nil {
		return fmt.Errorf("signin: ending the session: %w", err)
	}
	m.sessions.WriteSessionCookie(r.Context(), w, "", time.Time{})
	return nil
}
