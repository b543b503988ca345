package storage

import (
	"context"
	"fmt"

	"github.com/google/trillian"
)

// SetExtra replaces the data kept beside a leaf's value, for erasure and for re-encryption under a
// new key. The log itself does not change.
func (s *Storage) SetExtra(ctx context.Context, tree *trillian.Tree, index uint64, extra []byte) error {
	doing := fmt.Sprintf("replacing the extra data of leaf %d", index)
	if index >= MaxLeaves {
		return s.wrap(ctx, doing, ErrNotFound)
	}
	num, err := s.Number(ctx, tree)
	if err == nil {
		err = s.write(ctx, Op{
			SQL:  "UPDATE leaf SET extra = $1 WHERE place = $2",
			Args: []any{nonNil(extra), num.Place(index)}, Expect: 1,
		})
	}
	return s.wrap(ctx, doing, err)
}

// PutDataKey stores a wrapped data key. It replaces one with the same id.
func (s *Storage) PutDataKey(ctx context.Context, id [8]byte, wrapped []byte) error {
	return s.wrap(ctx, "storing a data key", s.write(ctx, Op{
		SQL: "INSERT INTO data_key (id, wrapped) VALUES ($1, $2)" +
			" ON CONFLICT (id) DO UPDATE SET wrapped = excluded.wrapped",
		Args: []any{id[:], nonNil(wrapped)},
	}))
}

// DataKeys returns all wrapped data keys.
func (s *Storage) DataKeys(ctx context.Context) (map[[8]byte][]byte, error) {
	keys := map[[8]byte][]byte{}
	err := s.Read(ctx, Op{
		SQL: "SELECT id, wrapped FROM data_key",
		Scan: func(scan func(...any) error) error {
			var id, wrapped []byte
			if err := scan(&id, &wrapped); err != nil {
				return err
			}
			if len(id) != 8 {
				return fmt.Errorf("%w: the id of a data key has the wrong length", ErrCorrupt)
			}
			keys[[8]byte(id)] = wrapped
			return nil
		},
	})
	return keys, s.wrap(ctx, "reading data keys", err)
}

// write commits statements, which may be run twice.
func (s *Storage) write(ctx context.Context, ops ...Op) error {
	return s.Transact(ctx, func(context.Context, Runner) ([]Op, error) { return ops, nil })
}
