package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"igledger/internal/build"
	"igledger/internal/client"
	"igledger/internal/disk"
	"igledger/internal/edge"
	"igledger/ledger"
)

// metrics are counts for operators. Labels come only from closed sets: route patterns, statuses,
// problem codes and cosigners of the policy. No label holds user input, or tells one person or
// source from another.
type metrics struct {
	requests *prometheus.CounterVec   // route, status
	took     *prometheus.HistogramVec // route
	entries  *prometheus.CounterVec   // result
	append   prometheus.Histogram
	batch    prometheus.Histogram
	commit   prometheus.Histogram
	group    prometheus.Histogram
	problems *prometheus.CounterVec // code
	refused  *prometheus.CounterVec // why: bodies that were not read to their end
}

// MetricsHandler returns the handler of /metrics, which answers every path with what reg holds. It
// is not part of the API: what it says is for the operator.
func MetricsHandler(reg *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// Connections returns the connections of the server, and registers their metrics.
func Connections(reg *prometheus.Registry, l Limits) *edge.Conns {
	evicted := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "igledger_connections_closed_total", Help: "Connections that were closed because there were too many.",
	})
	c := edge.NewConns(l.Edge, evicted.Inc)
	reg.MustRegister(evicted, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "igledger_connections", Help: "Connections to the API.",
	}, func() float64 { return float64(c.Count()) }))
	return c
}

// hold registers the metrics of request bodies.
func (m *metrics) hold(reg *prometheus.Registry, b *edge.Bodies) {
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "igledger_bodies_refused_total",
		Help: "Request bodies that were not read to their end: full (too many bytes at once) or slow.",
	}, []string{"why"})
	for _, why := range []string{"full", "slow"} {
		m.refused.WithLabelValues(why)
	}
	reg.MustRegister(m.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "igledger_body_bytes", Help: "Bytes of request bodies that are held.",
	}, func() float64 { return float64(b.Held()) }))
}

func newMetrics(reg *prometheus.Registry, log *ledger.Log) *metrics {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 14) // 1 ms to 8 s
	sizes := prometheus.ExponentialBuckets(1, 2, 11)       // 1 to 1024
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	}
	m := &metrics{
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "igledger_problems_total", Help: "Requests refused, by the code of the problem.",
		}, []string{"code"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "igledger_http_requests_total", Help: "Requests, by route and status.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "igledger_http_request_seconds", Help: "Time to answer a request, by route.", Buckets: seconds,
		}, []string{"route"}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "igledger_entries_total", Help: "Entries submitted, by result: appended, replayed or the code of the problem.",
		}, []string{"result"}),
		append: histogram("igledger_append_seconds",
			"Time to make the parsed entries of one submission durable and integrated.", seconds),
		batch:  histogram("igledger_submission_entries", "Entries in one submission.", sizes),
		commit: histogram("igledger_commit_seconds", "Time of one transaction that appends and integrates.", seconds),
		group:  histogram("igledger_commit_entries", "Entries appended by one transaction.", sizes),
	}
	count := func(name, help string, f func(ledger.Stats) uint64) prometheus.Collector {
		get := func() float64 { return float64(f(log.Stats())) }
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, get)
	}
	gauge := func(name, help string, f func(ledger.Stats) float64) prometheus.Collector {
		get := func() float64 { return f(log.Stats()) }
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, get)
	}
	b := build.Read()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "igledger_build_info", Help: "Always 1: the labels say which build runs.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": b.Go, "formats": b.Formats},
	}, func() float64 { return 1 }))
	for code := range problems {
		m.problems.WithLabelValues(code)
	}
	reg.MustRegister(m.problems, m.requests, m.took, m.entries, m.append, m.batch, m.commit, m.group,
		count("igledger_commits_total", "Transactions committed.",
			func(s ledger.Stats) uint64 { return s.Batches }),
		count("igledger_commits_failed_total", "Transactions that failed because of the database.",
			func(s ledger.Stats) uint64 { return s.Failed }),
		count("igledger_busy_total", "Submissions refused because the queue was full.",
			func(s ledger.Stats) uint64 { return s.Busy }),
		count("igledger_tag_lookups_total", "VRF tags looked up.",
			func(s ledger.Stats) uint64 { return s.TagCalls }),
		gauge("igledger_queue_entries", "Entries waiting to be appended.",
			func(s ledger.Stats) float64 { return float64(s.Queued) }),
		gauge("igledger_queue_oldest_seconds", "How long the oldest entry in the queue has waited.",
			func(s ledger.Stats) float64 { return s.Oldest.Seconds() }),
		gauge("igledger_published_time_seconds", "When this process last published a checkpoint, in seconds since 1970. 0: not yet.",
			func(s ledger.Stats) float64 {
				if s.Published.IsZero() {
					return 0
				}
				return float64(s.Published.UnixMilli()) / 1000
			}),
		gauge("igledger_database_connections_in_use", "Connections to the database in use; of SQLite, of readers.",
			func(s ledger.Stats) float64 { return float64(s.Database.InUse) }),
		gauge("igledger_database_connections_idle", "Connections to the database that are idle.",
			func(s ledger.Stats) float64 { return float64(s.Database.Idle) }),
		gauge("igledger_database_connections_max", "Connections to the database that the process may have.",
			func(s ledger.Stats) float64 { return float64(s.Database.Most) }),
		gauge("igledger_log_size", "Entries in the log at the last commit of this process.",
			func(s ledger.Stats) float64 { return float64(s.Size) }),
	)
	log.ObserveBatches(func(added int, took time.Duration) {
		m.commit.Observe(took.Seconds())
		m.group.Observe(float64(added))
	})
	return m
}

func (m *metrics) request(pattern string, status int, took time.Duration) {
	m.requests.WithLabelValues(pattern, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(pattern).Observe(took.Seconds())
}

func (m *metrics) result(r client.Result) {
	label := string(r.Status)
	if r.Problem != nil {
		label = r.Problem.Code()
	}
	m.entries.WithLabelValues(label).Inc()
}

// DiskMetrics registers how much room the folders have in which the log grows.
func DiskMetrics(reg prometheus.Registerer, folders disk.Folders) {
	for _, f := range folders {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "igledger_disk_free_bytes", ConstLabels: prometheus.Labels{"folder": f.Name},
			Help: "Bytes that can still be written into the folder of the database or the signing record. -1: not known.",
		}, func() float64 {
			free, err := disk.Free(f.Path)
			if err != nil {
				return -1
			}
			return float64(free)
		}))
	}
}

// readiness registers what /readyz would say. A scrape asks as a probe does.
func (a *api) readiness(reg prometheus.Registerer) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "igledger_ready", Help: "1 if an append would succeed now and statements can be made; 0 if not, and /readyz says why.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		if a.takes(ctx) != nil || a.reads() != nil {
			return 0
		}
		return 1
	}))
}
