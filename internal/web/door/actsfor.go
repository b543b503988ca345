package door

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"igledger/consent"
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
// for whom they act, so no history of the delegate has it: it is found by reading the log once, and
// then what was added.
type granted struct {
	mu         sync.Mutex // guards the fields below; held while reading
	read       uint64
	byDelegate map[string][]For // by id
}

const scanPage = 2048

// ActsFor returns the delegations that are in force now under which id acts for somebody, oldest
// first.
func (d *Door) ActsFor(ctx context.Context, id string) ([]For, error) {
	if err := d.follow(ctx); err != nil {
		return nil, err
	}
	d.granted.mu.Lock()
	list := slices.Clone(d.granted.byDelegate[id])
	d.granted.mu.Unlock()
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

// Follow reads the log for delegations until ctx ends, so that ActsFor has little left to read.
func (d *Door) Follow(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := d.follow(ctx); err != nil && ctx.Err() == nil {
			d.cfg.Logger.Error("reading the log for delegations", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *Door) follow(ctx context.Context) error {
	size, err := d.log.Size(ctx)
	if err != nil {
		return err
	}
	g := &d.granted
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.read < size {
		page, err := d.log.Openings(ctx, g.read, min(scanPage, size-g.read))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		for _, o := range page {
			if o == nil || o.JWS == "" || certainlyAccess(o.JWS) {
				continue
			}
			e, err := entry.ParseParts(o.JWS, o.Disclosures)
			if err != nil {
				return err
			}
			b, ok := e.Body.(*entry.Delegation)
			if !ok || b.Delegate == nil {
				continue
			}
			if g.byDelegate == nil {
				g.byDelegate = map[string][]For{}
			}
			f := For{ID: b.Sub, Index: o.Index, Kind: b.Kind}
			f.Held.ID = b.Delegation
			g.byDelegate[b.Delegate.ID] = append(g.byDelegate[b.Delegate.ID], f)
		}
		g.read += uint64(len(page))
	}
	return nil
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
