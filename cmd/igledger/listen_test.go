package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"igledger/internal/edge"
)

// A request that can be read in two ways is refused, also where a page would answer.
func TestPageTakesNoAmbiguousRequests(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	conns := edge.NewConns(edge.Limits{}, func() {})
	s := conns.Server(beside(func() http.Handler { return answers(200) }, answers(400)), slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() { ended <- s.Serve(conns.Listen(l)) }()
	defer func() { s.Close(); <-ended }()
	for head, want := range map[string]int{
		"GET /check HTTP/1.1\r\nHost: x\r\n\r\n": 200,
		"GET /check HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
	} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, head); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || r.StatusCode != want {
			t.Errorf("%q: %v, %v", head, r, err)
		}
	}
}
