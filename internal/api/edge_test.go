package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/internal/edge"
	"igledger/internal/testneeds"
)

// guarded makes w's server one with these limits, as igledger serve has it.
func (w *world) guarded(l edge.Limits) *api {
	w.Helper()
	w.server.Close()
	w.registry = prometheus.NewRegistry()
	a := newAPI(Config{Log: w.log, Logger: w.logger(), Registry: w.registry, Limits: Limits{Edge: l}}, routes)
	conns := Connections(w.registry, Limits{Edge: l})
	w.server = httptest.NewUnstartedServer(a)
	w.server.Listener = conns.Listen(w.server.Listener)
	w.server.Config = conns.Server(a, w.logger())
	w.server.Start()
	w.Cleanup(w.server.Close)
	return a
}

// wire sends text on a connection of its own, and returns that. It reads nothing.
func (w *world) wire(text string) net.Conn {
	w.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	w.ok(err)
	w.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, text)
	w.ok(err)
	return c
}

// answer reads an answer and then the end of the connection, if it is to end.
func answerOf(t testing.TB, c net.Conn) *http.Response {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	if _, err := io.ReadAll(r.Body); err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	claimed = "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n"
	chunked = "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// A body takes of the budget what has arrived of it, whatever it claims.
func TestStalledBodiesTakeNothing(t *testing.T) {
	w := newWorld(t)
	w.guarded(edge.Limits{})
	for range 50 {
		w.wire(claimed + strings.Repeat(" ", 120))
		w.wire(chunked + "78\r\n" + strings.Repeat(" ", 120) + "\r\n")
	}
	large := strings.Repeat(" ", 4<<20) + submission(w.entry("SRC", person))
	if r := w.do("POST", "/v1/entries", large); r.StatusCode != 200 {
		t.Errorf("a large body: %d %s", r.StatusCode, r.body)
	}
}

// room is a body of which nothing has arrived, that notes how much memory is kept for it.
type room struct{ first int }

func (r *room) Read(p []byte) (int, error) {
	if r.first == 0 {
		r.first = len(p)
	}
	return 0, io.ErrUnexpectedEOF
}

// Nor does it take memory for what it claims.
func TestClaimsTakeNoMemory(t *testing.T) {
	w := newWorld(t)
	for _, claim := range []int64{-1, 2000, 60 << 10, 8 << 20} {
		body := new(room)
		r := w.request("POST", "/v1/entries", "")
		r.Body, r.ContentLength = io.NopCloser(body), claim
		r.Header.Set("Content-Type", "application/json")
		w.handler().ServeHTTP(httptest.NewRecorder(), r)
		if body.first == 0 || body.first > 8<<10 {
			t.Errorf("a claim of %d bytes: memory for %d", claim, body.first)
		}
	}
}

// A body that stalls or trickles is refused, and the connection ends.
func TestSlowBodiesAreRefused(t *testing.T) {
	w := newWorld(t)
	w.guarded(edge.Limits{BodyGrace: time.Millisecond}) // package edge tests the rate, by a clock of its own
	for name, text := range map[string]string{"with a length": claimed + "{", "chunked": chunked + "1\r\n{\r\n"} {
		c := w.wire(text)
		if r := answerOf(t, c); r.StatusCode != 408 || !r.Close {
			t.Errorf("%s: %d, close %v", name, r.StatusCode, r.Close)
		}
	}
	if m := w.metrics(); !strings.Contains(m, `igledger_bodies_refused_total{why="slow"} 2`) {
		t.Error("not counted")
	}
}

// What is refused before its body is read is answered at once, and the connection ends.
func TestRefusedBodiesAreNotAwaited(t *testing.T) {
	w := newWorld(t)
	w.guarded(edge.Limits{})
	length := "Host: x\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"no such path":          {"POST /nothing HTTP/1.1\r\n" + length + "\r\n", 404},
		"no such method":        {"PUT /v1/entries HTTP/1.1\r\n" + length + "\r\n", 405},
		"no token":              {"POST /v1/reports HTTP/1.1\r\n" + length + "\r\n", 401},
		"compressed":            {"POST /v1/entries HTTP/1.1\r\n" + length + "Content-Encoding: gzip\r\n\r\n", 415},
		"larger than the limit": {"POST /v1/entries HTTP/1.1\r\n" + strings.Replace(length, "200000", "8388609", 1) + "\r\n", 413},
		"a body for a GET":      {"GET /healthz HTTP/1.1\r\n" + length + "\r\n", 200},
		"a long query":          {"GET /v1/agreements?" + strings.Repeat("a=1&", 1500) + " HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	} {
		if r := answerOf(t, w.wire(c.text)); r.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, c.status)
		}
	}
}

