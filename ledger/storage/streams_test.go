package storage

import (
	"context"
	"testing"

	"igledger/internal/testdb"
)

// TestStreams: Streams returns what SetStream left, and nothing of another log.
func TestStreams(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
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
		streams, err := s.Streams(ctx, tree)
		if err != nil || len(streams) != 2 || string(streams[[16]byte{1}]) != "new" || string(streams[[16]byte{2}]) != "second, new" {
			t.Fatalf("streams %q, %v", streams, err)
		}
		if other, err := s.Streams(ctx, another); err != nil || len(other) != 0 {
			t.Fatalf("another log's streams: %q, %v", other, err)
		}
	})
}
