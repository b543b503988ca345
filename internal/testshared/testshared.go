// Package testshared finds inputs of others that are not ours to publish, such as HL7's examples,
// in a folder called shared beside the checkout, or above it. Use it only in tests.
package testshared

import (
	"os"
	"path/filepath"
	"testing"
)

// Files returns the files that a pattern names below the folder shared, and logs how many. There
// may be none, unless $IGLEDGER_SHARED says where the folder is.
func Files(t testing.TB, pattern string) []string {
	t.Helper()
	if folder := os.Getenv("IGLEDGER_SHARED"); folder != "" {
		list, _ := filepath.Glob(filepath.Join(folder, pattern))
		if len(list) == 0 {
			t.Fatalf("there is no %s in $IGLEDGER_SHARED, %s", pattern, folder)
		}
		t.Logf("%d files of %s/%s", len(list), folder, pattern)
		return list
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if list, _ := filepath.Glob(filepath.Join(dir, "shared", pattern)); len(list) > 0 {
			t.Logf("%d files of %s/shared/%s", len(list), dir, pattern)
			return list
		}
	}
	t.Logf("no files of shared/%s beside the checkout", pattern)
	return nil
}

// Folder returns a folder below the folder shared, and "" if there is none.
func Folder(t testing.TB, name string) string {
	t.Helper()
	if list := Files(t, name+"/*"); len(list) > 0 {
		return filepath.Dir(list[0])
	}
	return ""
}
