package auditd

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// metrics holds what /metrics shows, in the text format of Prometheus (version 0.0.4). Labels come
// from closed sets; nothing is about a person.
type metrics struct {
	mu     sync.Mutex
	values map[string]float64 // by name with labels
}

// families lists all metrics: name, type, help.
var families = [][3]string{
	{"igverify_audit_rounds_total", "counter", "Rounds by ending: cosigned, quiet (nothing new), undelivered, failed, convicted, unreadable."},
	{"igverify_audit_findings_total", "counter", "Checks that failed, by check."},
	{"igverify_audit_alarm", "gauge", "1: something was found that stops cosigning until a person removes the alarm."},
	{"igverify_audit_entries_total", "counter", "Entries audited by this process."},
	{"igverify_audit_openings_total", "counter", "Openings that were requested and checked, by result: good, bad."},
	{"igverify_audit_size", "gauge", "Entries audited."},
	{"igverify_audit_anchor_size", "gauge", "Size of the checkpoint that the log last offered for cosigning."},
	{"igverify_audit_newest_size", "gauge", "Largest size at /checkpoint while that has been the one offered."},
	{
		"igverify_audit_anchor_frozen", "gauge",
		"1: the log has grown and left the checkpoint that it offers behind, by too much or for too long.",
	},
	{"igverify_audit_stale", "gauge", "1: for too long the log has offered an older checkpoint than before."},
	{"igverify_audit_cosigned_size", "gauge", "Size of the checkpoint that was cosigned last."},
	{"igverify_audit_cosigned_time_seconds", "gauge", "When that was, in seconds since 1970."},
	{"igverify_audit_round_time_seconds", "gauge", "End of the last round, in seconds since 1970."},
	{"igverify_audit_index_covered", "gauge", "Entries that the newest index root covers."},
	{"igverify_audit_index_lag", "gauge", "Entries that no index root covers."},
	{"igverify_audit_index_lag_longest", "gauge", "Greatest number of entries that no index root covered, at any size."},
	{"igverify_audit_index_lag_allowed", "gauge", "Greatest number that the genesis allows."},
	{"igverify_audit_index_roots", "gauge", "Index roots recomputed."},
	{"igverify_audit_histories", "gauge", "Histories in the subject index, including public ones."},
	{"igverify_audit_verdicts", "gauge", "Verdicts computed again, with --verdicts."},
	{"igverify_audit_verdicts_doubtful", "gauge", "Verdicts that differ, and entries that were refused or not opened."},
	{"igverify_audit_source_findings", "gauge", "Number of things that are wrong with sources' heartbeats now."},
}

func (m *metrics) set(name string, v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = v
}

func (m *metrics) add(name string, v float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] += v
}

func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/metrics" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.mu.Lock()
	defer m.mu.Unlock()
	names := slices.Sorted(maps.Keys(m.values))
	for _, f := range families {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f[0], f[2], f[0], f[1])
		for _, name := range names {
			if family, _, _ := strings.Cut(name, "{"); family == f[0] {
				fmt.Fprintf(w, "%s %s\n", name, strconv.FormatFloat(m.values[name], 'f', -1, 64))
			}
		}
	}
}

func labelled(name, label, value string) string { return fmt.Sprintf("%s{%s=%q}", name, label, value) }
