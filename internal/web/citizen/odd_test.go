package citizen_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"igledger/internal/testledger"
	"igledger/ledger/entry"
)

// One entry whose content was erased is shown as erased, with about when it came, and hides nothing
// of the rest. No file claims to be a proof of such a list.
func TestErased(t *testing.T) {
	w := newWorld(t)
	w.access(morag, 3, nil)
	gone := w.access(morag, 2, func(a *entry.Access) { a.Staff.Name = "Nurse Gone Forever" })
	w.access(morag, 1, func(a *entry.Access) { a.Staff.Name = "Nurse Nora Made-Up" })
	w.Erase(gone)
	c := w.client(t, morag, "Morag Example")
	status, page := w.get(t, c, "/you")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, page)
	}
	has(t, page, "Nurse Ailsa Invent", "Nurse Nora Made-Up", "Something was here, and was erased", "Erased",
		fmt.Sprintf("/you/access/%d", gone))
	lacks(t, page, "Nurse Gone Forever", "Unknown place", "1 January 0001")
	status, page = w.get(t, c, fmt.Sprintf("/you/access/%d", gone))
	if status != http.StatusOK {
		t.Errorf("its page: %d", status)
	}
	has(t, page, "We were told of it about", fmt.Sprint(now.Year()), "does not keep when it was erased, or why")
	for _, path := range []string{"/you/told", "/you/choices", "/you/people", "/you/numbers", "/you/download",
		"/you?covered=attention", "/you?who=acts", "/you?org=TST"} {
		if status, _ := w.get(t, c, path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	status, page = w.post(t, c, "/you/download/csv", nil)
	if status != http.StatusOK || !strings.Contains(page, "Something was here, and was erased") ||
		!strings.Contains(page, "Nurse Nora Made-Up") {
		t.Errorf("for a spreadsheet: %d %s", status, page)
	}
	ok(t, w.Index.Flush(t.Context()))
	status, page = w.post(t, c, "/you/download/statement", nil)
	if status != http.StatusGone {
		t.Errorf("the statement: %d", status)
	}
	has(t, page, "We cannot prove this list")
	if status, page = w.post(t, c, "/you/download/extract?who=people", nil); status != http.StatusOK || !strings.Contains(page, `"entries"`) {
		t.Errorf("an extract of the others: %d %s", status, page)
	}
}

// What a delegate is not shown is said to them.
func TestClosedNumbers(t *testing.T) {
	w := newWorld(t)
	at := w.mandate("AGNT")
	common := entry.Common{Issuer: "TST", Audience: testledger.Origin}
	w.access("temp:TST:A-1", 1, func(a *entry.Access) { a.Staff.Name = "Nurse Of Another Number" })
	w.Append(w.key, &entry.Link{Common: common, Act: "linked", Reason: "one person", Sub: morag, Other: "temp:TST:A-1"})
	c := w.client(t, iain, "Iain Example")
	_, page := w.get(t, c, fmt.Sprintf("/you/for/%d", at))
	has(t, page, "They have one more number.", "Recorded that someone may act for them until")
	lacks(t, page, "Nurse Of Another Number", "A-1")
	w.Append(w.key, &entry.Delegation{Common: common, Delegation: uuid.NewString(), Act: "granted", Kind: "AGNT", Scope: []string{"access"},
		Start: now.AddDate(0, 0, -2).UTC().Format(time.RFC3339), End: now.AddDate(1, 0, 0).UTC().Format(time.RFC3339), Sub: "temp:TST:A-1",
		Delegate: &entry.Delegate{ID: iain}})
	_, page = w.get(t, c, fmt.Sprintf("/you/for/%d", at))
	has(t, page, "Nurse Of Another Number", "You looked at this list for them")
	lacks(t, page, "They have one more number.", "Someone else who acts for them")
}

var leader = regexp.MustCompile(`(?s)id="summary">(.*?)</p>`)

// The first sentence is true of everybody, also of those whom nobody thinks of.
func TestOddPeople(t *testing.T) {
	w := newWorld(t)
	const (
		none, one, many = "chi:0303030009", "chi:0404040001", "chi:0505050004"
		glass, closed   = "chi:0606060007", "chi:0707070000"
	)
	w.access(one, 2, nil)
	for n := range 120 {
		w.access(many, n, nil)
	}
	w.access(glass, 2, func(a *entry.Access) {
		a.Purpose, a.Text = []string{"BTG"}, &entry.Text{Justification: "brought in unconscious"}
	})
	w.Append(w.key, &entry.Consent{Common: entry.Common{Issuer: "TST", Audience: testledger.Origin}, Consent: uuid.NewString(), Act: "refused",
		Scope: "patient-privacy", Decided: now.UTC().Format(time.RFC3339), Rule: &entry.ConsentRule{Decision: "deny", Restricts: true},
		Expressed: entry.Expressed{How: "verbal"}, Sub: closed})
	w.access(closed, 0, nil)
	common, authority := entry.Common{Issuer: "TST", Audience: testledger.Origin}, uuid.NewString()
	ended := w.Append(w.key, &entry.Delegation{Common: common, Delegation: authority, Act: "granted", Kind: "AGNT",
		Scope: []string{"access", "consent"}, Start: now.AddDate(0, 0, -9).UTC().Format(time.RFC3339),
		End: now.AddDate(1, 0, 0).UTC().Format(time.RFC3339), Sub: one,
		Delegate: &entry.Delegate{ID: none, Name: "Nobody Known"}})
	w.Append(w.key, &entry.Delegation{Common: common, Delegation: authority, Act: "revoked", Sub: one})

	for id, want := range map[string]string{
		none:   "In the last 30 days nobody looked at your record.",
		one:    "In the last 30 days 1 person looked at your record.",
		many:   "In the last 30 days 1 person looked at your record.",
		glass:  "In the last 30 days 1 person looked at your record. One look was an emergency override.",
		closed: "In the last 30 days 1 person looked at your record. One look was not covered by an agreement or rule.",
	} {
		c := w.client(t, id, "Somebody")
		status, page := w.get(t, c, "/you")
		if status != http.StatusOK {
			t.Fatalf("%s: %d", id, status)
		}
		found := leader.FindStringSubmatch(page)
		if found == nil || found[1] != want {
			t.Errorf("%s: %q, want %q", id, found, want)
		}
		has(t, page, "What they did not report is not here", `href="/you/print"`)
		lacks(t, page, "The person ")
		if id == closed {
			has(t, page, "You restricted your record for uses like this one, also for care.")
		}
		for _, path := range []string{"/you/choices", "/you/people", "/you/told", "/you/numbers", "/you/download", "/you?page=2",
			"/you?covered=no"} {
			if status, page := w.get(t, c, path); status != http.StatusOK && path != "/you?page=2" {
				t.Errorf("%s of %s: %d %s", path, id, status, page)
			}
		}
	}
	c := w.client(t, none, "Nobody Known")
	if status, _ := w.get(t, c, fmt.Sprintf("/you/for/%d", ended)); status != http.StatusNotFound {
		t.Errorf("a delegation that has ended: %d", status)
	}
	_, page := w.get(t, c, "/you/people")
	has(t, page, "You may not act for anyone.")
	_, page = w.get(t, w.client(t, one, "Somebody"), "/you/people")
	has(t, page, "People who could act for you before", "Nobody Known")
}

// On a page in Gaelic, what has no Gaelic words says that it is English; a spreadsheet has Gaelic
// headings, and no mark of that.
func TestGaelicSaysWhatIsEnglish(t *testing.T) {
	w := newWorld(t)
	at := w.access(morag, 1, func(a *entry.Access) { a.Emergency = true })
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, "/you?lang=gd")
	has(t, page, `<span lang="en">One look was an emergency override.</span>`)
	has(t, page, `<html lang="gd"`, `<span lang="en">Read `, "Cò choimhead")
	marks := "\ue000\ue001"
	if strings.ContainsAny(page, marks) {
		t.Error("a mark is left on the page")
	}
	_, page = w.get(t, c, fmt.Sprintf("/you/access/%d?lang=gd", at))
	has(t, page, `<span lang="en">What is proved</span>`, `<span lang="en">On 27 November 2026 at `)
	if strings.ContainsAny(page, marks) {
		t.Error("a mark is left on the page of an access")
	}
	_, page = w.post(t, c, "/you/download/csv?lang=gd", nil)
	if !strings.HasPrefix(page, "Cuin,Càite,Cò,") || strings.ContainsAny(page, marks) || strings.Contains(page, "span") {
		t.Errorf("for a spreadsheet: %.200s", page)
	}
	_, page = w.get(t, c, "/you?lang=en")
	lacks(t, page, `<span lang="en">`)
}
