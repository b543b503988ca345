package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"igledger/internal/client"
)

// saysTheSame compares, entry by entry, the words of who-accessed's table, of the API (who-accessed
// --json) and of igverify statement --json: samewords TABLE API CHECKED. The order of all is newest
// first; the API's is that of the log, so that pages can follow each other. What was logged after
// the statement is not in it.
func saysTheSame(ts *testscript.TestScript, _ bool, args []string) {
	table := ts.ReadFile(args[0])
	var api client.Accesses
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &api))
	var checked struct {
		Accesses []struct {
			Index                        uint64
			When, Who, What, Why, Result string
			Remarks                      []string
			Verdict                      *struct {
				Result string
				Plain  []string
			}
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[2])), &checked))
	words := map[uint64]client.RecordedAccess{}
	var logged []uint64
	for _, a := range api.Accesses {
		words[a.Index], logged = a, append(logged, a.Index)
	}
	if !slices.IsSortedFunc(logged, func(a, b uint64) int { return int(b) - int(a) }) { //nolint:gosec // a test's indices
		ts.Fatalf("the API has entries in the order %v", logged)
	}
	var order, tabled []uint64
	for _, c := range checked.Accesses {
		a := words[c.Index]
		if a.Plain == nil {
			ts.Fatalf("the API has no words for entry %d", c.Index)
		}
		order = append(order, c.Index)
		p := *a.Plain
		p.Who, c.Who = byID(p.Who), byID(c.Who) // a statement proves the names of those alone who signed
		got := client.Told{When: c.When, Who: c.Who, What: c.What, Why: c.Why, Result: c.Result, Remarks: c.Remarks}
		if !reflect.DeepEqual(got, p) {
			ts.Fatalf("entry %d: igverify says %+v, the API %+v", c.Index, got, p)
		}
		if (c.Verdict == nil) != (a.Verdict == nil) || c.Verdict != nil && (c.Verdict.Result != string(a.Verdict.Result) ||
			!slices.Equal(c.Verdict.Plain, a.Verdict.Plain)) {
			ts.Fatalf("entry %d: igverify's verdict is %+v, the API's %+v", c.Index, c.Verdict, a.Verdict)
		}
	}
	for row := range strings.Lines(table) {
		var index uint64
		if n, _ := fmt.Sscan(row, &index); n == 0 || !slices.Contains(order, index) || !strings.Contains(row, "20") {
			continue
		}
		tabled = append(tabled, index)
		a := words[index]
		want := []string{a.Plain.Who, a.Plain.What, a.Plain.Why, a.Plain.Result}
		if a.Verdict != nil {
			want = append(want, strings.Join(a.Verdict.Plain, " "))
		}
		for _, w := range want {
			if !strings.Contains(row, w) {
				ts.Fatalf("the table's row of entry %d lacks %q: %s", index, w, row)
			}
		}
		for _, r := range a.Plain.Remarks {
			if !strings.Contains(table, r+"\n") {
				ts.Fatalf("the table's legend lacks %q", r)
			}
		}
	}
	if len(order) < 3 || !slices.Equal(order, tabled) {
		ts.Fatalf("igverify has entries in the order %v, the table %v", order, tabled)
	}
}

var called = regexp.MustCompile(`^[^,(]* \(([^)]*)\)`)

func byID(who string) string { return called.ReplaceAllString(who, "$1") }
