package retry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestWait(t *testing.T) {
	b := Backoff{First: 100 * time.Millisecond, Last: time.Second, MaxAsked: 5 * time.Second}
	for _, c := range []struct {
		attempt   int
		asked     time.Duration
		low, high time.Duration
	}{
		{0, 0, 50 * time.Millisecond, 150 * time.Millisecond},
		{1, 0, 100 * time.Millisecond, 300 * time.Millisecond},
		{9, 0, 500 * time.Millisecond, 1500 * time.Millisecond},
		{1 << 40, 0, 500 * time.Millisecond, 1500 * time.Millisecond},
		{0, 3 * time.Second, 3 * time.Second, 3 * time.Second},
		{0, time.Hour, 5 * time.Second, 5 * time.Second},
		{0, -time.Hour, 50 * time.Millisecond, 150 * time.Millisecond},
	} {
		for range 200 { // of a random choice
			if d := b.Wait(c.attempt, c.asked); d < c.low || d > c.high {
				t.Errorf("attempt %d, asked %s: %s, want %s to %s", c.attempt, c.asked, d, c.low, c.high)
				break
			}
		}
	}
}

func TestAfter(t *testing.T) {
	date := time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
	if got := After(http.Header{"Retry-After": {date}}); got != time.Hour {
		t.Errorf("%s: %v, want the most that is waited", date, got)
	}
	if got := After(http.Header{"Retry-After": {"Fri, 31 Dec 1999 23:59:59 GMT"}}); got != 0 {
		t.Errorf("a date that has passed: %v", got)
	}
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-5": 0, "soon": 0, "86400": time.Hour, "99999999999999999999": 0,
		"Fri, 27 Nov 2026 10:00:00 GMT": 0} {
		if got := After(http.Header{"Retry-After": {text}}); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestPassing(t *testing.T) {
	for status := 100; status < 600; status++ {
		want := status == 408 || status == 429 || status == 502 || status == 503 || status == 504
		if Passing(status) != want {
			t.Errorf("%d: %v", status, !want)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := Sleep(t.Context(), 0); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestRead(t *testing.T) {
	if data, err := Read(strings.NewReader("12345"), 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	endless := &counting{r: strings.NewReader(strings.Repeat("x", 100))}
	var long *TooLongError
	if data, err := Read(endless, 5); !errors.As(err, &long) || long.Limit != 5 || data != nil || endless.n != 6 {
		t.Errorf("%q, %v after %d bytes", data, err, endless.n)
	}
	if _, err := Read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("12"))), 5); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
