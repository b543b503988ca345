package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/vault"
	"igledger/ledger/wire"
)

// ErrDiffers says that the stored leaves do not give the root that was signed: somebody changed the database.
var ErrDiffers = storage.ErrDiffers

// Rebuilt is what Rebuild found.
type Rebuilt struct {
	Entries   uint64    `json:"entries"`
	Histories int       `json:"histories"` // people and public names
	Root      wire.Hash `json:"root"`
	Verdicts  int       `json:"verdicts"`            // that were computed again
	Differing []uint64  `json:"differing,omitempty"` // positions of entries whose stored verdict is another: somebody changed the database. At most 1,000
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
	r := &rebuilding{
		l: l, state: register.NewState(cfg.Origin, cfg.Rules),
		histories: map[wire.Hash]proof.State{}, streams: map[[16]byte]*streamState{}, persons: map[[32]byte][]byte{},
	}
	head, err := l.store.Rebuild(ctx, l.tree, func(rec storage.Record) (storage.Derived, error) {
		d, err := r.derive(ctx, rec)
		if err != nil {
			return d, fmt.Errorf("entry %d: %w", rec.Index, err)
		}
		if progress != nil {
			progress(rec.Index + 1)
		}
		return d, nil
	}, func() (storage.Final, error) { return r.final(ctx) })
	if err != nil {
		return nil, err
	}
	c, err := proof.OpenCheckpoint(head.Checkpoint, l.verifier)
	if err != nil {
		return nil, fmt.Errorf("the stored checkpoint: %w", err)
	}
	if c.Root != head.Root || c.Size != head.Size {
		return nil, fmt.Errorf("%w: the signed checkpoint of size %d is another than the stored head", ErrDiffers, c.Size)
	}
	return &Rebuilt{Entries: head.Size, Histories: len(r.histories), Root: head.Root, Verdicts: r.verdicts, Differing: r.differing}, nil
}

// rebuilding is what follows from the entries so far.
type rebuilding struct {
	l         *Log
	state     register.State
	histories map[wire.Hash]proof.State
	streams   map[[16]byte]*streamState
	persons   map[[32]byte][]byte
	verdicts  int
	differing []uint64
}

// maxDiffering bounds what a database that is wrong everywhere makes us remember.
const maxDiffering = 1000

// derive works out what follows from one entry and all before it.
func (r *rebuilding) derive(ctx context.Context, rec storage.Record) (storage.Derived, error) {
	leaf, err := proof.ParseLeaf(rec.Value)
	if err != nil {
		return storage.Derived{}, err
	}
	var e *entry.Entry
	var ln vault.Link
	var c vault.Content
	if leaf.Public {
		e, err = leaf.Entry()
	} else {
		e, ln, c, err = r.l.unseal(ctx, rec)
	}
	if err != nil {
		return storage.Derived{}, err
	}
	if err := r.state.Step(e, rec.Index); err != nil {
		return storage.Derived{}, err
	}
	h := proof.HistoryOf(e, ln.Tag)
	if e.Type.Sealed() {
		if err := r.judge(e, rec.Index, h.K, c.Verdict); err != nil {
			return storage.Derived{}, err
		}
	}
	if key := streamOf(e); key != [16]byte{} {
		if r.streams[key] == nil {
			r.streams[key] = new(streamState)
		}
		r.streams[key].take(e, rec.Index, c.Received)
	}
	state, ok := r.histories[h.K]
	if !ok {
		state = h.Start()
	}
	state = state.Add(rec.Index, proof.LeafHash(rec.Value))
	r.histories[h.K] = state
	return storage.Derived{
		Key: idempotencyKey(e.Issuer, e.ID), Register: register.Shared(e.Type), Chain: h.K, Head: state.Head,
	}, nil
}

// judge compares the verdict that is stored of a sealed entry with that of the rules, and keeps the
// state of its person, whose history is k. Entries that a ledger took before it had rules have no
// verdict; after the first one that has, a missing verdict was taken out.
func (r *rebuilding) judge(e *entry.Entry, index uint64, k wire.Hash, stored *entry.Verdict) error {
	j, err := r.state.Rules.Judge(e, index, func(id string) []byte {
		if id == e.ShownSub() {
			return r.persons[k]
		}
		tag, _ := r.l.tags.tag(id)
		return r.persons[proof.TagKey(tag)]
	})
	if err != nil {
		return err
	}
	if j.Person != nil {
		r.persons[k] = j.Person
	}
	if stored == nil && (j.Verdict == nil || r.verdicts == 0) {
		return nil
	}
	r.verdicts++
	if !stored.Equal(j.Verdict) && len(r.differing) < maxDiffering {
		r.differing = append(r.differing, index)
	}
	return nil
}

// final encrypts what is known of persons anew.
func (r *rebuilding) final(ctx context.Context) (storage.Final, error) {
	f := storage.Final{Streams: encodeStreams(r.streams), Persons: make(map[[32]byte][]byte, len(r.persons))}
	if len(r.persons) == 0 {
		return f, nil
	}
	key, err := r.l.vault.Prepare(ctx, len(r.persons))
	if err != nil {
		return f, err
	}
	for k, state := range r.persons {
		f.Persons[k] = r.l.vault.SealPerson(key, k, state)
	}
	return f, nil
}
