// Package provider is an OpenID provider for demonstrations and tests, on the loopback only: whoever
// asks signs in as whomever they choose. Everybody it knows is invented.
//
// It speaks OpenID Connect as real providers do, by a library: PKCE, nonce, acr, sign-out at the
// provider and back-channel logout. So a demonstration signs people in by the same code as a ledger
// that people rely on.
package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/crypto"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// How sure the provider says it is of who somebody is (acr). It is never sure at all.
const (
	Usual  = "urn:igledger:demo:usual"
	Strong = "urn:igledger:demo:strong" // for changes
)

// Person is somebody who can be chosen.
type Person struct {
	Subject string
	Name    string
	About   string
	For     string // the clients that they sign in at
	Claims  map[string]any
}

// Client is who relies on the provider.
type Client struct {
	ID, For     string
	Secret      string
	Callback    string
	SignedOut   string
	BackChannel string // "": it is not told when sessions end
}

// Config is what a Provider is made from.
type Config struct {
	Issuer string // http://127.0.0.1:PORT
	People []Person
	Logger *slog.Logger
}

// Provider is the provider. It is safe for concurrent use. It forgets everything when it ends.
type Provider struct {
	issuer  string
	people  []Person
	logger  *slog.Logger
	key     *ecdsa.PrivateKey
	op      *op.Provider
	page    *template.Template
	handler http.Handler
	http    *http.Client

	mu       sync.Mutex
	clients  map[string]*Client
	requests map[string]*request // by id
	codes    map[string]string   // code -> id of its request
	tokens   map[string]*request // by id of the access token
	sessions map[string]*session // by the browser's cookie, which is their sid
}

// session is a browser that has signed in.
type session struct {
	subject string
	clients map[string]bool
}

//go:embed choose.html style.css
var files embed.FS

// New returns a Provider without clients. The issuer must be on the loopback: nobody proves here who
// they are.
func New(c Config) (*Provider, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "http" || !net.ParseIP(u.Hostname()).IsLoopback() {
		return nil, errors.New("provider: the provider of demonstrations is for http on the loopback only")
	}
	p := &Provider{issuer: c.Issuer, people: c.People, logger: c.Logger, http: &http.Client{Timeout: 10 * time.Second},
		clients: map[string]*Client{}, requests: map[string]*request{}, codes: map[string]string{},
		tokens: map[string]*request{}, sessions: map[string]*session{}}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if p.page, err = template.ParseFS(files, "choose.html"); err != nil {
		return nil, err
	}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, BackChannelLogoutSupported: true,
		BackChannelLogoutSessionSupported: true, DefaultLogoutRedirectURI: "/"}
	rand.Read(config.CryptoKey[:])
	if p.op, err = op.NewProvider(config, &storage{p}, op.StaticIssuer(c.Issuer), op.WithAllowInsecure(), op.WithCORSOptions(nil)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /choose", p.choose)
	mux.Handle("POST /choose", http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.chosen)))
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "style.css") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.show(w, http.StatusOK, view{}) })
	mux.Handle("/", p.op)
	p.handler = mux
	return p, nil
}

// AddClient adds a client and returns it with a new secret, unless it has one.
func (p *Provider) AddClient(c Client) (Client, error) {
	if c.ID == "" || c.Callback == "" {
		return Client{}, errors.New("provider: a client needs an id and a callback")
	}
	if c.Secret == "" {
		c.Secret = rand.Text()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = &c
	return c, nil
}

type cookieKey struct{}

// ServeHTTP answers a request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if c, err := r.Cookie(cookieName); err == nil { // for the end of a session, of which the library tells only the client
		r = r.WithContext(context.WithValue(r.Context(), cookieKey{}, c.Value))
	}
	p.handler.ServeHTTP(w, r)
}

const cookieName = "demo-provider"

// view is what the page shows.
type view struct {
	ID     string // of the request; "": there is none
	Strong bool
	Staff  bool
	People []Person
}

