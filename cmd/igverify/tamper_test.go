package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/verifier"
)

// igverify runs the command in process.
func igverify(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(stdin), &out, &errOut)
	return code, out.String(), errOut.String()
}

// fixture is a sample log as files.
type fixture struct {
	*testlog.Sample
	dir   string
	files map[string][]byte
}

func newFixture(t testing.TB) *fixture {
	s := testlog.NewSample("ledger.test/2026")
	f := &fixture{Sample: s, dir: t.TempDir(), files: s.Files()}
	testlog.WriteFiles(f.dir, f.files)
	return f
}

func (f *fixture) write(t testing.TB, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(f.dir, filepath.FromSlash(name))
	overwrite(t, p, data)
	return p
}

// overwrite changes a file in place: cutting it to nothing first, thousands of times, makes some
// file systems flush each time.
func overwrite(t testing.TB, path string, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

// step is how many bytes lie between two that are flipped where there are many. That each byte
// counts is tested in package verifier; here, that the command says so.
func step(n int) int {
	if testing.Short() {
		return 37 * n
	}
	return n
}

// flips gives data with one bit of each k-th byte changed, another bit each time.
func flips(data []byte, k int, each func(pos int, flipped []byte)) {
	for pos := 0; pos < len(data); pos += k {
		b := bytes.Clone(data)
		b[pos] ^= 1 << (pos % 7)
		each(pos, b)
	}
}

// checkRefused checks that a run failed, said what, and did not leak an id.
func checkRefused(t *testing.T, what string, ids []string, code int, stdout, stderr string) {
	t.Helper()
	if code != exitFailed && code != exitUnreadable {
		t.Errorf("%s: exit code %d, want 1 or 3\n%s%s", what, code, stdout, stderr)
	}
	if code == exitFailed && !strings.Contains(stdout, "FAILED") || code == exitUnreadable && stderr == "" {
		t.Errorf("%s: exit code %d without a word of why\n%s%s", what, code, stdout, stderr)
	}
	checkNoID(t, what, ids, stdout+stderr)
}

func checkNoID(t *testing.T, what string, ids []string, text string) {
	t.Helper()
	for _, id := range ids {
		_, number, _ := strings.Cut(id, ":")
		if strings.Contains(text, number) {
			t.Errorf("%s: the output names a person", what)
		}
	}
}

func TestFlippedLogFileIsNamed(t *testing.T) {
	f := newFixture(t)
	for path, data := range f.files {
		k := step(3)
		if strings.Contains(path, "entries") {
			k = step(7)
		}
		flips(data, k, func(pos int, flipped []byte) {
			what := fmt.Sprintf("%s byte %d", path, pos)
			f.write(t, path, flipped)
			code, stdout, stderr := igverify("", "log", "--log-key", f.Key, "--from", f.dir)
			checkRefused(t, what, f.IDs, code, stdout, stderr)
			if leaf, ok := leafAt(f.Leaves, pos); ok && strings.Contains(path, "entries") {
				if !strings.Contains(stdout, fmt.Sprintf("exchanged the content of entry %d after", leaf)) {
					t.Errorf("%s: does not say that entry %d was exchanged:\n%s", what, leaf, stdout)
				}
			}
			if strings.HasPrefix(path, "tile/0/") && !strings.Contains(stdout, fmt.Sprintf("entry %d: the entries are those of the signed checkpoint, but the log's hash tile", pos/32)) {
				t.Errorf("%s: does not blame the hash tile at entry %d:\n%s", what, pos/32, stdout)
			}
		})
		f.write(t, path, data)
	}
	if code, out, errOut := igverify("", "log", "--log-key", f.Key, "--from", f.dir); code != 0 {
		t.Fatalf("the log restored: exit code %d\n%s%s", code, out, errOut)
	}
}

// leafAt tells which leaf of a bundle byte pos belongs to; false for a length.
func leafAt(leaves [][]byte, pos int) (int, bool) {
	for i, l := range leaves {
		if pos < 2 {
			return 0, false
		}
		if pos -= 2; pos < len(l) {
			return i, true
		}
		pos -= len(l)
	}
	return 0, false
}

// TestFlippedHigherTile has a log with a second level of tiles.
func TestFlippedHigherTile(t *testing.T) {
	s := testlog.NewSample("ledger.test/2026")
	s.AddRandom(600)
	dir := t.TempDir()
	f := &fixture{Sample: s, dir: dir, files: s.Files()}
	testlog.WriteFiles(dir, f.files)
	for _, path := range []string{"tile/1/000.p/2", "tile/0/001", "tile/0/002.p/" + fmt.Sprint(s.Size()-512), "tile/entries/001"} {
		data, ok := f.files[path]
		if !ok {
			t.Fatalf("no %s in the fixture", path)
		}
		flips(data, max(1, len(data)/64), func(pos int, flipped []byte) {
			f.write(t, path, flipped)
			code, stdout, stderr := igverify("", "log", "--log-key", f.Key, "--from", dir)
			checkRefused(t, fmt.Sprintf("%s byte %d", path, pos), f.IDs, code, stdout, stderr)
		})
		f.write(t, path, data)
	}
}

func TestFlippedReceiptIsRefused(t *testing.T) {
	f := newFixture(t)
	for _, index := range []uint64{f.Accesses[1], f.Accesses[4], 1} { // sealed by the revoked key, sealed by the new one, public
		receipt := testlog.JSON(f.Receipt(index, f.Size()))
		sdjwt := []byte(f.Entries[index].SDJWT())
		entryFile := f.write(t, "entry", sdjwt)
		receiptFile := f.write(t, "receipt", receipt)
		args := []string{"receipt", receiptFile, "--entry", entryFile, "--log-key", f.Key, "--from", f.dir}
		if code, out, errOut := igverify("", args...); code != 0 {
			t.Fatalf("good receipt of %d: exit code %d\n%s%s", index, code, out, errOut)
		}
		flips(receipt, step(5), func(pos int, flipped []byte) {
			f.write(t, "receipt", flipped)
			code, stdout, stderr := igverify("", args...)
			checkRefused(t, fmt.Sprintf("receipt of %d, byte %d", index, pos), f.IDs, code, stdout, stderr)
		})
		f.write(t, "receipt", receipt)
		flips(sdjwt, step(5), func(pos int, flipped []byte) {
			f.write(t, "entry", flipped)
			code, stdout, stderr := igverify("", args...)
			checkRefused(t, fmt.Sprintf("entry %d, byte %d", index, pos), f.IDs, code, stdout, stderr)
		})
	}
}

func TestFlippedOpeningIsRefused(t *testing.T) {
	f := newFixture(t)
	index := f.Accesses[3]
	opening := testlog.JSON(f.Openings[index])
	id := f.write(t, "id", []byte(f.IDs[0]+"\n"))
	args := []string{"entry", f.write(t, "opening", opening), "--id-file", id, "--log-key", f.Key, "--from", f.dir}
	if code, out, errOut := igverify("", args...); code != 0 {
		t.Fatalf("good opening: exit code %d\n%s%s", code, out, errOut)
	}
	received := bytes.Index(opening, []byte(f.Openings[index].Received)) // nothing proves the ledger's own time
	flips(opening, step(5), func(pos int, flipped []byte) {
		if pos >= received && pos < received+len(f.Openings[index].Received) {
			return
		}
		f.write(t, "opening", flipped)
		code, stdout, stderr := igverify("", args...)
		checkRefused(t, fmt.Sprintf("opening, byte %d", pos), f.IDs, code, stdout, stderr)
	})
}

// TestEntryNamesExchangedLeaf flips the leaf that an opening is of, and one before it.
func TestEntryNamesExchangedLeaf(t *testing.T) {
	f := newFixture(t)
	index := f.Accesses[3]
	args := []string{"entry", f.write(t, "opening", testlog.JSON(f.Openings[index])), "--log-key", f.Key, "--from", f.dir}
	path := verifier.BundlePath(0, int(f.Size()))
	flips(f.files[path], step(31), func(pos int, flipped []byte) {
		leaf, ok := leafAt(f.Leaves, pos)
		if !ok || uint64(leaf) > index {
			return
		}
		f.write(t, path, flipped)
		code, stdout, stderr := igverify("", args...)
		checkRefused(t, fmt.Sprintf("bundle byte %d", pos), f.IDs, code, stdout, stderr)
		if uint64(leaf) == index && !strings.Contains(stdout, fmt.Sprintf("exchanged the content of entry %d after", index)) {
			t.Errorf("byte %d: does not say that entry %d was exchanged:\n%s", pos, index, stdout)
		}
	})
}

func TestFlippedStateIsRefused(t *testing.T) {
	f := newFixture(t)
	for _, command := range []string{"consistency", "log"} {
		state := filepath.Join(f.dir, command+".state")
		args := []string{command, "--state", state, "--log-key", f.Key, "--from", f.dir}
		if code, out, errOut := igverify("", args...); code != 0 {
			t.Fatalf("%s, first use: exit code %d\n%s%s", command, code, out, errOut)
		}
		good, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		flips(good, step(7), func(pos int, flipped []byte) {
			overwrite(t, state, flipped)
			code, stdout, stderr := igverify("", args...)
			checkRefused(t, fmt.Sprintf("%s state byte %d", command, pos), f.IDs, code, stdout, stderr)
			if kept, _ := os.ReadFile(state); !bytes.Equal(kept, flipped) {
				t.Errorf("%s: byte %d: a state file that was refused was written over", command, pos)
			}
		})
		for n := range len(good) { // a torn write
			if n%step(5) == 0 {
				overwrite(t, state, good[:n])
				if code, _, _ := igverify("", args...); code != exitUnreadable {
					t.Errorf("%s: state cut to %d bytes: exit code %d, want 3", command, n, code)
				}
			}
		}
	}
}
