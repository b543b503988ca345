package source

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"igledger/ledger/entry"
)

// State says how something is in an outbox.
type State string

// The states.
const (
	Waits    State = "waiting"   // to be sent, and nothing was refused
	IsHeld   State = "refused"   // the ledger refused it, for a reason that may pass
	IsAside  State = "set-aside" // its mark is in the log
	AsideDue State = "set-aside, mark waits"
)

// Item is what an outbox has of one number or, of numbers in a row of which the same is true, of
// several. It has no personal datum.
type Item struct {
	First   uint64 `json:"first,omitzero"` // number in the source's stream; absent: a heartbeat
	Last    uint64 `json:"last,omitzero"`
	Day     string `json:"day,omitempty"` // of a heartbeat
	State   State  `json:"state"`
	KID     string `json:"kid"`               // of the key that signed
	Since   string `json:"since"`             // RFC 3339: when the first of them was signed
	Problem string `json:"problem,omitempty"` // type of the last refusal
	Says    string `json:"says,omitempty"`    // the same in words
	At      string `json:"refused,omitempty"` // RFC 3339: when it was refused last
	Index   *int64 `json:"index,omitempty"`   // of its mark in the log
}

// Contents is what an outbox holds.
type Contents struct {
	Org        string `json:"organisation"`
	Source     string `json:"source"`
	LogKey     string `json:"logKey"`
	Last       uint64 `json:"last"`       // highest number that was given out
	Waiting    int    `json:"waiting"`    // entries that are to be sent
	Refused    int    `json:"refused"`    // of these, entries that the ledger refused
	SetAside   int    `json:"setAside"`   // entries
	Uncosigned int    `json:"uncosigned"` // entries in the log, kept until cosigners have seen them
	Items      []Item `json:"items"`
}

// List returns what an outbox holds: everything that waits or was set aside, in the order of the
// numbers, then heartbeats. It needs neither a key nor the ledger, and changes nothing.
func List(ctx context.Context, path string) (*Contents, error) {
	o, err := existing(ctx, path)
	if err != nil {
		return nil, err
	}
	defer o.db.Close()
	c := &Contents{Items: []Item{}}
	if err := c.read(ctx, o); err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	return c, nil
}

func (c *Contents) read(ctx context.Context, o *outbox) error {
	err := o.db.QueryRowContext(ctx, `SELECT org, source, log_key, (SELECT coalesce(max(seq), 0) FROM entry),
		(SELECT count(*) FROM entry WHERE sdjwt IS NOT NULL),
		(SELECT count(*) FROM entry JOIN refusal USING (seq) WHERE sdjwt IS NOT NULL),
		(SELECT count(*) FROM refused WHERE problem = ?), (SELECT count(*) FROM acknowledged) FROM stream`, asideCode).
		Scan(&c.Org, &c.Source, &c.LogKey, &c.Last, &c.Waiting, &c.Refused, &c.SetAside, &c.Uncosigned)
	if err != nil {
		return err
	}
	rows, err := o.db.QueryContext(ctx, `
		SELECT e.seq, '', coalesce(a.sdjwt, e.sdjwt), a.sdjwt IS NOT NULL, e.sdjwt IS NOT NULL, e.idx, r.problem, r.says, r.at
		FROM entry e LEFT JOIN refused a ON a.seq = e.seq AND a.problem = ?1
		LEFT JOIN refusal r ON r.seq = e.seq AND e.sdjwt IS NOT NULL
		WHERE e.sdjwt IS NOT NULL OR e.seq IN (SELECT seq FROM refused WHERE problem = ?1)
		UNION ALL
		SELECT 0, h.day, h.beat, 0, 1, NULL, r.problem, r.says, r.at
		FROM heartbeat h LEFT JOIN refusal r ON r.seq = 0 AND r.day = h.day WHERE h.beat IS NOT NULL
		ORDER BY 2, 1`, asideCode)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := c.add(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (c *Contents) add(rows *sql.Rows) error {
	var i Item
	var sdjwt string
	var aside, waits bool
	var index sql.NullInt64
	var problem, says, at sql.NullString
	if err := rows.Scan(&i.First, &i.Day, &sdjwt, &aside, &waits, &index, &problem, &says, &at); err != nil {
		return err
	}
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return errors.New("an entry in it is damaged")
	}
	i.Last, i.KID, i.Since = i.First, e.KID, time.Unix(e.IssuedAt, 0).UTC().Format(time.RFC3339)
	i.Problem, i.Says, i.At = problem.String, says.String, at.String
	switch {
	case aside && waits:
		i.State = AsideDue
	case aside:
		i.State = IsAside
		if index.Valid {
			i.Index = &index.Int64
		}
	case i.Problem != "":
		i.State = IsHeld
	default:
		i.State = Waits
	}
	if n := len(c.Items); n > 0 && i.Day == "" && !aside {
		if last := &c.Items[n-1]; last.Last+1 == i.First && last.State == i.State && last.KID == i.KID && last.Problem == i.Problem {
			last.Last, last.At = i.First, max(last.At, i.At)
			return nil
		}
	}
	c.Items = append(c.Items, i)
	return nil
}
