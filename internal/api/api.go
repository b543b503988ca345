// Package api is the ledger over HTTP: submission, receipts, reading for those entitled, and the public log as C2SP tlog-tiles.
//
// Promised: what is answered as appended is durable and integrated; nothing about a person is read anonymously, and no such reading
// is answered before it is itself an access entry about that person; every refusal is problem+json (RFC 9457) of a type listed in
// docs/PROBLEMS.md; no person's id stands in a URL, log line, metric or problem.
//
// Not promised: that a caller's token is used once. Tokens are bearer tokens: whoever holds one may use it until it expires, at most
// entry.MaxCallerLife later, so the API is for TLS only. Remembering jti in one replica would not stop replay at another, and would look as
// if it did. Timeouts and TLS are the http.Server's, which the caller owns.
//
// Handlers are plain functions in one table, not huma operations: for a submission of one entry huma takes more than twice the time
// (BenchmarkSubmitDecoding), it makes problems through a package variable, and http.ServeMux under it gives paths a second spelling. huma makes the
// OpenAPI document from the same message types, and tests hold the document against the table and against what the server answers.
//
// What a route asks of its caller is a column of that table (see grant), and is checked before the
// handler runs.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"igledger/audit/statement"
	"igledger/internal/client"
	"igledger/ledger"
)

// Config is what the API needs. Only Log must be set.
type Config struct {
	Index    *statement.Follower  // makes statements; the caller runs it. Without it there are none
	Log      *ledger.Log          // its operator must be a source with a submit key that counts, or every reading is refused: see logReading
	Logger   *slog.Logger         // access lines and failures; default discards
	Registry *prometheus.Registry // metrics are registered here and served at /metrics; default one of its own
	Now      func() time.Time     // for callers' tokens and the entries that readings become; default time.Now
}

// Limits of a request.
const (
	maxEntries = client.MaxEntries
	maxSubmit  = client.MaxBody
	maxBody    = 64 << 10 // bytes of any other body

	// Bodies above maxBody share maxLarge bytes, so that large batches cannot exhaust memory; small ones always pass.
	maxLarge = 64 << 20
)

type api struct {
	log     *ledger.Log
	index   *statement.Follower // may be nil
	logger  *slog.Logger
	now     func() time.Time
	metrics *metrics
	exact   map[string][]*route // by path
	prefix  []*route            // pattern ends in {…}
	large   *semaphore.Weighted
	bulk    bulkReads
	openapi []byte
}

// New returns the handler. It panics if the registry holds its metrics already, since a registry
// serves one handler, and if a route does not say who may call it.
func New(cfg Config) http.Handler { return newAPI(cfg, routes) }

func newAPI(cfg Config, table []route) *api {
	a := &api{log: cfg.Log, index: cfg.Index, logger: cfg.Logger, now: cfg.Now, exact: map[string][]*route{}, large: semaphore.NewWeighted(maxLarge)}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	reg := cfg.Registry
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	a.metrics = newMetrics(reg, a.log)
	reg.MustRegister(cosigning{a.log, a.logger})
	if a.index != nil {
		indexMetrics(reg, a.index)
	}
	for _, r := range table {
		a.add(&r)
	}
	a.openapi = openAPI(table)
	return a
}
