// Package source is the agent of an organisation that reports accesses to a ledger. It reads FHIR AuditEvents, signs
// them with the source's own key, keeps them in a durable outbox, submits them with retry, and checks each receipt.
// Once a day it makes the stream's heartbeats.
//
// Promised: the content of an entry leaves the outbox only when its receipt was checked, or when the ledger refused the
// entry for good, which is reported and counted. A process that is killed at any point loses nothing and doubles
// nothing: events that it had not put into the outbox are taken from the same input again, and what it had put there is
// sent again as it was signed, which the ledger recognises. Every event of an input is taken in once, however often the
// input is read.
//
// Not promised: that events reach the agent at all, or that the sequence numbers of two outboxes for one stream do not
// clash. The outbox holds personal data until receipts arrive; the file is readable by its owner only, is not encrypted,
// and SQLite may leave what was deleted in its free pages. An entry refused for good is not corrected or signed again. No
// error or callback carries a personal datum.
package source

import (
	"context"
	"fmt"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// DefaultBatch is how many entries a request carries if Config does not say.
const DefaultBatch = 256

// Config is what an agent needs. The fields down to Outbox are required.
type Config struct {
	Client *client.Client // calls the ledger and retries; its OnRetry tells of an outage
	LogKey string         // verifier key of the log, from elsewhere than the ledger
	Org    string         // id of the organisation that signs
	Signer *wire.Signer   // its key for submission
	Source string         // name of the reporting system; sequence numbers count per source
	Outbox string         // path of the SQLite file, which is made if it does not exist

	Batch    int               // entries a request, at most client.MaxEntries; 0: DefaultBatch
	Now      func() time.Time  // nil: time.Now
	OnSent   func(entries int) // told of entries that were settled; may be nil
	OnReject func(error)       // told of what will not be in the log, an *InputError, *EventError or *EntryError; may be nil
}

// Agent is a source's side of one stream. It is not safe for concurrent use.
type Agent struct {
	Config
	receipts *Receipts
	outbox   *outbox
}

// Open opens the outbox. The caller must close the agent. The error is a *StreamError if the outbox is another stream's.
func Open(ctx context.Context, c Config) (*Agent, error) {
	if c.Batch == 0 {
		c.Batch = DefaultBatch
	}
	if c.Batch < 1 || c.Batch > client.MaxEntries {
		return nil, fmt.Errorf("a batch of %d entries: want 1 to %d", c.Batch, client.MaxEntries)
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

// common is the beginning of an entry for this log.
func (a *Agent) common() entry.Common {
	return entry.Common{Issuer: a.Org, Audience: a.receipts.Origin()}
}
