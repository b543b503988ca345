package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

func TestBusy(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	cfg := w.config()
	cfg.MaxQueue = 2
	log, err := ledger.Open(w.ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close(context.Background())
	var busy *ledger.BusyError
	for _, r := range log.Append(w.ctx, w.access(person), w.access(person), w.access(person)) {
		if !errors.As(r.Err, &busy) || busy.RetryAfter <= 0 || !errors.Is(r.Err, ledger.ErrBusy) {
			t.Errorf("three entries into a queue of two: %v", r.Err)
		}
	}
	for _, r := range log.Append(w.ctx, w.access(person), w.access(person)) {
		if r.Err != nil {
			t.Errorf("two entries into a queue of two: %v", r.Err)
		}
	}
}

// A transaction has at most MaxBatch entries: a call that would exceed it waits for the next one.
func TestBatchBound(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.log.Close(w.ctx)
	cfg := w.config()
	cfg.MaxBatch, cfg.Linger = 3, time.Hour // a batch ends when the next call does not fit, or by Close
	log, err := ledger.Open(w.ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	batches := make(chan int, 4)
	log.ObserveBatches(func(added int, _ time.Duration) { batches <- added })
	var calls sync.WaitGroup
	for range 2 {
		pair := []*entry.Entry{w.access(person), w.access(person)}
		calls.Go(func() {
			for _, r := range log.Append(w.ctx, pair...) {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
		})
	}
	sizes := []int{<-batches}
	if err := log.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	calls.Wait()
	close(batches)
	for n := range batches {
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{2, 2}) {
		t.Errorf("batches of %v entries, want two of 2", sizes)
	}
}

func TestCloseDrains(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := map[string]bool{}
	started := make(chan struct{}, 64)
	for c := range 8 {
		entries := make([]*entry.Entry, 50)
		for i := range entries {
			entries[i] = w.access(fmt.Sprintf("temp:SRC:%d", c))
		}
		wg.Go(func() {
			for _, e := range entries {
				select {
				case started <- struct{}{}:
				default:
				}
				r := w.log.Append(w.ctx, e)[0]
				if r.Err != nil && !errors.Is(r.Err, ledger.ErrClosed) {
					t.Errorf("while closing: %v", r.Err)
				}
				if r.Err == nil {
					mu.Lock()
					acked[e.ID] = true
					mu.Unlock()
				}
			}
		})
	}
	for range 20 {
		<-started
	}
	if err := w.log.Close(w.ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := w.log.Ready(w.ctx); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("ready after closing: %v", err)
	}
	w.reopen()
	for id := range acked {
		if _, err := w.log.Receipt(w.ctx, "SRC", id, ledger.Newest); err != nil {
			t.Errorf("an acknowledged entry is gone: %v", err)
		}
	}
	w.checkLog()
}

// With several processes on one database, none of them special, there is no gap and no duplicate,
// and each sees the keys that another registered.
func TestReplicas(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		var logs []*ledger.Log
		for range 3 {
			cfg := w.config()
			cfg.Storage = w.openStore()
			l, err := ledger.Open(w.ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close(context.Background())
			logs = append(logs, l)
		}
		fresh := signer(t, wire.EdDSA)
		w.must(w.addKey("SRC", w.sourceAdmin, fresh, entry.PurposeSubmit))
		w.source = fresh
		const each = 60
		entries := make([][]*entry.Entry, len(logs))
		for i := range entries {
			for j := range each {
				entries[i] = append(entries[i], w.access(fmt.Sprintf("temp:SRC:%d", j%5)))
			}
		}
		same := w.access("temp:SRC:0")
		var wg sync.WaitGroup
		indices := make([]uint64, len(logs))
		for i, l := range logs {
			wg.Go(func() {
				for _, e := range entries[i] {
					if r := l.Append(w.ctx, e)[0]; r.Err != nil {
						t.Errorf("replica %d: %v", i, r.Err)
					} else {
						w.checkReceipt(e, r)
					}
				}
				r := l.Append(w.ctx, same)[0]
				if r.Err != nil {
					t.Errorf("replica %d, the entry all send: %v", i, r.Err)
				}
				indices[i] = r.Index
			})
		}
		wg.Wait()
		if indices[0] != indices[1] || indices[1] != indices[2] {
			t.Errorf("one entry sent to three replicas is at %v", indices)
		}
		size, _ := w.log.Size(w.ctx)
		if want := uint64(1 + 3 + 1 + len(logs)*each + 1); size != want {
			t.Errorf("the log has %d entries, want %d", size, want)
		}
		w.checkLog()
	})
}
