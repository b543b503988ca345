package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"igledger/internal/web/signin"
)

// attempt is a sign-in that somebody tampers with.
type attempt struct {
	w      *world
	b      *browser
	asked  url.Values
	claims map[string]any // of the ID token, on top of good ones
	token  func(claims map[string]any) string
	back   *url.URL // to which the provider sends the browser
}

// query changes the answer in the address.
func (a *attempt) query(change func(q url.Values)) {
	q := a.back.Query()
	change(q)
	a.back.RawQuery = q.Encode()
}

// attacks are what somebody does, and the word of the log for it.
var attacks = []struct {
	name, why string
	before    func(a *attempt) // before the token is made
	after     func(a *attempt) // before the browser comes back
}{
	{name: "another audience", why: `token\noidc: expected audience`, before: claim("aud", "another")},
	{name: "several audiences, and no party", why: "party", before: claim("aud", []string{"pages", "another"})},
	{name: "issued to another client", why: "party", before: claim("azp", "another")},
	{name: "another issuer", why: `token\noidc: id token issued by a different provider`, before: claim("iss", "https://attacker.example")},
	{name: "the nonce of another sign-in", why: "nonce", before: claim("nonce", "bm9uY2U")},
	{name: "no nonce", why: "nonce", before: claim("nonce", nil)},
	{name: "expired", why: `token\noidc: token is expired`, before: func(a *attempt) { a.claims["exp"] = a.w.now().Add(-time.Second).Unix() }},
	{name: "issued before the sign-in", why: "time", before: func(a *attempt) { a.claims["iat"] = a.w.now().Add(-2 * time.Minute).Unix() }},
	{name: "issued in the future", why: "time", before: func(a *attempt) { a.claims["iat"] = a.w.now().Add(5 * time.Minute).Unix() }},
	{name: "no subject", why: "token", before: claim("sub", nil)},
	{name: "the hash of another access token", why: "token-hash", before: claim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
	{name: "claims of the wrong type", why: "token", before: claim("auth_time", "yesterday")},
	{name: "alg none", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string { return unsigned(a.w.t, c) + "." }
	}},
	{name: "a signature cut off", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string { raw := a.w.op.sign(c); return raw[:strings.LastIndex(raw, ".")+1] }
	}},
	{name: "claims altered after signing", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string {
			raw := a.w.op.sign(c)
			c["chi_number"] = "2902480082"
			return unsigned(a.w.t, c) + raw[strings.LastIndex(raw, "."):]
		}
	}},
	{name: "signed with the client's secret", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string {
			return sign(a.w.t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("secret--", 8))}, c)
		}
	}},
	{name: "signed with the attacker's key of the same name", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string {
			return sign(a.w.t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: newKey(a.w.t), KeyID: "k"}}, c)
		}
	}},
	{name: "signed with the attacker's key, which the token brings", why: "token", before: func(a *attempt) {
		a.token = func(c map[string]any) string {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				a.w.t.Fatal(err)
			}
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, &jose.SignerOptions{EmbedJWK: true})
			if err != nil {
				a.w.t.Fatal(err)
			}
			body, _ := json.Marshal(c)
			signed, err := s.Sign(body)
			if err != nil {
				a.w.t.Fatal(err)
			}
			raw, _ := signed.CompactSerialize()
			return raw
		}
	}},
	{name: "no token", why: "token", before: func(a *attempt) { a.token = func(map[string]any) string { return "" } }},
	{name: "another state", why: "state", after: func(a *attempt) {
		a.query(func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) })
	}},
	{name: "no state", why: "state", after: func(a *attempt) { a.query(func(q url.Values) { q.Del("state") }) }},
	{name: "two states", why: "answer", after: func(a *attempt) { a.query(func(q url.Values) { q.Add("state", q.Get("state")) }) }},
	{name: "no code", why: "answer", after: func(a *attempt) { a.query(func(q url.Values) { q.Del("code") }) }},
	{name: "the code of another", why: "code", after: func(a *attempt) {
		victim := a.w.browser()
		asked := victim.ask("/you")
		code := a.w.op.grant(asked, func() string { return a.w.op.sign(a.w.op.claims(asked, nil)) }).Query().Get("code")
		a.query(func(q url.Values) { q.Set("code", code) })
	}},
	{name: "a code that was never given", why: "code", after: func(a *attempt) {
		a.query(func(q url.Values) { q.Set("code", "guessed") })
	}},
	{name: "the answer is opened in another browser", why: "browser", after: func(a *attempt) { a.b = a.w.browser() }},
	{name: "in another browser that has begun too", why: "browser", after: func(a *attempt) {
		a.b = a.w.browser()
		a.b.ask("/you")
	}},
	{name: "the browser's cookie is altered", why: "browser", after: func(a *attempt) {
		value := a.b.cookie("signin")
		a.b.setCookie("signin", strings.Repeat("A", len(value)))
	}},
	{name: "too late", why: "state", after: func(a *attempt) { a.w.advance(61 * time.Minute) }},
	{name: "answered at the address of another provider", why: "mixed-up", after: func(a *attempt) {
		a.back.Path = "/sign-in/staff/callback"
	}},
	{name: "an answer that says it is another provider's", why: "mixed-up", after: func(a *attempt) {
		a.query(func(q url.Values) { q.Set("iss", "https://attacker.example") })
	}},
	{name: "a weaker proof than people need to sign in", why: "too-weak", before: claim("acr", "low")},
	{name: "no proof", why: "too-weak", before: claim("acr", nil)},
	{name: "cancelled", why: "gave-up", after: func(a *attempt) {
		a.query(func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
			q.Set("error_description", "<script>alert(1)</script>")
		})
	}},
	{name: "no number", why: "no-number", before: claim("chi_number", nil)},
	{name: "a number with a wrong check digit", why: "bad-number", before: claim("chi_number", "2902400018")},
	{name: "a number of nine digits", why: "bad-number", before: claim("chi_number", "290240001")},
	{name: "a number that is no text", why: "bad-number", before: claim("chi_number", 2902400015)},
	{name: "two numbers", why: "two-numbers", before: claim("chi_number", []string{"2902400015", "2902480082"})},
	{name: "two numbers of two schemes", why: "two-numbers", before: claim("nhs_number", "9990000018")},
}

