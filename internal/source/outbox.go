package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	sqlite3 "modernc.org/sqlite/lib"

	"igledger/ledger/entry"
)

// outbox is a source's durable memory between its events and the ledger: an SQLite file. It keeps a
// signed entry until its receipt has been checked and is enough for the policy, and the receipt for
// good. It remembers the keys of processed events for ever, so that an interrupted import continues
// without duplicates. It keeps what the log did not take as it was: events that were too large, and
// entries that the ledger refused. So the file contains personal data, and is created with mode
// 0600.
//
//	entry, with sdjwt   signed, to be sent            -> acknowledged, or refused
//	acknowledged        in the log by its receipt, which is not enough for the policy yet: signed bytes and receipt
//	receipt             enough: the signed bytes are gone
//
// An entry that waits because of a refusal has it in the table refusal, and is signed anew
// (again.go) or set aside (aside.go).
type outbox struct {
	db   *sql.DB
	most int64 // bytes of receipts
}

// posted is an entry of the outbox.
type posted struct {
	event []byte // 16 bytes, audit.EventKey
	part  int    // entries of one event, one per person
	form  int    // how often the ledger refused it in another form
	seq   uint64
	sdjwt string

	signed *entry.Entry // the same; nil as the outbox returns it
}

// Outbox returns an error unless there is a file at path: only an import begins an outbox.
func Outbox(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, folder := os.Stat(filepath.Dir(path)); errors.Is(folder, fs.ErrNotExist) {
			return fmt.Errorf("there is no folder %s for the outbox %s", filepath.Dir(path), path)
		}
		return fmt.Errorf("there is no outbox %s", path)
	case err != nil:
		return fmt.Errorf("opening the outbox: %w", err)
	case info.IsDir():
		return fmt.Errorf("opening the outbox: %s is a folder", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("opening the outbox: %s is a pipe or device", path)
	}
	return nil
}

// errEmpty says that a database has no tables.
var errEmpty = errors.New("it is empty")

// isOutbox returns an error unless db, the file at path, is an outbox: errEmpty if it can become
// one.
func isOutbox(ctx context.Context, db *sql.DB, path string) error {
	var tables, streams int
	err := db.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = 'stream') FROM sqlite_master WHERE type = 'table'").
		Scan(&tables, &streams)
	switch {
	case code(err) == sqlite3.SQLITE_NOTADB || err == nil && tables > 0 && streams == 0:
		return fmt.Errorf("opening the outbox: %s is no outbox", path)
	case err == nil && tables == 0:
		return fmt.Errorf("opening the outbox %s: %w", path, errEmpty)
	case err != nil:
		return fmt.Errorf("opening the outbox %s: %w", path, err)
	}
	return nil
}

