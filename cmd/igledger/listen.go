package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"igledger/audit/statement"
	"igledger/consent/fhir/mapping"
	"igledger/internal/api"
	"igledger/internal/client"
	"igledger/internal/disk"
	"igledger/internal/edge"
	"igledger/internal/web"
	"igledger/ledger"
	"igledger/ledger/keyfile"
	"igledger/ledger/storage"
)

// limitFlags are the flags of serve that say where it is reached and what callers can make it hold.
func limitFlags() []cli.Flag {
	l, reports := edge.Limits{}.OrDefault(), api.Limits{}.OrDefault()
	number := func(name, env string, value int64, usage string) cli.Flag {
		return &cli.Int64Flag{Name: name, Value: value, EnvVars: []string{env}, Usage: usage}
	}
	return []cli.Flag{
		&cli.StringFlag{Name: "public-url", EnvVars: []string{"IGLEDGER_PUBLIC_URL"},
			Usage: "URL at which callers reach this server, such as https://ledger.example.scot (default: the address listened on)"},
		&cli.StringFlag{Name: "metrics-listen", Value: "127.0.0.1:8081", EnvVars: []string{"IGLEDGER_METRICS_LISTEN"},
			Usage: "address on which /metrics is served, for the operator only; off for none"},
		&cli.StringSliceFlag{Name: "trusted-proxy", EnvVars: []string{"IGLEDGER_TRUSTED_PROXY"},
			Usage: "address or network of a proxy in front: its X-Forwarded-For is believed, its connections are not limited; repeat for more"},
		number("max-connections", "IGLEDGER_MAX_CONNECTIONS", int64(l.Connections),
			"connections at once; beyond it the idlest are closed"),
		number("max-peer-connections", "IGLEDGER_MAX_PEER_CONNECTIONS", int64(l.PeerConnections),
			"connections at once from one address (IPv6: from one /64)"),
		number("body-memory", "IGLEDGER_BODY_MEMORY", l.BodyBytes>>20,
			"MiB of request bodies at once; a quarter is for callers with a token"),
		number("peer-body-memory", "IGLEDGER_PEER_BODY_MEMORY", l.PeerBodyBytes>>20,
			"MiB of request bodies at once from one address, or of one organisation with a token"),
		number("body-rate", "IGLEDGER_BODY_RATE", l.BodyRate>>10,
			"KiB that a request body must bring each second, counted over 5 s"),
		number("statement-memory", "IGLEDGER_STATEMENT_MEMORY", statement.DefaultMemory>>20,
			"MiB that all statements which are being made may use together"),
		number("min-free-disk", "IGLEDGER_MIN_FREE_DISK", 64,
			"MiB that stay free in the folders of an SQLite database and of the signing record"),
		number("max-reports", "IGLEDGER_MAX_REPORTS", int64(reports.Reports), "reports at once"),
		&cli.DurationFlag{Name: "report-time", Value: reports.ReportTime, EnvVars: []string{"IGLEDGER_REPORT_TIME"},
			Usage: "time after which a page of a report ends"},
	}
}

// foldersOf returns the folders of this machine in which the log grows.
func foldersOf(c *cli.Context) (list disk.Folders) {
	place := c.String("signing-record")
	if place == "" {
		place = recordPlace(c.String("keys"))
	}
	for _, f := range []struct{ name, at string }{{"database", c.String("database")}, {"signing-record", place}} {
		if scheme, path, _ := strings.Cut(f.at, ":"); (scheme == "sqlite" || scheme == "file") && path != ":memory:" {
			list = append(list, disk.FolderOf(f.name, path))
		}
	}
	return list
}

// checkListen refuses an address with a port that no machine has.
func checkListen(c *cli.Context, name string) error {
	v := c.String(name)
	if name == "metrics-listen" && (v == "off" || v == "") {
		return nil
	}
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return usage("--%s must be an address and a port, such as 127.0.0.1:8080 or :8080", name)
	}
	return nil
}

// limitsOf returns the limits that the flags set.
func limitsOf(c *cli.Context) (api.Limits, error) {
	for _, name := range []string{
		"max-connections", "max-peer-connections", "body-memory", "peer-body-memory", "body-rate", "statement-memory", "max-reports",
	} {
		if n := c.Int64(name); n < 1 || n > 1<<20 {
			return api.Limits{}, usage("--%s must be from 1 to %d", name, 1<<20)
		}
	}
	if n := c.Int64("min-free-disk"); n < 0 || n > 1<<40 {
		return api.Limits{}, usage("--min-free-disk must be from 0 to %d", 1<<40)
	}
	if c.Duration("report-time") <= 0 {
		return api.Limits{}, usage("--report-time must be above 0")
	}
	for _, name := range []string{"listen", "metrics-listen"} {
		if err := checkListen(c, name); err != nil {
			return api.Limits{}, err
		}
	}
	if err := api.CheckPublicURL(c.String("public-url")); err != nil && c.IsSet("public-url") {
		return api.Limits{}, usage("--public-url %s, such as https://ledger.example.scot", err)
	}
	l := api.Limits{
		Edge: edge.Limits{
			Connections: int(c.Int64("max-connections")), PeerConnections: int(c.Int64("max-peer-connections")),
			BodyBytes: c.Int64("body-memory") << 20, PeerBodyBytes: c.Int64("peer-body-memory") << 20,
			BodyRate: c.Int64("body-rate") << 10,
		},
		Reports: int(c.Int64("max-reports")), ReportTime: c.Duration("report-time"),
	}
	for _, text := range c.StringSlice("trusted-proxy") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return l, usage("--trusted-proxy must be an address or a network such as 10.0.0.0/8")
			}
			p = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		}
		l.Edge.Proxies = append(l.Edge.Proxies, p)
	}
	return l, nil
}

