package ledger

import (
	"errors"
	"fmt"
	"time"

	"igledger/ledger/storage"
	"igledger/ledger/vault"
)

// Errors of this package, to be tested with errors.Is. An entry that is refused for its form, key
// or signature gets a wire.Code error. If the database does not answer, the error is
// storage.ErrUnavailable.
var (
	ErrNoLog    = errors.New("the database has no log with this origin")
	ErrExists   = errors.New("a log with this origin already exists")
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("the log has an entry with this iss and jti but other content")
	ErrFuture   = errors.New("a time of the entry is more than 5 minutes in the future")
	ErrNoAccess = errors.New("the log has no access that this source reported")
	ErrBusy     = errors.New("the queue is full")
	ErrClosed   = errors.New("the ledger is shutting down")
	ErrKeys     = vault.ErrKeys
	ErrErased   = vault.ErrErased
	ErrFull     = storage.ErrFull
	ErrPolicy   = errors.New("the policy is for another log")

	// ErrNotWitnessed says that the entry is in the log, but that no checkpoint with a quorum
	// covers it.
	ErrNotWitnessed = errors.New("no checkpoint that reached its quorum covers the entry yet")

	// Errors of AddCosignatures.
	ErrForeign = errors.New("this log did not sign the checkpoint")
	ErrFork    = errors.New("the checkpoint is signed by this log's key but is not of the tree in the database: " +
		"the log was forked, or restored from a backup")
	ErrBadCosignature = errors.New("a cosignature does not verify")
	ErrNoCosigner     = errors.New("no cosignature is by a cosigner of the log's policy")
)

// BusyError says that the queue is full. Nothing was taken; the caller tries again after
// RetryAfter. It is an ErrBusy.
type BusyError struct{ RetryAfter time.Duration }

func (e *BusyError) Error() string { return fmt.Sprintf("%v, retry after %s", ErrBusy, e.RetryAfter) }

// Unwrap makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Unwrap() error { return ErrBusy }
