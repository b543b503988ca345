package ledger_test

import (
	"errors"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// Ready says the same as an append.
func TestReady(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	now := time.Now()
	w.now = func() time.Time { return now }
	same := func(what string, want error) {
		t.Helper()
		ready := w.log.Ready(w.ctx)
		if r := w.log.Append(w.ctx, w.access(person))[0]; (r.Err == nil) != (ready == nil) {
			t.Errorf("%s: ready %v, but appending: %v", what, ready, r.Err)
		}
		if want != nil && !errors.Is(ready, want) {
			t.Errorf("%s: %v, want %v", what, ready, want)
		}
	}
	same("at first", nil)
	w.exec("UPDATE tree SET state = 2")
	same("frozen", storage.ErrFrozen)
	w.exec("UPDATE tree SET state = 1")
	same("thawed", nil)
	const full = " BEGIN SELECT RAISE(ABORT, 'no room'); END"
	w.exec("CREATE TRIGGER a BEFORE UPDATE ON head"+full, "CREATE TRIGGER b BEFORE INSERT ON lease"+full)
	now = now.Add(2 * time.Second)
	same("a database that cannot be written", nil)
	w.exec("DROP TRIGGER a", "DROP TRIGGER b")
	same("room again", nil)
	w.log.Close(w.ctx)
	same("closed", ledger.ErrClosed)
}

// A failed append is seen at once, also within the second for which Ready does not write.
func TestReadyAfterFailedAppend(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	now := time.Now()
	w.now = func() time.Time { return now }
	if err := w.log.Ready(w.ctx); err != nil {
		t.Fatal(err)
	}
	const full = " BEGIN SELECT RAISE(ABORT, 'no room'); END"
	w.exec("CREATE TRIGGER a BEFORE UPDATE ON head"+full, "CREATE TRIGGER b BEFORE INSERT ON lease"+full)
	if r := w.log.Append(w.ctx, w.access(person))[0]; r.Err == nil {
		t.Fatal("appended")
	}
	if err := w.log.Ready(w.ctx); err == nil {
		t.Error("ready")
	}
}

// A rebuild refuses to run beside an open log, also one in another process that was killed, until
// its lease has ended.
func TestRebuildBesideOpenLog(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		e := w.access(person)
		w.must(e)
		var used *storage.InUseError
		if _, err := ledger.Rebuild(w.ctx, w.config(), nil); !errors.As(err, &used) || used.Holders != 1 {
			t.Fatalf("beside an open log: %v", err)
		}
		if r, err := ledger.Recompute(w.ctx, w.config(), nil); err != nil || r.Entries != 5 {
			t.Errorf("computing only: %+v, %v", r, err)
		}
		w.must(w.access(person))
		r, err := w.rebuild() // which closes the log
		if err != nil || r.Entries != 6 {
			t.Errorf("alone: %+v, %v", r, err)
		}
		if r := w.must(e); !r.Replayed {
			t.Error("an entry was forgotten")
		}
		w.checkLog()
	})
}

// The head of the database cannot be read, as while a writer holds it on CockroachDB. Whoever reads
// checkpoints, the anchor, receipts or the feed, or asks whether the log is ready, does not notice.
func TestReadersDoNotWaitForTheHead(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	ledger.HeadWaits(w.log)
	e := w.access(person)
	r := w.must(e)
	size := w.logSize()
	w.must(w.sign(w.keys.Operator, &entry.IndexRoot{
		Common: entry.Common{Issuer: "OPR", Audience: origin}, Size: size, Root: wire.Hash{1}}))
	size++
	w.exec("ALTER TABLE head RENAME TO held")
	signed, err := w.log.PublishedCheckpoint(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := wire.NewLogVerifier(w.keys.LogVerifierKey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := proof.OpenCheckpoint(signed, v); err != nil || c.Size != size {
		t.Errorf("the checkpoint has size %d, want %d: %v", c.Size, size, err)
	}
	if _, err := w.log.Anchor(w.ctx); err != nil {
		t.Errorf("anchor: %v", err)
	}
	if records, err := w.log.Feed(w.ctx, 0, size); err != nil || uint64(len(records)) != size {
		t.Errorf("feed: %d records, %v", len(records), err)
	}
	if got, err := w.log.Receipt(w.ctx, "SRC", e.ID, ledger.Newest); err != nil || got.Index != r.Index {
		t.Errorf("receipt: %v", err)
	}
	if err := w.log.Ready(w.ctx); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// A newer program has changed the tables: this one appends nothing more, and says so.
func TestOutdated(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	before := w.root()
	now := time.Now().Add(time.Minute) // an append of the last second would be taken for proof of the next
	w.now = func() time.Time { return now }
	w.exec("INSERT INTO schema_version (version) VALUES (999)")
	select {
	case <-w.log.Outdated():
		t.Fatal("outdated before it has looked")
	default:
	}
	if err := w.log.Ready(t.Context()); !errors.Is(err, storage.ErrNewerSchema) {
		t.Fatalf("ready: %v", err)
	}
	<-w.log.Outdated()
	e := w.access(person)
	if r := w.log.Append(t.Context(), e)[0]; !errors.Is(r.Err, storage.ErrNewerSchema) {
		t.Errorf("an entry: %+v", r)
	}
	if size, err := w.log.Size(t.Context()); err != nil || size != before+1 {
		t.Errorf("the log grew from %d to %d, %v", before+1, size, err)
	}
}
