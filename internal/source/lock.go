package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"modernc.org/sqlite" // the outbox is an SQLite file
	sqlite3 "modernc.org/sqlite/lib"

	"igledger/verifier/fetch/retry"
)

// locked calls f while no other agent sends what is in the outbox, be it of another process: two at
// a time would sign an entry that was refused in two plainer forms, and one would take the log that
// the other has seen later for a log that went back. Taking events needs no such turn.
func (a *Agent) locked(ctx context.Context, f func() error) error {
	patience := retry.Patience{Max: a.Client.MaxWait}
	unlock, err := lockOutbox(ctx, a.Config.Outbox, func() error {
		if patience.Out(lockPoll) {
			return &retry.GaveUpError{After: a.Client.MaxWait, Err: errTaken}
		}
		if !a.waited.Swap(true) && a.Client.OnRetry != nil { // turns are short, and there may be many
			a.Client.OnRetry(errTaken, lockPoll)
		}
		return nil
	})
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// lockPoll is how long one attempt to lock an outbox takes.
const lockPoll = 200 * time.Millisecond

var errTaken = errors.New("another command is sending what is in this outbox")

// lockOutbox waits until no other agent has the outbox, or until wait, which is called after each
// attempt, returns an error. The lock is that of an SQLite file beside it, which every system has,
// and which ends with the process.
func lockOutbox(ctx context.Context, path string, wait func() error) (unlock func(), err error) {
	path += ".lock"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the outbox: %w", err)
	}
	f.Close()
	db, err := sql.Open("sqlite", address(path, fmt.Sprintf("_pragma=busy_timeout(%d)&_txlock=exclusive", lockPoll.Milliseconds())))
	if err != nil {
		return nil, fmt.Errorf("locking the outbox: %w", err)
	}
	for {
		tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
		switch {
		case err == nil:
			return func() {
				tx.Rollback() //nolint:errcheck // it wrote nothing
				db.Close()
			}, nil
		case !busy(err):
			db.Close()
			return nil, fmt.Errorf("locking the outbox: %w", err)
		case ctx.Err() != nil:
			db.Close()
			return nil, ctx.Err()
		}
		if err := wait(); err != nil {
			db.Close()
			return nil, err
		}
	}
}

// busy reports whether another connection has the lock of an SQLite file.
func busy(err error) bool { return code(err) == sqlite3.SQLITE_BUSY }

// code returns SQLite's primary result code, 0 if err is none of SQLite's.
func code(err error) int {
	if e := new(sqlite.Error); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
