package api

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/audit/statement"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// withIndex serves the world with a subject index that has just been loaded and stated.
func (w *world) withIndex() *statement.Follower {
	w.Helper()
	return w.withIndexIn(0)
}

// withIndexIn is withIndex with so much memory for statements; 0 is the default.
func (w *world) withIndexIn(memory int64) *statement.Follower {
	w.Helper()
	f, err := statement.New(statement.Config{Log: w.log, Memory: memory})
	w.ok(err)
	w.server.Close()
	w.registry = prometheus.NewRegistry()
	w.server = httptest.NewServer(New(Config{Log: w.log, Index: f, Logger: w.logger(), Registry: w.registry,
		PublicURL: publicURL, Papers: w.papers, Notes: noted{}}))
	w.Cleanup(w.server.Close)
	return f
}

// A statement comes over HTTP as it was made, verifies, and the reading is in the log before the
// answer is out.
func TestStatement(t *testing.T) {
	w := newWorld(t)
	f := w.withIndex()
	mine := w.append(w.submit["SRC"], w.access("SRC", person)).Index
	aud := w.client(w.audit["AUD"], "AUD")
	token := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	if code := w.do("POST", "/v1/statements", `{"id":"`+person+`","purpose":["HCOMPL"]}`, token...).problem(t); code != unavailable {
		t.Fatalf("before the index is loaded: %s", code)
	}
	w.ok(f.Step(t.Context()))
	size := w.size()
	policy, err := verifier.PolicyForLog(w.log.VerifierKey())
	w.ok(err)
	data, err := aud.Statement(t.Context(), client.StatementRequest{ID: person})
	w.ok(err)
	r := verifier.CheckStatement(verifier.StatementEvidence{Statement: data, Policy: policy, ID: person})
	w.ok(r.Err())
	if !r.Complete || len(r.Entries) != 1 || r.Entries[0].Index != mine {
		t.Errorf("complete %v, entries %+v", r.Complete, r.Entries)
	}
	if got := w.size(); got != size+1 {
		t.Fatalf("%d entries after the reading, want %d", got, size+1)
	}
	_, history, err := w.log.History(t.Context(), person, size+1, 1)
	w.ok(err)
	if a := recordedOf(history[0]).Access; a == nil || a.Organisation != "AUD" ||
		a.Issuer != "OPR" || len(a.Purpose) != 1 || a.Purpose[0] != "HCOMPL" {
		t.Errorf("the reading is in the log as %+v", a)
	}
	data, err = aud.Statement(t.Context(), client.StatementRequest{ID: person, Extract: []uint64{mine}})
	w.ok(err)
	w.ok(verifier.CheckExtract(verifier.StatementEvidence{Statement: data, Policy: policy, ID: person}).Err())
	data, err = aud.Statement(t.Context(), client.StatementRequest{ID: person, From: "2999-01-01",
		To: "2999-01-31"})
	w.ok(err)
	s, err := bundle.ParseStatement(data)
	w.ok(err)
	if len(s.Entries) != 1 || s.Entries[0].Opened() {
		t.Errorf("a period to come shows %+v", s.Entries)
	}
	if strings.Contains(w.lines.String(), person[4:]) {
		t.Error("the id is in a log line")
	}
}

