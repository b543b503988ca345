package testdb

import (
	"database/sql"
	"path/filepath"
	"testing"
)

func TestFilesMustWaitForTheDisk(t *testing.T) {
	for options, waits := range map[string]bool{"": true, "?_pragma=synchronous(FULL)": true, "?_pragma=synchronous(NORMAL)": false,
		"?_pragma=synchronous(OFF)": false} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "one.db")+options)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Ping(); (err == nil) != waits {
			t.Errorf("%q: %v", options, err)
		}
		var now int
		if err := db.QueryRow("PRAGMA synchronous").Scan(&now); waits && (err != nil || now != 0) {
			t.Errorf("%q: the test waits for the disk: %d, %v", options, now, err)
		}
	}
}
