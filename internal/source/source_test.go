package source_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/internal/source"
	"igledger/internal/testledger"
	"igledger/internal/testlog"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// world is a ledger and a source SRC that reports to it.
type world struct {
	*testledger.Ledger
	testing.TB
	config  source.Config
	rejects []error
	founded uint64 // size before the first report

	policyText []byte // of config.Policy
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return worldOf(t, testledger.New(t))
}

func worldOf(t testing.TB, l *testledger.Ledger) *world {
	t.Helper()
	w := &world{Ledger: l, TB: t}
	key := w.Enrol("SRC", []entry.Role{entry.RoleController, entry.RoleSource}, entry.PurposeSubmit)
	w.config = source.Config{Client: &client.Client{Base: w.URL}, LogKey: w.LogKey, Org: "SRC", Signer: key, Source: "ehr",
		Outbox:   filepath.Join(t.TempDir(), "outbox"),
		OnReject: func(err error) { w.rejects = append(w.rejects, err) }}
	w.founded = w.Size()
	return w
}

// open opens an agent on the world's outbox as a new process would.
func (w *world) open() *source.Agent {
	w.Helper()
	a, err := source.Open(w.Context(), w.config)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { a.Close() })
	return a
}

// imports runs an import that must succeed.
func (w *world) imports(inputs ...source.Input) source.Summary {
	w.Helper()
	sum, err := w.open().Import(w.Context(), inputs...)
	if err != nil {
		w.Fatal(err)
	}
	return sum
}

// logged fails unless the log holds n reports.
func (w *world) logged(n uint64) {
	w.Helper()
	if got := w.Size() - w.founded; got != n {
		w.Errorf("%d reports in the log, want %d", got, n)
	}
}

func text(name, s string) source.Input {
	return source.Input{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }}
}

// event is an AuditEvent that becomes one entry.
func event(id, recorded string) string {
	return fmt.Sprintf(`{"resourceType":"AuditEvent","id":%q,"type":{"code":"rest"},"recorded":%q,`+
		`"agent":[{"requestor":true}],"source":{"observer":{"display":"x"}},"entity":[{"what":{"reference":"Patient/p1"},`+
		`"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"}}]}`+"\n", id, recorded)
}

func events(n int) source.Input {
	var b strings.Builder
	for i := range n {
		b.WriteString(event(fmt.Sprint(i), "2026-11-01T10:00:00Z"))
	}
	return text("events", b.String())
}

// submissions returns a wrapper that passes each POST /v1/entries to f, together with the ledger's
// honest handler.
func submissions(f func(w http.ResponseWriter, r *http.Request, ledger http.Handler)) func(http.Handler) http.Handler {
	return func(ledger http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == "/v1/entries" {
				f(w, r, ledger)
				return
			}
			ledger.ServeHTTP(w, r)
		})
	}
}

// altered returns a wrapper in which f changes the results that the ledger returns.
func altered(f func([]client.Result)) func(http.Handler) http.Handler {
	return submissions(func(w http.ResponseWriter, r *http.Request, ledger http.Handler) {
		alter(w, r, ledger, f)
	})
}

// alter answers as the ledger does, but for what f changes in the results.
func alter(w http.ResponseWriter, r *http.Request, ledger http.Handler, f func([]client.Result)) {
	rec := httptest.NewRecorder()
	ledger.ServeHTTP(rec, r)
	var answer client.Results
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		panic(err)
	}
	f(answer.Results)
	json.NewEncoder(w).Encode(answer)
}

