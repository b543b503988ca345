package signintest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
)

// TestSignIn: a user who was signed in for a test reaches what they may, and nothing else.
func TestSignIn(t *testing.T) {
	w := signintest.New(t)
	mux := http.NewServeMux()
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, signin.From(r.Context()).Name) })
	mux.Handle("GET /you", w.Need(signin.Citizen)(w.StepUp(hello)))
	mux.Handle("GET /desk", w.Need(signin.Staff, signin.FrontDesk)(hello))
	server := httptest.NewServer(w.Wrap(mux))
	defer server.Close()
	for _, c := range []struct {
		user      *signin.User
		you, desk int
	}{
		{nil, 401, 401},
		{new(signintest.Citizen("chi:2902400015", "Morag Example")), 200, 403},
		{new(signintest.Staff("nhs-lothian", "Officer", signin.Reports)), 403, 403},
		{new(signintest.Staff("nhs-lothian", "Desk", signin.FrontDesk, signin.Reports)), 403, 200},
	} {
		client := &http.Client{}
		if c.user != nil {
			w.SignIn(t, client, server.URL, *c.user)
		}
		for path, want := range map[string]int{"/you": c.you, "/desk": c.desk} {
			resp, err := client.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%+v at %s: %d, want %d", c.user, path, resp.StatusCode, want)
			}
		}
	}
}

// TestKept: a test of a page can let a session end in the middle of a form.
func TestKept(t *testing.T) {
	w := signintest.New(t)
	morag := signintest.Citizen("chi:2902400015", "Morag Example")
	h := w.Wrap(w.Need(signin.Citizen)(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, w.Kept(r).Get("text"))
	})))
	ask := func(method string, cookie *http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/you/form", strings.NewReader("text=typed"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
		r.AddCookie(cookie)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	cookie := w.Cookie(t, morag)
	w.Advance(16 * time.Minute)
	if rec := ask("POST", cookie); rec.Code != http.StatusUnauthorized {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := ask("GET", w.Cookie(t, morag)); rec.Body.String() != "typed" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
