package record

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"sync"

	"igledger/ledger/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

var tables = storage.Tables{Files: migrations, Versions: "signing_record_version"}

// table is a record in a row of a database. The first Swap makes the table: a record that is only
// read leaves nothing behind where there is none.
type table struct {
	dsn, name string

	mu    sync.Mutex
	store *storage.Storage // nil until there is a table
}

func openTable(ctx context.Context, dsn, name string) (*table, error) {
	t := &table{dsn: dsn, name: name}
	_, err := t.opened(ctx, tables.Open)
	if errors.Is(err, storage.ErrNoDatabase) {
		err = nil
	}
	return t, err
}

func (t *table) opened(
	ctx context.Context, open func(context.Context, string) (*storage.Storage, error),
) (*storage.Storage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.store != nil {
		return t.store, nil
	}
	store, err := open(ctx, t.dsn)
	if err == nil {
		t.store = store
	}
	return store, err
}

// Load implements Record.
func (t *table) Load(ctx context.Context) ([]byte, error) {
	store, err := t.opened(ctx, tables.Open)
	if errors.Is(err, storage.ErrNoDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signing record: %w", err)
	}
	var state []byte
	if err := store.Read(ctx, t.selected(&state, false)); err != nil {
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
	store, err := t.opened(ctx, tables.Create)
	if err != nil {
		return fmt.Errorf("writing the signing record: %w", err)
	}
	first := true
	err = store.Transact(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
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
func (t *table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.store == nil {
		return nil
	}
	return t.store.Close()
}

// String implements Record. It does not name what a URL may hold beside the place: a password.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if path, ok := strings.CutPrefix(t.dsn, "sqlite:"); ok {
		return "the SQLite file " + strings.TrimPrefix(path, "//")
	}
	if t.store == nil {
		return "a table in another database"
	}
	return fmt.Sprintf("a table in another %s database", t.store.Engine())
}
