package edge

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for connections in memory, on which the time of a synctest bubble passes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve runs a Server whose handler reads bodies, and calls f with a function that connects to it.
func serve(t *testing.T, l Limits, f func(dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		conns, bodies, listener := NewConns(l, func() {}), NewBodies(l, time.Now), make(pipes)
		s := conns.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer Begin(r.Context())()
			if r.Method != http.MethodPost {
				Leave(w, r)
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			body := bodies.Open(r.Body, "1", func() string { return "" }, Deadline(w, r))
			defer body.Release()
			if _, err := io.Copy(io.Discard, body); err != nil {
				Leave(w, r)
				w.WriteHeader(http.StatusRequestTimeout)
			}
		}), slog.New(slog.DiscardHandler))
		ended := make(chan error)
		go func() { ended <- s.Serve(conns.Listen(listener)) }()
		f(func() net.Conn {
			ours, theirs := net.Pipe()
			listener <- theirs
			t.Cleanup(func() { ours.Close() })
			return ours
		})
		close(listener)
		<-ended
		s.Close()
	})
}

// A request that stops anywhere is ended, whoever would answer it.
func TestUnfinishedRequestsEnd(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                "",
		"in the headers":         "POST / HTTP/1.1\r\nHost: x\r\nX: ",
		"in the body":            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
		"in a chunk":             "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx",
		"in a trailer":           "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
		"in a body not wanted":   "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
		"waiting to continue":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
		"expecting what is none": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: nonsense\r\n\r\n",
		"about the server":       "OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx",
		"after a request":        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, Limits{}, func(dial func() net.Conn) {
				c, began := dial(), time.Now()
				go io.WriteString(c, text)
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("ended after %s", took)
				}
			})
		})
	}
}

// A body that keeps the minimum rate is answered, also if it took longer than an answer may.
func TestSlowBodiesAreAnswered(t *testing.T) {
	serve(t, Limits{BodyRate: 1000}, func(dial func() net.Conn) {
		c, began := dial(), time.Now()
		go func() {
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
			pace := time.NewTicker(900 * time.Millisecond) // of the bubble's clock, as all time here
			defer pace.Stop()
			for range 300 {
				<-pace.C
				io.WriteString(c, strings.Repeat(" ", 1000))
			}
		}()
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); r.StatusCode != 200 || took < answerTime {
			t.Errorf("%d after %s", r.StatusCode, took)
		}
	})
}

// Who is refused while sending can send on and read the answer: the connection is not cut under it.
func TestLeftBodiesLeaveTheAnswer(t *testing.T) {
	for name, head := range map[string]string{
		"with a length": "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n",
		"chunked":       "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, Limits{}, func(dial func() net.Conn) {
				c, sent := dial(), make(chan error, 1)
				go func() {
					_, err := io.WriteString(c, head+strings.Repeat(" ", 200_000))
					sent <- err
				}()
				r, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || r.StatusCode != http.StatusMethodNotAllowed {
					t.Fatal(r, err)
				}
				if err := <-sent; err != nil {
					t.Errorf("cut off: %v", err)
				}
			})
		})
	}
}

// Stalled bodies displace each other: a new request of the same peer is answered.
func TestStalledBodiesMakeRoom(t *testing.T) {
	serve(t, Limits{PeerConnections: 8}, func(dial func() net.Conn) {
		for range 20 {
			if _, err := io.WriteString(dial(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // until the handler waits for the rest
		}
		c := dial()
		go io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
		if r, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || r.StatusCode != 200 {
			t.Error(r, err)
		}
	})
}

// Among those that wait for a body, the peer with most connections makes room, and of its own the
// one that has brought nothing for longest.
func TestWhoMakesRoom(t *testing.T) {
	c := NewConns(Limits{}, func() {})
	made := func(peer string, busy, waiting bool) *conn {
		n := &conn{of: c, peer: peer}
		c.add(n)
		n.set(busy, waiting)
		return n
	}
	alone, first := made("1", true, true), made("2", true, true)
	second, answering := made("2", true, true), made("2", true, false)
	first.set(true, true) // it brought enough
	want := []*conn{second, first, alone, nil}
	if idle := made("1", false, false); c.idlest("") != idle {
		t.Error("one that waits for a body is closed before an idle one")
	} else {
		c.remove(idle)
	}
	for i, n := range want {
		got := c.idlest("")
		if got != n {
			t.Errorf("%d: %+v, want %+v", i, got, n)
		}
		if got != nil {
			c.remove(got)
		}
	}
	if !c.all[answering] {
		t.Error("one that is being answered was closed")
	}
}
