package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/record"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// away asserts that /readyz and a submission are refused with the same code, that the log says why
// once, that the process lives, and that what is public can be read.
func (w *world) away(code string) {
	w.Helper()
	said := func() int { return strings.Count(w.lines.String(), `"not ready" path=/readyz why=`+code) }
	before := said()
	for _, r := range []reply{
		w.do("POST", "/v1/entries", submission(w.entry("SRC", person))),
		w.do("GET", "/readyz?append", ""), w.do("GET", "/readyz", ""), w.do("GET", "/readyz", ""),
	} {
		if got := r.problem(w); r.StatusCode != 503 || got != code || r.Header.Get("Retry-After") == "" {
			w.Errorf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
		}
	}
	if n := said() - before; n != 1 {
		w.Errorf("the log says %d times that it is not ready", n)
	}
	for _, path := range []string{"/healthz", "/tile/entries/000.p/1", "/v1/register", "/v1/agreements"} {
		if r := w.do("GET", path, ""); r.StatusCode != 200 {
			w.Errorf("GET %s: %d %s", path, r.StatusCode, r.body)
		}
	}
}

// back asserts that the log is ready and takes an entry, without a restart.
func (w *world) back() {
	w.Helper()
	said := func() int { return strings.Count(w.lines.String(), `"ready again" path=/readyz`+"\n") }
	before := said()
	for _, r := range []reply{
		w.do("GET", "/readyz", ""), w.do("POST", "/v1/entries", submission(w.entry("SRC", person))), w.do("GET", "/readyz", ""),
	} {
		if r.StatusCode != 200 {
			w.Errorf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
		}
	}
	if n := said() - before; n != 1 {
		w.Errorf("the log says %d times that it is ready again", n)
	}
}

// bounded is the database whose file may have 200 pages, 6.4 MB, and no more.
var bounded atomic.Pointer[string]

func init() {
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, dsn string) error {
		of := bounded.Load()
		if of == nil || !strings.Contains(dsn, strings.TrimPrefix(*of, "sqlite:")) {
			return nil
		}
		_, err := c.ExecContext(context.Background(), "PRAGMA max_page_count = 200", nil)
		return err
	})
}

// SQLite cannot make its file larger. There is room for small changes, such as of a lease, and the
// log is not ready all the same, until there is room for entries.
func TestDiskFull(t *testing.T) {
	clock := new(atomic.Int64)
	dsn := testdb.SQLite(t)
	bounded.Store(&dsn)
	w := newWorldWith(t, dsn, func() time.Time { return time.Now().Add(time.Duration(clock.Load())) })
	w.exec("CREATE TABLE ballast (b BLOB)")
	for _, size := range []int{1 << 20, 20 << 10} {
		for err := error(nil); err == nil; {
			err = w.store.Transact(t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) {
				return []storage.Op{{SQL: "INSERT INTO ballast VALUES (zeroblob($1))", Args: []any{int64(size)}}}, nil
			})
			if err != nil && !errors.Is(err, ledger.ErrFull) {
				t.Fatal(err)
			}
		}
	}
	for n := 0; w.do("POST", "/v1/entries", submission(w.entry("SRC", person))).StatusCode == 200; n++ {
		if n == 1000 {
			t.Fatal("the database grows")
		}
	}
	w.away(diskFull)
	clock.Store(int64(2 * time.Second)) // no answer of before is taken for one of now
	if r := w.do("GET", "/readyz", ""); r.problem(t) != diskFull {
		t.Errorf("later: %d %s", r.StatusCode, r.body)
	}
	token := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	ask := `{"id":"` + person + `","purpose":["HCOMPL"]}`
	if r := w.do("POST", "/v1/accesses/search", ask, token...); r.problem(t) != diskFull {
		t.Errorf("a reading that cannot be logged: %d %s", r.StatusCode, r.body)
	}
	w.exec("DROP TABLE ballast")
	w.back()
}

// PostgreSQL says that its disk is full, of entries and of what tries whether there is room.
func TestDiskFullOnPostgreSQL(t *testing.T) {
	w := newWorldOn(t, testdb.PostgreSQL(t))
	w.exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100'', MESSAGE = ''could not extend file''; END'`,
		"CREATE TRIGGER a BEFORE INSERT ON leaf FOR EACH ROW EXECUTE FUNCTION full_disk()",
		"CREATE TRIGGER b BEFORE UPDATE OF room ON lease FOR EACH ROW EXECUTE FUNCTION full_disk()")
	w.away(diskFull)
	w.exec("DROP TRIGGER a ON leaf", "DROP TRIGGER b ON lease")
	w.back()
}

// The machine's disks have less room than the operator wants to be left.
func TestReserveOfDisk(t *testing.T) {
	var full atomic.Bool
	w := newWorldOf(t, testdb.SQLite(t), func(c *ledger.Config) {
		c.Room = func() error {
			if full.Load() {
				return ledger.ErrFull
			}
			return nil
		}
	})
	full.Store(true)
	w.away(diskFull)
	full.Store(false)
	w.back()
}

func TestFrozen(t *testing.T) {
	w := newWorld(t)
	for _, state := range []string{"2", "5"} { // frozen, draining
		w.exec("UPDATE tree SET state = " + state)
		w.away(frozen)
		w.exec("UPDATE tree SET state = 1")
		w.back()
	}
}

