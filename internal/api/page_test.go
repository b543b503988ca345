package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A person's browser is shown a page where the API has nothing, with the status that a program
// gets; what a route refuses stays problem+json.
func TestPageForWhatIsNotThere(t *testing.T) {
	h := New(Config{Log: newWorld(t).log, Page: func(w http.ResponseWriter, r *http.Request, status int) bool {
		if r.Header.Get("Accept") != "text/html" {
			return false
		}
		w.WriteHeader(status)
		_, err := w.Write([]byte("page"))
		return err == nil
	}})
	for _, c := range []struct {
		method, path string
		status       int
		page         bool
	}{
		{"GET", "/v1", 404, true}, {"GET", "/v1/nonsense", 404, true}, {"GET", "/tile/", 404, true}, {"PUT", "/v1/log", 405, true},
		{"GET", "/v1/entries", 405, true}, {"POST", "/v1/statements", 401, false},
	} {
		for _, accept := range []string{"text/html", "application/json"} {
			r := httptest.NewRequest(c.method, c.path, http.NoBody)
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			page := w.Body.String() == "page"
			if w.Code != c.status || page != (c.page && accept == "text/html") || c.status == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("%s %s for %s: %d %s", c.method, c.path, accept, w.Code, w.Body)
			}
			if !page && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s for %s: %s", c.method, c.path, accept, w.Header())
			}
		}
	}
}