// existing opens an outbox that exists. Nothing can be written to it.
func existing(ctx context.Context, path string) (*outbox, error) {
	if err := Outbox(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", address(path, "mode=ro&_pragma=busy_timeout(5000)"))
	if err != nil {
		return nil, fmt.Errorf("opening the outbox %s: %w", path, err)
	}
	if err := isOutbox(ctx, db, path); err != nil {
		db.Close()
		return nil, err
	}
	return &outbox{db: db}, nil
}

// address returns how SQLite is told of a file. A name may have any character: SQLite would read
// what follows a ? as options, and forget a database of the name :memory: when it is closed.
func address(path, options string) string {
	if !filepath.IsAbs(path) {
		path = "./" + path
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options
}

// openOutbox opens or creates the file, and its folder. It belongs to one stream of one log: the
// first use fixes the organisation, source and log key.
func openOutbox(ctx context.Context, path, org, source, logKey string) (*outbox, error) {
	if _, err := os.Stat(path); err == nil {
		switch o, err := existing(ctx, path); {
		case err == nil:
			o.db.Close()
		case !errors.Is(err, errEmpty):
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would make it readable by everyone
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	f.Close()
	const options = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)&_txlock=immediate"
	db, err := sql.Open("sqlite", address(path, options))
	if err != nil {
		return nil, fmt.Errorf("opening the outbox: %w", err)
	}
	db.SetMaxOpenConns(1)
	o := &outbox{db, DefaultReceipts}
	if _, err := db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS stream (
			org TEXT NOT NULL, source TEXT NOT NULL, log_key TEXT NOT NULL,
			one INTEGER PRIMARY KEY CHECK (one = 1));
		CREATE TABLE IF NOT EXISTS entry (
			event BLOB NOT NULL, part INTEGER NOT NULL,
			seq INTEGER NOT NULL UNIQUE,
			sdjwt TEXT,         -- NULL once the ledger has acknowledged or refused it
			idx INTEGER,        -- position in the log
			problem TEXT,       -- code of the refusal, if the ledger refused permanently
			day TEXT,           -- YYYY-MM-DD, UTC, when seq was assigned; grows with seq
			form INTEGER NOT NULL DEFAULT 0, -- how often the ledger refused it in another form
			reading INTEGER NOT NULL,        -- of an input, in which the event was met last
			times INTEGER NOT NULL,          -- how often it was met in it
			PRIMARY KEY (event, part)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS heartbeat (
			day TEXT PRIMARY KEY,
			beat TEXT, numbers TEXT) WITHOUT ROWID; -- as signed; NULL once the receipts have been checked
		CREATE INDEX IF NOT EXISTS entry_day ON entry (day);
		CREATE TABLE IF NOT EXISTS original ( -- events of which an entry has only hashes in part
			event BLOB PRIMARY KEY, hash TEXT NOT NULL, body BLOB NOT NULL);
		CREATE TABLE IF NOT EXISTS refused ( -- entries as they were when the ledger refused them
			seq INTEGER NOT NULL, form INTEGER NOT NULL, problem TEXT NOT NULL, sdjwt TEXT NOT NULL,
			PRIMARY KEY (seq, form)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS refusal ( -- the last one of each entry and heartbeat that waits
			seq INTEGER NOT NULL, day TEXT NOT NULL, -- 0 and a day: a heartbeat
			problem TEXT NOT NULL, says TEXT NOT NULL, at TEXT NOT NULL,
			PRIMARY KEY (seq, day)) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS earlier ( -- entries that wait, as they were signed before they were signed anew
			id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, sdjwt TEXT NOT NULL);
		CREATE INDEX IF NOT EXISTS waiting ON entry (seq) WHERE sdjwt IS NOT NULL;
		CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
		CREATE TABLE IF NOT EXISTS acknowledged (
			jti TEXT PRIMARY KEY, idx INTEGER NOT NULL, sdjwt TEXT NOT NULL, receipt TEXT NOT NULL,
			again INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID; -- 1: SendAgain has sent it
		CREATE INDEX IF NOT EXISTS acknowledged_idx ON acknowledged (idx);
		CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT NOT NULL UNIQUE);
		CREATE TABLE IF NOT EXISTS receipt (
			id INTEGER PRIMARY KEY AUTOINCREMENT, idx INTEGER NOT NULL, jti TEXT NOT NULL,
			leaf BLOB NOT NULL,
			link BLOB, -- tagSalt, tag, bodySalt, VRF proof; NULL for a public entry
			path BLOB, -- the hashes of the inclusion proof
			checkpoint INTEGER NOT NULL REFERENCES checkpoint (id), bytes INTEGER NOT NULL);
		CREATE INDEX IF NOT EXISTS receipt_checkpoint ON receipt (checkpoint);
		CREATE INDEX IF NOT EXISTS receipt_idx ON receipt (idx);
		CREATE INDEX IF NOT EXISTS receipt_jti ON receipt (jti);`); err != nil {
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

func (o *outbox) close() error { return o.db.Close() }

// lastSeq returns the highest sequence number that was assigned, or 0 if there is none.
func lastSeq(ctx context.Context, tx *sql.Tx) (uint64, error) {
	var seq sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT max(seq) FROM entry").Scan(&seq)
	return uint64(seq.Int64), err
}

// lastDay returns the day of entries that are numbered now: day or, if the clock was set back, the
// latest day in the file, so that a day that is over gets no more entries.
func lastDay(ctx context.Context, tx *sql.Tx, day string) (string, error) {
	var last string
	err := tx.QueryRowContext(ctx, `SELECT coalesce(max(day), '')
		FROM (SELECT day FROM entry UNION ALL SELECT date(day, '+1 day') FROM heartbeat)`).Scan(&last)
	return max(day, last), err
}

// nextReading returns the number of a reading of an input, which no other has.
func (o *outbox) nextReading(ctx context.Context) (n int64, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		if n, err = count(ctx, tx, memReading); err != nil {
			return err
		}
		n++
		return remember(ctx, tx, memReading, strconv.FormatInt(n, 10))
	})
	return n, err
}

// waiting returns the entries without a checked receipt whose sequence numbers are above after,
// lowest first.
func (o *outbox) waiting(ctx context.Context, after uint64, limit int) ([]posted, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT event, part, form, seq, sdjwt FROM entry
		WHERE sdjwt IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?`, int64(after), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []posted
	for rows.Next() {
		var p posted
		var seq int64
		if err := rows.Scan(&p.event, &p.part, &p.form, &seq, &p.sdjwt); err != nil {
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
	acked
	problem string // "" = in the log, receipt checked
}

// settle notes which entries were acknowledged and which the ledger refused permanently, whose
// content it deletes.
func (o *outbox) settle(ctx context.Context, list []settled) (dropped int, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		var done []acked
		settled, err := tx.PrepareContext(ctx, "UPDATE entry SET sdjwt = NULL, idx = ?, problem = ? WHERE event = ? AND part = ?")
		if err != nil {
			return err
		}
		defer settled.Close()
		for _, s := range list {
			var idx, problem any
			if s.problem == "" {
				idx = int64(s.got.Index)
				done = append(done, s.acked)
			} else {
				problem = s.problem
			}
			_, err := settled.ExecContext(ctx, idx, problem, s.event, s.part)
			if err == nil && s.form == setAside && s.problem == "" && s.acked.sdjwt != s.posted.sdjwt {
				err = notAside(ctx, tx, s.seq)
			}
			if err != nil {
				return err
			}
		}
		dropped, err = o.acknowledge(ctx, tx, done)
		return err
	})
	return dropped, err
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
