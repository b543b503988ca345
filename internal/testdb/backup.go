package testdb

import (
	"bytes"
	"database/sql"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to take a backup of a file

	"igledger/internal/testneeds"
)

// Backup takes a backup of a database in use, as docs/OPERATE.md says for its engine. restore makes
// a new database from it, once, and returns its URL.
func Backup(t testing.TB, dsn string) (restore func() string) {
	t.Helper()
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return backupSQLite(t, path)
	}
	bin, err := findBin()
	testneeds.It(t, "PostgreSQL", err)
	dump := filepath.Join(t.TempDir(), "dump")
	run(t, filepath.Join(bin, "pg_dump"), "--format=custom", "--file="+dump, dsn)
	return func() string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/postgres"
		fresh := create(t, u.String())
		run(t, filepath.Join(bin, "pg_restore"), "--exit-on-error", "--dbname="+fresh, dump)
		return fresh
	}
}

func backupSQLite(t testing.TB, path string) func() string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	copied := filepath.Join(t.TempDir(), "backup.db")
	if _, err := db.Exec("VACUUM INTO ?", copied); err != nil {
		t.Fatalf("backing up: %v", err)
	}
	return func() string { return "sqlite:" + copied }
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", filepath.Base(name), err, bytes.TrimSpace(out))
	}
}
