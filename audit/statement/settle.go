package statement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger"
	"igledger/ledger/proof"
)

// A statement rests on an anchor: the checkpoint of size root.Index+1, which ends in the
// statement's index root. An index root is settled once the log's quorum of cosigners has signed
// its anchor. So each statement shows who vouches for it apart from the operator, although it is
// some seconds older than it could be. If no quorum comes, statements are made without it. Readers
// see what is missing, and their policies decide.

// DefaultPatience is how long an index root waits at most for the log's quorum. After that, roots
// are taken as they come until the quorum is back.
const DefaultPatience = time.Minute

// maxTail bounds the entries kept between the tree and the end of the log, about 100 bytes each. If
// there are more, no root waits.
const maxTail = 1_000_000

// waitingRoot is a root in the log whose anchor no quorum is known to have cosigned.
type waitingRoot struct {
	Root
	met time.Time
}

// waits reports whether a new root waits until it is settled.
func (f *Follower) waits() bool { return !f.eager && len(f.tail) <= maxTail }

// anchors are the checkpoints that statements may rest on now. Without one, its size is 0.
type anchors struct {
	newest, witnessed anchor
}

type anchor struct {
	note []byte
	proof.Checkpoint
}

// signed reads the anchor and, if the log's policy asks for cosigners, the newest one that reached
// the quorum.
func (f *Follower) signed(ctx context.Context) (at anchors, err error) {
	at.newest, err = f.opened(f.cfg.Log.Anchor(ctx))
	if err != nil {
		return at, fmt.Errorf("reading the anchor: %w", err)
	}
	if f.quorum {
		at.witnessed, err = f.opened(f.cfg.Log.WitnessedCheckpoint(ctx))
	}
	if err != nil {
		return at, fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	return at, nil
}

func (f *Follower) opened(signed []byte, err error) (anchor, error) {
	if errors.Is(err, ledger.ErrNotFound) {
		return anchor{}, nil
	}
	if err != nil {
		return anchor{}, err
	}
	c, err := proof.OpenCheckpoint(signed, f.verifier)
	return anchor{signed, c}, err
}

// settle moves the tree to the newest root that is settled. If there is nothing to make statements
// on, or the quorum stays away for too long, that is the root of the log's anchor.
func (f *Follower) settle(at anchors) error {
	if f.root != nil && f.root.note == nil && f.root.Index+1 == at.newest.Size { // it did not wait
		root := *f.root
		root.note = at.newest.note
		f.mu.Lock()
		f.root = &root
		f.mu.Unlock()
	}
	if f.overdue < at.witnessed.Size {
		f.overdue = 0
	}
	if f.quorum && f.root != nil && f.overdue == 0 {
		if done, err := f.moveTo(at.witnessed); done || err != nil {
			return err
		}
		if len(f.waiting) == 0 || !f.tooLong(f.waiting[0]) {
			return nil
		}
		f.overdue = f.waiting[0].Index
		f.cfg.Logger.Warn("no quorum of cosigners: statements are made without it",
			"root", f.overdue, "witnessed", at.witnessed.Size)
	}
	_, err := f.moveTo(at.newest)
	return err
}

// moveTo moves the tree to the waiting root in which the anchor ends. If none does, it reports
// false.
func (f *Follower) moveTo(to anchor) (bool, error) {
	for n, w := range f.waiting {
		if w.Index+1 != to.Size {
			continue
		}
		f.waiting = append([]waitingRoot(nil), f.waiting[n+1:]...)
		w.note = to.note
		return true, f.move(w.Root)
	}
	return false, nil
}

// tooLong reports whether w must not wait any longer for the quorum.
func (f *Follower) tooLong(w waitingRoot) bool {
	return f.cfg.Now().Sub(w.met) > f.cfg.Patience || f.next-f.size > maxTail
}