// Somebody has a checkpoint by the log's key that is not of the tree in the database.
func TestForked(t *testing.T) {
	w := newWorld(t)
	signed, err := proof.Checkpoint{Origin: origin, Size: w.size() + 1, Root: wire.Hash{1}}.Sign(w.keys.Log)
	w.ok(err)
	if r := w.do("POST", "/v1/cosignatures", string(signed), "Content-Type", "text/plain"); r.problem(t) != inconsistentCheckpoint {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	w.away(stopped)
	if r := w.do("GET", "/readyz", ""); !strings.Contains(string(r.body), "igledger recover") {
		t.Errorf("it does not say what to do: %s", r.body)
	}
}

// heldRecord is a signing record that cannot be written while err is set.
type heldRecord struct {
	record.Record
	err atomic.Pointer[error]
}

func (r *heldRecord) Swap(ctx context.Context, old, next []byte) error {
	if err := r.err.Load(); err != nil {
		return *err
	}
	return r.Record.Swap(ctx, old, next)
}

func TestSigningRecordAway(t *testing.T) {
	held := new(heldRecord)
	w := newWorldOf(t, testdb.SQLite(t), func(c *ledger.Config) {
		var err error
		if held.Record, err = record.Open(t.Context(), "file:"+t.TempDir()+"/record", c.Keys.LogVerifierKey); err != nil {
			t.Fatal(err)
		}
		c.Record = held
	})
	for code, err := range map[string]error{
		signingRecord: errors.New("input/output error"), diskFull: &wrapped{syscall.ENOSPC}, keyMismatch: ledger.ErrKeys,
	} {
		held.err.Store(&err)
		w.away(code)
		held.err.Store(nil)
		w.back()
	}
}

type wrapped struct{ error }

func (e *wrapped) Unwrap() error { return e.error }

// The operator's key was revoked, so that no index root and no reading can be logged. Accesses are
// taken.
func TestOperatorsKeyRevoked(t *testing.T) {
	w := newWorld(t)
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.append(w.registrar, &entry.KeyRevocation{Common: entry.Common{Issuer: "REG", Audience: origin}, Org: "OPR",
		KID: w.keys.Operator.KID, Reason: "compromised"})
	if r := w.do("GET", "/readyz", ""); r.problem(t) != keyMismatch {
		t.Errorf("readyz: %d %s", r.StatusCode, r.body)
	}
	root := w.sign(w.keys.Operator, &entry.IndexRoot{Common: entry.Common{Issuer: "OPR", Audience: origin}, Size: w.size(),
		Root: wire.Hash{1}})
	if r := w.do("POST", "/v1/entries", submission(root.SDJWT())); r.problem(t) != "revoked-key" {
		t.Errorf("the operator's own entry: %d %s", r.StatusCode, r.body)
	}
	ask := `{"id":"` + person + `","purpose":["HCOMPL"]}`
	if r := w.do("POST", "/v1/accesses/search", ask, "Authorization", "Bearer "+w.token(w.audit["AUD"], "AUD")); r.problem(t) != keyMismatch {
		t.Errorf("a reading: %d %s", r.StatusCode, r.body)
	}
	for _, r := range []reply{w.do("GET", "/readyz?append", ""), w.do("POST", "/v1/entries", submission(w.entry("SRC", person)))} {
		if r.StatusCode != 200 {
			t.Errorf("%s: %d %s", r.Request.URL, r.StatusCode, r.body)
		}
	}
}

// No index root covers more entries than the genesis allows to be left out.
func TestIndexFarBehind(t *testing.T) {
	w := newWorld(t)
	f := w.withIndex()
	w.ok(f.Step(t.Context()))
	var list []*entry.Entry
	for range w.log.Genesis().IndexLag + 1 {
		list = append(list, w.sign(w.submit["SRC"], w.access("SRC", person)))
	}
	for _, r := range w.log.Append(t.Context(), list...) {
		w.ok(r.Err)
	}
	for _, step := range []bool{false, true} {
		if step { // read, and refused a root
			w.exec("UPDATE tree SET state = 2")
			if err := f.Step(t.Context()); err == nil {
				t.Fatal("an index root in a frozen log")
			}
			w.exec("UPDATE tree SET state = 1")
		}
		if r := w.do("GET", "/readyz", ""); r.problem(t) != indexBehind || !strings.Contains(string(r.body), "1001 entries") {
			t.Errorf("readyz: %d %s", r.StatusCode, r.body)
		}
		if r := w.do("GET", "/readyz?append", ""); r.StatusCode != 200 {
			t.Errorf("readyz?append: %d %s", r.StatusCode, r.body)
		}
	}
	w.ok(f.Step(t.Context()))
	w.back()
}

// counted counts the lines that say that an append failed.
type counted struct{ atomic.Int64 }

func (c *counted) Write(p []byte) (int, error) {
	c.Add(int64(bytes.Count(p, []byte(`msg="append failed" entries=`))))
	return len(p), nil
}

// A database that takes nothing is one line in the log, not one for each try: lines go to a disk
// too.
func TestFailuresAreLoggedOnce(t *testing.T) {
	var said counted
	w := newWorldOf(t, testdb.SQLite(t), func(c *ledger.Config) { c.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	for want := int64(1); want <= 2; want++ {
		w.exec("CREATE TRIGGER a BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'no room'); END")
		for range 3 {
			if r := w.do("POST", "/v1/entries", submission(w.entry("SRC", person))); r.StatusCode == 200 {
				t.Fatal("appended")
			}
		}
		if n := said.Load(); n != want {
			t.Errorf("said %d times, want %d", n, want)
		}
		w.exec("DROP TRIGGER a")
		if r := w.do("POST", "/v1/entries", submission(w.entry("SRC", person))); r.StatusCode != 200 {
			t.Fatalf("%d %s", r.StatusCode, r.body)
		}
	}
}
