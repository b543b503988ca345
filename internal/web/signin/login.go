package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"igledger/internal/web/shelf"
)

// random returns 256 random bits as text.
func random() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// journey is why somebody is on their way to a provider, and where they go after it. It travels
// sealed in addresses of our own, so that nobody can send them elsewhere: see shelf.Seal.
type journey struct {
	To     string    `json:"to"` // a path of ours with its query
	For    Kind      `json:"for,omitempty"`
	Issuer string    `json:"issuer,omitempty"` // the only one that will do
	Fresh  bool      `json:"fresh,omitempty"`  // the provider must ask who they are, although it may know
	StepUp bool      `json:"stepUp,omitempty"` // and in the way that changes need
	Who    string    `json:"who,omitempty"`    // the only user that will do, see who
	Ends   time.Time `json:"ends"`
}

// login is a journey that has gone to the provider. It lies on a shelf under its state.
type login struct {
	journey
	Provider string    `json:"provider"` // name of the issuer
	Browser  string    `json:"browser"`  // blinded: what the browser's cookie holds
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // PKCE
	Began    time.Time `json:"began"`
}

const (
	loginShelf  = "signin"
	loginLife   = time.Hour // proving who one is for the first time takes long
	journeyLife = 12 * time.Hour
	sealedUse   = "signin journey"
)

// link returns the address at which a journey begins.
func (m *Manager) link(j journey) string {
	j.Ends = m.now().Add(journeyLife)
	b, err := json.Marshal(j)
	if err != nil {
		return "/sign-in" // cannot be: texts and a time
	}
	sealed, err := m.deps.Shelf.Seal(sealedUse, b)
	if err != nil {
		return "/sign-in"
	}
	return "/sign-in?go=" + sealed
}

// journeyOf returns the journey of an address, and one to the start page if it has none that is good.
func (m *Manager) journeyOf(r *http.Request) journey {
	b, err := m.deps.Shelf.Open(sealedUse, r.URL.Query().Get("go"))
	var j journey
	if err != nil || json.Unmarshal(b, &j) != nil || !m.now().Before(j.Ends) {
		return journey{}
	}
	return j
}

// local returns the path and query of a request as the place to come back to, or "" if a browser
// could take it for an address elsewhere.
func local(r *http.Request) string {
	to := (&url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}).String()
	u, err := url.Parse(to)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") ||
		strings.ContainsAny(to, "\\\r\n\t") || len(to) > 2048 {
		return ""
	}
	return to
}

// back returns the page to come back to after a request.
func (m *Manager) back(r *http.Request) string {
	at := m.deps.Site.PageOf(r)
	if at == r.URL.Path {
		return local(r)
	}
	return local(&http.Request{URL: &url.URL{Path: at}})
}

// start sends the browser to a provider.
func (m *Manager) start(w http.ResponseWriter, r *http.Request) {
	i := m.issuers[r.PathValue("issuer")]
	if i == nil {
		m.deps.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	j := m.journeyOf(r)
	if j.For != "" && j.For != i.For || j.Issuer != "" && j.Issuer != i.Name {
		j = journey{}
	}
	e, err := i.find(r.Context())
	if err != nil {
		m.providerAway(w, r, i, err)
		return
	}
	browser := m.browser(w, r)
	l := login{journey: j, Provider: i.Name, Browser: m.deps.Shelf.Blind("browser", browser), Nonce: random(),
		Verifier: oauth2.GenerateVerifier(), Began: m.now()}
	b, err := json.Marshal(l)
	if err != nil {
		m.away(w, r, err)
		return
	}
	state := random()
	if err := m.deps.Shelf.Put(r.Context(), loginShelf, m.deps.Shelf.Blind("state", state), b, m.now().Add(loginLife)); err != nil {
		m.away(w, r, err)
		return
	}
	options := append([]oauth2.AuthCodeOption{oidc.Nonce(l.Nonce), oauth2.S256ChallengeOption(l.Verifier)}, l.demands(i, m)...)
	http.Redirect(w, r, i.client(e).AuthCodeURL(state, options...), http.StatusSeeOther)
}

// demands returns how the provider must ask who they are.
func (l *login) demands(i *issuer, m *Manager) (options []oauth2.AuthCodeOption) {
	acr := i.ACR
	if l.StepUp {
		if len(i.StepUp) > 0 {
			acr = i.StepUp
		}
		// A proof that is nearly too old already would be too old when the form is sent.
		age := max(1, int(m.config.Sessions.StepUp.Seconds()/2))
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(age)))
	}
	if len(acr) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(acr, " ")))
	}
	if l.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return options
}

