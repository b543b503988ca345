package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // the pure Go driver, registered as "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// liteDB is one SQLite file: many readers, and one writer at a time on one connection of its own
// whose statements stay prepared.
type liteDB struct {
	reader *sql.DB
	pool   *sql.DB
	writer chan *liteConn // holds the writer's connection while no transaction does
	temp   string         // directory to remove on close, for ":memory:"

	mu    sync.Mutex
	stmts map[string]*sql.Stmt // the readers'
}

// liteConn is the writer's connection. conn is nil until it is needed, and again after it broke.
type liteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// ready opens the connection if need be.
func (w *liteConn) ready(ctx context.Context, pool *sql.DB) (err error) {
	if w.conn == nil {
		w.conn, err = pool.Conn(ctx)
		w.stmts = map[string]*sql.Stmt{}
	}
	return err
}

// drop closes a connection whose state is unknown, and keeps the pool from using it again.
func (w *liteConn) drop() {
	for _, s := range w.stmts {
		_ = s.Close()
	}
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn, w.stmts = nil, nil
}

// pageSize is 32 KiB. A leaf with its opening is one to two kilobytes and rows do not span pages,
// so the unused end of a page matters: about 120 bytes a leaf at SQLite's 8 KiB, 40 here. Larger
// pages would cost more WAL for the few rows that are written in random order (chains).
const pageSize = 32768

// inMemory is the path of a database that is new each time.
const inMemory = ":memory:"

// existingSQLite returns ErrNoDatabase unless the file has the table of versions. It changes
// nothing, as opening the file for use would: that makes a file, a journal and other settings.
func existingSQLite(ctx context.Context, path, versions string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		folder := filepath.Dir(path)
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: there is no folder %s", ErrNoDatabase, folder)
		}
		return fmt.Errorf("%w: there is no file %s", ErrNoDatabase, path)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case info.IsDir():
		return fmt.Errorf("%w: %s is a folder", ErrNoDatabase, path)
	case info.Size() == 0:
		return fmt.Errorf("%w: the file %s is empty", ErrNoDatabase, path)
	}
	q := url.Values{"_pragma": {"busy_timeout(5000)"}, "_query_only": {"1"}, "mode": {"rw"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return err
	}
	defer db.Close()
	var n int
	err = update(ctx, func(ctx context.Context) error {
		return db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", versions).Scan(&n)
	})
	if e := new(sqlite.Error); errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_NOTADB {
		return fmt.Errorf("%w: the file %s is no SQLite database", ErrNoDatabase, path)
	}
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the file %s has none of its tables", ErrNoDatabase, path)
	}
	return err
}

// openSQLite opens or creates the file. ":memory:" is a private database that vanishes on close; it
// is a temporary file, since SQLite's own in-memory databases make readers wait for the writer.
func openSQLite(ctx context.Context, path string) (*liteDB, error) {
	d := &liteDB{writer: make(chan *liteConn, 1), stmts: map[string]*sql.Stmt{}}
	durable := "FULL"
	if path == inMemory {
		dir, err := os.MkdirTemp("", "igledger")
		if err != nil {
			return nil, fmt.Errorf("creating a directory for the in-memory database: %w", err)
		}
		d.temp, path, durable = dir, filepath.Join(dir, "memory.db"), "OFF"
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("%w: opening the SQLite file: %w", ErrUnavailable, err)
	}
	uri := func(queryOnly string) string {
		// The driver runs _pragma values first, in alphabetical order, then the other keys: a page
		// size must be set before WAL writes the file's first page.
		q := url.Values{
			"_pragma": {
				"busy_timeout(5000)", fmt.Sprintf("page_size(%d)", pageSize), "cache_size(-16384)",
				"synchronous(" + durable + ")", "temp_store(MEMORY)",
			},
			"_journal_mode": {"WAL"}, "_query_only": {queryOnly},
		}
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
	}
	var err error
	d.pool, err = sql.Open("sqlite", uri("0"))
	if err != nil {
		return nil, fmt.Errorf("opening the SQLite file: %w", err)
	}
	d.reader, err = sql.Open("sqlite", uri("1"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the SQLite file: %w", err), d.pool.Close())
	}
	d.reader.SetMaxOpenConns(max(4, runtime.NumCPU()))
	d.reader.SetMaxIdleConns(max(4, runtime.NumCPU()))
	// The first connection switches the file to WAL. Whatever the busy timeout, that fails at once
	// if another process does the same, so it is tried again.
	w := &liteConn{}
	d.writer <- w
	if err := update(ctx, func(ctx context.Context) error { return w.ready(ctx, d.pool) }); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the SQLite file: %w", err), d.close())
	}
	return d, nil
}

// createPrivate creates the file and its folder, if they do not exist, for their owner only.
// SQLite gives the files beside it (-wal, -shm) the same permissions. A file that exists keeps
// its own.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *liteDB) connections() Pool {
	s := d.reader.Stats()
	return Pool{s.InUse, s.Idle, s.MaxOpenConnections}
}

func (d *liteDB) engine() Engine { return SQLite }

