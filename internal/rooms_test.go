// Package internal_test holds the tests of the house as a whole.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// formats are the packages that hold formats and nothing that acts.
var formats = []string{"ledger/wire", "ledger/entry", "ledger/register", "ledger/stream", "ledger/proof",
	"ledger/proof/cosign", "ledger/bundle"}

// rooms says which packages of this module each package may import: docs/DESIGN.md, section 4. A
// trailing "/..." stands for everything below. A package that is not here fails the test.
var rooms = map[string][]string{
	"ledger/wire":             {},
	"ledger/entry":            {"ledger/wire"},
	"ledger/stream":           {"ledger/wire", "ledger/entry"},
	"ledger/register":         {"ledger/wire", "ledger/entry"},
	"ledger/proof":            {"ledger/wire", "ledger/entry"},
	"ledger/proof/cosign":     {"ledger/wire", "ledger/entry", "ledger/proof"},
	"ledger/proof/index":      {"ledger/wire", "ledger/proof"},
	"ledger/bundle":           {"ledger/wire", "ledger/entry", "ledger/proof"},
	"ledger/keyfile":          {"ledger/wire", "ledger/proof/cosign"},
	"ledger/vault":            {"ledger/wire", "ledger/entry"},
	"ledger/storage":          {},
	"ledger/storage/provider": {"ledger/storage"},
	"ledger/record":           {"ledger/storage"},
	"ledger": append([]string{"ledger/vault", "ledger/storage", "ledger/record", "ledger/witness", "ledger/keyfile"},
		formats...),
	"ledger/witness": formats,

	"verifier":             formats,
	"verifier/auditor":     append([]string{"verifier", "ledger/proof/index", "policies/readers"}, formats...),
	"verifier/fetch":       append([]string{"verifier", "verifier/fetch/retry"}, formats...),
	"verifier/fetch/retry": {},

	"policies/purpose":     {},
	"policies/terminology": {"ledger/wire"},
	"policies/readers":     {"policies/purpose", "ledger/wire", "ledger/entry"},
	"policies":             {"policies/terminology", "policies/purpose", "ledger/wire", "ledger/entry"},
	"consent": {
		"policies/terminology", "policies", "policies/purpose", "policies/readers", "ledger/wire", "ledger/entry",
		"ledger/register",
	},
	"consent/draft": {"consent", "policies/...", "ledger/wire", "ledger/entry", "ledger/register"},
	"consent/fhir": {
		"consent", "consent/fhir/tree", "consent/fhir/mapping", "policies/...", "ledger/wire", "ledger/entry",
		"ledger/register",
		"audit/plain", // the sentence about a number that fails its check is the catalogue's
	},
	"consent/fhir/mapping": {"policies/purpose", "ledger/wire"},
	"consent/fhir/tree":    {"consent/fhir/mapping", "ledger/wire", "ledger/entry"},
	"consent/iso27560":     {"consent", "policies/...", "ledger/wire", "ledger/entry", "ledger/register"},

	"audit/plain":     {"policies/purpose", "ledger/wire", "ledger/entry"},
	"audit":           {"audit/plain", "consent/...", "policies/...", "ledger/wire", "ledger/entry"},
	"audit/demodata":  {"audit", "ledger/entry"},
	"audit/statement": append([]string{"audit/plain", "ledger", "ledger/storage", "ledger/proof/index", "verifier"}, formats...),

	"internal/...": {"internal/...", "audit/...", "consent/...", "policies/...", "verifier/...", "ledger/..."},
	"cmd/igledger": {"internal/...", "audit/...", "consent/...", "policies/...", "verifier/...", "ledger/..."},
	"cmd/igverify": append([]string{"internal/auditd", "internal/client", "internal/command", "internal/words",
		"audit", "audit/plain", "consent", "policies/...", "verifier/...", "ledger/keyfile"}, formats...),
	"internal/web/shelf": {"ledger/storage", "ledger/keyfile"},
	"internal/web/draw":  {},
	"internal/web/signin": {"internal/patients", "internal/edge", "audit/plain", "internal/web/ui",
		"internal/web/shelf", "consent/fhir/...", "ledger/keyfile", "ledger/wire", "ledger/entry"},
	"internal/web/ui": {"audit/plain"},
	"internal/auditd": append([]string{"internal/client", "verifier/fetch/retry", "audit/plain", "consent",
		"policies/...", "verifier/...", "ledger/proof/index"}, formats...),
	"internal/client":   append([]string{"internal/build", "verifier/fetch/retry", "consent", "policies/...", "verifier"}, formats...),
	"internal/build":    {"ledger/wire", "ledger/entry"},
	"internal/command":  {"internal/build", "audit/plain", "ledger/keyfile", "ledger/proof/cosign", "ledger/wire", "ledger/entry"},
	"internal/disk":     {"ledger/storage"},
	"internal/edge":     {},
	"internal/stock":    {"ledger/storage"},
	"internal/patients": {"consent/fhir/tree", "consent/fhir/mapping"},
	"internal/oracle":   {}, // a second verifier: what it shared with ours it could not contradict

	"internal/words":            {},
	"internal/web/paper/sealed": formats,
	"internal/web/paper/sheet":  append([]string{"internal/web/draw", "audit/plain", "verifier"}, formats...),

	"internal/web/signin/provider": {"internal/web/signin", "audit/demodata"}, // of the demonstration

	"internal/source": append(
		[]string{"internal/client", "internal/patients", "audit", "consent/...", "policies/...", "verifier",
			"verifier/auditor", "verifier/fetch/..."},
		formats...,
	),
}

