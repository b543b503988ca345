package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/trillian"
	"github.com/google/trillian/log"
	"k8s.io/klog/v2"
)

// Engine is the kind of database behind a Storage.
type Engine string

// The supported engines.
const (
	SQLite      Engine = "sqlite"
	PostgreSQL  Engine = "postgresql"
	CockroachDB Engine = "cockroachdb"
)

// Storage keeps logs in one database. It is safe for concurrent use, and any number of Storages, in
// any number of processes, may share a database: the database orders them.
type Storage struct {
	db    database
	tiles *tileCache
	trees sync.Map // Trillian's tree id (int64) → TreeNumber; both never change
	sizes sync.Map // TreeNumber → largest committed size seen (uint64): sizes never shrink

	appendTimeout time.Duration // of each round trip of an append; 0: statementTimeout
}

// quiet prepares Trillian's sequencing code, once per process. Its metrics must exist. It also logs
// every batch by klog, which would print to stderr; nothing is lost, as it also returns what it
// logs.
var quiet = sync.OnceFunc(func() {
	log.InitMetrics(nil)
	klog.SetLogger(logr.Discard())
})

// ErrURL is that Open was given something else than one of the forms that it lists.
var ErrURL = errors.New("a database URL must begin with sqlite:, postgres:// or cockroachdb://")

// Open connects to a database that Create has prepared, brings its tables up to date (safe with
// several replicas at once) and returns the Storage. It makes no database: where there is no file,
// or a server's database has none of our tables, it returns ErrNoDatabase and leaves nothing
// behind.
//
//	sqlite:PATH                     a file, WAL, synchronous=FULL
//	sqlite::memory:                 in memory, new each time, removed by Close, not durable
//	postgres://, postgresql://      PostgreSQL or CockroachDB, whichever answers
//	cockroachdb://                  the same, and an error if it is not CockroachDB
func Open(ctx context.Context, dsn string) (*Storage, error) {
	quiet()
	return open(ctx, dsn, ours, false)
}

