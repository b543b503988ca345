package witness

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// Whatever a witness answers, only a cosignature that verifies is kept, and the operator learns
// what is wrong.
func TestAnswers(t *testing.T) {
	answer := func(status int, media, body string) func(*fake) {
		return func(f *fake) {
			f.before = func(w http.ResponseWriter) bool {
				w.Header().Set("Content-Type", media)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return true
			}
		}
	}
	lines := func(l func(f *fake, c proof.Checkpoint) string) func(*fake) {
		return func(f *fake) { f.lines = func(c proof.Checkpoint) string { return l(f, c) } }
	}
	now := func() int64 { return time.Now().Unix() }
	stranger := newFake(t, "stranger", newMemory(t))
	for name, c := range map[string]struct {
		make  func(*fake)
		want  error // nil: it is kept
		error bool  // logged as Error
	}{
		"good": {func(*fake) {}, nil, false},
		"strangers' lines beside": {lines(func(f *fake, c proof.Checkpoint) string {
			return stranger.line(c, 5) + f.line(c, now()) + stranger.line(c, 6)
		}), nil, false},
		"an older one beside": {lines(func(f *fake, c proof.Checkpoint) string { return f.line(c, now()) + f.line(c, 5) }), nil, false},
		"unknown log":         {answer(404, "text/plain", "?"), ErrUnknownLog, true},
		"unknown key":         {answer(403, "text/plain", "?"), ErrUnknownKey, true},
		"bad proof":           {answer(422, "text/plain", "?"), ErrInconsistent, true},
		"bad request":         {answer(400, "text/plain", "?"), nil, false},
		"overloaded":          {answer(503, "text/plain", "?"), nil, false},
		"redirect": {func(f *fake) {
			f.before = func(w http.ResponseWriter) bool {
				w.Header().Set("Location", "https://stranger/prefix/add-checkpoint")
				w.WriteHeader(307)
				return true
			}
		}, nil, false},
		"nothing": {answer(200, "text/plain", ""), ErrBadCosignature, true},
		"prose":   {answer(200, "text/plain", "thank you\n"), ErrMalformed, false},
		"half a line": {lines(func(f *fake, c proof.Checkpoint) string {
			return strings.TrimSuffix(f.line(c, now()), "\n")
		}), ErrMalformed, false},
		"a note, not lines": {lines(func(f *fake, c proof.Checkpoint) string {
			return c.Text() + "\n" + f.line(c, now())
		}), ErrMalformed, false},
		"CRLF": {lines(func(f *fake, c proof.Checkpoint) string {
			return strings.Replace(f.line(c, now()), "\n", "\r\n", 1)
		}), ErrMalformed, false},
		"an endless answer": {answer(200, "text/plain", strings.Repeat("— x AAAAAAAAAA==\n", 1<<12)), ErrMalformed, false},
		"one byte too long": {lines(func(f *fake, c proof.Checkpoint) string {
			const stranger = "—  AAAAAAAA\n"
			l := f.line(c, now())
			return l + strings.Replace(stranger, "  ", " "+strings.Repeat("x", maxAnswer+1-len(l)-len(stranger))+" ", 1)
		}), ErrMalformed, false},
		"only a stranger's line": {lines(func(f *fake, c proof.Checkpoint) string {
			return stranger.line(c, now())
		}), ErrBadCosignature, true},
		"another size": {lines(func(f *fake, c proof.Checkpoint) string {
			c.Size++
			return f.line(c, now())
		}), ErrBadCosignature, true},
		"another root": {lines(func(f *fake, c proof.Checkpoint) string {
			c.Root[5]++
			return f.line(c, now())
		}), ErrBadCosignature, true},
		"another log": {lines(func(f *fake, c proof.Checkpoint) string {
			c.Origin = "other.test"
			return f.line(c, now())
		}), ErrBadCosignature, true},
		"one of two is bad": {lines(func(f *fake, c proof.Checkpoint) string {
			l := f.line(c, now())
			c.Size++
			return l + f.line(c, now())
		}), ErrBadCosignature, true},
		"no time": {lines(func(f *fake, c proof.Checkpoint) string { return f.line(c, 0) }), ErrBadCosignature, true},
		"a time before 1970": {lines(func(f *fake, c proof.Checkpoint) string { return f.line(c, -1) }),
			ErrBadCosignature, true},
		"tomorrow": {lines(func(f *fake, c proof.Checkpoint) string {
			return f.line(c, now()+86400)
		}), ErrBadCosignature, true},
		"tomorrow and today": {lines(func(f *fake, c proof.Checkpoint) string {
			return f.line(c, now()+86400) + f.line(c, now())
		}), ErrBadCosignature, true},
		"a log's kind of signature": {lines(func(f *fake, c proof.Checkpoint) string {
			return plainLine(f, c)
		}), ErrBadCosignature, true},
		"conflict without a size": {answer(409, "text/plain", "101\n"), ErrMalformed, false},
		"conflict with no number": {answer(409, "text/x.tlog.size", "many\n"), ErrMalformed, false},
		"conflict with 007":       {answer(409, "text/x.tlog.size", "007\n"), ErrMalformed, false},
		"conflict cut short":      {answer(409, "text/x.tlog.size", "7"), ErrMalformed, false},
		"conflict with itself":    {answer(409, "text/x.tlog.size", "0\n"), ErrMalformed, false},
		"always another size":     {func(f *fake) { n := 10; f.sizes = func(int64) string { n++; return fmt.Sprintln(n) } }, errSeen, false},
		"ahead of us":             {answer(409, "text/x.tlog.size; charset=utf-8", "101\n"), ErrAhead, true},
		"far ahead":               {answer(409, "text/x.tlog.size", "9223372036854775807\n"), ErrAhead, true},
		"hangs":                   {func(f *fake) { f.hang = true }, context.DeadlineExceeded, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(t)
				m.grow(100)
				f := newFake(t, "w", m)
				c.make(f)
				cl := client(t, nil, f)
				cl.cfg.Transport.(network)["stranger"] = stranger
				told, err := cl.submit(t.Context(), m, cl.list[0], m.head())
				size, times := m.keptBy(f)
				if told != (err == nil) {
					t.Errorf("kept %v, %v", told, err)
				}
				if kept := times == 1 && size == 100; kept != (err == nil) || !kept && times > 0 {
					t.Errorf("%v, and %d kept (size %d)", err, times, size)
				}
				good := name == "good" || strings.HasSuffix(name, "beside")
				if good != (err == nil) || c.want != nil && !errors.Is(err, c.want) {
					t.Fatalf("error %v, want %v", err, c.want)
				}
				if err == nil {
					if at := m.kept[f.vkey()][0].Time; at.Unix() != now() {
						t.Errorf("the cosignature kept is of %s", at)
					}
					return
				}
				var a *AnswerError
				if !errors.As(err, &a) || a.Witness != "w" || a.Size != 100 {
					t.Errorf("error %#v", err)
				}
				if got := severity(err) == slog.LevelError; got != c.error {
					t.Errorf("%v logged as an error: %v", err, got)
				}
				if strings.Contains(err.Error(), "prefix") {
					t.Errorf("the error tells the witness's address: %v", err)
				}
			})
		})
	}
	if len(stranger.requests) > 0 {
		t.Error("a redirect was followed")
	}
}

