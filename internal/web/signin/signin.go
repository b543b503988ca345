package signin

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"igledger/audit/plain"
	"igledger/internal/edge"
	"igledger/internal/web/shelf"
	"igledger/internal/web/ui"
	"igledger/ledger/keyfile"
	"igledger/ledger/wire"
)

// Deps is what a Manager works with.
type Deps struct {
	Config  Config
	Public  string // address of the pages as browsers spell it: https://ledger.example
	Shelf   *shelf.Shelf
	Site    *ui.Site
	Logger  *slog.Logger
	File    func(name string) string                       // where a file of the configuration is; nil: name
	Secrets *keyfile.Loader                                // reads the files of clients' secrets; may be nil
	Home    func(*User) string                             // the page after sign-in; nil: ui.Home
	Peer    func(remote string, forwarded []string) string // who asks, for limits; nil: edge.Limits{}.Peer
	Now     func() time.Time                               // nil: time.Now
}

// Manager knows who is signed in. It is safe for concurrent use; replicas with the same database and
// key share sessions.
type Manager struct {
	config        Config
	deps          Deps
	now           func() time.Time
	issuers       map[string]*issuer
	room          *ui.Room
	sessions      *scs.SessionManager
	store         *sessionStore
	browserCookie string
	cross         *http.CrossOriginProtection
	asking        *paced // requests of a session
	signing       *paced // sign-ins from an address
	ending        *paced // logout tokens from an address
}

//go:embed pages
var pages embed.FS

// New returns a Manager. It asks no provider anything yet.
func New(d Deps) (*Manager, error) {
	public, err := wire.ServerURL(strings.TrimSuffix(d.Public, "/"))
	if err != nil || public.Path != "" || !wire.Private(public) {
		return nil, errors.New("signin: the public address of the pages must be https://host, or http:// on the loopback")
	}
	if err := d.Config.Check(); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Home == nil {
		d.Home = func(u *User) string { return ui.Home(u) }
	}
	if d.Peer == nil {
		d.Peer = edge.Limits{}.Peer
	}
	if d.File == nil {
		d.File = func(name string) string { return name }
	}
	m := &Manager{config: d.Config.orDefault(), deps: d, now: d.Now, issuers: map[string]*issuer{}}
	for _, c := range m.config.Issuers {
		i, err := newIssuer(d.Secrets, c, public.String(), d.File, m.now)
		if err != nil {
			return nil, err
		}
		i.stepUp = m.config.Sessions.StepUp
		m.issuers[c.Name] = i
	}
	ours, err := fs.Sub(pages, "pages")
	if err != nil {
		return nil, err
	}
	if m.room, err = d.Site.Room(ours); err != nil {
		return nil, fmt.Errorf("signin: %w", err)
	}
	life := m.config.Sessions.Absolute + grace
	m.store = &sessionStore{shelf: d.Shelf, now: d.Now, life: life}
	m.sessions = scs.New()
	m.sessions.Store, m.sessions.Codec, m.sessions.Lifetime = m.store, codec{}, life
	m.sessions.Cookie.Persist = false
	m.sessions.Cookie.Name, m.sessions.Cookie.Secure = cookieName("session", public), public.Scheme == "https"
	m.browserCookie = cookieName("signin", public)
	m.cross = http.NewCrossOriginProtection()
	if err := m.cross.AddTrustedOrigin(public.String()); err != nil {
		return nil, err
	}
	m.cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.refuse(w, r, http.StatusForbidden, "cross-origin")
	}))
	m.asking = newPaced(m.config.Limits.Requests, 100)
	m.signing = newPaced(m.config.Limits.SignIns, 60)
	m.ending = newPaced(logouts, 10*logouts)
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
		// Who was signed in counts too: what they send is kept for them.
		if v := visitOf(loaded.Context()); v.key != "" && !m.asking.allow(v.key, m.now()) {
			m.slow(w, r)
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
			case r.Method == http.MethodPost && m.anothers(r, u):
				m.refuse(w, r, http.StatusForbidden, "other-user")
			case kind != "" && u.Kind != kind || !u.Can(permissions...):
				m.refuse(w, r, http.StatusForbidden, "forbidden")
			default:
				if r.Method == http.MethodPost {
					m.forget(r, u)
				}
				next.ServeHTTP(w, r)
			}
		})
	}
}

// StepUp lets only users through who have just proved to their provider who they are, in the stronger
// way that the configuration asks of changes. Others are asked to, and then come back. It goes within
// Need.
func (m *Manager) StepUp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := From(r.Context())
		switch {
		case u == nil:
			m.ask(w, r, "")
		case m.proved(u):
			next.ServeHTTP(w, r)
		default:
			m.prove(w, r, u)
		}
	})
}

// proved reports whether a user has lately proved who they are, as changes need.
func (m *Manager) proved(u *User) bool {
	i := m.issuers[u.Issuer]
	return m.now().Sub(u.Auth) < m.config.Sessions.StepUp &&
		(i == nil || len(i.StepUp) == 0 || slices.Contains(i.StepUp, u.ACR))
}

