// Package stock runs Trillian's stock storage provider, storage/crdb, as its operators run it, to
// compare the ledger against it. Nothing else of the ledger uses it.
package stock

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	trillianlog "github.com/google/trillian/log"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	trillianstorage "github.com/google/trillian/storage"
	"github.com/google/trillian/storage/crdb"
	"github.com/google/trillian/trees"
	"github.com/google/trillian/types"
	"github.com/google/trillian/util/clock"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/durationpb"

	"igledger/ledger/storage"
)

// ErrNoEngine is that the stock provider does not speak a database's language: it knows no SQLite.
var ErrNoEngine = errors.New("the stock provider, Trillian's storage/crdb, needs PostgreSQL or CockroachDB")

// ErrNoSchema is that the provider's tables are not at hand: they are a file of its module.
var ErrNoSchema = errors.New("the sources of github.com/google/trillian/storage/crdb, which hold its tables, are not at hand")

// Wait says what a client of the stock log waits for before it queues its next leaf.
type Wait int

const (
	Queued     Wait = iota // Trillian's promise to integrate, some day
	Integrated             // in the tree, as our entries are when they are answered
	Proved                 // and the client has the inclusion proof, as ours has by its receipt
)

// Result is a load's measurements.
type Result struct {
	Entries int
	Took    time.Duration
	Calls   []time.Duration // of each leaf, sorted
}

// Server is Trillian v1.8 as its operators run it: a log server that queues and proves and a log
// signer that integrates, each with connections of its own, here without the gRPC between them.
type Server struct {
	close           []func() error
	admin           trillianstorage.AdminStorage
	queuing, signer trillianstorage.LogStorage
	rpc             *server.TrillianLogRPCServer // for proofs
	readers         chan struct{}                // holds a token for each proof under way
	retries         atomic.Int64                 // transactions the database asked to begin again
}

// Log is a log of it.
type Log struct {
	*Server
	tree *trillian.Tree
	size atomic.Int64
}

