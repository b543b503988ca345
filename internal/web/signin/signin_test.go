package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/signin"
)

// TestSignIn: who opens a page of theirs is sent to the provider by PKCE, with nonce and state, and
// then sees that page.
func TestSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	asked := b.ask("/you?page=2")
	for name, want := range map[string]string{"response_type": "code", "client_id": "pages", "scope": "openid profile",
		"code_challenge_method": "S256", "acr_values": "medium", "redirect_uri": w.server.URL + "/sign-in/citizens/callback"} {
		if asked.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, asked.Get(name), want)
		}
	}
	if len(asked.Get("nonce")) < 40 || len(asked.Get("state")) < 40 || len(asked.Get("code_challenge")) != 43 {
		t.Errorf("asked %v", asked)
	}
	back := w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, nil)) })
	a := b.get(back.String())
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/you?page=2" {
		t.Fatalf("%d %s: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	c := a.Cookies()
	if len(c) != 1 || c[0].Name != "session" || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Path != "/" || c[0].MaxAge != 0 {
		t.Errorf("cookies %v", c)
	}
	if a := b.get("/you?page=2"); a.StatusCode != 200 || !strings.HasPrefix(a.body, "hello Morag Example chi:2902400015") ||
		a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := b.get("/officer"); a.StatusCode != http.StatusForbidden {
		t.Errorf("a citizen at an officer's page: %d", a.StatusCode)
	}
	// The same answer again, and the same from another browser, are worth nothing.
	for name, other := range map[string]*browser{"the same": b, "another": w.browser()} {
		if a := other.get(back.String()); a.StatusCode != http.StatusBadRequest || len(a.Cookies()) > 0 {
			t.Errorf("replayed in %s browser: %d %v", name, a.StatusCode, a.Cookies())
		}
	}
	w.clean(b)
}

// TestRotation: a token that somebody knew before sign-in, or that was worth something before another
// proof of identity, is worth nothing after.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.setCookie("session", "known-to-the-attacker")
	if a := b.signIn(w.op, "/you", map[string]any{"acr": "medium"}); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.body)
	}
	first := b.cookie("session")
	visit := b.get("/you").body
	if a := b.signIn(w.op, "/you/change", nil); a.Header.Get("Location") != "/you/change" {
		t.Fatal(a.StatusCode, a.body)
	}
	second := b.cookie("session")
	if got := b.get("/you").body; got != visit {
		t.Errorf("another visit after a proof of identity: %s, was %s", got, visit)
	}
	if first == second || first == "known-to-the-attacker" {
		t.Error("the token is as before")
	}
	for _, old := range []string{"known-to-the-attacker", first} {
		other := w.browser()
		other.setCookie("session", old)
		if a := other.get("/you"); a.StatusCode == 200 {
			t.Errorf("let in by %q", old)
		}
	}
	// Signing in as somebody else ends the first session for good.
	if a := b.signIn(w.staff, "/sign-in/staff", staffClaims); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode, a.body)
	}
	other := w.browser()
	other.setCookie("session", second)
	if a := other.get("/you"); a.StatusCode == 200 {
		t.Error("a session lives on after another sign-in")
	}
	w.clean(b)
}

var staffClaims = map[string]any{"sub": "officer", "name": "Officer", "chi_number": nil, "org": "R1", "employee": "employee-7",
	"realm_access": map[string]any{"roles": []string{"ig", "other"}}}

