package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

// A log that is open has a lease on its tree, so that a rebuild does not begin beside it.
const (
	leaseLife  = 30 * time.Second
	leaseRenew = leaseLife / 3
)

// readyFor is how long Ready takes for granted that the database and the signing record can be
// written: anyone may ask, and each answer would cost a commit.
const readyFor = time.Second

// leased keeps the lease of an open log.
type leased struct {
	holder storage.Holder
	ended  chan struct{} // closed when the lease was given up

	outdated atomic.Bool   // a newer program has changed the tables
	told     chan struct{} // closed when it has
	tell     sync.Once

	mu      sync.Mutex // one probe at a time
	written time.Time  // when Ready last wrote

	appended atomic.Int64 // when entries were last published, in ns since 1970
}

// lease takes the lease and renews it until the last entry is answered.
func (l *Log) lease(ctx context.Context) error {
	rand.Read(l.leased.holder[:])
	l.leased.told = make(chan struct{})
	if err := l.renew(ctx); err != nil {
		return err
	}
	l.leased.ended = make(chan struct{})
	go func() {
		defer close(l.leased.ended)
		tick := time.NewTicker(leaseRenew)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-l.done:
				l.endLease()
				return
			}
			// A rebuild that began because the lease had ended notices if the log grew.
			if err := l.renew(context.Background()); err != nil {
				l.cfg.Logger.Error("renewing the lease on the log", "error", err)
			}
		}
	}()
	return nil
}

// renew takes or renews the lease. Once it finds that a newer program has changed the tables, this
// process appends nothing more: its rows would lack what the newer one relies on.
func (l *Log) renew(ctx context.Context) error {
	err := l.store.Lease(ctx, l.tree, l.leased.holder, leaseLife)
	if errors.Is(err, storage.ErrNewerSchema) {
		l.leased.outdated.Store(true)
		l.leased.tell.Do(func() { close(l.leased.told) })
	}
	return err
}

// Outdated returns a channel that is closed when a newer program has changed the tables of the
// database. The process must then end.
func (l *Log) Outdated() <-chan struct{} { return l.leased.told }

func (l *Log) endLease() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := l.store.EndLease(ctx, l.tree, l.leased.holder); err != nil {
		l.cfg.Logger.Warn("the lease on the log ends by itself", "within", leaseLife, "error", err)
	}
}

// Stopped returns a *StoppedError if this process has found that the log has stopped, and
// storage.ErrNewerSchema if it is outdated.
func (l *Log) Stopped() error { return l.signing.failure() }

// Ready returns nil if an append would succeed now, and otherwise why it would not: the process
// ends (ErrClosed), the log has stopped (ErrStopped), its signing record cannot be written
// (ErrRecord), there is no room on a disk (ErrFull), the database does not answer or cannot be
// written to (storage.ErrUnavailable), or the tree takes no leaves (storage.ErrFrozen). It writes
// to record and database, unless that or an append has done so within a second. After an append
// that found no room it writes as much as a batch does.
func (l *Log) Ready(ctx context.Context) error {
	l.mu.RLock()
	closed := l.closed
	l.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	if err := l.signing.failure(); err != nil {
		return err
	}
	if err := l.room(); err != nil {
		return err
	}
	if err := l.store.Accepts(ctx, l.tree); err != nil {
		return err
	}
	l.leased.mu.Lock()
	defer l.leased.mu.Unlock()
	now := l.cfg.Now()
	if age := now.Sub(l.leased.written); age >= 0 && age < readyFor && !l.stats.failing.Load() {
		return nil
	}
	if age := now.Sub(time.Unix(0, l.leased.appended.Load())); age >= 0 && age < readyFor && !l.stats.failing.Load() {
		return nil // on a busy log the lease would wait for the head that appends hold
	}
	l.leased.written = time.Time{}
	if err := l.renew(ctx); err != nil {
		return err
	}
	if err := l.signing.ready(ctx); err != nil {
		return err
	}
	if l.stats.full.Load() {
		if err := l.store.Room(ctx, l.tree, l.leased.holder); err != nil {
			return err
		}
		l.stats.full.Store(false)
	}
	l.leased.written = now
	return nil
}

func (l *Log) room() error {
	if l.cfg.Room == nil {
		return nil
	}
	return l.cfg.Room()
}

// CanSign returns an ErrKeys if the log would not take an entry that this process signs for the
// operator: an index root, or a reading. It says so as of the newest entry that this process knows.
func (l *Log) CanSign() error {
	r := l.reg.Load().Register
	operator := r.Genesis.Operator.ID
	if err := r.May(l.cfg.Keys.Operator.KID, operator, entry.PurposeSubmit, entry.RoleSource, anyIndex); err != nil {
		return fmt.Errorf("%w: the operator's key, with which index roots and readings are signed: %w", ErrKeys, err)
	}
	return nil
}
