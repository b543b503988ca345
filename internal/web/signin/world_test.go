package signin_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"igledger/internal/testdb"
	"igledger/internal/testlines"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/storage"
)

// op is an OpenID provider that does what a test says, also what none should do.
type op struct {
	*httptest.Server
	key   *ecdsa.PrivateKey
	down  atomic.Bool
	now   func() time.Time
	t     testing.TB
	ended bool // has an end_session_endpoint
	says  bool // says who it is in its answers (RFC 9207)

	mu    sync.Mutex
	codes map[string]*granted
	info  map[string]any
	asked []string // addresses
	auth  []string // how clients said who they are
}

// granted is what a code is for. Codes are for one use.
type granted struct {
	challenge string
	token     func() string // the ID token
}

func newOP(t testing.TB, now func() time.Time) *op {
	o := &op{now: now, t: t, codes: map[string]*granted{}, ended: true}
	o.key = newKey(t)
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (o *op) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, r.URL.String())
	if o.down.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		d := map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token",
			"jwks_uri": o.URL + "/jwks", "userinfo_endpoint": o.URL + "/userinfo",
			"id_token_signing_alg_values_supported":          []string{"ES256", "HS256", "none"},
			"authorization_response_iss_parameter_supported": o.says}
		if o.ended {
			d["end_session_endpoint"] = o.URL + "/end"
		}
		answer(200, d)
	case "/jwks":
		answer(200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &o.key.PublicKey, KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	case "/userinfo":
		answer(200, o.info)
	case "/token":
		client, password, ok := r.BasicAuth()
		switch {
		case ok && client == "pages" && password == "secret":
			o.auth = append(o.auth, "basic")
		case r.PostFormValue("client_assertion") != "":
			o.auth = append(o.auth, r.PostFormValue("client_assertion"))
		default:
			answer(401, map[string]string{"error": "invalid_client"})
			return
		}
		g := o.codes[r.PostFormValue("code")]
		delete(o.codes, r.PostFormValue("code"))
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		if g == nil || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || !strings.HasSuffix(r.PostFormValue("redirect_uri"), "/callback") {
			answer(400, map[string]string{"error": "invalid_grant", "error_description": "Morag's code"})
			return
		}
		answer(200, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": g.token()})
	}
}

// claims returns those of a good ID token for what a browser brought.
func (o *op) claims(asked url.Values, more map[string]any) map[string]any {
	c := map[string]any{"iss": o.URL, "aud": "pages", "sub": "subject-of-morag", "nonce": asked.Get("nonce"), "iat": o.now().Unix(),
		"exp": o.now().Add(5 * time.Minute).Unix(), "auth_time": o.now().Unix(), "acr": "high", "sid": "provider-session",
		"name": "Morag Example", "chi_number": "2902400015"}
	maps.Copy(c, more)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func (o *op) sign(claims map[string]any) string {
	return sign(o.t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: o.key, KeyID: "k"}}, claims)
}

