package source_test

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"igledger/internal/source"
	"igledger/internal/testledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
	"igledger/verifier/auditor"
)

// convicts reads the evidence of an error, and checks that it convicts with the log's key alone.
func (w *world) convicts(e *source.LogError) {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(e.Evidence, "fork.json"))
	if err != nil {
		w.Fatal(err)
	}
	if rep := auditor.CheckEvidence(data, w.LogKey); rep.Err() != nil {
		w.Errorf("the evidence convicts nobody: %v", rep.Err())
	}
}

// A log that goes back after it acknowledged, as from a backup, is caught: at first it only shows
// less, and when it has other entries in the same places, what was kept convicts. Nothing more is
// sent or forgotten, by this or a later process, until the source is told to send again.
func TestLogThatGoesBack(t *testing.T) {
	w, board := cosignedWorld(t)
	w.Cosign(board)
	w.imports(text("first", event("first", "2026-11-01T10:00:00Z")))
	w.Cosign(board)
	w.imports()
	restore := w.Backup()
	sum := w.imports(events(5))
	if sum.Logged != 5 || sum.Uncosigned != 5 {
		t.Fatalf("%+v", sum)
	}
	acknowledged := w.Size()
	older := restore()
	w.Become(older)

	var bad *source.LogError
	_, err := w.open().Import(t.Context(), events(5), text("more", event("x", "2026-11-01T10:00:00Z")))
	if !errors.As(err, &bad) || !bad.Passing || !errors.Is(err, verifier.ErrRewound) || bad.Evidence == "" {
		t.Fatalf("a log that shows less: %v", err)
	}
	if older.Size() != acknowledged-5 || w.count("acknowledged") != 5 {
		t.Errorf("sent to a log that went back, or forgot: size %d, %d kept", older.Size(), w.count("acknowledged"))
	}

	for older.Size() <= acknowledged { // others report
		older.AppendAsOperator(&entry.Access{Common: entry.Common{Issuer: "OPR", Audience: testledger.Origin}, Source: "x",
			Action: "R", Outcome: "0", Recorded: "2026-11-01T10:00:00Z", Sub: "temp:OPR:1"})
	}
	older.Cosign(board)
	size := older.Size()
	for range 2 { // and so says a later process
		_, err = w.open().Import(t.Context(), text("more", event("x", "2026-11-01T10:00:00Z")))
		if !errors.As(err, &bad) || bad.Passing {
			t.Fatalf("a log with another history: %v", err)
		}
		if older.Size() != size || w.count("acknowledged") != 5 {
			t.Errorf("sent to a fork, or forgot: size %d, %d kept", older.Size(), w.count("acknowledged"))
		}
	}
	dirs, err := filepath.Glob(w.config.Outbox + ".evidence/consistency-*")
	if err != nil || len(dirs) != 2 {
		t.Fatalf("evidence in %v, %v", dirs, err)
	}
	found, underPolicy := 0, 0
	for _, dir := range dirs {
		data, err := os.ReadFile(filepath.Join(dir, "fork.json"))
		if err != nil {
			t.Fatal(err)
		}
		if rep := auditor.CheckEvidence(data, w.LogKey); rep.Err() == nil {
			found++
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
		w.exhibits(dir)
		cosigned, err := os.ReadFile(filepath.Join(dir, "cosigned.json"))
		if err != nil {
			continue
		}
		var text string
		w.query("SELECT value FROM memory WHERE name = 'genesis'", &text)
		begin, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		genesis := wire.Hash(begin)
		if rep := auditor.CheckEvidenceUnder(cosigned, w.config.Policy, &genesis, time.Now()); rep.Err() != nil {
			t.Errorf("under a policy: %v", rep.Err())
		}
		underPolicy++
	}
	if underPolicy != 1 {
		t.Errorf("%d findings convict under a policy, want the second", underPolicy)
	}
	if found != 1 {
		t.Errorf("%d of the findings convict, want the second", found)
	}

	// The operator owns up: the source sends again what was lost, as it signed it.
	n, err := w.open().SendAgain(t.Context(), acknowledged-5)
	if err != nil || n != 5 || older.Size() != size+5 {
		t.Fatalf("sent %d again, size %d: %v", n, older.Size(), err)
	}
	older.Cosign(board)
	sum = w.imports(events(5), text("more", event("x", "2026-11-01T10:00:00Z")))
	if sum.Known != 6 || sum.Logged != 1 || sum.Forgotten != 5 || sum.Uncosigned != 1 {
		t.Errorf("then: %+v", sum)
	}
	var at int
	w.query("SELECT min(idx) FROM entry WHERE seq > 1", &at)
	if at < int(size) {
		t.Errorf("an entry is noted at %d, below %d", at, size)
	}
}

// exhibits checks that evidence has the signed bytes and receipt of each entry that was not
// forgotten.
func (w *world) exhibits(dir string) {
	w.Helper()
	entries, err := filepath.Glob(filepath.Join(dir, "entry-*.sdjwt"))
	if err != nil || len(entries) != 5 {
		w.Fatalf("%v, %v", entries, err)
	}
	log, err := wire.NewLogVerifier(w.LogKey)
	if err != nil {
		w.Fatal(err)
	}
	for _, name := range entries {
		sdjwt, err := os.ReadFile(name)
		if err != nil {
			w.Fatal(err)
		}
		data, err := os.ReadFile(strings.Replace(strings.Replace(name, "entry-", "receipt-", 1), ".sdjwt", ".json", 1))
		if err != nil {
			w.Fatal(err)
		}
		e, err := verifier.ParseEntry(strings.TrimSpace(string(sdjwt)))
		if err != nil {
			w.Fatal(err)
		}
		r, err := verifier.ParseReceipt(data)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := verifier.VerifyReceipt(r, e, log, w.Ledger.Log.Genesis().VRFKey); err != nil {
			w.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}

// A receipt of another history than the one that the source has seen is caught as it comes,
// although the receipt itself holds.
func TestForkedReceipt(t *testing.T) {
	w := newWorld(t)
	restore := w.Backup()
	w.imports(events(3))
	older := restore()
	for range 4 {
		older.AppendAsOperator(&entry.Access{Common: entry.Common{Issuer: "OPR", Audience: testledger.Origin}, Source: "x",
			Action: "R", Outcome: "0", Recorded: "2026-11-01T10:00:00Z", Sub: "temp:OPR:1"})
	}
	forked := false
	w.Through(func(ledger http.Handler) http.Handler { // the true log for everything until the submission
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			forked = forked || r.URL.Path == "/v1/entries"
			if forked {
				older.Handler().ServeHTTP(rw, r)
				return
			}
			ledger.ServeHTTP(rw, r)
		})
	})
	var bad *source.LogError
	_, err := w.open().Import(t.Context(), text("more", event("x", "2026-11-01T10:00:00Z")))
	if !errors.As(err, &bad) || !errors.Is(err, verifier.ErrForked) {
		t.Fatalf("got %v", err)
	}
	w.convicts(bad)
	var waiting int
	if w.query("SELECT count(*) FROM entry WHERE sdjwt IS NOT NULL", &waiting); waiting != 1 {
		t.Errorf("%d entries with their bytes, want the one that the fork took", waiting)
	}
	w.Through(nil) // the operator shows the true log again, and is not trusted
	size := w.Size()
	if _, err := w.open().Import(t.Context()); !errors.As(err, &bad) || bad.Passing || w.Size() != size {
		t.Errorf("after the alarm: %v", err)
	}
}

// Cosigners who were shown another history than the source was do not let it forget: the witnessed
// receipt holds, has the quorum, and contradicts what the source saw.
func TestWitnessedFork(t *testing.T) {
	w, board := cosignedWorld(t)
	w.Cosign(board)
	w.config.Batch = 1
	restore := w.Backup()
	w.imports(events(3))
	fork := restore()
	db, err := sql.Open("sqlite", "file:"+w.config.Outbox)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT sdjwt FROM acknowledged ORDER BY idx")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() { // the same entries in the same places, under other salts
		var sdjwt string
		if err := rows.Scan(&sdjwt); err != nil {
			t.Fatal(err)
		}
		e, err := entry.Parse(sdjwt)
		if err != nil {
			t.Fatal(err)
		}
		if r := fork.Log.Append(t.Context(), e)[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	fork.Cosign(board)
	forked := false
	w.Through(func(ledger http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if forked = forked || r.URL.Path == "/v1/receipts/lookup"; forked {
				ledger = fork.Handler()
			}
			ledger.ServeHTTP(rw, r)
		})
	})
	var bad *source.LogError
	if _, err := w.open().Import(t.Context()); !errors.As(err, &bad) || !errors.Is(err, verifier.ErrForked) {
		t.Fatalf("got %v", err)
	}
	w.convicts(bad)
	if n := w.count("acknowledged"); n != 3 {
		t.Errorf("%d entries with their bytes, want 3", n)
	}
}
