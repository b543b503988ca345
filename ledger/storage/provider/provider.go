// Package provider is a Trillian storage provider: Trillian's LogStorage and AdminStorage over the
// tables of package storage, for SQLite, PostgreSQL and CockroachDB. igledger itself does not call
// it: it appends by storage.Append.
//
// # What it promises
//
// Trillian's conformance suites pass on every engine, except for the two tests that queue leaves.
// Trees can be administered. A pre-ordered log takes leaves at the indices that they name, and
// Trillian's sequencer integrates them; one log may be appended to by the sequencer and by
// storage.Append in turns. Every change of a tree holds the lock of its head, as an append does.
//
// # What it does not
//
// Only pre-ordered logs (PREORDERED_LOG) are sequenced. A queue assigns indices later, in an order
// that is not the caller's, and costs an INSERT and a DELETE for each leaf; a ledger must know a
// leaf's index when it answers. So QueueLeaves returns codes.Unimplemented. Trees of type LOG can
// be administered and hold leaves, but are not integrated. GetLeavesByHash is a bounded search (see
// there). A leaf whose Merkle leaf hash is not the RFC 6962 hash of its value is stored and
// returned, but not integrated, because tiles are computed from values. A root that a caller stores
// without its nodes is not checked, and has no tiles.
package provider

import (
	"context"
	"embed"
	"fmt"

	trillianstorage "github.com/google/trillian/storage"

	"igledger/ledger/storage"
)

// Provider implements Trillian's LogStorage on a Storage; Admin is its AdminStorage. It is safe for
// concurrent use.
type Provider struct{ s *storage.Storage }

var (
	_ trillianstorage.LogStorage   = (*Provider)(nil)
	_ trillianstorage.AdminStorage = adminStorage{}
	_ trillianstorage.LogTreeTX    = (*logTx)(nil)
)

//go:embed migrations/*.sql
var migrations embed.FS

// New returns a provider on a Storage, which the caller closes. It creates one table in addition to
// those of the Storage.
func New(ctx context.Context, s *storage.Storage) (*Provider, error) {
	if err := s.Migrate(ctx, migrations, "provider_version"); err != nil {
		return nil, wrap("opening", err)
	}
	return &Provider{s}, nil
}

// CheckDatabaseAccessible returns nil if the database answers.
func (p *Provider) CheckDatabaseAccessible(ctx context.Context) error {
	return p.s.CheckDatabaseAccessible(ctx)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("provider: %s: %w", doing, err)
}
