package ui

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/net/html"
)

// now is a Saturday, in winter time.
var now = time.Date(2026, 11, 28, 14, 5, 0, 0, time.UTC)

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := New(Config{Now: func() time.Time { return now }, Secure: true})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// room returns a room of one page.
func room(t *testing.T, s *Site, main string, more ...string) *Room {
	t.Helper()
	files := fstest.MapFS{
		"page.html":     {Data: []byte(`{{define "main"}}` + main + `{{end}}`)},
		"en.properties": {Data: []byte("hello = Hello, {name}\nlooks.one = {n} look\nlooks.other = {n} looks")},
		"gd.properties": {Data: []byte("hello = Halò, {name}\nlooks.two = {n} shealladh\nlooks.few = {n} seallaidhean")},
	}
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	r, err := s.Room(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *Room, target string, p Page, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, target, nil)
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	if err := r.Render(w, req, http.StatusOK, "page", p); err != nil {
		t.Fatal(err)
	}
	if _, err := html.Parse(bytes.NewReader(w.Body.Bytes())); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestPageIsProtected(t *testing.T) {
	s := newSite(t)
	w := render(t, room(t, s, `<p>{{.Data}}</p>`), "/x", Page{Title: "A", Data: `<script>alert(1)</script>`})
	if body := w.Body.String(); strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert") {
		t.Error("text of the ledger became markup")
	}
	for header, want := range map[string]string{
		"Content-Security-Policy":      "frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=()",
		"Strict-Transport-Security":    "max-age=",
		"Cache-Control":                "no-cache",
	} {
		if got := w.Header().Get(header); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q in it", header, got, want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
}

type testUser struct{ staff bool }

func (u *testUser) DisplayName() string   { return "Morag <Test>" }
func (u *testUser) IsStaff() bool         { return u.staff }
func (u *testUser) Allowed(p string) bool { return p == "agreements" }

func TestUserInHeader(t *testing.T) {
	s := newSite(t)
	r := room(t, s, "")
	for name, c := range map[string]struct {
		user       User
		want, lack string
		cache      string
	}{
		"nobody":                   {nil, `href="/sign-in"`, "/sign-out", "no-cache, private"},
		"a telephone number":       {nil, `href="tel:08000000000"`, "tel:0800 ", "no-cache, private"},
		"nobody, as a nil pointer": {(*testUser)(nil), `href="/sign-in"`, "/sign-out", "no-cache, private"},
		"a citizen":                {&testUser{}, `href="/you/choices"`, "/officer", "no-store"},
		"staff":                    {&testUser{staff: true}, `href="/officer/agreements"`, "/officer/reports", "no-store"},
	} {
		w := render(t, r, "/", Page{Title: "A", User: c.user})
		if body := w.Body.String(); !strings.Contains(body, c.want) || strings.Contains(body, c.lack) {
			t.Errorf("%s: want %q and not %q", name, c.want, c.lack)
		}
		if got := w.Header().Get("Cache-Control"); got != c.cache {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req = req.WithContext(WithUser(req.Context(), &testUser{}))
	w := httptest.NewRecorder()
	if err := r.Render(w, req, 200, "page", Page{Title: "A"}); err != nil || !strings.Contains(w.Body.String(), "Morag &lt;Test&gt;") {
		t.Errorf("the user of the context is not in the header: %v", err)
	}
}

func TestLanguage(t *testing.T) {
	s := newSite(t)
	r := room(t, s, `{{t "hello" "name" .Data}} {{n "looks" 2}} {{n "looks" 3}} {{n "looks" 1}}`)
	for name, c := range map[string]struct {
		target string
		header []string
		gaelic bool
	}{
		"nothing asked":        {"/a", nil, false},
		"accepted":             {"/a", []string{"Accept-Language", "gd-GB,gd;q=0.9,en;q=0.1"}, true},
		"another language":     {"/a", []string{"Accept-Language", "fr"}, false},
		"chosen before":        {"/a", []string{"Cookie", "lang=gd"}, true},
		"the address decides":  {"/a?lang=en", []string{"Cookie", "lang=gd"}, false},
		"asked in the address": {"/a?lang=gd", nil, true},
		"an unknown one":       {"/a?lang=%22%3E", nil, false},
	} {
		w := render(t, r, c.target, Page{Title: "A", Data: "{name}"}, c.header...)
		want, draft := "Hello, {name} 2 looks 3 looks 1 look", false
		if c.gaelic {
			want, draft = `Halò, {name} 2 shealladh 3 seallaidhean <span lang="en">1 look</span>`, true
		}
		if body := w.Body.String(); !strings.Contains(body, want) || strings.Contains(body, "ig-draft") != draft {
			t.Errorf("%s: want %q, draft %t: %s", name, want, draft, body)
		}
	}
	w := render(t, r, "//evil.example/a?x=1&lang=gd", Page{Title: "A"})
	if !strings.Contains(w.Body.String(), `href="/evil.example/a?lang=en&amp;x=1"`) {
		t.Error("the other language is not at this page's address")
	}
	if c := w.Result().Cookies(); len(c) != 1 || c[0].Value != "gd" || !c[0].Secure || !c[0].HttpOnly {
		t.Errorf("cookies %v", c)
	}
}

// A page of a room without Gaelic words is in English from top to bottom.
func TestRoomWithoutGaelic(t *testing.T) {
	r := room(t, newSite(t), `{{t "hello" "name" "a"}}`, "gd.properties", "# nothing yet")
	body := render(t, r, "/?lang=gd", Page{Title: "A"}).Body.String()
	if !strings.Contains(body, `<html lang="en"`) || !strings.Contains(body, "Sign in") || strings.Contains(body, "Gàidhlig") {
		t.Error("the languages are mixed")
	}
}

func TestDates(t *testing.T) {
	r := room(t, newSite(t), `{{date .Data}}|{{day .Data}}|{{time .Data}}|{{when .Data}}|{{ago .Data}}`)
	summer := time.Date(2026, 7, 1, 23, 30, 0, 0, time.UTC)
	want := `<time datetime="2026-07-02">2 July 2026</time>|<time datetime="2026-07-02">Thursday 2 July 2026</time>|` +
		`<time datetime="2026-07-02T00:30:00+01:00">00:30</time>|<time datetime="2026-07-02T00:30:00+01:00">2 July 2026 at 00:30</time>|` +
		`<time datetime="2026-07-02T00:30:00+01:00">149 days ago</time>`
	if body := render(t, r, "/", Page{Title: "A", Data: summer}).Body.String(); !strings.Contains(body, want) {
		t.Errorf("want %s", want)
	}
}

// A room that would give bad pages is refused when the server starts.
func TestRoomIsChecked(t *testing.T) {
	s := newSite(t)
	for name, files := range map[string]map[string]string{
		"a key without words":       {"p.html": `{{define "main"}}{{if true}}{{t "nothing"}}{{end}}{{end}}`, "en.properties": "a = b"},
		"within a call":             {"p.html": `{{define "main"}}{{print (t "nothing")}}{{end}}`, "en.properties": "a = b"},
		"a style":                   {"p.html": `{{define "main"}}<p style="color: red">{{end}}`, "en.properties": "a = b"},
		"a style sheet":             {"p.html": `{{define "main"}}<style>p{}</style>{{end}}`, "en.properties": "a = b"},
		"a script":                  {"p.html": `{{define "main"}}<script>alert(1)</script>{{end}}`, "en.properties": "a = b"},
		"a handler":                 {"p.html": `{{define "main"}}<p onclick="x()">{{end}}`, "en.properties": "a = b"},
		"in a part":                 {"p.html": `{{define "main"}}{{end}}`, "q.html": `{{define "q"}}<p onclick="x()">{{end}}`, "en.properties": "a = b"},
		"a translation of nothing":  {"p.html": `{{define "main"}}{{end}}`, "en.properties": "a = b", "gd.properties": "b = c"},
		"another name in a text":    {"p.html": `{{define "main"}}{{end}}`, "en.properties": "a = {b}", "gd.properties": "a = {c}"},
		"no English":                {"p.html": `{{define "main"}}{{end}}`, "gd.properties": "a = b"},
		"a template with a mistake": {"p.html": `{{define "main"}}{{end}`, "en.properties": "a = b"},
	} {
		fsys := fstest.MapFS{}
		for file, text := range files {
			fsys[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if _, err := s.Room(fsys); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// A template that fails half way leaves nothing of the page.
func TestNoHalfPage(t *testing.T) {
	r := room(t, newSite(t), `<p>secret half</p>{{.Data.Missing.Field}}`)
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	err := r.Render(w, req, 200, "page", Page{Title: "A", Data: map[string]string{}})
	if err == nil || w.Code != 500 || strings.Contains(w.Body.String(), "secret half") || !strings.Contains(w.Body.String(), "</html>") {
		t.Errorf("%v, %d", err, w.Code)
	}
}

func TestProblem(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct {
		accept, after string
		status        int
		key           string
		want          []string
	}{
		"a person":          {"text/html,application/json;q=0.5", "", 404, "not-found", []string{"<h1", "Page not found", "</html>"}},
		"a program":         {"application/json", "", 404, "not-found", []string{`"type":"urn:igledger:problem:not-found"`, `"status":404`}},
		"prefers JSON":      {"text/html;Q=0.1, application/json", "", 404, "not-found", []string{`"status":404`}},
		"curl":              {"*/*", "", 403, "forbidden", []string{`"type":"urn:igledger:problem:forbidden"`}},
		"back later":        {"text/html", "90", 503, "away", []string{"Try again in about 2 minutes"}},
		"sign in first":     {"text/html", "", 401, "sign-in", []string{`class="ds_button" href="/sign-in"`}},
		"an unknown status": {"text/html", "", 418, "x", []string{"Sorry, something went wrong"}},
	} {
		req := httptest.NewRequest(http.MethodGet, "/x", nil)
		req.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		if c.after != "" {
			w.Header().Set("Retry-After", c.after)
		}
		s.Problem(w, req, c.status, c.key)
		for _, want := range c.want {
			if w.Code != c.status || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d, want %q", name, w.Code, want)
			}
		}
	}
}

func TestAssets(t *testing.T) {
	s := newSite(t)
	if _, err := s.Asset("nothing.css"); !errors.Is(err, errNoAsset) {
		t.Errorf("%v", err)
	}
	url, err := s.Asset("pages.css")
	if err != nil {
		t.Fatal(err)
	}
	get := func(target, encoding string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, target, nil)
		req.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		s.Assets().ServeHTTP(w, req)
		return w
	}
	w := get(url, "gzip, br")
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, _ := io.ReadAll(z)
	plain := get(url, "gzip;q=0")
	if !bytes.Equal(unpacked, plain.Body.Bytes()) || plain.Header().Get("Content-Encoding") != "" {
		t.Error("compressed and plain differ")
	}
	if got := w.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control %q", got)
	}
	if old := get("/assets/0000000000000000/pages.css", ""); old.Code != 200 || old.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("for a page of an older program: %d", old.Code)
	}
	for _, bad := range []string{"/assets/", "/assets/x", "/assets/x/../ui.go", "/assets/" + s.assets.digest + "/nothing"} {
		if w := get(bad, ""); w.Code != 404 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}

func TestLoadBrand(t *testing.T) {
	dir := t.TempDir()
	load := func(text string) (Brand, error) {
		file := filepath.Join(dir, "brand.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadBrand(file)
	}
	b, err := load("name: Example Board\ncolours: {main: '#123456'}\ncontact: {email: a@b.example}\n")
	if err != nil || b.Name != "Example Board" || b.Colours.Main != "#123456" || b.Contact.Telephone != "" || b.Service == "" {
		t.Errorf("%+v, %v", b, err)
	}
	for name, text := range map[string]string{
		"an unknown field":   "name: A\nnmae: x",
		"not a colour":       "name: A\ncolours: {main: red}",
		"css in a colour":    "name: A\ncolours: {main: '#123456;}body{display:none'}",
		"too pale for white": "name: A\ncolours: {link: '#aaaaaa'}",
		"an empty name":      "name: ''",
		"no name":            "service: Who looked",
		"a script":           "name: A\nico: 'javascript:alert(1)'",
	} {
		if _, err := load(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := LoadBrand(filepath.Join(dir, "nothing.yaml")); err == nil {
		t.Error("no file: taken")
	}
}
