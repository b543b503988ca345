package storage

import (
	"context"
	"errors"
	"testing"
)

// An append sets the anchor with its leaves, or not at all. Another tree's is another.
func TestAnchor(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		a, b := mustTree(t, s, "a"), mustTree(t, s, "b")
		away := errors.New("away")
		for i, c := range []struct {
			anchor bool
			err    error
			want   uint64
		}{{false, nil, 0}, {true, nil, 2}, {false, nil, 2}, {true, away, 2}, {true, nil, 4}} {
			err := s.Append(ctx, a, Lookup{Keys: [][16]byte{{byte(i + 1)}}}, func(ctx context.Context, tx *AppendTx) error {
				if _, err := tx.Add(Leaf{Key: [16]byte{byte(i + 1)}, Value: []byte{byte(i)}}); err != nil {
					return err
				}
				if _, err := tx.Integrate(ctx); err != nil {
					return err
				}
				tx.SetCheckpoint([]byte{byte(tx.Head.Size + 1)})
				if c.anchor {
					tx.SetAnchor()
				}
				return c.err
			})
			if !errors.Is(err, c.err) {
				t.Fatal(err)
			}
			got, err := s.Anchor(ctx, a)
			if c.want == 0 && errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil || got.Size != c.want || string(got.Note) != string([]byte{byte(c.want)}) {
				t.Fatalf("after append %d: the anchor is of %d, %q, %v; want %d", i, got.Size, got.Note, err, c.want)
			}
		}
		if _, err := s.Anchor(ctx, b); !errors.Is(err, ErrNotFound) {
			t.Errorf("another log's: %v", err)
		}
	})
}