func sign(t testing.TB, key jose.SigningKey, claims map[string]any) string {
	s, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// grant returns the address to which the provider sends the browser back, with a code for a token.
func (o *op) grant(asked url.Values, token func() string) *url.URL {
	code := fmt.Sprint("code-", rand.Text())
	o.mu.Lock()
	o.codes[code] = &granted{challenge: asked.Get("code_challenge"), token: token}
	o.mu.Unlock()
	u, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil {
		o.t.Fatal(err)
	}
	q := url.Values{"code": {code}, "state": {asked.Get("state")}}
	if o.says {
		q.Set("iss", o.URL)
	}
	u.RawQuery = q.Encode()
	return u
}

// world is pages behind a Manager, with a provider for citizens and one for staff.
type world struct {
	*signin.Manager
	t      testing.TB
	dsn    string
	op     *op
	staff  *op
	config signin.Config
	server *httptest.Server
	log    *testlines.Buffer
	ahead  *atomic.Int64
	store  *storage.Storage
}

func newWorld(t testing.TB, change ...func(*signin.Config)) *world {
	t.Helper()
	w := &world{t: t, dsn: testdb.SQLite(t), ahead: new(atomic.Int64), log: new(testlines.Buffer)}
	w.op, w.staff = newOP(t, w.now), newOP(t, w.now)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.config = signin.Config{Issuers: []signin.Issuer{
		{Name: "citizens", Title: "CitizenAccount", For: signin.Citizen, URL: w.op.URL, ClientID: "pages", SecretFile: secret,
			Scopes: []string{"profile"}, ACR: []string{"medium"}, StepUp: []string{"high"},
			Number: &signin.Number{CHI: "chi_number", NHS: "nhs_number"}},
		{Name: "staff", Title: "BoardAccount", For: signin.Staff, URL: w.staff.URL, ClientID: "pages", SecretFile: secret,
			Staff: &signin.StaffClaims{
				Organisation: signin.Organisation{Claim: "org", Is: map[string]string{"R1": "nhs-lothian"}},
				ID:           "employee", System: "https://staff.example/lothian",
				Permissions: signin.Mapped{Claim: "/realm_access/roles", Is: map[string][]signin.Permission{
					"ig": {signin.Reports, signin.Agreements}, "desk": {signin.FrontDesk}}},
			}},
	}}
	for _, f := range change {
		f(&w.config)
	}
	w.Manager, w.server = w.replica()
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) advance(d time.Duration) { w.ahead.Add(int64(d)) }

// replica starts pages of their own on the same database.
func (w *world) replica() (*signin.Manager, *httptest.Server) {
	w.t.Helper()
	store, err := storage.Create(w.t.Context(), w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = store
	w.t.Cleanup(func() { _ = store.Close() })
	s, err := shelf.New(w.t.Context(), store, bytes.Repeat([]byte{1}, 32), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	site, err := ui.New(ui.Config{Logger: logger, Now: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	mux := http.NewServeMux()
	var m *signin.Manager
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { m.Wrap(mux).ServeHTTP(rw, r) }))
	w.t.Cleanup(server.Close)
	if m, err = signin.New(signin.Deps{Config: w.config, Public: server.URL, Shelf: s, Site: site, Logger: logger, Now: w.now}); err != nil {
		w.t.Fatal(err)
	}
	m.Mount(mux)
	show := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		u := signin.From(r.Context())
		if r.Method == http.MethodPost {
			fmt.Fprintf(rw, "took %s from %s", r.PostFormValue("text"), u.Name)
			return
		}
		fmt.Fprintf(rw, "hello %s %s %s kept[%s] number[%s] visit[%s]", u.Name, u.ID, u.Org, m.Kept(r).Get("text"),
			m.Kept(r).Get("number"), u.Session)
	})
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "public") })
	mux.Handle("/you", m.Need(signin.Citizen)(show))
	mux.Handle("/you/form", m.Need(signin.Citizen)(show))
	mux.Handle("/you/forms/{n}", m.Need(signin.Citizen)(show))
	mux.Handle("POST /you/form/{n}/remove", m.Need(signin.Citizen)(show))
	mux.HandleFunc("/", http.NotFound)
	mux.Handle("/you/change", m.Need(signin.Citizen)(m.StepUp(show)))
	mux.Handle("/officer", m.Need(signin.Staff, signin.Agreements)(show))
	mux.Handle("/desk", m.Need(signin.Staff, signin.FrontDesk)(show))
	return m, server
}

