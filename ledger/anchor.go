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

// The anchor is the checkpoint that all cosigners are asked to cosign. On a busy log every reader
// sees a different newest checkpoint. A fast witness, and an auditor that has thousands of entries
// to recompute, would never cosign the same one, and no quorum would be reached. So one checkpoint,
// the same for all replicas, stays the anchor for AnchorInterval. The ledger sends it to witnesses,
// and auditors read it from GET /v1/log.

// Anchor returns the anchor, a signed note, with the cosignatures it has. If it is older than
// AnchorInterval and the log has grown, the newest checkpoint first replaces it. The anchor never
// goes back.
func (l *Log) Anchor(ctx context.Context) ([]byte, error) {
	a, err := l.anchor(ctx)
	if err != nil {
		return nil, err
	}
	list, err := l.store.Cosignatures(ctx, l.tree, a.Size)
	if err != nil {
		// The anchor is as good without them.
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
	next := storage.Anchor{Size: head.Size, Note: head.Checkpoint, At: now}
	if err := l.store.MoveAnchor(ctx, l.tree, next, l.cfg.AnchorInterval); err != nil {
		return a, err
	}
	return l.store.Anchor(ctx, l.tree) // another replica may have been faster
}

// KeepAnchor moves the anchor when AnchorInterval has passed, until ctx ends. Every replica may run
// it, and one is enough. Without it the anchor moves only when Anchor is called.
func (l *Log) KeepAnchor(ctx context.Context) {
	tick := time.NewTicker(max(l.cfg.AnchorInterval/10, time.Millisecond))
	defer tick.Stop()
	broken := false
	for {
		_, err := l.anchor(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !broken { // once per outage, which may be long
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

// newest returns the anchor as witnesses get it.
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
