package web

import (
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"igledger/internal/web/ui"
)

// catchAll is the pattern under which elsewhere is registered.
const catchAll = "/"

// elsewhere answers what no page is at: an address of a page with a slash too many leads to it, one
// that is used in another way says in which it can be, and the rest is not there.
func (d *deps) elsewhere(w http.ResponseWriter, r *http.Request) {
	get := r.Method == http.MethodGet || r.Method == http.MethodHead
	if at := strings.TrimRight(r.URL.Path, "/"); get && at != "" && at != r.URL.Path && d.has(r, http.MethodGet, at) {
		to := *r.URL
		to.Path, to.RawPath, to.Scheme, to.Host, to.User = at, "", "", "", nil
		moved(to.String()).ServeHTTP(w, r)
		return
	}
	if allow := d.allowed(r); len(allow) > 0 {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		d.site.Problem(w, r, http.StatusMethodNotAllowed, "method-not-allowed")
		return
	}
	d.site.Problem(w, r, http.StatusNotFound, "not-found")
}

// allowed returns the methods by which there is something at the request's path.
func (d *deps) allowed(r *http.Request) (list []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if !d.has(r, method, r.URL.Path) {
			continue
		}
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	return list
}

// has reports whether a page is at a path, which is one of our own then. One that has to be cleaned
// first is not: slashes and dots that came as %2F and %2E could begin the name of another host.
func (d *deps) has(r *http.Request, method, at string) bool {
	if at != path.Clean(at) {
		return false
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.URL.Path, asked.URL.RawPath = method, at, ""
	_, pattern := d.mux.Handler(asked)
	return pattern != "" && pattern != catchAll
}

// moved sends people and programs to another address. Both get the same status; programs also get
// the address as JSON.
func moved(to string) http.Handler {
	page := http.RedirectHandler(to, http.StatusMovedPermanently)
	return ui.Either(page, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Location", to)
		h.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMovedPermanently)
		_, _ = w.Write([]byte(`{"location":` + strconv.QuoteToASCII(to) + "}\n")) // it fails only if the caller went away
	}))
}

// problems are the statuses that Problem has a page for.
var problems = []int{http.StatusNotFound, http.StatusMethodNotAllowed}

// Problem answers a person with a page for what the API has nothing to answer with: an unknown path
// or another method. It returns false for a program, which gets the API's own answer.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request, status int) bool {
	if !slices.Contains(problems, status) {
		return false
	}
	if !ui.WantsPage(r) {
		w.Header().Add("Vary", "Accept")
		return false
	}
	p.site.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.site.Problem(w, r, status, strconv.Itoa(status))
	})).ServeHTTP(w, r)
	return true
}