func claim(name string, value any) func(*attempt) {
	return func(a *attempt) { a.claims[name] = value }
}

func unsigned(t testing.TB, claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"none"}`)) + "." + e.EncodeToString(body)
}

// TestAttacks: whatever somebody forges, alters, repeats or takes from elsewhere, they get nothing, the
// log says why, and neither it nor any address or cookie says anything of the person.
func TestAttacks(t *testing.T) {
	for _, c := range attacks {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := &attempt{w: w, b: w.browser(), claims: map[string]any{}, token: w.op.sign}
			a.asked = a.b.ask("/you")
			if c.before != nil {
				c.before(a)
			}
			a.back = w.op.grant(a.asked, func() string { return a.token(w.op.claims(a.asked, a.claims)) })
			if c.after != nil {
				c.after(a)
			}
			got := a.b.get(a.back.String())
			if got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusForbidden || strings.Contains(got.body, "<script>alert") {
				t.Errorf("answered %d %s", got.StatusCode, got.body)
			}
			for _, cookie := range got.Cookies() {
				t.Errorf("set %s", cookie)
			}
			if a := a.b.get("/you"); a.StatusCode != http.StatusSeeOther {
				t.Errorf("let in: %d %s", a.StatusCode, a.body)
			}
			log := w.log.String()
			if !strings.Contains(log, "why="+c.why) && !strings.Contains(log, `why="`+c.why) {
				t.Errorf("the log does not say %q: %s", c.why, log)
			}
			w.clean(a.b)
		})
	}
}

// TestMixUp: a provider that says who it is in its answers must say so in each.
func TestMixUp(t *testing.T) {
	w := newWorld(t)
	w.op.says = true
	b := w.browser()
	if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode, a.body)
	}
	b = w.browser()
	asked := b.ask("/you")
	back := w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, nil)) })
	q := back.Query()
	q.Del("iss")
	back.RawQuery = q.Encode()
	if a := b.get(back.String()); a.StatusCode != http.StatusBadRequest {
		t.Errorf("without iss: %d", a.StatusCode)
	}
}