// satisfied returns tooWeak if a proof is not what was demanded. saysWhen reports whether the token
// says when they proved who they are.
func (l *login) satisfied(i *issuer, p *proof, saysWhen bool, now time.Time) error {
	accepted := i.ACR
	if l.StepUp && len(i.StepUp) > 0 {
		accepted = i.StepUp
	} else if len(accepted) > 0 {
		accepted = append(slices.Clone(accepted), i.StepUp...)
	}
	switch {
	case len(accepted) > 0 && !slices.Contains(accepted, p.acr):
		return tooWeak
	case (l.StepUp || l.Fresh) && !saysWhen:
		return tooWeak
	case l.Fresh && p.auth.Before(l.Began.Add(-skew)):
		return tooWeak
	case l.StepUp && now.Sub(p.auth) >= i.stepUp:
		return tooWeak
	}
	return nil
}

// browser returns what ties a state to the browser that began: a random text in a cookie of its own.
func (m *Manager) browser(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(m.browserCookie); err == nil && len(c.Value) == len(random()) {
		return c.Value
	}
	value := random()
	http.SetCookie(w, &http.Cookie{Name: m.browserCookie, Value: value, Path: "/", HttpOnly: true,
		Secure: m.sessions.Cookie.Secure, SameSite: http.SameSiteLaxMode})
	return value
}

// Why what a browser brings back from a provider is not taken.
const (
	badAnswer  refusal = "answer"         // not the parameters that a provider sends
	badState   refusal = "state"          // unknown, used or too old
	badBrowser refusal = "browser"        // begun by another browser
	badMix     refusal = "mixed-up"       // begun with another provider, or answered by one
	gaveUp     refusal = "gave-up"        // they, or their provider, did not go through with it
	otherUser  refusal = "somebody-else"  // another than who had to prove who they are
	serverOf   refusal = "provider-fault" // the provider says that it failed
)