// Requests that a proxy may cut at another place are refused, and so is what is not HTTP/1.
func TestAmbiguousRequests(t *testing.T) {
	w := newWorld(t)
	w.guarded(edge.Limits{})
	both := "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 3\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	smuggled := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"both lengths":                {both + smuggled, 400},
		"both, spelled otherwise":     {strings.Replace(strings.Replace(both, "Transfer", "tRANSFER", 1), "Content-L", "CONTENT-L", 1), 400},
		"both, on HTTP/1.0":           {strings.Replace(both, "HTTP/1.1", "HTTP/1.0", 1), 400},
		"HTTP/1.0 with chunks":        {strings.Replace(chunked, "HTTP/1.1", "HTTP/1.0", 1) + smuggled, 400},
		"OPTIONS of the server":       {"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n", 404},
		"two lengths":                 {strings.Replace(claimed, "\r\n\r\n", "\r\nContent-Length: 7\r\n\r\n", 1), 400},
		"an unknown coding":           {strings.Replace(chunked, "chunked", "gzip, chunked", 1), 501},
		"HTTP/2, which is not served": {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404},
		"chunks alone, well-formed":   {chunked + "f\r\n{\"entries\":[\"\"]\r\n1\r\n}\r\n0\r\n\r\n", 400},
	} {
		got := w.wire(c.text)
		r := answerOf(t, got)
		if r.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", name, r.StatusCode, c.status)
		}
		if strings.HasPrefix(name, "both") && !r.Close {
			t.Errorf("%s: the connection goes on", name)
		}
	}
	first := "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	c := w.wire(first)
	answerOf(t, c)
	_, err := io.WriteString(c, both)
	w.ok(err)
	if r := answerOf(t, c); r.StatusCode != 400 || !r.Close {
		t.Errorf("both lengths in a second request: %d, close %v", r.StatusCode, r.Close)
	}
}

