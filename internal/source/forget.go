package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"igledger/internal/client"
	"igledger/verifier"
	"igledger/verifier/fetch/retry"
)

// lookEvery is after how many entries without a quorum an import looks whether cosigners have come.
const lookEvery = 4096

// Why entries are not forgotten yet.
var (
	errNotYet = errors.New("no checkpoint with the operator's quorum covers these entries yet")
	errFewer  = errors.New("the newest witnessed checkpoint lacks the quorum of your own policy")
)

// witnessed forgets the signed bytes of entries that a checkpoint with the policy's quorum covers
// by now, and keeps the receipts under it. If wait is true, it waits for the others up to
// Config.Wait. What is left is no error: it is in the log, it is kept, and the next run looks
// again.
func (im *importer) witnessed(ctx context.Context, wait bool) error {
	im.unseen = 0
	for waited := time.Duration(0); ; waited += im.Poll {
		why, err := im.forgetWitnessed(ctx)
		if err != nil || why == nil || !wait || waited >= im.Wait {
			return err
		}
		n, err := im.outbox.waitingForWitnesses(ctx)
		if err != nil {
			return fmt.Errorf("reading the outbox: %w", err)
		}
		im.tell(func() { im.OnWait(n, why) })
		if err := im.pause(ctx); err != nil {
			return err
		}
	}
}

func (a *Agent) pause(ctx context.Context) error { return retry.Sleep(ctx, a.Poll) }

// forgetWitnessed forgets all that can be forgotten now. It returns why others can not, nil if none
// is left.
func (im *importer) forgetWitnessed(ctx context.Context) (why, err error) {
	for {
		list, err := im.outbox.unwitnessed(ctx, client.MaxEntries)
		if err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		if len(list) == 0 {
			return nil, nil
		}
		if err := im.meet(ctx); err != nil {
			return nil, err
		}
		done, why, err := im.better(ctx, list)
		if err != nil {
			return nil, err
		}
		dropped, err := im.outbox.forget(ctx, done)
		if err != nil {
			return nil, err
		}
		im.sum.Forgotten, im.sum.Dropped = im.sum.Forgotten+len(done), im.sum.Dropped+dropped
		if why != nil {
			return why, nil
		}
	}
}

// better fetches receipts under the newest witnessed checkpoint. It returns those that are enough,
// and why the rest of the list has to wait, if it has.
func (im *importer) better(ctx context.Context, list []acked) (done []acked, why, err error) {
	if im.receipts.policy.AsksNobody() { // since the entry was acknowledged
		for _, old := range list {
			old.enough = true
			done = append(done, old)
		}
		return done, nil, nil
	}
	ids := make([]string, len(list))
	for i, old := range list {
		ids[i] = old.jti
	}
	results, err := im.Client.WitnessedReceiptsByID(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	for i, res := range results {
		if p := res.Problem; p != nil {
			if p.Code() == client.NotWitnessed {
				why = errNotYet
				break // indices ascend: it covers none of the rest
			}
			return nil, nil, &ReceiptError{list[i].jti, fmt.Errorf("the ledger acknowledged entry %d and does not give its "+
				"receipt: %w", list[i].got.Index, p)}
		}
		if res.Receipt == nil {
			return nil, nil, fmt.Errorf("looking up receipts: result %d has neither a receipt nor a problem", i)
		}
		a, err := im.checked(list[i].sdjwt, res.Receipt)
		if err != nil {
			return nil, nil, err
		}
		if a.got.Index != list[i].got.Index {
			return nil, nil, &ReceiptError{a.jti, &verifier.Failure{Check: verifier.CheckInclusion, Index: verifier.At(a.got.Index),
				Expected: fmt.Sprintf("entry %d, as the ledger acknowledged it", list[i].got.Index),
				Found:    fmt.Sprintf("a proof of entry %d", a.got.Index),
				Meaning:  "the ledger logged the entry twice, or moved it"}}
		}
		if !a.enough {
			why = errFewer
			break
		}
		done = append(done, a)
	}
	return done, why, im.holdAll(ctx, done, true)
}

// SendAgain is for a source whose operator has said that the log lost all entries from index from
// on, for example because a backup was restored. It ends the alarm of a LogError, takes the log as
// it is now for the one to hold later checkpoints against, and sends again, as signed, the entries
// at these indices whose signed bytes the outbox still has: those that no cosigner's checkpoint
// covered. It returns how many it sent. The evidence stays.
func (a *Agent) SendAgain(ctx context.Context, from uint64) (n int, err error) {
	err = a.locked(ctx, func() error {
		n, err = a.sendAgain(ctx, from)
		return err
	})
	return n, err
}

func (a *Agent) sendAgain(ctx context.Context, from uint64) (int, error) {
	if err := a.outbox.reset(ctx); err != nil {
		return 0, err
	}
	a.met = false
	if err := a.meet(ctx); err != nil {
		return 0, err
	}
	sent := 0
	for {
		list, err := a.outbox.acks(ctx, `SELECT idx, jti, sdjwt, receipt FROM acknowledged
			WHERE idx >= ? AND again = 0 ORDER BY idx LIMIT ?`, int64(from), a.Batch)
		if err != nil {
			return sent, fmt.Errorf("reading the outbox: %w", err)
		}
		if len(list) == 0 {
			return sent, nil
		}
		texts := make([]string, len(list))
		for i, old := range list {
			texts[i] = old.sdjwt
		}
		results, err := a.Client.Submit(ctx, texts)
		if err != nil {
			return sent, err
		}
		taken := make([]acked, len(list))
		for i, res := range results {
			if res.Problem != nil {
				return sent, &RefusedError{Problem: res.Problem}
			}
			taken[i], err = a.checked(texts[i], res.Receipt)
			if err != nil {
				return sent, err
			}
		}
		if err := a.holdAll(ctx, taken, false); err != nil {
			return sent, err
		}
		if err := a.outbox.moved(ctx, list, taken); err != nil {
			return sent, err
		}
		sent += len(list)
	}
}

// reset forgets the last checkpoint and the alarm.
func (o *outbox) reset(ctx context.Context) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM memory WHERE name IN (?, ?)", memNewest, memAlarm); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE acknowledged SET again = 0")
		return err
	})
}
