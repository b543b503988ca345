package source

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"igledger/audit"
	"igledger/ledger/entry"
)

// keepOriginal stores an event as it came.
func keepOriginal(ctx context.Context, tx *sql.Tx, key uuid.UUID, raw []byte) error {
	sum := sha256.Sum256(raw)
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO original (event, hash, body) VALUES (?, ?, ?)",
		key[:], hex.EncodeToString(sum[:]), raw)
	return err
}

// KeptOriginal returns the event that an outbox keeps as it came, because an entry has only hashes
// of a part of it, or because the ledger refused its entry: that with this hash or, if hash is "",
// that of the entry with this number of the source. If the outbox has none, it returns
// sql.ErrNoRows.
func KeptOriginal(ctx context.Context, path, hash string, seq uint64) ([]byte, error) {
	o, err := existing(ctx, path)
	if err != nil {
		return nil, err
	}
	defer o.db.Close()
	const where = "SELECT body FROM original WHERE hash = ?1 OR ?1 = '' AND event = (SELECT event FROM entry WHERE seq = ?2) LIMIT 1"
	var body []byte
	err = o.db.QueryRowContext(ctx, where, hash, int64(seq)).Scan(&body)
	if err == nil {
		return body, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	if hash != "" {
		return nil, err
	}
	forms, err := o.forms(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	if len(forms) == 0 {
		return nil, sql.ErrNoRows
	}
	e, err := entry.Parse(forms[0])
	if err != nil {
		return nil, fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	a, ok := e.Body.(*entry.Access)
	if !ok {
		return nil, sql.ErrNoRows
	}
	return audit.ToAuditEvent(a)
}
