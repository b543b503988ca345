package storage

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
)

// Op is one SQL statement, with its arguments and what to do with its rows.
//
// A statement over a set of rows is a Form, because the engines differ in what they are fast with.
// PostgreSQL and CockroachDB take arrays: one statement for the whole set, one array parameter per
// column.
type Op struct {
	SQL    string // placeholders $1, $2, …; Args first, then one per column
	Lite   string // what SQLite runs instead; "" means SQL as it is
	Roach  string // what CockroachDB runs instead; "" means SQL as it is
	Args   []any  // int64, string, []byte, *int64, no bool: one Go type per SQL type
	Cols   []any  // []int64 or [][]byte, all of one length
	Scan   func(scan func(dest ...any) error) error
	Fresh  func() // called before each run, if set: a statement may run again after it returned some rows
	Expect int64  // if > 0: fail unless exactly this number of rows was changed
}

// Runner runs statements in order, inside a transaction or outside.
type Runner func(ctx context.Context, ops ...Op) error

// tx is an open read-write transaction. The first error ends it: only rollback may follow.
type tx interface {
	// do runs the statements in order, in one round trip if the engine has round trips.
	do(ctx context.Context, ops ...Op) error
	// commit runs the statements and commits, in the same round trip. When it fails, the
	// transaction may nevertheless have been committed, if the error says the connection is lost.
	commit(ctx context.Context, ops ...Op) error
	// rollback undoes the transaction and releases its connection. After a commit it does nothing.
	rollback()
}

// database is what the three engines have in common. Tests inject failures between it and a
// Storage.
type database interface {
	engine() Engine
	// begin opens a read-write transaction and runs the statements in it. On SQLite the transaction
	// holds the database's only write lock from here on. On the other engines it holds only the
	// locks that the statements take.
	begin(ctx context.Context, ops ...Op) (tx, error)
	// read runs statements outside any transaction. Each sees what was committed before it.
	read(ctx context.Context, ops ...Op) error
	// snapshot runs statements in one read-only transaction: all see the same state. It is bounded
	// by ctx alone, and never run again.
	snapshot(ctx context.Context, ops ...Op) error
	// migrate brings a schema up to date.
	migrate(ctx context.Context, of schema) error
	size(ctx context.Context) (uint64, error)
	connections() Pool
	close() error
}

// Pool says how many connections to the database a process has.
type Pool struct{ InUse, Idle, Most int }

// Pool returns the connections: of SQLite those that read, besides which there is one that writes.
func (s *Storage) Pool() Pool { return s.db.connections() }

// in returns the statement as an engine is asked.
func (o *Op) in(e Engine) string {
	switch {
	case e == SQLite && o.Lite != "":
		return o.Lite
	case e == CockroachDB && o.Roach != "":
		return o.Roach
	}
	return o.SQL
}

// rows returns how many rows the Op runs over: 1 if it has no Cols.
func (o *Op) rows() int {
	if len(o.Cols) == 0 {
		return 1
	}
	switch c := o.Cols[0].(type) {
	case []int64:
		return len(c)
	case [][]byte:
		return len(c)
	}
	panic(fmt.Sprintf("storage: column of type %T", o.Cols[0]))
}

// at returns the arguments of row i, in the memory of into.
func (o *Op) at(i int, into []any) []any {
	into = append(into[:0], o.Args...)
	for _, c := range o.Cols {
		switch c := c.(type) {
		case []int64:
			into = append(into, c[i])
		case [][]byte:
			into = append(into, c[i])
		default:
			panic(fmt.Sprintf("storage: column of type %T", c))
		}
	}
	return into
}

// sorted16 returns the keys of m in ascending order. Statements list their rows in this order, and
// of several faults the first is reported, so that two runs do the same.
func sorted16[V any](m map[[16]byte]V) [][16]byte {
	return slices.SortedFunc(maps.Keys(m), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
}

// sorted32 is sorted16 for keys of 32 bytes.
func sorted32[V any](m map[[32]byte]V) [][32]byte {
	return slices.SortedFunc(maps.Keys(m), func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
}

// nonNil returns an empty slice in place of a nil one, which would be stored as NULL.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
