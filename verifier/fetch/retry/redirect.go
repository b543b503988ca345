package retry

import (
	"fmt"
	"net/http"
)

// maxRedirects bounds the redirects that one request follows.
const maxRedirects = 5

// RedirectError says that a server answered with a redirect that is not followed.
type RedirectError struct{ Reason string }

func (e *RedirectError) Error() string { return "the server redirects the request " + e.Reason }

// Redirects is a CheckRedirect for http.Client. It follows a redirect only of a GET or HEAD, and
// only to the same scheme, host and port: a body about a person, or a caller's token, must not
// reach another server because the first one says so, and what a log is asked for must not be a
// request to another host or port of the reader's network.
func Redirects(r *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return &RedirectError{"although it has a body, which goes nowhere else: give the server's own address"}
	case r.URL.Scheme != first.URL.Scheme || r.URL.Host != first.URL.Host:
		return &RedirectError{"to another server, which is not asked: give its address if it is the right one"}
	case len(via) > maxRedirects:
		return &RedirectError{fmt.Sprintf("more than %d times", maxRedirects)}
	}
	return nil
}

// Client returns a copy of c, or of http.DefaultClient if c is nil, that follows Redirects only.
func Client(c *http.Client) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	own := *c
	own.CheckRedirect = Redirects
	return &own
}
