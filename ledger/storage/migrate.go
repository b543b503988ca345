package storage

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path"
	"sync"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	goosedb "github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// schema is a set of tables with its own series of versions.
type schema struct {
	files    fs.FS              // goose migrations below migrations/, as templates: see rendered
	versions string             // the table of applied versions
	moves    []*goose.Migration // those that are programs
	leased   bool               // table lease says who relies on the tables as they are
}

const ourVersions = "schema_version"

// ours is the schema of this package.
var ours = schema{migrationFiles, ourVersions, []*goose.Migration{fillHistories()}, true}

// version is the newest that this program knows of ours.
var version = sync.OnceValues(func() (newest int64, err error) {
	for _, m := range ours.moves {
		newest = max(newest, m.Version)
	}
	names, err := fs.Glob(ours.files, "migrations/*.sql")
	for _, name := range names {
		n, wrong := goose.NumericComponent(name)
		newest, err = max(newest, n), errors.Join(err, wrong)
	}
	return newest, err
})

// migrate brings a schema up to date. Several replicas may do so at once: every statement is
// idempotent and a migration is one transaction together with its version row, so of two that
// collide one fails and, tried again, finds the work done. No advisory locks: CockroachDB has none.
func migrate(ctx context.Context, e Engine, db *sql.DB, of schema) error {
	files, err := fs.Sub(of.files, "migrations")
	if err != nil {
		return fmt.Errorf("finding the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, rendered{files, e},
		goose.WithStore(versionStore{of.versions}), goose.WithGoMigrations(of.moves...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	const tries = 20
	for try := 1; ; try++ {
		err = up(ctx, e, db, provider, of)
		if err == nil || errors.Is(err, ErrNewerSchema) || errors.As(err, new(*InUseError)) || try == tries || ctx.Err() != nil {
			return err
		}
		// A collision is a different error on each engine (23505 on a catalogue, 42P07, 40001,
		// SQLITE_BUSY), so everything is tried again, after a delay that differs between replicas.
		select {
		case <-time.After(time.Duration(try) * (time.Millisecond + rand.N(20*time.Millisecond))):
		case <-ctx.Done():
		}
	}
}

func up(ctx context.Context, e Engine, db *sql.DB, p *goose.Provider, of schema) error {
	store := versionStore{of.versions}
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
		return newer(current, target)
	}
	if current == target {
		return nil
	}
	if current > 0 && of.leased { // by servers of an older program, which would write rows without what ours rely on
		if err := leased(ctx, e, db); err != nil {
			return fmt.Errorf("the tables have version %d, and version %d cannot come beside other programs: %w", current, target, err)
		}
	}
	if current > 0 {
		slog.InfoContext(ctx, "the tables of the database are brought up to date, which can take minutes",
			"table", store.table, "from", current, "to", target)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	return nil
}

// rendered is a directory of migrations as one engine spells them: a file that is opened is a
// template that has been filled in.
type rendered struct {
	fs.FS
	engine Engine
}

// Open implements fs.FS.
func (r rendered) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return f, err
	}
	t, err := template.New(name).Funcs(r.funcs()).ParseFS(r.FS, name)
	var text bytes.Buffer
	if err == nil {
		err = t.Execute(&text, r.words())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("filling in migration %s: %w", name, err), f.Close())
	}
	return renderedFile{f, &text}, nil
}

// renderedFile is a template's file with the filled-in text for its content.
type renderedFile struct {
	fs.File
	text *bytes.Buffer
}

// Read implements fs.File.
func (f renderedFile) Read(p []byte) (int, error) { return f.text.Read(p) }

// words returns the names that the engines spell differently.
func (r rendered) words() any {
	words := struct {
		Int, Bytes string
		Postgres   bool
	}{"INT8", "BYTEA", r.engine == PostgreSQL}
	if r.engine == SQLite {
		// Exactly INTEGER makes a primary key the row's own number, without an index.
		words.Int, words.Bytes = "INTEGER", "BLOB"
	}
	return words
}

// funcs returns the table options that only one engine has.
func (r rendered) funcs() template.FuncMap {
	return template.FuncMap{
		// fill leaves room on each page for new versions of rows that change often.
		"fill": func(percent int) string {
			if r.engine != PostgreSQL {
				return ""
			}
			return fmt.Sprintf(" WITH (fillfactor = %d)", percent)
		},
		// clustered keeps small rows in the tree of their key.
		"clustered": func() string {
			if r.engine != SQLite {
				return ""
			}
			return " WITHOUT ROWID"
		},
	}
}

func (d *pgDB) migrate(ctx context.Context, of schema) error {
	db := stdlib.OpenDBFromPool(d.pool)
	defer db.Close()
	return migrate(ctx, d.kind, db, of)
}

func (d *liteDB) migrate(ctx context.Context, of schema) error {
	return migrate(ctx, SQLite, d.pool, of)
}
