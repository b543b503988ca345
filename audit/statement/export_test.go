package statement

import (
	"context"

	"igledger/ledger"
)

// LinkedWhile returns the linked ids of a statement of id. After the histories were read for the
// first time, it calls meanwhile.
func (f *Follower) LinkedWhile(ctx context.Context, id string, meanwhile func()) (ids []string, err error) {
	g, err := f.gather(ctx, []string{id}, true, func([]*past, uint64) ([]ledger.HistoryEntry, error) {
		do := meanwhile
		meanwhile = func() {}
		do()
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range g.linked {
		ids = append(ids, p.id)
	}
	return ids, nil
}
