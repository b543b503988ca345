package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// What the outbox remembers of the log besides its entries: one value for each name.
const (
	memNewest  = "newest"  // largest checkpoint seen, a signed note
	memGenesis = "genesis" // hash of leaf 0, hexadecimal
	memAlarm   = "alarm"   // why nothing is sent and forgotten any more
	memBytes   = "bytes"   // of the receipts that are kept
	memReading = "reading" // number of the last reading of an input
	memDropped = "dropped" // receipts dropped since the outbox was made, because there was no room
)

func (o *outbox) remembered(ctx context.Context, name string) (value string, err error) {
	err = o.db.QueryRowContext(ctx, "SELECT value FROM memory WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func (o *outbox) remember(ctx context.Context, name, value string) error {
	return o.inTx(ctx, func(tx *sql.Tx) error { return remember(ctx, tx, name, value) })
}

func remember(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO memory VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		name, value)
	return err
}

// count reads a number of the memory within a transaction.
func count(ctx context.Context, tx *sql.Tx, name string) (n int64, err error) {
	var text string
	err = tx.QueryRowContext(ctx, "SELECT value FROM memory WHERE name = ?", name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err == nil {
		n, err = strconv.ParseInt(text, 10, 64)
	}
	return n, err
}

// acked is an entry that the ledger acknowledged with a receipt that was checked.
type acked struct {
	sdjwt   string
	jti     string
	receipt *bundle.Receipt
	got     verifier.Receipted
	enough  bool // the receipt has what the policy asks for: the signed bytes can be forgotten
}

// acknowledge notes acknowledged entries. Those whose receipt is not enough keep their signed bytes
// and the receipt that they have. Of the others only the receipt is kept.
func (o *outbox) acknowledge(ctx context.Context, tx *sql.Tx, list []acked) (dropped int, err error) {
	for _, a := range list {
		if a.enough {
			continue
		}
		text, err := wire.EncodeJSON(a.receipt)
		if err != nil {
			return 0, err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO acknowledged (jti, idx, sdjwt, receipt) VALUES (?, ?, ?, ?)",
			a.jti, int64(a.got.Index), a.sdjwt, string(text))
		if err != nil {
			return 0, err
		}
	}
	return o.keep(ctx, tx, list)
}

// forget deletes the signed bytes of entries whose receipts are enough, and keeps these receipts.
func (o *outbox) forget(ctx context.Context, list []acked) (dropped int, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		for _, a := range list {
			if _, err := tx.ExecContext(ctx, "DELETE FROM acknowledged WHERE jti = ?", a.jti); err != nil {
				return err
			}
		}
		dropped, err = o.keep(ctx, tx, list)
		return err
	})
	return dropped, err
}

// receiptOverhead is what a row of the receipt table takes beyond its blobs, about.
const receiptOverhead = 64

// keep stores the receipts that are enough, and drops the oldest that there is no room for. A
// receipt is kept without its checkpoint, which many share.
func (o *outbox) keep(ctx context.Context, tx *sql.Tx, list []acked) (dropped int, err error) {
	bytes, err := count(ctx, tx, memBytes)
	if err != nil {
		return 0, err
	}
	k, err := newKeeping(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer k.receipt.Close()
	for _, a := range list {
		if !a.enough {
			continue
		}
		n, err := k.keep(ctx, a)
		if err != nil {
			return 0, err
		}
		bytes += n
	}
	if bytes > o.most {
		var freed int64
		dropped, freed, err = dropOldest(ctx, tx, bytes-o.most)
		if err != nil {
			return 0, err
		}
		bytes -= freed
		all, err := count(ctx, tx, memDropped)
		if err != nil {
			return 0, err
		}
		if err := remember(ctx, tx, memDropped, strconv.FormatInt(all+int64(dropped), 10)); err != nil {
			return 0, err
		}
	}
	return dropped, remember(ctx, tx, memBytes, strconv.FormatInt(bytes, 10))
}

// keeping stores receipts in a transaction.
type keeping struct {
	tx      *sql.Tx
	receipt *sql.Stmt
	note    string // the checkpoint that was stored or found last, which the next receipt mostly shares
	id      int64  // its id
}

func newKeeping(ctx context.Context, tx *sql.Tx) (*keeping, error) {
	stmt, err := tx.PrepareContext(ctx,
		"INSERT INTO receipt (idx, jti, leaf, link, path, checkpoint, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)")
	return &keeping{tx: tx, receipt: stmt}, err
}

// keep stores a receipt and returns how many bytes that took.
func (k *keeping) keep(ctx context.Context, a acked) (int64, error) {
	p, err := proof.ParseInclusion([]byte(a.receipt.Proof))
	if err != nil {
		return 0, err
	}
	var path, link []byte
	for _, h := range p.Hashes {
		path = append(path, h[:]...)
	}
	if r := a.receipt; r.Tag != nil && r.TagSalt != nil && r.BodySalt != nil {
		link = append(append(append(append(link, r.TagSalt[:]...), r.Tag[:]...), r.BodySalt[:]...), r.VRFProof...)
	}
	var bytes int64
	if note := string(p.Checkpoint); note != k.note || k.id == 0 {
		var id int64
		err = k.tx.QueryRowContext(ctx, "SELECT id FROM checkpoint WHERE note = ?", note).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			bytes += int64(len(note))
			err = k.tx.QueryRowContext(ctx, "INSERT INTO checkpoint (note) VALUES (?) RETURNING id", note).Scan(&id)
		}
		if err != nil {
			return 0, err
		}
		k.note, k.id = note, id
	}
	size := int64(len(a.receipt.Leaf)+len(link)+len(path)+len(a.jti)) + receiptOverhead
	_, err = k.receipt.ExecContext(ctx, int64(p.Index), a.jti, []byte(a.receipt.Leaf), link, path, k.id, size)
	return bytes + size, err
}

