// Package witness gets cosignatures for a log's checkpoints: it sends the newest anchor to each witness by C2SP tlog-witness and hands
// back what verifies as C2SP tlog-cosignature.
//
// It promises: no cosignature is handed on that does not verify, under the witness's own key, over the very checkpoint that was sent; of many
// checkpoints only the newest is sent, the same one to all, with at most one request under way per witness and process; a witness that is
// down, slow, hostile or rewound delays nobody else. Appending never waits for any of this.
//
// Not promised: that a checkpoint gets cosigned at all, or that a witness keeps its word. How many of them to believe is for the policy of
// whoever verifies. It remembers nothing: what each witness has seen is what the log kept of its cosignatures, or what the witness says (409).
package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// Config is whom to ask, and how hard. Zero values of the times are the defaults.
type Config struct {
	Cosigners []*cosign.Cosigner // those with a URL are asked; the others come by themselves

	Interval time.Duration // between checkpoints: default 1 s. The cosignatures a log keeps grow with its inverse
	Timeout  time.Duration // of one request, answer included: default 5 s, the limit litewitness sets itself
	Refresh  time.Duration // a checkpoint that stays the newest is cosigned anew, for its time, after so long: default 1 h

	Transport http.RoundTripper // default http.DefaultTransport
	Now       func() time.Time  // default time.Now
	Logger    *slog.Logger      // default discards

	Observe func(witness string, size uint64, err error) // told of each attempt; nil error: the cosignature is kept. For metrics; may be nil
}

// maxBackoff is how long a witness that fails is left alone at most; the first time it is Interval, then twice as long each time.
const maxBackoff = time.Minute

// Checkpoint is a tree head with the note it was read from, signed by the log.
type Checkpoint struct {
	proof.Checkpoint
	Note []byte
}

// Log is what cosignatures are for. Its methods are called from several goroutines.
type Log interface {
	// Newest gives the largest checkpoint that is to be cosigned: the log's anchor, which may lie behind its head.
	Newest(ctx context.Context) (Checkpoint, error)
	// Size gives the number of entries. A witness may have seen more than Newest: others may send it checkpoints too.
	Size(ctx context.Context) (uint64, error)
	// Cosigned gives the size and time of the largest checkpoint kept with a cosignature by this verifier key; 0 if there is none.
	Cosigned(ctx context.Context, vkey string) (size uint64, at time.Time, err error)
	// Prove gives the RFC 6962 consistency proof from old to size, 0 < old < size.
	Prove(ctx context.Context, old, size uint64) ([][]byte, error)
	// Keep takes a verified cosignature. It may come twice.
	Keep(ctx context.Context, c Checkpoint, by cosign.Cosignature) error
}

// What a witness can answer, to be tested with errors.Is.
var (
	ErrUnknownLog     = errors.New("it does not know this log (404)")
	ErrUnknownKey     = errors.New("it does not know the log's key (403)")
	ErrInconsistent   = errors.New("the proof does not lead from what it has seen to this checkpoint (422): the log forked, or a backup was restored")
	ErrFork           = errors.New("it has seen another tree of the same size (409): the log forked, or a backup was restored")
	ErrAhead          = errors.New("it has seen a larger tree than this log has: the log forked, or a backup was restored")
	ErrBadCosignature = errors.New("its cosignature does not verify")
	ErrMalformed      = errors.New("its answer is not of the protocol")
)

// AnswerError is an answer that brings no cosignature.
type AnswerError struct {
	Witness string // its Name
	Size    uint64 // of the checkpoint it was sent
	Status  int    // of HTTP; 0 if it said nothing, or the right thing in the wrong way
	Err     error
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("witness %s, checkpoint of size %d: %v", e.Witness, e.Size, e.Err)
}

// Unwrap gives one of the errors above, or what the network said.
func (e *AnswerError) Unwrap() error { return e.Err }

// Client knows the witnesses. It is safe for concurrent use.
type Client struct {
	cfg  Config
	list []*cosign.Cosigner // with a URL
	http http.Client
}

// New checks the addresses of those to be asked.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg}
	for _, w := range cfg.Cosigners {
		if w.URL == "" {
			continue
		}
		u, err := url.Parse(w.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("witness %q: the URL is not http(s)://host[/path]", w.Name)
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
		c.cfg.Observe = func(string, uint64, error) {}
	}
	if c.cfg.Logger == nil {
		c.cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c.http = http.Client{
		Transport: cfg.Transport,
		// A witness is who the policy says, at the address it says.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}