// Callers with a token have a share that others cannot use up; a forged token is no token.
func TestTokensHaveAShare(t *testing.T) {
	w := newWorld(t)
	a := w.guarded(edge.Limits{BodyBytes: 1 << 20, PeerBodyBytes: 1 << 20, ReservedBytes: 256 << 10})
	full := a.bodies.Open(strings.NewReader(strings.Repeat(" ", 768<<10)), "192.0.2.1", func() string { return "" },
		func(time.Time) error { return nil })
	_, err := io.ReadAll(full)
	w.ok(err)
	body := submission(w.entry("SRC", person))
	if r := w.do("POST", "/v1/entries", body); r.StatusCode != 503 || r.problem(t) != "busy" || r.Header.Get("Retry-After") == "" {
		t.Errorf("without a token: %d %s", r.StatusCode, r.body)
	}
	if r := w.do("POST", "/v1/entries", body, "Authorization", "Bearer "+w.token(w.newKey(), "SRC")); r.StatusCode != 503 {
		t.Errorf("with a forged token: %d", r.StatusCode)
	}
	for range 3 { // each gives back what it took
		large := strings.Repeat(" ", 200<<10) + body
		if r := w.do("POST", "/v1/entries", large, "Authorization", "Bearer "+w.token(w.submit["SRC"], "SRC")); r.StatusCode != 200 {
			t.Errorf("with a token: %d %s", r.StatusCode, r.body)
		}
	}
	full.Release()
	if r := w.do("POST", "/v1/entries", body); r.StatusCode != 200 {
		t.Errorf("afterwards: %d", r.StatusCode)
	}
	if held := a.bodies.Held(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
	if m := w.metrics(); !strings.Contains(m, `igledger_bodies_refused_total{why="full"} 2`) {
		t.Error("not counted")
	}
}

// attacks are what strangers do to a server, each again and again until stop is closed.
var attacks = map[string]func(w *world, dial func() net.Conn){
	"half-open connections": func(_ *world, dial func() net.Conn) {
		for range 100 {
			dial()
		}
	},
	"slow headers": func(_ *world, dial func() net.Conn) {
		for range 50 {
			io.WriteString(dial(), "POST /v1/entries HTTP/1.1\r\nHost: x\r\nX: ")
		}
	},
	"stalled bodies": func(_ *world, dial func() net.Conn) {
		for range 50 {
			io.WriteString(dial(), claimed+strings.Repeat(" ", 120))
		}
	},
	"trickling chunks": func(_ *world, dial func() net.Conn) {
		for range 50 {
			io.WriteString(dial(), chunked+strings.Repeat("1\r\n \r\n", 100))
		}
	},
	"large bodies that never end": func(_ *world, dial func() net.Conn) {
		for range 4 {
			io.WriteString(dial(), claimed+strings.Repeat(" ", 1<<20))
		}
	},
	"compressed bodies": func(_ *world, dial func() net.Conn) {
		io.WriteString(dial(), strings.Replace(claimed, "\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n", 1))
	},
	"deep JSON": func(_ *world, dial func() net.Conn) {
		c := dial()
		fmt.Fprintf(c, "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n%s",
			strings.Repeat("[", 1_000_000))
		io.Copy(io.Discard, io.LimitReader(c, 100))
	},
	"many query parameters": func(_ *world, dial func() net.Conn) {
		c := dial()
		for range 20 {
			io.WriteString(c, "GET /v1/agreements?"+strings.Repeat("a=1&", 3000)+" HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		io.Copy(io.Discard, io.LimitReader(c, 100))
	},
	"small requests": func(_ *world, dial func() net.Conn) {
		c := dial()
		for range 50 {
			io.WriteString(c, "GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		io.Copy(io.Discard, io.LimitReader(c, 1000))
	},
	"entries of strangers": func(w *world, dial func() net.Conn) {
		c := dial()
		body := submission(slices.Repeat([]string{"eyJhbGciOiJFZERTQSJ9.e30.e30~" + strings.Repeat("WyJhIl0~", 7)}, 500)...)
		fmt.Fprintf(c, "POST /v1/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		io.Copy(io.Discard, io.LimitReader(c, 1000))
	},
}

// under runs an attack from two places until the function that it returns is called.
func (w *world) under(attack func(*world, func() net.Conn)) (stop func()) {
	ended := make(chan struct{})
	var all sync.WaitGroup
	address := w.server.Listener.Addr().String()
	for range 2 {
		all.Go(func() {
			for {
				var open []net.Conn
				attack(w, func() net.Conn {
					c, err := net.Dial("tcp", address)
					if err != nil { // the server has no more to give, as is the purpose
						a, b := net.Pipe()
						b.Close()
						return a
					}
					open = append(open, c)
					return c
				})
				select {
				case <-ended:
					for _, c := range open {
						c.Close()
					}
					return
				case <-time.After(50 * time.Millisecond): // what is slow must stay slow for a while
				}
				for _, c := range open {
					c.Close()
				}
			}
		})
	}
	return func() { close(ended); all.Wait() }
}

// With each attack running, from the source's own address, a source that submits loses nothing.
func TestImportUnderAttack(t *testing.T) {
	testneeds.Time(t, "an import under attack")
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.guarded(edge.Limits{Connections: 64, PeerConnections: 32, BodyBytes: 8 << 20, PeerBodyBytes: 4 << 20})
			var texts []string
			for range 60 {
				texts = append(texts, w.entry("SRC", person))
			}
			stop := w.under(attack)
			defer stop()
			c := w.client(w.submit["SRC"], "SRC")
			before := w.size()
			for part := range slices.Chunk(texts, 5) {
				results, err := c.Submit(t.Context(), part)
				w.ok(err)
				for i, r := range results {
					if r.Receipt == nil {
						t.Fatalf("entry %d of a part: %s, %v", i, r.Status, r.Problem)
					}
				}
			}
			if n := w.size() - before; n != uint64(len(texts)) {
				t.Errorf("%d entries are in the log, want %d", n, len(texts))
			}
		})
	}
}

// BenchmarkSubmitUnderAttack is the median time to submit one entry, without and with each attack
// from the same address.
func BenchmarkSubmitUnderAttack(b *testing.B) {
	run := func(b *testing.B, attack func(*world, func() net.Conn)) {
		w := newWorld(b)
		w.guarded(edge.Limits{})
		texts := make([]string, b.N)
		for i := range texts {
			texts[i] = w.entry("SRC", person)
		}
		stop := w.under(attack)
		defer stop()
		c := w.client(w.submit["SRC"], "SRC")
		took := make([]time.Duration, b.N)
		b.ResetTimer()
		for i := range texts {
			began := time.Now()
			if _, err := c.Submit(b.Context(), texts[i:i+1]); err != nil {
				b.Fatal(err)
			}
			took[i] = time.Since(began)
		}
		b.StopTimer()
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
	}
	b.Run("quiet", func(b *testing.B) { run(b, func(*world, func() net.Conn) {}) })
	for name, attack := range attacks {
		b.Run(name, func(b *testing.B) { run(b, attack) })
	}
}
