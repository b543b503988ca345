package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgDB speaks to PostgreSQL and CockroachDB by pgx itself: its batches put a whole round trip's
// statements, BEGIN and COMMIT included, on the wire at once.
type pgDB struct {
	pool  *pgxpool.Pool
	kind  Engine
	start string // how a transaction begins
}

// openPG connects and finds out which engine answers.
func openPG(ctx context.Context, dsn string) (*pgDB, error) {
	dsn = strings.Replace(dsn, "cockroachdb://", "postgres://", 1)
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("parsing the database URL: %w", err)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
		if len(cfg.ConnConfig.Fallbacks) > 0 { // another host may answer within the time of an append
			cfg.ConnConfig.ConnectTimeout = appendTimeout / 2
		}
	}
	if !strings.Contains(dsn, "pool_max_conns") && cfg.MaxConns < 8 {
		cfg.MaxConns = 8 // pgxpool's own default is 4, or the number of processors
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		var version string
		if err := c.QueryRow(ctx, "SELECT version()").Scan(&version); err != nil {
			return err
		}
		for _, set := range sessionSettings(engineOf(version)) {
			if _, err := c.Exec(ctx, set); err != nil {
				return err
			}
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	d := &pgDB{pool: pool}
	var version string
	err = d.read(ctx, Op{SQL: "SELECT version()", Scan: func(scan func(...any) error) error { return scan(&version) }})
	if err != nil {
		pool.Close()
		return nil, err
	}
	// READ COMMITTED is right on PostgreSQL because every writer of a tree first locks its head
	// row, and each later statement sees what was committed when it began; under REPEATABLE READ
	// the snapshot would be older than the lock. On CockroachDB the level is the one that it had
	// before it had others.
	d.kind = engineOf(version)
	if d.kind == CockroachDB {
		d.start = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"
	} else {
		d.start = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	}
	return d, nil
}

// existing returns ErrNoDatabase unless the database has the table of versions.
func (d *pgDB) existing(ctx context.Context, versions string) error {
	var n int64
	var name string
	err := update(ctx, func(ctx context.Context) error {
		return d.read(ctx, Op{
			SQL: "SELECT current_database(), count(*) FROM information_schema.tables " +
				"WHERE table_schema = current_schema() AND table_name = $1",
			Args: []any{versions},
			Scan: func(scan func(...any) error) error { return scan(&name, &n) },
		})
	})
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: the database %s has none of its tables", ErrNoDatabase, name)
	}
	return err
}

func engineOf(version string) Engine {
	if strings.HasPrefix(version, "CockroachDB") {
		return CockroachDB
	}
	return PostgreSQL
}

func sessionSettings(e Engine) []string {
	idle := fmt.Sprintf("SET idle_in_transaction_session_timeout = %d", (2 * statementTimeout).Milliseconds())
	if e == CockroachDB {
		return []string{idle}
	}
	// A generic plan made while a table was small would go on to scan it for ever. The idle timeout
	// frees the head row if a replica vanishes without closing its connection.
	return []string{idle, "SET enable_seqscan = off", "SET synchronous_commit = on"}
}

func (d *pgDB) connections() Pool {
	s := d.pool.Stat()
	return Pool{int(s.AcquiredConns()), int(s.IdleConns()), int(s.MaxConns())}
}

func (d *pgDB) engine() Engine { return d.kind }

func (d *pgDB) close() error { d.pool.Close(); return nil }

func (d *pgDB) read(ctx context.Context, ops ...Op) error {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return pgFailure(ctx, nil, err)
	}
	defer c.Release()
	return d.send(ctx, c.Conn(), ops)
}

func (d *pgDB) snapshot(ctx context.Context, ops ...Op) error {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return pgFailure(ctx, nil, err)
	}
	t := &pgTx{d, c}
	defer t.rollback()
	start := "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	if d.kind == CockroachDB {
		// The only level that every version has. Readers do not wait there either.
		start = "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"
	}
	return d.send(ctx, c.Conn(), append([]Op{{SQL: start}}, ops...))
}

