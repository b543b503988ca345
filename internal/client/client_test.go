package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"igledger/ledger/bundle"
)

// server answers the nth request with the nth of its answers, and all later requests with the last.
// It records what it was sent.
type server struct {
	*httptest.Server
	answers []http.HandlerFunc
	waits   []time.Duration

	mu   sync.Mutex // a connection that was cut says nothing about when its handler ended
	sent []Submission
}

// got returns what the server was sent.
func (s *server) got() []Submission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = nil
}

func newServer(t *testing.T, answers ...http.HandlerFunc) (*server, *Client) {
	s := &server{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sub Submission
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &sub)
		s.mu.Lock()
		s.sent = append(s.sent, sub)
		n := len(s.sent)
		s.mu.Unlock()
		s.answers[min(n, len(s.answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s, &Client{Base: s.URL + "/", HTTP: s.Client(), wait: func(ctx context.Context, d time.Duration) error {
		s.waits = append(s.waits, d)
		return ctx.Err()
	}}
}

func problem(status int, code, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"urn:igledger:problem:%s","title":"Title","status":%d,"detail":"detail","added":"later"}`, code, status)
	}
}

func results(list ...Result) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(Results{list})
	}
}

func in(n uint64) Result { return Result{Status: Appended, Index: n, Receipt: &bundle.Receipt{}} }

func notIn(status int, code string) Result {
	return Result{Status: Refused, Problem: &Problem{Type: ProblemPrefix + code, Status: status}}
}

func cut(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func TestSubmitTriesAgainWhileTheServerCannot(t *testing.T) {
	s, c := newServer(t,
		problem(503, "busy", "7"),
		cut,
		problem(503, "unavailable", ""),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		results(in(5)))
	var told int
	c.OnRetry = func(err error, d time.Duration) {
		if err == nil {
			t.Error("told of a retry without a reason")
		}
		told++
	}
	got, err := c.Submit(t.Context(), []string{"a"})
	if err != nil || got[0].Index != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(s.got()) != 5 || told != 4 {
		t.Fatalf("%d requests, told of %d retries", len(s.got()), told)
	}
	if s.waits[0] != 7*time.Second {
		t.Errorf("waited %s although Retry-After was 7", s.waits[0])
	}
	for i, d := range s.waits[1:] {
		if most := backoff.First << (i + 1) * 3 / 2; d <= 0 || d > most {
			t.Errorf("wait %d is %s, want at most %s", i+1, d, most)
		}
	}
}

func TestWaitsAreBoundedWhateverTheServerAsks(t *testing.T) {
	s, c := newServer(t, problem(503, "busy", "86400"), problem(503, "busy", "-5"), problem(503, "busy", "soon"), results(in(1)))
	if _, err := c.Submit(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if s.waits[0] != backoff.MaxAsked || s.waits[1] > time.Second || s.waits[2] > time.Second {
		t.Errorf("waits %v", s.waits)
	}
}

// Of a mixed answer, only what was refused for now is sent again, and every result keeps its place.
func TestSubmitSendsAgainOnlyWhatWasNotTaken(t *testing.T) {
	s, c := newServer(t,
		results(in(1), notIn(503, "busy"), notIn(422, "bad-claim"), notIn(503, "busy")),
		results(notIn(503, "busy"), in(2)),
		results(in(3)))
	got, err := c.Submit(t.Context(), []string{"a", "b", "c", "d"})
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, sub := range s.got() {
		sent = append(sent, strings.Join(sub.Entries, ""))
	}
	if !slices.Equal(sent, []string{"abcd", "bd", "b"}) {
		t.Errorf("sent %v", sent)
	}
	if got[0].Index != 1 || got[1].Index != 3 || got[2].Problem.Code() != "bad-claim" || got[3].Index != 2 {
		t.Errorf("results %+v", got)
	}
}

func TestSubmitCutsLongLists(t *testing.T) {
	s, c := newServer(t, func(w http.ResponseWriter, _ *http.Request) {})
	s.answers[0] = func(w http.ResponseWriter, r *http.Request) {
		var list []Result
		for _, e := range s.got()[len(s.got())-1].Entries {
			n, _ := strconv.ParseUint(strings.TrimSpace(e), 10, 64)
			list = append(list, in(n))
		}
		results(list...)(w, r)
	}
	var many, large []string
	for i := range 2300 {
		many = append(many, strconv.Itoa(i+1))
	}
	for i := range 5 {
		large = append(large, strconv.Itoa(i+1)+strings.Repeat(" ", 3<<20))
	}
	for name, c2 := range map[string]struct {
		entries []string
		parts   []int
	}{"by number": {many, []int{1000, 1000, 300}}, "by size": {large, []int{2, 2, 1}}} {
		s.forget()
		got, err := c.Submit(t.Context(), c2.entries)
		if err != nil {
			t.Fatal(name, err)
		}
		var parts []int
		for _, sub := range s.got() {
			parts = append(parts, len(sub.Entries))
		}
		if !slices.Equal(parts, c2.parts) {
			t.Errorf("%s: requests of %v entries, want %v", name, parts, c2.parts)
		}
		for i, r := range got {
			if r.Index != uint64(i+1) {
				t.Fatalf("%s: result %d is for entry %d", name, i, r.Index)
			}
		}
	}
	if _, err := c.Submit(t.Context(), nil); err != nil || len(s.got()) != 3 {
		t.Errorf("nothing to submit: %v after %d requests", err, len(s.got()))
	}
}

// The problem of a single entry is its result, as in a batch. A proxy's refusal and a server's own
// failure are errors.
func TestSingleEntry(t *testing.T) {
	_, c := newServer(t, problem(409, "conflict", ""))
	got, err := c.Submit(t.Context(), []string{"a"})
	if err != nil || got[0].Status != Refused || got[0].Problem.Code() != "conflict" || got[0].Problem.Detail != "detail" {
		t.Errorf("%+v, %v", got, err)
	}
	_, c = newServer(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusForbidden) })
	got, err = c.Submit(t.Context(), []string{"a"})
	var p *Problem
	if !errors.As(err, &p) || p.Status != 403 || p.Type != "about:blank" || p.Code() != "" || got[0].Status != "" {
		t.Errorf("a proxy's refusal: %+v, %v", got, err)
	}
}

func TestAnswersThatContradictThemselves(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"too few results":          results(in(1)),
		"taken without receipt":    results(in(1), Result{Status: Appended}),
		"refused without a reason": results(in(1), Result{Status: Refused}),
		"not JSON":                 func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"JSON twice":               func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"results":[],"results":[]}`) },
	} {
		s, c := newServer(t, h)
		if _, err := c.Submit(t.Context(), []string{"a", "b"}); err == nil || len(s.got()) != 1 {
			t.Errorf("%s: error %v after %d requests", name, err, len(s.got()))
		}
	}
}

