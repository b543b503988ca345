package storage

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"
	"time"
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
		old := schema{fstest.MapFS{"migrations/00001_a.sql": first}, "thing_version", nil, false}
		newer := schema{fstest.MapFS{"migrations/00001_a.sql": first, "migrations/00002_b.sql": second}, "thing_version", nil, false}
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

// TestMigrationWaitsForServers: the tables do not change under a program that has them open, which
// would write rows without what the newer one relies on. A program that began just before learns it
// when it takes its lease, and writes nothing.
func TestMigrationWaitsForServers(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		first := &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE IF NOT EXISTS thing (k {{.Bytes}} NOT NULL);\n")}
		second := &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE thing ADD COLUMN n {{.Int}};\n")}
		old := schema{fstest.MapFS{"migrations/00001_a.sql": first}, "thing_version", nil, true}
		newer := schema{fstest.MapFS{"migrations/00001_a.sql": first, "migrations/00002_b.sql": second}, "thing_version", nil, true}
		var used *InUseError
		for _, step := range []struct {
			life time.Duration
			of   schema
			wait bool
		}{
			{time.Hour, old, false}, // there are no tables yet
			{time.Hour, old, false}, // and nothing to change
			{time.Hour, newer, true},
			{-time.Minute, newer, false}, // it was killed
		} {
			if err := s.Lease(ctx, tree, Holder{1}, step.life); err != nil {
				t.Fatal(err)
			}
			if err := s.db.migrate(ctx, step.of); errors.As(err, &used) != step.wait || !step.wait && err != nil {
				t.Errorf("beside a lease of %v: %v", step.life, err)
			}
		}

		if err := s.write(ctx, Op{SQL: "INSERT INTO schema_version (version) VALUES (999)"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Lease(ctx, tree, Holder{2}, time.Hour); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("a lease on newer tables: %v", err)
		}
		var n int
		h := Holder{2}
		if err := s.Read(ctx, Op{SQL: "SELECT count(*) FROM lease WHERE holder = $1", Args: []any{h[:]},
			Scan: func(scan func(...any) error) error { return scan(&n) }}); err != nil || n != 0 {
			t.Errorf("it has %d leases, %v", n, err)
		}
	})
}