// TestStaff: staff sign in at their own provider and reach what their permissions say.
func TestStaff(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if a := b.signIn(w.staff, "/officer", staffClaims); a.Header.Get("Location") != "/officer" {
		t.Fatal(a.StatusCode, a.body)
	}
	for path, want := range map[string]int{"/officer": 200, "/desk": 403, "/you": 403} {
		if a := b.get(path); a.StatusCode != want {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	// Without a page to come back to, everybody comes to their own.
	for path, want := range map[string]string{"/sign-in/citizens": "/you", "/sign-in/staff": "/officer"} {
		b, o, claims := w.browser(), w.op, map[string]any(nil)
		if path == "/sign-in/staff" {
			o, claims = w.staff, staffClaims
		}
		if a := b.signIn(o, path, claims); a.Header.Get("Location") != want {
			t.Errorf("after %s: %s", path, a.Header.Get("Location"))
		}
	}
	if a := b.get("/sign-in"); a.StatusCode != 200 || !strings.Contains(a.body, "CitizenAccount") || !strings.Contains(a.body, "BoardAccount") {
		t.Errorf("the page to choose: %d %s", a.StatusCode, a.body)
	}
	w.clean(b)
}

// TestEnds: a session ends when nobody uses it, and in any case after a day's work; then the provider
// must ask anew who is there.
func TestEnds(t *testing.T) {
	w := newWorld(t)
	rest, age := w.browser(), w.browser()
	for _, b := range []*browser{rest, age} {
		if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
			t.Fatal(a.body)
		}
	}
	for range 57 {
		w.advance(8 * time.Minute)
		if a := age.get("/you"); a.StatusCode != 200 {
			t.Fatalf("signed out after %s with a request every 8 minutes", time.Duration(w.ahead.Load()))
		}
	}
	w.advance(20 * time.Minute) // 7 h 56 m
	b := w.browser()
	if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.body)
	}
	w.advance(14 * time.Minute)
	if a := b.get("/you"); a.StatusCode != 200 {
		t.Error("signed out after 14 minutes of rest")
	}
	w.advance(15 * time.Minute)
	for name, b := range map[string]*browser{"rest": rest, "age": age, "15 minutes": b} {
		if a := b.get("/you"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("still signed in after %s: %d", name, a.StatusCode)
		}
		asked := b.ask("/you")
		if asked.Get("prompt") != "login" {
			t.Errorf("%s: the provider may let in whoever is there: %v", name, asked)
		}
		old := map[string]any{"auth_time": w.now().Add(-5 * time.Minute).Unix()}
		a := b.get(w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, old)) }).String())
		if a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: let in by what the provider remembered: %d", name, a.StatusCode)
		}
		if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	w.clean(rest, age, b)
}

// TestKept: what somebody typed when their session ended comes back to them, once they are signed in
// again, and to nobody else.
func TestKept(t *testing.T) {
	typed := url.Values{"text": {"typed & kept"}}
	mhairi := map[string]any{"sub": "another", "chi_number": "2902480082", "name": "Hamish"}
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you/form", nil)
	w.advance(16 * time.Minute)
	a := b.post("/you/form", typed)
	next := hrefOf(a.body, "ds_button")
	if a.StatusCode != http.StatusUnauthorized || !strings.Contains(a.body, "What you typed is safe") || next == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	other := w.browser()
	other.setCookie("session", b.cookie("session")) // on a shared computer
	if a := other.signIn(w.op, next, mhairi); a.Header.Get("Location") != "/you/form" {
		t.Fatal(a.StatusCode, a.body)
	}
	if a := other.get("/you/form"); !strings.Contains(a.body, "kept[]") {
		t.Errorf("another person sees %s", a.body)
	}
	b = w.browser()
	if a := b.signIn(w.op, "/you/form", nil); a.Header.Get("Location") != "/you/form" {
		t.Fatal(a.StatusCode, a.body)
	}
	for range 2 { // also after a reload
		if a := b.get("/you/form"); !strings.Contains(a.body, "kept[typed & kept]") {
			t.Errorf("their author sees %s", a.body)
		}
	}
	if a := b.get("/you"); !strings.Contains(a.body, "kept[]") {
		t.Errorf("at another form: %s", a.body)
	}
	if a := b.post("/you/form", typed); a.body != "took typed & kept from Morag Example" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := b.get("/you/form"); !strings.Contains(a.body, "kept[]") {
		t.Errorf("after it was sent: %s", a.body)
	}
	// It is kept for an hour, and only for who had a session.
	w.advance(16 * time.Minute)
	b.post("/you/form", typed)
	w.advance(61 * time.Minute)
	b = w.browser()
	b.signIn(w.op, "/you/form", nil)
	if a := b.get("/you/form"); !strings.Contains(a.body, "kept[]") {
		t.Errorf("after an hour: %s", a.body)
	}
	if a := w.browser().post("/you/form", typed); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "is safe") {
		t.Errorf("a stranger's form: %d %s", a.StatusCode, a.body)
	}
	// A form that has no page of its own is not said to be kept, and leads to the page above it.
	w.advance(16 * time.Minute)
	a = b.post("/you/form/7/remove", typed)
	if !strings.Contains(a.body, `href="/you/form?size=large"`) {
		t.Errorf("large print is not at the page above it: %s", a.body)
	}
	if strings.Contains(a.body, "is safe") {
		t.Errorf("%s", a.body)
	}
	if a := b.signIn(w.op, hrefOf(a.body, "ds_button"), nil); a.Header.Get("Location") != "/you/form" {
		t.Errorf("leads to %q", a.Header.Get("Location"))
	}
	large := url.Values{"text": {strings.Repeat("x", 300<<10)}}
	w.advance(16 * time.Minute)
	if a := b.post("/you/form", large); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "is safe") {
		t.Errorf("a form too large to keep: %d", a.StatusCode)
	}
	w.clean(b, other)
}

