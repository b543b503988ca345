package api

import (
	"strings"
	"testing"
)

// The derived tables are gone and the tree is frozen, as after a repair by hand that was
// interrupted. Nothing panics, and /readyz says why nothing is appended.
func TestBrokenTables(t *testing.T) {
	w := newWorld(t)
	f := w.withIndex()
	w.append(w.submit["SRC"], w.access("SRC", person))
	w.ok(f.Step(t.Context()))
	token := []string{"Authorization", "Bearer " + w.token(w.audit["AUD"], "AUD")}
	ask := `{"id":"` + person + `","purpose":["HCOMPL"]}`
	for _, damage := range []string{
		"DELETE FROM chain", "DELETE FROM tile", "DELETE FROM register", "DELETE FROM idem", "UPDATE tree SET state = 2",
	} {
		w.exec(damage)
		for _, r := range []reply{
			w.do("POST", "/v1/statements", ask, token...), w.do("POST", "/v1/accesses/search", ask, token...),
		} {
			if r.StatusCode < 400 && damage == "UPDATE tree SET state = 2" {
				t.Errorf("%s: %s %d", damage, r.Request.URL.Path, r.StatusCode)
			}
		}
	}
	if code := w.do("POST", "/v1/entries", submission(w.entry("SRC", person))).problem(t); code != frozen {
		t.Errorf("an entry into a frozen log: %s", code)
	}
	r := w.do("GET", "/readyz", "")
	if code := r.problem(t); r.StatusCode != 503 || code != frozen || !strings.Contains(string(r.body), "frozen") {
		t.Errorf("readyz: %d %s", r.StatusCode, r.body)
	}
	if strings.Contains(w.lines.String(), "panic") {
		t.Errorf("a panic:\n%s", w.lines)
	}
}
