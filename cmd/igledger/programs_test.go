package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs returns a folder with igledger and igverify as users have them, which are built once for
// all tests; with -short igverify alone, which no test of this package can be.
func programs(t *testing.T) string {
	t.Helper()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// built builds in a folder beside igledger that is this program: the end of TestMain removes both.
var built = sync.OnceValues(func() (string, error) {
	self, err := exec.LookPath("igledger")
	if err != nil {
		return "", err
	}
	bin, packages := filepath.Join(filepath.Dir(self), "built"), "igledger/cmd/..."
	if testing.Short() {
		packages = "igledger/cmd/igverify"
	}
	if out, err := exec.Command("go", "build", "-o", bin+string(os.PathSeparator), packages).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", packages, err, out)
	}
	return bin, nil
})