func (d *pgDB) begin(outer context.Context, ops ...Op) (tx, error) {
	ctx, cancel := bounded(outer)
	defer cancel()
	defer d.renew(outer, ctx)
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, pgFailure(ctx, nil, err)
	}
	t := &pgTx{d, c}
	if err := d.send(ctx, c.Conn(), append([]Op{{SQL: d.start}}, ops...)); err != nil {
		t.rollback()
		return nil, err
	}
	return t, nil
}

// renew drops the pool's idle connections if a round trip took longer than it may: a server that
// has gone silent is at the other end of them too, and the next run needs another one.
func (d *pgDB) renew(outer, ctx context.Context) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && outer.Err() == nil {
		d.pool.Reset()
	}
}

type pgTx struct {
	db   *pgDB
	conn *pgxpool.Conn
}

func (t *pgTx) do(outer context.Context, ops ...Op) error {
	ctx, cancel := bounded(outer)
	defer cancel()
	defer t.db.renew(outer, ctx)
	return t.db.send(ctx, t.conn.Conn(), ops)
}

func (t *pgTx) commit(ctx context.Context, ops ...Op) error {
	if err := t.do(ctx, append(ops, Op{SQL: "COMMIT"})...); err != nil {
		return err
	}
	if s := t.conn.Conn().PgConn().TxStatus(); s != 'I' {
		return fmt.Errorf("transaction still open after commit (status %q)", s)
	}
	t.conn.Release()
	t.conn = nil
	return nil
}

func (t *pgTx) rollback() {
	if t.conn == nil {
		return
	}
	defer t.conn.Release()
	c := t.conn.Conn()
	t.conn = nil
	if c.IsClosed() || c.PgConn().TxStatus() == 'I' {
		return
	}
	// Not the caller's context, which may be the reason for the rollback. If this fails too,
	// Release finds a connection inside a transaction and closes it, which also rolls back.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = c.Exec(ctx, "ROLLBACK")
}

// send runs statements in one round trip (two, the first time a connection sees a statement).
func (d *pgDB) send(ctx context.Context, c *pgx.Conn, ops []Op) error {
	b := &pgx.Batch{}
	for i := range ops {
		o := &ops[i]
		if o.Fresh != nil {
			o.Fresh()
		}
		args := make([]any, 0, len(o.Args)+len(o.Cols))
		q := b.Queue(o.in(d.kind), append(append(args, o.Args...), o.Cols...)...)
		if o.Scan != nil {
			q.Query(func(rows pgx.Rows) error {
				defer rows.Close()
				for rows.Next() {
					if err := o.Scan(rows.Scan); err != nil {
						return err
					}
				}
				return rows.Err()
			})
			continue
		}
		q.Exec(func(tag pgconn.CommandTag) error {
			if o.Expect > 0 && tag.RowsAffected() != o.Expect {
				return fmt.Errorf("%w: rows changed: %d, want %d", ErrNotFound, tag.RowsAffected(), o.Expect)
			}
			if o.SQL == "COMMIT" && tag.String() != "COMMIT" {
				return fmt.Errorf("the answer to COMMIT is %s", tag)
			}
			return nil
		})
	}
	return pgFailure(ctx, c, c.SendBatch(ctx, b).Close())
}

// pgFailure marks an error that is not an answer of the database but comes from the connection to
// it.
func pgFailure(ctx context.Context, c *pgx.Conn, err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return err
	}
	if c == nil || c.IsClosed() || ctx.Err() != nil {
		return &lostError{err}
	}
	return err
}

func (d *pgDB) size(ctx context.Context) (uint64, error) {
	var n int64
	get := func(sql string) error {
		return d.read(ctx, Op{SQL: sql, Scan: func(scan func(...any) error) error { return scan(&n) }})
	}
	if d.kind == PostgreSQL {
		err := get("SELECT pg_database_size(current_database())")
		return uint64(n), err
	}
	// The way to ask changed in CockroachDB 23.1.
	err := get("SELECT COALESCE(sum(range_size), 0)::INT8 FROM [SHOW RANGES FROM CURRENT_CATALOG WITH DETAILS]")
	if err != nil {
		err = get(`SELECT COALESCE(sum((crdb_internal.range_stats(start_key)->>'key_bytes')::INT8
			+ (crdb_internal.range_stats(start_key)->>'val_bytes')::INT8), 0)::INT8
			FROM crdb_internal.ranges_no_leases WHERE database_name = current_database()`)
	}
	return uint64(n), err
}
