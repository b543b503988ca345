package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cockroachdb/cockroach-go/v2/crdb"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that callers can test for with errors.Is. Errors never carry anything of a leaf's content.
var (
	// ErrNotFound means that there is no such tree, leaf or tile (yet).
	ErrNotFound = errors.New("not found")
	// ErrNoDatabase means that what was to be opened is no database that Create has made.
	ErrNoDatabase = errors.New("no ledger's database")
	// ErrUnavailable means that the database cannot be reached, does not answer in time, or is too
	// contended. After a write the outcome is unknown: repeat the write with the same keys, and it
	// is stored once.
	ErrUnavailable = errors.New("database unavailable")
	// ErrFull means that the disk, or what the database may use of it, is full. It is an
	// ErrUnavailable.
	ErrFull = fmt.Errorf("%w: there is no room on the disk", ErrUnavailable)
	// ErrFrozen means that the tree does not accept leaves: it is frozen, deleted, or not a
	// pre-ordered log.
	ErrFrozen = errors.New("tree does not accept leaves")
	// ErrMisuse means that the caller broke a rule of AppendTx. Nothing was stored.
	ErrMisuse = errors.New("append rule broken")
	// ErrTooLarge means that a leaf's value is larger than an entry bundle can hold (MaxValue).
	ErrTooLarge = errors.New("leaf value too large")
	// ErrTooMany means that there are more leaves than the caller wants to hold in memory.
	ErrTooMany = errors.New("too many leaves")
	// ErrCorrupt means that stored data contradict each other.
	ErrCorrupt = errors.New("stored log is corrupt")
	// ErrNewerSchema means that the database was migrated by a newer igledger.
	ErrNewerSchema = errors.New("database schema is newer than this program")
)

// statementTimeout bounds every round trip: a dying CockroachDB node otherwise keeps a statement
// hanging for 20 seconds, and PostgreSQL waits for a lock for ever.
const statementTimeout = 10 * time.Second

// appendTimeout is statementTimeout for appends on CockroachDB. After a node has died, its ranges
// are silent until their lease ends, about 9 s. What was sent to it hangs for longer, and another
// node could take it by then. maxContention and statementTimeout bound all runs together.
const appendTimeout = 3 * time.Second

// roundTrip is a context's key for the time that each round trip of a transaction may take.
type roundTrip struct{}

// unbounded is for work that takes as long as the tables are large.
const unbounded = time.Duration(math.MaxInt64)

// bounded returns the context of one round trip of a transaction.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limit, ok := ctx.Value(roundTrip{}).(time.Duration)
	switch {
	case !ok:
		limit = statementTimeout
	case limit == unbounded:
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// The limits of retry.
const (
	// maxContention is how long a transaction is run again after conflicts: other writers may hold
	// a database for longer than 64 short waits take.
	maxContention = 3 * statementTimeout
	maxRetries    = 64 // re-runs of a transaction, whatever the reason
	lostRetries   = 4  // re-runs after a lost connection: another node may answer
	maxDelay      = 200 * time.Millisecond
)

// lostError marks an error of the connection, as opposed to an answer of the database: whether the
// last statement took effect is unknown.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

type outcome int

const (
	final    outcome = iota // an answer: another run would return the same
	conflict                // not done: run again
	lost                    // unknown whether it was done: run again, starting with the look-ups
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
		// connections, disk, memory, canceled, lock, I/O
		case "53300", "53100", "53200", "57014", "55P03", "58030":
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
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
			sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
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

// update runs one whole transaction, f, until it succeeds or fails for a reason other than the
// state of the database. f must begin by looking up what it is about to store: after a lost
// connection an earlier run may have been committed.
func update(ctx context.Context, f func(ctx context.Context) error) error {
	return retry(ctx, lostRetries, f)
}

// updateOnce is update for an f that cannot tell whether it was already done. It runs f again only
// if the database says that f was not done.
func updateOnce(ctx context.Context, f func(ctx context.Context) error) error {
	return retry(ctx, 0, f)
}

// retry runs f again in two loops. The inner one is cockroach-go's, for the errors by which a
// database asks for a restart (SQLSTATE 40001). It is crdb.ExecuteCtx and not ExecuteTx, which
// loses commits on PostgreSQL: see docs/DESIGN.md. The outer one is for what that library does not
// retry: deadlocks, a busy SQLite file, lost connections and ambiguous commits. The limits hold for
// both together.
func retry(ctx context.Context, maxLosses int, f func(ctx context.Context) error) error {
	a := &attempts{began: time.Now(), maxLosses: maxLosses}
	for {
		err := crdb.ExecuteCtx(crdb.WithRetryPolicy(ctx, a), func(ctx context.Context, _ ...any) error { return f(ctx) })
		if err == nil {
			return nil
		}
		delay, err := a.next(err)
		if err != nil {
			return unavailable(ctx, err)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attempts counts the failed runs of one transaction. It is a crdb.RetryPolicy for that transaction
// alone.
type attempts struct {
	began        time.Time
	runs, losses int
	maxLosses    int
}

// NewRetry implements crdb.RetryPolicy.
func (a *attempts) NewRetry() crdb.RetryFunc { return a.next }

// next takes the error of a run and returns how long to wait before the next run, or that error if
// there must be none. Once it refuses an error it refuses it for ever.
func (a *attempts) next(err error) (time.Duration, error) {
	a.runs++
	spent := time.Since(a.began)
	again := false
	switch outcomeOf(err) {
	case conflict:
		again = spent < maxContention
	case lost:
		a.losses++
		// A database that hangs is not asked again.
		again = a.losses <= a.maxLosses && spent < statementTimeout
	}
	if !again || a.runs > maxRetries {
		return 0, err
	}
	return min(time.Millisecond<<min(a.runs-1, 8), maxDelay), nil
}

// unavailable adds ErrUnavailable to an error that comes from the database's state, but not to the
// caller's own cancellation.
func unavailable(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || ctx.Err() != nil || outcomeOf(err) == final {
		return err
	}
	if full(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// full reports whether a database says that its disk is full.
func full(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "53100"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_FULL
}
