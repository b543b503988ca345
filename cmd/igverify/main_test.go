package main

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/testlog"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"igverify": func() {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// TestUnwritten: a report that could not be printed is not good.
func TestUnwritten(t *testing.T) {
	for _, more := range [][]string{nil, {"--json"}} {
		s := rooted()
		dir := t.TempDir()
		testlog.WriteFiles(dir, s.Files())
		args := append([]string{"log", "--from", dir, "--log-key", s.Key}, more...)
		if code := run(context.Background(), args, nil, full{}, io.Discard); code != exitUnreadable {
			t.Errorf("%v: exit code %d", more, code)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
