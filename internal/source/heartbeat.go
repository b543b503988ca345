package source

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"igledger/ledger/entry"
)

// Heartbeats first sends what is waiting in the outbox, so that every possible receipt is checked.
// It then makes a heartbeat for each past day (UTC) that has none; the first heartbeat covers the
// day of the first entry.
//
// If no access was ever taken into the outbox, the error is a *NoAccessError.
//
// interval is the longest silence that is not a fault, in whole seconds from entry.MinInterval to
// entry.MaxInterval. A day has one heartbeat only: after an interruption, what was signed is sent
// again unchanged. With an error, Heartbeats returns the heartbeats made so far. Under a policy
// their signed bytes are kept until cosigners have seen them, like those of accesses.
func (a *Agent) Heartbeats(ctx context.Context, interval time.Duration) (list []Heartbeat, err error) {
	err = a.locked(ctx, func() error {
		list, err = a.heartbeats(ctx, interval)
		return err
	})
	return list, err
}

func (a *Agent) heartbeats(ctx context.Context, interval time.Duration) ([]Heartbeat, error) {
	im := &importer{Agent: a}
	a.met = false
	if begun, err := a.outbox.mark(ctx); err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	} else if begun.seq == 0 {
		return nil, &NoAccessError{a.Source}
	}
	if err := im.sendAll(ctx); err != nil {
		return nil, fmt.Errorf("sending what is waiting in the outbox: %w", err)
	}
	if err := im.meet(ctx); err != nil {
		return nil, err
	}
	if im.held != nil { // a day's numbers are stated once, and these are still on their way
		return nil, im.held
	}
	yesterday := a.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	days, err := a.outbox.daysDue(ctx, yesterday)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	done := []Heartbeat{}
	for _, day := range days {
		b, err := a.beat(ctx, day, interval)
		if err != nil {
			return done, fmt.Errorf("heartbeat of %s: %w", day, err)
		}
		done = append(done, b)
	}
	return done, im.witnessed(ctx, true)
}

// Heartbeat is a heartbeat that is in the log.
type Heartbeat struct {
	DayNumbers
	Index        uint64 `json:"index"`
	NumbersIndex uint64 `json:"numbersIndex"`
}

// DayNumbers are the numbers of one day, as in entry.SourceCount.
type DayNumbers struct {
	Day      string `json:"day"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Count    uint64 `json:"count"`
	Receipts uint64 `json:"receipts"`
	Gaps     bool   `json:"gaps"`
}

// beat signs, keeps, posts and settles one day. If the day was signed before, beat posts that
// signed heartbeat again: the log takes only one per day.
func (a *Agent) beat(ctx context.Context, day string, interval time.Duration) (Heartbeat, error) {
	n, err := a.outbox.numbers(ctx, day)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("reading the outbox: %w", err)
	}
	texts, err := a.outbox.signedBeat(ctx, day, func() ([2]string, error) { return a.sign(n, interval) })
	if err != nil {
		return Heartbeat{}, err
	}
	results, err := a.Client.Submit(ctx, texts[:])
	if err != nil {
		return Heartbeat{}, err
	}
	taken := make([]acked, 2)
	for i, res := range results {
		if res.Problem != nil {
			err := a.outbox.noteRefusals(ctx, []refusal{{day: day, problem: res.Problem}}, a.Now())
			return Heartbeat{}, cmp.Or[error](err, &RefusedError{Problem: res.Problem})
		}
		taken[i], err = a.checked(texts[i], res.Receipt)
		if err != nil {
			return Heartbeat{}, err
		}
	}
	if err := a.holdAll(ctx, taken, false); err != nil {
		return Heartbeat{}, err
	}
	if err := a.outbox.settleBeat(ctx, day, taken); err != nil {
		return Heartbeat{}, err
	}
	return Heartbeat{n, taken[0].got.Index, taken[1].got.Index}, a.outbox.tidy(ctx)
}

func (a *Agent) sign(n DayNumbers, interval time.Duration) (texts [2]string, err error) {
	origin := a.receipts.Origin()
	beat := &entry.Heartbeat{Common: a.common(), Source: a.Source, Day: n.Day,
		Interval: uint64(max(0, interval) / time.Second), Gaps: n.Gaps, Receipts: n.Receipts == n.Count}
	beat.ID = entry.HeartbeatID(origin, a.Org, a.Source, n.Day)
	count := &entry.SourceCount{Common: a.common(), Source: a.Source, Day: n.Day, Sub: entry.RegSources,
		First: &n.First, Last: &n.Last, Count: &n.Count, Receipts: &n.Receipts}
	count.ID = entry.SourceCountID(origin, a.Org, a.Source, n.Day)
	for i, body := range []entry.Body{beat, count} {
		e, err := entry.Sign(a.Signer, body)
		if err != nil {
			return texts, err
		}
		texts[i] = e.SDJWT()
	}
	return texts, nil
}

// daysDue returns the days up to last that need a heartbeat: interrupted ones, then those after the
// latest heartbeat. If there is no heartbeat, it starts with the first day that has an entry.
func (o *outbox) daysDue(ctx context.Context, last string) ([]string, error) {
	rows, err := o.db.QueryContext(ctx, `
		WITH RECURSIVE due (day) AS (
			SELECT coalesce((SELECT date(max(day), '+1 day') FROM heartbeat), (SELECT min(day) FROM entry), ?1)
			UNION ALL SELECT date(day, '+1 day') FROM due WHERE day < ?1)
		SELECT day FROM heartbeat WHERE beat IS NOT NULL UNION SELECT day FROM due WHERE day <= ?1 ORDER BY 1`, last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var days []string
	for rows.Next() {
		var day string
		if err := rows.Scan(&day); err != nil {
			return nil, err
		}
		days = append(days, day)
	}
	return days, rows.Err()
}

// numbers returns the numbers of a day. They continue those of the day before, so that consecutive
// days add up.
func (o *outbox) numbers(ctx context.Context, day string) (DayNumbers, error) {
	n := DayNumbers{Day: day}
	var before, last, count, receipts int64
	err := o.db.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(max(seq), 0) FROM entry WHERE day IS NULL OR day < ?1),
		(SELECT coalesce(max(seq), 0) FROM entry WHERE day IS NULL OR day <= ?1),
		(SELECT count(*) FROM entry WHERE day = ?1 AND problem IS NULL),
		(SELECT count(*) FROM entry WHERE day = ?1 AND idx IS NOT NULL)`, day).Scan(&before, &last, &count, &receipts)
	n.First, n.Last, n.Count, n.Receipts = uint64(before)+1, uint64(last), uint64(count), uint64(receipts)
	n.Gaps = n.Count != n.Last-uint64(before)
	return n, err
}

// signedBeat returns the day's signed heartbeat and numbers. If there are none, it signs and keeps
// them.
func (o *outbox) signedBeat(
	ctx context.Context, day string, sign func() ([2]string, error),
) (texts [2]string, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, "SELECT beat, numbers FROM heartbeat WHERE day = ?", day)
		err := row.Scan(&texts[0], &texts[1])
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		texts, err = sign()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO heartbeat (day, beat, numbers) VALUES (?, ?, ?)",
			day, texts[0], texts[1])
		return err
	})
	return texts, err
}

func (o *outbox) settleBeat(ctx context.Context, day string, taken []acked) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := o.acknowledge(ctx, tx, taken); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE heartbeat SET beat = NULL, numbers = NULL WHERE day = ?", day)
		return err
	})
}
