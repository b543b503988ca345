package ledger

import (
	"errors"
	"fmt"
	"time"

	"igledger/ledger/vault"
)

// Errors of this package, to be tested with errors.Is. Refusals of an entry for its form, key or signature are entry.Code errors; a
// database that is away is storage.ErrUnavailable.
var (
	ErrNoLog    = errors.New("no log of this origin in the database")
	ErrExists   = errors.New("a log of this origin exists")
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("an entry with this iss and jti and other content is in the log")
	ErrFuture   = errors.New("a time of the entry lies more than 5 minutes ahead")
	ErrBusy     = errors.New("the queue is full")
	ErrClosed   = errors.New("the ledger is shutting down")
	ErrKeys     = vault.ErrKeys
	ErrErased   = vault.ErrErased
	ErrPolicy   = errors.New("the policy is of another log")

	// Of cosignatures that somebody brings.
	ErrForeign        = errors.New("a checkpoint that this log did not sign")
	ErrFork           = errors.New("a checkpoint signed by this log's key that is not of the tree in the database: the log forked, or a backup was restored")
	ErrBadCosignature = errors.New("a cosignature does not verify")
	ErrNoCosigner     = errors.New("no cosignature of a cosigner of the log's policy")
)

// BusyError says that the bounded queue is full: nothing was taken, try again later. It is an ErrBusy.
type BusyError struct{ RetryAfter time.Duration }

func (e *BusyError) Error() string { return fmt.Sprintf("%v, retry after %s", ErrBusy, e.RetryAfter) }

// Unwrap makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Unwrap() error { return ErrBusy }
