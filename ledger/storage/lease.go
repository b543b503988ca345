package storage

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/trillian"
)

// A lease says that a process has a tree open to append to it. It has an end by the database's
// clock, so that a process that was killed does not count for long. Any number of processes may
// have one. A rebuild needs that there is none, and so does a migration: see InUseError. Whoever
// takes or renews one learns whether the tables are newer than its program, because a migration may
// have begun before its first.

// Holder names the holder of a lease.
type Holder [16]byte

// InUseError means that processes have the tree open to append to it.
type InUseError struct {
	Holders int
	Ends    time.Duration // when the last lease ends unless it is renewed
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("the log is open to append to it (%d times). Stop every igledger serve first; one that was killed "+
		"counts for another %s at most", e.Holders, e.Ends.Round(time.Second))
}

// The database's clock, in ms since 1970.
const (
	nowSQL  = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS INT8)"
	nowLite = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
)

// Lease gives holder a lease on the tree for life from now on, or renews it. It returns
// ErrNewerSchema if a newer program has changed the tables.
func (s *Storage) Lease(ctx context.Context, tree *trillian.Tree, holder Holder, life time.Duration) error {
	const drop = "DELETE FROM lease WHERE tree = $1 AND expires < "
	const insert = "INSERT INTO lease (tree, holder, expires) VALUES ($1, $2, "
	const renew = " + $3) ON CONFLICT (tree, holder) DO UPDATE SET expires = excluded.expires"
	num, err := s.Number(ctx, tree)
	known, wrong := version()
	if err = errors.Join(err, wrong); err == nil {
		err = s.Transact(ctx, func(ctx context.Context, run Runner) ([]Op, error) {
			var h headRow
			var have int64
			err := run(ctx, Op{SQL: "SELECT max(version) FROM schema_version",
				Scan: func(scan func(...any) error) error { return scan(&have) }})
			if err == nil && have > known {
				err = newer(have, known)
			}
			if err != nil {
				return nil, err
			}
			return []Op{
				{SQL: drop + nowSQL, Lite: drop + nowLite, Args: []any{int64(num)}},
				{SQL: insert + nowSQL + renew, Lite: insert + nowLite + renew,
					Args: []any{int64(num), holder[:], life.Milliseconds()}},
			}, run(ctx, headOp(num, &h, true)) // a rebuild looks for leases under this lock
		})
	}
	return s.wrap(ctx, "leasing the log", err)
}

// roomBytes is what Room writes: as much as a batch of some hundred entries.
const roomBytes = 256 << 10

// Room returns nil if there is room on the disk for a batch of entries, ErrFull if there is not. It
// writes as many bytes into holder's lease, which must exist, and takes them out again. Renewing a
// lease tells nothing of room, because the new row takes the place of the old one. The bytes are
// random, so that no database packs them.
func (s *Storage) Room(ctx context.Context, tree *trillian.Tree, holder Holder) error {
	num, err := s.Number(ctx, tree)
	const set = "UPDATE lease SET room = $3 WHERE tree = $1 AND holder = $2"
	room := make([]byte, roomBytes)
	rand.Read(room)
	for _, bytes := range [][]byte{room, {}} { // two transactions: what one writes and deletes needs no room
		if err == nil {
			err = s.write(ctx, Op{SQL: set, Args: []any{int64(num), holder[:], bytes}, Expect: 1})
		}
	}
	return s.wrap(ctx, "asking whether there is room for entries", err)
}

// EndLease gives a lease back.
func (s *Storage) EndLease(ctx context.Context, tree *trillian.Tree, holder Holder) error {
	num, err := s.Number(ctx, tree)
	if err == nil {
		err = s.write(ctx, Op{SQL: "DELETE FROM lease WHERE tree = $1 AND holder = $2", Args: []any{int64(num), holder[:]}})
	}
	return s.wrap(ctx, "ending a lease", err)
}

// newer returns the error of a program that knows an older version of the tables.
func newer(have, known int64) error {
	return fmt.Errorf("%w: the schema has version %d, this program knows up to %d", ErrNewerSchema, have, known)
}

const (
	countLeases = "SELECT count(*), coalesce(max(expires) - "
	liveLeases  = ", 0) FROM lease WHERE expires >= "
)

// leased returns an *InUseError if there is a lease on any tree.
func leased(ctx context.Context, e Engine, db *sql.DB) error {
	now := nowSQL
	if e == SQLite {
		now = nowLite
	}
	var n, ends int64
	err := db.QueryRowContext(ctx, countLeases+now+liveLeases+now).Scan(&n, &ends)
	return inUse(n, ends, err)
}

func inUse(n, ends int64, err error) error {
	if err == nil && n > 0 {
		return &InUseError{int(n), time.Duration(ends) * time.Millisecond}
	}
	return err
}

// unused returns an *InUseError if there is a lease on the tree. The caller holds the tree's head.
func unused(ctx context.Context, run Runner, num TreeNumber) error {
	const of = " AND tree = $1"
	var n, ends int64
	err := run(ctx, Op{
		SQL: countLeases + nowSQL + liveLeases + nowSQL + of, Lite: countLeases + nowLite + liveLeases + nowLite + of,
		Args: []any{int64(num)}, Scan: func(scan func(...any) error) error { return scan(&n, &ends) },
	})
	return inUse(n, ends, err)
}

// Accepts returns nil if the tree accepts leaves, ErrFrozen if it does not. It does not read the
// head of a tree that was seen to have leaves: on CockroachDB it would wait for its writer.
func (s *Storage) Accepts(ctx context.Context, tree *trillian.Tree) error {
	num, err := s.Number(ctx, tree)
	var a AppendTx
	if err == nil {
		a.num = num
		ops := a.lookups(Lookup{})
		ops[0] = headOp(num, &a.row, false)
		if seen, ok := s.sizes.Load(num); ok && seen.(uint64) > 0 {
			a.row.found, a.row.signed = true, new(int64) // and stays so
			ops = ops[1:]
		}
		err = s.Read(ctx, ops...)
	}
	if err == nil {
		err = a.accepts()
	}
	return s.wrap(ctx, "asking whether the log can be appended to", err)
}
