package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/verifier/fetch/retry"
)

var backoff = retry.Backoff{First: 100 * time.Millisecond, Last: 10 * time.Second, MaxAsked: 2 * time.Minute}

// maxAnswer bounds how many bytes of an answer are read: enough for 200 openings of the largest
// size, or 1000 receipts.
const maxAnswer = 128 << 20

type request struct {
	method, path string
	token        bool
	body         any    // nil: none
	text         []byte // instead of body: sent as it is, text/plain
}

// get makes a request and parses the JSON of its answer.
func get[T any](ctx context.Context, c *Client, r request) (*T, error) {
	into := new(T)
	if err := c.call(ctx, r, into); err != nil {
		return nil, err
	}
	return into, nil
}

func (c *Client) call(ctx context.Context, r request, into any) error {
	data, err := c.fetch(ctx, r)
	if err != nil {
		return err
	}
	// Unknown members are ignored, so that a newer server can add some.
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not the expected JSON: is this the address of a ledger?", r.method, r.route())
	}
	return nil
}

// fetch makes a request and returns the body of a 200 answer. It repeats the request while the
// server cannot take it for now. Every request of this API may be repeated: reads by nature,
// submissions because of their jti.
func (c *Client) fetch(ctx context.Context, r request) ([]byte, error) {
	body := r.text
	if r.body != nil {
		var err error
		body, err = json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: encoding the request: invalid UTF-8", r.method, r.route())
		}
	}
	patience := retry.Patience{Max: c.MaxWait}
	for attempt := 0; ; {
		data, after, err := c.once(ctx, r, body)
		switch {
		case err == nil:
			return data, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s %s: %w", r.method, r.route(), ctx.Err())
		case !passing(err), attempt+1 == c.Attempts:
			return nil, fmt.Errorf("%s %s: %w", r.method, r.route(), err)
		}
		if err := c.pause(ctx, &attempt, &patience, err, after); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.route(), err)
		}
	}
}

// once makes a request one time. It returns as after the wait that the server asked for with
// Retry-After, or 0.
func (c *Client) once(ctx context.Context, r request, body []byte) (data []byte, after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, r.method, strings.TrimSuffix(c.Base, "/")+r.path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, errors.New("the base address is not a URL")
	}
	switch {
	case r.text != nil:
		req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token && c.Token != nil {
		token, err := c.Token()
		if err != nil {
			return nil, 0, fmt.Errorf("making the caller's token: %w", err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := retry.Client(c.HTTP).Do(req)
	if refused := new(retry.RedirectError); errors.As(err, &refused) {
		return nil, 0, refused // without the address, which the other server chose
	}
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	data, err = retry.Read(counted{resp.Body, c.OnRead}, maxAnswer)
	if long := new(retry.TooLongError); errors.As(err, &long) {
		return nil, 0, long
	}
	if err != nil {
		return nil, 0, &url.Error{Op: r.method, URL: r.route(), Err: err} // cut off: the same as not reached
	}
	if resp.StatusCode == http.StatusOK {
		return data, 0, nil
	}
	return nil, retry.After(resp.Header), readProblem(resp, data)
}

// counted tells how much is read.
type counted struct {
	io.Reader
	tell func(n int) // may be nil
}

func (r counted) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.tell != nil {
		r.tell(n)
	}
	return n, err
}

// readProblem returns the error for an answer other than 200. The answer may come from a proxy that
// does not use RFC 9457.
func readProblem(resp *http.Response, data []byte) *Problem {
	p := new(Problem)
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(data, p) != nil || p.Type == "" {
		p = &Problem{Type: notLedgers, Title: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	return p
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return retry.Passing(p.Status) && !Stopped(p)
	}
	// Waiting does not help if the host name does not exist or the certificate is not the server's.
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &cert) {
		return false
	}
	return retry.Broken(err) || timedOut(err)
}

func timedOut(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// pause waits before another attempt: for as long as the server asked, else longer each time.
// because is the error that made it necessary.
func (c *Client) pause(
	ctx context.Context, attempt *int, patience *retry.Patience, because error, asked time.Duration,
) error {
	d := backoff.Wait(*attempt, asked)
	if patience.Out(d) {
		return &retry.GaveUpError{After: c.MaxWait, Err: because}
	}
	*attempt++
	if c.OnRetry != nil {
		c.OnRetry(because, d)
	}
	wait := c.wait
	if wait == nil {
		wait = retry.Sleep
	}
	if err := wait(ctx, d); err != nil {
		return fmt.Errorf("gave up (%w) after: %w", err, because)
	}
	return nil
}

// route returns the path without its query, which may name an entry. Errors carry it.
func (r request) route() string {
	path, _, _ := strings.Cut(r.path, "?")
	return path
}
