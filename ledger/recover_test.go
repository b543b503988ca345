package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/record"
	"igledger/ledger/witness"
)

// seenBy returns a client of one witness that says it has seen a tree of this size.
func seenBy(t *testing.T, size string) *witness.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, size+"\n")
	}))
	t.Cleanup(s.Close)
	seed := sha256.Sum256([]byte("far"))
	c, err := witness.New(witness.Config{
		Cosigners: []*cosign.Cosigner{cosigner(t, "far", ed25519.NewKeyFromSeed(seed[:]), s.URL)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A log that lost entries does not go on. It ends at what was signed, for good.
func TestRecoverLostEntries(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.must(w.access(person))
		restore := testdb.Backup(t, dsn)
		w.must(w.access(person))
		w.must(w.access(person))
		head, err := w.log.Checkpoint(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		w.on(restore())
		d, err := ledger.Examine(w.ctx, w.config(), nil)
		if err != nil || d.Whole() || d.Database != 5 || d.Signed != 7 || d.Lost == nil || d.Lost.First != 5 || d.Lost.Last != 6 {
			t.Fatalf("examined: %+v, %v", d, err)
		}
		if len(d.Streams) != 1 || d.Streams[0].Organisation != "SRC" || d.Streams[0].Last != 1 {
			t.Errorf("streams: %+v", d.Streams)
		}
		d, err = ledger.Examine(w.ctx, w.config(), seenBy(t, "9"))
		if err != nil || d.Lost.Last != 8 || d.Witnesses["far"] != 9 {
			t.Errorf("with a witness: %+v, %v", d, err)
		}
		if _, err := ledger.Continue(w.ctx, w.config(), nil, true); !errors.Is(err, ledger.ErrNotWhole) {
			t.Errorf("going on: %v", err)
		}
		w.reopen()
		w.mustBeStopped("went back")
		_, end, err := ledger.End(w.ctx, w.config(), nil)
		if err != nil || end.Size != 7 || end.Origin != origin {
			t.Fatalf("ended: %+v, %v", end, err)
		}
		signed := signedRoots{}
		signed.add(t, w, string(head))
		if signed[7] != end.Root {
			t.Error("it ended with another root than was signed")
		}
		w.reopen()
		w.mustBeStopped("ended")
		w.on(dsn) // even the right database does not revive it
		w.mustBeStopped("ended")
		if _, err := ledger.Continue(w.ctx, w.config(), nil, true); !errors.Is(err, ledger.ErrStopped) {
			t.Errorf("going on after the end: %v", err)
		}
	})
}

// A log that stopped although nothing is lost goes on when its operator says so; what is wrong with
// its database cannot be overruled.
func TestContinue(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.must(w.access(person))
	place := filepath.Join(w.keyDir, "keys", "signed")
	w.log.Close(w.ctx)
	if err := os.Remove(place); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Continue(w.ctx, w.config(), nil, false); !errors.Is(err, ledger.ErrNoRecord) {
		t.Errorf("without a record and witnesses: %v", err)
	}
	if _, err := ledger.Continue(w.ctx, w.config(), seenBy(t, "6"), true); !errors.Is(err, ledger.ErrNotWhole) {
		t.Errorf("a witness knows more: %v", err)
	}
	if _, err := ledger.Continue(w.ctx, w.config(), seenBy(t, "4"), false); err != nil {
		t.Errorf("a witness knows no more: %v", err)
	}
	w.reopen()
	w.must(w.access(person))

	if _, err := w.log.AddCosignatures(w.ctx, w.forkedCheckpoint(2)); !errors.Is(err, ledger.ErrFork) {
		t.Fatal(err)
	}
	w.mustBeStopped("signed by the log's key")
	if d, err := ledger.Continue(w.ctx, w.config(), nil, true); !errors.Is(err, ledger.ErrNotWhole) || !d.Forked {
		t.Errorf("after a fork: %+v, %v", d, err)
	}
}

// whileDeciding is a record that another process moves just before an operator's decision is
// written.
type whileDeciding struct {
	record.Record
	once sync.Once
	move func()
}

func (r *whileDeciding) Swap(ctx context.Context, old, next []byte) error {
	r.once.Do(r.move)
	return r.Record.Swap(ctx, old, next)
}

// A server still appends while its operator decides: the record does not go back, and the log does
// not end before what was signed.
func TestDecideBesideAServer(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	cfg := w.config()
	cfg.Record = &whileDeciding{Record: w.openRecord("file:" + filepath.Join(w.keyDir, "keys", "signed")),
		move: func() { w.must(w.access(person)) }}
	if d, err := ledger.Continue(w.ctx, cfg, nil, false); err != nil || d.Signed != 5 {
		t.Errorf("going on: %+v, %v", d, err)
	}
	if state, err := w.record.Load(w.ctx); err != nil || !bytes.Contains(state, []byte(`\n5\n`)) {
		t.Errorf("the record is now %s, %v", state, err)
	}
	cfg.Record = &whileDeciding{Record: w.record, move: func() { w.must(w.access(person)) }}
	if d, end, err := ledger.End(w.ctx, cfg, nil); err != nil || end.Size != 6 || d.Lost != nil {
		t.Errorf("ended at %+v, %+v, %v", end, d, err)
	}
}

// An entry that a server takes between two looks of an operator is not lost.
func TestExamineBesideAServer(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	cfg := w.config()
	cfg.Record = &whileReading{Record: w.record, after: func() { w.must(w.access(person)) }}
	if d, err := ledger.Examine(w.ctx, cfg, nil); err != nil || !d.Whole() || d.Database <= d.Signed {
		t.Errorf("%+v, %v", d, err)
	}
}

// whileReading is a record that moves right after it was read for the first time.
type whileReading struct {
	record.Record
	once  sync.Once
	after func()
}

func (r *whileReading) Load(ctx context.Context) ([]byte, error) {
	state, err := r.Record.Load(ctx)
	r.once.Do(r.after)
	return state, err
}

// The record of before the log was created says nothing about it: a copy of the folder of keys that
// is as old as the keys does not take the log back.
func TestRecordOfBeforeTheLog(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	state, err := w.record.Load(w.ctx)
	if err == nil {
		err = w.record.Swap(w.ctx, state, []byte(`{"origin":"`+origin+`"}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	w.reopen()
	w.mustBeStopped("nothing was signed")
	if d, err := ledger.Examine(w.ctx, w.config(), nil); err != nil || !d.Unknown() {
		t.Errorf("examined: %+v, %v", d, err)
	}
	if _, err := ledger.Continue(w.ctx, w.config(), nil, false); !errors.Is(err, ledger.ErrNoRecord) {
		t.Errorf("going on: %v", err)
	}
}
