package ledger

import (
	"context"
	"database/sql"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
)

// SentToWitnesses returns the note that witnesses are sent.
func SentToWitnesses(ctx context.Context, l *Log) ([]byte, error) {
	c, err := witnessed{l}.Newest(ctx)
	return c.Note, err
}

// HeadWaits makes the log read as on CockroachDB, where readers of the head wait for its writer.
func HeadWaits(l *Log) { l.headWaits = true }

// ForgeVerdict writes another verdict into an opening, as an operator with the keys and an SQLite
// file could.
func ForgeVerdict(ctx context.Context, cfg Config, file string, index uint64, verdict *entry.Verdict) error {
	store, err := storage.Create(ctx, "sqlite:"+file)
	if err != nil {
		return err
	}
	defer store.Close()
	cfg.Storage = store
	l, err := prepare(cfg)
	if err == nil {
		l.tree, err = store.FindTree(ctx, cfg.Origin)
	}
	if err != nil {
		return err
	}
	records, err := store.Records(ctx, l.tree, index, 1)
	if err != nil {
		return err
	}
	hash := proof.LeafHash(records[0].Value)
	ln, c, err := l.vault.Unseal(ctx, index, hash, records[0].Extra)
	if err != nil {
		return err
	}
	c.Verdict = verdict
	key, err := l.vault.Prepare(ctx, 1)
	if err != nil {
		return err
	}
	opening, err := l.vault.Seal(key, index, hash, ln, c)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "UPDATE leaf SET extra = $1 WHERE place = (SELECT min(place) FROM leaf) + $2", opening, int64(index))
	return err
}