// refuse makes the database refuse rows of a shelf, as if it went away when they are written.
func (w *world) refuse(name string) {
	w.t.Helper()
	err := w.store.Transact(w.t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) {
		return []storage.Op{{SQL: "CREATE TRIGGER gone BEFORE INSERT ON shelf WHEN CAST(NEW.k AS TEXT) LIKE '" + name +
			"%' BEGIN SELECT RAISE(ABORT, 'gone'); END"}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// drop makes the database answer no question about sessions any more.
func (w *world) drop() {
	err := w.store.Transact(w.t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) {
		return []storage.Op{{SQL: "DROP TABLE shelf"}}, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// browser keeps cookies and follows no redirects.
type browser struct {
	*http.Client
	w      *world
	server string
	urls   []string
	set    []*http.Cookie
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &browser{Client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		w: w, server: w.server.URL}
}

type answer struct {
	*http.Response
	body string
}

func (b *browser) do(method, path string, form url.Values, header ...string) answer {
	b.w.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.server + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, path, body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.urls = append(b.urls, path, resp.Header.Get("Location"), resp.Header.Get("Refresh"))
	b.set = append(b.set, resp.Cookies()...)
	return answer{resp, string(text)}
}

func (b *browser) get(path string) answer { return b.do("GET", path, nil) }

func (b *browser) post(path string, form url.Values) answer { return b.do("POST", path, form) }

// ask opens a page that needs sign-in, and returns what the browser is to ask the provider.
func (b *browser) ask(path string) url.Values {
	b.w.t.Helper()
	for range 5 {
		a := b.get(path)
		if a.StatusCode != http.StatusSeeOther {
			b.w.t.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
		}
		path = a.Header.Get("Location")
		if u, err := url.Parse(path); err == nil && strings.HasSuffix(u.Path, "/authorize") {
			return u.Query()
		}
	}
	b.w.t.Fatal("no provider in five redirects")
	return nil
}

// signIn signs in at a provider and returns the answer to what the browser brings back.
func (b *browser) signIn(o *op, path string, more map[string]any) answer {
	b.w.t.Helper()
	asked := b.ask(path)
	back := o.grant(asked, func() string { return o.sign(o.claims(asked, more)) })
	return b.get(back.String())
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.server)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// setCookie replaces a cookie.
func (b *browser) setCookie(name, value string) {
	u, _ := url.Parse(b.server)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// clean fails the test if the log, an address or a cookie held something of Morag.
func (w *world) clean(browsers ...*browser) {
	w.t.Helper()
	places := map[string]string{"log": w.log.String()}
	for i, b := range browsers {
		places[fmt.Sprint("addresses of browser ", i)] = strings.Join(b.urls, "\n")
		for _, c := range b.set {
			places[fmt.Sprint("cookies of browser ", i)] += c.String() + "\n"
		}
	}
	for place, text := range places {
		decoded, _ := url.QueryUnescape(text)
		for _, word := range []string{"2902400015", "Morag", "subject-of-morag", "employee-7", "typed"} {
			if strings.Contains(text, word) || strings.Contains(decoded, word) {
				w.t.Errorf("%s: has %q: %s", place, word, text)
			}
		}
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" .=&?/\n;", r) }) {
			if b, err := base64.RawURLEncoding.DecodeString(part); err == nil && bytes.Contains(b, []byte("2902400015")) {
				w.t.Errorf("%s: has a number in base64: %s", place, part)
			}
		}
	}
}

// secure returns pages whose public address has TLS, with /begin that signs somebody in.
func (w *world) secure() http.Handler {
	s, err := shelf.New(w.t.Context(), w.store, bytes.Repeat([]byte{1}, 32), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	site, err := ui.New(ui.Config{Logger: logger, Now: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := signin.New(signin.Deps{Config: w.config, Public: "https://ledger.example", Shelf: s, Site: site, Logger: logger, Now: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	mux := http.NewServeMux()
	m.Mount(mux)
	mux.HandleFunc("GET /begin", func(rw http.ResponseWriter, r *http.Request) {
		if err := m.Begin(rw, r, signin.User{Kind: signin.Citizen}); err != nil {
			w.t.Error(err)
		}
	})
	return m.Wrap(mux)
}

// recorded returns the answer of a handler to a browser.
func recorded(h http.Handler, path string) *http.Response {
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", "text/html")
	h.ServeHTTP(rec, r)
	return rec.Result()
}

// writeKey writes a private JWK beside a file, and returns its name.
func writeKey(beside string) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	b, err := jose.JSONWebKey{Key: key, Algorithm: "ES256", KeyID: "client"}.MarshalJSON()
	if err == nil {
		err = os.WriteFile(beside+".jwk", b, 0o600)
	}
	if err != nil {
		panic(err)
	}
	return beside + ".jwk"
}
