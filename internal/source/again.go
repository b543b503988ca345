package source

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// A refusal of the key that signed an entry says nothing of the entry. If it is the key that the
// source signs with now, the run ends: whatever else it signs would be refused, too. An entry of
// another key, such as one that was revoked since, is passed over, so that it blocks nothing, and
// waits until it is signed anew: with the same number and jti, so that the log takes one of the
// two, whatever became of the first. The first is kept until then, to recognise its receipt.

// queue is where a run is in the outbox, which it sends in the order of the numbers.
type queue struct {
	upTo uint64                // what waits up to this number was sent in this run, and is held back
	held *RefusedError         // of what is held back
	anew func(seq uint64) bool // which entries of a refused key are signed anew; nil: none
}

// unsent handles a refusal that is not about the entry itself. It reports whether it signed the
// entry anew, which is then to be sent. An error ends the run.
func (im *importer) unsent(ctx context.Context, p posted, problem *client.Problem) (signed bool, err error) {
	kid, err := signedBy(p.sdjwt)
	if err != nil {
		return false, err
	}
	if !problem.OfKey() || kid == im.Signer.KID {
		return false, &RefusedError{Seq: p.seq, Problem: problem}
	}
	if im.anew != nil && im.anew(p.seq) {
		return true, im.signAnew(ctx, p)
	}
	if im.held == nil {
		im.held = &RefusedError{Seq: p.seq, Problem: problem}
	}
	im.held.Held++
	return false, nil
}

// signedBy returns the kid of an entry of the outbox.
func signedBy(sdjwt string) (string, error) {
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return "", fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	return e.KID, nil
}

// resigned returns an entry as it is, signed by another key: its jti and time stay.
func resigned(signer *wire.Signer, sdjwt string) (string, error) {
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return "", fmt.Errorf("the outbox contains a damaged entry: %w", err)
	}
	if e, err = entry.Sign(signer, e.Body); err != nil {
		return "", err
	}
	return e.SDJWT(), nil
}

// signAnew puts an entry, signed with the present key, in the place of what waits.
func (im *importer) signAnew(ctx context.Context, p posted) error {
	next, err := resigned(im.Signer, p.sdjwt)
	if err != nil {
		return err
	}
	return im.outbox.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO earlier (seq, sdjwt) VALUES (?, ?)", int64(p.seq), p.sdjwt); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE entry SET sdjwt = ? WHERE event = ? AND part = ?", next, p.event, p.part)
		return err
	})
}

// Retried is what Retry did.
type Retried struct {
	Signed     int `json:"signedAnew"` // entries
	Logged     int `json:"logged"`     // entries whose receipts were checked, also of those that were sent as they were
	Heartbeats int `json:"heartbeats"` // days whose heartbeats were signed anew and are in the log
	Outbox     int `json:"outbox"`     // entries that wait still
}

// Retry sends what waits in the outbox. It signs anew, with the key of Config and under the same
// numbers: the entries with these numbers or, if there are none, whatever the ledger refuses
// because of another key that it was signed with, heartbeats too. If a number does not wait, the
// error is a *NumberError, and nothing is done. After any other error, call it again: it continues.
func (a *Agent) Retry(ctx context.Context, numbers ...uint64) (r Retried, err error) {
	err = a.locked(ctx, func() error {
		r, err = a.retry(ctx, numbers)
		return err
	})
	return r, err
}

