package signin

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"igledger/internal/web/shelf"
)

// Deps is what a Manager works with.
type Deps struct {
	Config Config
	Public string // address of the pages as browsers spell it: https://ledger.example
	Shelf  *shelf.Shelf
	Logger *slog.Logger
	// Problem answers with a page that says what went wrong; key names the words. Nil: the status
	// alone.
	Problem func(w http.ResponseWriter, r *http.Request, status int, key string)
	Now     func() time.Time // nil: time.Now
}

// Manager knows who is signed in. It is safe for concurrent use; replicas with the same database and
// key share sessions.
type Manager struct {
	config   Config
	deps     Deps
	now      func() time.Time
	sessions *scs.SessionManager
	store    *sessionStore
	cross    *http.CrossOriginProtection
	paced    *paced // requests of a session
}

// New returns a Manager.
func New(d Deps) (*Manager, error) {
	public, err := url.Parse(d.Public)
	if err != nil || public.Host == "" || public.Scheme != "https" && public.Scheme != "http" {
		return nil, errors.New("signin: the public address of the pages must be https://host, or http://host for a demonstration")
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Problem == nil {
		d.Problem = func(w http.ResponseWriter, _ *http.Request, status int, key string) {
			http.Error(w, http.StatusText(status)+": "+key, status)
		}
	}
	m := &Manager{config: d.Config.orDefault(), deps: d, now: d.Now}
	life := m.config.Sessions.Absolute + grace
	m.store = &sessionStore{shelf: d.Shelf, now: d.Now, life: life}
	m.sessions = scs.New()
	m.sessions.Store, m.sessions.Codec, m.sessions.Lifetime = m.store, codec{}, life
	m.sessions.Cookie.Persist = false
	m.sessions.Cookie.Name, m.sessions.Cookie.Secure = cookieName("session", public), public.Scheme == "https"
	m.cross = http.NewCrossOriginProtection()
	if err := m.cross.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, err
	}
	m.cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.refuse(w, r, http.StatusForbidden, "cross-origin")
	}))
	m.paced = newPaced(m.config.Limits.Requests, 100)
	return m, nil
}

// cookieName returns the name of a cookie: with the prefix __Host-, browsers take it only over TLS,
// for this host and no domain. Over plain HTTP, as on the loopback of a demonstration, they would
// refuse that name, so there it has none.
func cookieName(name string, public *url.URL) string {
	if public.Scheme == "https" {
		return "__Host-" + name
	}
	return name
}

// Wrap loads the session of every request, refuses requests that change something and come from
// another site's page, and slows down sessions that ask too often. All pages are behind it.
func (m *Manager) Wrap(next http.Handler) http.Handler {
	return m.cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		loaded, err := m.load(r)
		if err != nil {
			m.away(w, r, err)
			return
		}
		if v := visitOf(loaded.Context()); v.user != nil && !m.paced.allow(v.key, m.now()) {
			w.Header().Set("Retry-After", "10")
			m.refuse(w, r, http.StatusTooManyRequests, "too-many-requests")
			return
		}
		next.ServeHTTP(w, loaded)
	}))
}

// Need lets only users of this kind with all of the permissions through. A kind of "" is either. Who
// is not signed in is asked to, and then comes back.
func (m *Manager) Need(kind Kind, permissions ...Permission) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			u := From(r.Context())
			switch {
			case u == nil:
				m.ask(w, r, kind)
			case kind != "" && u.Kind != kind || !u.Can(permissions...):
				m.refuse(w, r, http.StatusForbidden, "forbidden")
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// StepUp lets only users through who have just proved to their provider who they are, in the stronger
// way that the configuration asks of changes. Others are asked to, and then come back. It goes
// within Need.
func (m *Manager) StepUp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := From(r.Context())
		if u == nil || m.now().Sub(u.Auth) >= m.config.Sessions.StepUp {
			m.ask(w, r, "")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Mount adds the pages of sign-in and sign-out.
func (m *Manager) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		if err := m.end(w, r); err != nil {
			m.away(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

// Kept returns what the user had typed into the form at this path when their session ended, or nil.
func (m *Manager) Kept(*http.Request) url.Values { return nil }

// ask asks a visitor to sign in.
func (m *Manager) ask(w http.ResponseWriter, r *http.Request, _ Kind) {
	m.deps.Problem(w, r, http.StatusUnauthorized, "sign-in")
}

// refuse answers with a problem, and logs it with nothing of the person.
func (m *Manager) refuse(w http.ResponseWriter, r *http.Request, status int, key string) {
	m.deps.Logger.Warn("request refused", "why", key, "method", r.Method, "pattern", pattern(r))
	m.deps.Problem(w, r, status, key)
}

// away answers that the database cannot be reached.
func (m *Manager) away(w http.ResponseWriter, r *http.Request, err error) {
	m.deps.Logger.Error("sessions cannot be read or stored", "error", err)
	w.Header().Set("Retry-After", "30")
	m.deps.Problem(w, r, http.StatusServiceUnavailable, "away")
}

// pattern returns the route that a request matched, which unlike its path is not the visitor's to
// choose.
func pattern(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}
