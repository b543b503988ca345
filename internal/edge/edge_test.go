package edge

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPeer(t *testing.T) {
	proxies := Limits{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:99", nil, "192.0.2.1"},
		{"[::ffff:192.0.2.1]:99", nil, "192.0.2.1"},
		{"[2001:db8:1:2:3:4:5:6]:99", nil, "2001:db8:1:2::/64"},
		{"[2001:db8:1:2:ffff::1]:99", nil, "2001:db8:1:2::/64"},
		{"[fe80::1%eth0]:99", nil, "fe80::/64"},
		{"192.0.2.1:99", []string{"198.51.100.7"}, "192.0.2.1"}, // not a proxy: the header is its own word
		{"10.1.1.1:99", []string{"198.51.100.7"}, "198.51.100.7"},
		{"10.1.1.1:99", []string{"203.0.113.9, 198.51.100.7", "10.2.2.2"}, "198.51.100.7"},
		{"[::1]:99", []string{"2001:db8:9::5"}, "2001:db8:9::/64"},
		{"10.1.1.1:99", []string{"198.51.100.7, nobody"}, "10.1.1.1"},
		{"10.1.1.1:99", nil, "10.1.1.1"},
		{"@", nil, "unknown"},
	} {
		if got := proxies.Peer(c.remote, c.forwarded); got != c.want {
			t.Errorf("%s for %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// A request with both lengths is noticed wherever it stands on a connection and however it is cut
// into packets, and what only looks like one in a body is not.
func TestFraming(t *testing.T) {
	both := "POST /b HTTP/1.1\r\nContent-Length: 5\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	quoted := "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, c := range map[string]struct {
		raw  string
		want bool
	}{
		"none":                       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", false},
		"a length":                   {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", false},
		"chunks":                     {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false},
		"both":                       {both, true},
		"both, in another case":      {strings.ReplaceAll(strings.ToLower(both), "post /b http/1.1", "POST /b HTTP/1.1"), true},
		"both, with bare line feeds": {strings.ReplaceAll(both, "\r\n", "\n"), true},
		"after a body":               {"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + both, true},
		"after chunks": {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n" +
			both, true},
		"HTTP/1.0":                    {"POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", false},
		"HTTP/1.0 with chunks":        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		"HTTP/1.0, after empty lines": {"POST / HTTP/1.1\r\n\r\n\r\r\n\rGET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", true},
		"what looks like HTTP/1.0":    {"GET / HTTP/1.1\r\nX: HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		"a chunk without size":        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\n\r\n", true},
		"in a body":                   {"POST / HTTP/1.1\r\nContent-Length: 49\r\n\r\n" + quoted, false},
		"in a chunk":                  {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n31\r\n" + quoted + "\r\n0\r\n\r\n", false},
		"one in each": {"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			false},
	} {
		for step := 1; step <= len(c.raw); step++ {
			var f framing
			got := false
			for rest := c.raw; rest != ""; {
				n := min(step, len(rest))
				got = f.scan([]byte(rest[:n])) || got
				rest = rest[n:]
			}
			if got != c.want {
				t.Errorf("%s, in steps of %d: %v, want %v", name, step, got, c.want)
			}
		}
	}
}

// bodiesOf returns bodies with small limits, and a function that opens one.
func bodiesOf(l Limits) (*Bodies, func(peer, token string, n int) *Body) {
	b := NewBodies(l, time.Now)
	none := func(time.Time) error { return nil }
	return b, func(peer, token string, n int) *Body {
		return b.Open(strings.NewReader(strings.Repeat("x", n)), peer, func() string { return token }, none)
	}
}

func TestBodiesShareByWhatArrived(t *testing.T) {
	b, open := bodiesOf(Limits{BodyBytes: 1000, PeerBodyBytes: 400, ReservedBytes: 300})
	read := func(body *Body) error {
		_, err := io.ReadAll(body)
		return err
	}
	for range 50 { // stalled: nothing of them has arrived
		open("1", "", 1000)
	}
	one := open("1", "", 400)
	if err := read(one); err != nil || !one.Ended() {
		t.Fatal(err)
	}
	if err := read(open("1", "", 1)); !errors.Is(err, ErrFull) {
		t.Errorf("more than a peer may have: %v", err)
	}
	two := open("2", "", 300)
	if err := read(two); err != nil {
		t.Fatal(err)
	}
	if err := read(open("3", "", 1)); !errors.Is(err, ErrFull) {
		t.Errorf("of what is reserved: %v", err)
	}
	if err := read(open("3", "forged is none", 0)); err != nil {
		t.Error(err)
	}
	token := open("1", "SRC", 250) // also from the address of one that has too much
	if err := read(token); err != nil {
		t.Errorf("with a token: %v", err)
	}
	if err := read(open("9", "OTH", 51)); !errors.Is(err, ErrFull) {
		t.Errorf("more than there is: %v", err)
	}
	two.Release()
	two.Release()
	if err := read(open("3", "", 250)); err != nil {
		t.Errorf("after another was released: %v", err)
	}
	if b.Held() != 400+250+250 {
		t.Errorf("%d bytes are held", b.Held())
	}
}

// slowly gives 1,000 bytes a second of its clock, and fails at a deadline as a connection does.
type slowly struct {
	now, deadline time.Time
	left          int
}

func (s *slowly) Read(p []byte) (int, error) {
	n := min(len(p), s.left, 100)
	s.now = s.now.Add(time.Duration(n) * time.Millisecond)
	switch {
	case !s.deadline.IsZero() && s.now.After(s.deadline):
		return 0, os.ErrDeadlineExceeded
	case n == 0:
		return 0, io.EOF
	}
	s.left -= n
	return n, nil
}

func TestBodiesHaveARate(t *testing.T) {
	for name, c := range map[string]struct {
		rate, size int
		want       error
	}{
		"fast enough":         {900, 100_000, nil},
		"too slow":            {1500, 100_000, ErrSlow},
		"slow and soon ended": {1500, 3000, nil},
	} {
		s := &slowly{now: time.Unix(1000, 0), left: c.size}
		b := NewBodies(Limits{BodyRate: int64(c.rate), BodyGrace: 5 * time.Second}, func() time.Time { return s.now })
		body := b.Open(s, "1", func() string { return "" }, func(d time.Time) error { s.deadline = d; return nil })
		if _, err := io.ReadAll(body); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.want == nil && !s.deadline.IsZero() {
			t.Errorf("%s: the deadline stays after the end", name)
		}
	}
}

func TestConnections(t *testing.T) {
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	closed := 0
	c := NewConns(Limits{Connections: 3, PeerConnections: 3}, func() { closed++ })
	l := c.Listen(raw)
	dial := func() (theirs net.Conn, ours *conn) {
		t.Helper()
		theirs, err := net.Dial("tcp", raw.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { theirs.Close() })
		n, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return theirs, n.(*conn)
	}
	ended := func(theirs net.Conn) {
		t.Helper()
		if _, err := theirs.Read(make([]byte, 1)); err == nil {
			t.Error("the connection was not closed")
		}
	}
	_, busy := dial()
	done := Begin(c.Context(t.Context(), busy))
	idle, used := dial()
	Begin(c.Context(t.Context(), used))()
	never, _ := dial()
	_, more := dial() // closes the one that never carried a request
	ended(never)
	Begin(c.Context(t.Context(), more))()
	_, last := dial() // closes the one that has been idle for longest
	ended(idle)
	endMore, endLast := Begin(c.Context(t.Context(), more)), Begin(c.Context(t.Context(), last))
	if c.Count() != 3 || closed != 2 {
		t.Errorf("%d connections, %d closed", c.Count(), closed)
	}
	// All are busy: the next is refused, and the one after it is taken because one has ended.
	refused, err := net.Dial("tcp", raw.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	if n := c.admit(mustAccept(t, raw)); n != nil {
		t.Error("one too many")
	}
	endMore()
	endLast()
	done()
	busy.Close()
	busy.Close()
	if c.Count() != 2 {
		t.Errorf("%d connections after one was closed", c.Count())
	}
	dial()
}

func mustAccept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	n, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}