// choose shows who can be chosen.
func (p *Provider) choose(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	req := p.requests[r.URL.Query().Get("id")]
	var v view
	if req != nil {
		client := p.clients[req.ClientID]
		v = view{ID: req.id, Strong: req.GetACR() == Strong, Staff: client.For == staff}
		for _, person := range p.people {
			if person.For == client.For {
				v.People = append(v.People, person)
			}
		}
	}
	p.mu.Unlock()
	status := http.StatusOK
	if v.ID == "" {
		status = http.StatusNotFound
	}
	p.show(w, status, v)
}

func (p *Provider) show(w http.ResponseWriter, status int, v view) {
	// The answer to the form leads to the client, at another origin, which form-action must name.
	forms := []string{"'self'"}
	p.mu.Lock()
	for _, c := range p.clients {
		if u, err := url.Parse(c.Callback); err == nil {
			forms = append(forms, u.Scheme+"://"+u.Host)
		}
	}
	p.mu.Unlock()
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+
		strings.Join(forms, " "))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := p.page.Execute(w, v); err != nil {
		p.logger.Error("the demonstration's provider cannot show its page", "error", err)
	}
}

// chosen signs somebody in.
func (p *Provider) chosen(w http.ResponseWriter, r *http.Request) {
	id, subject := r.PostFormValue("id"), r.PostFormValue("who")
	p.mu.Lock()
	req := p.requests[id]
	if req == nil || p.person(subject, p.clients[req.ClientID].For) == nil {
		p.mu.Unlock()
		p.show(w, http.StatusNotFound, view{})
		return
	}
	// Each choice is a session of its own, so that a browser that chose before cannot be taken over.
	sid := rand.Text()
	p.sessions[sid] = &session{subject: subject, clients: map[string]bool{req.ClientID: true}}
	req.subject, req.sid, req.at = subject, sid, time.Now()
	p.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: sid, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, op.AuthCallbackURL(p.op)(op.ContextWithIssuer(r.Context(), p.issuer), id), http.StatusSeeOther)
}

// person returns who has a subject among those for a client, or nil.
func (p *Provider) person(subject, client string) *Person {
	for i := range p.people {
		if p.people[i].Subject == subject && (client == "" || p.people[i].For == client) {
			return &p.people[i]
		}
	}
	return nil
}

// SignOut ends all sessions of a person, as an account that is closed would, and tells the clients.
func (p *Provider) SignOut(ctx context.Context, subject string) error {
	p.mu.Lock()
	var sids []string
	for sid, s := range p.sessions {
		if s.subject == subject {
			sids = append(sids, sid)
		}
	}
	p.mu.Unlock()
	var errs []error
	for _, sid := range sids {
		errs = append(errs, p.end(ctx, sid))
	}
	return errors.Join(errs...)
}

// end ends a session, and tells its clients.
func (p *Provider) end(ctx context.Context, sid string) error {
	p.mu.Lock()
	s := p.sessions[sid]
	delete(p.sessions, sid)
	var tell []*Client
	if s != nil {
		for id := range s.clients {
			if c := p.clients[id]; c != nil && c.BackChannel != "" {
				tell = append(tell, c)
			}
		}
	}
	p.mu.Unlock()
	var errs []error
	for _, c := range tell {
		errs = append(errs, p.tell(ctx, c, s.subject, sid))
	}
	return errors.Join(errs...)
}

// tell tells a client that a session has ended.
func (p *Provider) tell(ctx context.Context, c *Client, subject, sid string) error {
	signer, err := op.SignerFromKey(signingKey{p.key})
	if err != nil {
		return err
	}
	token, err := crypto.Sign(oidc.NewLogoutTokenClaims(p.issuer, subject, oidc.Audience{c.ID}, time.Now().Add(2*time.Minute),
		rand.Text(), sid, 0), signer)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannel, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("provider: %s answered %s to a logout token", c.ID, resp.Status)
	}
	return nil
}
