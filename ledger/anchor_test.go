package ledger_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
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

// The anchor moves only with index roots, whatever else is logged, and is the same for all
// replicas.
func TestAnchor(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.reopen()
		one := w.log
		w.reopen()
		two := w.log
		if _, err := one.Anchor(w.ctx); !errors.Is(err, ledger.ErrNotFound) {
			t.Fatalf("before the first index root: %v", err)
		}
		for range 3 {
			want := w.root() + 1
			for range 2 {
				if a, b := w.anchorOf(one), w.anchorOf(two); a != want || b != want {
					t.Fatalf("the anchors are of %d and %d, want %d", a, b, want)
				}
				w.must(w.access("chi:0101011237"))
			}
		}
	})
}

// The index root comes last in its batch, wherever it was in the call, so that its checkpoint ends
// in it. A batch takes one.
func TestIndexRootIsLastInItsBatch(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		key := signer(t, wire.EdDSA)
		root := w.indexRoot()
		res := w.log.Append(w.ctx, w.access("chi:0101011237"), root, w.access("chi:0101011237"), w.indexRoot(),
			w.addKey("SRC", w.sourceAdmin, key, entry.PurposeSubmit), w.access("chi:0101011237"), root)
		var last uint64
		for i, r := range res {
			var busy *ledger.BusyError
			if i == 3 {
				if !errors.As(r.Err, &busy) {
					t.Errorf("a second index root: %v", r.Err)
				}
				continue
			}
			if r.Err != nil || r.Replayed != (i == 6) {
				t.Fatalf("entry %d: %+v", i, r)
			}
			last = max(last, r.Index)
		}
		size, err := w.log.Size(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if res[1].Index != last || res[6].Index != last || size != last+1 || w.anchorOf(w.log) != size {
			t.Errorf("the root is at %d and %d, the last entry at %d, and the anchor is of %d of %d",
				res[1].Index, res[6].Index, last, w.anchorOf(w.log), size)
		}
		// What was refused or is there already moves nothing.
		w.must(w.access("chi:0101011237"))
		future := w.sign(w.keys.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: origin},
			Size: 1000, Root: wire.Hash{1}})
		for _, r := range w.log.Append(w.ctx, root, future, w.access("chi:0101011237")) {
			if r.Err != nil && !errors.Is(r.Err, wire.BadIndexRoot) {
				t.Error(r.Err)
			}
		}
		if got := w.anchorOf(w.log); got != size {
			t.Errorf("the anchor is of %d, want %d", got, size)
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
	w.believe("all fast slow", known...)
	size := w.root() + 1
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

// With a second key, for ML-DSA-44, each anchor is signed by both, for every reader: also the one
// that a process which died had moved, and the one that witnesses are sent.
func TestAnchorIsSignedByBothKeys(t *testing.T) {
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		first := w.root() + 1
		if err := ledger.GeneratePQKey(filepath.Join(w.keyDir, "keys"), origin); err != nil {
			t.Fatal(err)
		}
		keys, err := ledger.LoadKeys(filepath.Join(w.keyDir, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		w.keys = keys
		if err := ledger.GeneratePQKey(filepath.Join(w.keyDir, "keys"), origin); err == nil {
			t.Error("the key was overwritten")
		}
		seed := sha256.Sum256([]byte("auditor"))
		key := ed25519.NewKeyFromSeed(seed[:])
		auditor := cosigner(t, "auditor", key, "")
		if w.policy, err = cosign.ParsePolicy([]byte("log " + keys.LogVerifierKey + "\nwitness own " + keys.LogPQ.VKey +
			"\nwitness auditor " + auditor.VKey + "\ngroup both all own auditor\nquorum both\n")); err != nil {
			t.Fatal(err)
		}
		w.reopen()
		alone, err := cosign.ParsePolicy([]byte("log " + keys.LogPQ.VKey + "\nquorum none\n"))
		if err != nil {
			t.Fatal(err)
		}
		signed := func(what string, want uint64, note []byte, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			c, err := proof.OpenCheckpoint(note, alone.Logs[0].Verifiers...)
			if err != nil || c.Size != want || strings.Count(string(note), "— "+origin+" ") != 2 {
				t.Errorf("%s: size %d, want %d, %v\n%s", what, c.Size, want, err, note)
			}
		}
		note, err := w.log.Anchor(w.ctx)
		signed("the anchor of a process before", first, note, err)
		next := w.root() + 1
		sent, err := ledger.SentToWitnesses(w.ctx, w.log)
		signed("sent to witnesses", next, sent, err)
		note, err = w.log.Anchor(w.ctx)
		signed("the anchor", next, note, err)
		c, err := proof.OpenCheckpoint(note, alone.Logs[0].Verifiers...)
		if err != nil {
			t.Fatal(err)
		}
		if names, err := w.log.AddCosignatures(w.ctx, []byte(string(note)+signLine("auditor", key, c, 1700000000))); err != nil ||
			len(names) != 2 {
			t.Errorf("brought back with an auditor's line: %q, %v", names, err)
		}
		note, err = w.log.WitnessedCheckpoint(w.ctx)
		signed("the witnessed one", next, note, err)
		note, err = w.log.PublishedCheckpoint(w.ctx)
		signed("the newest one", next, note, err)
	})
}

// A file in the place of the log's second key that is not that is refused, and said to be.
func TestSecondKeyThatIsNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := ledger.GenerateKeys(dir, origin); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]struct {
		algorithm cosign.Algorithm
		name      string
	}{"another log's": {cosign.MLDSA44, "other.test"}, "Ed25519": {cosign.Ed25519, origin}} {
		k, err := cosign.GenerateSigner(of.algorithm, of.name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "log-pq.key"), k.Private(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.LoadKeys(dir); !errors.Is(err, ledger.ErrKeys) || !strings.Contains(err.Error(), "log-pq.key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
