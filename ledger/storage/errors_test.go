package storage

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"igledger/internal/testdb"
)

// TestRetry runs a transaction that fails in each way a number of times and then succeeds, and
// counts its runs. Time is synctest's: a wait takes none.
func TestRetry(t *testing.T) {
	restart := &pgconn.PgError{Code: "CR000"}
	for _, c := range []struct {
		name     string
		err      error
		failures int           // before the run that succeeds
		takes    time.Duration // each run
		once     bool          // the transaction cannot tell whether it was done: updateOnce
		runs     int
		want     error // nil: success
	}{
		{"no failure", nil, 0, 0, false, 1, nil},
		{"restart", errConflict, 3, 0, false, 4, nil},
		{"CockroachDB's old restart", restart, 3, 0, false, 4, nil},
		{"restart, wrapped", fmt.Errorf("appending: %w", errConflict), 3, 0, false, 4, nil},
		{"restart as often as allowed", errConflict, maxRetries, 0, false, maxRetries + 1, nil},
		{"restart for ever", errConflict, 1000, 0, false, maxRetries + 1, ErrUnavailable},
		{"restart, slow", errConflict, 1000, 11 * time.Second, false, 3, ErrUnavailable},
		{"deadlock", errDeadlock, 3, 0, false, 4, nil},
		{"deadlock as often as allowed", errDeadlock, maxRetries, 0, false, maxRetries + 1, nil},
		{"deadlock for ever", errDeadlock, 1000, 0, false, maxRetries + 1, ErrUnavailable},
		{"deadlock, slow", errDeadlock, 1000, 11 * time.Second, false, 3, ErrUnavailable},
		{"lost", errLost, lostRetries, 0, false, lostRetries + 1, nil},
		{"lost for ever", errLost, 1000, 0, false, lostRetries + 1, ErrUnavailable},
		{"lost, slow", errLost, 1000, 11 * time.Second, false, 1, ErrUnavailable},
		{"ambiguous", errAmbiguous, lostRetries, 0, false, lostRetries + 1, nil},
		{"disk full", errDisk, 1, 0, false, 1, ErrUnavailable},
		{"final", errFinal, 1, 0, false, 1, errFinal},
		{"once, restart", errConflict, 3, 0, true, 4, nil},
		{"once, deadlock", errDeadlock, 3, 0, true, 4, nil},
		{"once, lost", errLost, 1, 0, true, 1, ErrUnavailable},
		{"once, ambiguous", errAmbiguous, 1, 0, true, 1, ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run := update
				if c.once {
					run = updateOnce
				}
				runs := 0
				err := run(t.Context(), func(context.Context) error {
					time.Sleep(c.takes)
					if runs++; runs <= c.failures {
						return c.err
					}
					return nil
				})
				if !errors.Is(err, c.want) || runs != c.runs {
					t.Errorf("%d runs, %v; want %d, %v", runs, err, c.runs, c.want)
				}
				if c.err != nil && c.want != nil && !errors.Is(err, c.err) {
					t.Errorf("%v hides the database's own error", err)
				}
			})
		})
	}
}

// TestRetryMixed: the two loops of retry share their limits.
func TestRetryMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		err := update(t.Context(), func(context.Context) error {
			runs++
			return []error{errConflict, errDeadlock}[runs%2]
		})
		if !errors.Is(err, ErrUnavailable) || runs != maxRetries+1 {
			t.Errorf("%d runs, %v", runs, err)
		}
	})
}

// TestRetryCancelled: a caller that goes away during a wait ends it, and its error is its own.
func TestRetryCancelled(t *testing.T) {
	for _, failure := range []error{errConflict, errDeadlock, errLost} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			runs := 0
			err := update(ctx, func(context.Context) error {
				runs++
				cancel()
				return failure
			})
			if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) || runs != 1 {
				t.Errorf("%v: %d runs, %v", failure, runs, err)
			}
		})
	}
}

// TestRetryBusyFile makes SQLite itself answer SQLITE_BUSY, which cockroach-go does not know.
func TestRetryBusyFile(t *testing.T) {
	ctx := context.Background()
	dsn := testdb.SQLite(t)
	holder, s := openTest(t, dsn), openTest(t, dsn)
	w := <-s.db.(*liteDB).writer
	if _, err := w.conn.ExecContext(ctx, "PRAGMA busy_timeout(0)"); err != nil {
		t.Fatal(err)
	}
	s.db.(*liteDB).writer <- w
	held, err := holder.db.begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	err = update(ctx, func(ctx context.Context) error {
		if runs++; runs == 3 {
			held.rollback()
		}
		tx, err := s.db.begin(ctx)
		if err != nil {
			return err
		}
		defer tx.rollback()
		return tx.commit(ctx)
	})
	if err != nil || runs != 3 {
		t.Errorf("%d runs, %v", runs, err)
	}
}
