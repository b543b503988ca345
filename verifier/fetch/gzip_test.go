package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"testing"

	"igledger/internal/testlog"
	"igledger/verifier"
)

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestReadsCompressed reads bundles that a server compresses, asked or not.
func TestReadsCompressed(t *testing.T) {
	l, files := sample(700)
	asked := map[string]bool{}
	src, waits := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entries := strings.HasPrefix(r.URL.Path, "/tile/entries/")
		if got := r.Header.Get("Accept-Encoding"); (got == "gzip, identity") != entries || !entries && got != "" {
			t.Errorf("%s: asked for %q", r.URL.Path, got)
		}
		asked[r.URL.Path] = true
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed(t, files[r.URL.Path[1:]]))
	}))
	for _, i := range []uint64{0, 300, 699} {
		if got, err := src.Leaf(ctx, i, 700); err != nil || !bytes.Equal(got, l.Leaves[i]) {
			t.Errorf("leaf %d: %v", i, err)
		}
	}
	if got, err := src.Tile(ctx, 0, 0, verifier.TileWidth); err != nil || !bytes.Equal(got, files["tile/0/000"]) {
		t.Errorf("a tile: %v", err)
	}
	if len(*waits) > 0 || len(asked) != 4 {
		t.Errorf("asked for %v, waited %v", asked, *waits)
	}
}

// TestCompressedBodiesAreBounded: a compressed body takes no more memory than a plain one, is tried
// again if it is torn, and is refused if it is packed in another way or twice.
func TestCompressedBodiesAreBounded(t *testing.T) {
	_, files := sample(256)
	whole := packed(t, files["tile/entries/000"])
	bomb := packed(t, make([]byte, 64<<20))
	if len(bomb) > 1<<17 {
		t.Fatalf("a bomb of %d bytes", len(bomb))
	}
	for name, c := range map[string]struct {
		encoding string
		body     []byte
		tries    int
		says     string // contained in the error
	}{
		"a bomb":                 {"gzip", bomb, 1, "longer than"},
		"torn":                   {"gzip", whole[:len(whole)-9], attempts, "EOF"},
		"not gzip":               {"gzip", files["tile/entries/000"], attempts, "invalid header"},
		"a false checksum":       {"gzip", append(bytes.Clone(whole[:len(whole)-8]), make([]byte, 8)...), attempts, "checksum"},
		"two":                    {"gzip", append(bytes.Clone(whole), whole...), 1, "not a single gzip"},
		"empty ones without end": {"gzip", append(bytes.Clone(whole), bytes.Repeat(packed(t, nil), 1000)...), 1, "not a single gzip"},
		"twice":                  {"gzip, gzip", packed(t, whole), 1, "not a single gzip"},
		"br":                     {"br", whole, 1, "not a single gzip"},
	} {
		tries := 0
		src, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tries++
			w.Header().Set("Content-Encoding", c.encoding)
			w.Write(c.body)
		}))
		_, err := src.Bundle(ctx, 0, verifier.TileWidth)
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), c.says) || tries != c.tries {
			t.Errorf("%s: %d tries, %v", name, tries, err)
		}
	}
}

// TestWitness asks a witness where C2SP tlog-witness says.
func TestWitness(t *testing.T) {
	l, _ := sample(9)
	note := l.Cosigned(9, 0, testlog.NewCosigner("w.test"))
	const hash = "91def02d8d789e4dfdd4e7a50bde90ab67470c0674fc2db3e8638614828eda34" // sha256sum of the origin
	srv := testlog.Handler("", map[string][]byte{"w/" + hash + "/checkpoint": note})
	src, _ := serve(t, srv)
	if got, err := Witness(ctx, src.from+"/w/", "ledger.test/2026"); err != nil || !bytes.Equal(got, note) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Witness(ctx, src.from+"/w", "other.test"); !errors.Is(err, ErrNotFound) {
		t.Errorf("another log: %v", err)
	}
	for _, prefix := range []string{"", "/etc", "ftp://w.test", "file:///etc"} {
		if _, err := Witness(ctx, prefix, "ledger.test/2026"); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}