// Every event of an input is in the log once, however often it is read. Two identical events are
// two entries.
func TestImport(t *testing.T) {
	w := newWorld(t)
	w.config.Batch = 3
	sent := 0
	w.config.OnSent = func(n int) { sent += n }
	want := source.Summary{Events: 7, Taken: 7, Logged: 7, Forgotten: 7, Size: w.founded + 7}
	if sum := w.imports(events(7)); sum != want || sent != 7 {
		t.Errorf("%+v and %d sent, want %+v", sum, sent, want)
	}
	twin := event("twin", "2026-11-01T10:00:00Z")
	if sum := w.imports(events(7), text("twins", twin+twin)); sum.Events != 9 || sum.Known != 7 || sum.Logged != 2 {
		t.Errorf("%+v", sum)
	}
	if sum := w.imports(text("twins", twin+twin)); sum.Known != 2 || sum.Logged != 0 {
		t.Errorf("%+v", sum)
	}
	w.logged(9)
	if len(w.rejects) > 0 {
		t.Errorf("rejected: %v", w.rejects)
	}
	info, err := os.Stat(w.config.Outbox)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the outbox has mode %v: %v", info.Mode(), err)
	}
}

// An event that is not an AuditEvent does not affect the other events and inputs.
func TestUnreadableEvents(t *testing.T) {
	w := newWorld(t)
	good := func(id string) string { return event(id, "2026-11-01T10:00:00Z") }
	sum := w.imports(
		text("mixed", good("a")+`{"resourceType":"AuditEvent","id":"bad","entity":7}`+"\n"+good("b")),
		text("broken", good("c")+`{"resourceType":"AuditEvent","id`),
		text("last", good("d")))
	if sum.Events != 6 || sum.Taken != 4 || sum.Logged != 4 || sum.Unreadable != 2 {
		t.Errorf("%+v", sum)
	}
	w.logged(4)
	var ev *source.EventError
	var in *source.InputError
	if all := errors.Join(w.rejects...); len(w.rejects) != 2 || !errors.As(all, &ev) || ev.Input != "mixed" || ev.Number != 2 ||
		ev.Line != 2 ||
		!errors.As(all, &in) || in.Input != "broken" || in.Rest {
		t.Errorf("rejected: %v", w.rejects)
	}
	none := source.Input{Name: "none", Open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }}
	if _, err := w.open().Import(t.Context(), none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an input that cannot be opened: %v", err)
	}
}

