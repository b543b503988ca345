package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"igledger/internal/testdb"
)

func TestSideData(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, someLeaves("w", 0, 3))
		if err := s.SetExtra(ctx, tree, 1, []byte("erased")); err != nil {
			t.Fatal(err)
		}
		if err := s.SetExtra(ctx, tree, 2, nil); err != nil {
			t.Fatal(err)
		}
		if err := s.SetExtra(ctx, tree, 3, nil); !isNotFound(err) {
			t.Fatalf("SetExtra beyond the log: %v", err)
		}
		for i, want := range []string{"opening of w 0", "erased", ""} {
			r, err := s.Record(ctx, tree, uint64(i))
			if err != nil || string(r.Extra) != want {
				t.Fatalf("extra of leaf %d is %q, %v", i, r.Extra, err)
			}
		}
		if _, err := s.Record(ctx, tree, 3); !isNotFound(err) {
			t.Fatalf("Record beyond the log: %v", err)
		}
		checkLog(t, s, tree)
		for _, v := range []string{"old", "new"} {
			if err := s.PutDataKey(ctx, [8]byte{7}, []byte(v)); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := s.DataKeys(ctx)
		if err != nil || len(keys) != 1 || !bytes.Equal(keys[[8]byte{7}], []byte("new")) {
			t.Fatalf("DataKeys: %q, %v", keys, err)
		}
		if n, known, err := s.Size(ctx); err != nil || known != (n > 0) || !known && s.Engine() != CockroachDB {
			t.Fatalf("Size: %d, %v", n, err)
		}
		if err := s.CheckDatabaseAccessible(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTwoTrees: keys and histories of one tree are not another's.
func TestTwoTrees(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		a, b := mustTree(t, s, "a"), mustTree(t, s, "b")
		leaves := someLeaves("w", 0, 300)
		mustAppend(t, s, a, leaves)
		mustAppend(t, s, b, leaves[10:])
		if h := checkLog(t, s, a); h.Size != 300 {
			t.Fatalf("a has %d leaves", h.Size)
		}
		if h := checkLog(t, s, b); h.Size != 290 {
			t.Fatalf("b has %d leaves", h.Size)
		}
		checkChains(t, s, a, leaves)
		checkChains(t, s, b, leaves[10:])
		if rs, err := s.Register(context.Background(), a, 280); err != nil || len(rs) != 1 || rs[0].Index != 289 {
			t.Fatalf("register of a ends with %v, %v", rs, err)
		}
	})
}

func TestReopen(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, someLeaves("w", 0, 300))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.write(context.Background(), Op{SQL: "DELETE FROM leaf"}); err == nil {
			t.Fatal("a closed database was written to")
		}
		s = openTest(t, dsn)
		tree, err := s.FindTree(context.Background(), "log")
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, s, tree, someLeaves("w", 300, 300))
		if h := checkLog(t, s, tree); h.Size != 600 {
			t.Fatalf("%d leaves", h.Size)
		}
		// A database from the future is left alone.
		if err := s.write(context.Background(), Op{SQL: "INSERT INTO schema_version (version) VALUES (999)"}); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(context.Background(), dsn); !errors.Is(err, ErrNewerSchema) {
			t.Fatalf("Open: %v", err)
		}
	})
}

// TestRestoredBackup: the database goes back in time under a running process, whose memory is then
// wrong.
func TestRestoredBackup(t *testing.T) {
	ctx := context.Background()
	s := openTest(t, testdb.SQLite(t))
	tree := mustTree(t, s, "log")
	mustAppend(t, s, tree, someLeaves("w", 0, 10))
	before, err := s.Head(ctx, tree)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, tree, someLeaves("w", 10, 10))
	if err := s.write(ctx,
		Op{SQL: "DELETE FROM leaf WHERE place >= $1", Args: []any{TreeNumber(1).Place(10)}},
		Op{SQL: "DELETE FROM idem WHERE idx >= 10"}, Op{SQL: "DELETE FROM chain"}, Op{SQL: "DELETE FROM register"},
		Op{SQL: "UPDATE head SET size = 10, root = $1, checkpoint = $2", Args: []any{before.Root[:], before.Checkpoint}},
	); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, tree, someLeaves("other", 0, 5)) // needs only tiles that are still right
	mustAppend(t, s, tree, someLeaves("other", 5, 5)) // needs a tile that is remembered differently
	if h := checkLog(t, s, tree); h.Size != 20 {
		t.Fatalf("%d leaves", h.Size)
	}
}

