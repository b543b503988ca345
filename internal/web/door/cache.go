package door

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"

	"igledger/ledger/entry"
)

// DefaultMemory keeps about 400,000 entries of histories.
const DefaultMemory = 256 << 20

// itemMemory is about what an item takes. Texts that many have are kept once.
const itemMemory = 640

// histories keeps what was read lately of people's histories, those that were used last. Each is
// extended when the log grew, so nothing is decrypted twice while it is kept. What concerns
// everybody's data is kept apart, and so is read once for all people.
type histories struct {
	most     int64
	everyone *past

	mu    sync.Mutex // guards the fields below
	byID  map[string]*list.Element
	order *list.List // of *kept, those used last in front
	used  int64
}

type kept struct {
	*past
	size int64
}

func newHistories(most int64) *histories {
	return &histories{
		most: most, everyone: &past{id: entry.RegEveryone}, byID: map[string]*list.Element{}, order: list.New(),
	}
}

// of returns the history of id, perhaps not read yet.
func (h *histories) of(id string) *past {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.byID[id]; e != nil {
		h.order.MoveToFront(e)
		return e.Value.(*kept).past
	}
	p := &past{id: id}
	h.byID[id] = h.order.PushFront(&kept{past: p})
	return p
}

// count notes how many items a history has now, and drops those that were not used for longest
// if there is not enough room. One that is in use stays valid for its user.
func (h *histories) count(id string, items int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.byID[id]; e != nil {
		k, size := e.Value.(*kept), int64(items+8)*itemMemory
		h.used += size - k.size
		k.size = size
	}
	for h.used > h.most && h.order.Len() > 0 {
		k := h.order.Remove(h.order.Back()).(*kept)
		delete(h.byID, k.id)
		h.used -= k.size
	}
}

// whole returns the histories of these ids and of everyone, as one.
func (d *Door) whole(ctx context.Context, ids []string) (*History, error) {
	size, err := d.log.Size(ctx)
	if err != nil {
		return nil, err
	}
	out := &History{Size: size, IDs: ids, Whole: true}
	out.Items, err = d.extend(ctx, d.histories.everyone, size)
	if err != nil {
		return nil, err
	}
	for n, id := range ids {
		p := d.histories.of(id)
		items, err := d.extend(ctx, p, size)
		if err != nil {
			return nil, err
		}
		d.histories.count(id, len(items))
		if n > 0 { // shared items say that they are under the first id
			items = under(items, n)
		}
		out.Items = merged(out.Items, items)
	}
	return out, nil
}

// under returns copies of items that are under the n-th id.
func under(items []*Item, n int) []*Item {
	out := make([]*Item, len(items))
	for k, i := range items {
		c := *i
		c.ID = n
		out[k] = &c
	}
	return out
}

// newestFirst orders by when it happened, then by the position in the log.
func newestFirst(a, b *Item) int {
	return cmp.Or(b.When.Compare(a.When), cmp.Compare(b.Index, a.Index))
}

// merged merges two lists that are in the order of newestFirst.
func merged(a, b []*Item) []*Item {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]*Item, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if newestFirst(a[0], b[0]) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), slices.Clip(b)...)
}