// banned says what a package must not depend on, however far down: a verifier that drags in a
// database, a network or the ledger's own code would be neither small nor independent, and a server
// carries no test framework. Each word is a whole element of an import path, or several.
var banned = map[string][]string{
	"cmd/igledger": {
		"testing", "igledger/internal/testdb", "igledger/internal/testdocs", "igledger/internal/testledger", "igledger/internal/testlines",
		"igledger/internal/testlog", "igledger/internal/testneeds", "igledger/internal/testserver",
		"igledger/internal/testshared", "igledger/internal/testwitness",
		"igledger/internal/web/webtest", "igledger/ledger/storage/provider",
	},
	"cmd/igverify": {
		"testing", "sql", "trillian", "grpc", "pgx", "sqlite", "huma", "client_golang", "igledger/ledger", "storage", "vault",
	},
	"verifier":         {"testing", "net/http", "os/exec", "sql", "trillian", "cedar-go", "consent"},
	"verifier/auditor": {"testing", "net/http", "os/exec", "sql", "trillian"},
}

// onlyInTests are modules that no package depends on, however far down: other authors' programs
// with which tests compare ours, and the terminals on which they run them.
var onlyInTests = []string{"filippo.io/torchwood", "github.com/creack/pty"}

// allowed are elements of paths that have a banned word for another reason.
var allowed = []string{
	"database/sql/driver", // the interfaces alone, by which a UUID can be a column
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestRooms(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, "igledger/")
		may, ok := rooms[name]
		if !ok && strings.HasPrefix(name, "internal/") {
			may, ok = rooms["internal/..."]
		}
		if !ok {
			t.Errorf("%s is no room of docs/DESIGN.md: add it there and here", name)
			continue
		}
		for _, imported := range p.Imports {
			to, own := strings.CutPrefix(imported, "igledger/")
			if own && !slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, to) }) {
				t.Errorf("%s imports %s, which is not below it", name, to)
			}
		}
	}
	for name := range rooms {
		if !strings.HasSuffix(name, "/...") && !slices.ContainsFunc(packages, func(p listed) bool { return p.ImportPath == "igledger/"+name }) {
			t.Errorf("there is no package %s", name)
		}
	}
}

func TestDependencies(t *testing.T) {
	for _, p := range list(t) {
		for _, module := range onlyInTests {
			if slices.ContainsFunc(p.Deps, func(dep string) bool { return matches(module+"/...", dep) }) {
				t.Errorf("%s depends on %s, which only tests may", p.ImportPath, module)
			}
		}
		for _, word := range banned[strings.TrimPrefix(p.ImportPath, "igledger/")] {
			for _, dep := range p.Deps {
				own := strings.HasPrefix(dep, "igledger/ledger/")
				element := !own && !slices.Contains(allowed, dep) && strings.Contains("/"+dep+"/", "/"+word+"/")
				if dep == word || element || strings.HasPrefix(dep, "igledger/ledger/"+word) {
					t.Errorf("%s depends on %s", p.ImportPath, dep)
				}
			}
		}
	}
}

func matches(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return pattern == name
}

// list returns the packages of the module.
func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "igledger/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return slices.DeleteFunc(packages, func(p listed) bool { return p.ImportPath == "igledger/internal" })
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
