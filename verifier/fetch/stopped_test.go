package fetch

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A log that says that it has stopped is not asked again, and its words cannot steer a terminal.
// Another 503 is asked again.
func TestStopped(t *testing.T) {
	for _, c := range []struct {
		media, body string
		stopped     bool
	}{
		{"application/problem+json", `{"type":"urn:igledger:problem:stopped","detail":"went back \u001b[2J"}`, true},
		{"application/problem+json", `{"type":"urn:igledger:problem:unavailable"}`, false},
		{"application/problem+json", `{"type":"urn:igledger:problem:stopped","detail":"` + strings.Repeat("x", 8<<10) + `"}`, false},
		{"application/problem+json", `no JSON`, false},
		{"text/html", `{"type":"urn:igledger:problem:stopped"}`, false},
	} {
		src, waits := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.media)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, c.body)
		}))
		_, err := src.Checkpoint(t.Context())
		var stopped *StoppedError
		if !errors.Is(err, ErrUnreadable) || errors.As(err, &stopped) != c.stopped || (len(*waits) == 0) != c.stopped {
			t.Errorf("%.60s: waited %d times: %v", c.body, len(*waits), err)
		}
		if err != nil && strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q steers a terminal", err)
		}
	}
}
