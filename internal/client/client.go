// Package client speaks to the ledger's HTTP API from Go, and holds the shapes of its messages, which internal/api writes from the same
// definitions so that the two cannot drift.
//
// Promised: a submission that returns without error says of every entry, in order, what became of it; what the server could not take
// for now is sent again until it was or the context ends, which is safe because submission is idempotent by issuer and jti. Answers
// are read strictly and bounded in size. Not promised: truth. Nothing here checks a signature or proof; receipts and openings
// are for package verifier.
package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
)

// MaxEntries is how many entries one request may carry; Submit cuts longer lists. MaxBody bounds its bytes.
const (
	MaxEntries = 1000
	MaxBody    = 8 << 20
)

// Client is a caller of one log's API. It is safe for concurrent use once set up.
type Client struct {
	Base    string                 // e.g. "https://ledger.example.scot", without the /v1
	HTTP    *http.Client           // nil: http.DefaultClient
	Token   func() (string, error) // gives a caller's token (entry.SignCaller); nil: public calls and submission only
	Purpose []string               // PurposeOfUse codes under which Search, Opening and Statement read; logged about the person
	// Attempts bounds how often one request is made; 0: until its context ends. Submit goes on regardless.
	Attempts int
	OnRetry  func(err error, d time.Duration) // told before each wait of d for another try; may be nil

	wait func(context.Context, time.Duration) error // nil: a timer
}

// Submit hands in entries in SD-JWT form (entry.Entry.SDJWT) and gives a result for each, in order. While the server is busy, unavailable or
// cannot be reached it sends again what was not taken, bounded only by ctx; other refusals of an entry are its Result with a Problem,
// not an error. With an error come the results known so far: an entry whose Status is "" may be in the log or not, and may safely be
// submitted again.
func (c *Client) Submit(ctx context.Context, entries []string) ([]Result, error) {
	results := make([]Result, len(entries))
	pending := make([]int, len(entries))
	for i := range pending {
		pending[i] = i
	}
	for attempt := 0; len(pending) > 0; {
		batch := fitting(entries, pending)
		later, err := c.submit(ctx, entries, batch, results)
		if err != nil {
			return results, err
		}
		pending = append(later, pending[len(batch):]...)
		if len(later) == 0 {
			attempt = 0
			continue
		}
		if err := c.pause(ctx, &attempt, results[later[0]].Problem, 0); err != nil {
			return results, err
		}
	}
	return results, nil
}

// submit sends the entries at the positions batch in one request, fills in their results, and gives the positions that the server
// refused only for now.
func (c *Client) submit(ctx context.Context, entries []string, batch []int, results []Result) (later []int, err error) {
	body := Submission{Entries: make([]string, len(batch))}
	for i, at := range batch {
		body.Entries[i] = entries[at]
	}
	var answer Results
	err = c.call(ctx, request{method: http.MethodPost, path: "/v1/entries", body: body}, &answer)
	var p *Problem
	switch {
	case err == nil && len(answer.Results) != len(batch):
		return nil, fmt.Errorf("submitting %d entries: the server answered with %d results", len(batch), len(answer.Results))
	case err == nil:
	case len(batch) == 1 && errors.As(err, &p) && p.Code() != "" && p.Status != http.StatusServiceUnavailable:
		answer.Results = []Result{{Status: Refused, Problem: p}} // a single entry's problem is the answer's own
	default:
		return nil, fmt.Errorf("submitting %d entries: %w", len(batch), err)
	}
	for i, at := range batch {
		r := answer.Results[i]
		results[at] = r
		if r.Status == Refused && r.Problem == nil || r.Status != Refused && r.Receipt == nil {
			return nil, fmt.Errorf("submitting %d entries: result %d has neither receipt nor problem", len(batch), i)
		}
		if r.Problem != nil && r.Problem.Status == http.StatusServiceUnavailable {
			later = append(later, at)
		}
	}
	return later, nil
}

// fitting is the longest beginning of pending that one request may carry; at least one, so that an entry too large for any is refused
// by the server with its reason.
func fitting(entries []string, pending []int) []int {
	size := len(`{"entries":[]}`)
	for n, at := range pending {
		size += len(entries[at]) + len(`"",`)
		if n == MaxEntries || n > 0 && size > MaxBody {
			return pending[:n]
		}
	}
	return pending
}

