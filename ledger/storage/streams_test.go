package storage

import (
	"context"
	"testing"

	"igledger/internal/testdb"
)

// TestStreamsInAnOlderDatabase: what version 3 knew of a stream, its last number, is carried over.
func TestStreamsInAnOlderDatabase(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s, err := Open(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		tree := mustTree(t, s, "log")
		num, err := s.number(ctx, tree)
		if err == nil {
			err = s.write(ctx, op{sql: "DROP TABLE source"}, op{sql: "DELETE FROM " + versionTable + " WHERE version >= 4"},
				op{sql: "INSERT INTO stream (k, last) VALUES ($1, $2)", args: []any{inTree(num, make([]byte, 16)), int64(77)}})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = openTest(t, dsn)
		streams, err := s.Streams(ctx, tree)
		if got := string(streams[[16]byte{}]); err != nil || got != `{"seen":[{"first":1,"last":77}]}` || len(streams) != 1 {
			t.Fatalf("streams %q, %v", streams, err)
		}
		if other, err := s.Streams(ctx, mustTree(t, s, "another")); err != nil || len(other) != 0 {
			t.Fatalf("another log's streams: %q, %v", other, err)
		}
	})
}
