package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// anchorOf returns the size of the anchor, which must be a checkpoint of this log.
func (w *world) anchorOf(l *ledger.Log) uint64 {
	w.t.Helper()
	signed, err := l.Anchor(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	size, _ := signers(w.t.(*testing.T), signed, l.VerifierKey())
	return size
}

// While the log grows, the anchor stays for its interval and no longer. It is the same for all
// replicas, and stays while the log is quiet.
func TestAnchor(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		at := time.Now().Add(2 * time.Hour) // entries are signed by the real clock, and must not be of the future
		w.now = func() time.Time { return at }
		w.reopen()
		one := w.log
		w.reopen()
		two := w.log
		size := func() uint64 {
			n, err := w.log.Size(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		first := size()
		for _, step := range []struct {
			after time.Duration
			grow  int
			moves bool
		}{
			{0, 0, true}, // there was none
			{0, 2, false},
			{9900 * time.Millisecond, 0, false},
			{100 * time.Millisecond, 1, true},
			{time.Hour, 0, false}, // nothing new: it stays
			{0, 1, true},
			{-time.Hour, 3, true}, // by a clock that was wrong: it blocks no one
			{0, 1, false},
		} {
			at = at.Add(step.after)
			for range step.grow {
				w.must(w.access("chi:0101011237"))
			}
			want := first
			if step.moves {
				want = size()
			}
			a, b := w.anchorOf(one), w.anchorOf(two)
			if a != want || b != want {
				t.Fatalf("%+v: the anchors are of %d and %d, want %d of %d", step, a, b, want, size())
			}
			first = want
		}
	})
}

// Many replicas at once agree on one anchor, and none sees it go back.
func TestAnchorOfManyReplicas(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.anchor = time.Nanosecond
		var logs []*ledger.Log
		for range 3 {
			w.reopen()
			logs = append(logs, w.log)
		}
		var all sync.WaitGroup
		ctx, stop := context.WithCancel(w.ctx)
		for _, l := range logs {
			all.Go(func() {
				for last := uint64(0); ctx.Err() == nil; {
					size := w.anchorOf(l)
					if size < last {
						t.Errorf("the anchor went back from %d to %d", last, size)
					}
					last = size
				}
			})
		}
		for range 30 {
			w.must(w.access("chi:0101011237"))
		}
		stop()
		all.Wait()
		size, err := w.log.Size(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range logs {
			if a := w.anchorOf(l); a != size {
				t.Errorf("the anchor has size %d, want %d", a, size)
			}
		}
	})
}

// A witness that answers at once and an auditor that needs time cosign the same checkpoint,
// although the log never stops growing.
func TestCosignersMeetOnTheAnchor(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	key := func(name string) ed25519.PrivateKey {
		s := sha256.Sum256([]byte(name))
		return ed25519.NewKeyFromSeed(s[:])
	}
	fast := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		_, signed, _ := strings.Cut(string(body), "\n\n")
		text, _, _ := strings.Cut(signed, "\n\n")
		c, err2 := proof.ParseCheckpointText(text + "\n")
		if err := errors.Join(err, err2); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(rw, signLine("fast", key("fast"), c, w.now().Unix()))
	}))
	t.Cleanup(fast.Close)
	known := []*cosign.Cosigner{cosigner(t, "fast", key("fast"), fast.URL), cosigner(t, "slow", key("slow"), "")}
	w.anchor = 1000 * time.Hour
	w.believe("all fast slow", known...)
	size := w.anchorOf(w.log)
	signed, err := w.log.Anchor(w.ctx) // the auditor begins
	if err != nil {
		t.Fatal(err)
	}
	x := w.watch()
	if e := <-x.events; e.err != nil || e.size != size {
		t.Fatalf("the witness was sent %d, not the anchor %d: %v", e.size, size, e.err)
	}
	for range 20 {
		w.must(w.access("chi:0101011237"))
	}
	if _, err := w.log.WitnessedCheckpoint(w.ctx); !errors.Is(err, ledger.ErrNotFound) {
		t.Fatalf("witnessed, although only one of two cosigned: %v", err)
	}
	v, err := wire.NewLogVerifier(w.log.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	c, err := proof.OpenCheckpoint(signed, v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.log.AddCosignatures(w.ctx, append(signed, signLine("slow", key("slow"), c, w.now().Unix())...)); err != nil {
		t.Fatal(err)
	}
	x.witnessed(size, "fast slow", known...)
	x.stop()
	states, err := w.log.Cosigners(w.ctx)
	if err != nil || len(states) != 2 || states[0].Name != "fast" || states[0].Size != size ||
		states[1].Size != size || states[1].Time.IsZero() {
		t.Errorf("cosigners %+v, %v", states, err)
	}
}

// KeepAnchor moves the anchor although no caller asks for it, and ends with its context.
func TestKeepAnchor(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	w.anchor = time.Nanosecond
	w.reopen()
	keeper := w.log
	w.anchor = 1000 * time.Hour // who looks does not move it, once there is one
	w.reopen()
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	w.anchorOf(w.log)
	go func() { defer close(ended); keeper.KeepAnchor(ctx) }()
	w.must(w.access("chi:0101011237"))
	size, err := w.log.Size(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for w.anchorOf(w.log) != size { // or the test's own time limit
	}
	cancel()
	<-ended
}

// A log is not opened with a policy for another log: it would refuse every cosignature, or ask for
// another log's.
func TestPolicyOfAnotherLog(t *testing.T) {
	w := newWorld(t, testdb.SQLite(t))
	other := newWorld(t, testdb.SQLite(t)) // of the same name, with another key
	var err error
	if w.policy, err = cosign.ParsePolicy([]byte("log " + other.log.VerifierKey() + "\nquorum none\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(w.ctx, w.config()); !errors.Is(err, ledger.ErrPolicy) || !strings.Contains(err.Error(), w.log.VerifierKey()) {
		t.Errorf("opened with another log's policy: %v", err)
	}
}
