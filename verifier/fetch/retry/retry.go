// Package retry holds the rules for repeating an HTTP request: after which answers, how long to
// wait, and how much of an answer is read. What to do about other errors is for the caller to
// decide.
package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Backoff says how long to wait between attempts. Waits double from First up to Last. Each is
// spread by half either way, so that many clients do not return at the same time. MaxAsked bounds
// what a server may ask for with Retry-After.
type Backoff struct{ First, Last, MaxAsked time.Duration }

// Wait returns the wait after a failed attempt; the first attempt has number 0. asked is what the
// server asked for, or 0, and the wait is at least that, up to MaxAsked.
func (b Backoff) Wait(attempt int, asked time.Duration) time.Duration {
	d := min(b.First<<min(attempt, 10), b.Last)
	return max(min(asked, b.MaxAsked), d/2+rand.N(d))
}

// Patience bounds how long one thing is tried in vain. The zero value has no bound.
type Patience struct {
	Max   time.Duration // 0: without end
	since time.Time     // of the first failure in a row
}

// Start counts from now on, and not from the first failure.
func (p *Patience) Start() { p.since = time.Now() }

// Out reports, after a failure, whether another attempt after a wait of d would come too late.
func (p *Patience) Out(d time.Duration) bool {
	if p.Max <= 0 {
		return false
	}
	if p.since.IsZero() {
		p.since = time.Now()
	}
	return time.Since(p.since)+d > p.Max
}

// Renew forgets past failures, after a success.
func (p *Patience) Renew() { p.since = time.Time{} }

// GaveUpError says that something was tried for as long as Patience lasts, and still failed with
// Err.
type GaveUpError struct {
	After time.Duration
	Err   error
}

func (e *GaveUpError) Error() string { return fmt.Sprintf("gave up after %s: %v", e.After, e.Err) }

func (e *GaveUpError) Unwrap() error { return e.Err }

// Passing reports whether the same request may succeed later after an answer with this status.
func Passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Broken reports whether err says that a connection was not made, or ended before the answer did.
func Broken(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		// net/http does not export the error of a new connection that the server closes before anything
		// was sent on it, as a server with too many connections does.
		err != nil && strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// After returns the Retry-After of an answer, which is in seconds or a date (RFC 9110 section
// 10.2.3), at most an hour. If there is none, it returns 0.
func After(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(0, min(seconds, 3600))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, min(time.Until(at), time.Hour))
}

// Sleep waits for d. If ctx ends first, it returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TooLongError says that an answer is longer than the limit.
type TooLongError struct{ Limit int }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the answer is longer than %d bytes", e.Limit)
}

// Read reads r to its end. If there are more than limit bytes, it stops and returns a
// *TooLongError.
func Read(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = &TooLongError{limit}
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}
