package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/witness"
)

// The anchor is the checkpoint that all cosigners are asked to cosign, and on which statements
// rest. It ends in an index root: the append of an index root, which is the last entry of its
// batch, makes the checkpoint of that batch the anchor. So a cosigned checkpoint has exactly one
// index root that belongs to it, and no one can choose an older one.
//
// On a busy log every reader sees a different newest checkpoint. A fast witness, and an auditor that
// has thousands of entries to recompute, would never cosign the same one, and no quorum would be
// reached. The anchor is the same for all replicas and stays until the next index root, which
// package statement logs at the earliest after its Interval, or sooner if many entries wait. The
// ledger sends it to witnesses, and auditors read it from GET /v1/log. On a quiet log it stays, and
// cosigners renew their cosignatures.

// Anchor returns the anchor, a signed note, with the cosignatures it has. It never goes back. Before
// the first index root it returns ErrNotFound.
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
	return witness.Checkpoint{Checkpoint: c, Note: a.Note}, nil
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