// Receipt gives the receipt of the entry at index; the caller's organisation must have submitted it.
func (c *Client) Receipt(ctx context.Context, index uint64) (*bundle.Receipt, error) {
	return get[bundle.Receipt](ctx, c, request{method: http.MethodGet, path: "/v1/receipts/" + strconv.FormatUint(index, 10), token: true})
}

// ReceiptsByID gives, in order, what became of entries that the caller's organisation submitted under these jtis. An unknown one is a
// Result with Status Refused and the problem not-found.
func (c *Client) ReceiptsByID(ctx context.Context, jtis []string) ([]Result, error) {
	var results []Result
	for part := range slices.Chunk(jtis, MaxEntries) {
		r, err := get[Results](ctx, c, request{method: http.MethodPost, path: "/v1/receipts/lookup", token: true, body: Lookup{part}})
		if err != nil {
			return results, err
		}
		if len(r.Results) != len(part) {
			return results, fmt.Errorf("looking up %d receipts: the server answered with %d results", len(part), len(r.Results))
		}
		results = append(results, r.Results...)
	}
	return results, nil
}

// Search gives a page of the accesses to a person's record, newest first, below index before (0: from the newest), at most limit (0: the
// server's default of 50; it takes no more than 200). The reading is itself logged as an access before the answer is given.
func (c *Client) Search(ctx context.Context, id string, before uint64, limit int) (*Accesses, error) {
	body := Search{ID: id, Before: before, Limit: limit, Purpose: c.Purpose}
	return get[Accesses](ctx, c, request{method: http.MethodPost, path: "/v1/accesses/search", token: true, body: body})
}

// Statement gives a statement or an extract as JSON, unchecked: entry.ParseStatement and ParseExtract read it, package verifier checks it. The
// purposes of Client stand in for those of q if it has none. The reading is itself logged as an access before the answer is given.
func (c *Client) Statement(ctx context.Context, q StatementRequest) ([]byte, error) {
	if q.Purpose == nil {
		q.Purpose = c.Purpose
	}
	return c.fetch(ctx, request{method: http.MethodPost, path: "/v1/statements", token: true, body: q})
}

// Opening gives the opening of the sealed leaf at index. The reading is itself logged as an access before the answer is given.
func (c *Client) Opening(ctx context.Context, index uint64) (*bundle.Opening, error) {
	return get[bundle.Opening](ctx, c, request{method: http.MethodGet, path: c.withPurpose("/v1/openings/" + strconv.FormatUint(index, 10)), token: true})
}

func (c *Client) withPurpose(path string) string {
	if len(c.Purpose) == 0 {
		return path
	}
	return path + "?" + url.Values{"purpose": c.Purpose}.Encode()
}

// Feed gives the records of up to entry.MaxFeedRecords leaves from index from on, fewer at the end of the log, unchecked: entry.FeedRecord.Check holds one against
// its leaf. The organisation's first reading of a day is itself logged as an access about everyone before the answer is given.
func (c *Client) Feed(ctx context.Context, from uint64) ([]proof.FeedRecord, error) {
	data, err := c.fetch(ctx, request{method: http.MethodGet, path: c.withPurpose("/v1/feed/" + strconv.FormatUint(from, 10)), token: true})
	if err != nil {
		return nil, err
	}
	return proof.ParseFeed(data)
}

// Register gives the organisations and keys of the log.
func (c *Client) Register(ctx context.Context) (*Register, error) {
	return get[Register](ctx, c, request{method: http.MethodGet, path: "/v1/register"})
}

// LogInfo says which log answers.
func (c *Client) LogInfo(ctx context.Context) (*LogInfo, error) {
	return get[LogInfo](ctx, c, request{method: http.MethodGet, path: "/v1/log"})
}

// Checkpoint gives the latest checkpoint, a C2SP signed note, unchecked.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.fetch(ctx, request{method: http.MethodGet, path: "/checkpoint"})
}

// AddCosignatures brings a checkpoint, a signed note, with lines of cosigners, and gives the names of those whose lines are kept. It may be repeated.
func (c *Client) AddCosignatures(ctx context.Context, note []byte) ([]string, error) {
	a, err := get[Cosigners](ctx, c, request{method: http.MethodPost, path: "/v1/cosignatures", text: note})
	if err != nil {
		return nil, err
	}
	return a.Cosigners, nil
}
