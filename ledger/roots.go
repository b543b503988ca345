package ledger

import (
	"context"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
)

// FirstIndexRoot returns the first index root at from or above, and below before. If there is none,
// it returns ErrNotFound. It reads every leaf up to it: at most about as many as the genesis' index
// lag.
func (l *Log) FirstIndexRoot(ctx context.Context, from, before uint64) (PublicLeaf, error) {
	const most = 4096
	for n := uint64(64); from < before; n = min(4*n, most) {
		records, err := l.store.Prefixes(ctx, l.tree, from, min(n, before-from), 0)
		if err != nil {
			return PublicLeaf{}, fmt.Errorf("looking for an index root: %w", err)
		}
		if len(records) == 0 {
			break
		}
		for _, rec := range records {
			leaf, err := proof.ParseLeaf(rec.Value)
			if err != nil {
				return PublicLeaf{}, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
			}
			if !leaf.Public {
				continue
			}
			e, err := leaf.Entry()
			if err != nil {
				return PublicLeaf{}, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
			}
			if e.Type == entry.TypeIndexRoot {
				return PublicLeaf{rec.Index, rec.Value, e}, nil
			}
		}
		from += uint64(len(records))
	}
	return PublicLeaf{}, ErrNotFound
}
