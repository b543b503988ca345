// Package web holds the page on which a citizen checks a statement in the browser, and serves it
// with the verifier compiled to WebAssembly.
//
// It promises: the page loads only its own files, from the same place, and once the verifier is
// loaded the page can fetch nothing more, because its Content-Security-Policy then has connect-src
// 'none'. So a statement, and the number it is about, stay on the reader's device. The reader still
// depends on the party that serves the page, because that party provides the program that does the
// checking. docs/BROWSER.md says more.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed page
var page embed.FS

// Page returns index.html, app.js and style.css.
func Page() fs.FS {
	sub, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the directory is compiled in
	}
	return sub
}

// CSP is the Content-Security-Policy of the page as a header. It is the policy of the page's meta
// element, and a directive that only a header can have.
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// files lists the page's files: name, media type, and whether the file is made at build time.
var files = []struct {
	name, mediaType string
	built           bool
}{
	{"index.html", "text/html; charset=utf-8", false},
	{"app.js", "text/javascript; charset=utf-8", false},
	{"style.css", "text/css; charset=utf-8", false},
	{"wasm_exec.js", "text/javascript; charset=utf-8", true},
	{"igverify.wasm", "application/wasm", true},
}

// Handler returns a handler that serves the page at / and its files next to it, and nothing else.
// built holds igverify.wasm and wasm_exec.js, which `make web` makes. Handler reads and compresses
// all files once.
func Handler(built fs.FS) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, f := range files {
		from := Page()
		if f.built {
			from = built
		}
		plain, err := fs.ReadFile(from, f.name)
		if err != nil {
			return nil, fmt.Errorf("reading the page's %s, which make web makes: %w", f.name, err)
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // no error: the level is valid, and so is every write
		z.Write(plain)
		z.Close()
		sum := sha256.Sum256(plain)
		serve := func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Type", f.mediaType)
			h.Set("Content-Security-Policy", CSP)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Cache-Control", "no-cache") // revalidated each time: an old verifier must not stay in a cache
			h.Set("Vary", "Accept-Encoding")
			body, tag := plain, fmt.Sprintf(`"%x"`, sum[:12])
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				h.Set("Content-Encoding", "gzip")
				body, tag = packed.Bytes(), fmt.Sprintf(`"%x-gzip"`, sum[:12])
			}
			h.Set("ETag", tag)
			http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(body))
		}
		mux.HandleFunc("GET /"+f.name, serve)
		if f.name == "index.html" {
			mux.HandleFunc("GET /{$}", serve)
		}
	}
	return mux, nil
}
