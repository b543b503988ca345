// Package witness gets cosignatures for a log's checkpoints: it sends the newest one to each witness by C2SP tlog-witness and hands
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
	"strings"
	"time"

	"igledger/ledger/entry"
)

// Witness is a cosigner, in the words of a witness line of C2SP tlog-policy.
type Witness struct {
	Name string // what we call it
	VKey string // C2SP verifier key, type 0x04: "<key name>+<key id>+<base64 of 0x04 ‖ Ed25519 key>"
	URL  string // submission prefix, http or https; "": never asked, but known (an auditor who comes by itself)
}

// Config is whom to ask, and how hard. Zero values of the times are the defaults.
type Config struct {
	Witnesses []Witness
	Quorum    func(cosigned []string) bool // whether these, by Name, suffice; default all who have a URL, and at least one

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
	entry.Checkpoint
	Note []byte
}

// Log is what cosignatures are for. Its methods are called from several goroutines.
type Log interface {
	// Newest gives the largest checkpoint there is.
	Newest(ctx context.Context) (Checkpoint, error)
	// Cosigned gives the size and time of the largest checkpoint kept with a cosignature by this verifier key; 0 if there is none.
	Cosigned(ctx context.Context, vkey string) (size uint64, at time.Time, err error)
	// Prove gives the RFC 6962 consistency proof from old to size, 0 < old < size.
	Prove(ctx context.Context, old, size uint64) ([][]byte, error)
	// Keep takes a verified cosignature. It may come twice.
	Keep(ctx context.Context, c Checkpoint, by Cosignature) error
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
	list []*cosigner
	http http.Client
}

// cosigner is a Witness whose key was read.
type cosigner struct {
	Witness
	key key
}

// New checks the witnesses' keys and addresses.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg}
	names, keys := map[string]bool{}, map[string]bool{}
	for _, w := range cfg.Witnesses {
		k, err := parseKey(w.VKey)
		if err != nil {
			return nil, fmt.Errorf("witness %q: %w", w.Name, err)
		}
		if w.Name == "" || names[w.Name] || keys[string(k.public)] {
			return nil, fmt.Errorf("witness %q: no name, or the name or key of another", w.Name)
		}
		names[w.Name], keys[string(k.public)] = true, true
		if w.URL != "" {
			u, err := url.Parse(w.URL)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
				return nil, fmt.Errorf("witness %q: the URL is not http(s)://host[/path]", w.Name)
			}
			w.URL = strings.TrimSuffix(w.URL, "/")
		}
		c.list = append(c.list, &cosigner{w, k})
	}
	if c.cfg.Quorum == nil {
		c.cfg.Quorum = c.all
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

func (c *Client) all(cosigned []string) bool {
	have, n := map[string]bool{}, 0
	for _, name := range cosigned {
		have[name] = true
	}
	for _, w := range c.list {
		if w.URL == "" {
			continue
		}
		if n++; !have[w.Name] {
			return false
		}
	}
	return n > 0
}

// Reached says whether those whose verifier keys these are make the quorum. Keys of nobody we know do not count.
func (c *Client) Reached(vkeys []string) bool {
	var names []string
	for _, w := range c.list {
		for _, k := range vkeys {
			if k == w.VKey {
				names = append(names, w.Name)
				break
			}
		}
	}
	return c.cfg.Quorum(names)
}