// plainLine returns a signature by the witness's key as a log would make it: over the text alone,
// without a time.
func plainLine(f *fake, c proof.Checkpoint) string {
	return "— " + f.name + " " + base64.StdEncoding.EncodeToString(append(f.id(), ed25519.Sign(f.key, []byte(c.Text()))...)) + "\n"
}

// Whether a witness was rewound or is ahead, the sizes that it names lead to the right proof.
func TestWhatTheWitnessHasSeen(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *memory, f *fake)
		want   []string // of requests for a log of 100 of which 60 was cosigned
		err    error
	}{
		"as we know":      {func(*memory, *fake) {}, []string{"60→100: 200"}, nil},
		"lost its memory": {func(_ *memory, f *fake) { f.size = 0 }, []string{"60→100: 409", "0→100: 200"}, nil},
		"rewound": {func(m *memory, f *fake) {
			o := newMemory(t)
			o.grow(32)
			f.size, f.hash = 32, [32]byte(o.head().Root)
		}, []string{"60→100: 409", "32→100: 200"}, nil},
		"another replica was faster, to the same": {func(m *memory, f *fake) {
			f.size, f.hash = 100, [32]byte(m.head().Root)
		}, []string{"60→100: 409", "100→100: 200"}, nil},
		"it has seen more than we ask for": {func(m *memory, f *fake) { // from another replica, or from another sender
			m.grow(5)
			m.away = errors.New("how far the anchor is does not matter")
			f.size, f.hash = 105, [32]byte(m.head().Root)
		}, []string{"60→100: 409"}, nil},
		"it saw another tree of our size": {func(m *memory, f *fake) {
			f.size, f.hash = 100, [32]byte{1}
		}, []string{"60→100: 409", "100→100: 409"}, ErrFork},
		"it saw another tree before": {func(m *memory, f *fake) {
			f.size, f.hash = 80, [32]byte{1}
		}, []string{"60→100: 409", "80→100: 422"}, ErrInconsistent},
		"we were restored from a backup": {func(m *memory, f *fake) {
			m.restore(50)
			m.grow(50)
		}, []string{"60→100: 422"}, ErrInconsistent},
		"it saw another tree of our size, and names the size": {func(m *memory, f *fake) {
			f.sizes = func(int64) string { return "100\n" }
		}, []string{"60→100: 409", "100→100: 409"}, ErrFork},
		"we are behind it": {func(m *memory, f *fake) {
			f.size, f.hash = 101, [32]byte{1}
		}, []string{"60→100: 409"}, ErrAhead},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t)
			f := newFake(t, "w", m)
			cl := client(t, nil, f)
			m.grow(60)
			if _, err := cl.submit(t.Context(), m, cl.list[0], m.head()); err != nil {
				t.Fatal(err)
			}
			m.grow(40)
			f.requests = nil
			head := m.head()
			c.change(m, f)
			if strings.HasPrefix(name, "we were") {
				head = m.head()
			}
			kept, err := cl.submit(t.Context(), m, cl.list[0], head)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if !slices.Equal(f.requests, c.want) {
				t.Errorf("asked %q, want %q", f.requests, c.want)
			}
			if size, times := m.keptBy(f); (size == 100 && times == 2) != strings.HasSuffix(c.want[len(c.want)-1], "200") ||
				kept != (times == 2) {
				t.Errorf("%d is kept, %d times, told %v", size, times, kept)
			}
		})
	}
}

