package statement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"igledger/ledger"
	"igledger/ledger/bundle"
)

// Memory for making statements is bounded for all of them together: each reserves by the number of
// its entries before it reads them.
const (
	// DefaultMemory is enough for four statements of the largest size at once, or for about twenty
	// of ordinary size.
	DefaultMemory = 256 << 20

	fixedMemory = 1 << 20 // for a page of entries, proofs and buffers
	entryMemory = 256     // for what is kept of each entry: placed, bundle.Entry, indices
	keptStored  = 2 << 20 // bytes at rest of the entries whose content is kept until it is written
	keptMemory  = 6       // bytes in memory for each of these

	extractMemory = 4 // bytes in memory for each byte of an extract, which is not streamed
)

// ErrBusy says that other statements use all the memory there is for them. Try again later.
var ErrBusy = errors.New("too many statements at once")

// reserved is the part of the memory for statements that one of them has.
type reserved struct {
	all      *semaphore.Weighted
	most     int64         // of all
	patience time.Duration // for others to end
	n        int64
}

func (f *Follower) reserve() reserved {
	return reserved{all: f.memory, most: f.cfg.Memory, patience: f.cfg.MemoryWait}
}

// cost is the memory that a statement of so many entries needs.
func cost(entries uint64) int64 {
	n := int64(min(entries, ledger.MaxHistory+1))
	return fixedMemory + n*entryMemory + min(n*bundle.MinOpened, keptStored)*keptMemory
}

// wait reserves n bytes, and waits for them if there are not enough. It is called once, so that
// statements do not wait for each other.
func (r *reserved) wait(ctx context.Context, n int64) error {
	if n > r.most {
		return fmt.Errorf("making a statement: %w", ledger.ErrTooMany)
	}
	if r.all.TryAcquire(n) {
		r.n = n
		return nil
	}
	short, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	if err := r.all.Acquire(short, n); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for other statements: %w", ctx.Err())
		}
		return ErrBusy
	}
	r.n = n
	return nil
}

// more reserves n further bytes, if there are enough.
func (r *reserved) more(n int64) error {
	if !r.all.TryAcquire(n) {
		return ErrBusy
	}
	r.n += n
	return nil
}

func (r *reserved) release() {
	r.all.Release(r.n)
	r.n = 0
}
