package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// cached answers with something that anyone may read and caches keep: with an ETag, and 304 if the
// caller has it already (RFC 9110 sections 8.8.3 and 13.1.2). If packed, it is compressed for
// callers that take gzip, as C2SP tlog-tiles advises for entry bundles; a tile of hashes does not
// compress.
func cached(w http.ResponseWriter, r *request, media, keep string, body []byte, packed bool) error {
	h := w.Header()
	h.Set("Cache-Control", keep)
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:16])
	if packed {
		h.Set("Vary", "Accept-Encoding")
		packed = takesGzip(r.Header.Values("Accept-Encoding"))
	}
	if packed {
		tag += "-gzip" // other bytes, so another strong ETag
	}
	tag = `"` + tag + `"`
	h.Set("ETag", tag)
	if noneMatch(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if packed {
		var err error
		if body, err = compress(body); err != nil {
			return err
		}
		h.Set("Content-Encoding", "gzip")
	}
	write(w, http.StatusOK, media, body)
	return nil
}

// noneMatch reports whether If-None-Match names the tag. Weak tags count: the comparison is weak.
func noneMatch(fields []string, tag string) bool {
	for item := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.TrimPrefix(item, "W/") == tag {
			return true
		}
	}
	return false
}

// takesGzip reports whether Accept-Encoding allows gzip (RFC 9110 section 12.5.3): by its name or
// its old one, or else by "*", with a weight above 0.
func takesGzip(fields []string) bool {
	whatever := false
	for item := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		name, weight, weighted := strings.Cut(item, ";")
		taken := true
		if weighted {
			q, ok := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(weight, " ", "")), "q=")
			value, err := strconv.ParseFloat(q, 64)
			taken = ok && err == nil && value > 0 && value <= 1
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return taken
		case "*":
			whatever = taken
		}
	}
	return whatever
}

// packers are used again, because each takes a megabyte. They are the fastest kind: what is packed
// is partly random, and anyone may ask for it.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a good one
	return z
}}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&out)
	_, err := z.Write(body)
	if err == nil {
		err = z.Close()
	}
	return out.Bytes(), err
}
