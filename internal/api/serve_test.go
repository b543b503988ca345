package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ method, path, allow string }{
		{"GET", "/v1/entries", "POST"},
		{"DELETE", "/checkpoint", "GET, HEAD"},
		{"POST", "/tile/0/000", "GET, HEAD"},
		{"PUT", "/v1/receipts/1", "GET, HEAD"},
		{"GET", "/v1/receipts/lookup", "POST"},
		{"OPTIONS", "/v1/accesses/search", "POST"},
	} {
		r := w.do(c.method, c.path, "")
		if r.StatusCode != 405 || r.problem(t) != "method-not-allowed" || r.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, want 405 and %q", c.method, c.path, r.StatusCode, r.Header.Get("Allow"), c.allow)
		}
	}
}

func TestHeadersForBrowsers(t *testing.T) {
	w := newWorld(t)
	for path, open := range map[string]bool{"/checkpoint": true, "/v1/register": true, "/v1/log": true,
		"/openapi.json": true, "/tile/0/000.p/1": true,
		"/v1/openings/1": false, "/v1/receipts/1": false, "/metrics": false, "/nothing": false} {
		r := w.do("GET", path, "")
		if got := r.Header.Get("Access-Control-Allow-Origin") == "*"; got != open {
			t.Errorf("%s: open to any origin %v, want %v", path, got, open)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: headers %v", path, r.Header)
		}
	}
	for _, path := range []string{"/v1/openings/1", "/v1/receipts/1", "/v1/register"} {
		if cc := w.do("GET", path, "").Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, cc)
		}
	}
}

// Nothing that names a person, organisation, key or entry gets into metrics or log lines, whatever
// is sent.
func TestMetricsAndLogLinesHoldNoIDs(t *testing.T) {
	w := newWorld(t)
	index := w.append(w.submit["SRC"], w.access("SRC", person)).Index
	aud := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	w.do("POST", "/v1/entries", submission(w.entry("SRC", person), "junk", w.entry("OTH", person)))
	w.do("POST", "/v1/entries", submission("chi:0101011237"))
	w.do("POST", "/v1/accesses/search", `{"id":"`+person+`","purpose":["HCOMPL"]}`, aud...)
	w.do("POST", "/v1/accesses/search", `{"id":"`+person+`x"}`, aud...)
	w.do("POST", "/v1/accesses/search", `{"`+person+`":1}`, aud...)
	w.do("GET", fmt.Sprint("/v1/openings/", index, "?purpose=HCOMPL&who=0101011237"), "", aud...)
	w.do("GET", "/v1/accesses/0101011237?id=0101011237", "")
	w.do("0101011237", "/checkpoint", "")
	w.do("GET", "/checkpoint", "", "User-Agent", "0101011237", "Referer", "https://example.org/0101011237")
	metrics := w.metrics()
	for _, secret := range []string{"0101011237", "Ailsa", "AUD", "SRC", "HCOMPL", "ig-office", origin, w.submit["SRC"].KID} {
		if strings.Contains(metrics, secret) {
			t.Errorf("metrics hold %q", secret)
		}
		if strings.Contains(w.lines.String(), secret) {
			t.Errorf("log lines hold %q", secret)
		}
	}
	for _, line := range []string{
		`igledger_http_requests_total{route="/v1/entries",status="200"} 1`,
		`igledger_http_requests_total{route="/v1/entries",status="400"} 1`,
		`igledger_http_requests_total{route="none",status="404"} 1`,
		`igledger_http_requests_total{route="none",status="405"} 1`,
		`igledger_entries_total{result="appended"} 2`,
		`igledger_entries_total{result="bad-jws"} 2`,
		`igledger_submission_entries_sum 4`,
		`igledger_append_seconds_count 1`,
		fmt.Sprintf("igledger_log_size %d", w.size()),
		"igledger_queue_entries 0",
		"igledger_busy_total 0",
		"igledger_commits_failed_total 0",
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("metrics lack %q", line)
		}
	}
	if !strings.Contains(w.lines.String(), "method=GET route=/v1/openings/{index} status=200 took=") {
		t.Errorf("no access line by pattern in:\n%s", w.lines)
	}
}

func TestPanicsBecomeProblems(t *testing.T) {
	w := newWorld(t)
	a := New(Config{Log: w.log, Logger: w.logger()}).(*api)
	a.add(&route{method: "GET", pattern: "/panic", open: true,
		serve: func(*api, http.ResponseWriter, *request) error { panic(person) }})
	a.add(&route{method: "GET", pattern: "/late", open: true, serve: func(_ *api, w http.ResponseWriter, _ *request) error {
		w.WriteHeader(http.StatusOK)
		panic(person)
	}})
	w.server.Close()
	w.server = httptest.NewServer(a)
	defer w.server.Close()
	if r := w.do("GET", "/panic", ""); r.StatusCode != 500 || r.problem(t) != "internal" {
		t.Errorf("status %d: %s", r.StatusCode, r.body)
	}
	if _, err := w.server.Client().Get(w.server.URL + "/late"); err == nil {
		t.Error("an answer cut short by a panic looks whole")
	}
	if log := w.lines.String(); !strings.Contains(log, "msg=panic") || strings.Contains(log, "0101011237") {
		t.Errorf("log of the panic:\n%s", log)
	}
	if r := w.do("GET", "/healthz", ""); r.StatusCode != 200 {
		t.Errorf("after a panic: %d", r.StatusCode)
	}
}