// Create is Open for a database that need not have our tables yet: it makes them and, for SQLite,
// the file and its folder, which only their owner can read. On CockroachDB it also switches on the
// collection of statistics. If it fails midway, it can be called again.
func Create(ctx context.Context, dsn string) (*Storage, error) {
	quiet()
	s, err := open(ctx, dsn, ours, true)
	if err != nil {
		return nil, err
	}
	if err := s.collect(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Tables are tables other than those of logs, in a database of their own: migrations as templates
// below migrations/, and the name of the table that holds their versions.
type Tables struct {
	Files    fs.FS
	Versions string
}

// Open is like the function Open.
func (t Tables) Open(ctx context.Context, dsn string) (*Storage, error) {
	return open(ctx, dsn, schema{t.Files, t.Versions, nil, false}, false)
}

// Create is like the function Create.
func (t Tables) Create(ctx context.Context, dsn string) (*Storage, error) {
	return open(ctx, dsn, schema{t.Files, t.Versions, nil, false}, true)
}

func open(ctx context.Context, dsn string, tables schema, create bool) (*Storage, error) {
	db, err := connect(ctx, dsn, tables, create)
	if errors.Is(err, ErrNoDatabase) || errors.Is(err, ErrURL) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("storage: opening: %w", unavailable(ctx, err))
	}
	return newStorage(db), nil
}

func connect(ctx context.Context, dsn string, tables schema, create bool) (database, error) {
	var db database
	scheme, _, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "sqlite":
		path := sqlitePath(dsn)
		if !create && path != inMemory { // before it is opened, which would make what is missing
			if err := existingSQLite(ctx, path, tables.versions); err != nil {
				return nil, err
			}
		}
		lite, err := openSQLite(ctx, path)
		if err != nil {
			return nil, err
		}
		db = lite
	case "postgres", "postgresql", "cockroachdb":
		pg, err := openPG(ctx, dsn)
		if err != nil {
			return nil, err
		}
		if scheme == "cockroachdb" && pg.kind != CockroachDB {
			err = fmt.Errorf("the URL is for CockroachDB, but the server is %s", pg.kind)
		} else if !create {
			err = pg.existing(ctx, tables.versions)
		}
		if err != nil {
			return nil, errors.Join(err, pg.close())
		}
		db = pg
	default:
		return nil, ErrURL
	}
	if err := db.migrate(ctx, tables); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func newStorage(db database) *Storage {
	s := &Storage{db: db, tiles: newTileCache(maxCachedTiles)}
	if db.engine() == CockroachDB {
		s.appendTimeout = appendTimeout
	}
	return s
}

// Close ends all connections.
func (s *Storage) Close() error { return s.db.close() }

// Engine returns the kind of database.
func (s *Storage) Engine() Engine { return s.db.engine() }

// Size returns the size of the database in bytes. It is not known while CockroachDB keeps all of a
// young database in a range that it shares with others: its ranges are split later.
func (s *Storage) Size(ctx context.Context) (n uint64, known bool, err error) {
	n, err = s.db.size(ctx)
	return n, err == nil && n > 0, s.wrap(ctx, "measuring the database", err)
}

// CheckDatabaseAccessible returns nil if the database answers.
func (s *Storage) CheckDatabaseAccessible(ctx context.Context) error {
	var one int64
	err := s.Read(ctx, Op{SQL: "SELECT 1", Scan: func(scan func(...any) error) error { return scan(&one) }})
	return s.wrap(ctx, "reaching the database", err)
}

// Read runs statements outside a transaction, again if a connection was lost.
func (s *Storage) Read(ctx context.Context, ops ...Op) error {
	return update(ctx, func(ctx context.Context) error { return s.db.read(ctx, ops...) })
}

// Transact runs f in a transaction and commits it together with the statements that f returns. f
// runs again, in a new transaction, after a conflict or a lost connection: it must not keep state
// between runs, and must begin by looking up what it is about to store. If f returns an error, the
// transaction is rolled back.
func (s *Storage) Transact(ctx context.Context, f func(ctx context.Context, run Runner) ([]Op, error)) error {
	return update(ctx, s.transaction(f))
}

// TransactOnce is Transact for an f that cannot tell whether it was already done. It is not run
// again after a lost connection: ErrUnavailable then means that the outcome is unknown.
func (s *Storage) TransactOnce(ctx context.Context, f func(ctx context.Context, run Runner) ([]Op, error)) error {
	return updateOnce(ctx, s.transaction(f))
}

// transaction returns a function that is one run of Transact.
func (s *Storage) transaction(f func(context.Context, Runner) ([]Op, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		t, err := s.db.begin(ctx)
		if err != nil {
			return err
		}
		defer t.rollback()
		ops, err := f(ctx, t.do)
		if err != nil {
			return err
		}
		return t.commit(ctx, ops...)
	}
}

// Migrate brings the tables of a package above this one up to date, as Open does for this
// package's: files holds goose migrations below migrations/, as templates (see
// migrations/00001_tables.sql), and versions names the table of the applied ones.
func (s *Storage) Migrate(ctx context.Context, files fs.FS, versions string) error {
	return s.wrap(ctx, "migrating", s.db.migrate(ctx, schema{files, versions, nil, false}))
}

func (s *Storage) wrap(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("storage: %s: %w", doing, unavailable(ctx, err))
}

// indexBits is the number of bits of a place that hold the index within its tree.
const indexBits = 40

// MaxLeaves is the most leaves that a tree can hold, about 10^12.
const MaxLeaves = 1 << indexBits

// TreeNumber is a tree's primary key, which is never used again. It is below 2^22. Every stored key
// begins with one, and Trillian's own ids are too long for that.
type TreeNumber int64

// Place returns where a leaf is stored: tree and index in one number, tree * 2^40 + index. index
// may be one more than the last.
func (n TreeNumber) Place(index uint64) int64 { return int64(n)<<indexBits | int64(index) }

// treePrefix is the number of bytes of a stored key that hold its tree's number.
const treePrefix = 3

// Key returns a key as it is stored: the tree's number and key.
func (n TreeNumber) Key(key []byte) []byte {
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n)}, key...)
}

// Number returns a tree's number.
func (s *Storage) Number(ctx context.Context, tree *trillian.Tree) (TreeNumber, error) {
	id := tree.GetTreeId()
	if n, ok := s.trees.Load(id); ok {
		return n.(TreeNumber), nil
	}
	var num int64
	err := s.Read(ctx, Op{SQL: "SELECT num FROM tree WHERE id = $1", Args: []any{id},
		Scan: func(scan func(...any) error) error { return scan(&num) }})
	if err == nil && num == 0 {
		err = fmt.Errorf("%w: tree %d", ErrNotFound, id)
	}
	if err != nil {
		return 0, err
	}
	s.trees.Store(id, TreeNumber(num))
	return TreeNumber(num), nil
}
