package source

import (
	"context"
	"database/sql"
	"errors"

	"igledger/audit"
)

// mark is a point in the life of an outbox.
type mark struct {
	seq     uint64 // highest number
	reading int64  // number of the last reading of an input
}

func (o *outbox) mark(ctx context.Context) (m mark, err error) {
	err = o.inTx(ctx, func(tx *sql.Tx) error {
		if m.seq, err = lastSeq(ctx, tx); err != nil {
			return err
		}
		m.reading, err = count(ctx, tx, memReading)
		return err
	})
	return m, err
}

// count completes the summary with what the outbox says at the end of the run.
func (im *importer) count(ctx context.Context) (err error) {
	if im.sum.Uncosigned, err = im.outbox.waitingForWitnesses(ctx); err != nil {
		return err
	}
	since := im.begun
	var waiting, refused int
	err = im.outbox.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM entry WHERE sdjwt IS NOT NULL),
		(SELECT count(DISTINCT event) FROM entry WHERE sdjwt IS NOT NULL AND seq > ?1 AND reading > ?2),
		(SELECT count(DISTINCT e.event) FROM refused r JOIN entry e ON e.seq = r.seq WHERE e.seq > ?1 AND e.reading > ?2
			AND e.event NOT IN (SELECT event FROM entry WHERE sdjwt IS NOT NULL AND seq > ?1))`,
		int64(since.seq), since.reading).Scan(&im.sum.Outbox, &waiting, &refused)
	if err != nil {
		return err
	}
	// Another agent with this outbox may have taken events in since this run began.
	im.sum.Waiting = min(waiting, im.sum.Taken)
	im.sum.Refused = min(refused, im.sum.Taken-im.sum.Waiting)
	im.sum.Taken -= im.sum.Waiting + im.sum.Refused
	return nil
}

// UnclearError says that something of an event was not understood, and that Config.Strict keeps
// such events out.
type UnclearError struct{ Notes []audit.Note }

func (e *UnclearError) Error() string {
	text := "not wholly understood, so not signed:"
	seen := map[audit.NoteCode]bool{}
	for _, n := range e.Notes {
		if !seen[n.Code] {
			seen[n.Code] = true
			text += " " + string(n.Code) + " (" + n.Path + ")"
		}
	}
	return text
}

// unclear returns an *UnclearError if a note says that something was not understood. What is only
// too large was understood: nothing of it is lost.
func unclear(notes []audit.Note) error {
	var list []audit.Note
	for _, n := range notes {
		if n.Code != audit.SizeCut {
			list = append(list, n)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return &UnclearError{list}
}

// IsUnclear reports whether err is of an event that Config.Strict kept out.
func IsUnclear(err error) bool {
	var e *UnclearError
	return errors.As(err, &e)
}
