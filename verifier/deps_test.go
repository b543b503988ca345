package verifier_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestCompilesToWebAssembly: the same checks run in a citizen's browser.
func TestCompilesToWebAssembly(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the standard library anew when it is not cached")
	}
	cmd := exec.Command("go", "build", "igledger/verifier")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