// Only what was kept is told as kept: neither a cosignature that another replica has brought, nor
// an answer of before that a witness repeats in place of a newer one.
func TestToldAsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t)
		f := newFake(t, "w", m)
		cl := client(t, nil, f)
		m.grow(3)
		first := time.Now().Unix()
		for _, c := range []struct {
			after time.Duration
			lines func(c proof.Checkpoint) string
			kept  bool
		}{
			{0, nil, true},
			{time.Minute, nil, false}, // it is there
			{time.Hour, func(c proof.Checkpoint) string { return f.line(c, first) }, false}, // the old one again
			{0, nil, true},
		} {
			time.Sleep(c.after)
			f.set(func() { f.lines = c.lines })
			_, before := m.keptBy(f)
			kept, err := cl.submit(t.Context(), m, cl.list[0], m.head())
			_, after := m.keptBy(f)
			if err != nil || kept != c.kept || kept != (after == before+1) {
				t.Errorf("after %s: told as kept %v, want %v; %d kept before, %d now: %v", c.after, kept, c.kept, before, after, err)
			}
		}
	})
}

// Over a real socket: the request is as C2SP spells it, and the connection is kept.
func TestRequest(t *testing.T) {
	m := newMemory(t)
	f := newFake(t, "w", m)
	var bodies []string
	peers := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		peers[r.RemoteAddr] = true
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		f.ServeHTTP(w, r)
	}))
	defer s.Close()
	w := f.witness()
	w.URL = s.URL + "/prefix"
	cl, err := New(Config{Cosigners: []*cosign.Cosigner{w}, Transport: s.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 1} {
		m.grow(n)
		if _, err := cl.submit(t.Context(), m, cl.list[0], m.head()); err != nil {
			t.Fatal(err)
		}
	}
	if len(bodies) != 2 || !strings.HasPrefix(bodies[0], "old 0\n\n"+origin+"\n2\n") || strings.Count(bodies[0], "\n") != 7 {
		t.Errorf("requests %q", bodies)
	}
	proof, err := m.Prove(t.Context(), 2, 3)
	if err != nil || len(proof) != 1 {
		t.Fatal(proof, err)
	}
	lines := strings.Split(bodies[1], "\n")
	if len(lines) != 9 || lines[0] != "old 2" || len(lines[1]) != 44 || lines[2] != "" || lines[3] != origin ||
		lines[4] != "3" || lines[6] != "" || !strings.HasPrefix(lines[7], "— "+origin+" ") || lines[8] != "" {
		t.Errorf("request %q", bodies[1])
	}
	if len(peers) != 1 {
		t.Errorf("%d connections", len(peers))
	}
	s.Close()
	m.grow(1)
	var a *AnswerError
	if _, err := cl.submit(t.Context(), m, cl.list[0], m.head()); !errors.As(err, &a) || a.Status != 0 ||
		strings.Contains(err.Error(), "add-checkpoint") {
		t.Errorf("a server that is gone: %v", err)
	}
}

