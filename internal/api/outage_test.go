package api

import (
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/testdb"
)

// The database dies without warning and comes back: callers get 503 with Retry-After, the process
// lives, and a client that keeps trying gets its receipt without a restart.
func TestDatabaseDiesAndComesBack(t *testing.T) {
	pg := testdb.StartPostgres(t)
	w := newWorldOn(t, pg.Database(t))
	aud := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	before := w.size()
	entries := []string{w.entry("SRC", person), w.entry("SRC", person)}
	w.ok(pg.Kill())
	for n := 0; ; n++ { // a server process that lives on for a moment may still serve, rightly
		if r := w.do("POST", "/v1/entries", submission(w.entry("SRC", person))); r.StatusCode != 200 {
			break
		}
		if before++; n == 1000 {
			t.Fatal("the database does not die")
		}
	}
	for _, r := range []reply{
		w.do("POST", "/v1/entries", submission(entries[0])),
		w.do("POST", "/v1/entries", submission(entries...)),
		w.do("POST", "/v1/accesses/search", `{"id":"`+person+`"}`, aud...),
		w.do("GET", "/checkpoint", ""),
		w.do("GET", "/v1/register", ""),
		w.do("GET", "/readyz", ""),
	} {
		if code := r.problem(t); r.StatusCode != 503 || code != databaseUnreachable || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, code)
		}
	}
	if r := w.do("GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("healthz: %d", r.StatusCode)
	}
	c := w.client(nil, "")
	c.OnRetry = func(error, time.Duration) {
		if err := pg.Start(); err != nil {
			t.Errorf("starting the database: %v", err)
		}
	}
	results, err := c.Submit(t.Context(), entries)
	w.ok(err)
	for i, res := range results {
		if res.Status == client.Refused || res.Receipt == nil {
			t.Errorf("entry %d: %+v", i, res)
		}
	}
	if r := w.do("GET", "/readyz", ""); r.StatusCode != 200 {
		t.Errorf("readyz when the database is back: %d %s", r.StatusCode, r.body)
	}
	// The entry sent during the outage was refused as unavailable. As the problem says, it may or
	// may not be in the log.
	if n := w.size(); n != before+2 && n != before+3 {
		t.Errorf("the log holds %d entries, want %d: each once", n, before+2)
	}
}
