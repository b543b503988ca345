// Package public has the pages that anybody may read: what the ledger is, the register of agreements
// and of rules, why one may trust it, and help.
//
// No page holds a personal datum: what they show is in public entries of the log, is about
// organisations, or is a number that is too coarse to say how many people a source sees.
package public

import (
	"embed"
	"net/http"
	"strings"

	"igledger/audit/plain"
	"igledger/internal/web/door"
	"igledger/internal/web/ui"
)

//go:embed *.html *.properties
var files embed.FS

// Deps is what the pages work with.
type Deps struct {
	Site    *ui.Site
	Door    *door.Door
	OpenAPI []byte // the document of the API, as api.Document returns it
	// Public is the address under which readers reach the ledger, for commands that run as pasted:
	// https://ledger.example.
	Public string
	// Policy is the operator's policy of witnesses and auditors (C2SP tlog-policy), or empty.
	Policy []byte
}

type room struct {
	Deps
	pages *ui.Room
	api   *apiDocument
	trust trustCache
}

// Mount adds the pages to mux. A program that asks for "/" is told where to ask.
func Mount(mux *http.ServeMux, d Deps) error {
	pages, err := d.Site.Room(files)
	if err != nil {
		return err
	}
	d.Public = strings.TrimSuffix(d.Public, "/")
	p := &room{Deps: d, pages: pages}
	if p.api, err = readAPI(d.OpenAPI); err != nil {
		return err
	}
	mux.Handle("GET /{$}", ui.Either(http.HandlerFunc(p.home), http.HandlerFunc(index)))
	mux.HandleFunc("GET /register/agreements", p.agreements)
	mux.HandleFunc("GET /register/agreements/{id}", p.agreement)
	mux.HandleFunc("GET /register/policies", p.policies)
	mux.HandleFunc("GET /register/policies/{version}", p.policy)
	mux.HandleFunc("GET /trust", p.showTrust)
	mux.HandleFunc("GET /api", p.showAPI)
	for _, name := range []string{"help", "leaflet", "privacy", "accessibility"} {
		mux.HandleFunc("GET /"+name, p.words(name))
	}
	return nil
}

// words serves a page that is only words.
func (p *room) words(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = p.pages.Render(w, r, http.StatusOK, name, ui.Page{
			Title: p.pages.Words(r).Text(plain.Key(name + ".title")), Section: name, Data: p.Public,
		})
	}
}

func (p *room) home(w http.ResponseWriter, r *http.Request) {
	_ = p.pages.Render(w, r, http.StatusOK, "home", ui.Page{
		Title: p.pages.Words(r).Text("home.title"), Section: "home",
	})
}

// index tells a program at "/" where there is what it may want.
func index(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(`{"openapi":"/openapi.json","log":"/v1/log","checkpoint":"/checkpoint","register":"/v1/register",` +
		`"agreements":"/v1/agreements","policies":"/v1/policies"}` + "\n")) // it fails only if the caller went away
}

// fail answers that the ledger cannot be read. The error is logged and not shown.
func (p *room) fail(w http.ResponseWriter, r *http.Request, err error) {
	p.Site.Fail(w, r, err)
}