// finish takes the browser back from a provider.
func (m *Manager) finish(w http.ResponseWriter, r *http.Request) {
	i := m.issuers[r.PathValue("issuer")]
	if i == nil {
		m.deps.Site.Problem(w, r, http.StatusNotFound, "not-found")
		return
	}
	l, code, err := m.answer(r, i)
	var p *proof
	if err == nil {
		p, err = i.exchange(r.Context(), code, l)
	}
	if err != nil {
		m.notIn(w, r, i, l, err)
		return
	}
	u, err := i.user(r.Context(), p.claims)
	if err != nil {
		m.notIn(w, r, i, l, err)
		return
	}
	u.Subject, u.Auth, u.ACR, u.Session = p.subject, p.auth, p.acr, random()
	if err := m.welcome(w, r, l, p, u); err != nil {
		m.notIn(w, r, i, l, err)
		return
	}
	to := l.To
	if to == "" {
		to = m.deps.Home(&u)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// answer returns the login that an answer of a provider is to, and the code in it. The login is used
// up, whatever follows.
func (m *Manager) answer(r *http.Request, i *issuer) (*login, string, error) {
	q := r.URL.Query()
	for _, values := range q {
		if len(values) != 1 || len(values[0]) > 4<<10 {
			return nil, "", badAnswer
		}
	}
	state := q.Get("state")
	if len(state) != len(random()) {
		return nil, "", badState
	}
	b, err := m.deps.Shelf.Take(r.Context(), loginShelf, m.deps.Shelf.Blind("state", state))
	if errors.Is(err, shelf.ErrNotFound) {
		return nil, "", badState
	}
	l := new(login)
	if err == nil {
		err = json.Unmarshal(b, l)
	}
	if err != nil {
		return nil, "", err
	}
	browser := ""
	if c, err := r.Cookie(m.browserCookie); err == nil {
		browser = m.deps.Shelf.Blind("browser", c.Value)
	}
	e, err := i.find(r.Context())
	iss := q.Get("iss")
	switch {
	case subtle.ConstantTimeCompare([]byte(browser), []byte(l.Browser)) != 1:
		return nil, "", badBrowser
	case l.Provider != i.Name:
		return nil, "", badMix
	case err != nil:
		return l, "", err
	case iss != "" && iss != i.URL || iss == "" && e.SaysIssuer: // RFC 9207
		return nil, "", badMix
	}
	switch q.Get("error") {
	case "":
		if code := q.Get("code"); code != "" {
			return l, code, nil
		}
		return l, "", badAnswer
	case "server_error", "temporarily_unavailable":
		return l, "", serverOf
	}
	return l, "", gaveUp
}

// welcome gives the browser a session of u.
func (m *Manager) welcome(w http.ResponseWriter, r *http.Request, l *login, p *proof, u User) error {
	if l.Who != "" && l.Who != m.who(&u) {
		return otherUser
	}
	now := m.now()
	s := &session{User: u, Began: now, Seen: now, SID: p.sid, Hint: p.hint}
	if v := visitOf(r.Context()); l.StepUp && v.user != nil && m.who(v.user) == m.who(&u) {
		// The same visit goes on: it neither lives longer nor is logged as another.
		s.User.Session, s.Began = v.user.Session, v.began
	}
	if err := m.begin(w, r, s); err != nil {
		return err
	}
	m.deps.Logger.Info("signed in", "issuer", l.Provider, "kind", string(u.Kind), "stepUp", l.StepUp)
	return nil
}

// who returns a name of a user that says nothing about them.
func (m *Manager) who(u *User) string { return m.deps.Shelf.Blind("user", u.Issuer, u.Subject) }

// notIn answers somebody whom a sign-in did not let in.
func (m *Manager) notIn(w http.ResponseWriter, r *http.Request, i *issuer, l *login, err error) {
	var why refusal
	switch {
	case errors.Is(err, errAway), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		m.providerAway(w, r, i, err)
		return
	case !errors.As(err, &why):
		m.away(w, r, err)
		return
	case why == serverOf:
		m.providerAway(w, r, i, err)
		return
	}
	m.deps.Logger.Warn("not signed in", "issuer", i.Name, "why", err)
	status := http.StatusForbidden
	if !slices.Contains(told, why) {
		why, status = "failed", http.StatusBadRequest
	}
	again := "/sign-in"
	if l != nil {
		again = m.link(l.journey)
	}
	m.page(w, r, status, "refused", string(why), map[string]any{"Again": again, "Issuer": i.Title})
}

// told are the refusals of which people are told the reason. All others look the same to an attacker.
var told = []refusal{
	noNumber, badNumber, twoNumbers, notFound, noOrganisation, twoOrganisation, noStaffID, noPermission, tooWeak, gaveUp,
	otherUser,
}

// providerAway answers that a provider does not.
func (m *Manager) providerAway(w http.ResponseWriter, r *http.Request, i *issuer, err error) {
	m.deps.Logger.Error("an OpenID provider cannot be asked", "issuer", i.Name, "error", err)
	w.Header().Set("Retry-After", "60")
	m.deps.Site.Problem(w, r, http.StatusServiceUnavailable, "provider-away")
}
