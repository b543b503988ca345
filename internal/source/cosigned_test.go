package source_test

import (
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/internal/testledger"
	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// cosignedWorld is a ledger with an auditor, and a source whose policy asks for the auditor.
func cosignedWorld(t testing.TB) (*world, *testlog.Cosigner) {
	t.Helper()
	board := testlog.NewCosigner("board.test")
	w := worldOf(t, testledger.New(t, board))
	w.config.Policy, w.policyText = w.policy(board), w.Policy(board)
	w.config.Poll = 1
	return w, board
}

func (w *world) policy(cosigners ...*testlog.Cosigner) *verifier.Policy {
	w.Helper()
	p, err := verifier.ParsePolicy(w.Policy(cosigners...))
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// count returns the number of rows of a table of the outbox.
func (w *world) count(table string) (n int) {
	w.Helper()
	w.query("SELECT count(*) FROM "+table, &n)
	return n
}

func (w *world) query(q string, into any) {
	w.Helper()
	db, err := sql.Open("sqlite", "file:"+w.config.Outbox)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(q).Scan(into); err != nil {
		w.Fatal(err)
	}
}

// receiptsOf checks every receipt that the outbox keeps, under the source's policy, and returns how
// many there are.
func (w *world) receiptsOf(first uint64) (n int) {
	w.Helper()
	for index := first; index < w.Size(); index++ {
		r, err := source.KeptReceipt(w.Context(), w.config.Outbox, index, "")
		if errors.Is(err, sql.ErrNoRows) {
			continue // an index root
		}
		if err != nil {
			w.Fatal(err)
		}
		o, err := w.Ledger.Log.Opening(w.Context(), index)
		if err != nil {
			w.Fatal(err)
		}
		e, err := entry.ParseParts(o.JWS, o.Disclosures)
		if err != nil {
			w.Fatal(err)
		}
		got, rep := verifier.CheckReceipt(verifier.ReceiptEvidence{
			Receipt: r, Entry: e, Policy: w.config.Policy, Now: time.Now(), Genesis: w.Ledger.Log.Genesis(),
		})
		if rep.Err() != nil || !got.Quorum || got.Index != index {
			w.Errorf("the kept receipt of entry %d: %v", index, rep.Err())
		}
		n++
	}
	return n
}

// Events are submitted at once, but the signed bytes are forgotten only when the cosigners of the
// policy have seen a checkpoint that covers them; then the receipt under it is kept.
func TestForgetsWhatCosignersSaw(t *testing.T) {
	w, board := cosignedWorld(t)
	sum := w.imports(events(5))
	if sum.Logged != 5 || sum.Forgotten != 0 || sum.Uncosigned != 5 || !sum.Quorum {
		t.Errorf("while nobody cosigns: %+v", sum)
	}
	w.logged(5)
	if a, r := w.count("acknowledged"), w.count("receipt"); a != 5 || r != 0 {
		t.Errorf("%d entries kept with their bytes and %d receipts, want 5 and 0", a, r)
	}
	w.Cosign(board)
	more := text("more", event("x", "2026-11-01T10:00:00Z"))
	sum = w.imports(more) // is newer than what was cosigned
	if sum.Logged != 1 || sum.Forgotten != 5 || sum.Uncosigned != 1 {
		t.Errorf("after that: %+v", sum)
	}
	w.Cosign(board)
	if sum = w.imports(more); sum.Forgotten != 1 || sum.Uncosigned != 0 || sum.Known != 1 {
		t.Errorf("in the end: %+v", sum)
	}
	if n := w.receiptsOf(w.founded); n != 6 || w.count("acknowledged") != 0 {
		t.Errorf("%d receipts, %d entries with their bytes, want 6 and 0", n, w.count("acknowledged"))
	}
}

// The source waits for the cosigners as long as it is told, and no longer; heartbeats too.
func TestWaitsForCosigners(t *testing.T) {
	w, board := cosignedWorld(t)
	w.config.Now = func() time.Time { return time.Now().AddDate(0, 0, -1) }
	w.config.Wait = 3
	asked := 0
	w.config.OnWait = func(n int, why error) {
		asked++
		if n != 4 || why == nil {
			t.Errorf("%d entries wait because %v", n, why)
		}
	}
	if sum := w.imports(events(4)); sum.Uncosigned != 4 || asked != 3 {
		t.Errorf("nobody cosigns: %+v, asked %d times", sum, asked)
	}
	w.config.Now = nil
	w.config.Wait = time.Hour
	w.config.OnWait = func(int, error) { w.Cosign(board) }
	if sum := w.imports(); sum.Uncosigned != 0 || sum.Forgotten != 4 {
		t.Errorf("somebody does: %+v", sum)
	}
	if list, err := w.open().Heartbeats(t.Context(), time.Hour); err != nil || len(list) != 1 || w.count("acknowledged") != 0 {
		t.Errorf("heartbeats: %v, %v, %d wait", list, err, w.count("acknowledged"))
	}
}

// The operator's quorum is not the source's: a receipt that has only the first lets nothing go.
func TestOwnPolicyDecides(t *testing.T) {
	w, board := cosignedWorld(t)
	own := testlog.NewCosigner("own.test")
	w.config.Policy = w.policy(board, own)
	w.config.Wait = 1
	var reason string
	w.config.OnWait = func(_ int, why error) { reason = why.Error() }
	w.imports(events(2))
	w.Cosign(board)
	if sum := w.imports(); sum.Uncosigned != 2 || sum.Forgotten != 0 || !strings.Contains(reason, "your own policy") {
		t.Errorf("%+v, because %q", sum, reason)
	}
	w.config.Policy = w.policy(board)
	if sum := w.imports(); sum.Uncosigned != 0 || sum.Forgotten != 2 {
		t.Errorf("then: %+v", sum)
	}
	w.config.Policy = nil
	if sum := w.imports(text("more", event("x", "2026-11-01T10:00:00Z"))); sum.Uncosigned != 0 || sum.Forgotten != 1 || sum.Quorum {
		t.Errorf("without a policy: %+v", sum)
	}
	other := testledger.New(t)
	if _, err := source.Open(t.Context(), func() source.Config {
		c := w.config
		c.Policy, _ = verifier.PolicyForLog(other.LogKey)
		return c
	}()); err == nil {
		t.Error("takes the policy of another log")
	}
}

// lookups returns a wrapper in which f changes what the ledger says of witnessed receipts.
func lookups(f func([]client.Result)) func(http.Handler) http.Handler {
	return func(ledger http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/receipts/lookup" {
				ledger.ServeHTTP(w, r)
				return
			}
			alter(w, r, ledger, f)
		})
	}
}