func TestTheContextEndsTheRetries(t *testing.T) {
	s, c := newServer(t, problem(503, "busy", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	c.OnRetry = func(error, time.Duration) {
		if len(s.got()) == 3 {
			cancel()
		}
	}
	_, err := c.Submit(ctx, []string{"a"})
	var p *Problem
	if !errors.Is(err, context.Canceled) || !errors.As(err, &p) || p.Code() != "busy" {
		t.Errorf("error %v, want the context's error and the last problem", err)
	}
	if len(s.got()) != 3 {
		t.Errorf("%d requests after the end", len(s.got()))
	}
}

func TestWhatDoesNotPassByWaitingIsNotTriedAgain(t *testing.T) {
	s, c := newServer(t, problem(500, "internal", ""))
	if _, err := c.Submit(t.Context(), []string{"a", "b"}); err == nil || len(s.got()) != 1 {
		t.Errorf("internal: %v after %d requests", err, len(s.got()))
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()
	tries := 0
	c = &Client{Base: tls.URL, HTTP: &http.Client{}}
	c.wait = func(context.Context, time.Duration) error { tries++; return errors.New("waited") }
	if _, err := c.LogInfo(t.Context()); err == nil || tries != 0 {
		t.Errorf("an untrusted certificate: %v after %d waits", err, tries)
	}
	c.Base = "ledger.example.scot"
	if _, err := c.LogInfo(t.Context()); err == nil || tries != 0 {
		t.Errorf("a base without scheme: %v after %d waits", err, tries)
	}
	c.Token = func() (string, error) { return "", errors.New("no key") }
	c.Base = s.URL
	if _, err := c.Receipt(t.Context(), 1); err == nil || tries != 0 || len(s.got()) != 1 {
		t.Errorf("no token: %v", err)
	}
}

// A token is sent only where one is required, never with public calls or submissions.
func TestTokens(t *testing.T) {
	got := map[string]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got[r.Method+" "+r.URL.RequestURI()] = r.Header.Get("Authorization")
		fmt.Fprint(w, `{}`)
	}))
	defer s.Close()
	c := &Client{Base: s.URL, Token: func() (string, error) { return "t", nil }, Purpose: []string{"HCOMPL", "a|b"}}
	ctx := t.Context()
	_, e1 := c.Receipt(ctx, 3)
	_, e2 := c.Search(ctx, "chi:0101011237", 0, 0)
	_, e3 := c.Opening(ctx, 4)
	_, e4 := c.Register(ctx)
	_, e5 := c.LogInfo(ctx)
	_, e6 := c.Checkpoint(ctx)
	_, _ = c.ReceiptsByID(ctx, []string{"x"})
	_, _ = c.Submit(ctx, []string{"x"})
	if err := errors.Join(e1, e2, e3, e4, e5, e6); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"GET /v1/receipts/3":                              "Bearer t",
		"POST /v1/accesses/search":                        "Bearer t",
		"GET /v1/openings/4?purpose=HCOMPL&purpose=a%7Cb": "Bearer t",
		"POST /v1/receipts/lookup":                        "Bearer t",
		"GET /v1/register":                                "", "GET /v1/log": "", "GET /checkpoint": "", "POST /v1/entries": "Bearer t",
	}
	for k, v := range want {
		if a, ok := got[k]; !ok || a != v {
			t.Errorf("%s: Authorization %q (sent: %v), want %q", k, a, ok, v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("requests %v", got)
	}
}

// A log that has stopped is not waited for: only its operator can help.
func TestStopped(t *testing.T) {
	halted := problem(503, "stopped", "1")
	inResult := results(Result{Status: Refused, Problem: &Problem{Type: ProblemPrefix + "stopped", Status: 503}})
	for name, answer := range map[string]http.HandlerFunc{"as the answer": halted, "as a result": inResult} {
		s, c := newServer(t, answer)
		if _, err := c.Submit(t.Context(), []string{"a"}); !Stopped(err) || len(s.got()) != 1 {
			t.Errorf("%s: %d submissions: %v", name, len(s.got()), err)
		}
	}
	s, c := newServer(t, halted)
	if _, err := c.LogInfo(t.Context()); !Stopped(err) || len(s.waits) > 0 {
		t.Errorf("a reading: waited %v: %v", s.waits, err)
	}
	if _, c := newServer(t, problem(503, "unavailable", ""), problem(400, "bad-request", "")); true {
		if _, err := c.LogInfo(t.Context()); err == nil || Stopped(err) {
			t.Errorf("another problem: %v", err)
		}
	}
}

// Only what another key would change is of the key: neither what the organisation may not do to an
// agreement, nor what a proxy refuses.
func TestProblemOfKey(t *testing.T) {
	for code, want := range map[string]bool{
		"unknown-key": true, "revoked-key": true, "inactive-key": true, "wrong-purpose": true, "wrong-issuer": true,
		"bad-signature": true, "not-a-party": false, "forbidden": false, "future": false, "conflict": false,
	} {
		if p := (&Problem{Type: ProblemPrefix + code, Status: http.StatusForbidden}); p.OfKey() != want {
			t.Errorf("%s: of the key is %v", code, !want)
		}
	}
	if p := (*Problem)(nil); p.OfKey() || (&Problem{Type: "about:blank", Status: http.StatusForbidden}).OfKey() {
		t.Error("no problem of the ledger is of the key")
	}
}
