// Package verifier is the second verifier, which runs in browsers. It is in TypeScript; package
// igledger/verifier has the tests that hold its answers against igverify's.
package verifier

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/internal/web/webtest"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

const module = "../ui/dist/check.js"

// A phone loads it over a slow line, so what is built is at most 60 KB compressed.
func TestSize(t *testing.T) {
	data, err := os.ReadFile(module)
	testneeds.It(t, "make pages", err)
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := packed.Len(); n > 60_000 {
		t.Errorf("%d bytes compressed, of %d", n, len(data))
	}
}

// A stranger reads all of it in an afternoon: at most 1,500 lines of at most 140 characters.
func TestLines(t *testing.T) {
	files, err := filepath.Glob("*.ts")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	total := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		total += len(lines)
		for i, line := range lines {
			if n := utf8.RuneCountInString(line); n > 140 {
				t.Errorf("%s:%d has %d characters", name, i+1, n)
			}
		}
	}
	if total > 1500 {
		t.Errorf("%d lines in %d files", total, len(files))
	}
}

// What a verifier links its reader has to trust: its own files, and two libraries of cryptography.
// It has no way to send anything or to keep anything.
func TestDependsOnLittle(t *testing.T) {
	files, err := filepath.Glob("*.ts")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	from := regexp.MustCompile(`(?m)^(?:import|export) .*from "([^"]+)"|\bimport\s*\(?\s*"([^"]+)"`)
	reaches := regexp.MustCompile(`\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|localStorage|sessionStorage|indexedDB|document|eval)\b\s*[(.]`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range from.FindAllStringSubmatch(string(text), -1) {
			what := m[1] + m[2]
			if !strings.HasPrefix(what, "./") && !strings.HasPrefix(what, "@noble/curves/") && !strings.HasPrefix(what, "@noble/hashes/") {
				t.Errorf("%s imports %s", name, what)
			}
		}
		for _, line := range strings.Split(string(text), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if m := reaches.FindString(code); m != "" {
				t.Errorf("%s uses %s", name, m)
			}
		}
	}
}

// BenchmarkStatementOf1000 verifies a statement of 1,000 accesses in Chromium, in a log of 4,000
// entries, as the page does.
func BenchmarkStatementOf1000(b *testing.B) {
	w := testlog.NewSample("ledger.example.test/2026")
	var cosigners []*testlog.Cosigner
	for _, name := range []string{"witness.one.test/w", "witness.two.test/w", "board.test/audit", "university.test/audit"} {
		cosigners = append(cosigners, testlog.NewCosigner(name))
	}
	me := w.IDs[0]
	for range 1000 {
		w.AddSealed(w.Access("lothian", w.Second, me), me)
	}
	w.AddRandom(3000)
	file, err := w.Statement(testlog.Claim{ID: me, IndexRoot: w.AddIndexRoot(), Cosigners: cosigners}).Marshal()
	if err != nil {
		b.Fatal(err)
	}
	_, err = os.Stat(module)
	testneeds.It(b, "make pages", err)
	asked, err := json.Marshal(map[string]any{
		"policy": string(testlog.Policy(w.Key, 2, cosigners[:2], cosigners[2:])), "id": me, "now": testlog.Now + 3600,
	})
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/html") })
	mux.HandleFunc("/check.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, module) })
	mux.HandleFunc("/statement.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) })
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	p := webtest.New(b, webtest.How{})
	p.Open(server.URL)
	ms := 0.0
	for b.Loop() {
		p.Open(server.URL) // a page of its own each time, as a reader has: nothing is warm
		ms += webtest.Eval[float64](p, fmt.Sprintf(`(async () => {
			const { verify } = await import("/check.js");
			const file = new Uint8Array(await (await fetch("/statement.json")).arrayBuffer());
			const start = performance.now(), r = verify(file, "igledger-statement/1", %s);
			const took = performance.now() - start;
			if (r.outcome !== "good" || r.own.length < 1000) throw new Error(r.outcome + JSON.stringify(r.steps.filter((s) => !s.ok)));
			return took;
		})()`, asked))
	}
	b.ReportMetric(ms/float64(b.N), "ms/statement")
	b.ReportMetric(float64(len(file))/1002, "B/access")
}
