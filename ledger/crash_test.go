package ledger_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"igledger/internal/testdb"
	"igledger/internal/testneeds"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/record"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// TestMain makes the test binary the process that is killed, see victim.
func TestMain(m *testing.M) {
	if dsn := os.Getenv("IGLEDGER_TEST_VICTIM"); dsn != "" {
		dir := os.Getenv("IGLEDGER_TEST_VICTIM_KEYS")
		live := func() error { return victim(dsn, dir) }
		if os.Getenv("IGLEDGER_TEST_LIFETIME") != "" {
			live = func() error { return lifetime(dsn, dir, func(step string) { fmt.Println(step) }) }
		}
		if err := live(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim appends for ever from several goroutines and prints the jti of each entry once it is
// acknowledged.
func victim(dsn, dir string) error {
	ctx := context.Background()
	store, err := storage.Create(ctx, dsn)
	if err != nil {
		return err
	}
	keys, err := ledger.LoadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "source.jwk"))
	if err != nil {
		return err
	}
	source, err := wire.ParseSigner(data)
	if err != nil {
		return err
	}
	signed, err := record.Open(ctx, "file:"+filepath.Join(dir, "keys", "signed"), keys.LogVerifierKey)
	if err != nil {
		return err
	}
	log, err := ledger.Open(ctx, ledger.Config{Storage: store, Keys: keys, Record: signed, Origin: origin, Rules: ungoverned{}})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error)
	for c := range 8 {
		go func() {
			for n := 0; ; n++ {
				e, err := entry.Sign(source, &entry.Access{Common: entry.Common{Issuer: "SRC", Audience: origin}, Source: fmt.Sprint("s", c),
					Action: "R", Outcome: "0", Recorded: time.Now().UTC().Format(time.RFC3339), Sub: fmt.Sprintf("temp:SRC:%d", n%9)})
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println("trying", e.SDJWT()) // so that the parent can send again what was cut off
				mu.Unlock()
				r := log.Append(ctx, e)[0]
				if r.Err != nil {
					failed <- r.Err
					return
				}
				mu.Lock()
				fmt.Println("signed", hex.EncodeToString([]byte(r.Receipt.Proof)))
				fmt.Println("acked", e.ID)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// The process is killed with SIGKILL under load, many times. Every acknowledged entry is in the log
// once, unanswered ones can be sent again, receipts verify, and the log has no gap.
func TestKilledUnderLoad(t *testing.T) {
	testneeds.Time(t, "processes that are killed")
	const rounds = 6
	testdb.Each(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		dir := w.keyDir
		jwk, err := w.source.MarshalPrivate()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "source.jwk"), jwk, 0o600); err != nil {
			t.Fatal(err)
		}
		acked, tried := map[string]bool{}, map[string]*entry.Entry{}
		for round := range rounds {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "IGLEDGER_TEST_VICTIM="+dsn, "IGLEDGER_TEST_VICTIM_KEYS="+dir)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			lines.Buffer(nil, 1<<20)
			seen := 0
			for lines.Scan() {
				word, rest, _ := strings.Cut(lines.Text(), " ")
				switch word {
				case "trying":
					e, err := entry.Parse(rest)
					if err != nil {
						break // the last line may be cut off
					}
					tried[e.ID] = e
				case "acked":
					if len(rest) == 36 {
						acked[rest] = true
					}
					// A different moment of the batch each time.
					if seen++; seen == 40+23*round {
						cmd.Process.Kill() //nolint:errcheck // it may be dead already, and what follows notices
					}
				}
			}
			if err := cmd.Wait(); cmd.ProcessState.Exited() {
				t.Fatalf("round %d: the process ended by itself: %v", round, err)
			}
		}
		w.reopen()
		for id := range acked {
			r, err := w.log.Receipt(w.ctx, "SRC", id, ledger.Newest)
			if err != nil {
				t.Fatalf("an acknowledged entry is gone: %v", err)
			}
			w.checkReceipt(tried[id], r)
		}
		for _, e := range tried { // a source sends again all it has no receipt of
			w.checkReceipt(e, w.must(e))
		}
		size, _ := w.log.Size(w.ctx)
		if want := uint64(4 + len(tried)); size != want {
			t.Errorf("the log has %d entries, want %d: genesis, 3 of the register, %d accesses", size, want, len(tried))
		}
		w.checkLog()
	})
}

// The database server is killed under load. Callers get ErrUnavailable, no acknowledged entry is
// lost, and the ledger recovers by itself.
func TestDatabaseKilled(t *testing.T) {
	server := testdb.StartPostgres(t)
	w := newWorld(t, server.Database(t))
	var acked []*entry.Entry
	for range 50 {
		e := w.access(person)
		w.must(e)
		acked = append(acked, e)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	// A backend goes on until it notices that its server is gone. After that nothing is
	// acknowledged.
	var lost *entry.Entry
	for lost == nil {
		e := w.access(person)
		switch r := w.log.Append(w.ctx, e)[0]; {
		case r.Err == nil:
			acked = append(acked, e)
		case errors.Is(r.Err, storage.ErrUnavailable):
			lost = e
		default:
			t.Fatalf("without a database: %v", r.Err)
		}
	}
	if err := w.log.Ready(w.ctx); err == nil {
		t.Error("ready without a database")
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	w.checkReceipt(lost, w.must(lost))
	if err := w.log.Ready(w.ctx); err != nil {
		t.Errorf("not ready again: %v", err)
	}
	for _, e := range acked {
		if r := w.must(e); !r.Replayed {
			t.Error("an acknowledged entry was lost")
		}
	}
	w.checkLog()
}
