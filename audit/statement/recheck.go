package statement

import (
	"context"
	"fmt"

	"igledger/ledger"
	"igledger/ledger/proof/index"
	"igledger/ledger/wire"
)

// Rechecked is the result of Recheck.
type Rechecked struct {
	Size      uint64    `json:"size"` // entries of the log
	Histories int       `json:"histories"`
	Roots     uint64    `json:"roots"` // index roots in the log, all correct
	Root      wire.Hash `json:"root"`  // of the index over all entries
}

// Recheck rebuilds the subject index from the entries alone. It compares the index with every index
// root in the log, and with the stored histories from which a restart loads it. If they differ, it
// returns ErrDiffers. It reads the whole log, and decrypts only links.
func Recheck(ctx context.Context, log *ledger.Log) (Rechecked, error) {
	f, err := New(Config{Log: log})
	if err != nil {
		return Rechecked{}, err
	}
	f.eager = true
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
		return Rechecked{}, fmt.Errorf("the entries below %d make the index %x, but the stored histories make %x: %w",
			size, f.tree.Root(), loaded.Root(), ErrDiffers)
	}
	return Rechecked{Size: size, Histories: f.tree.Len(), Roots: f.stats.Roots, Root: f.tree.Root()}, nil
}
