//go:build nightly

package main

import (
	"debug/elf"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The line that the container file builds with makes a program that needs no library and answers.
// It compiles everything once more, for minutes.
func TestContainerBuilds(t *testing.T) {
	program := filepath.Join(t.TempDir(), "igledger")
	build := exec.Command("sh", "-c", buildLine+" -o "+program+" ./cmd/igledger")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(program, "version").Output(); err != nil || !strings.HasPrefix(string(out), "igledger ") {
		t.Errorf("version: %q, %v", out, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it needs %v: %v", libraries, err)
	}
}
