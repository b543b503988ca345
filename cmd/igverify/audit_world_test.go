package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/internal/testserver"
	"igledger/ledger/wire"
)

// ledgerServer serves a test log to the command, and has what the command needs of files.
type ledgerServer struct {
	*testserver.Server
	testing.TB
	log *testlog.Log
	dir string // of the auditor: keys and state
}

func newLedgerServer(t testing.TB, l *testlog.Log) *ledgerServer {
	t.Helper()
	s := &ledgerServer{TB: t, dir: t.TempDir(), log: l}
	caller, err := testlog.Signer(wire.EdDSA).MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	testlog.WriteFiles(s.dir, map[string][]byte{"caller.jwk": caller})
	code, out, errOut := igverify("", "keygen", "--name", "audit.test/one", filepath.Join(s.dir, "audit.key"))
	if code != 0 {
		t.Fatalf("keygen: %d %s", code, errOut)
	}
	s.Server = testserver.New(t, l, strings.TrimSpace(out))
	return s
}

func (s *ledgerServer) args(more ...string) []string {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	if !slices.Contains(more, "--state") {
		more = append(more, "--state", in("state"))
	}
	return append([]string{"audit", s.URL, "--log-key", s.log.Key, "--org", "AUD",
		"--caller-key", in("caller.jwk"), "--key", in("audit.key"), "--interval", "1ms"}, more...)
}

// once runs one round and checks its exit code.
func (s *ledgerServer) once(want int, more ...string) (stdout, stderr string) {
	s.Helper()
	code, stdout, stderr := igverify("", s.args(append(more, "--once")...)...)
	if code != want {
		s.Fatalf("exit code %d, want %d\n%s%s", code, want, stdout, stderr)
	}
	return stdout, stderr
}

func (s *ledgerServer) evidence() []string {
	s.Helper()
	list, err := filepath.Glob(filepath.Join(s.dir, "state", "evidence", "*"))
	if err != nil {
		s.Fatal(err)
	}
	return list
}

func (s *ledgerServer) has(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, "state", name))
	return err == nil
}
