package storage

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
)

// TestLaterMigration: a migration that comes after others reaches a database in use, and a program
// that does not know it leaves that database alone. Two schemas in one database do not see each
// other.
func TestLaterMigration(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		first := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE IF NOT EXISTS thing (k {{.Bytes}} NOT NULL);\n")}
		second := &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE thing ADD COLUMN n {{.Int}};\n")}
		old := schema{fstest.MapFS{"migrations/00001_a.sql": first}, "thing_version", nil}
		newer := schema{fstest.MapFS{"migrations/00001_a.sql": first, "migrations/00002_b.sql": second}, "thing_version", nil}
		for range 2 { // the second time there is nothing to do
			if err := s.db.migrate(ctx, old); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.write(ctx, Op{SQL: "INSERT INTO thing (k) VALUES ($1)", Args: []any{[]byte("kept")}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.db.migrate(ctx, newer); err != nil {
				t.Fatal(err)
			}
		}
		var n *int64
		if err := s.Read(ctx, Op{SQL: "SELECT n FROM thing WHERE k = $1", Args: []any{[]byte("kept")},
			Scan: func(scan func(...any) error) error { return scan(&n) }}); err != nil || n != nil {
			t.Errorf("the new column: %v, %v", n, err)
		}
		if err := s.db.migrate(ctx, old); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("migrating back: %v", err)
		}
		if err := s.db.migrate(ctx, ours); err != nil {
			t.Errorf("the other schema: %v", err)
		}
	})
}
