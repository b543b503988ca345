package ui

import (
	"net/http"
	"strings"
)

// policy returns the Content-Security-Policy of all pages. Styles and scripts are files of this
// server: nothing that somebody put into a text of the ledger can be either.
func policy(forms []string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "worker-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
		"connect-src 'self'", "form-action " + strings.Join(append([]string{"'self'"}, forms...), " "), "manifest-src 'self'",
		"base-uri 'none'", "frame-ancestors 'none'",
	}, "; ")
}

// features are what pages never use. A script that found its way in could not either.
const features = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), " +
	"magnetometer=(), microphone=(), midi=(), payment=(), usb=()"

// bare is the Content-Security-Policy of every answer that is no page: whatever a browser takes
// it for, nothing in it runs, loads or is framed.
const bare = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Protect gives every answer of next the headers that each has, whoever answers: pages, files,
// redirects, refusals, and what the mux answers by itself.
func (s *Site) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.harden(w.Header(), r)
		next.ServeHTTP(w, r)
	})
}

// harden sets the headers of every answer.
func (s *Site) harden(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", bare)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", features)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache, private")
	}
	if s.secure(r) {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// protect sets the headers of a page. private says that it is shown to somebody who is signed in.
func (s *Site) protect(w http.ResponseWriter, r *http.Request, private bool) {
	h := w.Header()
	s.harden(h, r)
	h.Set("Content-Security-Policy", s.csp)
	h.Add("Vary", "Cookie, Accept-Language")
	if private {
		h.Set("Cache-Control", "no-store")
	}
}

// secure reports whether the browser came by TLS.
func (s *Site) secure(r *http.Request) bool { return s.config.Secure || r.TLS != nil }