func (a *Agent) retry(ctx context.Context, numbers []uint64) (Retried, error) {
	im, r := &importer{Agent: a}, Retried{}
	a.met = false
	var list []posted
	for _, n := range numbers {
		p, err := a.outbox.waitingAt(ctx, n)
		if err != nil {
			return r, err
		}
		list = append(list, p)
	}
	for _, p := range list {
		kid, err := signedBy(p.sdjwt)
		if err == nil && kid != a.Signer.KID {
			r.Signed++
			err = im.signAnew(ctx, p)
		}
		if err != nil {
			return r, err
		}
	}
	if len(numbers) == 0 {
		im.anew = func(uint64) bool { r.Signed++; return true }
	}
	err := im.sendAll(ctx)
	if err == nil && len(numbers) == 0 {
		r.Heartbeats, err = a.beatAnew(ctx)
	}
	if err == nil && im.held != nil {
		err = im.held
	}
	if countErr := im.count(context.WithoutCancel(ctx)); err == nil && countErr != nil {
		err = fmt.Errorf("reading the outbox: %w", countErr)
	}
	r.Logged, r.Outbox = im.sum.Logged, im.sum.Outbox
	return r, err
}

// beatAnew signs anew what waits of heartbeats and was refused because of its key, and sends it.
func (a *Agent) beatAnew(ctx context.Context) (n int, err error) {
	days, err := a.outbox.refusedBeats(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the outbox: %w", err)
	}
	for _, day := range days {
		err := a.outbox.inTx(ctx, func(tx *sql.Tx) error {
			var texts [2]string
			err := tx.QueryRowContext(ctx, "SELECT beat, numbers FROM heartbeat WHERE day = ?", day).Scan(&texts[0], &texts[1])
			for i, text := range texts {
				if err == nil {
					texts[i], err = resigned(a.Signer, text)
				}
			}
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, "UPDATE heartbeat SET beat = ?, numbers = ? WHERE day = ?", texts[0], texts[1], day)
			return err
		})
		if err != nil {
			return n, err
		}
		if _, err := a.beat(ctx, day, 0); err != nil { // the interval is in what was signed
			return n, fmt.Errorf("heartbeat of %s: %w", day, err)
		}
		n++
	}
	return n, nil
}

// refusal is the last refusal of an entry or, without a number, of a day's heartbeat.
type refusal struct {
	seq     uint64
	day     string
	problem *client.Problem
}

// noteRefusals keeps why entries wait.
func (o *outbox) noteRefusals(ctx context.Context, list []refusal, at time.Time) error {
	if len(list) == 0 {
		return nil
	}
	return o.inTx(ctx, func(tx *sql.Tx) error {
		for _, r := range list {
			if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO refusal (seq, day, problem, says, at) VALUES (?, ?, ?, ?, ?)",
				int64(r.seq), r.day, harmless(r.problem.Type), harmless(r.problem.Title), at.UTC().Format(time.RFC3339)); err != nil {
				return err
			}
		}
		return nil
	})
}

// harmless returns a server's words if they are short and plain and hold no number of a person.
func harmless(s string) string {
	const most = 200
	if !wire.Plain(s, most) || entry.ContainsPersonNumber(s) {
		return ""
	}
	return s
}

// tidy deletes what is kept of entries only as long as they wait.
func (o *outbox) tidy(ctx context.Context) error {
	var any bool
	err := o.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM refusal) OR EXISTS (SELECT 1 FROM earlier)").Scan(&any)
	if err != nil || !any {
		return err
	}
	return o.inTx(ctx, func(tx *sql.Tx) error {
		for _, q := range []string{
			"DELETE FROM refusal WHERE seq > 0 AND seq NOT IN (SELECT seq FROM entry WHERE sdjwt IS NOT NULL)",
			"DELETE FROM refusal WHERE seq = 0 AND day NOT IN (SELECT day FROM heartbeat WHERE beat IS NOT NULL)",
			"DELETE FROM earlier WHERE seq NOT IN (SELECT seq FROM entry WHERE sdjwt IS NOT NULL)",
		} {
			if _, err := tx.ExecContext(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// refusedBeats returns the days whose heartbeats wait and were refused.
func (o *outbox) refusedBeats(ctx context.Context) (days []string, err error) {
	rows, err := o.db.QueryContext(ctx, `SELECT day FROM heartbeat
		WHERE beat IS NOT NULL AND day IN (SELECT day FROM refusal WHERE seq = 0) ORDER BY day`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var day string
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, rows.Err()
}
