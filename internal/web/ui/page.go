package ui

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"igledger/audit/plain"
)

// Page is what a handler gives for a page.
type Page struct {
	Title   string // the h1, and the window's title: main has no h1 of its own
	Section string // of the navigation, see nav.go
	// User is who is signed in. Nil: whoever WithUser put into the request's context.
	User    User
	Crumbs  []Crumb
	Scripts []string     // names of scripts/NAME.ts
	Errors  []FieldError // the error summary, above everything
	Notice  string       // what has just been done, above the page
	Data    any          // for the template "main", as .Data
}

// Crumb is a step of the way to a page. The page itself is not among them.
type Crumb struct{ Text, Href string }

// FieldError is what is wrong with a field of a form.
type FieldError struct {
	Field string // id of the field, to which the summary links
	Text  string
}

// View is what templates are executed with: "main" finds the handler's data in .Data.
type View struct {
	Page
	Brand     Brand
	Path      string
	Home      string // where the user starts
	Nav       []Link
	Languages []Link // the other languages, with the address of this page in each
	Lang      plain.Language
	Draft     bool   // the language is a draft
	SignIn    bool   // people can sign in
	Large     bool   // print of 18 point was asked for
	Size      string // address of this page in the other size
	MadeFor   string // see there; scripts send it
	Name      string // of the user
	Styles    []string
}

