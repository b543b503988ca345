package signin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"igledger/internal/web/signin"
)

// BenchmarkSession measures what a signed-in person's request costs beside the page itself: their
// session is read from the database and opened.
func BenchmarkSession(b *testing.B) {
	w := newWorld(b, func(c *signin.Config) { c.Limits.Requests = 1e9 })
	someone := w.browser()
	someone.signIn(w.op, "/you", nil)
	h := w.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for b.Loop() {
		r := httptest.NewRequest("GET", "/you", nil)
		r.Header.Set("Cookie", "session="+someone.cookie("session"))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