func TestConfig(t *testing.T) {
	m := newMemory(t)
	for url, ok := range map[string]bool{
		"": true, "https://witness.test": true, "http://witness.test:8080/a/b/": true,
		"witness.test": false, "file:///etc/passwd": false, "https://witness.test/?x=1": false, "https://witness.test/#x": false, "https://": false,
	} {
		w := newFake(t, "a", m).witness()
		w.URL = url
		if _, err := New(Config{Cosigners: []*cosign.Cosigner{w}}); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// A cosigner without a URL is never asked. Without any witness to ask, Run returns.
func TestNobodyToAsk(t *testing.T) {
	m := newMemory(t)
	m.grow(5)
	auditor := newFake(t, "auditor", m).witness()
	auditor.URL = ""
	cl, err := New(Config{Cosigners: []*cosign.Cosigner{auditor}})
	if err != nil {
		t.Fatal(err)
	}
	cl.Run(t.Context(), m)
	if m.newests > 0 {
		t.Errorf("looked for the newest checkpoint %d times", m.newests)
	}
}

// FuzzAnswer checks that no answer causes a panic, and that an accepted cosignature is in the
// answer and verifies by itself.
func FuzzAnswer(f *testing.F) {
	m := newMemory(f)
	m.grow(5)
	w := newFake(f, "w", m)
	cl := client(f, nil, w)
	head := m.head().Checkpoint
	f.Add(w.line(head, 7))
	f.Add("— w AAAAAAAAAA==\n" + w.line(head, 7))
	f.Add("— \n— w \n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := read(s, cl.list[0], Checkpoint{Checkpoint: head}, time.Unix(1e9, 0))
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBadCosignature) {
				t.Errorf("%v", err)
			}
			return
		}
		if !strings.Contains(s, got.Line) || got.Line != w.line(head, got.Time.Unix()) { // Ed25519 is deterministic
			t.Errorf("took %q", got.Line)
		}
	})
}