// ErrorFor returns what is wrong with a field, or "".
func (v *View) ErrorFor(field string) string {
	for _, e := range v.Errors {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

// Room has the pages of one part of the site. It is safe for concurrent use.
type Room struct {
	site  *Site
	words map[plain.Language]*Words
	pages map[plain.Language]map[string]*template.Template
}

// Room reads the templates *.html and the words *.properties of a room. A file that defines "main" is
// a page, named by the file without .html; what other files define is there for all pages. It returns
// an error for what would be wrong with every page, see check.
func (s *Site) Room(fsys fs.FS) (*Room, error) {
	sources, err := templates(fsys)
	if err != nil {
		return nil, err
	}
	room := &Room{site: s, words: map[plain.Language]*Words{}, pages: map[plain.Language]map[string]*template.Template{}}
	for _, l := range languages {
		if !speaks(fsys, l.tag) {
			continue
		}
		c, err := plain.Load(l.tag, fsys, own)
		if err != nil {
			return nil, err
		}
		if strays := c.Strays(); len(strays) > 0 {
			return nil, fmt.Errorf("%s.properties: no English text, or other {names} than it: %v", l.tag, strays)
		}
		w := &Words{Catalogue: c, zone: s.config.Zone, now: s.config.Now}
		room.words[l.tag] = w
		w.english = room.words[plain.English]
		if room.pages[l.tag], err = s.parse(w, sources); err != nil {
			return nil, err
		}
	}
	for name, t := range room.pages[plain.English] {
		if err := check(t, room.words[plain.English]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return room, nil
}

// speaks reports whether a room has words in a language. The pages of a room that has none are in
// English from top to bottom: a screen reader cannot read a mixture aloud.
func speaks(fsys fs.FS, l plain.Language) bool {
	data, err := fs.ReadFile(fsys, string(l)+".properties")
	return l == plain.English || err == nil && bytes.ContainsRune(data, '=')
}

// templates returns the text of all templates of a folder by name.
func templates(fsys fs.FS) (map[string]string, error) {
	files, err := fs.Glob(fsys, "*.html")
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	for _, f := range files {
		data, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, err
		}
		sources[strings.TrimSuffix(f, ".html")] = string(data)
	}
	return sources, nil
}

// parse returns the pages among sources, each with the layout around it.
func (s *Site) parse(w *Words, sources map[string]string) (map[string]*template.Template, error) {
	base, err := s.layout(w)
	if err != nil {
		return nil, err
	}
	page := map[string]bool{}
	for name, text := range sources {
		if page[name] = strings.Contains(text, `define "main"`); page[name] {
			continue
		}
		if base, err = base.Parse(text); err != nil {
			return nil, fmt.Errorf("%s.html: %w", name, err)
		}
	}
	pages := map[string]*template.Template{}
	for name, text := range sources {
		if !page[name] {
			continue
		}
		t, err := base.Clone()
		if err == nil {
			_, err = t.Parse(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s.html: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// layout returns the templates of all pages in one language.
func (s *Site) layout(w *Words) (*template.Template, error) {
	t := template.New("layout").Option("missingkey=error").Funcs(s.functions()).Funcs(w.functions())
	return t.ParseFS(own, "templates/*.html")
}

// Words returns the words of a room in the language of a request.
func (room *Room) Words(r *http.Request) *Words { return room.words[room.language(r)] }

// Languages returns the words of a room in each language that it has.
func (room *Room) Languages() []*Words { return slices.Collect(maps.Values(room.words)) }

// language returns the language for a request, or English if the room does not have it.
func (room *Room) language(r *http.Request) plain.Language {
	if l := languageOf(r); room.words[l] != nil {
		return l
	}
	return plain.English
}

// ErrAnswered is in an error about which nothing is left to do: the request has its answer, and the log
// its line.
var ErrAnswered = errors.New("answered with an apology")

// Render answers with a page. If it fails, it has answered with an apology, logged why, and returns
// an error with ErrAnswered.
func (room *Room) Render(w http.ResponseWriter, r *http.Request, status int, name string, p Page) error {
	var page bytes.Buffer
	if err := room.execute(&page, w, r, strings.TrimSuffix(name, ".html"), p); err != nil {
		err = fmt.Errorf("page %s: %w: %w", name, ErrAnswered, err)
		room.site.config.Logger.Error("page cannot be rendered", "page", name, "error", err)
		if room == room.site.problems { // then there is no page for that either
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return err
		}
		room.site.Problem(w, r, http.StatusInternalServerError, "500")
		return err
	}
	text := page.Bytes()
	if room.language(r) != plain.English {
		text = spoken(text)
	}
	send(w, r, status, withForms(text, madeFor(r.Context())))
	return nil
}

func (room *Room) execute(out *bytes.Buffer, w http.ResponseWriter, r *http.Request, name string, p Page) error {
	l := room.language(r)
	t := room.pages[l][name]
	if t == nil {
		return fmt.Errorf("there is no such page")
	}
	if p.User == nil || reflect.ValueOf(p.User).Kind() == reflect.Pointer && reflect.ValueOf(p.User).IsNil() {
		p.User = userOf(r.Context())
	}
	room.site.keepLanguage(w, r)
	room.site.protect(w, r, p.User != nil)
	words := room.words[l]
	v := &View{
		Page: p, Brand: room.site.config.Brand, Path: r.URL.Path, Home: Home(p.User), Nav: words.Nav(p.User, p.Section), Lang: l,
		Styles: room.site.stylesheets, SignIn: !room.site.config.NoSignIn,
		Large: r.URL.Query().Get("size") == "large", MadeFor: madeFor(r.Context()),
	}
	at := room.site.here(r)
	v.Size = inSize(r, at, !v.Large)
	if p.User != nil {
		if v.Name = p.User.DisplayName(); v.Name == "" {
			v.Name = words.Text("user.unnamed")
		}
	}
	for _, other := range languages {
		if other.tag == l {
			v.Draft = other.draft
			continue
		}
		if room.words[other.tag] == nil {
			continue
		}
		v.Languages = append(v.Languages, Link{Text: other.name, Href: inLanguage(r, at, other.tag)})
	}
	return t.ExecuteTemplate(out, "layout", v)
}

// packers are kept because each has 0.8 MB of tables: making them anew cost a third of a page.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, packing) // no error: the level is valid
	return z
}}

// packing is the level of compression: less than half the processor time of the usual one, for a
// tenth more bytes.
const packing = 2

// send answers with a complete page, compressed if the browser can read that. The name field in the
// gzip header has a random length, so that the length of the answer says less about what is in it to
// someone who makes a browser ask for pages and watches the line.
func send(w http.ResponseWriter, r *http.Request, status int, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		var packed bytes.Buffer
		z := packers.Get().(*gzip.Writer)
		defer packers.Put(z)
		z.Reset(&packed)
		z.Name = strings.Repeat("-", 1+rand.IntN(256))
		_, _ = z.Write(page) // into memory
		_ = z.Close()
		page = packed.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page) // it fails only if the reader went away
}

type userKey struct{}

// WithUser returns a context by which pages know who is signed in.
func WithUser(ctx context.Context, u User) context.Context {
	return context.WithValue(ctx, userKey{}, u)
}

func userOf(ctx context.Context) User {
	u, _ := ctx.Value(userKey{}).(User)
	return u
}
