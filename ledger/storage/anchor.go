package storage

import (
	"context"

	"github.com/google/trillian"
)

// Anchor is the checkpoint that a log offers to its cosigners. An append sets it (SetAnchor).
// Storage does not verify it.
type Anchor struct {
	Size uint64
	Note []byte // the checkpoint with the log's own signature
}

const upsertAnchor = "INSERT INTO anchor (tree, size, note) VALUES ($1, $2, $3)" +
	" ON CONFLICT (tree) DO UPDATE SET size = excluded.size, note = excluded.note" +
	" WHERE excluded.size > anchor.size"

// Anchor returns the tree's anchor. If there is none yet, it returns ErrNotFound.
func (s *Storage) Anchor(ctx context.Context, tree *trillian.Tree) (Anchor, error) {
	const doing = "reading the anchor"
	num, err := s.Number(ctx, tree)
	if err != nil {
		return Anchor{}, s.wrap(ctx, doing, err)
	}
	var a Anchor
	var size int64
	err = s.Read(ctx, Op{SQL: "SELECT size, note FROM anchor WHERE tree = $1", Args: []any{int64(num)},
		Scan: func(scan func(...any) error) error { return scan(&size, &a.Note) }})
	if err == nil && size == 0 {
		err = ErrNotFound
	}
	a.Size = uint64(size)
	return a, s.wrap(ctx, doing, err)
}

// SetAnchor makes the checkpoint of this append the tree's anchor.
func (a *AppendTx) SetAnchor() { a.anchor = true }
