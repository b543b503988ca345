package provider_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/provider"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

// world is pages that people sign in to at the demonstration's provider.
type world struct {
	t        *testing.T
	provider *provider.Provider
	issuer   string
	pages    string
	log      *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, log: &bytes.Buffer{}}
	op := httptest.NewUnstartedServer(nil)
	w.issuer = "http://" + op.Listener.Addr().String()
	var err error
	w.provider, err = provider.New(provider.Config{Issuer: w.issuer, People: provider.People()})
	if err != nil {
		t.Fatal(err)
	}
	op.Config.Handler = w.provider
	op.Start()
	t.Cleanup(op.Close)

	var m *signin.Manager
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { m.Wrap(mux).ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	w.pages = server.URL
	settings, err := w.provider.Settings(t.TempDir(), w.pages)
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Create(t.Context(), testdb.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := shelf.New(t.Context(), store, bytes.Repeat([]byte{1}, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	site, err := ui.New(ui.Config{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = signin.New(signin.Deps{Config: *settings, Public: w.pages, Shelf: s, Site: site, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	m.Mount(mux)
	mux.Handle("/assets/", site.Assets())
	show := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		u := signin.From(r.Context())
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(rw, `hello %s %s %s %v kept[%s] took[%s]<form method="post" action="/you/change"><input name="text" value="typed">`+
			`<button>Change</button></form><form method="post" action="/sign-out"><button>Leave</button></form>`,
			u.Name, u.ID, u.Org, u.May, m.Kept(r).Get("text"), r.PostFormValue("text"))
	})
	mux.Handle("/you", m.Need(signin.Citizen)(show))
	mux.Handle("/you/change", m.Need(signin.Citizen)(m.StepUp(show)))
	mux.Handle("/officer", m.Need(signin.Staff)(show))
	return w
}

func (w *world) client() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Jar: jar}
}

func (w *world) do(c *http.Client, method, address string, form url.Values) (*http.Response, string) {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, address, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(text)
}

var requestID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// choose opens a page, which leads to the provider, and chooses who to be.
func (w *world) choose(c *http.Client, address, subject string) (*http.Response, string) {
	w.t.Helper()
	resp, text := w.do(c, "GET", address, nil)
	id := requestID.FindStringSubmatch(text)
	if id == nil {
		w.t.Fatalf("%s leads to %s: %s", address, resp.Request.URL, text)
	}
	return w.do(c, "POST", w.issuer+"/choose", url.Values{"id": {id[1]}, "who": {subject}})
}

// TestDemo: a browser chooses to be Morag, changes something, and signs out, here or at the provider.
func TestDemo(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	resp, text := w.choose(c, w.pages+"/you", "citizen-1")
	if resp.Request.URL.String() != w.pages+"/you" || !strings.HasPrefix(text, "hello Morag Example chi:2902400015") {
		t.Fatalf("at %s: %d %s", resp.Request.URL, resp.StatusCode, text)
	}
	if resp, text := w.do(c, "POST", w.pages+"/you/change", url.Values{"text": {"no"}}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a change without a stronger proof: %d %s", resp.StatusCode, text)
	}
	if _, text := w.do(c, "GET", w.pages+"/you/change", nil); !strings.Contains(text, "stronger proof") {
		t.Errorf("the provider says: %s", text)
	}
	if resp, _ := w.choose(c, w.pages+"/you/change", "citizen-2"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("somebody else proved who they are: %d at %s", resp.StatusCode, resp.Request.URL)
	}
	w.choose(c, w.pages+"/you/change", "citizen-1")
	if resp, text := w.do(c, "POST", w.pages+"/you/change", url.Values{"text": {"no"}}); resp.StatusCode != 200 || !strings.Contains(text, "took[no]") {
		t.Errorf("a change: %d %s", resp.StatusCode, text)
	}

	// The provider closes her account.
	if err := w.provider.SignOut(t.Context(), "citizen-1"); err != nil {
		t.Fatal(err)
	}
	if _, text := w.do(c, "GET", w.pages+"/you", nil); requestID.FindString(text) == "" {
		t.Errorf("still signed in: %s", text)
	}

	// She signs out here, and is then signed out there.
	w.choose(c, w.pages+"/you", "citizen-1")
	resp, _ = w.do(c, "POST", w.pages+"/sign-out", url.Values{})
	next, ok := strings.CutPrefix(resp.Header.Get("Refresh"), "0; url=")
	if !ok || strings.Contains(next, "id_token_hint") {
		t.Fatalf("signing out leads to %q", next)
	}
	resp, text = w.do(c, "GET", next, nil)
	if resp.Request.URL.Path != "/signed-out" || !strings.Contains(text, "You are signed out") {
		t.Errorf("at %s: %s", resp.Request.URL, text)
	}
	if strings.Contains(w.log.String(), "2902400015") || strings.Contains(w.log.String(), "Morag") || strings.Contains(w.log.String(), "citizen-1") {
		t.Errorf("the log names her: %s", w.log)
	}
}

// TestDemoStaff: staff of the demonstration have the permissions of their roles.
func TestDemoStaff(t *testing.T) {
	w := newWorld(t)
	for subject, want := range map[string]string{
		"staff-1": "nhs-lothian [reports agreements follow-up]",
		"staff-2": "nhs-highland [reports agreements follow-up]",
		"staff-3": "desk-demo [front-desk]",
		"staff-4": "nhs-lothian [reports administer]",
		"staff-5": "audit-demo [reports audit]",
	} {
		c := w.client()
		w.choose(c, w.pages+"/sign-in/staff", subject)
		if _, text := w.do(c, "GET", w.pages+"/officer", nil); !strings.Contains(text, want) {
			t.Errorf("%s: %s", subject, text)
		}
	}
}

// TestRefused: the provider gives nobody a code who is not among a client's people, and none without
// PKCE or for another address.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	if resp, _ := w.choose(c, w.pages+"/you", "staff-1"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a citizen's client got staff: %d", resp.StatusCode)
	}
	good := url.Values{"client_id": {"citizens"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"},
		"redirect_uri": {w.pages + "/sign-in/citizens/callback"}, "code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"}}
	for name, change := range map[string][2]string{
		"no PKCE":         {"code_challenge", ""},
		"plain PKCE":      {"code_challenge_method", "plain"},
		"another address": {"redirect_uri", "https://attacker.example/"},
		"another client":  {"client_id", "unknown"},
	} {
		q, _ := url.ParseQuery(good.Encode())
		q.Set(change[0], change[1])
		if resp, text := w.do(c, "GET", w.issuer+"/authorize?"+q.Encode(), nil); requestID.MatchString(text) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
	}
	if _, text := w.do(c, "GET", w.issuer+"/authorize?"+good.Encode(), nil); !requestID.MatchString(text) {
		t.Errorf("what is right is refused: %s", text)
	}
	for _, issuer := range []string{"http://ledger.example", "http://0.0.0.0:80", "https://127.0.0.1", ""} {
		if _, err := provider.New(provider.Config{Issuer: issuer}); err == nil {
			t.Errorf("a provider without proofs at %q", issuer)
		}
	}
}

// TestPeople: there are a dozen people and staff, Morag first.
func TestPeople(t *testing.T) {
	people := provider.People()
	if len(people) < 12 || people[0].Name != "Morag Example" {
		t.Errorf("%d people, first %s", len(people), people[0].Name)
	}
	var subjects []string
	for _, p := range people {
		if slices.Contains(subjects, p.Subject) {
			t.Errorf("%s twice", p.Subject)
		}
		subjects = append(subjects, p.Subject)
		if entry.ContainsPersonNumber(p.Subject + p.About) {
			t.Errorf("%s: a number where it is shown", p.Subject)
		}
	}
}
