package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/google/trillian"
)

// Anchor is the checkpoint that a log offers to its cosigners. It stays for a while, so that slow
// cosigners sign the same one as fast ones. Storage does not verify it.
type Anchor struct {
	Size uint64
	Note []byte    // the checkpoint with the log's own signature
	At   time.Time // when it became the anchor, to the millisecond
}

// moveAnchor lets one of many replicas win: the others find an anchor that is too new, or not
// smaller than theirs. An anchor with a time in the future was moved by a wrong clock, so that time
// does not keep it in place.
const moveAnchor = "INSERT INTO anchor (tree, size, at, note) VALUES ($1, $2, $3, $4)" +
	" ON CONFLICT (tree) DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note" +
	" WHERE excluded.size > anchor.size AND (anchor.at <= $5 OR anchor.at > $6)"

// Anchor returns the tree's anchor. If there is none yet, it returns ErrNotFound.
func (s *Storage) Anchor(ctx context.Context, tree *trillian.Tree) (Anchor, error) {
	const doing = "reading the anchor"
	num, err := s.Number(ctx, tree)
	if err != nil {
		return Anchor{}, s.wrap(ctx, doing, err)
	}
	var a Anchor
	var size, at int64
	err = s.Read(ctx, Op{SQL: "SELECT size, at, note FROM anchor WHERE tree = $1", Args: []any{int64(num)},
		Scan: func(scan func(...any) error) error { return scan(&size, &at, &a.Note) }})
	if err == nil && size == 0 {
		err = ErrNotFound
	}
	a.Size, a.At = uint64(size), time.UnixMilli(at).UTC()
	return a, s.wrap(ctx, doing, err)
}

// MoveAnchor makes to the tree's anchor if it is larger than the present one, and if the present
// one is at least as old as every. If several replicas try, one succeeds and the others change
// nothing, without an error. The anchor never moves back.
func (s *Storage) MoveAnchor(ctx context.Context, tree *trillian.Tree, to Anchor, every time.Duration) error {
	doing := fmt.Sprintf("moving the anchor to size %d", to.Size)
	if to.Size == 0 || to.Size > MaxLeaves {
		return s.wrap(ctx, doing, fmt.Errorf("%w: a checkpoint of size %d", ErrMisuse, to.Size))
	}
	num, err := s.Number(ctx, tree)
	if err == nil {
		at := to.At.UnixMilli()
		err = s.write(ctx, Op{SQL: moveAnchor, Args: []any{
			int64(num), int64(to.Size), at, nonNil(to.Note), at - every.Milliseconds(), at + every.Milliseconds(),
		}})
	}
	return s.wrap(ctx, doing, err)
}
