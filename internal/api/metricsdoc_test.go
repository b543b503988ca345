package api

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"igledger/internal/disk"
)

// The table of metrics in docs/OPERATE.md has those that a server shows, with their labels, and no
// label or value of theirs tells of a person.
func TestMetricsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/OPERATE.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(igledger_[a-z_]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(data), -1) {
		documented[m[1]] = strings.ReplaceAll(strings.TrimSpace(m[2]), "`", "")
	}
	w := newWorld(t)
	w.withIndex()
	Connections(w.registry, Limits{})
	WitnessAttempts(w.registry, nil)("witness.example", 1, true, nil)
	DiskMetrics(w.registry, disk.Folders{{Name: "database", Path: t.TempDir()}})
	w.do("POST", "/v1/entries", submission(w.entry("SRC", person)))
	w.do("POST", "/v1/accesses/search", `{"id":"`+person+`","purpose":["HCOMPL"]}`, "Authorization", "Bearer "+w.token(w.audit["AUD"], "AUD"))
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	// Of a log whose policy names cosigners, and which has an anchor that they have cosigned.
	shown := map[string]string{"igledger_cosigner_size": "cosigner", "igledger_cosigner_time_seconds": "cosigner",
		"igledger_anchor_size": "", "igledger_witnessed_size": ""}
	descriptions := make(chan *prometheus.Desc, 100)
	cosigning{}.Describe(descriptions)
	if n := len(descriptions); n != len(shown) {
		t.Errorf("%d metrics of cosigners, want %d", n, len(shown))
	}
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		shown[f.GetName()] = strings.Join(labels, ", ")
	}
	for name, labels := range shown {
		if got, ok := documented[name]; !ok || got != labels {
			t.Errorf("docs/OPERATE.md: %s with the labels %q, want %q", name, got, labels)
		}
	}
	for name := range documented {
		if _, ok := shown[name]; !ok {
			t.Errorf("docs/OPERATE.md: no server shows %s", name)
		}
	}
	text := w.metrics()
	for _, datum := range []string{strings.TrimPrefix(person, "chi:"), "Ailsa", "N-1234", "371531000", "ward round", "ig-office",
		"SRC", "AUD"} {
		if strings.Contains(text, datum) {
			t.Errorf("the metrics have %q", datum)
		}
	}
}

// A line for each request that is refused, unless the operator wants all or none.
func TestAccessLog(t *testing.T) {
	w := newWorld(t)
	for access, want := range map[AccessLog]int{"": 1, AccessErrors: 1, AccessAll: 2, AccessOff: 0} {
		before := strings.Count(w.lines.String(), "msg=request ")
		w.serveWith(access)
		w.do("GET", "/healthz", "")
		w.do("GET", "/v1/nothing", "")
		w.server.Close() // which waits for both lines
		if n := strings.Count(w.lines.String(), "msg=request ") - before; n != want {
			t.Errorf("%q: %d lines, want %d", access, n, want)
		}
	}
}

func (w *world) serveWith(access AccessLog) {
	w.server = httptest.NewServer(New(Config{Log: w.log, Logger: w.logger(), AccessLog: access}))
}