// hrefOf returns the address of the first link with a class.
func hrefOf(body, class string) string {
	_, rest, _ := strings.Cut(body, `class="`+class+`" href="`)
	href, _, _ := strings.Cut(rest, `"`)
	return href
}

// TestStepUp: a change needs a recent proof of identity in the stronger way, by the same person; what
// was typed comes back.
func TestStepUp(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", map[string]any{"acr": "medium"})
	a := b.post("/you/change", url.Values{"text": {"typed"}})
	next := hrefOf(a.body, "ds_button")
	if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "What you typed is safe") {
		t.Fatalf("with the weaker acr: %d %s", a.StatusCode, a.body)
	}
	asked := b.ask(next)
	if asked.Get("acr_values") != "high" || asked.Get("max_age") != "300" {
		t.Errorf("asked %v", asked)
	}
	for name, c := range map[string]map[string]any{
		"another person":    {"sub": "another", "chi_number": "2902480082"},
		"the weaker acr":    {"acr": "medium"},
		"no acr":            {"acr": nil},
		"an old proof":      {"auth_time": w.now().Add(-11 * time.Minute).Unix()},
		"a proof of no age": {"auth_time": nil},
	} {
		was := b.cookie("session")
		if a := b.signIn(w.op, next, c); a.StatusCode != http.StatusForbidden || len(a.Cookies()) > 0 || b.cookie("session") != was {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.Cookies())
		}
		if a := b.post("/you/change", url.Values{"text": {"typed"}}); a.StatusCode != http.StatusForbidden {
			t.Errorf("after %s: %d", name, a.StatusCode)
		}
	}
	if a := b.signIn(w.op, next, nil); a.Header.Get("Location") != "/you/change" {
		t.Fatal(a.StatusCode, a.body)
	}
	if a := b.get("/you/change"); !strings.Contains(a.body, "kept[typed]") {
		t.Errorf("%s", a.body)
	}
	if a := b.post("/you/change", url.Values{"text": {"typed"}}); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.advance(10 * time.Minute)
	if a := b.post("/you/change", url.Values{"text": {"typed"}}); a.StatusCode != http.StatusForbidden {
		t.Errorf("after 10 minutes: %d", a.StatusCode)
	}
	if a := b.get("/you"); a.StatusCode != 200 {
		t.Errorf("reading: %d", a.StatusCode)
	}
	w.clean(b)
}

