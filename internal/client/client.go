// Package client calls the ledger's HTTP API from Go. It defines the messages of that API, which
// package internal/api uses too, so that the two cannot drift.
//
// Promised: a submission that returns without error reports the outcome of every entry, in order.
// What the server cannot take for now is sent again until the server takes it or the context ends,
// unless the log has Stopped.
// That is safe because submission is idempotent by issuer and jti. Answers are parsed strictly and
// bounded in size.
//
// Not promised: truth. Nothing here checks a signature or a proof. Package verifier checks receipts
// and openings.
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
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/verifier/fetch/retry"
)

// MaxEntries is how many entries one request may carry; Submit splits longer lists. MaxBody bounds
// the bytes of a request.
const (
	MaxEntries = 1000
	MaxBody    = 8 << 20
)

// Client calls the API of one log. It is safe for concurrent use once its fields are set.
type Client struct {
	Base string       // e.g. "https://ledger.example.scot", without the /v1
	HTTP *http.Client // nil: http.DefaultClient
	// Token returns a caller's token (register.SignCaller). If it is nil, only public calls and
	// submission work; with it, a submission has a share of the server's memory that callers
	// without a token cannot use up.
	Token func() (string, error)
	// Purpose holds the PurposeOfUse codes for reading. The log records them with each reading, and
	// the person sees them.
	Purpose []string
	// Request and Identity are for a front desk: the reference of the person's request, and how the
	// identity of the person who asked was checked. The log records them with each reading.
	Request  string
	Identity entry.Identity
	// Attempts bounds how often one request is made. 0 means until its context ends. It does not
	// bound how often Submit sends an entry that the server refused for now.
	Attempts int
	// MaxWait bounds how long a call waits for a server that is busy, unavailable or unreachable,
	// counted from the first failure in a row; then the error is a *retry.GaveUpError. 0 means without
	// end.
	MaxWait time.Duration
	// OnRetry is called before each wait of d for another attempt. It may be nil.
	OnRetry func(err error, d time.Duration)
	// OnRead is called with how many more bytes of an answer were read. It may be nil.
	OnRead func(n int)

	wait func(context.Context, time.Duration) error // nil: a timer
}

// Submit submits entries in SD-JWT form (entry.Entry.SDJWT) and returns a result for each, in
// order.
//
// While the server is busy, unavailable or unreachable, Submit sends again what was not taken,
// bounded by ctx and MaxWait. That the log has Stopped is an error. Any other refusal of an entry
// is a Result with a Problem, not an error.
//
// With an error it returns the results known so far. An entry whose Status is "" may or may not be
// in the log, and may safely be submitted again.
func (c *Client) Submit(ctx context.Context, entries []string) ([]Result, error) {
	results := make([]Result, len(entries))
	pending := make([]int, len(entries))
	for i := range pending {
		pending[i] = i
	}
	patience := retry.Patience{Max: c.MaxWait}
	for attempt := 0; len(pending) > 0; {
		batch := fitting(entries, pending)
		later, err := c.submit(ctx, entries, batch, results)
		if err != nil {
			return results, err
		}
		pending = append(later, pending[len(batch):]...)
		if len(later) < len(batch) {
			attempt = 0
			patience.Renew()
		}
		if len(later) == 0 {
			continue
		}
		if err := c.pause(ctx, &attempt, &patience, results[later[0]].Problem, 0); err != nil {
			return results, err
		}
	}
	return results, nil
}

// submit sends the entries at the positions in batch in one request and fills in their results. It
// returns the positions that the server refused only for now.
func (c *Client) submit(ctx context.Context, entries []string, batch []int, results []Result) (later []int, err error) {
	body := Submission{Entries: make([]string, len(batch))}
	for i, at := range batch {
		body.Entries[i] = entries[at]
	}
	var answer Results
	err = c.call(ctx, request{method: http.MethodPost, path: "/v1/entries", token: true, body: body}, &answer)
	var p *Problem
	switch {
	case err == nil && len(answer.Results) != len(batch):
		return nil, fmt.Errorf("submitting %d entries: the server sent %d results", len(batch), len(answer.Results))
	case err == nil:
	case len(batch) == 1 && errors.As(err, &p) && p.Code() != "" && !retry.Passing(p.Status):
		answer.Results = []Result{{Status: Refused, Problem: p}} // a single entry's problem is the answer's own
	default:
		return nil, fmt.Errorf("submitting %d entries: %w", len(batch), err)
	}
	for i, at := range batch {
		r := answer.Results[i]
		results[at] = r
		if r.Status == Refused && r.Problem == nil || r.Status != Refused && r.Receipt == nil {
			return nil, fmt.Errorf("submitting %d entries: result %d has neither a receipt nor a problem",
				len(batch), i)
		}
		if r.Problem != nil && Stopped(r.Problem) {
			return nil, fmt.Errorf("submitting %d entries: %w", len(batch), r.Problem)
		}
		if r.Problem != nil && r.Problem.Status == http.StatusServiceUnavailable {
			later = append(later, at)
		}
	}
	return later, nil
}

// fitting returns the longest prefix of pending that one request may carry, and at least one
// position: the server refuses an entry that is too large for any request, with the reason.
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

// Receipt returns the receipt of the entry at index, under the newest checkpoint. The caller's
// organisation must have submitted that entry.
func (c *Client) Receipt(ctx context.Context, index uint64) (*bundle.Receipt, error) {
	return c.receipt(ctx, index, "")
}

// WitnessedReceipt is Receipt under the newest checkpoint that reached the quorum of the operator's
// policy. If that does not cover the entry yet, the error is a *Problem with the code NotWitnessed.
func (c *Client) WitnessedReceipt(ctx context.Context, index uint64) (*bundle.Receipt, error) {
	return c.receipt(ctx, index, "?witnessed")
}

