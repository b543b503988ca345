package source

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/fetch"
	"igledger/verifier/fetch/retry"
)

// asks is how often a log that shows less than before is asked: the answer may come from a cache or
// a replica that lags.
const asks = 3

// meet looks at the log before anything is sent or forgotten, once in a run: whether it still
// contains the last checkpoint that the source saw, and whether it begins as the source knows it. A
// log that cannot be reached is waited for.
func (a *Agent) meet(ctx context.Context) error { return a.meetBy(ctx, a.patiently) }

// glance is meet when there is nothing to send: a log that cannot be reached is left alone.
func (a *Agent) glance(ctx context.Context) error {
	err := a.meetBy(ctx, func(_ context.Context, f func() error) error { return f() })
	if errors.Is(err, fetch.ErrUnreadable) && !Stopped(err) {
		return nil
	}
	return err
}

func (a *Agent) meetBy(ctx context.Context, call func(context.Context, func() error) error) error {
	if a.met {
		return nil
	}
	if why, err := a.outbox.remembered(ctx, memAlarm); err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	} else if why != "" {
		return &LogError{Evidence: a.Evidence, Err: errors.New(why)}
	}
	for try := 1; ; try++ {
		var head proof.Checkpoint
		err := call(ctx, func() (err error) {
			head, err = a.look(ctx)
			return err
		})
		var stale *LogError
		if errors.As(err, &stale) && stale.Passing && try < asks {
			if err := a.pause(ctx); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = call(ctx, func() error { return a.begins(ctx, head) })
		}
		a.met = err == nil
		return err
	}
}

// patiently repeats f while the log cannot be reached, as Client.Submit does: an outage is no
// reason to end an import whose input may not be there a second time.
func (a *Agent) patiently(ctx context.Context, f func() error) error {
	patience := retry.Patience{Max: a.Client.MaxWait}
	patience.Start() // f tries several times itself
	for try := 1; ; try++ {
		err := f()
		if !retry.Broken(err) || try == a.Client.Attempts {
			return err
		}
		if patience.Out(a.Poll) {
			return &retry.GaveUpError{After: a.Client.MaxWait, Err: err}
		}
		if a.Client.OnRetry != nil {
			a.Client.OnRetry(err, a.Poll)
		}
		if err := a.pause(ctx); err != nil {
			return err
		}
	}
}

// look reads the log's newest checkpoint and holds it against the last one.
func (a *Agent) look(ctx context.Context) (proof.Checkpoint, error) {
	signed, err := a.log.Checkpoint(ctx)
	if err != nil {
		return proof.Checkpoint{}, err
	}
	head, err := verifier.OpenCheckpoint(signed, a.receipts.log)
	if err != nil {
		return head, err
	}
	return head, a.hold(ctx, string(signed), head)
}

// begins reads the log's genesis, and checks that it is the one that the source knows: by its
// configuration, or from its first use.
func (a *Agent) begins(ctx context.Context, head proof.Checkpoint) error {
	known, err := a.outbox.remembered(ctx, memGenesis)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	if a.receipts.genesis != nil && known != "" {
		return nil
	}
	leaf, path, err := a.leafZero(ctx, head)
	if err != nil {
		return err
	}
	if err := verifier.CheckInclusionOf(proof.LeafHash(leaf), 0, path, head); err != nil {
		return err
	}
	want := a.Genesis
	if b, err := hex.DecodeString(known); want == nil && err == nil && len(b) == len(wire.Hash{}) {
		want = (*wire.Hash)(b)
	}
	if want != nil {
		if err := verifier.CheckGenesisHash(leaf, *want); err != nil {
			return &LogError{Err: err}
		}
	}
	a.receipts.genesis, err = verifier.CheckGenesis(leaf, a.receipts.logKey)
	if err != nil {
		return err
	}
	h := verifier.GenesisHash(leaf)
	return a.outbox.remember(ctx, memGenesis, hex.EncodeToString(h[:]))
}

