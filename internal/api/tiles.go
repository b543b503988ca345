package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"igledger/ledger"
)

// tileWidth is the number of hashes or entries of a full tile (C2SP tlog-tiles).
const tileWidth = 256

// tilePath is the parsed path of a tile, after "/tile/".
type tilePath struct {
	entries bool   // an entry bundle, not a tile of hashes
	level   int    // 0 to 63, 0 for entry bundles
	index   uint64 // N
	width   int    // 1 to 255, or tileWidth for a full tile
}

// parseTilePath reads <L>/<N>[.p/<W>] or entries/<N>[.p/<W>], as C2SP tlog-tiles spells them. Each
// tile has exactly one spelling: tiles are cached for ever, and with two names for one tile an
// attacker could show two different contents.
func parseTilePath(s string) (tilePath, bool) {
	first, rest, ok := strings.Cut(s, "/")
	if !ok {
		return tilePath{}, false
	}
	t := tilePath{entries: first == "entries", width: tileWidth}
	if !t.entries {
		t.level, ok = decimal(first, 63)
		if !ok {
			return tilePath{}, false
		}
	}
	if n, w, partial := strings.Cut(rest, ".p/"); partial {
		t.width, ok = decimal(w, tileWidth-1)
		if !ok || t.width == 0 {
			return tilePath{}, false
		}
		rest = n
	}
	for group := range strings.SplitSeq(rest, "/") {
		digits := strings.TrimPrefix(group, "x")
		n, err := strconv.ParseUint(digits, 10, 16)
		if len(digits) != 3 || err != nil || t.index > (1<<63)/1000 {
			return tilePath{}, false
		}
		t.index = t.index*1000 + n
	}
	return t, t.String() == s
}

// String returns the one spelling of the path: the index in groups of three digits, all but the
// last preceded by x.
func (t tilePath) String() string {
	n := fmt.Sprintf("%03d", t.index%1000)
	for i := t.index / 1000; i > 0; i /= 1000 {
		n = fmt.Sprintf("x%03d/%s", i%1000, n)
	}
	dir := "entries"
	if !t.entries {
		dir = strconv.Itoa(t.level)
	}
	if t.width == tileWidth {
		return dir + "/" + n
	}
	return fmt.Sprintf("%s/%s.p/%d", dir, n, t.width)
}

// decimal reads a number from 0 to top without leading zeros or signs.
func decimal(s string, top int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && n <= top && strconv.Itoa(n) == s
}

// tile is GET /tile/<L>/<N>[.p/<W>] and GET /tile/entries/<N>[.p/<W>].
func (a *api) tile(w http.ResponseWriter, r *request) error {
	t, ok := parseTilePath(r.rest)
	if !ok {
		return &refusal{code: notFound, detail: "not a path of a tile (C2SP tlog-tiles)"}
	}
	var body []byte
	var err error
	if t.entries {
		body, err = a.log.EntryBundle(r.Context(), t.index, t.width)
	} else {
		body, err = a.log.Tile(r.Context(), t.level, t.index, t.width)
	}
	if errors.Is(err, ledger.ErrNotFound) {
		return &refusal{code: notFound, detail: "the log has not grown that far"}
	}
	if err != nil {
		return err
	}
	// A partial tile never changes either, but is useful only until the tile is full.
	cache := "public, max-age=3600, immutable"
	if t.width == tileWidth {
		cache = "public, max-age=31536000, immutable"
	}
	return cached(w, r, "application/octet-stream", cache, body, t.entries)
}

// checkpoint is GET /checkpoint: the newest checkpoint, with the cosignatures it has so far. GET
// /v1/log has the newest one that reached a quorum.
func (a *api) checkpoint(w http.ResponseWriter, r *request) error {
	note, err := a.log.PublishedCheckpoint(r.Context())
	if err != nil {
		return err
	}
	return cached(w, r, "text/plain; charset=utf-8", "public, max-age=1", note, false)
}
