package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

// ErrDiffers says that the stored leaves do not give the root that was signed: somebody changed the database.
var ErrDiffers = storage.ErrDiffers

// Rebuilt is what Rebuild found.
type Rebuilt struct {
	Entries   uint64     `json:"entries"`
	Histories int        `json:"histories"` // people and public names
	Root      entry.Hash `json:"root"`
}

// Rebuild makes all that follows from the entries anew: idempotency keys, histories, streams, register and tiles. Every signature, key
// status and opening is checked on the way. It holds the log frozen: no process can append meanwhile. progress, if not nil, is called with
// the number of entries done. ErrDiffers if the leaves do not give the signed root, and then nothing is changed.
func Rebuild(ctx context.Context, cfg Config, progress func(done uint64)) (*Rebuilt, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if l.tree, err = l.store.FindTree(ctx, cfg.Origin); errors.Is(err, storage.ErrNotFound) {
		return nil, ErrNoLog
	} else if err != nil {
		return nil, fmt.Errorf("finding the log: %w", err)
	}
	reg := entry.NewRegister(cfg.Origin)
	heads := map[entry.Hash]entry.Hash{}
	head, err := l.store.Rebuild(ctx, l.tree, func(rec storage.Record) (storage.Derived, error) {
		d, err := l.derive(ctx, reg, heads, rec)
		if err != nil {
			return d, fmt.Errorf("entry %d: %w", rec.Index, err)
		}
		if progress != nil {
			progress(rec.Index + 1)
		}
		return d, nil
	})
	if err != nil {
		return nil, err
	}
	verifier, err := entry.NewLogVerifier(cfg.Keys.LogVerifierKey)
	if err != nil {
		return nil, err
	}
	c, err := entry.OpenCheckpoint(head.Checkpoint, verifier)
	if err != nil {
		return nil, fmt.Errorf("the stored checkpoint: %w", err)
	}
	if c.Root != head.Root || c.Size != head.Size {
		return nil, fmt.Errorf("%w: the signed checkpoint of size %d is another than the stored head", ErrDiffers, c.Size)
	}
	return &Rebuilt{Entries: head.Size, Histories: len(heads), Root: head.Root}, nil
}

// derive works out what follows from one entry and the register and histories before it.
func (l *Log) derive(ctx context.Context, reg *entry.Register, heads map[entry.Hash]entry.Hash, rec storage.Record) (storage.Derived, error) {
	leaf, err := entry.ParseLeaf(rec.Value)
	if err != nil {
		return storage.Derived{}, err
	}
	var e *entry.Entry
	var ln link
	if leaf.Public {
		e, err = leaf.Entry()
	} else {
		e, ln, _, err = l.unseal(ctx, rec)
	}
	if err == nil {
		err = reg.Verify(e, rec.Index)
	}
	if err == nil {
		err = reg.Apply(e, rec.Index)
	}
	if err != nil {
		return storage.Derived{}, err
	}
	d := storage.Derived{Key: idempotencyKey(e.Issuer, e.ID), Register: e.Type.ChangesRegister()}
	var k, head0 entry.Hash
	if leaf.Public {
		k, head0 = entry.NameKey(e.Name()), entry.NameHead0(e.Name())
	} else {
		k, head0 = entry.TagKey(ln.Tag), entry.TagHead0(ln.Tag)
		if a := e.Body.(*entry.Access); a.Seq != nil {
			d.Sequence, d.Seq = streamKey(a), *a.Seq
		}
	}
	head, ok := heads[k]
	if !ok {
		head = head0
	}
	heads[k] = entry.NextHead(head, rec.Index, entry.LeafHash(rec.Value))
	d.Chain, d.Head = k, heads[k]
	return d, nil
}