// leafZero reads leaf 0 and its inclusion path.
func (a *Agent) leafZero(ctx context.Context, head proof.Checkpoint) (leaf []byte, path []wire.Hash, err error) {
	if head.Size == 0 {
		return nil, nil, fetch.EmptyLog()
	}
	if leaf, err = a.log.Leaf(ctx, 0, head.Size); err != nil {
		return nil, nil, err
	}
	path, err = verifier.InclusionPath(a.log.Tiles(ctx), 0, head.Size)
	return leaf, path, err
}

// holdAll holds the checkpoints of receipts, which are of one answer of the ledger, against the
// last one and against each other. If older is true, they may be older than what the source has
// seen, as witnessed ones are: the last one must then contain them.
func (a *Agent) holdAll(ctx context.Context, list []acked, older bool) error {
	seen := map[string]proof.Checkpoint{}
	for _, r := range list {
		seen[r.got.Signed] = r.got.Checkpoint
	}
	var notes []string
	for note := range seen {
		notes = append(notes, note)
	}
	slices.SortFunc(notes, func(x, y string) int {
		return cmp.Or(cmp.Compare(seen[x].Size, seen[y].Size), cmp.Compare(x, y))
	})
	for _, note := range notes {
		hold := a.hold
		if older {
			hold = a.holdOlder
		}
		if err := a.patiently(ctx, func() error { return hold(ctx, note, seen[note]) }); err != nil {
			return err
		}
	}
	return nil
}

// hold checks that a checkpoint contains the last one that was seen, and remembers it. If it does
// not, the error is a *LogError.
func (a *Agent) hold(ctx context.Context, signed string, head proof.Checkpoint) error {
	last, seen, err := a.last(ctx)
	if err != nil {
		return err
	}
	if last != "" {
		if err := a.consistent(ctx, last, seen, signed, head); err != nil {
			return err
		}
		if head.Size == seen.Size {
			return nil
		}
	}
	return a.outbox.remember(ctx, memNewest, signed)
}

// holdOlder is hold for a checkpoint that may be older than the last one.
func (a *Agent) holdOlder(ctx context.Context, signed string, head proof.Checkpoint) error {
	last, seen, err := a.last(ctx)
	if err != nil {
		return err
	}
	if last == "" || head.Size >= seen.Size {
		return a.hold(ctx, signed, head)
	}
	return a.consistent(ctx, signed, head, last, seen)
}

// last returns the last checkpoint that was seen, "" if there is none.
func (a *Agent) last(ctx context.Context) (string, proof.Checkpoint, error) {
	last, err := a.outbox.remembered(ctx, memNewest)
	if err != nil || last == "" {
		return "", proof.Checkpoint{}, err
	}
	seen, err := proof.OpenCheckpoint([]byte(last), a.receipts.log)
	if err != nil {
		return "", seen, fmt.Errorf("the outbox contains a damaged checkpoint: %w", err)
	}
	return last, seen, nil
}

// consistent checks that the log of the later checkpoint contains all of the log of the earlier
// one.
func (a *Agent) consistent(ctx context.Context, earlier string, x proof.Checkpoint, later string, y proof.Checkpoint) error {
	a.log.Forget() // tiles of another history, and of a log that grows for days
	err := verifier.CheckConsistency(x, y, a.log.Tiles(ctx))
	var f *verifier.Failure
	if !errors.As(err, &f) || !errors.Is(err, verifier.ErrForked) && !errors.Is(err, verifier.ErrRewound) {
		return err // or the tiles could not be read, or are damaged: nothing follows about the log
	}
	e := &LogError{Passing: errors.Is(err, verifier.ErrRewound), Evidence: a.Evidence, Err: f}
	if err := a.accuse(ctx, e, f, earlier, later, y); err != nil {
		return errors.Join(e, err)
	}
	return e
}
