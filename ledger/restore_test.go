package ledger_test

import (
	"bufio"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger/proof"
)

// victim runs another process that appends to the database, and calls seen for each line that it
// prints until seen returns false: then it kills the process. It returns how the process ended.
func (w *world) victim(dsn string, seen func(word, rest string) bool) *os.ProcessState {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "IGLEDGER_TEST_VICTIM="+dsn, "IGLEDGER_TEST_VICTIM_KEYS="+w.keyDir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for alive := true; lines.Scan(); { // to its end, so that nothing it has signed is missed
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if !seen(word, rest) && alive {
			alive = false
			cmd.Process.Kill() //nolint:errcheck // it may be dead already
		}
	}
	_ = cmd.Wait() // killed, or it says on standard output what it saw
	return cmd.ProcessState
}

// A backup is taken under load, the process is killed, and the backup is restored: no process signs
// on from there. The database that was left behind goes on. Of all that was ever signed, no two
// contradict each other.
func TestRestoredUnderLoad(t *testing.T) {
	run := func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		jwk, err := w.source.MarshalPrivate()
		if err == nil {
			err = os.WriteFile(filepath.Join(w.keyDir, "source.jwk"), jwk, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		signed := signedRoots{}
		var restore func() string
		acked := 0
		see := func(word, rest string) bool {
			switch word {
			case "signed":
				data, err := hex.DecodeString(rest)
				if err != nil {
					return true // cut off
				}
				in, err := proof.ParseInclusion(data)
				if err != nil {
					return true
				}
				signed.add(t, w, string(in.Checkpoint))
			case "acked":
				if acked++; acked == 60 {
					restore = testdb.Backup(t, dsn)
				}
			}
			return acked < 120
		}
		if ended := w.victim(dsn, see); ended.Exited() {
			t.Fatalf("the process ended by itself: %v", ended)
		}
		restored := restore()
		n := len(signed)
		if ended := w.victim(restored, func(word, rest string) bool { see(word, rest); return true }); !ended.Exited() || ended.Success() {
			t.Errorf("on the restored backup: %v", ended)
		}
		if len(signed) != n || acked > 200 {
			t.Errorf("%d checkpoints were signed on the restored backup", len(signed)-n)
		}
		w.on(restored)
		w.mustBeStopped("went back")
		w.on(dsn)
		signed.receipt(t, w, w.must(w.access(person)))
		w.checkLog()
	}
	t.Run("sqlite", func(t *testing.T) { run(t, testdb.SQLite(t)) })
	t.Run("postgresql", func(t *testing.T) { run(t, testdb.PostgreSQL(t)) })
}
