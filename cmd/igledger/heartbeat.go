package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"igledger/ledger/entry"
)

func heartbeatCommand() *cli.Command {
	return &cli.Command{
		Name:  "heartbeat",
		Usage: "say for each day that is over that a stream was alive and whole",
		Description: "For the source's outbox that access import keeps, once a day, soon after midnight UTC. First sends what still waits there. Then makes, for\n" +
			"every day since the last heartbeat (at first: since the first import), the public heartbeat and the sealed numbers behind it, posts both\n" +
			"and checks their receipts. Interrupted, it goes on where it stopped. A day is said once: nothing can be taken back.\n\n" +
			"Example: igledger heartbeat --org NHSL --key lothian-submit.jwk --source trakcare --interval 1h --log-key \"$LOG_KEY\"",
		Flags: remoteFlags(
			&cli.StringFlag{Name: "source", Required: true, Usage: "name of the reporting system"},
			&cli.StringFlag{Name: "outbox", Usage: "the file that access import keeps (default: <source>.outbox in the working folder)"},
			&cli.DurationFlag{Name: "interval", Value: 24 * time.Hour, Usage: "that the stream is silent for longer is a fault, 1m to 744h"},
		),
		Action: heartbeatAction,
	}
}

func heartbeatAction(c *cli.Context) error {
	if c.Args().Present() {
		return usage("heartbeat takes no arguments")
	}
	interval := uint64(max(0, c.Duration("interval")) / time.Second)
	if interval < entry.MinInterval || interval > entry.MaxInterval {
		return usage("--interval wants %s to %s", entry.MinInterval*time.Second, entry.MaxInterval*time.Second)
	}
	r, err := newRemote(c, signing)
	if err != nil {
		return err
	}
	o, err := r.outbox(c)
	if err != nil {
		return err
	}
	defer o.close()
	im := &importer{remote: r, outbox: o, source: c.String("source"), batch: 256, errOut: c.App.ErrWriter, bar: progress(c.App.ErrWriter, "sending")}
	err = im.drain(c.Context) // so that all receipts there can be are checked
	im.bar.Finish()           //nolint:errcheck // the bar is decoration
	if err != nil {
		return fmt.Errorf("sending what waits in the outbox: %w; run the same command again to go on", err)
	}
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	days, err := o.daysDue(c.Context, yesterday)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	b := &beater{remote: r, outbox: o, source: c.String("source"), interval: interval}
	done := []beaten{}
	for _, day := range days {
		d, err := b.beat(c.Context, day)
		if err != nil {
			return fmt.Errorf("heartbeat of %s: %w; run the same command again to go on", day, err)
		}
		done = append(done, d)
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, map[string]any{"heartbeats": done})
	}
	for _, d := range done {
		fmt.Fprintf(c.App.Writer, "%s: entry %d, numbers in entry %d: %d entries, %d receipts, gaps %v\n", d.Day, d.Index, d.NumbersIndex, d.Count, d.Receipts, d.Gaps)
	}
	if len(done) == 0 {
		fmt.Fprintln(c.App.Writer, "nothing due")
	}
	return nil
}

// beater makes heartbeats.
type beater struct {
	remote   *remote
	outbox   *outbox
	source   string
	interval uint64
}

// beaten is a heartbeat that is in the log.
type beaten struct {
	dayNumbers
	Index        uint64 `json:"index"`
	NumbersIndex uint64 `json:"numbersIndex"`
}

// dayNumbers are the numbers of one day, as in entry.SourceCount.
type dayNumbers struct {
	Day      string `json:"day"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Count    uint64 `json:"count"`
	Receipts uint64 `json:"receipts"`
	Gaps     bool   `json:"gaps"`
}

// beat signs, keeps, posts and settles one day. What was signed before is posted again as it was: the log takes one word a day.
func (b *beater) beat(ctx context.Context, day string) (beaten, error) {
	n, err := b.outbox.numbers(ctx, day)
	if err != nil {
		return beaten{}, fmt.Errorf("reading the outbox: %w", err)
	}
	texts, err := b.outbox.signedBeat(ctx, day, func() ([2]string, error) { return b.sign(n) })
	if err != nil {
		return beaten{}, err
	}
	results, err := b.remote.Submit(ctx, texts[:])
	if err != nil {
		return beaten{}, err
	}
	for i, res := range results {
		if res.Problem != nil {
			return beaten{}, refused("the ledger refused: %w", res.Problem)
		}
		e, err := entry.Parse(texts[i])
		if err != nil {
			return beaten{}, fmt.Errorf("the outbox holds a damaged entry: %w", err)
		}
		if err := b.remote.checkReceipt(ctx, e, res.Receipt); err != nil {
			return beaten{}, err
		}
	}
	return beaten{n, results[0].Index, results[1].Index}, b.outbox.settleBeat(ctx, day)
}

func (b *beater) sign(n dayNumbers) (texts [2]string, err error) {
	beat := &entry.Heartbeat{Common: b.remote.common(), Source: b.source, Day: n.Day, Interval: b.interval, Gaps: n.Gaps, Receipts: n.Receipts == n.Count}
	beat.ID = entry.HeartbeatID(b.remote.origin, b.remote.org, b.source, n.Day)
	count := &entry.SourceCount{Common: b.remote.common(), Source: b.source, Day: n.Day, Sub: entry.RegSources, First: &n.First, Last: &n.Last, Count: &n.Count, Receipts: &n.Receipts}
	count.ID = entry.SourceCountID(b.remote.origin, b.remote.org, b.source, n.Day)
	for i, body := range []entry.Body{beat, count} {
		e, err := entry.Sign(b.remote.signer, body)
		if err != nil {
			return texts, err
		}
		texts[i] = e.SDJWT()
	}
	return texts, nil
}

// daysDue are the days until last that want a heartbeat: what was interrupted, then those since the last one made, at first since the first
// day with an entry.
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

// numbers are those of a day: what follows on the day before, so that day after day adds up.
func (o *outbox) numbers(ctx context.Context, day string) (dayNumbers, error) {
	n := dayNumbers{Day: day}
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

// signedBeat gives the day's heartbeat and numbers as they were signed, or makes and keeps them.
func (o *outbox) signedBeat(ctx context.Context, day string, sign func() ([2]string, error)) (texts [2]string, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT beat, numbers FROM heartbeat WHERE day = ?", day).Scan(&texts[0], &texts[1])
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if texts, err = sign(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO heartbeat (day, beat, numbers) VALUES (?, ?, ?)", day, texts[0], texts[1])
		return err
	})
	return texts, err
}

func (o *outbox) settleBeat(ctx context.Context, day string) error {
	return o.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE heartbeat SET beat = NULL, numbers = NULL WHERE day = ?", day)
		return err
	})
}
