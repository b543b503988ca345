package api

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

func TestTilePaths(t *testing.T) {
	for _, c := range []struct {
		path string
		want tilePath
	}{
		{"0/000", tilePath{width: 256}},
		{"0/000.p/1", tilePath{width: 1}},
		{"63/255.p/255", tilePath{level: 63, index: 255, width: 255}},
		{"1/x001/234", tilePath{level: 1, index: 1234, width: 256}},
		{"0/x001/x234/067.p/8", tilePath{index: 1234067, width: 8}},
		{"entries/x001/000", tilePath{entries: true, index: 1000, width: 256}},
		{"entries/000.p/17", tilePath{entries: true, width: 17}},
	} {
		if got, ok := parseTilePath(c.path); !ok || got != c.want {
			t.Errorf("%q: %+v %v, want %+v", c.path, got, ok, c.want)
		}
		if got := c.want.String(); got != c.path {
			t.Errorf("%+v is written %q, want %q", c.want, got, c.path)
		}
	}
	for _, path := range []string{
		"", "0", "0/", "/0/000", "00/000", "64/000", "-1/000", "+1/000", "0/0", "0/00", "0/0000", "0/1000", "0/x000/001", "0/001/234", "0/x001/x234",
		"0/x001/234/", "0/x001//234", "0/X001/234", "0/000.p/0", "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p", "0/000.p/1/", "0/000.p/1.p/1", "0/xx01/000",
		"0/-01", "0/+01", "entries/", "Entries/000", "data/000", "8/0/000", "0/000 ", " 0/000", "0/x999/x999/x999/x999/x999/x999/x999/999", "0/٠٠٠",
	} {
		if got, ok := parseTilePath(path); ok {
			t.Errorf("%q was taken as %+v", path, got)
		}
	}
}

// golang.org/x/mod's own parser is the oracle: C2SP tlog-tiles is its path without the height, and
// with entries for data.
func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"0/000", "63/x001/x234/067.p/8", "entries/000.p/17", "00/000", "0/000.p/256", "-1/000", "0/x000/001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 40 { // beyond int64 indices, which the oracle does not have
			return
		}
		got, ok := parseTilePath(s)
		theirs := s
		if rest, found := strings.CutPrefix(s, "entries/"); found {
			theirs = "data/" + rest
		} else if strings.HasPrefix(s, "data/") {
			theirs = "none"
		}
		want, err := tlog.ParseTilePath("tile/8/" + theirs)
		if err == nil && want.L > 63 { // C2SP's limit, which the oracle does not have
			err = errors.New("level")
		}
		if ok != (err == nil) {
			t.Fatalf("%q: we say %v, x/mod %v", s, ok, err)
		}
		if ok && (got.String() != s || got.entries != (want.L == -1) || !got.entries && got.level != want.L ||
			got.index != uint64(want.N) || got.width != want.W) {
			t.Fatalf("%q: we read %+v, x/mod %+v", s, got, want)
		}
	})
}

// httpTiles reads a log's tiles over HTTP for golang.org/x/mod/sumdb/tlog.
type httpTiles struct{ w *world }

func (h httpTiles) Height() int                         { return 8 }
func (h httpTiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (h httpTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		r := h.w.do("GET", "/"+strings.Replace(t.Path(), "tile/8/", "tile/", 1), "")
		if r.StatusCode != 200 {
			return nil, fmt.Errorf("%s: %d", t.Path(), r.StatusCode)
		}
		all = append(all, r.body)
	}
	return all, nil
}

// A client that shares no code with us follows every leaf from the entry bundles through the tiles
// to the checkpoint.
func TestTilesOverHTTP(t *testing.T) {
	w := newWorld(t)
	var list []*entry.Entry
	for range 270 {
		list = append(list, w.sign(w.submit["SRC"], w.access("SRC", person)))
	}
	for _, r := range w.log.Append(t.Context(), list...) {
		w.ok(r.Err)
	}
	c := w.do("GET", "/checkpoint", "")
	if ct := c.Header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
		t.Errorf("checkpoint's Content-Type is %q", ct)
	}
	if cc := c.Header.Get("Cache-Control"); cc != "public, max-age=1" {
		t.Errorf("checkpoint's Cache-Control is %q", cc)
	}
	log, err := wire.NewLogVerifier(w.log.VerifierKey())
	w.ok(err)
	cp, err := proof.OpenCheckpoint(c.body, log)
	w.ok(err)
	tree := tlog.Tree{N: int64(cp.Size), Hash: tlog.Hash(cp.Root)}
	hashes := tlog.TileHashReader(tree, httpTiles{w})
	full := w.do("GET", "/tile/entries/000", "")
	part := w.do("GET", fmt.Sprintf("/tile/entries/001.p/%d", cp.Size-256), "")
	bundle := append(bytes.Clone(full.body), part.body...)
	for i := int64(0); i < tree.N; i++ {
		n := int(bundle[0])<<8 | int(bundle[1])
		want, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, i)}) // verified against the tree's root
		w.ok(err)
		if tlog.RecordHash(bundle[2:2+n]) != want[0] {
			t.Fatalf("leaf %d of the bundle is not the one in the tree", i)
		}
		bundle = bundle[2+n:]
	}
	if len(bundle) != 0 {
		t.Errorf("%d bytes after the last entry", len(bundle))
	}
	for path, want := range map[string]string{"/tile/0/000": "public, max-age=31536000, immutable",
		"/tile/entries/000": "public, max-age=31536000, immutable", "/tile/0/001.p/3": "public, max-age=3600, immutable"} {
		r := w.do("GET", path, "")
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != want ||
			r.Header.Get("Content-Type") != "application/octet-stream" || r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d, headers %v", path, r.StatusCode, r.Header)
		}
	}
	for _, path := range []string{
		"/tile/0/001", fmt.Sprintf("/tile/0/001.p/%d", cp.Size-255),
		"/tile/1/000", "/tile/1/000.p/2", "/tile/0/002.p/1", "/tile/63/000.p/1", "/tile/entries/001", "/tile/entries/x999/x999/x999/x999/x999/999",
		"/tile/0/x018/x446/x744/x073/x709/x551/615", "/tile/0/%30%30%30", "/tile//0/000", "/tile/0/../0/000", "/tile/./0/000", "/tile/0%2F000", "/tile/0/0", "/tile/", "/tile", "//checkpoint", "/checkpoint/", "/%63heckpoint", "/Checkpoint", "/", "/v1", "/v1/entries/",
	} {
		r := w.raw("GET", path)
		if r.StatusCode != 404 || r.problem(t) != "not-found" {
			t.Errorf("%s: %d, want 404: %.80s", path, r.StatusCode, r.body)
		}
		if cc := r.Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("%s: a tile that may exist soon is cached as missing: %q", path, cc)
		}
	}
	if r := w.do("HEAD", "/tile/0/000", ""); r.StatusCode != 200 || len(r.body) != 0 || r.ContentLength != 256*32 {
		t.Errorf("HEAD of a tile: %d, Content-Length %d", r.StatusCode, r.ContentLength)
	}
}

// raw sends the path as it is, which http.NewRequest would clean.
func (w *world) raw(method, path string) reply {
	w.Helper()
	req := w.request(method, "/", "")
	req.URL.Opaque = path
	if strings.HasPrefix(path, "//") {
		req.URL.Opaque = "http://" + req.URL.Host + path
	}
	return w.send(req)
}
