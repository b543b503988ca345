// Package witness gets cosignatures for a log's checkpoints. It sends the newest anchor to each
// witness by C2SP tlog-witness, and hands back the answers that verify as C2SP tlog-cosignature.
//
// What it promises: it hands back only cosignatures that verify, by the witness's own key, over
// exactly the checkpoint that was sent. Of many checkpoints it sends only the newest, the same one
// to all witnesses, with at most one request at a time to each witness from one process. A witness
// that is down, slow, hostile or rewound does not delay the others. Appending never waits for any
// of this.
//
// What it does not promise: that a checkpoint is cosigned at all, or that a witness is honest. How
// many witnesses to believe is for the policy of the verifier. The package keeps no state. What
// each witness has seen follows from its cosignatures that the log has kept, or from what the
// witness answers (409).
package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// Config says which witnesses to ask, and how often. A zero time means the default.
type Config struct {
	// Cosigners with a URL are asked. The others send their cosignatures themselves.
	Cosigners []*cosign.Cosigner

	// Interval is the least time between checkpoints. The default is 1 s. The shorter it is, the
	// more cosignatures the log keeps.
	Interval time.Duration
	// Timeout bounds one request, including the answer. The default is 5 s, the limit that
	// litewitness sets itself.
	Timeout time.Duration
	// Refresh is the time after which a checkpoint that is still the newest is cosigned again, for
	// a newer time. The default is 1 h.
	Refresh time.Duration

	Transport http.RoundTripper // default http.DefaultTransport
	Now       func() time.Time  // default time.Now
	Logger    *slog.Logger      // default discards

	// Observe is called after each attempt, for metrics. If err is nil and kept is not set, no new
	// cosignature was needed: the witness has cosigned this checkpoint or a larger one. Observe may
	// be nil.
	Observe func(witness string, size uint64, kept bool, err error)
}

// maxBackoff is the longest pause after a failure of a witness. The first pause is Interval, and
// each is twice as long as the one before.
const maxBackoff = time.Minute

// Checkpoint is a tree head with the note it was read from, signed by the log.
type Checkpoint struct {
	proof.Checkpoint
	Note []byte
}

// Log is the log whose checkpoints are cosigned. Its methods must be safe for concurrent use.
type Log interface {
	// Newest returns the largest checkpoint to cosign: the log's anchor, which may be behind its
	// head.
	Newest(ctx context.Context) (Checkpoint, error)
	// Size returns the number of entries. A witness may have seen a larger size than that of
	// Newest, since others may send it checkpoints too.
	Size(ctx context.Context) (uint64, error)
	// Cosigned returns the size and time of the largest checkpoint that is kept with a cosignature
	// by this verifier key, or size 0 if there is none.
	Cosigned(ctx context.Context, vkey string) (size uint64, at time.Time, err error)
	// Prove returns the RFC 6962 consistency proof from old to size, where 0 < old < size.
	Prove(ctx context.Context, old, size uint64) ([][]byte, error)
	// Keep stores a verified cosignature. It may be called twice with the same one.
	Keep(ctx context.Context, c Checkpoint, by cosign.Cosignature) error
	// Contradicted is called when a witness says that it has seen a larger or another tree: with an
	// *AnswerError that is ErrFork, ErrAhead or ErrInconsistent. The log must not go on.
	Contradicted(ctx context.Context, err error)
}

// Errors for what a witness can answer, to be tested with errors.Is.
var (
	ErrUnknownLog   = errors.New("it does not know this log (404)")
	ErrUnknownKey   = errors.New("it does not know the log's key (403)")
	ErrInconsistent = errors.New("the proof does not lead from what it has seen to this checkpoint (422): " +
		"the log forked, or a backup was restored")
	ErrFork = errors.New("it has seen another tree of the same size (409): " +
		"the log forked, or a backup was restored")
	ErrAhead = errors.New("it has seen a larger tree than this log has: " +
		"the log forked, or a backup was restored")
	ErrBadCosignature = errors.New("its cosignature does not verify")
	ErrMalformed      = errors.New("its answer does not follow the protocol")
)

// AnswerError is an answer without a cosignature to keep.
type AnswerError struct {
	Witness string // its Name
	Size    uint64 // of the checkpoint that it was sent
	Status  int    // of HTTP; 0 if there was no answer, or its cosignature was refused
	Err     error
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("witness %s, checkpoint of size %d: %v", e.Witness, e.Size, e.Err)
}

// Unwrap returns one of the errors above, or the error of the network.
func (e *AnswerError) Unwrap() error { return e.Err }

// Client asks witnesses for cosignatures. It is safe for concurrent use.
type Client struct {
	cfg  Config
	list []*cosign.Cosigner // with a URL
	http http.Client
}

// New returns a Client. It returns an error if the URL of a witness is not valid.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg}
	for _, w := range cfg.Cosigners {
		if w.URL == "" {
			continue
		}
		if _, err := wire.ServerURL(w.URL); err != nil {
			return nil, fmt.Errorf("the URL of witness %q: %w", w.Name, err)
		}
		c.list = append(c.list, w)
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&c.cfg.Interval, time.Second}, {&c.cfg.Timeout, 5 * time.Second}, {&c.cfg.Refresh, time.Hour}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	if c.cfg.Now == nil {
		c.cfg.Now = time.Now
	}
	if c.cfg.Observe == nil {
		c.cfg.Observe = func(string, uint64, bool, error) {}
	}
	if c.cfg.Logger == nil {
		c.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c.http = http.Client{
		Transport: cfg.Transport,
		// A redirect would lead to an address that the policy does not name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}