// A witnessed receipt that does not hold lets nothing go, and says why.
func TestWitnessedReceiptsThatDoNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func([]client.Result)
		want verifier.Check
	}{
		"another's": {func(r []client.Result) { r[0].Receipt, r[1].Receipt = r[1].Receipt, r[0].Receipt }, verifier.CheckBodyCommitment},
		"misfiled":  {func(r []client.Result) { r[0].Receipt.VRFProof[0] ^= 1 }, verifier.CheckFiling},
		"not in the log": {func(r []client.Result) {
			r[1] = client.Result{Status: client.Refused, Problem: &client.Problem{Type: client.ProblemPrefix + "not-found", Status: 404}}
		}, ""},
		"no checkpoint": {func(r []client.Result) { r[0].Receipt.Proof = "" }, verifier.CheckInclusion},
	} {
		t.Run(name, func(t *testing.T) {
			w, board := cosignedWorld(t)
			w.imports(events(2))
			w.Cosign(board)
			w.Through(lookups(c.lie))
			_, err := w.open().Import(t.Context())
			var f *verifier.Failure
			var bad *source.ReceiptError
			if !errors.As(err, &bad) || c.want != "" && (!errors.As(err, &f) || f.Check != c.want) {
				t.Errorf("got %v, want a failure of %q", err, c.want)
			}
			if n := w.count("acknowledged"); n != 2 {
				t.Errorf("%d entries with their bytes, want 2", n)
			}
			w.Through(nil)
			if sum := w.imports(); sum.Uncosigned != 0 || sum.Forgotten != 2 {
				t.Errorf("then: %+v", sum)
			}
		})
	}
}

