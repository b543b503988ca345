// Package retry holds the rules by which an HTTP request is made again: which answers may pass, how long to wait, and how
// much of an answer is read. What a caller does with an error of its own is the caller's.
package retry

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Backoff is how long to wait between attempts. Waits double from First up to Last; each is spread by half either way, so
// that many clients do not come back at once. MaxAsked bounds what a server may ask for with Retry-After.
type Backoff struct{ First, Last, MaxAsked time.Duration }

// Wait returns the wait after a failed attempt, the first of which has number 0. asked is what the server asked for, 0 if
// nothing, and is waited at least.
func (b Backoff) Wait(attempt int, asked time.Duration) time.Duration {
	d := min(b.First<<min(attempt, 10), b.Last)
	return max(min(asked, b.MaxAsked), d/2+rand.N(d))
}

// Passing reports whether the same request may succeed later after an answer with this status.
func Passing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// After returns the Retry-After of an answer (RFC 9110 section 10.2.3), at most an hour; 0 if there is none in seconds.
func After(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(max(0, min(seconds, 3600))) * time.Second
}

// Sleep waits for d, or until ctx ends, and then returns its error.
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

// TooLongError says that an answer is longer than it may be.
type TooLongError struct{ Limit int }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the answer is longer than %d bytes", e.Limit)
}

// Read reads r to its end. The error is a *TooLongError if that lies beyond limit bytes, of which no more is read.
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
