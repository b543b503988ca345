// Package source is the agent of an organisation that reports accesses to a ledger. It reads FHIR
// AuditEvents, signs them with the source's own key, keeps them in a durable outbox, submits them
// with retry, and checks each receipt. Once a day it makes the stream's heartbeats.
//
// Promised: the content of an entry leaves the outbox only when its receipt was checked, or when
// the ledger refused the entry permanently, which is reported and counted. If the process is killed
// at any point, nothing is lost or duplicated: events that were not in the outbox are read from the
// same input again, and what was in the outbox is sent again as signed, which the ledger
// recognises. Every event of an input is taken in once, however often the input is read.
//
// Not promised: that events reach the agent at all, or that the sequence numbers of two outboxes
// for one stream do not clash. The outbox contains personal data until receipts arrive. Only the
// owner can read the file, but it is not encrypted, and SQLite may leave deleted data in its free
// pages. An entry that was refused permanently is not corrected or signed again. No error or
// callback contains a personal datum.
package source

import (
	"context"
	"fmt"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// DefaultBatch is how many entries a request carries if Config.Batch is 0.
const DefaultBatch = 256

// Config configures an agent. The fields down to Outbox are required.
type Config struct {
	Client *client.Client // calls the ledger and retries; its OnRetry reports an outage
	LogKey string         // verifier key of the log, obtained from another place than the ledger
	Org    string         // id of the organisation that signs
	Signer *wire.Signer   // its key for submission
	Source string         // name of the reporting system; sequence numbers count per source
	Outbox string         // path of the SQLite file, which is made if it does not exist

	Batch  int               // entries per request, at most client.MaxEntries; 0: DefaultBatch
	Now    func() time.Time  // nil: time.Now
	OnSent func(entries int) // called when entries are settled; may be nil
	// OnReject is called for each thing that will not be in the log, with an *InputError,
	// *EventError or *EntryError. It may be nil.
	OnReject func(error)
}

// Agent is the source's side of one stream. It is not safe for concurrent use.
type Agent struct {
	Config
	receipts *Receipts
	outbox   *outbox
}

// Open opens the outbox. If the outbox belongs to another stream, the error is a *StreamError. The
// caller must close the agent.
func Open(ctx context.Context, c Config) (*Agent, error) {
	if c.Batch == 0 {
		c.Batch = DefaultBatch
	}
	if c.Batch < 1 || c.Batch > client.MaxEntries {
		return nil, fmt.Errorf("the batch size must be from 1 to %[2]d, not %[1]d", c.Batch, client.MaxEntries)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnSent == nil {
		c.OnSent = func(int) {}
	}
	if c.OnReject == nil {
		c.OnReject = func(error) {}
	}
	receipts, err := NewReceipts(c.Client.Base, c.LogKey)
	if err != nil {
		return nil, err
	}
	o, err := openOutbox(ctx, c.Outbox, c.Org, c.Source, c.LogKey)
	if err != nil {
		return nil, err
	}
	return &Agent{c, receipts, o}, nil
}

// Close closes the outbox.
func (a *Agent) Close() error { return a.outbox.close() }

// common returns the start of an entry for this log.
func (a *Agent) common() entry.Common {
	return entry.Common{Issuer: a.Org, Audience: a.receipts.Origin()}
}