// What is refused is refused before anything is read or logged.
func TestStatementRefusals(t *testing.T) {
	w := newWorld(t)
	mine := w.append(w.submit["SRC"], w.access("SRC", person)).Index
	f := w.withIndex()
	w.ok(f.Step(t.Context()))
	size := w.size()
	id := `"id":"` + person + `"`
	purpose := `,"purpose":["HCOMPL"]}`
	for name, c := range map[string]struct{ body, code string }{
		"no id":               {`{}`, "bad-id"},
		"not an id":           {`{"id":"0101011237"}`, "bad-id"},
		"unknown member":      {`{` + id + `,"all":true}`, badRequest},
		"from after to":       {`{` + id + `,"from":"2026-02-02","to":"2026-02-01"}`, badRequest},
		"from alone":          {`{` + id + `,"from":"2026-02-02"}`, badRequest},
		"to alone":            {`{` + id + `,"to":"2026-02-02"}`, badRequest},
		"not a day":           {`{` + id + `,"from":"yesterday","to":"2026-02-01"}`, badRequest},
		"no such day":         {`{` + id + `,"from":"2026-02-01","to":"2026-02-29"}`, badRequest},
		"a short day":         {`{` + id + `,"from":"2026-2-1","to":"2026-02-09"}`, badRequest},
		"a time":              {`{` + id + `,"from":"2026-02-01T00:00:00Z","to":"2026-02-09"}`, badRequest},
		"a place":             {`{` + id + `,"from":4,"to":9}`, badRequest},
		"extract of a period": {`{` + id + `,"extract":[` + decimalOf(mine) + `],"from":"2026-02-01","to":"2026-02-09"}`, badRequest},
		"too long an extract": {`{` + id + `,"extract":[1` + strings.Repeat(",1", 1000) + `]}`, badRequest},
		"another's entry":     {`{"id":"temp:SRC:1","extract":[` + decimalOf(mine) + `]` + purpose, notFound},
		"a public entry":      {`{` + id + `,"extract":[0]` + purpose, notFound},
		"purpose of no code":  {`{` + id + `,"purpose":[""]}`, badRequest},
	} {
		if code := w.do("POST", "/v1/statements", c.body, "Authorization",
			"Bearer "+w.token(w.audit["AUD"], "AUD")).problem(t); code != c.code {
			t.Errorf("%s: %s, want %s", name, code, c.code)
		}
	}
	if code := w.do("POST", "/v1/statements", `{"id":"reg:withheld"`+purpose, "Authorization",
		"Bearer "+w.token(w.audit["CTL"], "CTL")).problem(t); code != forbidden {
		t.Errorf("a controller asks for a register: %s", code)
	}
	// That an entry is not a person's is an answer about the person.
	if got := w.size(); got != size+2 {
		t.Errorf("%d entries were logged, want one for each of the two that are not found", got-size)
	}
}

// A wrong index root ends statements and raises an alarm. Entries are taken as before: every
// replica meets the same root, and accesses must be logged.
func TestBrokenIndexStillTakesEntries(t *testing.T) {
	w := newWorld(t)
	f := w.withIndex()
	w.ok(f.Step(t.Context()))
	if r := w.do("GET", "/readyz", ""); r.StatusCode != 200 {
		t.Fatalf("ready: %d", r.StatusCode)
	}
	w.append(w.keys.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: origin},
		Size: w.size(), Root: wire.Hash{1}})
	if err := f.Step(t.Context()); !errors.Is(err, statement.ErrDiffers) {
		t.Fatal(err)
	}
	if r := w.do("GET", "/readyz", ""); r.problem(t) != indexBroken {
		t.Errorf("ready: %d %s", r.StatusCode, r.body)
	}
	if r := w.do("GET", "/readyz?append", ""); r.StatusCode != 200 {
		t.Errorf("ready to append: %d", r.StatusCode)
	}
	if r := w.do("POST", "/v1/entries", submission(w.entry("SRC", person))); r.StatusCode >= 500 {
		t.Errorf("an entry: %d", r.StatusCode)
	}
	if m := w.metrics(); !strings.Contains(m, "igledger_index_broken 1") {
		t.Error("no alarm in the metrics")
	}
	if code := w.do("POST", "/v1/statements", `{"id":"`+person+`","purpose":["HCOMPL"]}`, "Authorization",
		"Bearer "+w.token(w.audit["AUD"], "AUD")).problem(t); code != indexBroken {
		t.Errorf("a statement: %s", code)
	}
}

// That a history is too long for a statement is an answer about a person too, and is logged.
func TestTooLongIsLogged(t *testing.T) {
	w := newWorld(t)
	f := w.withIndexIn(1)
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.ok(f.Step(t.Context()))
	for _, org := range []string{"AUD", "CTL"} {
		size := w.size()
		_, err := w.client(w.audit[org], org).Statement(t.Context(), client.StatementRequest{ID: person})
		wantProblem(t, err, 413, tooLarge)
		_, history, err := w.log.History(t.Context(), person, size+1, 1)
		w.ok(err)
		if a := recordedOf(history[0]).Access; w.size() != size+1 || a == nil || a.Organisation != org {
			t.Errorf("%s: %d entries were logged, the last is %+v", org, w.size()-size, a)
		}
	}
}

// recordedOf is recorded without the entry, for logs without rules.
func recordedOf(o *bundle.Opening) client.RecordedAccess {
	r, _ := recorded(o, consent.New())
	return r
}