// NotWitnessed is the code of the problem that no witnessed checkpoint covers an entry yet.
const NotWitnessed = "not-witnessed"

func (c *Client) receipt(ctx context.Context, index uint64, query string) (*bundle.Receipt, error) {
	path := "/v1/receipts/" + strconv.FormatUint(index, 10) + query
	return get[bundle.Receipt](ctx, c, request{method: http.MethodGet, path: path, token: true})
}

// ReceiptsByID returns, in order, the outcomes of entries that the caller's organisation submitted
// under these jtis, with receipts under the newest checkpoint. For an unknown jti the Result has
// the Status Refused and the problem not-found.
func (c *Client) ReceiptsByID(ctx context.Context, jtis []string) ([]Result, error) {
	return c.lookup(ctx, Lookup{IDs: jtis})
}

// WitnessedReceiptsByID is ReceiptsByID with receipts as of WitnessedReceipt.
func (c *Client) WitnessedReceiptsByID(ctx context.Context, jtis []string) ([]Result, error) {
	return c.lookup(ctx, Lookup{IDs: jtis, Witnessed: true})
}

func (c *Client) lookup(ctx context.Context, q Lookup) ([]Result, error) {
	var results []Result
	for part := range slices.Chunk(q.IDs, MaxEntries) {
		body := Lookup{IDs: part, Witnessed: q.Witnessed}
		r, err := get[Results](ctx, c, request{method: http.MethodPost, path: "/v1/receipts/lookup", token: true, body: body})
		if err != nil {
			return results, err
		}
		if len(r.Results) != len(part) {
			return results, fmt.Errorf("looking up %d receipts: the server sent %d results", len(part), len(r.Results))
		}
		results = append(results, r.Results...)
	}
	return results, nil
}

// Search returns a page of the accesses to a person's record, newest first, at indices below before
// (0: from the newest). The page holds at most limit accesses (0: the server's default of 50; the
// maximum is 200). Before it answers, the ledger logs this reading as an access.
func (c *Client) Search(ctx context.Context, id string, before uint64, limit int) (*Accesses, error) {
	body := Search{
		ID: id, Before: before, Limit: limit, Purpose: c.Purpose, Request: c.Request, Identity: c.Identity,
	}
	return get[Accesses](ctx, c, request{method: http.MethodPost, path: "/v1/accesses/search", token: true, body: body})
}

// Statement returns a statement or an extract as JSON, unchecked. bundle.ParseStatement and
// bundle.ParseExtract parse it; package verifier checks it. If q has no purposes, those of the
// Client apply, with its Request and Identity. Before it answers, the ledger logs this reading as
// an access.
func (c *Client) Statement(ctx context.Context, q StatementRequest) ([]byte, error) {
	if q.Purpose == nil {
		q.Purpose, q.Request, q.Identity = c.Purpose, c.Request, c.Identity
	}
	return c.fetch(ctx, request{method: http.MethodPost, path: "/v1/statements", token: true, body: q})
}

// KeepPaper hands over a sealed statement, which the ledger keeps for whoever has its code.
func (c *Client) KeepPaper(ctx context.Context, p SealedPaper) (*KeptPaper, error) {
	return get[KeptPaper](ctx, c, request{method: http.MethodPost, path: "/v1/papers", token: true, body: p})
}

// Opening returns the opening of the sealed leaf at index. Before it answers, the ledger logs this
// reading as an access.
func (c *Client) Opening(ctx context.Context, index uint64) (*bundle.Opening, error) {
	path := c.withPurpose("/v1/openings/" + strconv.FormatUint(index, 10))
	return get[bundle.Opening](ctx, c, request{method: http.MethodGet, path: path, token: true})
}

func (c *Client) withPurpose(path string) string {
	if len(c.Purpose) == 0 {
		return path
	}
	return path + "?" + url.Values{"purpose": c.Purpose}.Encode()
}

// Feed returns the records of up to proof.MaxFeedRecords leaves, starting at index from, and fewer
// at the end of the log. They are unchecked: proof.FeedRecord.Check compares a record with its
// leaf. On the organisation's first reading of a day the ledger logs an access about everyone
// before it answers.
func (c *Client) Feed(ctx context.Context, from uint64) ([]proof.FeedRecord, error) {
	path := c.withPurpose("/v1/feed/" + strconv.FormatUint(from, 10))
	data, err := c.fetch(ctx, request{method: http.MethodGet, path: path, token: true})
	if err != nil {
		return nil, err
	}
	return proof.ParseFeed(data)
}

// Register returns the organisations and keys of the log.
func (c *Client) Register(ctx context.Context) (*Register, error) {
	return get[Register](ctx, c, request{method: http.MethodGet, path: "/v1/register"})
}

// LogInfo returns which log answers.
func (c *Client) LogInfo(ctx context.Context) (*LogInfo, error) {
	return get[LogInfo](ctx, c, request{method: http.MethodGet, path: "/v1/log"})
}

// Checkpoint returns the latest checkpoint, a C2SP signed note, unchecked.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.fetch(ctx, request{method: http.MethodGet, path: "/checkpoint"})
}

// AddCosignatures submits a checkpoint, a signed note with lines of cosigners. It returns the names
// of the cosigners whose lines the ledger keeps. It may be repeated.
func (c *Client) AddCosignatures(ctx context.Context, note []byte) ([]string, error) {
	a, err := get[Cosigners](ctx, c, request{method: http.MethodPost, path: "/v1/cosignatures", text: note})
	if err != nil {
		return nil, err
	}
	return a.Cosigners, nil
}
