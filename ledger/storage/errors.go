package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/cockroach-go/v2/crdb"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that callers can test for with errors.Is. Errors never carry anything of a leaf's content.
var (
	// ErrNotFound: no such tree, leaf or tile (yet).
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the database cannot be reached, does not answer in time, or is too contended.
	// After a write it means that the outcome is unknown: repeat it with the same keys and it is
	// stored once.
	ErrUnavailable = errors.New("database unavailable")
	// ErrFrozen: the tree does not take leaves: frozen, deleted, or not a pre-ordered log.
	ErrFrozen = errors.New("tree does not accept leaves")
	// ErrMisuse: the caller broke a rule of AppendTx. Nothing was stored.
	ErrMisuse = errors.New("append rule broken")
	// ErrTooLarge: a leaf's value exceeds what an entry bundle can hold (MaxValue).
	ErrTooLarge = errors.New("leaf value too large")
	// ErrTooMany: there is more than the caller wants to hold in memory.
	ErrTooMany = errors.New("too many leaves")
	// ErrCorrupt: stored hashes contradict each other.
	ErrCorrupt = errors.New("stored log is corrupt")
	// ErrNewerSchema: the database was migrated by a newer igledger.
	ErrNewerSchema = errors.New("database schema is newer than this program")
)

// statementTimeout bounds every round trip: a dying CockroachDB node otherwise keeps a statement
// hanging for 20 seconds, and PostgreSQL waits for a lock for ever.
const statementTimeout = 10 * time.Second

const (
	// maxContention is how long a transaction is run again for: other writers may hold a database
	// longer than 64 short waits.
	maxContention   = 3 * statementTimeout
	conflictRetries = 64 // re-runs after a serialization failure, deadlock or busy database
	lostRetries     = 4  // re-runs after a lost connection: another node may answer
)

// lostError marks an error of the connection, as opposed to an answer of the database: whether the
// last statement took effect is unknown.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// retryError tells crdb.ExecuteCtx, which looks for SQLSTATE 40001, to run the transaction again.
type retryError struct{ err error }

func (e *retryError) Error() string    { return e.err.Error() }
func (e *retryError) Unwrap() error    { return e.err }
func (e *retryError) SQLState() string { return "40001" }

type outcome int

const (
	final    outcome = iota // an answer: running it again would give the same
	conflict                // not done, run again
	lost                    // unknown whether done; run again, starting with the look-ups
	away                    // not done, and will not be for a while
)

func outcomeOf(err error) outcome {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01", "CR000": // serialization failure, deadlock, CockroachDB's old restart
			return conflict
		case "40003": // statement completion unknown: CockroachDB's ambiguous result
			return lost
		case "57P01", "57P02", "57P03", "25P03": // shut down, crashed, starting, idle in transaction too long
			return lost
		case "53300", "53100", "53200", "57014", "55P03", "58030": // connections, disk, memory, canceled, lock, I/O
			return away
		}
		if len(pg.Code) == 5 && pg.Code[:2] == "08" { // connection exceptions
			return lost
		}
		return final
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return conflict
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
			return away
		}
		return final
	}
	var l *lostError
	if errors.As(err, &l) {
		return lost
	}
	return final
}

// update runs one whole transaction, f, again and again until it is not the database's fault.
// f must begin with looking up what it is about to store: after a lost connection an earlier run may
// have been committed. crdb.ExecuteCtx, and not ExecuteTx: see DESIGN.md, section 8.
func update(ctx context.Context, f func(ctx context.Context) error) error {
	return retry(ctx, lostRetries, f)
}

// updateOnce is update for an f that cannot tell whether it was already done: run again only if the
// database says that it was not.
func updateOnce(ctx context.Context, f func(ctx context.Context) error) error {
	return retry(ctx, 0, f)
}

func retry(ctx context.Context, lostRetries int, f func(ctx context.Context) error) error {
	policy := &crdb.ExpBackoffRetryPolicy{RetryLimit: conflictRetries, BaseDelay: time.Millisecond, MaxDelay: 200 * time.Millisecond}
	losses, began := 0, time.Now()
	err := crdb.ExecuteCtx(crdb.WithRetryPolicy(ctx, policy), func(ctx context.Context, _ ...any) error {
		err := f(ctx)
		if err == nil {
			return nil
		}
		switch outcomeOf(err) {
		case conflict:
			if time.Since(began) < maxContention {
				return &retryError{err}
			}
		case lost:
			// A database that hangs until the deadline is not asked again.
			if losses++; losses <= lostRetries && time.Since(began) < statementTimeout {
				return &retryError{err}
			}
		}
		return err
	})
	return unavailable(ctx, err)
}

// unavailable says ErrUnavailable where it is true, and leaves the caller's own cancellation alone.
func unavailable(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	var many *crdb.MaxRetriesExceededError
	if outcomeOf(err) != final || errors.As(err, &many) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
