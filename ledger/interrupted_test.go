package ledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/record"
	"igledger/ledger/storage"
)

// lifetime is what a process does that is killed at any point of it: it migrates the database,
// creates the log of genesis unless there is one, appends entries, closes the log and rebuilds it.
// It tells each step before it takes it.
func lifetime(dsn, dir string, step func(string)) error {
	ctx := context.Background()
	step("migrates")
	store, err := storage.Create(ctx, dsn)
	if err != nil {
		return err
	}
	defer store.Close()
	keys, err := ledger.LoadKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	signed, err := record.Open(ctx, "file:"+filepath.Join(dir, "keys", "signed"), keys.LogVerifierKey)
	if err != nil {
		return err
	}
	defer signed.Close()
	text, err := os.ReadFile(filepath.Join(dir, "genesis"))
	if err != nil {
		return err
	}
	genesis, err := entry.Parse(string(text))
	if err != nil {
		return err
	}
	cfg := ledger.Config{Storage: store, Keys: keys, Record: signed, Origin: origin, Rules: ungoverned{}}
	step("creates")
	log, err := ledger.Create(ctx, cfg, genesis)
	if errors.Is(err, ledger.ErrExists) {
		log, err = ledger.Open(ctx, cfg)
	}
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	for n := range 5 {
		step("appends")
		e, err := entry.Sign(keys.Operator, &entry.Access{Common: entry.Common{Issuer: "OPR", Audience: origin}, Source: "s",
			Action: "R", Outcome: "0", Recorded: "2026-11-27T10:00:00Z", Sub: fmt.Sprintf("temp:OPR:%d", n)})
		if err != nil {
			return err
		}
		if r := log.Append(ctx, e)[0]; r.Err != nil {
			return fmt.Errorf("appending: %w", r.Err)
		}
	}
	step("closes")
	if err := log.Close(ctx); err != nil {
		return err
	}
	// The leases of those that were killed have ended, as after half a minute.
	err = store.Transact(ctx, func(context.Context, storage.Runner) ([]storage.Op, error) {
		return []storage.Op{{SQL: "DELETE FROM lease"}}, nil
	})
	if err != nil {
		return err
	}
	step("rebuilds")
	_, err = ledger.Rebuild(ctx, cfg, func(uint64) { step("rebuilds") })
	return err
}

// A process is killed at random points of its life, again and again, with whatever the one before
// has left. The next always works.
func TestKilledAtAnyPoint(t *testing.T) {
	const rounds = 8
	testdb.Each(t, func(t *testing.T, dsn string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		w := newWorld(t, testdb.SQLite(t)) // for its keys and genesis
		w.keyDir = t.TempDir()
		if err := ledger.GenerateKeys(filepath.Join(w.keyDir, "keys"), origin); err != nil {
			t.Fatal(err)
		}
		var err error
		w.keys, err = ledger.LoadKeys(filepath.Join(w.keyDir, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.keyDir, "genesis"), []byte(w.genesis().SDJWT()), 0o600); err != nil {
			t.Fatal(err)
		}
		for round := range rounds {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "IGLEDGER_TEST_VICTIM="+dsn, "IGLEDGER_TEST_VICTIM_KEYS="+w.keyDir,
				"IGLEDGER_TEST_LIFETIME=1")
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			at := 1 + random.IntN(3+4*round) // of the 15 and more steps of a life
			for lines, n := bufio.NewScanner(out), 1; lines.Scan(); n++ {
				if n == at {
					t.Logf("round %d: killed when it %s (step %d)", round, lines.Text(), n)
					cmd.Process.Kill() //nolint:errcheck // it may have ended
				}
			}
			if err := cmd.Wait(); err != nil && cmd.ProcessState.Exited() {
				t.Fatalf("round %d: after those that were killed: %v", round, err)
			}
		}
		if err := lifetime(dsn, w.keyDir, func(string) {}); err != nil {
			t.Fatal(err)
		}
		w.record = w.openRecord("file:" + filepath.Join(w.keyDir, "keys", "signed"))
		w.dsn = dsn
		w.reopen()
		w.checkLog()
	})
}
