package statement

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Extract makes an extract of chosen entries of an id. It proves that each is in the log, and says
// nothing about other entries. If one is not the id's, it returns ErrNotFound; if the file would be
// larger than bundle.MaxSize, ledger.ErrTooMany. done gives back the memory that it may use until
// then.
func (f *Follower) Extract(ctx context.Context, id string, indices []uint64) (x *bundle.Extract, done func(), err error) {
	tag, _, err := f.cfg.Log.Tag(id)
	if err != nil {
		return nil, nil, err
	}
	places, err := f.chosen(ctx, tag, slices.Compact(slices.Sorted(slices.Values(indices))))
	if err != nil {
		return nil, nil, err
	}
	return f.extract(ctx, places, partText)
}

// ExtractOwn makes an extract of those entries of an id that owns reports true for, and that the
// ledger took on these days (nil: on any) or, if there are any, at these indices. Its text says
// that it was limited to them. If there are none, or if one of the indices has none, it returns
// ErrNotFound: the same whether there are other entries of the id or not.
func (f *Follower) ExtractOwn(
	ctx context.Context, id string, days *bundle.Days, indices []uint64, owns func(*entry.Entry) bool,
) (x *bundle.Extract, done func(), err error) {
	tag, _, err := f.cfg.Log.Tag(id)
	if err != nil {
		return nil, nil, err
	}
	root, err := f.Root()
	if err != nil {
		return nil, nil, err
	}
	if len(indices) > 0 {
		days = nil
	}
	places, err := f.own(ctx, tag, root.Index+1, days, owns)
	if err != nil {
		return nil, nil, err
	}
	if len(indices) > 0 {
		places, err = among(places, slices.Compact(slices.Sorted(slices.Values(indices))))
		if err != nil {
			return nil, nil, err
		}
	}
	if len(places) == 0 {
		return nil, nil, fmt.Errorf("making an extract of no entry: %w", ErrNotFound)
	}
	return f.extract(ctx, places, ownText)
}

// own returns the places of the entries under tag below size that owns reports true for, and that
// the ledger took on these days.
func (f *Follower) own(
	ctx context.Context, tag wire.Hash, size uint64, days *bundle.Days, owns func(*entry.Entry) bool,
) (list []ledger.Place, err error) {
	memory := f.reserve()
	defer memory.release()
	n, err := f.cfg.Log.HistoryCount(ctx, tag)
	if err != nil {
		return nil, err
	}
	if err := memory.wait(ctx, cost(n)); err != nil {
		return nil, err
	}
	places, err := f.cfg.Log.HistoryPlaces(ctx, tag, 0, size)
	if err != nil {
		return nil, err
	}
	i := 0
	err = f.cfg.Log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
		place := places[i]
		i++
		e, err := entry.ParseParts(h.Opening.JWS, h.Opening.Disclosures)
		if err != nil {
			return fmt.Errorf("entry %d as stored: %w", h.Index, err)
		}
		received, err := entry.ParseTime(h.Received)
		if err != nil {
			return fmt.Errorf("entry %d as stored: %w", h.Index, err)
		}
		if owns(e) && (days == nil || !received.Before(days.Start()) && received.Before(days.End())) {
			list = append(list, place)
		}
		return nil
	})
	return list, err
}

// extract makes an extract of the entries at these places, of which there is at least one. what
// says what they are, for people who read the file.
func (f *Follower) extract(
	ctx context.Context, places []ledger.Place, what string,
) (x *bundle.Extract, done func(), err error) {
	memory := f.reserve()
	defer func() {
		if err != nil {
			memory.release()
		}
	}()
	g := &gathered{memory: &memory}
	size := uint64(0)
	for _, p := range places {
		size += bundle.OpenedSize(p.Stored)
	}
	if size > bundle.MaxSize {
		return nil, nil, fmt.Errorf("making an extract: %w", ledger.ErrTooMany)
	}
	if err := memory.wait(ctx, fixedMemory+int64(size)*extractMemory); err != nil {
		return nil, nil, err
	}
	x = &bundle.Extract{}
	kids := map[string]bool{}
	var at []uint64
	var by []string
	err = f.cfg.Log.EachEntry(ctx, places, func(h ledger.HistoryEntry) error {
		x.Entries = append(x.Entries, bundle.NewExtractEntry(h.Opening))
		kids[h.KID] = true
		at, by = append(at, h.Index), append(by, h.KID)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	last := at[len(at)-1]
	err = f.gather(ctx, g, func(_ []*past, size uint64) (map[string]bool, error) {
		if last >= size {
			return nil, fmt.Errorf("making an extract: entry %d is not published yet: %w", last, ErrNotFound)
		}
		return maps.Clone(kids), nil
	})
	if err != nil {
		return nil, nil, err
	}
	// An entry of which nothing can show yet who signed it stands in a later extract.
	shown := 0
	for i, kid := range by {
		if at[i] < g.root.Size || !g.unknown[kid] {
			x.Entries[shown], at[shown] = x.Entries[i], at[i]
			shown++
		}
	}
	if x.Entries, at = x.Entries[:shown], at[:shown]; shown == 0 {
		return nil, nil, fmt.Errorf("making an extract: the keys of its entries are newer than the index: %w", ErrNotFound)
	}
	x.Evidence = g.evidence(bundle.FormatExtract, extractText(g, what))
	err = f.cfg.Log.MultiProof(ctx, append(g.indices(), at...), g.size, func(nodes []wire.Hash) error {
		x.Nodes = append(x.Nodes, nodes...)
		return nil
	})
	return x, memory.release, err
}

// chosen returns the places of the entries at indices, which must be ascending and all under tag.
func (f *Follower) chosen(ctx context.Context, tag wire.Hash, indices []uint64) ([]ledger.Place, error) {
	if len(indices) == 0 {
		return nil, fmt.Errorf("making an extract of no entry: %w", ErrNotFound)
	}
	all, err := f.cfg.Log.HistoryPlaces(ctx, tag, indices[0], indices[len(indices)-1]+1)
	if err != nil {
		return nil, err
	}
	return among(all, indices)
}

// among returns the places at these indices, which must all be there.
func among(all []ledger.Place, indices []uint64) (places []ledger.Place, err error) {
	for _, at := range indices {
		i, ok := slices.BinarySearchFunc(all, at, func(p ledger.Place, at uint64) int { return cmp.Compare(p.Index, at) })
		if !ok {
			return nil, fmt.Errorf("making an extract: entry %d is not one of this subject's: %w", at, ErrNotFound)
		}
		places = append(places, all[i])
	}
	return places, nil
}