// Mount adds the pages of sign-in and sign-out.
func (m *Manager) Mount(mux *http.ServeMux) {
	m.deps.Site.Serves(mux)
	mux.HandleFunc("GET /sign-in", m.choose)
	mux.Handle("GET /sign-in/{issuer}", m.limited(m.signing, m.start))
	mux.Handle("GET /sign-in/{issuer}/callback", m.limited(m.signing, m.finish))
	mux.Handle("POST /sign-in/{issuer}/logout", m.limited(m.ending, m.backchannel))
	mux.HandleFunc("POST /sign-out", m.signOut)
	mux.HandleFunc("GET /signed-out", func(w http.ResponseWriter, r *http.Request) {
		m.page(w, r, http.StatusOK, "signed-out", "", nil)
	})
}

// logouts is how many logout tokens an address may send in a second: a provider ends the sessions
// of many people from one address, at the end of a shift, and none of them may stay signed in
// because of a limit. Sign-ins from there do not count for it, nor it for them.
const logouts = 100

// limited bounds how often an address may ask.
func (m *Manager) limited(pace *paced, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !pace.allow(m.deps.Peer(r.RemoteAddr, r.Header.Values("X-Forwarded-For")), m.now()) {
			m.slow(w, r)
			return
		}
		next(w, r)
	})
}

// choice is a provider to choose.
type choice struct{ Title, Kind, Href string }

// choose shows the providers, or goes on to the only one that will do.
func (m *Manager) choose(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	j := m.journeyOf(r)
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + url.Values{"go": {r.URL.Query().Get("go")}}.Encode()
	}
	var list []choice
	for _, c := range m.config.Issuers {
		if (j.For == "" || j.For == c.For) && (j.Issuer == "" || j.Issuer == c.Name) {
			list = append(list, choice{c.Title, string(c.For), "/sign-in/" + c.Name + query})
		}
	}
	if len(list) == 1 {
		http.Redirect(w, r, list[0].Href, http.StatusSeeOther)
		return
	}
	m.page(w, r, http.StatusOK, "choose", "", map[string]any{"Choices": list})
}

// ask asks a visitor to sign in. Who opens a page is sent to sign in; who sends a form is told that
// they have to, and that what they typed is kept, if it is.
func (m *Manager) ask(w http.ResponseWriter, r *http.Request, kind Kind) {
	j := journey{To: m.back(r), For: kind}
	v := visitOf(r.Context())
	if v.ended != nil {
		// Whoever is at the browser now must not be let in by what the provider remembers.
		j.Fresh = true
	}
	w.Header().Set("WWW-Authenticate", `OpenID realm="pages"`)
	kept := v.ended != nil && m.keep(w, r, &v.ended.User)
	switch {
	case !navigation(r) || len(m.issuers) == 0:
		m.deps.Site.Problem(w, r, http.StatusUnauthorized, "sign-in")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.Header().Del("WWW-Authenticate")
		http.Redirect(w, r, m.link(j), http.StatusSeeOther)
	default:
		m.page(w, r, http.StatusUnauthorized, "again", keptKeyWord(kept), map[string]any{"Next": m.link(j), "Kept": kept})
	}
}

// prove asks a user to prove who they are.
func (m *Manager) prove(w http.ResponseWriter, r *http.Request, u *User) {
	j := journey{To: m.back(r), For: u.Kind, Issuer: u.Issuer, StepUp: true, Who: m.who(u)}
	kept := m.keep(w, r, u)
	switch {
	case !navigation(r) || m.issuers[u.Issuer] == nil:
		m.deps.Site.Problem(w, r, http.StatusForbidden, "step-up")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		http.Redirect(w, r, m.link(j), http.StatusSeeOther)
	default:
		m.page(w, r, http.StatusForbidden, "prove", keptKeyWord(kept), map[string]any{"Next": m.link(j), "Kept": kept})
	}
}

// keptKeyWord names the words of a page that says whether what was typed is kept.
func keptKeyWord(kept bool) string {
	if kept {
		return "kept"
	}
	return "lost"
}

// navigation reports whether a request is somebody's who opens a page or sends a form, and not a
// script's or a program's.
func navigation(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return ui.WantsPage(r) && (mode == "" || mode == "navigate")
}

// page answers with a page of ours. Its words are those of the page and, if variant is not "", of
// that variant.
func (m *Manager) page(w http.ResponseWriter, r *http.Request, status int, name, variant string, data map[string]any) {
	if data == nil {
		data = map[string]any{}
	}
	words := m.room.Words(r)
	key := name
	if variant != "" {
		key += "." + variant
	}
	data["Text"] = words.Text(plain.Key(key + ".text"))
	_ = m.room.Render(w, r, status, name, ui.Page{Title: words.Text(plain.Key(key + ".title")), Data: data}) // it has answered and logged
}

// slow answers somebody who asks too often.
func (m *Manager) slow(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "10")
	m.refuse(w, r, http.StatusTooManyRequests, "too-many-requests")
}

// refuse answers with a problem, and logs it with nothing of the person.
func (m *Manager) refuse(w http.ResponseWriter, r *http.Request, status int, key string) {
	m.deps.Logger.Warn("request refused", "why", key, "method", r.Method, "pattern", pattern(r))
	m.deps.Site.Problem(w, r, status, key)
}

// away answers that the database cannot be reached.
func (m *Manager) away(w http.ResponseWriter, r *http.Request, err error) {
	m.deps.Logger.Error("sessions cannot be read or stored", "error", err)
	w.Header().Set("Retry-After", "30")
	m.deps.Site.Problem(w, r, http.StatusServiceUnavailable, "away")
}

// pattern returns the route that a request matched, which unlike its path is not the visitor's to
// choose.
func pattern(r *http.Request) string {
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}
