// Package api serves the ledger over HTTP: submission, receipts, reading for entitled callers, and
// the public log as C2SP tlog-tiles.
//
// What it promises: an entry that is answered as appended is durable and integrated. Nothing about
// a person can be read anonymously, and such a reading is not answered until it is itself an access
// entry about that person. Every refusal is problem+json (RFC 9457) of a type listed in
// docs/PROBLEMS.md. No person's id appears in a URL, log line, metric or problem.
//
// What it does not promise: that a caller's token is used only once. Tokens are bearer tokens:
// anyone who has one may use it until it expires, at most register.MaxCallerLife later, so serve
// the API over TLS only. Remembering jti in one replica would not stop replay at another, but would
// look as if it did. Timeouts and TLS belong to the http.Server, which the caller owns.
//
// Handlers are plain functions in one table, not huma operations. For a submission of one entry,
// huma takes more than twice the time (BenchmarkSubmitDecoding). It also makes problems through a
// package variable, and http.ServeMux below it allows a second spelling of paths. The OpenAPI
// document is made by huma from the same message types, and tests compare the document with the
// table and with what the server answers.
//
// What a route requires of its caller is a column of that table (see grant), and is checked before
// the handler runs.
package api

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/audit/statement"
	"igledger/consent/fhir/mapping"
	"igledger/internal/client"
	"igledger/internal/edge"
	"igledger/internal/readings"
	"igledger/internal/report"
	"igledger/ledger"
)

// Config configures the API. Only Log is required.
type Config struct {
	// Index makes statements. The caller runs it. If nil, requests for statements are refused.
	Index *statement.Follower
	// Papers keeps what codes on paper open. If nil, none are taken.
	Papers Papers
	// Notes has what officers noted. If nil, there are none.
	Notes Notes
	// Log is the log to serve. Its operator must be a source with a valid submit key, or every
	// reading is refused: see logReading.
	Log *ledger.Log
	// Logger gets a line for each request, and failures. The default discards them.
	Logger *slog.Logger
	// AccessLog says which requests get a line: by default those that are refused or fail.
	AccessLog AccessLog
	// Registry is where metrics are registered. The caller serves them, elsewhere than this API:
	// see MetricsHandler. The default is a new registry.
	Registry *prometheus.Registry
	// Limits bound what callers can make the server do. A zero has its default.
	Limits Limits
	// PublicURL is where callers reach this API, such as https://ledger.example.scot. What the API
	// says of itself names it, never what a request says. If it is empty, the API cannot say where
	// it is.
	PublicURL string
	// Map says which identifier systems hold CHI and NHS numbers, and whose days a date without a
	// time means, in searches by FHIR clients. It may be nil.
	Map *mapping.Map
	// Page answers a person's browser that asks for what there is not (404, 405) with a page, or
	// returns false. It may be nil. Everybody else is answered with problem+json.
	Page func(w http.ResponseWriter, r *http.Request, status int) bool
	// Ending reports whether the process was told to end, which /readyz says while requests are
	// still served. It may be nil.
	Ending func() bool
	// Now is the clock for callers' tokens and for the entries that readings become. The default is
	// time.Now.
	Now func() time.Time
}

// Limits of a request.
const (
	maxEntries = client.MaxEntries
	maxSubmit  = client.MaxBody
	maxBody    = 64 << 10 // bytes of any other body
	maxQuery   = 4 << 10  // bytes of the query of a URL
)

type api struct {
	log      *ledger.Log
	index    *statement.Follower // may be nil
	papers   Papers              // may be nil
	officers Notes               // may be nil
	page     func(w http.ResponseWriter, r *http.Request, status int) bool
	ending   func() bool
	logger   *slog.Logger
	now      func() time.Time
	metrics  *metrics
	exact    map[string][]*route // by path
	prefix   []*route            // those whose pattern ends in {…}
	bodies   *edge.Bodies
	public   string
	people   *mapping.Map
	zone     *time.Location
	limits   Limits
	reports  *report.Maker
	bulk     readings.Bulk
	openapi  func() []byte // Document, whose table of routes leads to the handler that calls this
	access   AccessLog
	// unready is the code of what /readyz last said, without and with its parameter append. "": ready;
	// nil: not asked yet.
	unready [2]atomic.Pointer[string]
}

// New returns the handler. It panics if the registry already has its metrics, since a registry
// serves one handler, or if a route does not state who may call it.
func New(cfg Config) http.Handler { return newAPI(cfg, routes) }

func newAPI(cfg Config, table []route) *api {
	a := &api{
		log: cfg.Log, index: cfg.Index, papers: cfg.Papers, officers: cfg.Notes, page: cfg.Page,
		logger: cfg.Logger, now: cfg.Now, access: cfg.AccessLog,
		exact: map[string][]*route{}, openapi: Document,
		limits: cfg.Limits.OrDefault(), bodies: edge.NewBodies(cfg.Limits.Edge, time.Now),
		public: strings.TrimSuffix(cfg.PublicURL, "/"), people: cfg.Map, zone: cfg.Map.Location(),
	}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if a.ending = cfg.Ending; a.ending == nil {
		a.ending = func() bool { return false }
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.reports = report.New(a.log, a.now, a.limits.Reports, a.limits.ReportTime)
	reg := cfg.Registry
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	a.metrics = newMetrics(reg, a.log)
	a.metrics.hold(reg, a.bodies)
	a.readiness(reg)
	reg.MustRegister(cosigning{a.log, a.logger})
	if a.index != nil {
		indexMetrics(reg, a.index, a.log)
	}
	for _, r := range table {
		a.add(&r)
	}
	return a
}
