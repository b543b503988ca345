package storage

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testdb"
)

// Only Create makes a database: one letter that is wrong in a URL must not become an empty database
// beside the ledger's, in which everything is missing.
func TestOpenMakesNothing(t *testing.T) {
	t.Run("sqlite file", func(t *testing.T) {
		dir := t.TempDir()
		write := func(name, text string) string {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		other := filepath.Join(dir, "other")
		db, err := sql.Open("sqlite", other)
		if err == nil {
			_, err = db.Exec("CREATE TABLE t (x INTEGER)")
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		for path, says := range map[string]string{
			filepath.Join(dir, "none.db"):         "no file",
			filepath.Join(dir, "no", "folder.db"): "no folder",
			dir:                                   "is a folder",
			write("empty", ""):                    "is empty",
			write("text", strings.Repeat("not a database ", 100)): "no SQLite database",
			other: "none of its tables",
		} {
			_, err := Open(t.Context(), "sqlite:"+path)
			if !errors.Is(err, ErrNoDatabase) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v, want %q", path, err, says)
			}
		}
		after, err := os.ReadFile(other)
		if err != nil || string(after) != string(before) {
			t.Errorf("another program's database was changed (%v)", err)
		}
		list, err := os.ReadDir(dir)
		if err != nil || len(list) != 3 {
			t.Errorf("left behind: %v, %v", list, err)
		}
	})
	testdb.Each(t, func(t *testing.T, dsn string) {
		for range 2 {
			if _, err := Open(t.Context(), dsn); !errors.Is(err, ErrNoDatabase) {
				t.Fatalf("without tables: %v", err)
			}
		}
		for _, open := range []func() (*Storage, error){
			func() (*Storage, error) { return Create(t.Context(), dsn) },
			func() (*Storage, error) { return Open(t.Context(), dsn) },
		} {
			s, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