// TestTampered: a session cookie that was altered or guessed is nobody's.
func TestTampered(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	good := b.cookie("session")
	for _, bad := range []string{"", "x", good[:len(good)-1], good + "A", strings.ToLower(good), "A" + good[1:],
		strings.Repeat("A", 9000), "../../etc/passwd", "%00", "' OR 1=1 --"} {
		if bad == good {
			continue
		}
		resp := w.raw("/you", "session="+bad)
		if resp.StatusCode == http.StatusOK {
			t.Errorf("let in by %q", bad)
		}
	}
	if resp := w.raw("/you", "session="+good); resp.StatusCode != http.StatusOK {
		t.Errorf("the good one: %d", resp.StatusCode)
	}
}

// raw asks with a Cookie field as it is.
func (w *world) raw(path, cookie string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.server.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Cookie", cookie)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// TestReturn: after sign-in a browser comes to a page of ours, whatever the address says.
func TestReturn(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/sign-in/citizens?go=https://attacker.example/", "/sign-in/citizens?go=//attacker.example", "/sign-in/citizens?go=AAAA",
		"/sign-in/citizens?to=https://attacker.example&return=//attacker.example&redirect_uri=https://attacker.example",
	} {
		b := w.browser()
		if a := b.signIn(w.op, path, nil); a.Header.Get("Location") != "/you" {
			t.Errorf("%s leads to %s", path, a.Header.Get("Location"))
		}
	}
	// A link of another provider, and one that is old, lead home too.
	b := w.browser()
	link := b.get("/officer").Header.Get("Location")
	query, _ := strings.CutPrefix(link, "/sign-in?")
	if a := b.signIn(w.op, "/sign-in/citizens?"+query, nil); a.Header.Get("Location") != "/you" {
		t.Errorf("leads to %s", a.Header.Get("Location"))
	}
	b = w.browser()
	link = b.get("/you/form").Header.Get("Location")
	w.advance(13 * time.Hour)
	if a := b.signIn(w.op, strings.Replace(link, "/sign-in?", "/sign-in/citizens?", 1), nil); a.Header.Get("Location") != "/you" {
		t.Errorf("an old link leads to %s", a.Header.Get("Location"))
	}
	for _, path := range []string{"//attacker.example/you", "/\\attacker.example", "/you//../..//attacker.example"} {
		a := w.browser().get(w.server.URL + path)
		if to := a.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\") || strings.HasPrefix(to, "http") {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}

// TestCrossOrigin: a form of another site changes nothing, signs nobody out and is not kept.
func TestCrossOrigin(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	for _, header := range [][]string{{"Origin", "https://attacker.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"}} {
		for _, path := range []string{"/you/form", "/sign-out", "/you/change"} {
			if a := b.do("POST", path, url.Values{"text": {"forged"}}, header...); a.StatusCode != http.StatusForbidden {
				t.Errorf("%v to %s: %d %s", header, path, a.StatusCode, a.body)
			}
		}
	}
	if a := b.get("/you/form"); a.StatusCode != 200 || !strings.Contains(a.body, "kept[]") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := b.do("POST", "/you/form", url.Values{"text": {"ok"}}, "Sec-Fetch-Site", "same-origin"); a.StatusCode != 200 {
		t.Errorf("our own form: %d", a.StatusCode)
	}
	if !strings.Contains(w.log.String(), "cross-origin") {
		t.Error("nothing in the log")
	}
}

// TestPrograms: programs and scripts that are not signed in get a problem, not a page or a redirect.
func TestPrograms(t *testing.T) {
	w := newWorld(t)
	for name, header := range map[string][]string{"a program": {"Accept", "application/json"}, "a script": {"Sec-Fetch-Mode", "cors"}} {
		a := w.browser().do("GET", "/you", nil, header...)
		if a.StatusCode != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

// TestClientKey: a client with a key proves with it who it is, and has no secret.
func TestClientKey(t *testing.T) {
	w := newWorld(t, func(c *signin.Config) {
		c.Issuers[0].SecretFile, c.Issuers[0].KeyFile = "", writeKey(c.Issuers[0].SecretFile)
	})
	b := w.browser()
	if a := b.signIn(w.op, "/you", nil); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode, a.body)
	}
	jws, err := jose.ParseSignedCompact(w.op.auth[0], []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss, Sub, Jti string
		Aud           string
		Exp           int64
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil || claims.Iss != "pages" || claims.Sub != "pages" ||
		claims.Aud != w.op.URL+"/token" || claims.Jti == "" || claims.Exp == 0 {
		t.Errorf("%+v, %v", claims, err)
	}
}
