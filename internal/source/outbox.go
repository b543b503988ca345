package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	_ "modernc.org/sqlite" // the outbox is an SQLite file
)

// outbox is a source's durable memory between its events and the ledger: an SQLite file. It keeps a
// signed entry until its receipt has been checked. It remembers the keys of processed events for
// ever, so that an interrupted import continues without duplicates. The file contains personal data
// until receipts arrive, so it is created with mode 0600.
type outbox struct{ db *sql.DB }

// posted is an entry of the outbox.
type posted struct {
	event []byte // 16 bytes, audit.EventKey
	part  int    // entries of one event, one per person
	seq   uint64
	sdjwt string
}

// openOutbox opens or creates the file. It belongs to one stream of one log: the first use fixes
// the organisation, source and log key.
func openOutbox(ctx context.Context, path, org, source, logKey string) (*outbox, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would make it readable by everyone
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	f.Close()
	const options = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate"
	db, err := sql.Open("sqlite", "file:"+path+options)
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	db.SetMaxOpenConns(1)
	o := &outbox{db}
	if _, err := db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS stream (
			org TEXT NOT NULL, source TEXT NOT NULL, log_key TEXT NOT NULL,
			one INTEGER PRIMARY KEY CHECK (one = 1));
		CREATE TABLE IF NOT EXISTS entry (
			event BLOB NOT NULL, part INTEGER NOT NULL,
			seq INTEGER NOT NULL UNIQUE,
			sdjwt TEXT,         -- NULL once the receipt has been checked
			idx INTEGER,        -- position in the log
			problem TEXT,       -- code of the refusal, if the ledger refused permanently
			day TEXT,           -- YYYY-MM-DD, UTC, when seq was assigned; grows with seq; NULL: before days were recorded
			PRIMARY KEY (event, part)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS heartbeat (
			day TEXT PRIMARY KEY,
			beat TEXT, numbers TEXT) WITHOUT ROWID; -- as signed; NULL once the receipts have been checked
		CREATE INDEX IF NOT EXISTS waiting ON entry (seq) WHERE sdjwt IS NOT NULL;`); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	if err := o.addDays(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	_, err = db.ExecContext(ctx, "INSERT INTO stream VALUES (?, ?, ?, 1) ON CONFLICT DO NOTHING", org, source, logKey)
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	var haveOrg, haveSource, haveKey string
	err = db.QueryRowContext(ctx, "SELECT org, source, log_key FROM stream").Scan(&haveOrg, &haveSource, &haveKey)
	if err == nil && (haveOrg != org || haveSource != source || haveKey != logKey) {
		err = &StreamError{haveOrg, haveSource, haveKey}
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return o, nil
}

// addDays adds the day column to a file that was created before days were recorded.
func (o *outbox) addDays(ctx context.Context) error {
	var n int
	err := o.db.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info('entry') WHERE name = 'day'").Scan(&n)
	if err == nil && n == 0 {
		_, err = o.db.ExecContext(ctx, "ALTER TABLE entry ADD COLUMN day TEXT")
	}
	return err
}

func (o *outbox) close() error { return o.db.Close() }

// known reports whether an earlier run took in the event.
func (o *outbox) known(ctx context.Context, event []byte) (bool, error) {
	var one int
	err := o.db.QueryRowContext(ctx, "SELECT 1 FROM entry WHERE event = ? LIMIT 1", event).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// lastSeq returns the highest sequence number that was assigned, or 0 if there is none.
func (o *outbox) lastSeq(ctx context.Context) (uint64, error) {
	var seq sql.NullInt64
	err := o.db.QueryRowContext(ctx, "SELECT max(seq) FROM entry").Scan(&seq)
	return uint64(seq.Int64), err
}

// put stores signed entries, numbered on day, before anything is sent. If the clock was set back,
// it uses the latest day in the file instead, so that a day that is over gets no more entries.
func (o *outbox) put(ctx context.Context, list []posted, day string) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		var last string
		err := tx.QueryRowContext(ctx, `SELECT coalesce(max(day), '')
			FROM (SELECT day FROM entry UNION ALL SELECT date(day, '+1 day') FROM heartbeat)`).Scan(&last)
		if err != nil {
			return err
		}
		for _, p := range list {
			_, err := tx.ExecContext(ctx, "INSERT INTO entry (event, part, seq, sdjwt, day) VALUES (?, ?, ?, ?, ?)",
				p.event, p.part, int64(p.seq), p.sdjwt, max(day, last))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// waiting returns the entries without a checked receipt, lowest sequence number first.
func (o *outbox) waiting(ctx context.Context, limit int) ([]posted, error) {
	rows, err := o.db.QueryContext(ctx, "SELECT event, part, seq, sdjwt FROM entry WHERE sdjwt IS NOT NULL ORDER BY seq LIMIT ?", limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []posted
	for rows.Next() {
		var p posted
		var seq int64
		if err := rows.Scan(&p.event, &p.part, &seq, &p.sdjwt); err != nil {
			return nil, err
		}
		p.seq = uint64(seq)
		list = append(list, p)
	}
	return list, rows.Err()
}

// settled is the outcome of an entry.
type settled struct {
	posted
	index   uint64
	problem string // "" = in the log, receipt checked
}

// settle deletes the content of entries whose receipts were checked or that the ledger refused
// permanently.
func (o *outbox) settle(ctx context.Context, list []settled) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		for _, s := range list {
			var idx, problem any
			if s.problem == "" {
				idx = int64(s.index)
			} else {
				problem = s.problem
			}
			_, err := tx.ExecContext(ctx, "UPDATE entry SET sdjwt = NULL, idx = ?, problem = ? WHERE event = ? AND part = ?",
				idx, problem, s.event, s.part)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *outbox) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := f(tx); err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("writing the outbox: %w", err)
	}
	return nil
}
