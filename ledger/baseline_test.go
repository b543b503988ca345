package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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

	"igledger/internal/testdb"
	"igledger/ledger/storage"
)

// until says what a client of the stock log waits for before it queues its next leaf.
type until int

const (
	queued     until = iota // Trillian's promise to integrate, some day
	integrated              // in the tree, as our entries are when they are answered
	proved                  // and the client has the inclusion proof, as ours has by its receipt
)

// BenchmarkStockCRDB is Trillian's stock provider storage/crdb alone: 256 clients hand in one leaf
// at a time, Trillian's signer integrates. One operation is one leaf; it counts when it is
// integrated, whatever its client waits for.
func BenchmarkStockCRDB(b *testing.B) {
	printConditions()
	for _, load := range []struct {
		name string
		wait until
	}{{"queued", queued}, {"integrated", integrated}, {"proved", proved}} {
		b.Run(load.name, func(b *testing.B) {
			testdb.EachB(b, func(b *testing.B, dsn string) {
				s := openStock(b, dsn).newLog()
				records := madeUp(b.N)
				b.ResetTimer()
				m := s.run(records, 256, load.wait)
				b.StopTimer()
				s.check(b.N)
				b.ReportMetric(m.rate(), "leaves/s")
				b.ReportMetric(m.percentile(0.50), "p50-ms")
				b.ReportMetric(m.percentile(0.99), "p99-ms")
				b.ReportMetric(float64(s.retries.Load()), "retries")
			})
		})
	}
}

// BenchmarkAgainstStock has our ledger and the stock provider take the same leaves with the same
// encrypted openings, 256 clients of one each, in one database in turns. Ours does all its work
// (see BenchmarkAppend); the stock provider gets leaves that are already sealed, and signs no
// checkpoint. Like for like is ratio-proved, as our clients leave with a receipt; ratio-integrated
// spares the stock provider the proofs, and ratio-queued also its clients' waiting.
//
// One run (-benchtime 1x) takes less than two minutes on any engine: where the stock provider is
// slow, as on CockroachDB, it and ours get fewer leaves.
func BenchmarkAgainstStock(b *testing.B) {
	const rounds, most, clients = 3, 5_000, 256
	const each = 6 // seconds that a load of the stock provider takes, about
	printConditions()
	testdb.EachB(b, func(b *testing.B, dsn string) {
		var logs [3]*stock
		var theirs [3]measured
		var ours measured
		trillian := openStock(b, dsn)
		for i := range logs {
			logs[i] = trillian.newLog()
		}
		trial := trillian.newLog().run(madeUp(clients), clients, proved)
		entries := min(most, max(2*clients, int(trial.rate()*each)))
		w := newWorld(b, dsn)
		c := newCrowd(w, clients, entries)
		for range b.N * rounds { // one operation is the whole comparison
			first := w.logSize()
			m := c.send(c.sign(entries), 1)
			c.check(m)
			ours.add(m)
			records := w.records(first, uint64(entries))
			for i, s := range logs {
				theirs[i].add(s.run(records, clients, until(i)))
			}
		}
		w.replay()
		b.ReportMetric(ours.rate(), "entries/s")
		for i, suffix := range []string{"-queued", "-integrated", "-proved"} {
			logs[i].check(theirs[i].entries)
			b.ReportMetric(theirs[i].rate(), "stock/s"+suffix)
			b.ReportMetric(ours.rate()/theirs[i].rate(), "ratio"+suffix)
		}
		b.ReportMetric(float64(trillian.retries.Load()), "stock-retries")
		b.ReportMetric(0, "ns/op")
	})
}

// add sums loads. It keeps only rates and times.
func (m *measured) add(n measured) {
	m.entries, m.took, m.cpu = m.entries+n.entries, m.took+n.took, m.cpu+n.cpu
}

// records returns n leaves of the log as stored.
func (w *world) records(first, n uint64) []storage.Record {
	w.t.Helper()
	tree, err := w.store.FindTree(w.ctx, origin)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []storage.Record
	for uint64(len(all)) < n {
		got, err := w.store.Records(w.ctx, tree, first+uint64(len(all)), min(1000, n-uint64(len(all))))
		if err != nil || len(got) == 0 {
			w.t.Fatalf("reading %d entries back: %d, then %v", n, len(all), err)
		}
		all = append(all, got...)
	}
	return all
}

