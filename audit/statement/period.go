package statement

import (
	"context"
	"errors"
	"sync"
	"time"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// A period is asked for in days, and proved in positions. What ties them are the index roots just
// outside the days: they are public entries, and each says when it was signed. Their dates ascend
// with their positions, so they are found by halving the log.

// boundary is the place of a moment among the index roots of a log.
type boundary struct {
	before, after ledger.PublicLeaf // the newest root signed before it, the oldest signed at it or later; index 0: none
}

// boundaries remembers places that can no longer change: those with a root on each side.
type boundaries struct {
	mu sync.Mutex
	at map[int64]boundary
}

// maxBoundaries bounds their memory, about 1 kB each. They are begins of days, so few.
const maxBoundaries = 4096

// boundary returns the place of a moment among the index roots below size.
func (f *Follower) boundary(ctx context.Context, at time.Time, size uint64) (boundary, error) {
	moment := at.Unix()
	f.days.mu.Lock()
	b, ok := f.days.at[moment]
	f.days.mu.Unlock()
	if ok {
		return b, nil
	}
	lo, hi := uint64(0), size // roots below lo are before the moment, those from hi on are not
	for lo < hi {
		mid := lo + (hi-lo)/2
		r, err := f.cfg.Log.FirstIndexRoot(ctx, mid, hi)
		switch {
		case errors.Is(err, ledger.ErrNotFound):
			hi = mid
		case err != nil:
			return boundary{}, err
		case r.Entry.IssuedAt < moment:
			b.before, lo = r, r.Index+1
		default:
			b.after, hi = r, mid
		}
	}
	if b.before.Index > 0 && b.after.Index > 0 {
		f.days.mu.Lock()
		if f.days.at == nil || len(f.days.at) >= maxBoundaries {
			f.days.at = map[int64]boundary{}
		}
		f.days.at[moment] = b
		f.days.mu.Unlock()
	}
	return b, nil
}

// period returns the positions of the days in a log of this size, and the keys that signed the
// index roots around them. Without days it returns nil.
func (f *Follower) period(ctx context.Context, days *bundle.Days, size uint64) (*bundle.Period, []string, error) {
	if days == nil {
		return nil, nil, nil
	}
	first, err := f.boundary(ctx, days.Start(), size)
	if err != nil {
		return nil, nil, err
	}
	last, err := f.boundary(ctx, days.End(), size)
	if err != nil {
		return nil, nil, err
	}
	p, kids := &bundle.Period{Days: days, To: size}, []string(nil)
	if r := first.before; r.Index > 0 {
		p.Before, p.From = &bundle.Leaf{Index: r.Index, Leaf: r.Leaf}, r.Entry.Body.(*entry.IndexRoot).Size
		kids = append(kids, r.Entry.KID)
	}
	if r := last.after; r.Index > 0 && r.Index < size {
		p.After, p.To = &bundle.Leaf{Index: r.Index, Leaf: r.Leaf}, r.Index
		kids = append(kids, r.Entry.KID)
	}
	return p, kids, nil
}

func inside(p *bundle.Period, index uint64) bool { return p == nil || p.From <= index && index < p.To }
