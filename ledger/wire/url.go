package wire

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

var errServerURL = errors.New("want http(s)://host, at most with a port from 1 to 65535 and a path")

// ServerURL returns the address of a server: http or https, with a host, and at most a port that
// there can be, a user and a path.
func ServerURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(text, "?#") {
		return nil, errServerURL
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errServerURL
		}
	}
	return u, nil
}

// Private reports whether nobody on the way reads what is sent to u: it is https, or this machine.
func Private(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
