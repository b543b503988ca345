package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// ErrDiffers says that the stored leaves do not hash to the signed root: the database was changed.
var ErrDiffers = storage.ErrDiffers

// Rebuilt is the result of Rebuild.
type Rebuilt struct {
	Entries   uint64    `json:"entries"`
	Histories int       `json:"histories"` // of people and of public names
	Root      wire.Hash `json:"root"`
	Verdicts  int       `json:"verdicts"` // computed again

	// Differing are the indices of entries whose stored verdict is not the computed one, at most
	// 1,000: the database was changed.
	Differing []uint64 `json:"differing,omitempty"`
}

// Rebuild makes again everything that is derived from the entries: idempotency keys, histories,
// streams, persons, register and tiles. It checks every signature, key status and opening. It works
// beside the tables in use, which one transaction replaces at the end: a rebuild that is
// interrupted has changed nothing, and the next one begins again. If a log is open to append, in
// any process, it returns a *storage.InUseError. Unless nil, progress is called with the number of
// entries done. If the leaves do not hash to the signed root, it changes nothing and returns
// ErrDiffers.
func Rebuild(ctx context.Context, cfg Config, progress func(done uint64)) (*Rebuilt, error) {
	return rebuild(ctx, cfg, progress, func(r *rebuilding, derive func(storage.Record) (storage.Derived, error)) (storage.Head, error) {
		return r.l.store.Rebuild(ctx, r.l.tree, derive, func() (storage.Final, error) { return r.final(ctx) })
	})
}

// Recompute computes what Rebuild does, and changes nothing. The log may be in use.
func Recompute(ctx context.Context, cfg Config, progress func(done uint64)) (*Rebuilt, error) {
	return rebuild(ctx, cfg, progress, func(r *rebuilding, derive func(storage.Record) (storage.Derived, error)) (storage.Head, error) {
		return r.l.store.Replay(ctx, r.l.tree, derive)
	})
}

func rebuild(
	ctx context.Context, cfg Config, progress func(done uint64),
	run func(*rebuilding, func(storage.Record) (storage.Derived, error)) (storage.Head, error),
) (*Rebuilt, error) {
	l, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	l.tree, err = l.store.FindTree(ctx, cfg.Origin)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, l.signing.missing(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("finding the log: %w", err)
	}
	r := &rebuilding{
		l: l, state: register.NewState(cfg.Origin, cfg.Rules),
		histories: map[wire.Hash]proof.State{},
		streams:   newStreams(l.cfg.MaxStreams),
		persons:   map[[32]byte][]byte{},
	}
	head, err := run(r, func(rec storage.Record) (storage.Derived, error) {
		d, err := r.derive(ctx, rec)
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
	c, err := proof.OpenCheckpoint(head.Checkpoint, l.verifier)
	if err != nil {
		return nil, fmt.Errorf("the stored checkpoint: %w", err)
	}
	if c.Root != head.Root || c.Size != head.Size {
		return nil, fmt.Errorf("%w: the signed checkpoint of size %d does not match the stored head", ErrDiffers, c.Size)
	}
	return &Rebuilt{
		Entries: head.Size, Histories: len(r.histories), Root: head.Root,
		Verdicts: r.verdicts, Differing: r.differing,
	}, nil
}

// rebuilding is everything derived from the entries so far.
type rebuilding struct {
	l         *Log
	state     register.State
	histories map[wire.Hash]proof.State
	streams   streams
	persons   map[[32]byte][]byte
	verdicts  int
	differing []uint64
}

// newStreams returns the streams of a log that is read from its first entry on.
func newStreams(most int) streams {
	all := map[[16]byte]*streamState{}
	return streams{most: uint64(most), grown: all, load: func(key [16]byte) (*streamState, error) {
		if all[key] == nil {
			return new(streamState), nil
		}
		return all[key], nil
	}}
}

// maxDiffering bounds the memory that a database which is wrong everywhere can take.
const maxDiffering = 1000

// derive returns what the database derives from one entry and all before it.
func (r *rebuilding) derive(ctx context.Context, rec storage.Record) (storage.Derived, error) {
	leaf, err := proof.ParseLeaf(rec.Value)
	if err != nil {
		return storage.Derived{}, err
	}
	var s stored
	if leaf.Public {
		s.entry, err = leaf.Entry()
	} else {
		s, err = r.l.unseal(ctx, rec)
	}
	if err != nil {
		return storage.Derived{}, err
	}
	e := s.entry
	if err := r.state.Step(e, rec.Index); err != nil {
		return storage.Derived{}, err
	}
	h := proof.HistoryOf(e, s.link.Tag)
	if e.Type.Sealed() {
		if err := r.judge(e, rec.Index, h.K, s.content.Verdict); err != nil {
			return storage.Derived{}, err
		}
	}
	if err := r.streams.take(e, streamOf(e), rec.Index, s.content.Received); err != nil {
		return storage.Derived{}, err
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

// judge compares the stored verdict of a sealed entry with the verdict of the rules, and keeps the
// new state of its person, whose history is k. Entries that a ledger took before it had rules have
// no verdict. After the first entry that has one, a missing verdict was removed by someone.
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

// final encodes the streams and encrypts the states of persons.
func (r *rebuilding) final(ctx context.Context) (storage.Final, error) {
	f := storage.Final{Streams: encodeStreams(r.streams.grown), Persons: make(map[[32]byte][]byte, len(r.persons))}
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
