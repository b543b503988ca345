package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
)

// unpacked returns the body of an answer as it is before any Content-Encoding.
func (r reply) unpacked(t *testing.T) []byte {
	t.Helper()
	if r.Header.Get("Content-Encoding") == "" {
		return r.body
	}
	z, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Entry bundles are compressed for those who ask for gzip, and only for them (RFC 9110 section
// 12.5.3); caches are told that there are two.
func TestEntryBundlesAreCompressed(t *testing.T) {
	w := newWorld(t)
	const path = "/tile/entries/000.p/5"
	plain := w.do("GET", path, "", "Accept-Encoding", "identity")
	if plain.StatusCode != 200 || plain.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d, %q", plain.StatusCode, plain.Header)
	}
	for accept, packed := range map[string]bool{
		"gzip": true, "GZIP": true, "x-gzip": true, "br, gzip": true, "gzip;q=0.1, identity": true, "deflate,gzip ; q=1.0": true,
		"*": true, "br;q=1.0, *;q=0.5": true, "gzip;q=0": false, "gzip;q=0.000, *": false, "*;q=0": false, "identity": false,
		"br": false, "gzipped": false, "gzip;level=9": false, "gzip;q=2": false, "gzip;q=NaN": false, "gzip;q=-1": false,
		",, ,": false, "*;q=0, gzip": true,
	} {
		r := w.do("GET", path, "", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != packed || r.StatusCode != 200 {
			t.Errorf("%q: %d, compressed %v", accept, r.StatusCode, got)
		}
		if !bytes.Equal(r.unpacked(t), plain.body) || packed && len(r.body) >= len(plain.body) {
			t.Errorf("%q: %d bytes of %d, or others", accept, len(r.body), len(plain.body))
		}
		if r.Header.Get("Vary") != "Accept-Encoding" || (r.Header.Get("ETag") == plain.Header.Get("ETag")) == packed {
			t.Errorf("%q: Vary %q, ETag %s", accept, r.Header.Get("Vary"), r.Header.Get("ETag"))
		}
		if length := r.Header.Get("Content-Length"); length != decimalOf(uint64(len(r.body))) {
			t.Errorf("%q: length %s of %d", accept, length, len(r.body))
		}
	}
	if r := w.do("GET", "/tile/0/000.p/5", "", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" || len(r.body) != 5*32 {
		t.Errorf("a tile of hashes: %q", r.Header)
	}
}

// Who has a tile, a bundle or the checkpoint already gets 304, each form by its own tag.
func TestNotModified(t *testing.T) {
	w := newWorld(t)
	for path, forms := range map[string][]string{
		"/tile/entries/000.p/5": {"identity", "gzip"}, "/tile/0/000.p/5": {"gzip"}, "/checkpoint": {"gzip"},
	} {
		tags := map[string]bool{}
		for _, form := range forms {
			tag := w.do("GET", path, "", "Accept-Encoding", form).Header.Get("ETag")
			if len(tag) < 34 || tags[tag] {
				t.Errorf("%s as %s: tag %s", path, form, tag)
			}
			tags[tag] = true
			for match, status := range map[string]int{
				tag: 304, "W/" + tag: 304, "*": 304, `"x", ` + tag: 304, `"x",` + tag + `,"y"`: 304,
				`"x"`: 200, tag[1:]: 200, "": 200, `"` + tag: 200,
			} {
				r := w.do("GET", path, "", "Accept-Encoding", form, "If-None-Match", match)
				if r.StatusCode != status || (len(r.body) == 0) != (status == http.StatusNotModified) || r.Header.Get("ETag") != tag ||
					r.Header.Get("Cache-Control") == "" {
					t.Errorf("%s as %s, %q: %d with %d bytes, %q", path, form, match, r.StatusCode, len(r.body), r.Header)
				}
			}
		}
	}
}