// serving is how a log is served.
type serving struct {
	address    string
	metrics    string // address for /metrics; "off": none
	chosen     bool   // metrics was chosen, and so must be had
	public     string // public URL; "": that of the address
	interval   time.Duration
	settings   web.Settings
	store      *storage.Storage
	keys       string // folder
	secrets    *keyfile.Loader
	policy     []byte // trust policy; may be nil
	registry   *prometheus.Registry
	logger     *slog.Logger
	limits     api.Limits
	statements int64 // bytes for making statements
	access     api.AccessLog
	words      *mapping.Map // of FHIR clients' searches; may be nil
}

// server is a ledger served over HTTP, with its subject index.
type server struct {
	url     string
	metrics string // URL; "" if there is none
	http    []*http.Server
	failed  chan error
	index   *statement.Follower
	ending  atomic.Bool // the process was told to end
	pages   atomic.Pointer[web.Pages]
	work    sync.WaitGroup
	ctx     context.Context // of the background work
	cancel  context.CancelFunc
}

// show makes pages, which answer from now on in place of those before.
func (s *server) show(cfg web.Config) error {
	pages, err := web.New(s.ctx, cfg)
	if err != nil {
		return fmt.Errorf("the pages: %w", err)
	}
	s.pages.Store(pages)
	s.work.Go(func() { pages.Run(s.ctx) })
	return nil
}

// KeepPaper implements api.Papers by the pages that answer now.
func (s *server) KeepPaper(ctx context.Context, id, desk string, data []byte) (string, time.Time, error) {
	return s.pages.Load().KeepPaper(ctx, id, desk, data)
}

// Notes implements api.Notes by the pages that answer now.
func (s *server) Notes(ctx context.Context, org, after string, most int) ([]client.Note, error) {
	return s.pages.Load().Notes(ctx, org, after, most)
}

// problem answers a person's browser with a page where the API has nothing.
func (s *server) problem(w http.ResponseWriter, r *http.Request, status int) bool {
	pages := s.pages.Load()
	return pages != nil && pages.Problem(w, r, status)
}

// rest stops the background work and waits for it.
func (s *server) rest() { s.cancel(); s.work.Wait() }

// listen serves log, and logs index roots, until stop.
func listen(log *ledger.Log, with serving) (*server, error) {
	index, err := statement.New(statement.Config{Log: log, Interval: with.interval, Logger: with.logger, Memory: with.statements})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", with.address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	metrics, err := listenForMetrics(with)
	if err != nil {
		l.Close()
		return nil, err
	}
	s := &server{url: "http://" + l.Addr().String(), failed: make(chan error, 2), index: index}
	if with.public == "" {
		with.public = s.url
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.work.Go(func() { index.Run(s.ctx) })
	handler := api.New(api.Config{
		Log: log, Index: index, Logger: with.logger, Registry: with.registry, Limits: with.limits, PublicURL: with.public,
		Map: with.words, Papers: s, Notes: s, AccessLog: with.access, Page: s.problem, Ending: s.ending.Load,
	})
	if err := s.show(web.Config{Settings: with.settings, Log: log, Index: index, Public: with.public, Store: with.store,
		Keys: with.keys, Policy: with.policy, Limits: with.limits.Edge, Logger: with.logger,
		Secrets: with.secrets}); err != nil {
		s.rest()
		l.Close()
		return nil, err
	}
	handler = beside(func() http.Handler { return s.pages.Load() }, handler)
	conns := api.Connections(with.registry, with.limits)
	s.serve(conns.Listen(l), conns.Server(handler, with.logger))
	if metrics != nil {
		s.metrics = "http://" + metrics.Addr().String() + "/metrics"
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", api.MetricsHandler(with.registry))
		s.serve(metrics, &http.Server{
			Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		})
	}
	return s, nil
}

// listenForMetrics returns the listener for /metrics, nil for none. If the address that is used by
// default is in use, because several servers run on one machine, it takes another.
func listenForMetrics(with serving) (net.Listener, error) {
	if with.metrics == "off" {
		return nil, nil
	}
	l, err := net.Listen("tcp", with.metrics)
	if err != nil && !with.chosen {
		with.logger.Warn("the address for metrics is in use, so they are elsewhere: choose one by --metrics-listen")
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	return l, nil
}

func (s *server) serve(l net.Listener, h *http.Server) {
	s.http = append(s.http, h)
	go func() {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
}

// stop answers running requests, appends what is queued, and stops.
func (s *server) stop(log *ledger.Log) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var errs []error
	for _, h := range s.http {
		errs = append(errs, h.Shutdown(ctx))
	}
	s.rest()
	return errors.Join(append(errs, log.Close(ctx))...)
}

// beside passes requests whose paths are not the API's to the pages that answer now.
func beside(pages func() http.Handler, ledger http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.Serves(r.URL.Path) || edge.Ambiguous(r.Context()) { // the API refuses those
			ledger.ServeHTTP(w, r)
			return
		}
		pages().ServeHTTP(w, r)
	})
}
