package retry_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"igledger/verifier/fetch/retry"
)

// A request goes to another address of its own server only, and one with a body to none.
func TestRedirects(t *testing.T) {
	var reached []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		reached = append(reached, r.Method+" "+string(body)+" "+r.Header.Get("Authorization"))
	}))
	defer other.Close()
	var home *httptest.Server
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/absolute":
			http.Redirect(w, r, home.URL+"/there", http.StatusMovedPermanently)
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/see-other":
			http.Redirect(w, r, other.URL, http.StatusSeeOther)
		case "/tls":
			http.Redirect(w, r, "https://"+strings.TrimPrefix(home.URL, "http://"), http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	}))
	defer home.Close()
	c := retry.Client(nil)
	for _, ask := range []struct {
		method, path string
		refused      bool
	}{
		{"GET", "/here", false}, {"GET", "/absolute", false}, {"HEAD", "/here", false},
		{"GET", "/away", true}, {"GET", "/tls", true}, {"GET", "/round", true},
		{"POST", "/here", true}, {"POST", "/away", true}, {"POST", "/see-other", true}, {"PUT", "/here", true},
	} {
		r, err := http.NewRequest(ask.method, home.URL+ask.path, strings.NewReader("chi:0101010000"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer secret")
		resp, err := c.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		var refused *retry.RedirectError
		if errors.As(err, &refused) != ask.refused || (err == nil) == ask.refused {
			t.Errorf("%s %s: %v", ask.method, ask.path, err)
		}
		if err != nil && strings.Contains(err.Error(), "0101010000") {
			t.Errorf("%s %s: the error repeats the body", ask.method, ask.path)
		}
	}
	if len(reached) > 0 {
		t.Errorf("the other server got %q", reached)
	}
}
