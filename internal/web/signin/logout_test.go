package signin_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logout returns the claims of a good logout token for one of Morag's sessions.
func (o *op) logout(more map[string]any) map[string]any {
	c := map[string]any{"iss": o.URL, "aud": "pages", "iat": o.now().Unix(), "exp": o.now().Add(2 * time.Minute).Unix(),
		"jti": "jti-1", "events": map[string]any{logoutEvent: map[string]any{}}, "sid": "provider-session", "sub": "subject-of-morag"}
	maps.Copy(c, more)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// tell gives the pages a logout token, as a provider does: not from a browser.
func (w *world) tell(server, token string) int {
	w.t.Helper()
	resp, err := http.PostForm(server+"/sign-in/citizens/logout", url.Values{"logout_token": {token}})
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestBackChannel: the provider ends sessions by its name for one or for its user, at any replica, and
// nobody else does.
func TestBackChannel(t *testing.T) {
	for name, c := range map[string]struct {
		more map[string]any
		sign func(w *world, claims map[string]any) string // nil: the provider
	}{
		"another issuer":       {more: map[string]any{"iss": "https://attacker.example"}},
		"another audience":     {more: map[string]any{"aud": "another"}},
		"with a nonce":         {more: map[string]any{"nonce": "n"}},
		"no event":             {more: map[string]any{"events": nil}},
		"another event":        {more: map[string]any{"events": map[string]any{"https://attacker.example": map[string]any{}}}},
		"an event of no form":  {more: map[string]any{"events": map[string]any{logoutEvent: "yes"}}},
		"neither sid nor sub":  {more: map[string]any{"sid": nil, "sub": nil}},
		"no jti":               {more: map[string]any{"jti": nil}},
		"no iat":               {more: map[string]any{"iat": nil}},
		"issued long ago":      {more: map[string]any{"iat": time.Now().Add(-11 * time.Minute).Unix()}},
		"issued in the future": {more: map[string]any{"iat": time.Now().Add(5 * time.Minute).Unix()}},
		"expired":              {more: map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}},
		"unsigned":             {sign: func(w *world, c map[string]any) string { return unsigned(w.t, c) + "." }},
		"another's key": {sign: func(w *world, c map[string]any) string {
			return sign(w.t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: newKey(w.t), KeyID: "k"}}, c)
		}},
		"no token": {sign: func(*world, map[string]any) string { return "" }},
		"an ID token": {sign: func(w *world, c map[string]any) string {
			return w.op.sign(w.op.claims(url.Values{"nonce": {"n"}}, nil))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser()
			b.signIn(w.op, "/you", nil)
			if c.sign == nil {
				c.sign = func(w *world, claims map[string]any) string { return w.op.sign(claims) }
			}
			if status := w.tell(w.server.URL, c.sign(w, w.op.logout(c.more))); status != http.StatusBadRequest {
				t.Errorf("answered %d", status)
			}
			if a := b.get("/you"); a.StatusCode != 200 {
				t.Errorf("signed out: %d", a.StatusCode)
			}
			w.clean(b)
		})
	}
	w := newWorld(t)
	_, second := w.replica()
	one, two, other := w.browser(), w.browser(), w.browser()
	one.signIn(w.op, "/you", nil)
	two.signIn(w.op, "/you", map[string]any{"sid": "second"})
	other.signIn(w.op, "/you", map[string]any{"sub": "another", "sid": "third", "chi_number": "2902480082"})
	states := func(want ...int) {
		t.Helper()
		for i, b := range []*browser{one, two, other} {
			if a := b.get("/you"); a.StatusCode != want[i] {
				t.Errorf("browser %d: %d, want %d", i, a.StatusCode, want[i])
			}
		}
	}
	token := w.op.sign(w.op.logout(nil))
	if status := w.tell(second.URL, token); status != 200 {
		t.Errorf("by sid at the other replica: %d", status)
	}
	states(303, 200, 200)
	if status := w.tell(w.server.URL, token); status != http.StatusBadRequest {
		t.Errorf("the same token again: %d", status)
	}
	one.signIn(w.op, "/you", map[string]any{"sid": nil})
	if status := w.tell(w.server.URL, w.op.sign(w.op.logout(map[string]any{"sid": nil, "jti": "jti-2"}))); status != 200 {
		t.Errorf("by sub: %d", status)
	}
	states(303, 303, 200)
	// After another proof of identity the session is found by its new token.
	one.signIn(w.op, "/you", map[string]any{"acr": "medium"})
	one.signIn(w.op, "/you/change", nil)
	w.tell(w.server.URL, w.op.sign(w.op.logout(map[string]any{"jti": "jti-3"})))
	states(303, 303, 200)
	w.clean(one, two, other)
}

// TestNoReturn: requests that are on their way while their session is ended do not bring it back.
func TestNoReturn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	w.advance(2 * time.Minute) // so that each request writes when the session was last seen
	cookie := "session=" + b.cookie("session")
	token := w.op.sign(w.op.logout(nil))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i == 10 {
				w.tell(w.server.URL, token)
				return
			}
			w.raw("/you", cookie)
		})
	}
	wg.Wait()
	if resp := w.raw("/you", cookie); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the session is back: %d", resp.StatusCode)
	}
}

// TestSignOut: signing out, by a plain form, ends the session here and leads on to the provider, by an
// address with nothing of the person in it.
func TestSignOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	cookie := "session=" + b.cookie("session")
	a := b.post("/sign-out", url.Values{})
	next, ok := strings.CutPrefix(a.Header.Get("Refresh"), "0; url=")
	u, err := url.Parse(next)
	if a.StatusCode != 200 || !ok || err != nil || hrefOf(a.body, "ds_button") == "" ||
		a.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if q := u.Query(); !strings.HasPrefix(next, w.op.URL+"/end?") || q.Get("client_id") != "pages" ||
		q.Get("post_logout_redirect_uri") != w.server.URL+"/signed-out" || q.Has("id_token_hint") {
		t.Errorf("leads to %s", next)
	}
	if resp := w.raw("/you", cookie); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("signed out, and the token still lets in: %d", resp.StatusCode)
	}
	if b.cookie("session") != "" {
		t.Error("the cookie is still there")
	}
	if strings.Contains(a.body, "Morag") {
		t.Error("the page names who has signed out")
	}
	if a := b.get("/signed-out"); a.StatusCode != 200 || a.Header.Get("Refresh") != "" {
		t.Errorf("%d", a.StatusCode)
	}
	w.clean(b)

	// Where the ID token says nothing of them, it is the hint that some providers need.
	b = w.browser()
	w.op.info = map[string]any{"sub": "subject-of-morag", "chi_number": "2902400015"}
	w.config.Issuers[0].UserInfo = true
	_, second := w.replica()
	b.server = second.URL
	b.signIn(w.op, "/you", map[string]any{"chi_number": nil, "name": nil})
	if a := b.post("/sign-out", url.Values{}); !strings.Contains(a.Header.Get("Refresh"), "id_token_hint=") {
		t.Errorf("%v", a.Header)
	}
	// UserInfo about somebody else lets nobody in.
	w.op.info = map[string]any{"sub": "another", "chi_number": "2902480082"}
	if a := b.signIn(w.op, "/you", map[string]any{"chi_number": nil}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("UserInfo of another: %d", a.StatusCode)
	}
	// Without a session, and while the provider is away, signing out works too.
	if a := w.browser().post("/sign-out", url.Values{}); a.Header.Get("Location") != "/signed-out" ||
		a.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}
