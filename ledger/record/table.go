package record

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"

	"igledger/ledger/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// table is a record in a row of a database.
type table struct {
	store *storage.Storage
	name  string
}

func openTable(ctx context.Context, dsn, name string) (*table, error) {
	store, err := storage.OpenTables(ctx, dsn, migrations, "signing_record_version")
	if err != nil {
		return nil, err
	}
	return &table{store, name}, nil
}

// Load implements Record.
func (t *table) Load(ctx context.Context) ([]byte, error) {
	var state []byte
	if err := t.store.Read(ctx, t.selected(&state, false)); err != nil {
		return nil, fmt.Errorf("reading the signing record: %w", err)
	}
	return state, nil
}

// selected returns the statement that reads the row, and locks it if asked to.
func (t *table) selected(state *[]byte, locked bool) storage.Op {
	const query = "SELECT state FROM signing_record WHERE name = $1"
	o := storage.Op{
		SQL: query, Lite: query, Args: []any{t.name},
		Fresh: func() { *state = nil },
		Scan:  func(scan func(...any) error) error { return scan(state) },
	}
	if locked {
		o.SQL += " FOR UPDATE"
	}
	return o
}

// Swap implements Record. It may run twice, if the answer to a commit was lost: the second run
// finds the state that the first has written.
func (t *table) Swap(ctx context.Context, old, next []byte) error {
	first := true
	err := t.store.Transact(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		again := !first
		first = false
		var now []byte
		if err := run(ctx, t.selected(&now, true)); err != nil {
			return nil, err
		}
		switch {
		case again && bytes.Equal(now, next):
			return nil, nil
		case !bytes.Equal(now, old):
			return nil, ErrMoved
		case now == nil:
			// Without a row there was nothing to lock: of two that insert, one fails.
			const insert = "INSERT INTO signing_record (name, state) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
			return []storage.Op{{SQL: insert, Args: []any{t.name, next}, Expect: 1}}, nil
		}
		return []storage.Op{{
			SQL:  "UPDATE signing_record SET state = $1 WHERE name = $2 AND state = $3",
			Args: []any{next, t.name, old}, Expect: 1,
		}}, nil
	})
	if errors.Is(err, storage.ErrNotFound) { // a row was not as it was when the transaction began
		err = ErrMoved
	}
	if err != nil {
		return fmt.Errorf("writing the signing record: %w", err)
	}
	return nil
}

// Close implements Record.
func (t *table) Close() error { return t.store.Close() }

// String implements Record.
func (t *table) String() string {
	return fmt.Sprintf("a table in another %s database", t.store.Engine())
}
