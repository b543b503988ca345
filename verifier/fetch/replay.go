package fetch

import (
	"context"
	"errors"

	"igledger/ledger/proof"
	"igledger/verifier"
)

// ahead is the number of bundles that are read at once.
const ahead = 8

// Replay adds the log's leaves to r, from r.Size to the end of head, compares every hash tile, and
// finishes. head has been opened by verifier.OpenCheckpoint.
//
// Replay calls failed for each failure; failed may return an error to stop. It calls done after
// each bundle that was replayed and compared; done may save r (LogReplay.MarshalState) or show
// progress. Other errors are ErrUnreadable, those of failed and done, or that of ctx.
func (l *Log) Replay(
	ctx context.Context, r *verifier.LogReplay, head proof.Checkpoint,
	failed func(*verifier.Failure) error, done func() error,
) error {
	return l.ReplayWith(ctx, r, r.Add, head, failed, done)
}

// ReplayWith is like Replay, for callers that do more with each leaf: it calls add in place of
// r.Add, and add calls r.Add. If add returns an error that is not a failure, the replay ends.
func (l *Log) ReplayWith(
	ctx context.Context, r *verifier.LogReplay, add func(leaf []byte) error, head proof.Checkpoint,
	failed func(*verifier.Failure) error, done func() error,
) error {
	note := func(err error) error {
		var f *verifier.Failure
		if errors.As(err, &f) {
			return failed(f)
		}
		return err
	}
	compare := func(own verifier.Tile, served []byte) error {
		if served == nil {
			var err error
			if served, err = l.Tile(ctx, own.Level, own.Index, len(own.Hashes)); err != nil {
				return err
			}
		}
		return note(r.Compare(own, served))
	}
	var full []verifier.Tile
	r.OnTile = func(t verifier.Tile) { full = append(full, t) }
	defer func() { r.OnTile = nil }()

	err := l.Pieces(ctx, r.Size(), head.Size, head.Size, true, func(p Piece) error {
		for _, leaf := range p.Leaves[r.Size()-p.Index<<8:] {
			if err := note(add(leaf)); err != nil {
				return err
			}
		}
		for _, t := range full {
			served := p.Tile
			if t.Level > 0 {
				served = nil
			}
			if err := compare(t, served); err != nil {
				return err
			}
		}
		full = full[:0]
		return done()
	})
	if err != nil {
		return note(err)
	}
	for _, t := range r.Partials() {
		if err := compare(t, nil); err != nil {
			return err
		}
	}
	for _, f := range r.Finish(head, l.Tiles(ctx)) {
		if err := failed(f); err != nil {
			return err
		}
	}
	return nil
}
