package ui

import (
	"net/http"
	"strconv"
	"strings"
)

// quality returns how much a request wants an answer of a media type or an encoding, from 0 (not at
// all) to 1, by a header like Accept (RFC 9110 section 12.5). named reports whether the header names
// it, rather than everything.
func quality(header, want string) (q float64, named bool) {
	for part := range strings.SplitSeq(header, ",") {
		value, params, _ := strings.Cut(part, ";")
		value = strings.ToLower(strings.TrimSpace(value))
		if value != want && (named || value != "*/*" && value != "*") {
			continue
		}
		named, q = value == want, 1
		for p := range strings.SplitSeq(params, ";") {
			if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "q="); ok {
				q, _ = strconv.ParseFloat(v, 64) // 0 if malformed
			}
		}
	}
	return q, named
}

// WantsPage reports whether a request comes from a person's browser, which asks for HTML by name. A
// program does not, or prefers JSON.
func WantsPage(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	page, named := quality(accept, "text/html")
	data, _ := quality(accept, "application/json")
	return named && page > 0 && page >= data
}

func acceptsGzip(r *http.Request) bool {
	q, _ := quality(strings.Join(r.Header.Values("Accept-Encoding"), ","), "gzip")
	return q > 0
}

// Either answers people with one handler and programs with another at the same address.
func Either(page, program http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if WantsPage(r) {
			page.ServeHTTP(w, r)
			return
		}
		program.ServeHTTP(w, r)
	})
}