// The outbox is the file of that name, whatever is in the name.
func TestNamesOfOutboxes(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{":memory:", "a?mode=memory", "a%20b", "a#b", "file:c", "d e"} {
		t.Chdir(t.TempDir())
		w.config.Outbox, w.config.Source = name, fmt.Sprint("s", i)
		if first, again := w.imports(events(2)), w.imports(events(2)); first.Taken != 2 || again.Known != 2 {
			t.Errorf("%s: %+v, then %+v", name, first, again)
		}
		if info, err := os.Stat(name); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// A file that is something else stays as it is. SQLite would make its tables in any database.
func TestOtherFilesAreNoOutbox(t *testing.T) {
	w := newWorld(t)
	database := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE leaf (k)"); err != nil {
		t.Fatal(err)
	}
	letter := filepath.Join(t.TempDir(), "letter.txt")
	testlog.WriteFiles(filepath.Dir(letter), map[string][]byte{"letter.txt": []byte(strings.Repeat("Dear colleague, ", 400))})
	for _, path := range []string{database, letter} {
		before, _ := os.ReadFile(path)
		w.config.Outbox = path
		_, opened := source.Open(t.Context(), w.config)
		_, listed := source.List(t.Context(), path)
		_, original := source.KeptOriginal(t.Context(), path, "", 1)
		_, receipt := source.KeptReceipt(t.Context(), path, 1, "")
		for _, err := range []error{opened, listed, original, receipt} {
			if err == nil || !strings.Contains(err.Error(), path+" is no outbox") {
				t.Errorf("%v, want that %s is no outbox", err, path)
			}
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", path)
		}
	}
}

func TestHeartbeatNumbers(t *testing.T) {
	w := newWorld(t)
	w.config.Now = func() time.Time { return time.Now().AddDate(0, 0, -1) }
	w.imports(events(4), text("refused", event("late", "2090-01-01T00:00:00Z")))
	w.config.Now = nil
	list, err := w.open().Heartbeats(t.Context(), time.Hour)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if n := list[0].DayNumbers; n.First != 1 || n.Last != 5 || n.Count != 5 || n.Receipts != 5 || n.Gaps {
		t.Errorf("%+v, want no gap where the ledger refused", n)
	}
	if _, err := w.open().Heartbeats(t.Context(), time.Second); err != nil {
		t.Errorf("nothing due, whatever the interval: %v", err)
	}
}

// What the ledger cannot take now, for any reason, stays in the outbox and is sent the next time.
func TestLedgerThatCannotTakeIt(t *testing.T) {
	problem := func(status int, code string) func(http.Handler) http.Handler {
		return submissions(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(client.Problem{Type: client.ProblemPrefix + code, Status: status, Title: code})
		})
	}
	result := func(i int, status int, code string) func(http.Handler) http.Handler {
		return altered(func(r []client.Result) {
			r[i] = client.Result{Status: client.Refused, Problem: &client.Problem{Type: client.ProblemPrefix + code, Status: status}}
		})
	}
	proxy := submissions(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "<html>", http.StatusUnprocessableEntity)
	})
	for name, c := range map[string]struct {
		wrap    func(http.Handler) http.Handler
		events  int
		refused bool // a *RefusedError
	}{
		"away":                    {problem(503, "unavailable"), 2, false},
		"failed":                  {problem(500, "internal"), 2, false},
		"failed, of one":          {problem(500, "internal"), 1, true}, // the problem of a single entry is the whole answer
		"a proxy's page":          {proxy, 1, false},
		"a refusal without code":  {result(1, 422, ""), 2, true},
		"one of a batch failed":   {result(1, 500, "internal"), 2, true},
		"a key that is not there": {result(0, 403, "unknown-key"), 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Through(c.wrap)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			away := false
			w.config.Client.OnRetry = func(error, time.Duration) { away = true; cancel() }
			sum, err := w.open().Import(ctx, events(c.events))
			var refused *source.RefusedError
			if err == nil || errors.As(err, &refused) != c.refused || away && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			if away != (name == "away") || sum.Refused > 0 || len(w.rejects) > 0 {
				t.Errorf("tried again %v, given up %+v, %v", away, sum, w.rejects)
			}
			w.Through(nil)
			// What the ledger took of a batch is settled, whatever it said of the rest.
			if then := w.imports(); sum.Logged+then.Logged != c.events || sum.Logged+sum.Waiting != sum.Events {
				t.Errorf("%+v, then: %+v", sum, then)
			}
			w.logged(uint64(c.events))
		})
	}
}

// If a key is registered later, nothing is lost.
func TestKeyRegisteredLater(t *testing.T) {
	w := newWorld(t)
	key, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	w.config.Signer = key
	var refused *source.RefusedError
	if _, err := w.open().Import(t.Context(), events(3)); !errors.As(err, &refused) || refused.Problem.Code() != string(wire.UnknownKey) {
		t.Errorf("got %v", err)
	}
	w.AddKey("SRC", key, entry.PurposeSubmit)
	w.founded++
	if sum := w.imports(events(3)); sum.Logged != 3 || sum.Known != 3 {
		t.Errorf("%+v", sum)
	}
	w.logged(3)
}

// While the receipt is not valid, the event stays in the outbox.
func TestReceiptsThatDoNotHold(t *testing.T) {
	for name, c := range map[string]struct {
		lie  func([]client.Result)
		want verifier.Check
	}{
		"another's":              {func(r []client.Result) { r[0].Receipt, r[1].Receipt = r[1].Receipt, r[0].Receipt }, verifier.CheckBodyCommitment},
		"another salt":           {func(r []client.Result) { r[1].Receipt.BodySalt[0] ^= 1 }, verifier.CheckBodyCommitment},
		"another person's":       {func(r []client.Result) { r[1].Receipt.Tag[0] ^= 1 }, verifier.CheckTagCommitment},
		"no proof of the filing": {func(r []client.Result) { r[1].Receipt.VRFProof[0] ^= 1 }, verifier.CheckFiling},
		"no proof":               {func(r []client.Result) { r[1].Receipt.Proof = "" }, ""},
		"empty":                  {func(r []client.Result) { *r[1].Receipt = bundle.Receipt{} }, ""},
		"another's proof":        {func(r []client.Result) { r[1].Receipt.Proof = r[0].Receipt.Proof }, verifier.CheckInclusion},
		"a checkpoint not signed": {func(r []client.Result) {
			r[1].Receipt.Proof = r[1].Receipt.Proof[:len(r[1].Receipt.Proof)-9] + "AAAAAAA=\n"
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Through(altered(c.lie))
			for range 2 { // and fails again
				_, err := w.open().Import(t.Context(), events(2))
				var bad *source.ReceiptError
				var f *verifier.Failure
				if !errors.As(err, &bad) || !errors.As(err, &f) || c.want != "" && f.Check != c.want {
					t.Fatalf("got %v, want a failure of %q", err, c.want)
				}
			}
			w.Through(nil)
			if sum := w.imports(events(2)); sum.Logged != 2 || sum.Known != 2 {
				t.Errorf("then: %+v", sum)
			}
			w.logged(2)
		})
	}
}

