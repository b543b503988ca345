package provider

import (
	"context"
	"flag"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/integration/storagetest"
	trillianstorage "github.com/google/trillian/storage"
	"github.com/google/trillian/storage/testonly"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"igledger/internal/testdb"
)

// Trillian's own suites. RunLogStorageTests runs all its tests or none, and which they are is
// unexported, so those that are not ours are skipped by their names as if by go test -skip.
var (
	suiteRuns = []string{
		"AddSequencedLeavesAndDequeueLeaves", "AddSequencedLeavesUnordered", "AddSequencedLeavesWithDuplicates",
		"CheckDatabaseAccessible", "DequeueLeavesNoneQueued", "GetLeavesByRangeFromLog",
		"GetLeavesByRangeFromPreorderedLog", "ReadWriteTransaction", "Snapshot",
	}
	suiteSkips = map[string]string{
		"DequeueLeaves":           "queues leaves into a LOG tree: QueueLeaves is unimplemented (package comment)",
		"DequeueLeavesTwoBatches": "the same",
	}
)

func TestMain(m *testing.M) {
	flag.Parse()
	skip := flag.Lookup("test.skip")
	patterns := []string{}
	if p := skip.Value.String(); p != "" {
		patterns = append(patterns, p)
	}
	for name := range suiteSkips {
		patterns = append(patterns, "^TestTrillianLogSuite$/.*/^"+name+"$")
	}
	if err := skip.Value.Set(strings.Join(patterns, "|")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestTrillianLogSuite(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		seen := &witness{names: map[string]bool{}}
		made := 0
		storagetest.RunLogStorageTests(t, func(ctx context.Context, t *testing.T) (
			trillianstorage.LogStorage, trillianstorage.AdminStorage,
		) {
			made++
			p := openTest(t, dsn)
			return watchedLog{p, seen}, watchedAdmin{p.Admin(), seen}
		})
		if t.Failed() {
			return
		}
		// The suite makes a storage for each of its tests: a new one in Trillian must be put on a
		// list.
		if want := len(suiteRuns) + len(suiteSkips); made != want {
			t.Errorf("Trillian's suite has %d tests, we know %d", made, want)
		}
		for _, name := range suiteRuns {
			if !seen.names[name] {
				t.Errorf("%s did not run", name)
			}
		}
		for name := range seen.names {
			if !slices.Contains(suiteRuns, name) {
				t.Errorf("%s ran, and is on no list", name)
			}
		}
	})
}

// witness learns from the stack which of Trillian's tests are using a storage.
type witness struct {
	mu    sync.Mutex
	names map[string]bool
}

func (w *witness) look() {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if _, name, ok := strings.Cut(f.Function, "storagetest.(*logTests).Test"); ok {
			name, _, _ = strings.Cut(name, ".")
			w.mu.Lock()
			w.names[name] = true
			w.mu.Unlock()
		}
		if !more {
			return
		}
	}
}

type watchedLog struct {
	*Provider
	w *witness
}

func (l watchedLog) CheckDatabaseAccessible(ctx context.Context) error {
	l.w.look()
	return l.Provider.CheckDatabaseAccessible(ctx)
}

type watchedAdmin struct {
	trillianstorage.AdminStorage
	w *witness
}

func (a watchedAdmin) ReadWriteTransaction(ctx context.Context, f trillianstorage.AdminTXFunc) error {
	a.w.look()
	return a.AdminStorage.ReadWriteTransaction(ctx, f)
}

func TestTrillianAdminSuite(t *testing.T) {
	for name, fresh := range map[string]func(testing.TB) string{
		"sqlite": testdb.SQLite, "postgresql": testdb.PostgreSQL, "cockroachdb": testdb.CockroachDB,
	} {
		t.Run(name, func(t *testing.T) {
			fresh(t) // skips here, and not in the suite's own subtests
			tester := &testonly.AdminStorageTester{NewAdminStorage: func() trillianstorage.AdminStorage {
				return openTest(t, fresh(t)).Admin()
			}}
			tester.RunAllTests(t)
		})
	}
}

func TestQueueLeavesIsUnimplemented(t *testing.T) {
	p := openTest(t, testdb.SQLite(t))
	_, err := p.QueueLeaves(context.Background(), mustTree(t, p, "log"), nil, time.Now())
	if status.Code(err) != codes.Unimplemented {
		t.Fatalf("QueueLeaves: %v", err)
	}
	err = p.ReadWriteTransaction(context.Background(), mustTree(t, p, "log"),
		func(ctx context.Context, tx trillianstorage.LogTreeTX) error {
			return tx.UpdateSequencedLeaves(ctx, []*trillian.LogLeaf{{}})
		})
	if status.Code(err) != codes.Unimplemented {
		t.Fatalf("UpdateSequencedLeaves: %v", err)
	}
}
