package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A signing record in the log's own database is refused however the database is spelled.
func TestSameDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.db")
	linked := filepath.Join(dir, "linked.db")
	for _, err := range []error{os.WriteFile(path, nil, 0o600), os.Symlink(path, linked)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sqlite:" + path, "sqlite:" + path, true},
		{"sqlite:" + path, "sqlite://" + path, true},
		{"sqlite:" + path, "sqlite:" + linked, true},
		{"sqlite:" + path, "sqlite:" + dir + "/./log.db", true},
		{"sqlite:none.db", "sqlite:./none.db", true},
		{"sqlite:" + path, "sqlite:" + path + "2", false},
		{"file:" + path, "sqlite:" + path, false},
		{"postgres://a@db/igledger", "postgres://b@DB:5432/igledger?sslmode=require", true},
		{"postgres://db/igledger", "postgresql://db/igledger", true},
		{"postgres://db/igledger", "postgres://db/record", false},
		{"postgres://db/igledger", "postgres://other/igledger", false},
		{"postgres://db/igledger", "postgres://db:5433/igledger", false},
		{"cockroachdb://db/igledger", "cockroachdb://db:26257/igledger", true},
		{"sqlite:" + path, "postgres://db/igledger", false},
	} {
		if sameDatabase(c.a, c.b) != c.same || sameDatabase(c.b, c.a) != c.same {
			t.Errorf("%s and %s: same %v", c.a, c.b, !c.same)
		}
	}
}
