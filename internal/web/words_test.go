package web

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/internal/command"
	"igledger/ledger/entry"
)

var shownAt = regexp.MustCompile(`<a href="/you/access/([0-9]+)">`)

// The person's page says of each access what the API and the commands say (plain.Told), in the
// order of the commands.
func TestPageSaysTheSame(t *testing.T) {
	w := newWorld(t)
	hours := func(n int) string { return time.Now().Add(-time.Duration(n) * time.Hour).UTC().Format(time.RFC3339) }
	for _, when := range []string{hours(30), hours(3), hours(90), hours(3)} {
		w.access(morag, func(a *entry.Access) { a.Recorded = when })
	}
	w.access(morag, func(a *entry.Access) {
		a.Action, a.Purpose, a.Text = "D", []string{"HRESCH"}, &entry.Text{Why: "a study of hearts"}
	})
	w.access(morag, func(a *entry.Access) {
		a.Purpose, a.Emergency, a.Text = []string{"BTG"}, true, &entry.Text{Justification: "unconscious"}
	})
	w.access(morag, func(a *entry.Access) { a.Outcome, a.Machine, a.Staff, a.Role = "8", true, nil, nil })
	_, history, err := w.Log.History(t.Context(), morag, w.Size(), 100)
	w.ok(err)
	said := plain.In(plain.English)
	type shown struct {
		index uint64
		when  time.Time
		told  plain.Told
		staff string
	}
	var want []shown
	for _, o := range history {
		e, err := entry.ParseParts(o.JWS, o.Disclosures)
		w.ok(err)
		s := audit.Describe(said, e.Body.(*entry.Access))
		want = append(want, shown{o.Index, s.When, said.Told(s, "", o.Flags), s.Staff})
	}
	slices.SortFunc(want, func(a, b shown) int { return command.Newest(a.when, b.when, a.index, b.index) })
	a := w.as(person(morag)).ask("GET", "/you", "")
	_, list, found := strings.Cut(a.body, `<section aria-labelledby="entries">`)
	if a.code != 200 || !found {
		t.Fatalf("%d: %s", a.code, a.body)
	}
	list = html.UnescapeString(list)
	at := shownAt.FindAllStringSubmatchIndex(list, -1)
	if len(at) != len(want)+1 { // the reading itself is there too
		t.Fatalf("%d entries on the page, want %d and that it was looked at", len(at), len(want))
	}
	at = slices.DeleteFunc(at, func(m []int) bool {
		return !slices.ContainsFunc(want, func(x shown) bool { return list[m[2]:m[3]] == fmt.Sprint(x.index) })
	})
	for n, x := range want {
		end := len(list)
		if n+1 < len(at) {
			end = at[n+1][0]
		}
		row := strings.ToLower(list[at[n][0]:end])
		if list[at[n][2]:at[n][3]] != fmt.Sprint(x.index) {
			t.Errorf("place %d has entry %s, want %d", n, list[at[n][2]:at[n][3]], x.index)
		}
		reason, _, _ := strings.Cut(x.told.Why, ";") // a justification and an agreement are on the entry's own page
		for _, text := range []string{x.told.What, reason, x.staff} {
			if !strings.Contains(row, strings.ToLower(text)) {
				t.Errorf("entry %d: the page lacks %q: %s", x.index, text, row)
			}
		}
	}
}
