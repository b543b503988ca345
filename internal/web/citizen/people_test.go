package citizen_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"igledger/internal/testledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// delegate lets iain act for morag, and returns where that stands.
func (w *world) mandate(kind string) uint64 {
	return w.Append(w.key, &entry.Delegation{Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Delegation: uuid.NewString(), Act: "granted",
		Kind: kind, Scope: []string{"access", "consent"}, Start: now.AddDate(0, 0, -2).UTC().Format(time.RFC3339),
		End: now.AddDate(1, 0, 0).UTC().Format(time.RFC3339), Sub: morag, Delegate: &entry.Delegate{ID: iain, Name: "Iain =Example"},
		Evidence: &entry.DelegationEvidence{Reference: "D-1", Seen: now.UTC().Format(time.RFC3339)}})
}

// A person sees who acts for them and what they looked at, and ends what rests on their wish alone.
func TestPeople(t *testing.T) {
	w := newWorld(t)
	at := w.mandate("AGNT")
	guardian := w.mandate("GUARD")
	carer := w.client(t, iain, "Iain Example")
	_, page := w.get(t, carer, "/you/people")
	has(t, page, "For whom you may act", "CHI number 010101 0000", fmt.Sprintf(`href="/you/for/%d"`, at))
	if status, page := w.get(t, carer, fmt.Sprintf("/you/for/%d", at)); status != 200 {
		t.Fatalf("%d: %s", status, page)
	}
	if status, _ := w.post(t, carer, fmt.Sprintf("/you/people/%d/end", at), url.Values{"token": {uuid.NewString()}}); status != 404 {
		t.Errorf("the delegate ended it by the person's form: %d", status)
	}
	person := w.client(t, morag, "Morag Example")
	_, page = w.get(t, person, "/you/people")
	has(t, page, "Iain =Example", "1 time they looked at your list", fmt.Sprintf(`action="/you/people/%d/end"`, at), "Guardian")
	lacks(t, page, "020202", fmt.Sprintf(`action="/you/people/%d/end"`, guardian))
	form := url.Values{"token": {token.FindStringSubmatch(page)[1]}}
	if status, _ := w.post(t, person, fmt.Sprintf("/you/people/%d/end", guardian), form); status != 404 {
		t.Errorf("a guardian was sent away with a word: %d", status)
	}
	status, page := w.post(t, person, fmt.Sprintf("/you/people/%d/end", at), form)
	if status != 200 {
		t.Fatalf("%d: %s", status, page)
	}
	has(t, page, "You have ended it.", "People who could act for you before")
	if status, _ := w.get(t, carer, fmt.Sprintf("/you/for/%d", at)); status != 404 {
		t.Errorf("the delegate still looks: %d", status)
	}
	// The guardian is another delegation, and still in force.
	if status, _ := w.get(t, carer, fmt.Sprintf("/you/for/%d/choices", guardian)); status != 200 {
		t.Errorf("the guardian may not look: %d", status)
	}
}

func TestNumbersAndTold(t *testing.T) {
	w := newWorld(t)
	w.some()
	for _, ids := range [][2]string{{morag, "temp:TST:A-1"}, {"temp:TST:A-1", morag}} {
		w.Append(w.key, &entry.Link{Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Act: "linked", Reason: "one person",
			Sub: ids[0], Other: ids[1]})
	}
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you/numbers")
	has(t, page, "these 2 numbers", "CHI number 010101 0000", "number A-1 of TST", "one person")
	_, page = w.get(t, c, "/you/told")
	has(t, page, "opened your record in an emergency", "Found unconscious")
}

// What is taken away is the person's own, complete, and no formula.
func TestDownloads(t *testing.T) {
	w := newWorld(t)
	w.some()
	w.access(morag, 1, func(a *entry.Access) { a.Staff = &entry.Staff{ID: "Z", Name: "=1+1"} })
	w.access(iain, 1, func(a *entry.Access) { a.Staff = &entry.Staff{ID: "X", Name: "Somebody else's nurse"} })
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you/download")
	has(t, page, "Download the list with its proof", "Download the list for a spreadsheet")
	ok(t, w.Index.Flush(t.Context()))
	_, text := w.post(t, c, "/you/download/statement", nil)
	s, err := bundle.ParseStatement([]byte(text))
	ok(t, err)
	if len(s.Entries) < 9 {
		t.Errorf("the statement has %d entries", len(s.Entries))
	}
	_, text = w.post(t, c, "/you/download/csv", nil)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	ok(t, err)
	if len(rows) < 10 || rows[0][0] != "When" {
		t.Fatalf("%d rows: %q", len(rows), rows[0])
	}
	if !slices.ContainsFunc(rows, func(r []string) bool { return strings.HasPrefix(r[2], "'=1+1") }) {
		t.Errorf("a formula is not made harmless: %q", rows)
	}
	lacks(t, text, "Somebody else", morag[4:])
	_, text = w.post(t, c, "/you/download/extract?org=OTH", nil)
	x, err := bundle.ParseExtract([]byte(text))
	ok(t, err)
	if len(x.Entries) != 2 {
		t.Errorf("the extract has %d entries, want the two of OTH", len(x.Entries))
	}
	_, page = w.get(t, c, "/you/download?org=OTH")
	has(t, page, "Download 2 entries with their proof")
}
