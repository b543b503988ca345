package ui

import (
	"net/http/httptest"
	"testing"
)

// TestDone: a link that somebody was sent does not say that something has been done.
func TestDone(t *testing.T) {
	for _, c := range []struct{ from, asked, want string }{
		{"same-origin", "revoked", "revoked"}, {"", "revoked", "revoked"}, // a browser that does not say
		{"none", "revoked", ""}, {"cross-site", "revoked", ""}, {"same-site", "revoked", ""},
		{"cross-site", Again, Again}, // back from the provider
		{"same-origin", "", ""},
	} {
		r := httptest.NewRequest("GET", "/officer/keys?done="+c.asked, nil)
		if c.from != "" {
			r.Header.Set("Sec-Fetch-Site", c.from)
		}
		if got := Done(r); got != c.want {
			t.Errorf("%q from %q: %q, want %q", c.asked, c.from, got, c.want)
		}
	}
}
