package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/witness"
)

// The anchor is the checkpoint on which all who cosign meet. While a log is busy its newest checkpoint is another one each time somebody looks, so a fast
// witness and an auditor who has thousands of entries to recompute would never cosign the same: no quorum would ever stand together. So
// one checkpoint, the same for all replicas, stays the anchor for AnchorInterval. Witnesses are sent it, auditors take it from GET /v1/log.

// Anchor gives the anchor, a signed note, with the cosignatures it has. One that has stood for AnchorInterval, while the log grew, is first replaced by the
// newest checkpoint. It never goes back.
func (l *Log) Anchor(ctx context.Context) ([]byte, error) {
	a, err := l.anchor(ctx)
	if err != nil {
		return nil, err
	}
	list, err := l.store.Cosignatures(ctx, l.tree, a.Size)
	if err != nil {
		// It is as good without them.
		l.cfg.Logger.Error("reading cosignatures", "size", a.Size, "error", err)
	}
	return withLines(a.Note, list), nil
}

func (l *Log) anchor(ctx context.Context) (storage.Anchor, error) {
	a, err := l.store.Anchor(ctx, l.tree)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return a, err
	}
	now := l.cfg.Now()
	if age := now.Sub(a.At); err == nil && age < l.cfg.AnchorInterval && age > -l.cfg.AnchorInterval {
		return a, nil
	}
	head, err := l.store.Head(ctx, l.tree)
	if err != nil || head.Size <= a.Size {
		return a, err
	}
	if err := l.store.MoveAnchor(ctx, l.tree, storage.Anchor{Size: head.Size, Note: head.Checkpoint, At: now}, l.cfg.AnchorInterval); err != nil {
		return a, err
	}
	return l.store.Anchor(ctx, l.tree) // another replica may have been faster
}

// KeepAnchor moves the anchor on when it is time, until ctx ends. Every replica may run it and one suffices; without it the anchor moves only when
// somebody asks for it.
func (l *Log) KeepAnchor(ctx context.Context) {
	tick := time.NewTicker(max(l.cfg.AnchorInterval/10, time.Millisecond))
	defer tick.Stop()
	broken := false
	for {
		_, err := l.anchor(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !broken { // once an outage: it may be long
			l.cfg.Logger.Error("moving the anchor", "error", err)
		}
		broken = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// newest is the anchor as witnesses are sent it.
func (l *Log) newest(ctx context.Context) (witness.Checkpoint, error) {
	a, err := l.anchor(ctx)
	if err != nil {
		return witness.Checkpoint{}, err
	}
	c, err := proof.OpenCheckpoint(a.Note, l.verifier)
	if err != nil {
		return witness.Checkpoint{}, fmt.Errorf("the stored anchor of size %d: %w", a.Size, err)
	}
	return witness.Checkpoint{Checkpoint: c, Note: a.Note}, nil
}
