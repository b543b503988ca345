package statement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger"
	"igledger/ledger/proof"
)

// An index root is settled once the log's quorum of cosigners stands behind a checkpoint above it. Statements are made on settled roots, under that
// checkpoint, so that each shows whose word it is besides the operator's, although it is some seconds older than it could be. When no quorum comes,
// statements go on without: what is lacking is in plain sight, and it is for their readers' policies to judge.

// DefaultPatience is how long an index root waits at most for the log's quorum. Then roots are taken as they come, until the quorum is back.
const DefaultPatience = time.Minute

// maxTail bounds the entries kept between the tree and the end of the log, about 100 bytes each: with more of them no root waits.
const maxTail = 1_000_000

// waitingRoot is a root in the log that no quorum is known to stand above.
type waitingRoot struct {
	Root
	met time.Time
}

// waits reports whether a root met now is to wait. It is not if there would be nothing to make statements on meanwhile.
func (f *Follower) waits() bool {
	return f.quorum && f.root != nil && f.overdue == 0 && len(f.tail) <= maxTail
}

// settle moves the tree to the newest root that is settled or has waited long enough.
func (f *Follower) settle(ctx context.Context) error {
	if len(f.waiting) == 0 && f.overdue == 0 {
		return nil
	}
	_, quorum, err := f.witnessed(ctx)
	if err != nil {
		return err
	}
	seen := quorum.Size
	if f.overdue < seen {
		f.overdue = 0
	}
	n := 0
	for n < len(f.waiting) && f.waiting[n].Index < seen {
		n++
	}
	if n < len(f.waiting) && f.tooLong(f.waiting[n], seen) {
		f.overdue = f.waiting[n].Index
		f.cfg.Logger.Warn("no quorum of cosigners: statements go on without", "root", f.overdue, "witnessed", seen)
		n = len(f.waiting)
	}
	if n == 0 {
		return nil
	}
	r := f.waiting[n-1].Root
	f.waiting = append([]waitingRoot(nil), f.waiting[n:]...)
	return f.move(r)
}

// tooLong reports whether w is not to wait any longer for the quorum, which stands at seen: it has waited for Config.Patience, or so many entries came
// that a statement without quorum, under the newest checkpoint, would be further behind than the genesis allows.
func (f *Follower) tooLong(w waitingRoot, seen uint64) bool {
	behind := f.next - f.size
	return f.cfg.Now().Sub(w.met) > f.cfg.Patience || behind > maxTail || f.root.Index >= seen && behind > f.cfg.Log.Genesis().IndexLag/4*3
}

// witnessed is the largest checkpoint that a quorum stands behind, as a note and decoded; of size 0 if there is none.
func (f *Follower) witnessed(ctx context.Context) ([]byte, proof.Checkpoint, error) {
	signed, err := f.cfg.Log.WitnessedCheckpoint(ctx)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, proof.Checkpoint{}, nil
	}
	if err != nil {
		return nil, proof.Checkpoint{}, fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	c, err := proof.OpenCheckpoint(signed, f.verifier)
	if err != nil {
		return nil, proof.Checkpoint{}, fmt.Errorf("the witnessed checkpoint: %w", err)
	}
	return signed, c, nil
}
