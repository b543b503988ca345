package statement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger"
	"igledger/ledger/proof"
)

// An index root is settled once the log's quorum of cosigners has signed a checkpoint above it.
// Statements are made on settled roots, under that checkpoint. So each statement shows who vouches
// for it apart from the operator, although it is some seconds older than it could be. If no quorum
// comes, statements are made without it. Readers see what is missing, and their policies decide.

// DefaultPatience is how long an index root waits at most for the log's quorum. After that, roots
// are taken as they come until the quorum is back.
const DefaultPatience = time.Minute

// maxTail bounds the entries kept between the tree and the end of the log, about 100 bytes each. If
// there are more, no root waits.
const maxTail = 1_000_000

// waitingRoot is a root in the log above which no quorum is known to have cosigned.
type waitingRoot struct {
	Root
	met time.Time
}

// waits reports whether a new root must wait. It need not if there would be nothing to make
// statements on in the meantime.
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
		f.cfg.Logger.Warn("no quorum of cosigners: statements are made without it", "root", f.overdue, "witnessed", seen)
		n = len(f.waiting)
	}
	if n == 0 {
		return nil
	}
	r := f.waiting[n-1].Root
	f.waiting = append([]waitingRoot(nil), f.waiting[n:]...)
	return f.move(r)
}

// tooLong reports whether w must not wait any longer for the quorum, which has cosigned up to seen.
// Either w has waited for Config.Patience, or there are too many new entries: a statement without
// quorum, under the newest checkpoint, would be further behind than the genesis allows.
func (f *Follower) tooLong(w waitingRoot, seen uint64) bool {
	behind := f.next - f.size
	tooFar := f.root.Index >= seen && behind > f.cfg.Log.Genesis().IndexLag/4*3
	return f.cfg.Now().Sub(w.met) > f.cfg.Patience || behind > maxTail || tooFar
}

// witnessed returns the largest checkpoint that a quorum has cosigned, as a note and decoded. If
// there is none, its size is 0.
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
		return nil, proof.Checkpoint{}, fmt.Errorf("opening the witnessed checkpoint: %w", err)
	}
	return signed, c, nil
}
