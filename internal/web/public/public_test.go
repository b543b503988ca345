package public_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"igledger/internal/api"
	"igledger/internal/testledger"
	"igledger/internal/testlog"
	"igledger/internal/testneeds"
	"igledger/internal/web/door"
	"igledger/internal/web/public"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// person has accesses in the log. No public page may show the number.
const person = "chi:0202020005"

type world struct {
	*testledger.Ledger
	pages   http.Handler
	url     string // of pages and API together
	lothian *wire.Signer
	auditor *testlog.Cosigner
}

// newWorld returns a ledger with an auditor, two boards, two agreements, some accesses, and its public
// pages. One title is an attempt to run a script.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{auditor: testlog.NewCosigner("auditor.example")}
	w.Ledger = testledger.New(t, w.auditor)
	roles := []entry.Role{entry.RoleController, entry.RoleSource}
	w.lothian = w.Enrol("lothian", roles, entry.PurposeAgreements, entry.PurposeSubmit)
	fife := w.Enrol("fife", roles, entry.PurposeAgreements, entry.PurposeSubmit)
	w.agree("isa-1", "Care across the Forth", map[string]*wire.Signer{"lothian": w.lothian, "fife": fife})
	w.agree("isa-2", `<script>alert(1)</script>`, map[string]*wire.Signer{"lothian": w.lothian})
	for n := range uint64(3) {
		w.Append(w.lothian, &entry.Access{
			Common: w.by("lothian"), Source: "EPR", Seq: new(2*n + 1), Action: "R", Outcome: "0", Purpose: []string{"TREAT"},
			Data:     []string{"http://hl7.org/fhir/resource-types|Observation"},
			Recorded: time.Now().AddDate(0, 0, -1).Format(time.RFC3339), Sub: person,
		})
	}
	site, err := ui.New(ui.Config{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/assets/", site.Assets())
	mux.Handle("/", ui.Either(site.NotFound(), w.Handler()))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	w.url = server.URL
	err = public.Mount(mux, public.Deps{
		Site: site, Door: door.New(door.Config{Log: w.Log}), OpenAPI: api.Document(), Public: w.url, Policy: w.Policy(w.auditor),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pages = mux
	return w
}

func (w *world) by(org string) entry.Common {
	return entry.Common{Issuer: org, Audience: testledger.Origin}
}

func (w *world) agree(id, title string, signers map[string]*wire.Signer) {
	text := testlog.AgreementText(id, 1)
	now := time.Now()
	text.Title = title
	text.Start, text.End = now.AddDate(0, -1, 0).Format(time.DateOnly), now.AddDate(1, 0, 0).Format(time.DateOnly)
	text.ReviewDue = now.AddDate(0, 6, 0).Format(time.DateOnly)
	e, err := entry.Sign(w.lothian, &entry.Agreement{Common: w.by("lothian"), Agreement: text})
	if err == nil {
		err = w.Log.Append(context.Background(), e)[0].Err
	}
	if err != nil {
		panic(err)
	}
	for _, org := range []string{"lothian", "fife"} {
		if key := signers[org]; key != nil {
			w.Append(key, &entry.AgreementSignature{Common: w.by(org), Agreement: id, Version: 1, Proposal: e.Identity()})
		}
	}
}

func (w *world) get(path string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.pages.ServeHTTP(rec, req)
	return rec
}

// paths are all pages of the room.
var paths = []string{
	"/", "/register/agreements", "/register/agreements?state=proposed&q=zzz", "/register/agreements/isa-1",
	"/register/agreements/isa-2?version=1", "/register/policies", "/register/policies/0", "/trust", "/api", "/help", "/privacy",
	"/accessibility", "/leaflet",
}

// missing is a key that has no words: the key itself is then on the page.
var missing = regexp.MustCompile(`>\s*(home|how|leaflet|agreements?|state|party|function|step|article[69]|term|polic(y|ies)|trust|` +
	`machine|about|heard|fault|command|api|help|privacy|accessibility|nav|footer)\.[a-z0-9.-]+\s*<`)

// Every page is whole, in both languages, small, safe and about nobody.
func TestPages(t *testing.T) {
	w := newWorld(t)
	w.Cosign(w.auditor)
	for _, path := range paths {
		for _, lang := range []string{"en", "gd"} {
			rec := w.get(path, "Accept-Language", lang)
			body := rec.Body.String()
			if rec.Code != http.StatusOK || !strings.Contains(body, "</html>") || !strings.Contains(body, `<html lang="`+lang+`"`) {
				t.Errorf("%s in %s: %d", path, lang, rec.Code)
			}
			if strings.Count(body, "<h1") != 1 {
				t.Errorf("%s: %d h1", path, strings.Count(body, "<h1"))
			}
			if key := missing.FindString(body); key != "" {
				t.Errorf("%s in %s: no words for %s", path, lang, key)
			}
			if strings.Contains(body, "<script>alert") || regexp.MustCompile(`\sstyle=|<style|\son[a-z]+=`).MatchString(body) {
				t.Errorf("%s: script or style in the page", path)
			}
			if strings.Contains(body, strings.TrimPrefix(person, "chi:")) {
				t.Errorf("%s has the number of a person", path)
			}
			if (lang == "gd") != strings.Contains(body, "ig-draft") {
				t.Errorf("%s in %s: the mark of a draft", path, lang)
			}
		}
		packed := w.get(path, "Accept-Encoding", "gzip").Body
		if packed.Len() > 100_000 {
			t.Errorf("%s: %d bytes", path, packed.Len())
		}
		z, err := gzip.NewReader(packed)
		if err == nil {
			_, err = io.Copy(io.Discard, z)
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRegisterOfAgreements(t *testing.T) {
	w := newWorld(t)
	for path, c := range map[string]struct{ want, lack string }{
		"/register/agreements":                  {"Care across the Forth", ""},
		"/register/agreements?state=in-force":   {"isa-1", "isa-2"},
		"/register/agreements?state=proposed":   {"isa-2", "isa-1"},
		"/register/agreements?q=FORTH":          {"isa-1", "isa-2"},
		"/register/agreements?party=nobody":     {"No agreement fits", "isa-1"},
		"/register/agreements?page=99999999999": {"isa-1", ""},
		"/register/agreements/isa-1":            {"Organisation fife signed version 1", ""},
		"/register/agreements/isa-2":            {"not yet", ""},
		"/register/policies":                    {"The ledger came with these.", ""},
	} {
		body := w.get(path).Body.String()
		if !strings.Contains(body, c.want) || c.lack != "" && strings.Contains(body, "/register/agreements/"+c.lack) {
			t.Errorf("%s: want %q, not %q", path, c.want, c.lack)
		}
	}
	for _, path := range []string{
		"/register/agreements/nothing", "/register/agreements/isa-1?version=2", "/register/agreements/isa-1?version=0",
		"/register/agreements/isa-1?version=x", "/register/policies/9", "/register/policies/x", "/nothing", "/register",
	} {
		rec := w.get(path)
		if rec.Code != http.StatusNotFound || !strings.Contains(rec.Body.String(), "Page not found") {
			t.Errorf("%s: %d", path, rec.Code)
		}
		if rec := w.get(path, "Accept", "application/json"); strings.HasPrefix(path, "/nothing") && !strings.Contains(rec.Header().Get("Content-Type"), "json") {
			t.Errorf("%s: programs get %s", path, rec.Header().Get("Content-Type"))
		}
	}
}

// At one address people get a page and programs get data.
func TestPeopleAndPrograms(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": "text/html; charset=utf-8",
		"application/json": "application/json", "*/*": "application/json", "": "application/json",
		"application/json, text/html;q=0.5": "application/json",
	} {
		rec := w.get("/", "Accept", accept)
		if got := rec.Header().Get("Content-Type"); rec.Code != http.StatusOK || got != want || !strings.Contains(rec.Header().Get("Vary"), "Accept") {
			t.Errorf("%q: %d, %s", accept, rec.Code, got)
		}
	}
}

// The trust page says who checked the log, and is worried when nobody did.
func TestTrust(t *testing.T) {
	w := newWorld(t)
	if body := w.get("/trust").Body.String(); !strings.Contains(body, "Nobody else has signed it yet") || !strings.Contains(body, "numbers are missing") {
		t.Error("before the first cosignature")
	}
	later := newWorld(t)
	later.Cosign(later.auditor)
	body := later.get("/trust").Body.String()
	for _, want := range []string{"Others have checked the ledger lately", "auditor.example", "up to date", "No witness is asked", "Organisation lothian", "fewer than 10"} {
		if !strings.Contains(body, want) {
			t.Errorf("want %q", want)
		}
	}
}

// What the trust page tells readers to paste into a terminal runs, and checks this very log.
func TestCommandsRun(t *testing.T) {
	testneeds.Time(t, "a build of igverify")
	w := newWorld(t)
	w.Cosign(w.auditor)
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "igledger/cmd/igverify")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	commands := regexp.MustCompile(`(?s)<pre[^>]*><code>(.*?)</code></pre>`).FindAllStringSubmatch(w.get("/trust").Body.String(), -1)
	if len(commands) != 3 {
		t.Fatalf("%d commands", len(commands))
	}
	var script bytes.Buffer
	script.WriteString("set -e\n")
	for _, c := range commands {
		text := strings.NewReplacer("&#43;", "+", "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&#34;", `"`).Replace(c[1])
		if strings.HasPrefix(text, "curl ") {
			if _, err := exec.LookPath("curl"); err != nil {
				continue
			}
		}
		script.WriteString(text + "\n")
	}
	run := exec.CommandContext(t.Context(), "sh")
	run.Dir, run.Stdin = dir, &script
	run.Env = append(os.Environ(), "PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(out), testledger.Origin) {
		t.Errorf("%v\n%s", err, out)
	}
}

// While the database is away, pages say so and when to come back, and say nothing else.
func TestDatabaseAway(t *testing.T) {
	w := newWorld(t)
	w.Away()
	for _, path := range []string{"/trust", "/register/agreements", "/register/agreements/isa-1", "/register/policies"} {
		rec := w.get(path)
		if rec.Code != http.StatusServiceUnavailable || !strings.Contains(rec.Body.String(), "Try again in about 1 minute") ||
			strings.Contains(rec.Body.String(), "closed") {
			t.Errorf("%s: %d", path, rec.Code)
		}
	}
	if rec := w.get("/help"); rec.Code != http.StatusOK {
		t.Errorf("help: %d", rec.Code)
	}
}
