package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/record"
	"igledger/ledger/wire"
)

// signedRoots are the roots by size of all checkpoints that left the ledger. A second root for one
// size is a fork.
type signedRoots map[uint64]wire.Hash

func (s signedRoots) add(t *testing.T, w *world, note string) {
	t.Helper()
	v, err := wire.NewLogVerifier(w.keys.LogVerifierKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.OpenCheckpoint([]byte(note), v)
	if err != nil {
		t.Fatal(err)
	}
	if root, ok := s[c.Size]; ok && root != c.Root {
		t.Errorf("FORK: two trees of size %d were signed", c.Size)
	}
	s[c.Size] = c.Root
}

func (s signedRoots) receipt(t *testing.T, w *world, r ledger.Result) {
	t.Helper()
	if r.Receipt == nil {
		return
	}
	in, err := proof.ParseInclusion([]byte(r.Receipt.Proof))
	if err != nil {
		t.Fatal(err)
	}
	s.add(t, w, string(in.Checkpoint))
}

// on opens the log on another database.
func (w *world) on(dsn string) {
	w.t.Helper()
	w.log.Close(w.ctx)
	w.dsn = dsn
	w.store = w.openStore()
	w.reopenLog()
}

func (w *world) reopenLog() {
	w.t.Helper()
	log, err := ledger.Open(w.ctx, w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	w.logs, w.log = append(w.logs, log), log
	w.t.Cleanup(func() { log.Close(context.Background()) })
}

// exec changes an SQLite database behind the ledger's back.
func (w *world) exec(statements ...string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(w.dsn, "sqlite:"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(w.ctx, s); err != nil {
			w.t.Fatalf("%s: %v", s, err)
		}
	}
}

// mustBeStopped checks that the log appends and signs nothing, and says so.
func (w *world) mustBeStopped(why string) {
	w.t.Helper()
	if err := w.log.Ready(w.ctx); !errors.Is(err, ledger.ErrStopped) || !strings.Contains(err.Error(), why) {
		w.t.Errorf("ready: %v, want %q with %q", err, ledger.ErrStopped, why)
	}
	before, err := w.log.Size(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	if r := w.log.Append(w.ctx, w.access(person))[0]; !errors.Is(r.Err, ledger.ErrStopped) || r.Receipt != nil {
		w.t.Errorf("appending: %v, receipt %v", r.Err, r.Receipt)
	}
	if size, err := w.log.Size(w.ctx); size != before || err != nil {
		w.t.Errorf("the log grew from %d to %d entries, %v", before, size, err)
	}
	for name, f := range map[string]func(context.Context) ([]byte, error){
		"newest": w.log.Checkpoint, "published": w.log.PublishedCheckpoint,
	} {
		if _, err := f(w.ctx); !errors.Is(err, ledger.ErrStopped) {
			w.t.Errorf("the %s checkpoint: %v", name, err)
		}
	}
}

func TestRestoredBackupDoesNotFork(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		signed := signedRoots{}
		signed.receipt(t, w, w.must(w.access(person)))
		restore := testdb.Backup(t, dsn)
		signed.receipt(t, w, w.must(w.access(person))) // one batch is lost: the hardest case
		w.on(restore())
		w.mustBeStopped("went back")
		w.reopenLog() // a restart changes nothing
		w.mustBeStopped("went back")
		w.on(dsn) // the lost database is found again
		signed.receipt(t, w, w.must(w.access(person)))
		if err := w.log.Ready(w.ctx); err != nil {
			t.Error(err)
		}
	})
}

// A backup of all that was signed is as good as the database.
func TestRestoredBackupGoesOn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		signed := signedRoots{}
		signed.receipt(t, w, w.must(w.access(person)))
		w.on(testdb.Backup(t, dsn)())
		signed.receipt(t, w, w.must(w.access(person)))
		w.checkLog()
	})
}

// The restored log was served without the record and has grown past it.
func TestForkedDatabaseIsNotSigned(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		restore := testdb.Backup(t, dsn)
		w.must(w.access(person))
		kept := w.record
		w.record = nil
		w.on(restore())
		for range 3 {
			w.must(w.access(person))
		}
		w.record = kept
		w.on(w.dsn)
		w.mustBeStopped("another tree")
	})
}

