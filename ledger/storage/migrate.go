package storage

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"testing/fstest"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings the schema up to date. Several replicas may do so at once: every statement is
// idempotent and a migration is one transaction together with its version row, so of two that collide
// one fails and, tried again, finds the work done. No advisory locks: CockroachDB has none.
func migrate(ctx context.Context, e Engine, db *sql.DB) error {
	files, err := renderMigrations(e)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, files,
		goose.WithStore(versionStore{}), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	const tries = 20
	for try := 1; ; try++ {
		if err = up(ctx, db, provider); err == nil || errors.Is(err, ErrNewerSchema) || try == tries || ctx.Err() != nil {
			return err
		}
		// Collisions come as a different error on each engine (23505 on a catalogue, 42P07, 40001,
		// SQLITE_BUSY), so everything is tried again, after a moment that differs
		// between replicas.
		select {
		case <-time.After(time.Duration(try) * (time.Millisecond + rand.N(20*time.Millisecond))):
		case <-ctx.Done():
		}
	}
}

func up(ctx context.Context, db *sql.DB, p *goose.Provider) error {
	store := versionStore{}
	if err := store.CreateVersionTable(ctx, db); err != nil {
		return fmt.Errorf("creating the schema's version table: %w", err)
	}
	if err := store.Insert(ctx, db, goosedb.InsertRequest{Version: 0}); err != nil {
		return fmt.Errorf("setting the schema's first version: %w", err)
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema's version: %w", err)
	}
	if current > target {
		return fmt.Errorf("%w: version %d, we know %d", ErrNewerSchema, current, target)
	}
	if current == target {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	return nil
}

// renderMigrations fills in what the engines spell differently.
func renderMigrations(e Engine) (fs.FS, error) {
	words := struct {
		Int, Bytes string
		Postgres   bool
	}{"INT8", "BYTEA", e == PostgreSQL}
	if e == SQLite {
		// Exactly INTEGER makes a primary key the row's own number, without an index.
		words.Int, words.Bytes = "INTEGER", "BLOB"
	}
	funcs := template.FuncMap{
		// fill leaves room on each page for new versions of rows that change often.
		"fill": func(percent int) string {
			if e != PostgreSQL {
				return ""
			}
			return fmt.Sprintf(" WITH (fillfactor = %d)", percent)
		},
		// clustered keeps small rows in the tree of their key.
		"clustered": func() string {
			if e != SQLite {
				return ""
			}
			return " WITHOUT ROWID"
		},
	}
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{}
	for _, name := range names {
		t, err := template.New(path.Base(name)).Funcs(funcs).ParseFS(migrationFiles, name)
		if err != nil {
			return nil, fmt.Errorf("parsing migration %s: %w", name, err)
		}
		var text bytes.Buffer
		if err := t.Execute(&text, words); err != nil {
			return nil, fmt.Errorf("filling in migration %s: %w", name, err)
		}
		out[path.Base(name)] = &fstest.MapFile{Data: text.Bytes()}
	}
	return out, nil
}

func (d *pgDB) migrate(ctx context.Context) error {
	db := stdlib.OpenDBFromPool(d.pool)
	defer db.Close()
	return migrate(ctx, d.kind, db)
}

func (d *liteDB) migrate(ctx context.Context) error { return migrate(ctx, SQLite, d.pool) }
