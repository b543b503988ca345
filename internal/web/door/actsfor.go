package door

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"igledger/consent"
	"igledger/internal/web/shelf"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// For is a delegation under which somebody may act for a person.
type For struct {
	consent.Held
	ID string // of the person for whom they act; never in a URL
	// Index is the position of the entry that granted it, by which URLs name it.
	Index uint64
	Kind  string // see entry.Delegation
}

// granted knows which delegations each delegate was granted. A delegation is filed under the person
// for whom they act, so no history of the delegate has it: the log is read once for it, and then
// what was added. What was found is kept on the shelf, by delegate, before the position moves on,
// so no start reads the log again; without a shelf it is kept in memory.
type granted struct {
	mu         sync.Mutex // guards the fields below; held while reading
	began      bool
	read, kept uint64             // how far the log was read, and how far it is kept that it was
	byDelegate map[string][]grant // by id, without a shelf
}

const grantedShelf = "granted"

const scanPage = 2048

// ActsFor returns the delegations that are in force now under which id acts for somebody, oldest
// first.
func (d *Door) ActsFor(ctx context.Context, id string) ([]For, error) {
	if err := d.follow(ctx); err != nil {
		return nil, err
	}
	list, err := d.grants(ctx, id)
	if err != nil {
		return nil, err
	}
	now := d.cfg.Now()
	var live []For
	for _, f := range list {
		held, err := d.Delegations(ctx, f.ID)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(held, func(h consent.Held) bool { return h.ID == f.Held.ID })
		if i < 0 || held[i].Delegate != id || !held[i].Live(now) {
			continue
		}
		f.Held = held[i]
		live = append(live, f)
	}
	slices.SortFunc(live, func(a, b For) int { return cmp.Compare(a.Index, b.Index) })
	return live, nil
}

// Follow reads the log until ctx ends, so that neither ActsFor nor a visit to a long history has
// much left to read.
func (d *Door) Follow(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := d.follow(ctx)
		if err == nil {
			err = d.keepAhead(ctx)
		}
		if err != nil && ctx.Err() == nil {
			d.cfg.Logger.Error("reading the log for delegations and long histories", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// follow reads what was added to the log for delegations.
func (d *Door) follow(ctx context.Context) error {
	size, err := d.log.Size(ctx)
	if err != nil {
		return err
	}
	g := &d.granted
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.began {
		if g.read, err = d.grantsRead(ctx, size); err != nil {
			return err
		}
		g.began, g.kept = true, g.read
	}
	for g.read < size {
		page, err := d.log.Openings(ctx, g.read, min(scanPage, size-g.read))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, o := range page {
			if err := d.grantedIn(ctx, o); err != nil {
				return err
			}
		}
		g.read += uint64(len(page))
		if g.read-g.kept >= scanPage { // the rest is read again after a start
			if err := d.putGrantsRead(ctx); err != nil {
				return err
			}
			g.kept = g.read
		}
	}
	return nil
}

// grantedIn keeps the delegation that an opening holds, if it is one.
func (d *Door) grantedIn(ctx context.Context, o *bundle.Opening) error {
	if o == nil || o.JWS == "" || certainlyAccess(o.JWS) {
		return nil
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return err
	}
	b, ok := e.Body.(*entry.Delegation)
	if !ok || b.Delegate == nil {
		return nil
	}
	return d.addGrant(ctx, b.Delegate.ID, grant{Delegation: b.Delegation, ID: b.Sub, Index: o.Index, Kind: b.Kind})
}

// grant is what is kept of a For.
type grant struct {
	Delegation string `json:"delegation"`
	ID         string `json:"id"`
	Index      uint64 `json:"index"`
	Kind       string `json:"kind"`
}

func (d *Door) grantKey(delegate string) string {
	return d.cfg.Shelf.Blind(grantedShelf, d.log.Origin(), delegate)
}

// addGrant adds a grant to those of a delegate. One that is there is not added again.
func (d *Door) addGrant(ctx context.Context, delegate string, g grant) error {
	add := func(list []grant) []grant {
		if slices.ContainsFunc(list, func(h grant) bool { return h.Index == g.Index }) {
			return list
		}
		return append(list, g)
	}
	if d.cfg.Shelf == nil {
		if d.granted.byDelegate == nil {
			d.granted.byDelegate = map[string][]grant{}
		}
		d.granted.byDelegate[delegate] = add(d.granted.byDelegate[delegate])
		return nil
	}
	return d.cfg.Shelf.Update(ctx, grantedShelf, d.grantKey(delegate), func(old []byte) ([]byte, time.Time, error) {
		var list []grant
		if old != nil {
			if err := json.Unmarshal(old, &list); err != nil {
				return nil, time.Time{}, err
			}
		}
		b, err := json.Marshal(add(list))
		return b, time.Time{}, err
	})
}

// grants returns what a delegate was granted, as far as the log was read.
func (d *Door) grants(ctx context.Context, delegate string) ([]For, error) {
	var list []grant
	if d.cfg.Shelf == nil {
		d.granted.mu.Lock()
		list = slices.Clone(d.granted.byDelegate[delegate])
		d.granted.mu.Unlock()
	} else if err := d.shelved(ctx, grantedShelf, d.grantKey(delegate), &list); err != nil {
		return nil, err
	}
	out := make([]For, len(list))
	for i, g := range list {
		out[i] = For{ID: g.ID, Index: g.Index, Kind: g.Kind}
		out[i].Held.ID = g.Delegation
	}
	return out, nil
}

// shelved reads a JSON value from the shelf. What is not there leaves into as it is.
func (d *Door) shelved(ctx context.Context, name, key string, into any) error {
	b, err := d.cfg.Shelf.Get(ctx, name, key)
	if errors.Is(err, shelf.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// grantsRead returns how far the log was read for delegations when this process began.
func (d *Door) grantsRead(ctx context.Context, size uint64) (read uint64, err error) {
	if d.cfg.Shelf == nil {
		return 0, nil
	}
	err = d.shelved(ctx, grantedShelf, d.grantKey(""), &read)
	if read > size { // of another log
		read = 0
	}
	return read, err
}

// putGrantsRead keeps how far the log was read. Of two replicas the one that is ahead counts.
func (d *Door) putGrantsRead(ctx context.Context) error {
	if d.cfg.Shelf == nil {
		return nil
	}
	return d.cfg.Shelf.Update(ctx, grantedShelf, d.grantKey(""), func(old []byte) ([]byte, time.Time, error) {
		var read uint64
		if old != nil {
			if err := json.Unmarshal(old, &read); err != nil {
				return nil, time.Time{}, err
			}
		}
		b, err := json.Marshal(max(read, d.granted.read))
		return b, time.Time{}, err
	})
}

// accessFirst is how the payload of nearly every entry begins, encoded. It is of 15 bytes, so that
// no character of the encoding depends on what follows.
var accessFirst = base64.RawURLEncoding.EncodeToString([]byte(`{"type":"access`))

// certainlyAccess reports, without decoding it, whether an entry is an access. It may be one, too,
// if not.
func certainlyAccess(jws string) bool {
	_, payload, _ := strings.Cut(jws, ".")
	return strings.HasPrefix(payload, accessFirst)
}
