package officer

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// The reports count the organisation's own accesses, and the table behind each drawing and the CSV
// file have the same numbers.
func TestReports(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.access("LOT", morag, 3*i)
		w.access("GGC", morag, 3*i)
	}
	for i := range 4 {
		w.access("LOT", iain, 40*i, marketing)
	}
	w.access("LOT", iain, 1, override)
	w.access("LOT", iain, 1, func(a *entry.Access) { a.Outcome = "8" })
	o := w.officer("LOT", "Officer")
	page := o.see("/officer/reports")
	text := page.text()
	for _, want := range []string{"15 accesses.", "4 were not covered.", "1 was an emergency override.", "1 attempt or decision besides."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if n := strings.Count(page.body, "<svg class=\"ig-figure__drawing\" role=\"img\""); n != 5 || strings.Count(page.body, "<table") != 5 {
		t.Errorf("%d drawings", n)
	}
	sum := func(query string) (n int, months []string) {
		rows, err := csv.NewReader(strings.NewReader(o.see("/officer/reports.csv" + query).body)).ReadAll()
		w.ok(err)
		for _, row := range rows[1:] {
			c, err := strconv.Atoi(row[4])
			w.ok(err)
			n, months = n+c, append(months, row[0])
		}
		return n, distinct(months)
	}
	n, months := sum("") // with the reading of the first report
	if n != 17 || len(months) < 4 {
		t.Errorf("%d accesses in %v", n, months)
	}
	one := w.now.AddDate(0, 0, -120).In(w.door.Zone()).Format("2006-01")
	if n, only := sum(fmt.Sprintf("?from=%s&to=%s", one, one)); n != 1 || !slices.Equal(only, []string{one}) {
		t.Errorf("%d accesses in %v", n, only)
	}
	if n, _ := sum("?from=x&to=%3Cscript%3E"); n != 17 {
		t.Errorf("months that are none: %d", n)
	}
	if text := w.officer("HUB", "Other").see("/officer/reports").text(); !strings.Contains(text, "has no access") {
		t.Errorf("an organisation without accesses: %s", text)
	}
}

// The overview counts what there is to do.
func TestHome(t *testing.T) {
	w := newWorld(t)
	w.access("LOT", morag, 3, marketing)
	w.access("LOT", morag, 3, override)
	w.access("LOT", morag, 4, override)
	w.agree("isa-2", "GGC", "LOT", "TREAT", func(t *entry.AgreementText) { t.ReviewDue = w.day(-3) })
	w.request("req-1", "HUB", "LOT")
	text := w.officer("LOT", "Officer").see("/officer").text()
	for _, want := range []string{
		"Nothing to do", "1 due", "allowed it. 1 to follow up", "looked at. 2 to follow up", "1 to answer",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}
