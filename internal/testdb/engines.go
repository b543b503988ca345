package testdb

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// engineEnv names the engine of One: sqlite, postgresql or cockroachdb.
const engineEnv = "IGLEDGER_TEST_ENGINE"

// One returns the URL of a fresh database for a test that needs one, whatever its engine: SQLite,
// or what IGLEDGER_TEST_ENGINE names.
func One(t testing.TB) string {
	t.Helper()
	name := os.Getenv(engineEnv)
	for _, e := range engines {
		if e.name == name || name == "" {
			return e.fresh(t)
		}
	}
	t.Fatalf("%s names no engine: %q", engineEnv, name)
	return ""
}

// OnCockroach runs the tests of a package whose databases are those of One, and then, if
// CockroachDB is given, all of them again on it, in a process of its own. Use it in a TestMain.
type OnCockroach struct{ M *testing.M }

// Run returns the exit code.
func (o OnCockroach) Run() int {
	code := o.M.Run()
	url, binary := os.Getenv("IGLEDGER_TEST_COCKROACH_URL"), os.Getenv("COCKROACH_BINARY")
	if code != 0 || url == "" && binary == "" || os.Getenv(engineEnv) != "" {
		return code
	}
	fmt.Println("again on CockroachDB")
	if url == "" {
		s, err := startCockroach(binary)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer s.Stop()
		url = s.PGURL().String()
	}
	cmd := exec.Command(os.Args[0], slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		// what the first run has written
		return strings.HasPrefix(arg, "-test.testlogfile") || strings.HasPrefix(arg, "-test.coverprofile")
	})...)
	cmd.Env = append(os.Environ(), engineEnv+"=cockroachdb", "IGLEDGER_TEST_COCKROACH_URL="+url)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "on CockroachDB:", err)
		return max(1, cmd.ProcessState.ExitCode())
	}
	return 0
}
