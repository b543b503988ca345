package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"igledger/internal/web/ui"
)

// Every answer has the headers that protect its reader: pages, files, redirects, refusals, and what
// the mux says by itself.
func TestEveryAnswerIsProtected(t *testing.T) {
	w := newWorld(t)
	at := strconv.FormatUint(w.access(morag), 10)
	for name, c := range map[string]struct {
		who          *visitor
		method, path string
		code         int
	}{
		"page":                      {w.as(nil), "GET", "/trust", 200},
		"page, head":                {w.as(nil), "HEAD", "/trust", 200},
		"not there":                 {w.as(nil), "GET", "/nowhere", 404},
		"method":                    {w.as(nil), "PUT", "/trust", 405},
		"trace":                     {w.as(nil), "TRACE", "/", 405},
		"options":                   {w.as(nil), "OPTIONS", "/you", 405},
		"unclean path":              {w.as(nil), "GET", "//evil.example/a", 307},
		"old address":               {w.as(nil), "GET", "/verify", 301},
		"asset":                     {w.as(nil), "GET", "/assets/old/pages.css", 200},
		"no asset":                  {w.as(nil), "GET", "/assets/old/nothing.js", 404},
		"notice that nobody knows":  {w.as(nil), "GET", "/notices/research", 404},
		"no calendar":               {w.as(nil), "GET", "/calendar/guess.ics", 404},
		"no code":                   {w.as(nil), "GET", "/p/AAAAAAAAAAAAAAAAAAAAAA/sealed", 404},
		"to sign in":                {w.as(nil), "GET", "/you", 303},
		"no answer of the provider": {w.as(nil), "GET", "/sign-in/citizens/callback?state=guess", 400},
		"no logout token":           {w.as(nil), "POST", "/sign-in/staff/logout", 503},
		"own list":                  {w.as(person(morag)), "GET", "/you", 200},
		"own file":                  {w.as(person(morag)), "POST", "/you/download/csv", 200},
		"own access":                {w.as(person(morag)), "GET", "/you/access/" + at, 200},
		"another's access":          {w.as(person(iain)), "GET", "/you/access/" + at, 404},
		"staff's page":              {w.as(person(morag)), "GET", "/officer", 403},
		"citizens' page":            {w.as(staff("LOT")), "GET", "/you", 403},
		"work":                      {w.as(staff("LOT")), "GET", "/officer/work", 303},
		"table":                     {w.as(staff("LOT")), "GET", "/officer/uncovered.csv", 200},
		"calendar":                  {w.as(staff("LOT")), "GET", "/officer/calendar.ics", 200},
		"sign out":                  {w.as(staff("LOT")), "POST", "/sign-out", 303},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.who.ask(c.method, c.path, "")
			if a.code != c.code {
				t.Errorf("%d, want %d", a.code, c.code)
			}
			for header, want := range map[string]string{
				"Content-Security-Policy":      "frame-ancestors 'none'",
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
				"Permissions-Policy":           "camera=()",
				"Strict-Transport-Security":    "max-age=63072000",
				"Cache-Control":                "",
			} {
				if got := a.header.Get(header); got == "" || !strings.Contains(got, want) {
					t.Errorf("%s: %q", header, got)
				}
			}
			if c.who.cookie != nil && a.code != http.StatusMovedPermanently && !strings.Contains(a.header.Get("Cache-Control"), "no-store") &&
				!strings.Contains(a.header.Get("Cache-Control"), "private") {
				t.Errorf("a cache may keep it: %q", a.header.Get("Cache-Control"))
			}
			if to := a.header.Get("Location"); strings.HasPrefix(to, "//") || strings.Contains(to, ":") {
				t.Errorf("it leads to %s", to)
			}
		})
	}
}

// A page that fails answers with an apology, and the next page is shown. Numbers that are too large
// for what pages do with them are no failure.
func TestHugeNumbers(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	for _, n := range []string{"500000000000000001", "9223372036854775807", "9223372036854775808", "-1", "1e9", "0x10", "１"} {
		for path, who := range map[string]*visitor{
			"/you?page=":                   w.as(person(morag)),
			"/you/access/":                 w.as(person(morag)),
			"/you/for/":                    w.as(person(morag)),
			"/you/print/":                  w.as(person(morag)),
			"/officer/work/":               w.as(staff("LOT")),
			"/officer/uncovered?page=":     w.as(staff("LOT")),
			"/officer/reports?from=":       w.as(staff("LOT")),
			"/register/agreements?page=":   w.as(nil),
			"/register/policies/":          w.as(nil),
			"/register/agreements?party=x": w.as(nil),
		} {
			if a := who.get(path + n); a.code != 200 && a.code != 404 {
				t.Errorf("%s%s: %d", path, n, a.code)
			}
		}
	}
}

// Only forms and sealed bytes are read. Anything else is refused before a page sees it.
func TestBodies(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	me, desk := w.as(person(morag)), w.as(staff("LOT"))
	form := "index="
	for name, c := range map[string]struct {
		who           *visitor
		path, body    string
		media, coding string
		code          int
	}{
		"form":          {me, "/you/download/csv", form, formMedia, "", 200},
		"form, charset": {me, "/you/download/csv", form, formMedia + "; charset=utf-8", "", 200},
		"parts": {me, "/you/download/csv", "--b\r\nContent-Disposition: form-data; name=\"index\"; filename=\"a\"\r\n\r\n" +
			strings.Repeat("a", 1<<20) +
			"\r\n--b--\r\n", "multipart/form-data; boundary=b", "", 415},
		"JSON":            {me, "/you/download/csv", `{"index":""}`, "application/json", "", 415},
		"text":            {me, "/you/download/csv", form, "text/plain", "", 415},
		"no type":         {me, "/you/download/csv", form, "", "", 415},
		"odd type":        {me, "/you/download/csv", form, "application/x-www-form-urlencoded, text/plain", "", 415},
		"packed":          {me, "/you/download/csv", "\x1f\x8b", formMedia, "gzip", 415},
		"too long":        {desk, "/officer/draft/check", "text=" + strings.Repeat("a", maxForm), formMedia, "", 400},
		"not sealed":      {me, "/you/papers", "hello", sealedMedia, "", 400},
		"sealed too long": {me, "/you/papers", strings.Repeat("a", maxBody+1), sealedMedia, "", 413},
		"bytes":           {desk, "/desk", form, sealedMedia, "", 422},
	} {
		t.Run(name, func(t *testing.T) {
			if a := c.who.ask("POST", c.path, c.body, "Content-Type", c.media, "Content-Encoding", c.coding); a.code != c.code {
				t.Errorf("%d, want %d", a.code, c.code)
			}
		})
	}
}

// A page that panics is answered with an apology, which says nothing of why, and so is the log.
func TestPanic(t *testing.T) {
	w := newWorld(t)
	d := &deps{Config: Config{Logger: slog.New(slog.NewTextHandler(w.log, nil))}}
	var err error
	d.site, err = ui.New(ui.Config{})
	w.ok(err)
	rec := httptest.NewRecorder()
	d.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("about " + morag) })).
		ServeHTTP(rec, httptest.NewRequest("GET", "/you", nil))
	if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String()+w.log.String(), morag) ||
		!strings.Contains(w.log.String(), "a page panicked") {
		t.Errorf("%d %s\n%s", rec.Code, rec.Body, w.log)
	}
}
