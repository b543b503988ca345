package storage

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies: the server links neither test support nor Trillian's interfaces, which nothing in
// it calls, and this package needs no other of igledger's.
func TestDependencies(t *testing.T) {
	for pkg, unwanted := range map[string][]string{
		"igledger/cmd/igledger":   {"testing", "testing/", "igledger/ledger/storage/provider"},
		"igledger/ledger/storage": {"testing", "testing/", "igledger/"},
	} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			for _, u := range unwanted {
				if dep != pkg && (dep == u || strings.HasSuffix(u, "/") && strings.HasPrefix(dep, u)) {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
}
