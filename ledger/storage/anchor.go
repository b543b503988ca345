package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/google/trillian"
)

// Anchor is a checkpoint that stays for a while, so that all who cosign can meet on it. Storage verifies nothing of it.
type Anchor struct {
	Size uint64
	Note []byte    // the checkpoint with the log's own signature
	At   time.Time // when it became the anchor, to the millisecond
}

// moveAnchor lets one of many replicas win: what lies in its way is newer than every, or not behind. A time yet to come is of a clock that was wrong, and
// does not hold the anchor where it is.
const moveAnchor = "INSERT INTO anchor (tree, size, at, note) VALUES ($1, $2, $3, $4) ON CONFLICT (tree) DO UPDATE SET size = excluded.size, at = excluded.at, note = excluded.note" +
	" WHERE excluded.size > anchor.size AND (anchor.at <= $5 OR anchor.at > $6)"

// Anchor returns the tree's. ErrNotFound if there is none yet.
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

// MoveAnchor makes to the tree's anchor if it is larger than the present one and that one has stood for every. Of several replicas that try, one does; the
// others change nothing, which is no error. The anchor never goes back.
func (s *Storage) MoveAnchor(ctx context.Context, tree *trillian.Tree, to Anchor, every time.Duration) error {
	doing := fmt.Sprintf("moving the anchor to size %d", to.Size)
	if to.Size == 0 || to.Size > MaxLeaves {
		return s.wrap(ctx, doing, fmt.Errorf("%w: a checkpoint of size %d", ErrMisuse, to.Size))
	}
	num, err := s.Number(ctx, tree)
	if err == nil {
		at := to.At.UnixMilli()
		err = s.write(ctx, Op{SQL: moveAnchor, Args: []any{int64(num), int64(to.Size), at, nonNil(to.Note), at - every.Milliseconds(), at + every.Milliseconds()}})
	}
	return s.wrap(ctx, doing, err)
}
