package statement

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// A statement shows what is on record under every number that links of its subject, below M, say is
// the same person's. M may move while histories are read, and with it the set of links. Then only
// what is missing is read.

// shows reports whether a statement of the period opens an entry. Links are always opened, because
// they decide which other histories belong to the statement.
func (p *past) shows(period *bundle.Period, index uint64) bool {
	return inside(period, index) || p.links[index] != nil
}

// linkedBelow returns the ids that the entries below size link with this one, ascending.
func (p *past) linkedBelow(size uint64) []string {
	holding := entry.Links{}
	for _, index := range slices.Sorted(maps.Keys(p.links)) {
		if index < size {
			holding.Add(index, p.links[index])
		}
	}
	return holding.IDs()
}

// readLinked reads the histories of ids, and keeps what was read of them before.
func (f *Follower) readLinked(ctx context.Context, g *gathered, ids []string, size uint64) error {
	if len(ids) > entry.MaxLinked {
		return fmt.Errorf("making a statement with more than %d linked ids: %w", entry.MaxLinked, ledger.ErrTooMany)
	}
	before := g.linked
	g.linked = nil
	for _, id := range ids {
		at := slices.IndexFunc(before, func(p *past) bool { return p.id == id })
		var p *past
		if at >= 0 {
			p = before[at]
		} else {
			var err error
			p, err = f.past(id)
			if err != nil {
				return err
			}
		}
		if err := f.readOn(ctx, g, p, size); err != nil {
			return err
		}
		g.linked = append(g.linked, p)
	}
	return nil
}

// stillLinked reports whether g has exactly the histories that the links below size ask for.
func (g *gathered) stillLinked(size uint64) bool {
	return slices.EqualFunc(g.pasts[0].linkedBelow(size), g.linked, func(id string, p *past) bool { return id == p.id })
}