// Open makes the stock provider's tables in dsn. The errors are ErrNoEngine and ErrNoSchema,
// besides those of the database.
//
// The schema is the module's own file. PostgreSQL calls CockroachDB's BYTES BYTEA; nothing else
// differs. Transactions run at the database's default, as the provider asks for nothing: on
// PostgreSQL that is READ COMMITTED, where it is faster than at SERIALIZABLE.
func Open(ctx context.Context, dsn string) (_ *Server, err error) {
	if strings.HasPrefix(dsn, "sqlite:") {
		return nil, ErrNoEngine
	}
	trillianlog.InitMetrics(nil) // IntegrateBatch writes to them
	u, err := url.Parse(strings.Replace(dsn, "cockroachdb://", "postgres://", 1))
	if err != nil {
		return nil, err
	}
	if q := u.Query(); !q.Has("sslmode") { // lib/pq would insist on TLS
		q.Set("sslmode", "disable")
		u.RawQuery = q.Encode()
	}
	s := &Server{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := makeTables(ctx, u.String()); err != nil {
		return nil, err
	}
	open := func(connections int) (trillianstorage.LogStorage, trillianstorage.AdminStorage, error) {
		db, err := crdb.OpenDB(u.String())
		if err != nil {
			return nil, nil, err
		}
		s.close = append(s.close, db.Close)
		db.SetMaxOpenConns(connections) // the flags crdb_max_conns and crdb_max_idle_conns
		db.SetMaxIdleConns(connections)
		return crdb.NewLogStorage(db, nil), crdb.NewSQLAdminStorage(db), nil
	}
	if s.queuing, s.admin, err = open(stockConnections); err != nil {
		return nil, err
	}
	if s.signer, _, err = open(4); err != nil {
		return nil, err
	}
	// The provider prepares statements on a second connection while its transaction holds the
	// first, under a lock: if transactions hold the whole pool, it is blocked for ever. So there
	// are always more connections than readers.
	s.readers = make(chan struct{}, stockReaders)
	reads, admins, err := open(cap(s.readers) + 4)
	if err != nil {
		return nil, err
	}
	s.rpc = server.NewTrillianLogRPCServer(extension.Registry{LogStorage: reads, AdminStorage: admins,
		QuotaManager: quota.Noop()}, clock.System)
	return s, nil
}

// Close closes the connections. The tables stay.
func (s *Server) Close() error {
	var all []error
	for _, c := range s.close {
		all = append(all, c())
	}
	return errors.Join(all...)
}

// Retries returns how many transactions the database asked to begin again.
func (s *Server) Retries() int64 { return s.retries.Load() }

func makeTables(ctx context.Context, dsn string) error {
	schema, err := schema()
	if err != nil {
		return err
	}
	db, err := crdb.OpenDB(dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	var version string
	if err := db.QueryRowContext(ctx, "SELECT version()").Scan(&version); err != nil {
		return err
	}
	if strings.HasPrefix(version, "PostgreSQL") {
		schema = strings.ReplaceAll(schema, " BYTES", " BYTEA")
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("making the stock provider's tables: %w", err)
	}
	return nil
}

// NewLog makes an empty log.
func (s *Server) NewLog(ctx context.Context) (*Log, error) {
	tree, err := trillianstorage.CreateTree(ctx, s.admin,
		&trillian.Tree{TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_LOG,
			MaxRootDuration: durationpb.New(0)})
	if err != nil {
		return nil, err
	}
	err = s.signer.ReadWriteTransaction(ctx, tree, func(ctx context.Context, tx trillianstorage.LogTreeTX) error {
		root, err := (&types.LogRootV1{RootHash: rfc6962.DefaultHasher.EmptyRoot(),
			TimestampNanos: uint64(time.Now().UnixNano())}).MarshalBinary()
		if err != nil {
			return err
		}
		return tx.StoreSignedLogRoot(ctx, &trillian.SignedLogRoot{LogRoot: root})
	})
	if err != nil {
		return nil, err
	}
	return &Log{Server: s, tree: tree}, nil
}

// What Trillian's operators set: connections of the log server, with which the provider was fastest
// here (8 to 128 tried), how many of them read, and the log signer's batch size, here its default.
const (
	stockConnections = 16
	stockReaders     = 8
	stockBatch       = 1000
)

// schema reads the provider's tables: below the checkout's module, or else from the module cache,
// in the version with which this program was built.
func schema() (string, error) {
	const module, file = "github.com/google/trillian", "storage/crdb/schema/storage.sql"
	var places []string
	if p, err := build.Import(module, ".", build.FindOnly); err == nil {
		places = append(places, p.Dir)
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		cache := os.Getenv("GOMODCACHE")
		if cache == "" {
			cache = filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
		}
		for _, m := range info.Deps {
			if m.Path == module {
				places = append(places, filepath.Join(cache, module+"@"+m.Version))
			}
		}
	}
	for _, dir := range places {
		if text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file))); err == nil {
			return string(text), nil
		}
	}
	return "", ErrNoSchema
}

