package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/storage"
	"igledger/ledger/witness"
)

// The anchor is the checkpoint that all cosigners are asked to cosign, and on which statements
// rest. It ends in an index root: the append of an index root, which is the last entry of its
// batch, makes the checkpoint of that batch the anchor. So a cosigned checkpoint has exactly one
// index root that belongs to it, and no one can choose an older one.
//
// On a busy log every reader sees a different newest checkpoint. A fast witness, and an auditor
// that has thousands of entries to recompute, would never cosign the same one, and no quorum would
// be reached. The anchor is the same for all replicas and stays until the next index root, which
// package statement logs at the earliest after its Interval, or sooner if many entries wait. The
// ledger sends it to witnesses, and auditors read it from GET /v1/log. On a quiet log it stays, and
// cosigners renew their cosignatures.

// Anchor returns the anchor, a signed note, with the cosignatures it has. It never goes back.
// Before the first index root it returns ErrNotFound.
func (l *Log) Anchor(ctx context.Context) ([]byte, error) {
	a, err := l.anchor(ctx)
	if err != nil {
		return nil, notFound(err)
	}
	return l.withCosignatures(ctx, a.Note, a.Size), nil
}

// anchor returns the stored anchor once it is published. Its transaction may just have committed.
func (l *Log) anchor(ctx context.Context) (storage.Anchor, error) {
	a, err := l.store.Anchor(ctx, l.tree)
	if err == nil {
		err = l.signing.reached(ctx, func(c *proof.Checkpoint) bool { return c.Size >= a.Size })
	}
	if err == nil {
		l.signAgain(ctx, a)
	}
	return a, err
}

// newest returns the anchor as witnesses get it, the zero value before the first.
func (l *Log) newest(ctx context.Context) (witness.Checkpoint, error) {
	a, err := l.anchor(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		return witness.Checkpoint{}, nil
	}
	if err != nil {
		return witness.Checkpoint{}, err
	}
	c, err := proof.OpenCheckpoint(a.Note, l.verifier)
	if err != nil {
		return witness.Checkpoint{}, fmt.Errorf("the stored anchor of size %d: %w", a.Size, err)
	}
	note := a.Note
	if by := l.second; by != nil { // a witness may know the log by this key alone
		own, err := l.store.CosignedBy(ctx, l.tree, by.VKey)
		if err != nil {
			return witness.Checkpoint{}, err
		}
		if own.Size == a.Size {
			note = withLines(note, []storage.Cosignature{own})
		}
	}
	return witness.Checkpoint{Checkpoint: c, Note: note}, nil
}

// signAgain signs a published anchor with the log's second key, if it has one. The signature is
// kept as cosignatures are. The first who reads an anchor makes it, not the transaction that moves
// the anchor, so that no append waits for it and a crash between the two loses nothing. Two
// replicas may both make it: the later one stays. The anchor is good without it.
func (l *Log) signAgain(ctx context.Context, a storage.Anchor) {
	if l.second == nil || l.signedAgain.Load() >= a.Size {
		return
	}
	now := l.cfg.Now()
	c, err := proof.OpenCheckpoint(a.Note, l.verifier)
	line := ""
	if err == nil {
		line, err = l.cfg.Keys.LogPQ.Sign(c, now)
	}
	if err == nil {
		by := cosign.Cosignature{By: l.second, Time: now, Line: line}
		err = l.keep(ctx, witness.Checkpoint{Checkpoint: c, Note: a.Note}, by)
	}
	if err != nil {
		l.cfg.Logger.Error("signing the anchor with the second key", "size", a.Size, "error", err)
		return
	}
	l.signedAgain.Store(a.Size)
}

// isAnchor reports whether the checkpoint of this size is or was an anchor: whether it ends in an
// index root.
func (l *Log) isAnchor(ctx context.Context, size uint64) (bool, error) {
	values, err := l.store.Values(ctx, l.tree, size-1, 1)
	if err != nil || len(values) == 0 {
		return false, err
	}
	leaf, err := proof.ParseLeaf(values[0])
	if err != nil || !leaf.Public {
		return false, err
	}
	e, err := leaf.Entry()
	return err == nil && e.Type == entry.TypeIndexRoot, err
}
