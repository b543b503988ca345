package web_test

import (
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"igledger/internal/web"
)

func TestHandler(t *testing.T) {
	if _, err := web.Handler(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "make web") {
		t.Errorf("without the built files: %v", err)
	}
	h, err := web.Handler(fstest.MapFS{"igverify.wasm": {Data: []byte("\x00asm")}, "wasm_exec.js": {Data: []byte("//")}, "secret": {Data: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, header ...string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	for path, mediaType := range map[string]string{"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8", "/app.js": "text/javascript; charset=utf-8", "/style.css": "text/css; charset=utf-8",
		"/wasm_exec.js": "text/javascript; charset=utf-8", "/igverify.wasm": "application/wasm"} {
		r := ask("GET", path)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != mediaType || r.Header.Get("Content-Security-Policy") != web.CSP || r.Header.Get("X-Content-Type-Options") != "nosniff" || len(body) == 0 {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
		}
		if again := ask("GET", path, "If-None-Match", r.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s, unchanged: %d", path, again.StatusCode)
		}
		if packed := ask("GET", path, "Accept-Encoding", "gzip, br"); packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("ETag") == r.Header.Get("ETag") {
			t.Errorf("%s, compressed: %v", path, packed.Header)
		}
	}
	for _, path := range []string{"/secret", "/page/index.html", "/../go.mod", "/x"} {
		if r := ask("GET", path); r.StatusCode == 200 {
			t.Errorf("%s is served", path)
		}
	}
	if r := ask("POST", "/"); r.StatusCode != 405 {
		t.Errorf("POST: %d", r.StatusCode)
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := fs.ReadFile(web.Page(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPageCarriesItsPolicy: the page must be as closed when somebody else's web server, which sends
// no headers of ours, serves it.
func TestPageCarriesItsPolicy(t *testing.T) {
	html := file(t, "index.html")
	inMeta := strings.TrimSuffix(web.CSP, "; frame-ancestors 'none'") // meta elements cannot say that
	if !strings.Contains(html, `<meta http-equiv="Content-Security-Policy" content="`+inMeta+`">`) {
		t.Error("the meta element does not say what the header says")
	}
	if m := regexp.MustCompile(`(?i)(https?:)?//[a-z]|<script>|<style|\son[a-z]+=|style=`).FindString(html); m != "" {
		t.Errorf("the page refers to elsewhere or has inline code: %q", m)
	}
	if strings.Contains(file(t, "app.js"), "innerHTML") || strings.Contains(file(t, "app.js"), "insertAdjacent") {
		t.Error("app.js writes markup")
	}
}

// TestContrast: every ink on every ground it stands on reaches 4.5:1 (WCAG 2.2, 1.4.3), in light
// and dark; borders of fields 3:1 (1.4.11).
func TestContrast(t *testing.T) {
	blocks := regexp.MustCompile(`:root \{([^}]*)\}`).FindAllStringSubmatch(file(t, "style.css"), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d sets of colours, want light, dark and print", len(blocks))
	}
	for i, name := range []string{"light", "dark"} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6})`).FindAllStringSubmatch(blocks[i][1], -1) {
			colour[m[1]] = luminance(m[2])
		}
		for _, pair := range []struct {
			ink, ground string
			want        float64
		}{
			{"ink", "paper", 4.5}, {"ink", "panel", 4.5}, {"soft", "paper", 4.5}, {"soft", "panel", 4.5}, {"paper", "link", 4.5}, {"link", "paper", 4.5}, {"soft", "bad-bg", 4.5}, {"soft", "good-bg", 4.5}, {"soft", "warn-bg", 4.5},
			{"good", "good-bg", 4.5}, {"warn", "warn-bg", 4.5}, {"bad", "bad-bg", 4.5}, {"ink", "good-bg", 4.5}, {"ink", "warn-bg", 4.5}, {"ink", "bad-bg", 4.5},
			{"good", "panel", 4.5}, {"warn", "panel", 4.5}, {"bad", "panel", 4.5}, {"good", "paper", 4.5}, {"warn", "paper", 4.5}, {"bad", "paper", 4.5}, {"line", "paper", 3},
		} {
			a, b := colour[pair.ink], colour[pair.ground]
			if ratio := (max(a, b) + .05) / (min(a, b) + .05); a == 0 && b == 0 || ratio < pair.want {
				t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", name, pair.ink, pair.ground, ratio, pair.want)
			}
		}
	}
}

// luminance is WCAG's relative luminance of a colour rrggbb.
func luminance(hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