// Run makes clients queue the records, one at a time each, while the signer integrates. It returns
// when all are integrated. The clients wake the signer: Trillian's own, which polls, is no faster.
func (s *Log) Run(ctx context.Context, records []storage.Record, clients int, wait Wait) (Result, error) {
	m := Result{Entries: len(records), Calls: make([]time.Duration, len(records))}
	var mu sync.Mutex
	pass := make(chan struct{}) // the end of the signer's next pass: it takes all that is queued before it begins
	wake := make(chan struct{}, 1)
	var next atomic.Int64
	var under sync.WaitGroup
	g, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for range clients {
		under.Add(1)
		g.Go(func() error {
			defer under.Done()
			for i := int(next.Add(1)) - 1; i < len(records); i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := s.queue(ctx, records[i]); err != nil {
					return err
				}
				mu.Lock()
				passed := pass
				mu.Unlock()
				select {
				case wake <- struct{}{}:
				default:
				}
				if wait >= Integrated {
					select {
					case <-passed:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				if wait == Proved {
					if err := s.prove(ctx, records[i]); err != nil {
						return err
					}
				}
				m.Calls[i] = time.Since(began)
			}
			return nil
		})
	}
	go func() {
		under.Wait()
		close(wake)
	}()
	done := 0
	g.Go(func() error {
		for range wake {
			mu.Lock()
			this := pass
			pass = make(chan struct{})
			mu.Unlock()
			for n := stockBatch; n == stockBatch; done += n {
				var err error
				if n, err = s.integrate(ctx); err != nil {
					return err
				}
				s.size.Add(int64(n))
			}
			close(this)
		}
		return nil
	})
	err := g.Wait()
	m.Took = time.Since(start)
	if err == nil && done != len(records) {
		err = fmt.Errorf("%d of %d leaves were integrated", done, len(records))
	}
	slices.Sort(m.Calls)
	return m, err
}

func (s *Log) queue(ctx context.Context, r storage.Record) error {
	leaf := &trillian.LogLeaf{LeafValue: r.Value, ExtraData: r.Extra, LeafIdentityHash: r.Identity[:],
		MerkleLeafHash: rfc6962.DefaultHasher.HashLeaf(r.Value)}
	return s.again(func() error {
		got, err := s.queuing.QueueLeaves(ctx, s.tree, []*trillian.LogLeaf{leaf}, time.Now())
		if err == nil && got[0].Status != nil {
			err = fmt.Errorf("queueing a leaf: %v", got[0].Status)
		}
		return err
	})
}

// prove fetches a leaf's inclusion proof from Trillian's log server, which need not look up the
// tree or report its size.
func (s *Log) prove(ctx context.Context, r storage.Record) error {
	s.readers <- struct{}{}
	defer func() { <-s.readers }()
	request := &trillian.GetInclusionProofByHashRequest{LogId: s.tree.TreeId,
		LeafHash: rfc6962.DefaultHasher.HashLeaf(r.Value), TreeSize: s.size.Load()}
	return s.again(func() error {
		got, err := s.rpc.GetInclusionProofByHash(trees.NewContext(ctx, s.tree), request)
		if err == nil {
			p := got.Proof[0]
			var root types.LogRootV1
			if err = root.UnmarshalBinary(got.SignedLogRoot.LogRoot); err == nil &&
				root.TreeSize == uint64(request.TreeSize) { // else a later pass overtook
				err = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(p.LeafIndex), root.TreeSize, request.LeafHash, p.Hashes, root.RootHash)
			}
		}
		return err
	})
}

// integrate runs Trillian's sequencer once, without a guard window.
func (s *Log) integrate(ctx context.Context) (n int, err error) {
	err = s.again(func() error {
		n, err = trillianlog.IntegrateBatch(ctx, s.tree, stockBatch, 0, 0, clock.System, s.signer, quota.Noop())
		return err
	})
	return n, err
}

// again repeats f while the database says that its transaction conflicts with another. The provider
// does not do this.
func (s *Server) again(f func() error) error {
	for {
		err := f()
		var state interface{ SQLState() string }
		lost := err != nil && (errors.As(err, &state) && slices.Contains([]string{"40001", "40P01"}, state.SQLState()) ||
			strings.Contains(err.Error(), "restart transaction") ||
			strings.Contains(err.Error(), "could not serialize")) // IntegrateBatch keeps only the text
		if !lost {
			return err
		}
		s.retries.Add(1)
	}
}

// Check reads the log back and recomputes its root: it must have want leaves.
func (s *Log) Check(ctx context.Context, want int) error {
	tx, err := s.queuing.SnapshotForTree(ctx, s.tree)
	if err != nil {
		return err
	}
	defer tx.Close()
	signed, err := tx.LatestSignedLogRoot(ctx)
	if err != nil {
		return err
	}
	var root types.LogRootV1
	if err := root.UnmarshalBinary(signed.LogRoot); err != nil {
		return err
	}
	leaves := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for leaves.End() < root.TreeSize {
		got, err := tx.GetLeavesByRange(ctx, int64(leaves.End()), 1000)
		if err != nil || len(got) == 0 {
			return fmt.Errorf("reading the stock log: %d leaves, then %w", leaves.End(), err)
		}
		for _, l := range got {
			if err := leaves.Append(rfc6962.DefaultHasher.HashLeaf(l.LeafValue), nil); err != nil {
				return err
			}
		}
	}
	computed, err := leaves.GetRootHash(nil)
	if err != nil || root.TreeSize != uint64(want) || string(computed) != string(root.RootHash) {
		return fmt.Errorf("the stock log has %d leaves, want %d, and says root %x, its leaves %x: %w", root.TreeSize, want,
			root.RootHash, computed, err)
	}
	return nil
}
