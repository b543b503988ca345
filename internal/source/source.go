// Package source is the agent of an organisation that reports accesses to a ledger. It reads FHIR
// AuditEvents, signs them with the source's own key, keeps them in a durable outbox, submits them
// with retry, and checks each receipt. Once a day it makes the stream's heartbeats.
//
// Promised: the signed bytes of an entry leave the outbox only when its receipt was checked and,
// with a policy that asks for cosigners, only when a receipt came under a checkpoint that has the
// policy's quorum, so that what acknowledged the entry is the log that everybody sees. An entry
// that the ledger refuses permanently is kept, reported and counted, and sent in a plainer form
// under its number (refused.go). The receipt is kept for good, as long as there is room: see
// Config.Receipts. A log that forks or goes back is found, because every checkpoint is held against
// the last one; then nothing more is sent or forgotten, and what convicts is kept (LogError).
//
// If the process is killed at any point, nothing is lost or duplicated: events that were not in the
// outbox are read from the same input again, and what was in the outbox is sent again as signed,
// which the ledger recognises. Every event of an input is taken in once, however often the input is
// read. Witnesses that stay away delay the forgetting and nothing else; how many entries wait is
// counted in every Summary.
//
// Not promised: that events reach the agent at all, or that the sequence numbers of two outboxes
// for one stream do not clash. The outbox contains personal data until receipts arrive. Only the
// owner can read the file, but it is not encrypted, and SQLite may leave deleted data in its free
// pages. No error or callback contains a personal datum.
package source

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"igledger/audit"
	"igledger/consent/fhir/mapping"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
)

// Defaults of Config.
const (
	DefaultBatch    = 256
	DefaultReceipts = 1 << 30
	DefaultPoll     = 2 * time.Second
)

// Config configures an agent. The fields down to Outbox are required.
type Config struct {
	Client *client.Client // calls the ledger and retries; its OnRetry reports an outage
	LogKey string         // verifier key of the log, obtained from another place than the ledger
	Org    string         // id of the organisation that signs
	Signer *wire.Signer   // its key for submission
	Source string         // name of the reporting system; sequence numbers count per source
	Outbox string         // path of the SQLite file, which is made if it does not exist
	Map    *mapping.Map   // what the words of the source system mean; may be nil

	// Policy says whose cosignatures a receipt needs before the entry is forgotten. It knows the log.
	// Nil, or a policy that asks for none: the log's signature alone is enough, and nobody else
	// vouches for it.
	Policy   *verifier.Policy
	Genesis  *wire.Hash    // hash of the log's leaf 0; nil: that of the first use, which the outbox remembers
	Wait     time.Duration // how long Import and Heartbeats wait in the end for cosigners; 0: they look once
	Poll     time.Duration // between two looks; 0: DefaultPoll
	Receipts int64         // bytes of receipts that are kept, the oldest dropped first; 0: DefaultReceipts
	Evidence string        // directory for what convicts the operator; "": Outbox with ".evidence" added

	// Strict keeps out every event of which something was not understood: it is reported to OnReject
	// with an *UnclearError, is not signed, gets no number, and may come again.
	Strict bool

	Batch  int               // entries per request, at most client.MaxEntries; 0: DefaultBatch
	Now    func() time.Time  // nil: time.Now
	OnSent func(entries int) // called when entries are settled; may be nil
	// OnWait is called before each wait for cosigners, with the number of entries that wait and why
	// they do. It may be nil.
	OnWait func(entries int, why error)
	// OnReject is called for each thing that will not be in the log as it was, with an *InputError,
	// *EventError or *EntryError. It may be nil.
	OnReject func(error)
	// OnNote is called for each thing that was not understood of an event that was taken. It may be
	// nil. Of these functions one is called at a time.
	OnNote func(Noted)
}

// Noted is a note on an event that was taken.
type Noted struct {
	Input  string // name
	Number int    // of the event, from 1
	Line   int    // on which it begins, from 1
	audit.Note
}

// Agent is the source's side of one stream. It is not safe for concurrent use.
type Agent struct {
	Config
	receipts *Receipts
	outbox   *outbox
	log      *fetch.Log
	waited   atomic.Bool // for another agent's turn, which is said once
	met      bool        // the log's checkpoint was held against the last one in this run
}

// Open opens the outbox. If the outbox belongs to another stream, the error is a *StreamError. The
// caller must close the agent.
func Open(ctx context.Context, c Config) (*Agent, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	receipts, err := NewReceipts(c.Client.Base, c.LogKey)
	if err != nil {
		return nil, err
	}
	if c.Policy != nil {
		if err := receipts.under(c.Policy); err != nil {
			return nil, err
		}
	}
	receipts.now = c.Now
	log, err := fetch.Open(c.Client.Base)
	if err != nil {
		return nil, err
	}
	log.MaxWait(c.Client.MaxWait)
	o, err := openOutbox(ctx, c.Outbox, c.Org, c.Source, c.LogKey)
	if err != nil {
		return nil, err
	}
	o.most = c.Receipts
	a := &Agent{Config: c, receipts: receipts, outbox: o, log: log}
	if a.Client.Token == nil { // receipts are read by their submitter
		own := *c.Client
		own.Token = func() (string, error) {
			return register.SignCaller(c.Signer, receipts.Origin(), c.Org, c.Source, time.Now())
		}
		a.Client = &own
	}
	return a, nil
}

func (c *Config) complete() error {
	if c.Batch == 0 {
		c.Batch = DefaultBatch
	}
	if c.Batch < 1 || c.Batch > client.MaxEntries {
		return fmt.Errorf("the batch size must be from 1 to %[2]d, not %[1]d", c.Batch, client.MaxEntries)
	}
	if err := c.Map.Check(); err != nil {
		return fmt.Errorf("the mapping: %w", err)
	}
	if c.Receipts < 0 || c.Wait < 0 || c.Poll < 0 {
		return errors.New("the room for receipts, and the times to wait, must not be negative")
	}
	if c.Receipts == 0 {
		c.Receipts = DefaultReceipts
	}
	if c.Poll == 0 {
		c.Poll = DefaultPoll
	}
	if c.Evidence == "" {
		c.Evidence = c.Outbox + ".evidence"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnSent == nil {
		c.OnSent = func(int) {}
	}
	if c.OnWait == nil {
		c.OnWait = func(int, error) {}
	}
	if c.OnReject == nil {
		c.OnReject = func(error) {}
	}
	if c.OnNote == nil {
		c.OnNote = func(Noted) {}
	}
	return nil
}

// Close closes the outbox.
func (a *Agent) Close() error { return a.outbox.close() }

// common returns the start of an entry for this log.
func (a *Agent) common() entry.Common {
	return entry.Common{Issuer: a.Org, Audience: a.receipts.Origin()}
}
