// Package shelf keeps what pages need between two requests: sessions, drafts, sealed statements,
// print jobs. It lies in the ledger's own database, on every engine, encrypted, and each value has
// an end.
//
// What it promises: who has the database, or a backup of it, reads no value and can neither alter
// one nor move it to another key. What it does not promise: that a value is not put back to an
// older one of the same key by whoever writes the database; and the keys of rows are in clear. A
// key that says something about a person must be blinded first: see Blind.
package shelf

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"igledger/ledger/storage"
)

// ErrNotFound means that the shelf holds no such key, or that its time is over.
var ErrNotFound = errors.New("not on the shelf")

// ErrExists means that Add found the key on the shelf.
var ErrExists = errors.New("already on the shelf")

//go:embed migrations/*.sql
var migrations embed.FS

// Shelf keeps values. It is safe for concurrent use, and by any number of processes with the same
// key and database.
type Shelf struct {
	store       *storage.Storage
	sealing     []byte
	blinding    []byte
	now         func() time.Time
	swept       atomic.Int64 // ms since 1970
	sweepLength time.Duration
}

// New makes the table if need be and returns the Shelf. key has 32 bytes: see LoadKey. The times of
// now are compared with the ends of values; nil means time.Now.
func New(ctx context.Context, store *storage.Storage, key []byte, now func() time.Time) (*Shelf, error) {
	if len(key) != keySize {
		return nil, fmt.Errorf("shelf: the key has %d bytes, not %d", len(key), keySize)
	}
	if now == nil {
		now = time.Now
	}
	if err := store.Migrate(ctx, migrations, "shelf_version"); err != nil {
		return nil, fmt.Errorf("shelf: %w", err)
	}
	return &Shelf{store: store, sealing: Derive(key, "shelf values"), blinding: Derive(key, "shelf keys"), now: now,
		sweepLength: 10 * time.Second}, nil
}

// Item is a value with its key.
type Item struct {
	Key     string
	Value   []byte
	Expires time.Time // zero: kept until it is deleted
}