func (d *liteDB) close() error {
	var errs []error
	select {
	case w := <-d.writer:
		if w == nil {
			break // closed before
		}
		close(d.writer) // whoever waits for it, or comes later, is told
		for _, s := range w.stmts {
			errs = append(errs, s.Close())
		}
		if w.conn != nil {
			errs = append(errs, w.conn.Close())
		}
	default: // a transaction is still open, and closing the pool ends it
	}
	d.mu.Lock()
	for _, s := range d.stmts {
		errs = append(errs, s.Close())
	}
	d.stmts = map[string]*sql.Stmt{}
	d.mu.Unlock()
	errs = append(errs, d.reader.Close(), d.pool.Close())
	if d.temp != "" {
		errs = append(errs, os.RemoveAll(d.temp))
	}
	return errors.Join(errs...)
}

func (d *liteDB) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.stmts[query]; s != nil {
		return s, nil
	}
	s, err := d.reader.PrepareContext(ctx, query)
	if err == nil {
		d.stmts[query] = s
	}
	return s, err
}

func (d *liteDB) read(ctx context.Context, ops ...Op) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	for i := range ops {
		if err := liteRun(ctx, &ops[i], d.prepared); err != nil {
			return err
		}
	}
	return nil
}

// snapshot uses a connection of its own: in WAL mode a transaction sees the state as of its first
// read.
func (d *liteDB) snapshot(ctx context.Context, ops ...Op) error {
	c, err := d.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	t, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback() //nolint:errcheck // it only read
	for i := range ops {
		if err := liteRun(ctx, &ops[i], t.PrepareContext); err != nil {
			return err
		}
	}
	return nil
}

func (d *liteDB) begin(ctx context.Context, ops ...Op) (tx, error) {
	var w *liteConn
	select {
	case w = <-d.writer:
		if w == nil {
			return nil, sql.ErrConnDone
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t := &liteTx{db: d, w: w}
	// IMMEDIATE takes the write lock now: a transaction that reads first and writes later cannot be
	// upgraded if another one wrote in between. It waits for the lock no longer than the busy
	// timeout. It must not be cancelled: the driver then reports the cancellation although the
	// transaction may have begun, in which the connection would stay for ever.
	err := w.ready(ctx, d.pool)
	if err == nil {
		_, err = w.conn.ExecContext(context.WithoutCancel(ctx), "BEGIN IMMEDIATE")
		if err != nil && outcomeOf(err) != conflict {
			w.drop()
		}
	}
	if err != nil {
		t.give()
		return nil, err
	}
	t.open = true
	if err := t.do(ctx, ops...); err != nil {
		t.rollback()
		return nil, err
	}
	return t, nil
}

type liteTx struct {
	db   *liteDB
	w    *liteConn
	open bool
}

func (t *liteTx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(ctx, query)
	if err == nil {
		t.w.stmts[query] = s
	}
	return s, err
}

func (t *liteTx) do(ctx context.Context, ops ...Op) error {
	for i := range ops {
		if err := ctx.Err(); err != nil {
			return err
		}
		// The lock is held and the file is local, so a statement does not wait here. A context that
		// can be cancelled would cost the driver a goroutine for each row.
		if err := liteRun(context.WithoutCancel(ctx), &ops[i], t.prepared); err != nil {
			return err
		}
	}
	return nil
}

func (t *liteTx) commit(ctx context.Context, ops ...Op) error {
	if err := t.do(ctx, ops...); err != nil {
		return err
	}
	if _, err := t.w.conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return err
	}
	t.open = false
	t.give()
	return nil
}

func (t *liteTx) rollback() {
	if t.w == nil {
		return
	}
	if t.open {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		// SQLite may have rolled back by itself (disk full, I/O error). Closing the connection is
		// right then too.
		if _, err := t.w.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			t.w.drop()
		}
	}
	t.give()
}

// give returns the connection to the database.
func (t *liteTx) give() {
	t.db.writer <- t.w
	t.w = nil
}

// liteRun runs one Op, row by row if it has columns.
func liteRun(ctx context.Context, o *Op, prepare func(context.Context, string) (*sql.Stmt, error)) error {
	stmt, err := prepare(ctx, o.in(SQLite))
	if err != nil {
		return err
	}
	if o.Fresh != nil {
		o.Fresh()
	}
	var args []any
	for i := range o.rows() {
		args = o.at(i, args)
		if o.Scan == nil {
			res, err := stmt.ExecContext(ctx, args...)
			if err != nil {
				return err
			}
			if o.Expect > 0 {
				if n, err := res.RowsAffected(); err != nil || n != o.Expect {
					return fmt.Errorf("%w: rows changed: %d, want %d", ErrNotFound, n, o.Expect)
				}
			}
			continue
		}
		if err := liteQuery(ctx, stmt, o, args); err != nil {
			return err
		}
	}
	return nil
}

func liteQuery(ctx context.Context, stmt *sql.Stmt, o *Op, args []any) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := o.Scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *liteDB) size(ctx context.Context) (uint64, error) {
	var pages, size uint64
	err := d.read(ctx,
		Op{SQL: "PRAGMA page_count", Scan: func(scan func(...any) error) error { return scan(&pages) }},
		Op{SQL: "PRAGMA page_size", Scan: func(scan func(...any) error) error { return scan(&size) }})
	return pages * size, err
}

// sqlitePath returns a DSN without "sqlite:".
func sqlitePath(dsn string) string {
	return strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "//")
}
