package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// attemptResults maps the error of an attempt to get a cosignature to a label; the first match
// decides. attemptResult labels all other errors.
var attemptResults = []struct {
	err   error
	label string
}{
	{witness.ErrUnknownLog, "unknown-log"},
	{witness.ErrUnknownKey, "unknown-key"},
	{witness.ErrInconsistent, "inconsistent"},
	{witness.ErrFork, "fork"},
	{witness.ErrAhead, "ahead"},
	{witness.ErrBadCosignature, "bad-cosignature"},
	{witness.ErrMalformed, "malformed"},
}

// WitnessAttempts registers a counter of attempts to get cosignatures, and returns the function
// that counts them, for witness.Config.Observe. Labels are names from the operator's policy, which
// is not secret. The alarms of its witnesses are there as 0 from the start: the increase of what
// first appears as 1 is 0.
func WitnessAttempts(reg prometheus.Registerer, policy *cosign.Policy) func(name string, size uint64, kept bool, err error) {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "igledger_witness_attempts_total",
		Help: "Attempts by this process to get a cosignature, by witness and result. " +
			"inconsistent, fork and ahead are alarms: the witness has seen a different log. " +
			"kept: this process kept a cosignature; known: none was needed, because the witness has cosigned this " +
			"checkpoint or a larger one already.",
	}, []string{"witness", "result"})
	reg.MustRegister(count)
	if policy != nil {
		for _, c := range policy.Cosigners {
			for _, r := range attemptResults {
				if c.URL != "" {
					count.WithLabelValues(c.Name, r.label)
				}
			}
		}
	}
	return func(name string, _ uint64, kept bool, err error) {
		count.WithLabelValues(name, attemptResult(kept, err)).Inc()
	}
}

func attemptResult(kept bool, err error) string {
	switch {
	case err == nil && kept:
		return "kept"
	case err == nil:
		return "known"
	}
	for _, r := range attemptResults {
		if errors.Is(err, r.err) {
			return r.label
		}
	}
	var answer *witness.AnswerError
	switch {
	case !errors.As(err, &answer):
		return "own-failure" // of our database, not of the witness
	case answer.Status == 0:
		return "unreachable"
	}
	return "refused"
}

// cosigning collects how far the cosigners have come. It reads the database at each scrape, so that
// all replicas report the same, and so that auditors who send their cosignatures themselves are
// counted as witnesses are.
type cosigning struct {
	log    *ledger.Log
	logger *slog.Logger
}

// scrapeTimeout bounds how long a scrape waits for the database. Without an answer in time, these
// metrics are absent and the others are still served.
const scrapeTimeout = 2 * time.Second

var (
	cosignerSize = prometheus.NewDesc("igledger_cosigner_size",
		"Size of the largest checkpoint that a cosigner of the policy has cosigned. 0 if it has cosigned none.",
		[]string{"cosigner"}, nil)
	cosignerTime = prometheus.NewDesc("igledger_cosigner_time_seconds",
		"Time of that cosignature by the cosigner's own clock, in seconds since 1970. Absent if it has cosigned none.",
		[]string{"cosigner"}, nil)
	anchorSize = prometheus.NewDesc("igledger_anchor_size",
		"Size of the checkpoint that cosigners are asked to cosign. Absent before the first index root.", nil, nil)
	witnessedSize = prometheus.NewDesc("igledger_witnessed_size",
		"Size of the largest checkpoint that reached the policy's quorum. Absent if none has.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c cosigning) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{cosignerSize, cosignerTime, anchorSize, witnessedSize} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c cosigning) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	list, err := c.log.Cosigners(ctx)
	for _, s := range list {
		gauge(cosignerSize, float64(s.Size), s.Name)
		if s.Size > 0 {
			gauge(cosignerTime, float64(s.Time.Unix()), s.Name)
		}
	}
	for _, n := range []struct {
		desc *prometheus.Desc
		read func(context.Context) ([]byte, error)
	}{{anchorSize, c.log.Anchor}, {witnessedSize, c.log.WitnessedCheckpoint}} {
		size, missing := sizeOf(ctx, c.log.VerifierKey(), n.read)
		switch {
		case missing == nil:
			gauge(n.desc, float64(size))
		case !errors.Is(missing, ledger.ErrNotFound):
			err = errors.Join(err, missing)
		}
	}
	if err != nil {
		c.logger.Error("reading cosigners for the metrics", "error", err)
	}
}

// sizeOf returns the size of the checkpoint that read returns, signed by the log with this key.
func sizeOf(ctx context.Context, key string, read func(context.Context) ([]byte, error)) (uint64, error) {
	signed, err := read(ctx)
	if err != nil {
		return 0, err
	}
	v, err := wire.NewLogVerifier(key)
	if err != nil {
		return 0, err
	}
	c, err := proof.OpenCheckpoint(signed, v)
	return c.Size, err
}