// Blind returns a key in which nobody without the Shelf's key can see, or try out, the parts.
func (s *Shelf) Blind(parts ...string) string {
	m := hmac.New(sha256.New, s.blinding)
	for _, p := range parts {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Put stores value in place of what was there. expires may be zero: then it stays until Delete.
func (s *Shelf) Put(ctx context.Context, shelf, key string, value []byte, expires time.Time) error {
	return s.Update(ctx, shelf, key, func([]byte) ([]byte, time.Time, error) { return value, expires, nil })
}

// Add is Put for a key that must not be there: of several that add it, one succeeds and the others
// get ErrExists. A value whose time is over counts as gone. After ErrUnavailable it is unknown
// whether it was added.
func (s *Shelf) Add(ctx context.Context, shelf, key string, value []byte, expires time.Time) error {
	return s.Update(ctx, shelf, key, func(old []byte) ([]byte, time.Time, error) {
		if old != nil {
			return nil, time.Time{}, ErrExists
		}
		return value, expires, nil
	})
}

// Get returns a value, or ErrNotFound.
func (s *Shelf) Get(ctx context.Context, shelf, key string) ([]byte, error) {
	var found row
	k := rowKey(shelf, key)
	if err := s.store.Read(ctx, found.op(k)); err != nil {
		return nil, fmt.Errorf("shelf: reading: %w", err)
	}
	return s.open(k, found)
}

// Take returns a value and removes it: of several that take it, one gets it and the others get
// ErrNotFound. After ErrUnavailable it may be gone.
func (s *Shelf) Take(ctx context.Context, shelf, key string) ([]byte, error) {
	var found row
	k := rowKey(shelf, key)
	err := s.store.TransactOnce(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		return []storage.Op{deleteOp(k)}, run(ctx, s.locked(k, &found)...)
	})
	if err != nil {
		return nil, fmt.Errorf("shelf: taking: %w", err)
	}
	return s.open(k, found)
}

// Update replaces the value by what change makes of it, with nobody in between. old is nil if there
// is none. If change returns an error, nothing changes and Update returns that error. change may be
// called more than once.
func (s *Shelf) Update(ctx context.Context, shelf, key string,
	change func(old []byte) (value []byte, expires time.Time, err error),
) error {
	k := rowKey(shelf, key)
	err := s.store.TransactOnce(ctx, func(ctx context.Context, run storage.Runner) ([]storage.Op, error) {
		var found row
		if err := run(ctx, s.locked(k, &found)...); err != nil {
			return nil, err
		}
		old, err := s.open(k, found)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		value, expires, err := change(old)
		if err != nil {
			return nil, err
		}
		sealed, err := s.seal(k, value)
		if err != nil {
			return nil, err
		}
		return append([]storage.Op{{
			SQL: "INSERT INTO shelf (k, value, expires) VALUES ($1, $2, $3) " +
				"ON CONFLICT (k) DO UPDATE SET value = excluded.value, expires = excluded.expires",
			Args: []any{k, sealed, millis(expires)},
		}}, s.sweep()...), nil
	})
	if err != nil {
		return fmt.Errorf("shelf: storing: %w", err)
	}
	return nil
}

// Delete removes a value. It is no error if there is none.
func (s *Shelf) Delete(ctx context.Context, shelf, key string) error {
	k := rowKey(shelf, key)
	err := s.store.Transact(ctx, func(context.Context, storage.Runner) ([]storage.Op, error) {
		return []storage.Op{deleteOp(k)}, nil
	})
	if err != nil {
		return fmt.Errorf("shelf: deleting: %w", err)
	}
	return nil
}

// List returns up to limit items whose keys begin with prefix and come after the key after, in the
// order of their keys' bytes.
func (s *Shelf) List(ctx context.Context, shelf, prefix, after string, limit int) ([]Item, error) {
	from, to := rowKey(shelf, prefix), append(rowKey(shelf, prefix), bytes.Repeat([]byte{0xff}, 8)...)
	op := "k >= $1"
	if after != "" && after >= prefix {
		from, op = rowKey(shelf, after), "k > $1"
	}
	var rows []row
	err := s.store.Read(ctx, storage.Op{
		SQL: "SELECT k, value, expires FROM shelf WHERE " + op + " AND k < $2 AND (expires IS NULL OR expires > $3) " +
			"ORDER BY k LIMIT $4",
		Args:  []any{from, to, s.now().UnixMilli(), int64(limit)},
		Fresh: func() { rows = nil },
		Scan: func(scan func(...any) error) error {
			var r row
			err := scan(&r.k, &r.value, &r.expires)
			rows = append(rows, r)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("shelf: listing: %w", err)
	}
	items := make([]Item, 0, len(rows))
	for _, r := range rows {
		value, err := s.open(r.k, r)
		if errors.Is(err, ErrNotFound) {
			continue // its time was over in between
		}
		if err != nil {
			return nil, err
		}
		i := Item{Key: string(r.k[len(shelf)+1:]), Value: value}
		if r.expires != nil {
			i.Expires = time.UnixMilli(*r.expires)
		}
		items = append(items, i)
	}
	return items, nil
}

// Seal returns value as text that may leave the server, in an address or a cookie: whoever holds it can
// neither read nor alter it. It can be used again and again. For Open it must be of the same use.
func (s *Shelf) Seal(use string, value []byte) (string, error) {
	sealed, err := s.seal(outside(use), value)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// Open returns what Seal sealed, or ErrNotFound.
func (s *Shelf) Open(use, text string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, ErrNotFound
	}
	value, err := s.open(outside(use), row{value: sealed})
	if err != nil {
		return nil, ErrNotFound
	}
	return value, nil
}

// outside returns the key under which a value is sealed that lies on no shelf: shelves have names.
func outside(use string) []byte { return []byte("\x00" + use) }

// row is a row of the table. value is nil if there is none.
type row struct {
	k, value []byte
	expires  *int64
}

func (r *row) op(k []byte) storage.Op {
	return storage.Op{
		SQL: "SELECT value, expires FROM shelf WHERE k = $1", Args: []any{k},
		Fresh: func() { *r = row{} },
		Scan:  func(scan func(...any) error) error { return scan(&r.value, &r.expires) },
	}
}

// locked returns the statements that read a row within a transaction so that nobody else changes it
// until the transaction ends. A row that does not exist cannot be locked: so that two that add it
// take turns, it is made first, as one whose time is over.
func (s *Shelf) locked(k []byte, into *row) []storage.Op {
	read := into.op(k)
	read.Lite = read.SQL
	read.SQL += " FOR UPDATE"
	return []storage.Op{{
		SQL:  "INSERT INTO shelf (k, value, expires) VALUES ($1, $2, 0) ON CONFLICT (k) DO NOTHING",
		Args: []any{k, []byte{}},
	}, read}
}

func deleteOp(k []byte) storage.Op {
	return storage.Op{SQL: "DELETE FROM shelf WHERE k = $1", Args: []any{k}}
}

// maxSwept bounds what one sweep removes, so that no request waits long for others' rows.
const maxSwept = 1000

// sweep returns the statement that removes rows whose time is over, every 10 seconds, else nothing.
func (s *Shelf) sweep() []storage.Op {
	now, last := s.now().UnixMilli(), s.swept.Load()
	if now-last < s.sweepLength.Milliseconds() || !s.swept.CompareAndSwap(last, now) {
		return nil
	}
	return []storage.Op{{
		SQL:  "DELETE FROM shelf WHERE k IN (SELECT k FROM shelf WHERE expires < $1 ORDER BY expires LIMIT $2)",
		Args: []any{now, int64(maxSwept)},
	}}
}

func rowKey(shelf, key string) []byte {
	if shelf == "" || strings.Contains(shelf, "\x00") {
		panic("shelf: a shelf has a name without zero bytes")
	}
	return []byte(shelf + "\x00" + key)
}

func millis(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := t.UnixMilli()
	return &ms
}

const saltSize = 16

// seal returns a value as it is stored: a salt and the ciphertext of AES-256-GCM with k as
// additional data. Each value has a key of its own, derived with the salt, because sessions are
// written so often that random nonces under one key would in the end repeat.
func (s *Shelf) seal(k, value []byte) ([]byte, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	gcm, err := s.cipher(salt)
	if err != nil {
		return nil, err
	}
	return append(salt, gcm.Seal(nil, nil, value, k)...), nil
}

func (s *Shelf) cipher(salt []byte) (cipher.AEAD, error) {
	m := hmac.New(sha256.New, s.sealing)
	m.Write(salt)
	b, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// open returns the value of a row, never nil, or ErrNotFound if there is no row or its time is over.
func (s *Shelf) open(k []byte, r row) ([]byte, error) {
	if r.value == nil || r.expires != nil && *r.expires <= s.now().UnixMilli() {
		return nil, ErrNotFound
	}
	if len(r.value) < saltSize {
		return nil, errAltered
	}
	gcm, err := s.cipher(r.value[:saltSize])
	if err != nil {
		return nil, err
	}
	value, err := gcm.Open([]byte{}, nil, r.value[saltSize:], k)
	if err != nil {
		return nil, errAltered
	}
	return value, nil
}

// errAltered says nothing about which row, since its key might.
var errAltered = errors.New("shelf: a row was altered, or is sealed with another key")
