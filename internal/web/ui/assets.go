package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// assets are the files that pages load. Their addresses hold a digest of all of them, so that a
// browser can keep each for ever and still has the new ones when the program is replaced. Files refer
// to one another by relative addresses.
type assets struct {
	digest string
	files  map[string]asset
}

type asset struct {
	media  string
	plain  []byte
	packed func() []byte // nil if it is not smaller; made when it is first asked for
}

func newAssets(folders ...fs.FS) (*assets, error) {
	a := &assets{files: map[string]asset{}}
	for _, folder := range folders {
		err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
				return err
			}
			data, err := fs.ReadFile(folder, name)
			if err != nil {
				return err
			}
			return a.add(name, data)
		})
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

// media are the types of files that may be assets. The system's table of types is not asked, because
// it is another on each machine.
var media = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".txt": "text/plain; charset=utf-8", ".json": "application/json", ".html": "text/html; charset=utf-8",
}

func (a *assets) add(name string, data []byte) error {
	if _, twice := a.files[name]; twice {
		return fmt.Errorf("there are two assets %s", name)
	}
	f := asset{media: media[path.Ext(name)], plain: data}
	if f.media == "" {
		return fmt.Errorf("asset %s has no known type (%s)", name, mime.TypeByExtension(path.Ext(name)))
	}
	f.packed = sync.OnceValue(func() []byte {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // no error: the level is valid, and so is every write
		z.Write(data)
		z.Close()
		if packed.Len() >= len(data) {
			return nil
		}
		return packed.Bytes()
	})
	a.files[name] = f
	return nil
}

// seal computes the digest. No file may be added afterwards.
func (a *assets) seal() {
	h := sha256.New()
	for _, name := range a.names() {
		sum := sha256.Sum256(a.files[name].plain)
		fmt.Fprintf(h, "%s %x\n", name, sum)
	}
	a.digest = hex.EncodeToString(h.Sum(nil)[:8])
}

func (a *assets) names() []string {
	list := make([]string, 0, len(a.files))
	for name := range a.files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (a *assets) has(name string) bool {
	_, ok := a.files[name]
	return ok
}

var errNoAsset = errors.New("there is no such asset")

// url returns the address of an asset.
func (a *assets) url(name string) (string, error) {
	if !a.has(name) {
		return "", fmt.Errorf("%w: %s", errNoAsset, name)
	}
	return "/assets/" + a.digest + "/" + name, nil
}

// Assets returns the handler of AssetsAt.
func (s *Site) Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if digest, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/assets/"), "/"); s.assets.has(name) {
			s.assets.serve(w, r, digest, name)
			return
		}
		s.Problem(w, r, http.StatusNotFound, "not-found")
	})
}

// AssetsAt is the pattern under which assets are.
const AssetsAt = "GET /assets/"

// serve serves an asset. A page of an older program asks with another digest and is served too, but
// no cache keeps that.
func (a *assets) serve(w http.ResponseWriter, r *http.Request, digest, name string) {
	f := a.files[name]
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", bare)
	if strings.HasSuffix(name, ".js") { // a worker has the policy that its own file comes with
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'")
	}
	h.Set("Cache-Control", "no-cache")
	if digest == a.digest {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	body := f.plain
	h.Set("ETag", `"`+a.digest+`"`)
	if acceptsGzip(r) {
		if packed := f.packed(); packed != nil {
			body = packed
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"`+a.digest+`-gzip"`)
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