// TestReplicas: replicas with one database share sessions, and a sign-in may begin at one and end at
// another, once.
func TestReplicas(t *testing.T) {
	w := newWorld(t)
	_, second := w.replica()
	b := w.browser()
	asked := b.ask("/you")
	back := w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, nil)) })
	elsewhere := *back
	elsewhere.Host = strings.TrimPrefix(second.URL, "http://")
	// Cookies do not tell ports apart; for the provider the address is that of the first.
	b.server = second.URL
	a := b.get(elsewhere.String())
	if a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode, a.body)
	}
	if a := b.get(back.String()); a.StatusCode != http.StatusBadRequest {
		t.Errorf("the same answer at the first: %d", a.StatusCode)
	}
	for _, server := range []string{w.server.URL, second.URL} {
		if a := b.get(server + "/you"); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	b.server = w.server.URL
	b.post("/sign-out", url.Values{})
	for _, server := range []string{w.server.URL, second.URL} {
		if a := b.get(server + "/you"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("after signing out at the first: %d", a.StatusCode)
		}
	}
}

// TestAway: while the provider or the database is away, pages say so, and when to come back; signing
// in works again when they return, and the public pages always.
func TestAway(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	w.op.down.Store(true)
	unavailable := func(a answer, doing string) {
		t.Helper()
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(a.body, "<h1") {
			t.Errorf("%s: %d %v %s", doing, a.StatusCode, a.Header, a.body)
		}
	}
	unavailable(b.get("/sign-in/citizens"), "beginning while the provider is away")
	if a := b.get("/"); a.StatusCode != 200 {
		t.Errorf("the public page: %d", a.StatusCode)
	}
	w.op.down.Store(false)
	asked := b.ask("/you")
	w.op.down.Store(true)
	back := w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, nil)) })
	unavailable(b.get(back.String()), "coming back while the provider is away")
	w.op.down.Store(false)
	if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
		t.Errorf("after it came back: %d %s", a.StatusCode, a.body)
	}
	// What is known of a provider is asked for again after an hour, and used for longer if it is away.
	w.advance(2 * time.Hour)
	w.op.down.Store(true)
	w.browser().ask("/you")

	w.drop()
	unavailable(b.get("/you"), "the database is away")
	unavailable(w.browser().get("/sign-in/citizens"), "beginning while the database is away")
	if a := w.browser().get("/"); a.StatusCode != 200 {
		t.Errorf("the public page without the database: %d", a.StatusCode)
	}
	w.clean(b)
}

// TestLimits: an address that begins sign-ins without end, and a session that asks without end, are
// slowed down.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	ends := func(path string, most int) {
		t.Helper()
		for range most + 5 {
			if a := b.get(path); a.StatusCode == http.StatusTooManyRequests {
				if a.Header.Get("Retry-After") == "" {
					t.Errorf("%s: without when to come back", path)
				}
				return
			}
		}
		t.Errorf("%s: %d times without end", path, most)
	}
	ends("/sign-in/citizens/callback", 60)
	ends("/you", 100)
	w.advance(time.Minute)
	if a := b.get("/you"); a.StatusCode != 200 {
		t.Errorf("after a minute: %d", a.StatusCode)
	}
}

// TestSecure: behind TLS, cookies are for this host and TLS only.
func TestSecure(t *testing.T) {
	w := newWorld(t)
	m := w.secure()
	for _, path := range []string{"/sign-in/citizens", "/begin"} {
		for _, c := range recorded(m, path).Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("%s: %s", path, c)
			}
		}
	}
	for _, public := range []string{"", "ledger.example", "http://ledger.example", "ftp://ledger.example", "https://ledger.example/pages"} {
		if _, err := signin.New(signin.Deps{Public: public}); err == nil {
			t.Errorf("taken: %q", public)
		}
	}
}
