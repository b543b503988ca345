package source

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/fhir/tree"
	"igledger/internal/client"
	"igledger/ledger/entry"
)

// An entry that the ledger refuses permanently leaves no gap in the numbers, and its access is not
// lost: it is signed again in a plainer form, with the same number and, above all, the same jti.
// The log takes one entry of an issuer under one jti, so of all forms at most one is ever in it,
// also if the ledger took one that it said it refused: then the next form is a conflict, and the
// receipt of the entry that is in the log is asked for by its jti. All forms are kept.
//
//	form 0  as converted
//	form 1  what kind of access, whose record, who (by organisation), and a hash of form 0
//	form 2  the same of nobody's record
//	form 3  the mark of an entry that the source set aside (aside.go)
//
// A crash between any two steps repeats the last one: the form that is in the outbox is sent again.

// The last forms.
const (
	nobodys  = 2
	setAside = 3
)

// refused handles a permanent refusal. It returns what was acknowledged if one of the forms is in
// the log. Otherwise the outbox has the next form to be sent.
func (im *importer) refused(ctx context.Context, p posted, problem *client.Problem) (*acked, error) {
	if problem.Status == http.StatusConflict {
		a, err := im.logged(ctx, p)
		if a != nil || err != nil {
			return a, err
		}
	}
	if p.form >= nobodys { // the ledger takes nothing: this is not about the entry
		return nil, &RefusedError{Seq: p.seq, Problem: problem}
	}
	if p.form == 0 {
		im.tell(func() {
			im.sum.Plainer++
			im.OnReject(&EntryError{p.seq, problem})
		})
	}
	next, err := im.plainer(p, problem)
	if err != nil {
		return nil, err
	}
	return nil, im.outbox.inTx(ctx, func(tx *sql.Tx) error {
		if err := keepRefused(ctx, tx, p, problem.Code()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE entry SET sdjwt = ?, form = ? WHERE event = ? AND part = ?", next, p.form+1, p.event, p.part)
		return err
	})
}

// logged looks for a form of an entry that is in the log under its jti. It returns nil if the entry
// that is there is none of the source's.
func (im *importer) logged(ctx context.Context, p posted) (*acked, error) {
	e, err := entry.Parse(p.sdjwt)
	if err != nil {
		return nil, fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	results, err := im.Client.ReceiptsByID(ctx, []string{e.ID})
	if err != nil || len(results) != 1 || results[0].Receipt == nil {
		return nil, err
	}
	forms, err := im.outbox.forms(ctx, p.seq)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	for _, sdjwt := range append(forms, p.sdjwt) {
		if a, err := im.checked(sdjwt, results[0].Receipt); err == nil {
			return &a, nil
		}
	}
	return nil, nil
}

// plainer signs the next form of an entry.
func (im *importer) plainer(p posted, problem *client.Problem) (string, error) {
	e, err := entry.Parse(p.sdjwt)
	if err != nil {
		return "", fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	a, ok := e.Body.(*entry.Access)
	if !ok {
		return "", &RefusedError{Seq: p.seq, Problem: problem}
	}
	next := &entry.Access{Common: entry.Common{Issuer: a.Issuer, Audience: a.Audience}, Source: a.Source,
		Org: a.Org, Foreign: a.Foreign, Recipient: a.Recipient, Event: a.Event, Action: a.Action, Outcome: a.Outcome, Recorded: a.Recorded,
		Machine: a.Machine, Emergency: a.Emergency, Sub: a.Sub, Seq: a.Seq}
	next.ID = a.ID
	if problem.Status == http.StatusConflict { // another entry has this jti, so the log has no form of this one
		next.ID = ""
	}
	if now := im.Now().UTC(); a.RecordedTime().After(now) || problem.Code() == "future" {
		next.Recorded = now.Format(time.RFC3339)
	}
	root := tree.Object{"resourceType": "AuditEvent"}
	if p.form == 1 {
		nobody(next)
	} else {
		tree.Refused(root, []byte(p.sdjwt), problem.Code())
		raw, err := tree.Write(root)
		if err != nil {
			return "", err
		}
		next.FHIR = jsontext.Value(raw)
	}
	signed, err := entry.Sign(im.Signer, next)
	if err != nil {
		return "", err
	}
	return signed.SDJWT(), nil
}

// nobody makes an access one of nobody's record by nobody who is known.
func nobody(a *entry.Access) {
	a.Sub, a.Org, a.Foreign, a.Recipient = entry.RegSources, "", true, ""
	a.Event, a.Action = nil, "E"
}

func keepRefused(ctx context.Context, tx *sql.Tx, p posted, code string) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO refused (seq, form, problem, sdjwt) VALUES (?, ?, ?, ?)",
		int64(p.seq), p.form, code, p.sdjwt)
	return err
}

// forms returns the entries with a number that were refused or signed anew.
func (o *outbox) forms(ctx context.Context, seq uint64) (list []string, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT sdjwt FROM
		(SELECT form, 0 AS id, sdjwt FROM refused WHERE seq = ?1 UNION ALL SELECT 9, id, sdjwt FROM earlier WHERE seq = ?1)
		ORDER BY form, id`, int64(seq))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