// trillianServer is Trillian v1.8 as its operators run it: a log server that queues and proves and
// a log signer that integrates, each with connections of its own, here without the gRPC between
// them.
type trillianServer struct {
	b               *testing.B
	ctx             context.Context
	admin           trillianstorage.AdminStorage
	queuing, signer trillianstorage.LogStorage
	rpc             *server.TrillianLogRPCServer // for proofs
	readers         chan struct{}                // holds a token for each proof under way
	retries         atomic.Int64                 // transactions the database asked to begin again
}

// stock is a log of it.
type stock struct {
	*trillianServer
	tree *trillian.Tree
	size atomic.Int64
}

const stockPackage = "github.com/google/trillian/storage/crdb"

// openStock makes the stock provider's tables in dsn. It skips on SQLite, for which Trillian has
// none.
//
// The schema is the module's own file. PostgreSQL calls CockroachDB's BYTES BYTEA; nothing else
// differs. Transactions run at the database's default, as the provider asks for nothing: on
// PostgreSQL that is READ COMMITTED, where it is faster than at SERIALIZABLE.
func openStock(b *testing.B, dsn string) *trillianServer {
	b.Helper()
	if strings.HasPrefix(dsn, "sqlite:") {
		b.Skip("Trillian's stock storage/crdb does not speak SQLite")
	}
	trillianlog.InitMetrics(nil) // IntegrateBatch writes to them
	u, err := url.Parse(dsn)
	if err != nil {
		b.Fatal(err)
	}
	if q := u.Query(); !q.Has("sslmode") { // lib/pq would insist on TLS
		q.Set("sslmode", "disable")
		u.RawQuery = q.Encode()
	}
	open := func(connections int) (trillianstorage.LogStorage, trillianstorage.AdminStorage) {
		db, err := crdb.OpenDB(u.String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		db.SetMaxOpenConns(connections) // the flags crdb_max_conns and crdb_max_idle_conns
		db.SetMaxIdleConns(connections)
		return crdb.NewLogStorage(db, nil), crdb.NewSQLAdminStorage(db)
	}
	admin, err := crdb.OpenDB(u.String())
	if err != nil {
		b.Fatal(err)
	}
	defer admin.Close()
	var version string
	if err := admin.QueryRow("SELECT version()").Scan(&version); err != nil {
		b.Fatal(err)
	}
	schema := stockSchema(b)
	if strings.HasPrefix(version, "PostgreSQL") {
		schema = strings.ReplaceAll(schema, " BYTES", " BYTEA")
	}
	if _, err := admin.Exec(schema); err != nil {
		b.Fatalf("making the stock provider's tables: %v", err)
	}
	s := &trillianServer{b: b, ctx: b.Context()}
	s.queuing, s.admin = open(stockConnections)
	s.signer, _ = open(4)
	// The provider prepares statements on a second connection while its transaction holds the
	// first, under a lock: if transactions hold the whole pool, it is blocked for ever. So there
	// are always more connections than readers.
	s.readers = make(chan struct{}, stockReaders)
	reads, admins := open(cap(s.readers) + 4)
	s.rpc = server.NewTrillianLogRPCServer(extension.Registry{LogStorage: reads, AdminStorage: admins,
		QuotaManager: quota.Noop()}, clock.System)
	return s
}

// newLog makes an empty log.
func (t *trillianServer) newLog() *stock {
	t.b.Helper()
	tree, err := trillianstorage.CreateTree(t.ctx, t.admin,
		&trillian.Tree{TreeState: trillian.TreeState_ACTIVE, TreeType: trillian.TreeType_LOG,
			MaxRootDuration: durationpb.New(0)})
	if err != nil {
		t.b.Fatal(err)
	}
	err = t.signer.ReadWriteTransaction(t.ctx, tree, func(ctx context.Context, tx trillianstorage.LogTreeTX) error {
		root, err := (&types.LogRootV1{RootHash: rfc6962.DefaultHasher.EmptyRoot(),
			TimestampNanos: uint64(time.Now().UnixNano())}).MarshalBinary()
		if err != nil {
			return err
		}
		return tx.StoreSignedLogRoot(ctx, &trillian.SignedLogRoot{LogRoot: root})
	})
	if err != nil {
		t.b.Fatal(err)
	}
	return &stock{trillianServer: t, tree: tree}
}

// What Trillian's operators set: connections of the log server, with which the provider was fastest
// here (8 to 128 tried), how many of them read, and the log signer's batch size, here its default.
const (
	stockConnections = 16
	stockReaders     = 8
	stockBatch       = 1000
)

func stockSchema(b *testing.B) string {
	b.Helper()
	p, err := build.Import(stockPackage, ".", build.FindOnly)
	if err != nil {
		b.Skipf("the sources of %s are not at hand: %v", stockPackage, err)
	}
	schema, err := os.ReadFile(filepath.Join(p.Dir, "schema", "storage.sql"))
	if err != nil {
		b.Fatal(err)
	}
	return string(schema)
}

// run makes clients queue the records, one at a time each, while the signer integrates. It returns
// when all are integrated. The clients wake the signer: Trillian's own, which polls, is no faster.
func (s *stock) run(records []storage.Record, clients int, wait until) measured {
	s.b.Helper()
	m := measured{entries: len(records), calls: make([]time.Duration, len(records))}
	var mu sync.Mutex
	pass := make(chan struct{}) // the end of the signer's next pass: it takes all that is queued before it begins
	wake := make(chan struct{}, 1)
	var next atomic.Int64
	var under sync.WaitGroup
	g, ctx := errgroup.WithContext(s.ctx)
	start, cpu := time.Now(), cpuTime()
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
				if wait >= integrated {
					select {
					case <-passed:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				if wait == proved {
					if err := s.prove(ctx, records[i]); err != nil {
						return err
					}
				}
				m.calls[i] = time.Since(began)
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
	m.took, m.cpu = time.Since(start), cpuTime()-cpu
	if err == nil && done != len(records) {
		err = fmt.Errorf("%d of %d leaves were integrated", done, len(records))
	}
	if err != nil {
		s.b.Fatal(err)
	}
	slices.Sort(m.calls)
	return m
}

func (s *stock) queue(ctx context.Context, r storage.Record) error {
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
func (s *stock) prove(ctx context.Context, r storage.Record) error {
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
func (s *stock) integrate(ctx context.Context) (n int, err error) {
	err = s.again(func() error {
		n, err = trillianlog.IntegrateBatch(ctx, s.tree, stockBatch, 0, 0, clock.System, s.signer, quota.Noop())
		return err
	})
	return n, err
}

// again repeats f while the database says that its transaction conflicts with another. The provider
// does not do this.
func (t *trillianServer) again(f func() error) error {
	for {
		err := f()
		var state interface{ SQLState() string }
		lost := err != nil && (errors.As(err, &state) && slices.Contains([]string{"40001", "40P01"}, state.SQLState()) ||
			strings.Contains(err.Error(), "restart transaction") ||
			strings.Contains(err.Error(), "could not serialize")) // IntegrateBatch keeps only the text
		if !lost {
			return err
		}
		t.retries.Add(1)
	}
}

// check reads the log back and recomputes its root.
func (s *stock) check(want int) {
	b := s.b
	b.Helper()
	tx, err := s.queuing.SnapshotForTree(s.ctx, s.tree)
	if err != nil {
		b.Fatal(err)
	}
	defer tx.Close()
	signed, err := tx.LatestSignedLogRoot(s.ctx)
	if err != nil {
		b.Fatal(err)
	}
	var root types.LogRootV1
	if err := root.UnmarshalBinary(signed.LogRoot); err != nil {
		b.Fatal(err)
	}
	leaves := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for leaves.End() < root.TreeSize {
		got, err := tx.GetLeavesByRange(s.ctx, int64(leaves.End()), 1000)
		if err != nil || len(got) == 0 {
			b.Fatalf("reading the stock log: %d leaves, then %v", leaves.End(), err)
		}
		for _, l := range got {
			if err := leaves.Append(rfc6962.DefaultHasher.HashLeaf(l.LeafValue), nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	computed, err := leaves.GetRootHash(nil)
	if err != nil || root.TreeSize != uint64(want) || string(computed) != string(root.RootHash) {
		b.Fatalf("the stock log has %d leaves, want %d, and says root %x, its leaves %x: %v", root.TreeSize, want, root.RootHash, computed, err)
	}
}
