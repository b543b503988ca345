package storage

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const crashEnv = "IGLEDGER_STORAGE_CRASH_DSN"

// TestProcessKilled kills a process (SIGKILL) that appends as fast as it can, several times. What
// it acknowledged is there; the log verifies; the next process goes on.
func TestProcessKilled(t *testing.T) {
	if dsn := os.Getenv(crashEnv); dsn != "" {
		appendUntilKilled(t, dsn)
		return
	}
	each(t, func(t *testing.T, dsn string) {
		s := openTest(t, dsn)
		tree := mustTree(t, s, "log")
		n := 0
		for kills := 1; kills <= 4; kills++ {
			cmd := exec.Command(os.Args[0], "-test.run=^TestProcessKilled$", "-test.v")
			cmd.Env = append(os.Environ(), crashEnv+"="+dsn)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			acked := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &n); err == nil {
					if acked++; acked == 3*kills {
						if err := cmd.Process.Kill(); err != nil {
							t.Fatal(err)
						}
					}
				} else if !strings.HasPrefix(lines.Text(), "=== RUN") {
					t.Fatalf("the child says: %s", lines.Text())
				}
			}
			_ = cmd.Wait() // it was killed
			head := checkLog(t, s, tree)
			if head.Size < uint64(n) {
				t.Fatalf("%d leaves were acknowledged, %d are there", n, head.Size)
			}
			checkChains(t, s, tree, someLeaves("w", 0, int(head.Size)))
		}
		if n == 0 {
			t.Fatal("nothing was acknowledged")
		}
	})
}

// appendUntilKilled goes on where the log ends, which a repeat of its last batch may find to be
// stored.
func appendUntilKilled(t *testing.T, dsn string) {
	s := openTest(t, dsn)
	tree := mustTree(t, s, "log")
	head, err := s.Head(context.Background(), tree)
	if err != nil {
		t.Fatal(err)
	}
	n := max(0, int(head.Size)-17)
	for {
		batch := someLeaves("w", n, 17)
		mustAppend(t, s, tree, batch)
		n += len(batch)
		fmt.Printf("acknowledged %d\n", n)
	}
}
