package storage

import (
	"context"
	"testing"
)

// TestStreams: Streams returns what SetStream left, and nothing of another log.
func TestStreams(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree, another := mustTree(t, s, "log"), mustTree(t, s, "another")
		for _, state := range []string{"old", "new"} {
			if err := s.Append(ctx, tree, Lookup{}, func(_ context.Context, tx *AppendTx) error {
				tx.SetStream([16]byte{1}, []byte(state))
				tx.SetStream([16]byte{2}, []byte("second, "+state))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		all, err := s.Streams(ctx, tree, [16]byte{}, [16]byte{}, 9)
		if err != nil || len(all) != 2 || all[0].Key != [16]byte{1} || string(all[0].State) != "new" || string(all[1].State) != "second, new" {
			t.Fatalf("streams %q, %v", all, err)
		}
		for _, c := range []struct {
			from, to [16]byte
			n        int
			want     byte
		}{
			{[16]byte{}, [16]byte{}, 1, 1}, {[16]byte{1, 1}, [16]byte{}, 9, 2}, {[16]byte{}, [16]byte{1}, 9, 1}, {[16]byte{2}, [16]byte{2}, 9, 2},
		} {
			some, err := s.Streams(ctx, tree, c.from, c.to, c.n)
			if err != nil || len(some) != 1 || some[0].Key != [16]byte{c.want} {
				t.Errorf("from %x to %x: %q, %v", c.from, c.to, some, err)
			}
		}
		if other, err := s.Streams(ctx, another, [16]byte{}, [16]byte{}, 9); err != nil || len(other) != 0 {
			t.Fatalf("another log's streams: %q, %v", other, err)
		}
	})
}
