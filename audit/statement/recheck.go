package statement

import (
	"context"
	"fmt"

	"igledger/ledger"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// Rechecked is what Recheck found.
type Rechecked struct {
	Size      uint64    `json:"size"` // entries of the log
	Histories int       `json:"histories"`
	Roots     uint64    `json:"roots"` // index roots in the log, all right
	Root      wire.Hash `json:"root"`  // of the index over all entries
}

// Recheck makes the subject index anew from the entries alone, holds it against every index root in the log, and against the histories that a restart
// loads it from. ErrDiffers says which does not agree. It reads the whole log, by decrypting links only.
func Recheck(ctx context.Context, log *ledger.Log) (Rechecked, error) {
	f, err := New(Config{Log: log})
	if err != nil {
		return Rechecked{}, err
	}
	f.quorum = false // no statement is made, so no root waits
	loaded, size, err := build(ctx, log)
	if err != nil {
		return Rechecked{}, err
	}
	f.tree = index.New()
	if err := f.read(ctx, size); err != nil {
		return Rechecked{}, err
	}
	updates := f.tree.Updates(f.below(size))
	f.tree.Apply(updates)
	if f.tree.Root() != loaded.Root() {
		return Rechecked{}, fmt.Errorf("the entries below %d give the index %x, the stored histories %x: %w", size, f.tree.Root(), loaded.Root(), ErrDiffers)
	}
	return Rechecked{Size: size, Histories: f.tree.Len(), Roots: f.stats.Roots, Root: f.tree.Root()}, nil
}