func TestMemory(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	tree := mustTree(t, s, "log")
	mustAppend(t, s, tree, someLeaves("w", 0, 30))
	// Reading while a transaction is open does not wait for it.
	if err := s.Append(ctx, tree, Lookup{}, func(ctx context.Context, tx *AppendTx) error {
		_, err := s.Record(ctx, tree, 3)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Engine() != SQLite {
		t.Fatal(s.Engine())
	}
}

func TestOpenErrors(t *testing.T) {
	ctx := context.Background()
	if _, err := Open(ctx, "mysql://x"); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("unknown scheme: %v", err)
	}
	if _, err := Open(ctx, "postgres://nobody@/none?host=/nonexistent"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no server: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(ctx, "sqlite:"+file+"/x.db"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a file for a directory: %v", err)
	}
	u, err := url.Parse(testdb.PostgreSQL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Scheme = "cockroachdb"
	if _, err := Open(ctx, u.String()); err == nil || !strings.Contains(err.Error(), "postgresql") {
		t.Errorf("not CockroachDB: %v", err)
	}
}

// TestRealConflicts makes PostgreSQL itself answer 40001: under REPEATABLE READ the loser of a race
// for the head's lock is told to start again, as CockroachDB would.
func TestRealConflicts(t *testing.T) {
	dsn := testdb.PostgreSQL(t)
	ctx := context.Background()
	tree := mustTree(t, openTest(t, dsn), "log")
	const writers, batches = 4, 15
	stores := make([]*Storage, writers)
	conflicts := make([]int, writers)
	for i := range stores {
		stores[i] = openTest(t, dsn)
		db := stores[i].db.(*pgDB)
		db.start = "BEGIN ISOLATION LEVEL REPEATABLE READ"
		stores[i].db = &counting{db, &conflicts[i]}
	}
	if err := inParallel(writers, func(i int) error {
		for b := range batches {
			if _, err := appendLeaves(ctx, stores[i], tree, someLeaves(fmt.Sprint(i), b*5, 5)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range conflicts {
		total += n
	}
	if total == 0 {
		t.Error("nothing was in conflict: this test proves nothing")
	}
	if h := checkLog(t, stores[0], tree); h.Size != writers*batches*5 {
		t.Fatalf("%d leaves", h.Size)
	}
}

type counting struct {
	database
	conflicts *int
}

func (c *counting) begin(ctx context.Context, ops ...Op) (tx, error) {
	t, err := c.database.begin(ctx, ops...)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "40001" {
		*c.conflicts++
	}
	return t, err
}

// TestDeadlockBetweenTransactions makes PostgreSQL answer 40P01 to one of two transactions, which
// then runs again.
func TestDeadlockBetweenTransactions(t *testing.T) {
	s := openTest(t, testdb.PostgreSQL(t))
	ctx := context.Background()
	a, b := mustTree(t, s, "a"), mustTree(t, s, "b")
	lock := func(num TreeNumber) Op {
		var x int64
		return Op{SQL: "SELECT tree FROM head WHERE tree = $1 FOR UPDATE", Args: []any{int64(num)},
			Scan: func(scan func(...any) error) error { return scan(&x) }}
	}
	na, _ := s.Number(ctx, a)
	nb, _ := s.Number(ctx, b)
	runs := make([]int, 2)
	holds := []chan struct{}{make(chan struct{}), make(chan struct{})}
	if err := inParallel(2, func(i int) error {
		first, second := na, nb
		if i == 1 {
			first, second = nb, na
		}
		return update(ctx, func(ctx context.Context) error {
			runs[i]++
			t, err := s.db.begin(ctx, lock(first))
			if err != nil {
				return err
			}
			defer t.rollback()
			if runs[i] == 1 {
				close(holds[i])
				<-holds[1-i]
			}
			return t.commit(ctx, lock(second))
		})
	}); err != nil {
		t.Fatal(err)
	}
	if runs[0]+runs[1] < 3 { // the one that runs again can meet the other once more
		t.Errorf("the transactions ran %d and %d times", runs[0], runs[1])
	}
}

func TestCancelledCaller(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		mustAppend(t, s, tree, someLeaves("w", 0, 3))
		ctx, cancel := context.WithCancel(context.Background())
		err := s.Append(ctx, tree, lookupOf(someLeaves("w", 3, 2)), func(ctx context.Context, tx *AppendTx) error {
			cancel()
			var at []uint64
			return addAll(ctx, tx, someLeaves("w", 3, 2), &at)
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Append: %v", err)
		}
		mustAppend(t, s, tree, someLeaves("w", 3, 2)) // the connection or lock was given back
		if h := checkLog(t, s, tree); h.Size != 5 {
			t.Fatalf("%d leaves", h.Size)
		}
	})
}

// TestFasterClock: a root from a replica whose clock runs ahead does not stop the others.
func TestFasterClock(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		ctx := context.Background()
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		ahead := time.Now().Add(time.Hour).UnixNano()
		if err := s.write(ctx, Op{SQL: "UPDATE head SET signed = $1", Args: []any{ahead}}); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, s, tree, someLeaves("w", 0, 3))
		checkLog(t, s, tree)
	})
}

func TestTileCacheIsBounded(t *testing.T) {
	c := newTileCache(3)
	for i := range uint64(10) {
		c.put(tileID{1, 0, i}, make([]byte, 64))
		c.put(tileID{1, 0, i}, make([]byte, 32)) // shorter: what is known stays
	}
	if len(c.byID) != 3 || c.order.Len() != 3 || len(c.get(tileID{1, 0, 9})) != 64 || c.get(tileID{1, 0, 0}) != nil {
		t.Fatalf("cache holds %d tiles", len(c.byID))
	}
	c.forget(1)
	if len(c.byID) != 0 || c.order.Len() != 0 {
		t.Fatal("forget left something")
	}
}
