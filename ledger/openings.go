package ledger

import (
	"context"
	"errors"
	"fmt"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
)

// Openings returns the openings of up to n leaves from index from on, fewer at the end of the log:
// nil for a public leaf, an opening without its VRF proof for a sealed one. If the content was
// erased, only the link part of the opening is set. All n are held in memory, so callers cap n. The
// content is not parsed again: that was done at append, and the auditor who gets it does it too.
func (l *Log) Openings(ctx context.Context, from, n uint64) ([]*bundle.Opening, error) {
	records, err := l.store.Records(ctx, l.tree, from, n)
	if err != nil {
		return nil, fmt.Errorf("opening the log from entry %d on: %w", from, err)
	}
	kids := map[string]string{}
	out := make([]*bundle.Opening, len(records))
	for i, rec := range records {
		leaf, err := proof.ParseLeaf(rec.Value)
		if err != nil {
			return nil, fmt.Errorf("entry %d as stored: %w", rec.Index, err)
		}
		if leaf.Public {
			continue
		}
		h, err := l.historyEntry(ctx, rec, kids)
		if errors.Is(err, ErrErased) {
			ln, err := l.vault.UnsealLink(ctx, rec.Index, proof.LeafHash(rec.Value), rec.Extra)
			if err != nil {
				return nil, err
			}
			out[i] = &bundle.Opening{Index: rec.Index, TagSalt: ln.TagSalt, Tag: ln.Tag, Disclosures: []string{}}
			continue
		}
		if err != nil {
			return nil, err
		}
		out[i] = h.Opening
	}
	return out, nil
}
