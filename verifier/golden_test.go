package verifier

import (
	"flag"
	"os"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// Update says whether the files in testdata are to be made anew.
func Update() bool { return *update }

var random = regexp.MustCompile(`[0-9a-f]{40,}|key:[A-Za-z0-9_-]{43}|key [0-9a-f]{8}`)

// Golden compares text with testdata/name.golden, after it has masked hashes and key ids, which
// differ from run to run. With -update it writes the file. Golden files hold the wording of
// reports; other tests assert the names of checks and fields.
func Golden(t *testing.T, name, text string) {
	t.Helper()
	text = random.ReplaceAllString(text, "#")
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the text differs from %s; if that is meant, run the test with -update and read the difference\n%s", path, text)
	}
}
