package entry_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// vectorFile is one file of testdata/vectors. The README there explains it to implementers in other
// languages.
type vectorFile struct {
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name  string         `json:"name"`
	In    jsontext.Value `json:"in"`
	Out   jsontext.Value `json:"out,omitempty"` // for valid input
	Error wire.Code      `json:"error,omitzero"`
}

// hx is bytes in hexadecimal, the spelling of raw bytes in vectors.
type hx []byte

func (h hx) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hx) UnmarshalText(t []byte) (err error) {
	*h, err = hex.DecodeString(string(t))
	return err
}

// noErrors are the structures that are computed and not decoded, so they have no errors.
var noErrors = []string{"person-number", "vrf", "commitment", "chain"}

func TestVectors(t *testing.T) {
	if *update {
		makeVectors(t, "testdata/vectors")
	}
	codes := map[wire.Code]bool{}
	for name, read := range structures {
		t.Run(name, func(t *testing.T) {
			file := readVectors(t, filepath.Join("testdata", "vectors", name+".json"))
			good, bad := 0, 0
			for _, v := range file.Vectors {
				out, err := read(v.In)
				switch {
				case v.Error != "":
					bad++
					codes[v.Error] = true
					if !errors.Is(err, v.Error) {
						t.Errorf("%s: got %v, want %s", v.Name, err, v.Error)
					}
				case err != nil:
					t.Errorf("%s: %v", v.Name, err)
				default:
					good++
					if got := canonicalJSON(t, out); got != canonicalJSON(t, v.Out) {
						t.Errorf("%s: got %s, want %s", v.Name, got, v.Out)
					}
				}
			}
			if good < 3 || bad == 0 && !slices.Contains(noErrors, name) {
				t.Errorf("%d valid and %d invalid vectors", good, bad)
			}
		})
	}
	files, err := filepath.Glob("testdata/vectors/*.json")
	if err != nil || len(files) != len(structures)+1 {
		t.Errorf("%d files, want one for each of %d structures and keys.json (%v)", len(files), len(structures), err)
	}
	for _, code := range allCodes(t) {
		if !codes[code] {
			t.Errorf("no vector shows %s", code)
		}
	}
}

// TestVectorsCanBeMade runs the generator, so that it does not rot, and checks that each vector is
// valid or has the error that the generator states. It does not compare the bytes with the files,
// because they depend on Go's random streams.
func TestVectorsCanBeMade(t *testing.T) { makeVectors(t, t.TempDir()) }

func makeVectors(t *testing.T, dir string) {
	cryptotest.SetGlobalRandom(t, 1) // salts, decoys and ES256 nonces: the same in every run of one Go version
	w := newWorld(t)
	writeJSON(t, filepath.Join(dir, "keys.json"), w.keyFile(t))
	made := w.vectors(t)
	for name, read := range structures {
		file := vectorFile{About: made[name].about}
		for _, m := range made[name].cases {
			v := vector{Name: m.name, In: marshal(t, m.in), Error: m.code}
			out, err := read(v.In)
			if m.code == "" && err != nil || m.code != "" && !errors.Is(err, m.code) {
				t.Errorf("%s: %s: got %v, want code %q", name, m.name, err, m.code)
			}
			if err == nil {
				v.Out = marshal(t, out)
			}
			file.Vectors = append(file.Vectors, v)
		}
		writeJSON(t, filepath.Join(dir, name+".json"), file)
	}
}

func readVectors(t testing.TB, path string) vectorFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(path, err)
	}
	return f
}

func writeJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent(" "))
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func marshal(t *testing.T, v any) jsontext.Value {
	t.Helper()
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func canonicalJSON(t *testing.T, v any) string {
	t.Helper()
	data := marshal(t, v)
	if err := data.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func allCodes(t *testing.T) []wire.Code {
	t.Helper()
	src, err := os.ReadFile("../wire/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []wire.Code
	for _, m := range regexp.MustCompile(`Code = "([a-z-]+)"`).FindAllSubmatch(src, -1) {
		codes = append(codes, wire.Code(m[1]))
	}
	if len(codes) < 25 {
		t.Fatalf("found only %d codes in ../wire/errors.go", len(codes))
	}
	return codes
}

// docs/FORMATS.md names every error and every vector file.
func TestFormatsNamesAll(t *testing.T) {
	doc, err := os.ReadFile("../../docs/FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range allCodes(t) {
		if !strings.Contains(string(doc), "`"+string(code)+"`") {
			t.Errorf("docs/FORMATS.md does not name the error %s", code)
		}
	}
	for name := range structures {
		if !strings.Contains(string(doc), "`"+name+".json`") {
			t.Errorf("docs/FORMATS.md does not name %s.json", name)
		}
	}
}
