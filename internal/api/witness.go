package api

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/ledger/witness"
)

// attemptResults is what an attempt to get a cosignature came to, first match first; what is not here is an answer refused for another reason.
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

// WitnessAttempts registers the count of attempts to get cosignatures and gives what is to be told of each: witness.Config.Observe. Labels are names of the
// operator's policy, which is no secret.
func WitnessAttempts(reg prometheus.Registerer) func(name string, size uint64, err error) {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "igledger_witness_attempts_total",
		Help: "Attempts by this process to get a cosignature, by witness and result. inconsistent, fork and ahead are alarms: somebody saw another log."}, []string{"witness", "result"})
	reg.MustRegister(count)
	return func(name string, _ uint64, err error) { count.WithLabelValues(name, attemptResult(err)).Inc() }
}

func attemptResult(err error) string {
	if err == nil {
		return "kept"
	}
	for _, r := range attemptResults {
		if errors.Is(err, r.err) {
			return r.label
		}
	}
	var answer *witness.AnswerError
	switch {
	case !errors.As(err, &answer):
		return "own-failure" // our database, not the witness
	case answer.Status == 0:
		return "unreachable"
	}
	return "refused"
}

// cosigning reads from the database, when metrics are asked for, how far those who cosign have come. So each replica tells the same, and an auditor who comes by
// itself is seen as a witness is.
type cosigning struct {
	log    *ledger.Log
	logger *slog.Logger
}

// scrapeTimeout bounds what a scrape waits for the database; without an answer these numbers are absent and the others are given.
const scrapeTimeout = 2 * time.Second

var (
	cosignerSize  = prometheus.NewDesc("igledger_cosigner_size", "Largest checkpoint that a cosigner of the policy has cosigned; 0: none.", []string{"cosigner"}, nil)
	cosignerTime  = prometheus.NewDesc("igledger_cosigner_time_seconds", "When it did, by its own clock, in seconds since 1970. Absent if it never did.", []string{"cosigner"}, nil)
	anchorSize    = prometheus.NewDesc("igledger_anchor_size", "Size of the checkpoint that cosigners are to cosign.", nil, nil)
	witnessedSize = prometheus.NewDesc("igledger_witnessed_size", "Size of the largest checkpoint that reached the policy's quorum. Absent if none did.", nil, nil)
)

// Describe is of prometheus.Collector.
func (c cosigning) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{cosignerSize, cosignerTime, anchorSize, witnessedSize} {
		out <- d
	}
}

// Collect is of prometheus.Collector.
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
		var size uint64
		var missing error
		if size, missing = sizeOf(ctx, c.log.VerifierKey(), n.read); missing == nil {
			gauge(n.desc, float64(size))
		} else if !errors.Is(missing, ledger.ErrNotFound) {
			err = errors.Join(err, missing)
		}
	}
	if err != nil {
		c.logger.Error("reading cosigners for the metrics", "error", err)
	}
}

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
