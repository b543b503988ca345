package retry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"igledger/verifier/fetch/retry"
)

// gone is a connection that the other side ended, with closed when net/http has noticed.
type gone struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (g *gone) Read([]byte) (int, error) { return 0, io.EOF }

func (g *gone) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Conn.Close()
}

// A connection that ends at any time, also before the request is sent, is broken; an answer is not.
func TestBroken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer s.Close()
	post := func(ctx context.Context, c *http.Client) error {
		r, err := http.NewRequestWithContext(ctx, "POST", s.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	closed := make(chan struct{})
	early := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return &gone{Conn: c, closed: closed}, err
	}}}
	noticed := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-closed }})
	for name, err := range map[string]error{
		"before the request": post(noticed, early),
		"before the answer":  post(t.Context(), s.Client()),
		"in the answer":      io.ErrUnexpectedEOF,
	} {
		if err == nil || !retry.Broken(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, err := range []error{nil, errors.New("something else"), &retry.RedirectError{}} {
		if retry.Broken(err) {
			t.Errorf("%v is taken for a broken connection", err)
		}
	}
}
