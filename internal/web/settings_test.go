package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testledger"
	"igledger/ledger/wire"
)

func TestSettings(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"choices: NHSL":                   "",
		"colour: blue":                    "colour",
		"choices: not an id":              "choices",
		"signers: [{organisation: NHSL}]": "signers: number 1",
		"signIn: {issuer: x}":             "issuer",
	} {
		_, err := parseSettings([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	dir := t.TempDir()
	key, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"key.jwk": string(private) + "\n", "pages.yaml": "signers: [{organisation: NHSL, key: key.jwk}]\nchoices: NHSL\n",
		"other.yaml": "signers: [{organisation: NHSL, key: none.jwk}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ReadSettings(filepath.Join(dir, "pages.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if signers, err := s.signers(nil); err != nil || len(signers["NHSL"]) != 1 || signers["NHSL"][0].KID != key.KID {
		t.Errorf("the signers are %v, %v", signers, err)
	}
	s, err = ReadSettings(filepath.Join(dir, "other.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.signers(nil); err == nil {
		t.Error("a key that is not there was read")
	}
}

// Without anybody who can sign in there are the public pages, and no door that leads nowhere.
func TestPublicPages(t *testing.T) {
	l := testledger.New(t)
	pages, err := New(t.Context(), Config{Log: l.Log, Index: l.Index, Public: "https://ledger.example"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"/": 200, "/trust": 200, "/check": 200, "/register/agreements": 200, "/api": 200, "/help": 200, "/you": 404, "/desk": 404,
	} {
		r := httptest.NewRequest("GET", "https://ledger.example"+path, nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
		if h := w.Header(); want == http.StatusOK && (h.Get("Strict-Transport-Security") == "" || h.Get("Content-Security-Policy") == "") {
			t.Errorf("%s lacks protecting headers: %v", path, h)
		}
		if strings.Contains(w.Body.String(), `href="/sign-in"`) {
			t.Errorf("%s offers to sign in", path)
		}
	}
	for _, old := range []string{"/verify", "/verify/", "/verify/index.html"} { // printed addresses stay good
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest("GET", "https://ledger.example"+old, nil))
		if w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/check" {
			t.Errorf("%s: %d to %q", old, w.Code, w.Header().Get("Location"))
		}
	}
	r := httptest.NewRequest("GET", "https://ledger.example/nothing", nil)
	w := httptest.NewRecorder()
	pages.ServeHTTP(w, r)
	if w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program got %s", w.Header().Get("Content-Type"))
	}
	if _, err := New(t.Context(), Config{Log: l.Log, Index: l.Index, Public: "ledger"}); err == nil {
		t.Error("an address without a host was taken")
	}
}

// The pages of a real log say who runs it, and nothing of the demonstration.
func TestNobodysBrand(t *testing.T) {
	l := testledger.New(t)
	for demonstration, want := range map[bool]string{false: l.Log.Genesis().Operator.Name, true: "Demonstration Health Board"} {
		pages, err := New(t.Context(), Config{Log: l.Log, Index: l.Index, Public: "http://127.0.0.1:1", Demonstration: demonstration})
		if err != nil {
			t.Fatal(err)
		}
		r, answer := httptest.NewRequest("GET", "/help", nil), httptest.NewRecorder()
		r.Header.Set("Accept", "text/html")
		pages.ServeHTTP(answer, r)
		page := answer.Body.String()
		if !strings.Contains(page, want) || strings.Contains(page, "demo.example") != demonstration {
			t.Errorf("demonstration %v: no %q in %s", demonstration, want, page)
		}
	}
}
