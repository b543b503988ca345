package disk

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"igledger/internal/testneeds"
	"igledger/ledger/storage"
)

func TestRoom(t *testing.T) {
	dir := t.TempDir()
	n, err := Free(filepath.Join(dir, "not", "there", "yet"))
	if errors.Is(err, errUnknown) {
		testneeds.It(t, "word of free room on "+runtime.GOOS, err)
	}
	if err != nil || n == 0 {
		t.Fatalf("%d bytes free: %v", n, err)
	}
	folders := Folders{FolderOf("database", filepath.Join(dir, "log.db"))}
	if err := folders.Room(0); err != nil {
		t.Error(err)
	}
	if err := folders.Room(math.MaxUint64); !errors.Is(err, storage.ErrFull) || !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("no disk has as much: %v", err)
	}
	if n, err := Free(filepath.Join(dir, "file")); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := Free(filepath.Join(dir, "file", "below")); err == nil {
		t.Errorf("below a file there are %d bytes", n)
	}
}