// The database goes back, or to another tree, under a log that runs and under its replica.
func TestDatabaseGoesBackUnderRunningLog(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	replica := *w
	replica.store = replica.openStore()
	replica.reopenLog()
	w.must(w.access(person))
	replica.seq = 100
	replica.must(replica.access(person))
	restore := testdb.Backup(t, w.dsn)
	w.must(w.access(person))
	backup := strings.TrimPrefix(restore(), "sqlite:")
	for _, table := range []string{"head", "leaf", "idem", "chain", "source", "person", "register", "tile", "data_key"} {
		w.exec("ATTACH '" + backup + "' AS backup; DELETE FROM main." + table + "; INSERT INTO main." + table + " SELECT * FROM backup." + table)
	}
	for _, x := range []*world{w, &replica} {
		if r := x.log.Append(x.ctx, x.access(person))[0]; !errors.Is(r.Err, ledger.ErrStopped) {
			t.Errorf("appending: %v", r.Err)
		}
		x.mustBeStopped("went back")
	}
}

// An SQLite file was copied without its -wal file.
func TestCopyWithoutWAL(t *testing.T) {
	dsn := testdb.SQLite(t)
	w := newWorld(t, dsn)
	w.must(w.access(person))
	data, err := os.ReadFile(strings.TrimPrefix(dsn, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	young := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(young, data, 0o600); err != nil {
		t.Fatal(err)
	}
	w.dsn = "sqlite:" + young
	w.store = w.openStore()
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrNoLog) || !errors.Is(err, ledger.ErrSigned) ||
		!strings.Contains(err.Error(), "-wal") {
		t.Errorf("opening: %v", err)
	}
	if _, err := ledger.Create(w.ctx, w.config(), w.genesis()); !errors.Is(err, ledger.ErrSigned) {
		t.Errorf("creating: %v", err)
	}
	w.record = nil
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrNoLog) {
		t.Errorf("after a refused creation: %v", err)
	}
}

func TestRecordOfAnotherLog(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	other := newWorld(t, testdb.SQLite(t))
	place := filepath.Join(w.keyDir, "keys", "signed")
	own, err := os.ReadFile(place)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(filepath.Join(other.keyDir, "keys", "signed"))
	if err != nil {
		t.Fatal(err)
	}
	w.log.Close(w.ctx)
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"that of another log", foreign, ledger.ErrKeys},
		{"no record", []byte("{}"), ledger.ErrRecord},
		{"cut off", own[:len(own)/2], ledger.ErrRecord},
		{"gone", nil, ledger.ErrNoRecord},
	} {
		err := os.Remove(place)
		if c.data != nil {
			err = os.WriteFile(place, c.data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if err := os.WriteFile(place, own, 0o600); err != nil {
		t.Fatal(err)
	}
	w.reopenLog()
	w.must(w.access(person))
}

// failing is a record that cannot be written for a while.
type failing struct {
	record.Record
	fails atomic.Bool
}

var errFull = errors.New("no space left on device")

func (f *failing) Swap(ctx context.Context, old, next []byte) error {
	if f.fails.Load() {
		return errFull
	}
	return f.Record.Swap(ctx, old, next)
}

// While the record cannot be written, nothing is published and no receipt is given. What was
// committed before that was noticed gets its receipt afterwards.
func TestRecordCannotBeWritten(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		f := &failing{Record: w.record}
		w.record = f
		w.log.Close(w.ctx)
		w.reopenLog()
		published, err := w.log.Checkpoint(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		f.fails.Store(true)
		first, second := w.access(person), w.access(person)
		for _, e := range []struct {
			name string
			res  ledger.Result
		}{
			{"the first", w.log.Append(w.ctx, first)[0]}, {"the first again", w.log.Append(w.ctx, first)[0]},
			{"the second", w.log.Append(w.ctx, second)[0]},
		} {
			if !errors.Is(e.res.Err, ledger.ErrRecord) || e.res.Receipt != nil {
				t.Errorf("%s: %v, receipt %v", e.name, e.res.Err, e.res.Receipt)
			}
		}
		if note, err := w.log.PublishedCheckpoint(w.ctx); !errors.Is(err, ledger.ErrRecord) {
			t.Errorf("published %q, %v", note, err)
		}
		if err := w.log.Ready(w.ctx); !errors.Is(err, ledger.ErrRecord) {
			t.Errorf("ready: %v", err)
		}
		f.fails.Store(false)
		if err := w.log.Ready(w.ctx); err != nil {
			t.Errorf("not ready again: %v", err)
		}
		if r := w.must(first); !r.Replayed {
			t.Error("the first entry was lost")
		}
		w.checkReceipt(second, w.must(second))
		after, err := w.log.Checkpoint(w.ctx)
		if err != nil || string(after) == string(published) {
			t.Errorf("still at %q, %v", after, err)
		}
		w.checkLog()
	})
}

// forkedCheckpoint returns a checkpoint that the log's key has signed and that is of another tree.
func (w *world) forkedCheckpoint(size uint64) []byte {
	w.t.Helper()
	signed, err := proof.Checkpoint{Origin: origin, Size: size, Root: wire.Hash{1}}.Sign(w.keys.Log)
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}