// dropOldest drops the receipts that came first until so many bytes are free.
func dropOldest(ctx context.Context, tx *sql.Tx, want int64) (dropped int, freed int64, err error) {
	for freed < want {
		var size int64
		err := tx.QueryRowContext(ctx, "DELETE FROM receipt WHERE id = (SELECT min(id) FROM receipt) RETURNING bytes").Scan(&size)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return 0, 0, err
		}
		dropped, freed = dropped+1, freed+size
	}
	rows, err := tx.QueryContext(ctx, `DELETE FROM checkpoint
		WHERE id < (SELECT coalesce(min(checkpoint), ?) FROM receipt) RETURNING length(CAST(note AS BLOB))`, int64(1)<<62)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return 0, 0, err
		}
		freed += n
	}
	return dropped, freed, rows.Err()
}

// unwitnessed returns entries whose receipt is not enough yet, lowest index first.
func (o *outbox) unwitnessed(ctx context.Context, limit int) (list []acked, err error) {
	return o.acks(ctx, "SELECT idx, jti, sdjwt, receipt FROM acknowledged ORDER BY idx LIMIT ?", limit)
}

func (o *outbox) acks(ctx context.Context, query string, args ...any) (list []acked, err error) {
	rows, err := o.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a acked
		var idx int64
		var text string
		if err := rows.Scan(&idx, &a.jti, &a.sdjwt, &text); err != nil {
			return nil, err
		}
		a.receipt, err = bundle.ParseReceipt([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("the outbox contains a damaged receipt: %w", err)
		}
		a.got.Index = uint64(idx)
		list = append(list, a)
	}
	return list, rows.Err()
}

// moved notes where entries are that were acknowledged before and sent again.
func (o *outbox) moved(ctx context.Context, old, now []acked) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		for i, a := range now {
			text, err := wire.EncodeJSON(a.receipt)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "UPDATE acknowledged SET idx = ?, receipt = ?, again = 1 WHERE jti = ?",
				int64(a.got.Index), string(text), old[i].jti)
			if err != nil {
				return err
			}
			e, err := entry.Parse(a.sdjwt)
			if err != nil {
				return err
			}
			if access, ok := e.Body.(*entry.Access); ok && access.Seq != nil {
				_, err := tx.ExecContext(ctx, "UPDATE entry SET idx = ? WHERE seq = ?", int64(a.got.Index), int64(*access.Seq))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// waitingForWitnesses returns how many entries keep their signed bytes because their receipt is not
// enough.
func (o *outbox) waitingForWitnesses(ctx context.Context) (n int, err error) {
	err = o.db.QueryRowContext(ctx, "SELECT count(*) FROM acknowledged").Scan(&n)
	return n, err
}

// kept returns the receipts that were kept, for a condition on them.
func (o *outbox) kept(ctx context.Context, where string, args ...any) (list []acked, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT r.idx, r.jti, r.leaf, r.link, r.path, c.note
		FROM receipt r JOIN checkpoint c ON c.id = r.checkpoint `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var a acked
		var idx int64
		var leaf, link, path []byte
		var note string
		if err := rows.Scan(&idx, &a.jti, &leaf, &link, &path, &note); err != nil {
			return nil, err
		}
		p := proof.Inclusion{Index: uint64(idx), Checkpoint: []byte(note)}
		for ; len(path) >= len(wire.Hash{}); path = path[len(wire.Hash{}):] {
			p.Hashes = append(p.Hashes, wire.Hash(path[:len(wire.Hash{})]))
		}
		a.receipt = &bundle.Receipt{Leaf: leaf, Proof: string(p.Marshal())}
		if len(link) >= 3*len(wire.Hash{}) {
			tagSalt, tag, bodySalt := wire.Hash(link[:32]), wire.Hash(link[32:64]), wire.Hash(link[64:96])
			a.receipt.TagSalt, a.receipt.Tag, a.receipt.BodySalt = &tagSalt, &tag, &bodySalt
			a.receipt.VRFProof = link[96:]
		}
		a.got.Index = uint64(idx)
		list = append(list, a)
	}
	return list, rows.Err()
}

// KeptReceipt returns the receipt that an outbox keeps for the entry with this jti or, if jti is
// "", at this index: the one that let the source forget the entry, or else the one with which the
// ledger acknowledged it. If the outbox has none, it returns sql.ErrNoRows.
func KeptReceipt(ctx context.Context, path string, index uint64, jti string) (*bundle.Receipt, error) {
	o, err := existing(ctx, path)
	if err != nil {
		return nil, err
	}
	defer o.db.Close()
	column, value := "idx", any(int64(index))
	if jti != "" {
		column, value = "jti", jti
	}
	list, err := o.kept(ctx, "WHERE r."+column+" = ? ORDER BY r.id DESC LIMIT 1", value)
	if err == nil && len(list) == 0 {
		list, err = o.acks(ctx, "SELECT idx, jti, sdjwt, receipt FROM acknowledged WHERE "+column+" = ? LIMIT 1", value)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the outbox: %w", err)
	case len(list) == 0:
		return nil, sql.ErrNoRows
	}
	return list[0].receipt, nil
}
