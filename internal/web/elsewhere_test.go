package web

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// Whatever address is asked for in whatever way, a person is answered with a page and a program
// with JSON, with the same status, and caches know that it depends on the asker.
func TestElsewhere(t *testing.T) {
	w := newWorld(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		method, path string
		status       int
		header       string // and its value
		value        string
	}{
		{"GET", "/", 200, "", ""},
		{"GET", "/verify", 301, "Location", "/check"},
		{"GET", "/verify/anything", 301, "Location", "/check"},
		{"GET", "/nonsense", 404, "", ""},
		{"GET", "/nonsense/", 404, "", ""},
		{"POST", "/nonsense", 404, "", ""},
		{"GET", "/check/", 301, "Location", "/check"},
		{"GET", "/register/agreements/?state=expired", 301, "Location", "/register/agreements?state=expired"},
		{"POST", "/check", 405, "Allow", "GET, HEAD"},
		{"DELETE", "/register/agreements", 405, "Allow", "GET, HEAD"},
		{"GET", "/sign-out", 405, "Allow", "POST"},
		{"POST", "/", 405, "Allow", "GET, HEAD"},
		{"GET", "/assets/", 404, "", ""},
		{"GET", "/assets/old/nonsense.js", 404, "", ""},
		{"POST", "/assets/old/nonsense.js", 405, "Allow", "GET, HEAD"},
		{"GET", "/%2e%2e/nonsense", 404, "", ""},
		{"GET", "/%2Fevil.example/..%2Fcheck/", 404, "Location", ""}, // would lead to //evil.example
		{"POST", "/%2Fevil.example/..%2Fcheck", 404, "Allow", ""},
		{"GET", "/%5Cevil.example/..%2Fcheck/", 404, "Location", ""},
	} {
		for _, accept := range []string{browsers, "application/json", "*/*", "", "text/html;q=0.5, application/json"} {
			for _, method := range []string{c.method, "HEAD"} {
				if method == "HEAD" && c.method != "GET" {
					continue
				}
				r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+c.path, nil)
				w.ok(err)
				r.Header["Accept"] = []string{accept}
				resp, err := client.Do(r)
				w.ok(err)
				body, err := io.ReadAll(resp.Body)
				w.ok(err)
				resp.Body.Close()
				name := method + " " + c.path + " by " + accept
				if resp.StatusCode != c.status || c.header != "" && resp.Header.Get(c.header) != c.value {
					t.Errorf("%s: %d, %s %q", name, resp.StatusCode, c.header, resp.Header.Get(c.header))
				}
				if !slices.Contains(strings.Split(strings.Join(resp.Header.Values("Vary"), ", "), ", "), "Accept") {
					t.Errorf("%s: Vary is %q", name, resp.Header.Values("Vary"))
				}
				media, page := resp.Header.Get("Content-Type"), accept == browsers
				if page != strings.HasPrefix(media, "text/html") || !page && !strings.HasSuffix(media, "json") {
					t.Errorf("%s: %s", name, media)
				}
				if method != "HEAD" && !page && !json.Valid(body) {
					t.Errorf("%s: %q", name, body)
				}
			}
		}
	}
}

// What the API has nothing for is a page for people, with the headers of one.
func TestProblemOfTheAPI(t *testing.T) {
	w := newWorld(t)
	for status, accept := range map[int]string{404: browsers, 405: browsers} {
		rec := &recorded{header: http.Header{}}
		r, err := http.NewRequestWithContext(t.Context(), "GET", "/v1/nonsense", nil)
		w.ok(err)
		r.Header.Set("Accept", accept)
		if !w.pages.Problem(rec, r, status) || rec.status != status || !strings.Contains(rec.body.String(), "<!doctype html>") ||
			!strings.Contains(rec.header.Get("Content-Security-Policy"), "style-src") {
			t.Errorf("%d: %d %v %s", status, rec.status, rec.header, rec.body.String())
		}
		r.Header.Set("Accept", "application/json")
		rec = &recorded{header: http.Header{}}
		if w.pages.Problem(rec, r, status) || rec.status != 0 || rec.header.Get("Vary") != "Accept" {
			t.Errorf("%d: a program is answered with a page: %d %v", status, rec.status, rec.header)
		}
	}
}

type recorded struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }
