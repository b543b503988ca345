package verifier_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDependencies: a verifier that drags in a database, a network or the ledger's own code would be neither small nor independent.
func TestDependencies(t *testing.T) {
	formats := []string{
		"igledger/ledger/wire", "igledger/ledger/entry", "igledger/ledger/register", "igledger/ledger/stream",
		"igledger/ledger/proof", "igledger/ledger/proof/cosign", "igledger/ledger/bundle",
	}
	for pkg, allowed := range map[string][]string{
		"igledger/verifier": {"igledger/verifier"},
		"igledger/cmd/igverify": {"igledger/cmd/igverify", "igledger/verifier", "igledger/verifier/fetch", "igledger/verifier/auditor", "igledger/ledger/proof/index", "igledger/consent", "igledger/policies", // what governs accesses, pure, for verdicts
			"igledger/internal/client"}, // client: the messages of the API, which an auditor speaks; it checks nothing
		"igledger/verifier/auditor": {"igledger/verifier", "igledger/verifier/auditor", "igledger/ledger/proof/index"},
	} {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dep := range strings.Lines(string(out)) {
			dep = strings.TrimSpace(dep)
			if strings.HasPrefix(dep, "igledger/") && !slices.Contains(allowed, dep) && !slices.Contains(formats, dep) {
				t.Errorf("%s depends on %s", pkg, dep)
			}
			for _, word := range []string{"trillian", "pgx", "sqlite", "google.golang.org/grpc", "huma", "prometheus"} {
				if strings.Contains(dep, word) {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
			if dep == "database/sql" {
				t.Errorf("%s depends on %s", pkg, dep)
			}
			if pkg != "igledger/cmd/igverify" && (dep == "net/http" || dep == "os/exec" || dep == "testing") {
				t.Errorf("%s depends on %s", pkg, dep)
			}
		}
	}
}

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
