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

// protect sets the headers of a page. private says that it is shown to somebody who is signed in.
func (s *Site) protect(w http.ResponseWriter, r *http.Request, private bool) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.csp)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", features)
	h.Add("Vary", "Cookie, Accept-Language")
	switch {
	case private:
		h.Set("Cache-Control", "no-store")
	case h.Get("Cache-Control") == "":
		h.Set("Cache-Control", "no-cache, private")
	}
	if s.secure(r) {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// secure reports whether the browser came by TLS.
func (s *Site) secure(r *http.Request) bool { return s.config.Secure || r.TLS != nil }
