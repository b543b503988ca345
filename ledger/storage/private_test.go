package storage

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A new database, and the files beside it, are for their owner only, whatever the umask: whoever
// reads it learns how many entries there are and when, and can try to decrypt them later.
func TestDatabaseFileIsPrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := t.TempDir()
	s, err := Create(context.Background(), "sqlite:"+filepath.Join(dir, "log.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustTree(t, s, "log")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", f.Name(), mode)
		}
	}
}
