package source_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/ledger/entry"
)

// An entry that the ledger refuses is reported and counted, and its access is taken under the same
// number in a plainer form. The outbox keeps the event.
func TestRefusedEvent(t *testing.T) {
	w := newWorld(t)
	late := event("late", "2090-01-01T00:00:00Z")
	in := text("events", event("a", "2026-11-01T10:00:00Z")+late+event("b", "2026-11-01T10:00:00Z"))
	if sum := w.imports(in); sum.Events != 3 || sum.Logged != 3 || sum.Refused != 1 {
		t.Errorf("%+v", sum)
	}
	var e *source.EntryError
	if len(w.rejects) != 1 || !errors.As(w.rejects[0], &e) || e.Seq != 2 || e.Problem.Code() != "future" {
		t.Errorf("rejected: %v", w.rejects)
	}
	if sum := w.imports(in); sum.Known != 3 || sum.Refused != 0 {
		t.Errorf("again: %+v", sum)
	}
	w.logged(3)
	w.noGaps(3)
	kept, err := source.KeptOriginal(t.Context(), w.config.Outbox, "", 2)
	if err != nil || !strings.Contains(string(kept), `"2090-01-01T00:00:00Z"`) {
		t.Errorf("kept %s, %v", kept, err)
	}
}

// Two imports with one outbox, as of a job that starts while the last one runs, lose nothing, log
// nothing twice, and neither takes the log for one that went back.
func TestTwoImportsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.config.Batch = 2
	var in strings.Builder
	const n = 30
	for i := range n {
		when := "2026-11-01T10:00:00Z"
		if i%3 == 0 {
			when = "2090-01-01T00:00:00Z"
		}
		in.WriteString(event(fmt.Sprint(i), when))
	}
	w.config.OnReject, w.config.OnNote = nil, nil
	var both sync.WaitGroup
	for range 2 {
		a := w.open()
		both.Go(func() {
			if _, err := a.Import(t.Context(), text("events", in.String())); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	w.logged(n)
	w.noGaps(n)
}

// noGaps fails unless the stream has the numbers from 1 to last, each once.
func (w *world) noGaps(last uint64) {
	w.Helper()
	list, _, err := w.Ledger.Log.Sources(w.Context(), time.Now(), "SRC", [16]byte{}, 10)
	if err != nil || len(list) != 1 {
		w.Fatalf("%d streams, %v", len(list), err)
	}
	if s := list[0]; s.Last != last || len(s.Gaps) > 0 || s.Repeats > 0 || s.Unnumbered > 0 || s.Entries != last {
		w.Errorf("the stream is %+v, want the numbers 1 to %d", s, last)
	}
}

// refusing returns a wrapper that refuses, with a problem, the entries of which refuse says so. If
// lying is true, the ledger takes them all the same.
func refusing(status int, code string, lying bool, refuse func(*entry.Access) bool) func(http.Handler) http.Handler {
	return submissions(func(rw http.ResponseWriter, r *http.Request, ledger http.Handler) {
		var sent client.Submission
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &sent); err != nil {
			panic(err)
		}
		var refused []bool
		var rest client.Submission
		for _, s := range sent.Entries {
			e, err := entry.Parse(s)
			if err != nil {
				panic(err)
			}
			no := refuse(e.Body.(*entry.Access))
			refused = append(refused, no)
			if !no || lying {
				rest.Entries = append(rest.Entries, s)
			}
		}
		problem := client.Result{Status: client.Refused, Problem: &client.Problem{Type: client.ProblemPrefix + code, Status: status}}
		body, _ = json.Marshal(rest)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if len(rest.Entries) == 0 {
			json.NewEncoder(rw).Encode(client.Results{Results: slices.Repeat([]client.Result{problem}, len(refused))})
			return
		}
		rec := httptest.NewRecorder()
		ledger.ServeHTTP(rec, r)
		var answer, all client.Results
		var one client.Problem // of a single entry, the problem is the whole answer
		if err := json.Unmarshal(rec.Body.Bytes(), &one); err == nil && one.Type != "" {
			answer.Results = []client.Result{{Status: client.Refused, Problem: &one}}
		} else if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
			panic(err)
		}
		for _, no := range refused {
			switch {
			case no && lying:
				all.Results, answer.Results = append(all.Results, problem), answer.Results[1:]
			case no:
				all.Results = append(all.Results, problem)
			default:
				all.Results, answer.Results = append(all.Results, answer.Results[0]), answer.Results[1:]
			}
		}
		json.NewEncoder(rw).Encode(all)
	})
}

// numbered returns the access with a number.
func (w *world) numbered(n uint64) *entry.Access {
	w.Helper()
	for i := w.founded; i < w.Size(); i++ {
		o, err := w.Ledger.Log.Opening(w.Context(), i)
		if err != nil {
			w.Fatal(err)
		}
		e, err := entry.Parse(strings.Join(append([]string{o.JWS}, o.Disclosures...), "~") + "~")
		if err != nil {
			w.Fatal(err)
		}
		if a, ok := e.Body.(*entry.Access); ok && a.Seq != nil && *a.Seq == n {
			return a
		}
	}
	w.Fatalf("no entry has the number %d", n)
	return nil
}

// Whatever is refused, and whether the ledger tells the truth, each number is in the log once.
func TestRefusedForms(t *testing.T) {
	plain := func(a *entry.Access) bool { return tree.Cuts(a.FHIR) != nil } // form 1
	nobodys := func(a *entry.Access) bool { return a.Sub == entry.RegSources }
	second := func(a *entry.Access) bool { return *a.Seq == 2 }
	for name, c := range map[string]struct {
		status int
		code   string
		lying  bool
		refuse func(*entry.Access) bool
		want   func(*entry.Access) bool // of number 2 in the log
		stuck  bool
	}{
		"as converted":   {422, "bad-claim", false, func(a *entry.Access) bool { return second(a) && !plain(a) && !nobodys(a) }, plain, false},
		"for its person": {422, "bad-id", false, func(a *entry.Access) bool { return second(a) && !nobodys(a) }, nobodys, false},
		"any form":       {422, "bad-claim", false, second, nil, true},
		"a lie": {422, "bad-claim", true, func(a *entry.Access) bool { return second(a) && !plain(a) && !nobodys(a) },
			func(a *entry.Access) bool { return !plain(a) && !nobodys(a) }, false},
		"a lie about the plainer form": {422, "bad-claim", true, func(a *entry.Access) bool { return second(a) && !nobodys(a) },
			func(a *entry.Access) bool { return !plain(a) && !nobodys(a) }, false},
		"a conflict that is none": {
			409, "conflict", false, func(a *entry.Access) bool { return second(a) && !plain(a) && !nobodys(a) }, plain,
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Through(refusing(c.status, c.code, c.lying, c.refuse))
			sum, err := w.open().Import(t.Context(), events(3))
			var stuck *source.RefusedError
			if errors.As(err, &stuck) != c.stuck || !c.stuck && (err != nil || sum.Logged != 3) || sum.Plainer != 1 {
				t.Fatalf("%+v, %v", sum, err)
			}
			w.Through(nil)
			if sum := w.imports(events(3)); sum.Known != 3 || c.stuck && sum.Logged == 0 {
				t.Errorf("again: %+v", sum)
			}
			w.logged(3)
			w.noGaps(3)
			if c.want == nil {
				return
			}
			if a := w.numbered(2); !c.want(a) {
				t.Errorf("in the log: %+v, %s", a, a.FHIR)
			}
		})
	}
}
