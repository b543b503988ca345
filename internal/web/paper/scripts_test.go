package paper_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testneeds"
	"igledger/internal/web/paper/sealed"
	"igledger/internal/words"
)

// inNode makes a program of a script and of what it imports, and returns what the program writes
// when it reads in. Without npm it skips the test; IGLEDGER_REQUIRE_ALL=1 makes that a failure.
func inNode(t *testing.T, script string, in []byte) []byte {
	t.Helper()
	const esbuild = "../node_modules/.bin/esbuild"
	_, err := os.Stat(esbuild)
	testneeds.It(t, "esbuild, which make pages fetches", err)
	program := filepath.Join(t.TempDir(), "program.mjs")
	build := exec.Command(esbuild, script, "--bundle", "--platform=node", "--format=esm", "--loader:.properties=text",
		"--outfile="+program, "--log-level=warning")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var errs bytes.Buffer
	run := exec.Command("node", program)
	run.Stdin, run.Stderr = bytes.NewReader(in), &errs
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	return out
}

// The scripts seal, open and name statements as Go does.
func TestScriptsAgree(t *testing.T) {
	out := inNode(t, "vectors.ts", nil)
	var got struct {
		Vectors int
		Wrong   []string
		ID      string
		KeyText string `json:"key"`
		Sealed  string
		Words   []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Wrong) > 0 || got.Vectors == 0 {
		t.Errorf("of %d vectors:\n%s", got.Vectors, strings.Join(got.Wrong, "\n"))
	}
	data, err := base64.RawURLEncoding.DecodeString(got.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := sealed.ParseFragment(got.KeyText)
	if err != nil {
		t.Fatal(err)
	}
	d, err := sealed.Open(data, key)
	if err != nil || d.ID != "chi:0101011237" || !strings.Contains(string(d.Statement), "Cèilidh Cèilidh") ||
		sealed.ID(data) != got.ID || !slices.Equal(words.Of(d.Statement), got.Words) {
		t.Errorf("what the script sealed does not open: %v", err)
	}
}
