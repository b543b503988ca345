package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// An entry that is set aside leaves a mark under its number: an access to nobody's record, with
// size and hash of what was set aside. If the number were given to another entry, or to none,
// nobody could tell a source that set something aside from one that never had it. So the numbers
// stay without a gap, the log shows that, when and by whose key something was set aside, and an
// auditor can ask the source for what has that hash, which the outbox keeps. The mark has the jti
// of the entry: if that is in the log after all, the log does not take the mark, and the outbox
// learns that its entry is there.

// asideCode stands in =refused of a mark, where a refused entry has the code of the ledger.
const asideCode = "set-aside"

// NumberError reports that no entry with this number waits in the outbox.
type NumberError struct {
	Seq    uint64
	Reason string
}

func (e *NumberError) Error() string {
	return fmt.Sprintf("number %d does not wait: %s", e.Seq, e.Reason)
}

// Aside is what SetAside did.
type Aside struct {
	Seq    uint64  `json:"number"`
	Index  *uint64 `json:"index,omitempty"` // of what is in the log under the number; absent: it is to be sent
	Itself bool    `json:"itself"`          // the entry itself was in the log already, so it was not set aside
	Outbox int     `json:"outbox"`          // entries that wait still
}

// SetAside takes an entry that waits out of what is sent, and sends a mark in its place. The outbox
// keeps the entry for KeptOriginal. If the number does not wait, the error is a *NumberError. After
// any other error the mark is in the outbox or the entry waits as before.
func (a *Agent) SetAside(ctx context.Context, seq uint64) (out Aside, err error) {
	out.Seq = seq
	err = a.locked(ctx, func() error {
		im := &importer{Agent: a}
		a.met = false
		p, err := a.outbox.waitingAt(ctx, seq)
		if err != nil {
			return err
		}
		if p.form == setAside {
			return &NumberError{seq, "it is set aside already, and its mark is to be sent"}
		}
		if err := im.setAside(ctx, p); err != nil {
			return err
		}
		err = im.sendAll(ctx)
		if countErr := a.outbox.outcome(context.WithoutCancel(ctx), &out); err == nil {
			err = countErr
		}
		if err == nil && im.held != nil && out.Index == nil {
			err = im.held
		}
		return err
	})
	return out, err
}

func (im *importer) setAside(ctx context.Context, p posted) error {
	e, err := entry.Parse(p.sdjwt)
	if err != nil {
		return fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	a, ok := e.Body.(*entry.Access)
	if !ok {
		return errors.New("the outbox contains an entry that is no access")
	}
	mark := &entry.Access{Common: im.common(), Source: a.Source, Outcome: a.Outcome, Recorded: a.Recorded, Seq: a.Seq}
	mark.ID = a.ID
	nobody(mark)
	root := tree.Object{"resourceType": "AuditEvent"}
	tree.Refused(root, []byte(p.sdjwt), asideCode)
	raw, err := tree.Write(root)
	if err != nil {
		return err
	}
	mark.FHIR = jsontext.Value(raw)
	signed, err := entry.Sign(im.Signer, mark)
	if err != nil {
		return err
	}
	return im.outbox.inTx(ctx, func(tx *sql.Tx) error {
		if err := keepRefused(ctx, tx, p, asideCode); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM refusal WHERE seq = ?", int64(p.seq)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE entry SET sdjwt = ?, form = ? WHERE event = ? AND part = ?", signed.SDJWT(), setAside,
			p.event, p.part)
		return err
	})
}

// waitingAt returns the entry with a number. If it does not wait to be sent, the error is a
// *NumberError.
func (o *outbox) waitingAt(ctx context.Context, seq uint64) (posted, error) {
	p := posted{seq: seq}
	var sdjwt sql.NullString
	var index sql.NullInt64
	err := o.db.QueryRowContext(ctx, "SELECT event, part, form, sdjwt, idx FROM entry WHERE seq = ?", int64(seq)).
		Scan(&p.event, &p.part, &p.form, &sdjwt, &index)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return p, &NumberError{seq, "the outbox has not given it out"}
	case err != nil:
		return p, fmt.Errorf("reading the outbox: %w", err)
	case index.Valid:
		return p, &NumberError{seq, fmt.Sprintf("it is in the log, as entry %d", index.Int64)}
	case !sdjwt.Valid:
		return p, &NumberError{seq, "the ledger refused it for good"}
	}
	p.sdjwt = sdjwt.String
	return p, nil
}

// outcome says what became of a number that was set aside.
func (o *outbox) outcome(ctx context.Context, out *Aside) error {
	var index sql.NullInt64
	err := o.db.QueryRowContext(ctx, `SELECT idx, (SELECT count(*) FROM entry WHERE sdjwt IS NOT NULL), form <> ?1
		FROM entry WHERE seq = ?2`, setAside, int64(out.Seq)).Scan(&index, &out.Outbox, &out.Itself)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	if index.Valid {
		n := uint64(index.Int64) //nolint:gosec // an index of the log
		out.Index = &n
	}
	return nil
}

// notAside notes that an entry that was set aside is in the log itself.
func notAside(ctx context.Context, tx *sql.Tx, seq uint64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM refused WHERE seq = ? AND problem = ?", int64(seq), asideCode); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE entry SET form = 0 WHERE seq = ?", int64(seq))
	return err
}
