package ui

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Serves says where the pages are. It is called before the first request.
func (s *Site) Serves(mux *http.ServeMux) { s.mux = mux }

// asksOnly reports whether a request opens a page, rather than sending a form.
func asksOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// Opens reports whether a page can be opened at a path.
func (s *Site) Opens(r *http.Request, at string) bool {
	if s.mux == nil {
		return true
	}
	_, pattern := s.mux.Handler(&http.Request{Method: http.MethodGet, Host: r.Host, URL: &url.URL{Path: at}})
	return pattern != "" && pattern != "/" // "/" is what answers for pages that are not there
}

// PageOf returns the path of the page to which a request belongs: its own or, for a form that has
// no page at its path, the nearest above it, or "".
func (s *Site) PageOf(r *http.Request) string {
	if asksOnly(r) || s.Opens(r, r.URL.Path) {
		return r.URL.Path
	}
	for at := path.Dir(r.URL.Path); at != "/" && at != "."; at = path.Dir(at) {
		if s.Opens(r, at) {
			return at
		}
	}
	return ""
}

// here returns the address of the page to which a request belongs. It is not a full address: one
// that began with two slashes would be another host's.
func (s *Site) here(r *http.Request) string {
	at := s.PageOf(r)
	if at == r.URL.Path {
		at = r.URL.EscapedPath()
	} else {
		at = (&url.URL{Path: at}).EscapedPath()
	}
	return "/" + strings.TrimLeft(at, "/")
}