// The index that is kept and reported is the proved one.
func TestIndexIsTheProvenOne(t *testing.T) {
	w := newWorld(t)
	w.Through(altered(func(r []client.Result) { r[0].Index += 1000 }))
	if sum := w.imports(events(1)); sum.Size != w.Size() {
		t.Errorf("log size %d, want %d", sum.Size, w.Size())
	}
}

// A log with another key is not trusted, whatever it answers.
func TestAnotherLog(t *testing.T) {
	w, other := newWorld(t), testledger.New(t)
	w.config.LogKey = other.LogKey
	_, err := w.open().Import(t.Context(), events(1))
	var f *verifier.Failure
	if !errors.As(err, &f) || f.Check != verifier.CheckCheckpointSignature {
		t.Errorf("got %v", err)
	}
	var stream *source.StreamError
	w.config.LogKey = w.LogKey
	if _, err := source.Open(t.Context(), w.config); !errors.As(err, &stream) || stream.LogKey != other.LogKey {
		t.Errorf("an outbox of another log: %v", err)
	}
	w.config.LogKey = "nonsense"
	if _, err := source.Open(t.Context(), w.config); err == nil {
		t.Error("opened with an invalid key")
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	w.open()
	for name, change := range map[string]func(*source.Config){
		"another source":       func(c *source.Config) { c.Source = "lims" },
		"another organisation": func(c *source.Config) { c.Org = "OTH" },
	} {
		c := w.config
		change(&c)
		var stream *source.StreamError
		if _, err := source.Open(t.Context(), c); !errors.As(err, &stream) || stream.Org != "SRC" || stream.Source != "ehr" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, batch := range []int{-1, client.MaxEntries + 1} {
		c := w.config
		c.Batch = batch
		if _, err := source.Open(t.Context(), c); err == nil {
			t.Errorf("a batch of %d", batch)
		}
	}
}

// No error or callback names the person.
func TestErrorsNameNoPerson(t *testing.T) {
	w := newWorld(t)
	const chi = "2902400015"
	person := strings.Replace(event("a", "2090-01-01T00:00:00Z"), `"reference":"Patient/p1"`,
		`"identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"`+chi+`"}`, 1)
	bad := strings.Replace(person, `"code":"rest"`, `"code":7`, 1)
	if !strings.Contains(person, chi) || bad == person {
		t.Fatal("the events are not what this test needs")
	}
	w.imports(text("events", person+bad))
	if len(w.rejects) != 2 {
		t.Fatalf("rejected: %v", w.rejects)
	}
	if i := slices.IndexFunc(w.rejects, func(err error) bool { return strings.Contains(err.Error(), chi) }); i >= 0 {
		t.Errorf("names the person: %v", w.rejects[i])
	}
}

// An organisation that embeds the agent gets neither a ledger nor a command line.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "igledger/internal/source").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		if dep == "igledger/ledger" || strings.HasPrefix(dep, "igledger/ledger/storage") || strings.HasPrefix(dep, "igledger/cmd/") ||
			strings.Contains(dep, "urfave") || strings.Contains(dep, "trillian") || strings.Contains(dep, "pgx") || dep == "testing" {
			t.Errorf("depends on %s", dep)
		}
	}
}
