package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testdb"
	"igledger/ledger"
)

// made returns the files and folders below dir.
func made(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Only init makes a database, and only an import an outbox. Every other command that takes one says
// at a path where there is none what is missing and what makes it, and leaves nothing behind.
func TestNothingIsMadeAtAWrongPath(t *testing.T) {
	t.Chdir(t.TempDir()) // whose own name may have ten digits, which no message repeats
	dir, keys, none, gone := ".", "keys", "none", filepath.Join("gone", "log")
	run := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(context.Background(), args, strings.NewReader(""), &out, &errOut)
		if out.Len() > 0 {
			t.Errorf("%v: on standard output: %s", args, &out)
		}
		return code, errOut.String()
	}
	if err := ledger.GenerateKeys(keys, "ledger.test/2026"); err != nil {
		t.Fatal(err)
	}
	signer := filepath.Join(dir, "source.jwk")
	if code := exits(t, "keygen", signer); code != 0 {
		t.Fatal(code)
	}
	empty := testdb.PostgreSQL(t)
	before := made(t, dir)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"serve"}, []string{"igledger init"}},
		{[]string{"recover"}, []string{"igledger init"}},
		{[]string{"recover", "--continue", "--trust-database"}, []string{"igledger init"}},
		{[]string{"recover", "--end", filepath.Join(dir, "end.json")}, []string{"igledger init"}},
		{[]string{"rebuild"}, []string{"igledger init"}},
		{[]string{"rebuild", "--check"}, []string{"igledger init"}},
	} {
		for database, says := range map[string]string{"sqlite:" + none: "there is no file " + none,
			"sqlite:" + gone: "there is no folder " + filepath.Dir(gone), "sqlite:" + keys: keys + " is a folder", empty: "has none of its tables"} {
			code, text := run(append(c.args, "--keys", keys, "--database", database)...)
			for _, want := range append(c.says, says, "--database") {
				if code != exitUnreachable || !strings.Contains(text, want) {
					t.Errorf("%v --database %s: exit code %d, %q lacks %q", c.args, database, code, text, want)
				}
			}
		}
		code, text := run(append(c.args, "--keys", none, "--database", "sqlite:"+none)...)
		if code != exitUnreachable || !strings.Contains(text, none) || !strings.Contains(text, "igledger keygen") {
			t.Errorf("%v --keys: exit code %d, %q", c.args, code, text)
		}
	}
	source := []string{"--org", "SRC", "--key", signer, "--source", "ehr"}
	for _, args := range [][]string{
		append([]string{"heartbeat"}, source...),
		append([]string{"access", "settle"}, source...),
		{"access", "original", "--seq", "1"},
		{"receipt", "--org", "SRC", "--key", signer, "7"},
	} {
		for path, says := range map[string]string{none: "there is no outbox " + none, gone: "there is no folder " + filepath.Dir(gone)} {
			code, text := run(append(args, "--outbox", path)...)
			for _, want := range []string{says, "igledger access import"} {
				if code != exitUnreachable || !strings.Contains(text, want) {
					t.Errorf("%v --outbox %s: exit code %d, %q lacks %q", args, path, code, text, want)
				}
			}
		}
	}
	// What init refuses leaves nothing either: the enroller's request is not one.
	code, _ := run("init", "--keys", keys, "--database", "sqlite:"+gone, "--operator", "OPR=Operator", "--registrar", "REG=Registrar",
		"--registrar-key", signer, "--enroller", "ENR=Enroller", "--enroller-request", signer)
	if code != exitUsage {
		t.Errorf("init with a request that is none: exit code %d", code)
	}
	if after := made(t, dir); !slices.Equal(before, after) {
		t.Errorf("left behind: %v", slices.DeleteFunc(after, func(p string) bool { return slices.Contains(before, p) }))
	}
	if code, text := run("serve", "--keys", keys, "--database", empty); code != exitUnreachable || !strings.Contains(text,
		"none of its tables") {
		t.Errorf("the database of a server: exit code %d, %q", code, text)
	}
}

// exits runs igledger and returns its exit code.
func exits(t *testing.T, args ...string) int {
	t.Helper()
	return run(context.Background(), args, strings.NewReader(""), new(bytes.Buffer), os.Stderr)
}