// The room for receipts is bounded: the oldest go first, counted, and the newest stay.
func TestRoomForReceipts(t *testing.T) {
	w := newWorld(t)
	w.config.Batch, w.config.Receipts = 4, 6000
	sum := w.imports(events(40))
	kept := w.count("receipt")
	if sum.Dropped == 0 || kept == 0 || sum.Dropped+kept != 40 || sum.Logged != 40 {
		t.Errorf("%+v, %d kept", sum, kept)
	}
	var bytes, dropped int
	w.query("SELECT value FROM memory WHERE name = 'bytes'", &bytes)
	w.query("SELECT value FROM memory WHERE name = 'dropped'", &dropped)
	if bytes > 6000 || bytes < 3000 || dropped != sum.Dropped {
		t.Errorf("%d bytes, %d dropped in all", bytes, dropped)
	}
	var notes, receipts int
	w.query("SELECT coalesce(sum(length(CAST(note AS BLOB))), 0) FROM checkpoint", &notes)
	w.query("SELECT sum(bytes) FROM receipt", &receipts)
	if notes+receipts != bytes {
		t.Errorf("%d bytes counted, %d there", bytes, notes+receipts)
	}
	last := w.Size() - 1
	if _, err := source.KeptReceipt(t.Context(), w.config.Outbox, last, ""); err != nil {
		t.Errorf("the newest: %v", err)
	}
	if _, err := source.KeptReceipt(t.Context(), w.config.Outbox, w.founded, ""); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("the oldest: %v", err)
	}
	w.logged(40)
}

// A log that begins otherwise than the source knows is refused before anything is sent to it.
func TestGenesisOfAnotherLog(t *testing.T) {
	w := newWorld(t)
	w.config.Genesis = &wire.Hash{1}
	var bad *source.LogError
	var f *verifier.Failure
	if _, err := w.open().Import(t.Context(), events(2)); !errors.As(err, &bad) || !errors.As(err, &f) ||
		f.Check != verifier.CheckGenesisLeaf {
		t.Errorf("got %v", err)
	}
	w.logged(0)
	w.config.Genesis = nil
	if sum := w.imports(events(2)); sum.Logged != 2 {
		t.Errorf("%+v", sum)
	}
	var known string
	w.query("SELECT value FROM memory WHERE name = 'genesis'", &known)
	if len(known) != 64 {
		t.Errorf("remembers %q", known)
	}
}

// SIGKILL between submission, receipt and forgetting loses nothing: until the receipt with the
// quorum is kept, the signed bytes are.
func TestKilledBeforeForgetting(t *testing.T) {
	testneeds.Time(t, "processes that are killed")
	for _, after := range []bool{false, true} {
		killed := int32(0)
		for n := int32(1); ; n++ {
			w, board := cosignedWorld(t)
			var lookups atomic.Int32
			died := w.killedAt(func(r *http.Request) bool {
				if r.URL.Path != "/v1/receipts/lookup" {
					return r.URL.Path == "/v1/entries"
				}
				if lookups.Add(1) == 1 {
					w.Cosign(board)
				}
				return true
			}, n, after, false)
			if !died {
				break
			}
			killed = n
			signed := w.count("acknowledged")
			var waiting int
			w.query("SELECT count(*) FROM entry WHERE sdjwt IS NOT NULL", &waiting)
			if kept := w.count("receipt"); signed+waiting+kept != w.count("entry") {
				t.Errorf("killed at request %d: of %d entries %d to be sent, %d acknowledged, %d receipts", n, w.count("entry"), waiting, signed, kept)
			}
			w.imports(events(7))
			w.Cosign(board)
			if sum := w.imports(events(7)); sum.Uncosigned != 0 || sum.Known != 7 {
				t.Errorf("then: %+v", sum)
			}
			if n := w.receiptsOf(w.founded); n != 7 || w.count("acknowledged") != 0 {
				t.Errorf("killed at request %d, after %v: %d receipts, %d with their bytes", n, after, n, w.count("acknowledged"))
			}
			var logged int
			for i := w.founded; i < w.Size(); i++ {
				if _, err := w.Ledger.Log.Opening(t.Context(), i); err == nil {
					logged++
				}
			}
			if logged != 7 {
				t.Errorf("%d reports in the log, want 7", logged)
			}
		}
		if killed != 4 {
			t.Errorf("killed at up to %d requests, want 3 submissions and a look for the cosigners", killed)
		}
	}
}

// An entry that the ledger acknowledged at one place and proves at another is not forgotten.
func TestMovedEntry(t *testing.T) {
	w, board := cosignedWorld(t)
	w.imports(events(1))
	w.Cosign(board)
	db, err := sql.Open("sqlite", "file:"+w.config.Outbox)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE acknowledged SET idx = idx - 1"); err != nil {
		t.Fatal(err)
	}
	var bad *source.ReceiptError
	if _, err := w.open().Import(t.Context()); !errors.As(err, &bad) || w.count("acknowledged") != 1 {
		t.Errorf("got %v", err)
	}
}
