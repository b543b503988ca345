// Package testneeds says what happens to a test that cannot run. Use it only in tests.
package testneeds

import (
	"os"
	"os/exec"
	"testing"
)

// T is a test, or what stands for one.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// All reports whether everything must be there that tests can use, as in CI: a test that would be
// skipped fails.
func All() bool { return os.Getenv("IGLEDGER_REQUIRE_ALL") == "1" }

// It goes on if err is nil. If not, the test needs what could not be had, and is skipped, or fails
// where everything must be there.
func It(t T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if All() {
		t.Fatalf("no %s, and IGLEDGER_REQUIRE_ALL=1: %v", what, err)
	}
	t.Skipf("no %s: %v", what, err)
}

// Program returns the path of a program that a test needs.
func Program(t T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	It(t, name, err)
	return path
}

// Part returns how much of a long comparison runs: all of it, or part of it under -short.
func Part(all, part int) int {
	if testing.Short() {
		return part
	}
	return all
}

// Time skips a test under -short, which leaves out what takes long.
func Time(t T, what string) {
	t.Helper()
	if !testing.Short() {
		return
	}
	if All() {
		t.Fatalf("-short leaves out %s, and IGLEDGER_REQUIRE_ALL=1", what)
	}
	t.Skipf("-short leaves out %s", what)
}
