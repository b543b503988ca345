package officer

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"igledger/internal/client"
	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

func at(index uint64) string { return "/officer/work/" + strconv.FormatUint(index, 10) }

// An officer finds what nothing covers, newest first by when it happened, narrowed to what they
// choose, and what is another organisation's is not there.
func TestUncovered(t *testing.T) {
	w := newWorld(t)
	early, _ := w.access("LOT", morag, 90, marketing)
	late, _ := w.access("LOT", iain, 2, by("GGC"), marketing, func(a *entry.Access) { a.System = "other portal" })
	_, _ = w.access("LOT", morag, 1)
	theirs, _ := w.access("GGC", morag, 3, marketing)
	o := w.officer("LOT", "Officer")
	all := o.see("/officer/uncovered").body
	if i, j := strings.Index(all, at(late)+`"`), strings.Index(all, at(early)+`"`); i < 0 || j < i {
		t.Errorf("the newest is not first: %d %d", i, j)
	}
	if strings.Contains(all, at(theirs)+`"`) || !strings.Contains(all, "2 accesses") {
		t.Error("the list is not the organisation's own")
	}
	for _, c := range []struct {
		query       string
		early, late bool
	}{
		{"?month=" + w.now.AddDate(0, 0, -90).In(w.door.Zone()).Format("2006-01"), true, false},
		{"?month=1999-01", false, false},
		{"?system=other+portal", false, true},
		{"?system=ward+portal", true, false},
		{"?reason=agreement-named", true, true},
		{"?reason=objection", false, false},
		{"?status=new", true, true},
		{"?status=incident", false, false},
		{"?status=all", true, true},
		{"?page=99", true, true},
	} {
		page := o.see("/officer/uncovered" + c.query).body
		if strings.Contains(page, at(early)+`"`) != c.early || strings.Contains(page, at(late)+`"`) != c.late {
			t.Errorf("%s: early %v, late %v", c.query, !c.early, !c.late)
		}
	}
	if other := w.officer("HUB", "Other").see("/officer/uncovered").body; strings.Contains(other, "/officer/work/") {
		t.Error("an organisation without accesses sees some")
	}
	page := o.see(at(early)).text()
	for _, word := range []string{"ward portal", "Ailsa Example", "Not looked at"} {
		if !strings.Contains(page, word) {
			t.Errorf("the access does not say %q", word)
		}
	}
	for _, secret := range []string{"0101010000", "chi:"} {
		if strings.Contains(page+all, secret) {
			t.Errorf("a page tells whose record it was: %s", secret)
		}
	}
}

// A long list has pages, and each access is on one.
func TestPages(t *testing.T) {
	w := newWorld(t)
	want := map[string]bool{}
	for i := range onPage + 3 {
		index, _ := w.access("LOT", morag, i, marketing)
		want[at(index)] = true
	}
	o := w.officer("LOT", "Officer")
	for page := 1; page <= 2; page++ {
		body := o.see(fmt.Sprintf("/officer/uncovered?page=%d", page)).body
		for path := range want {
			if strings.Contains(body, path+`"`) {
				delete(want, path)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%d are on no page", len(want))
	}
}

// An emergency shows the reason that was given. That it was opened is in the history of the person,
// once a session.
func TestBreakGlass(t *testing.T) {
	w := newWorld(t)
	index, jti := w.access("LOT", morag, 2, override)
	o := w.officer("LOT", "Officer")
	list := o.see("/officer/break-glass")
	if !strings.Contains(list.body, at(index)+`"`) || strings.Contains(list.text(), "unconscious") {
		t.Error("the list must have the emergency, and leave its text to the page that is logged")
	}
	before := w.Size()
	for range 2 {
		if !strings.Contains(o.see(at(index)).text(), "unconscious in the street") {
			t.Fatal("the justification is not shown")
		}
	}
	if n := w.Size() - before; n != 1 {
		t.Errorf("opening it twice made %d entries", n)
	}
	_, list2, err := w.Log.History(t.Context(), morag, w.Size(), 1)
	w.ok(err)
	e, err := entry.ParseParts(list2[0].JWS, list2[0].Disclosures)
	w.ok(err)
	if x := e.Body.(*entry.Access); x.Org != "LOT" || x.Staff == nil || x.Staff.Name != "Officer" {
		t.Errorf("the reading is logged as %+v", x)
	} else if err := readers.Check(x, []entry.Role{entry.RoleController}); err != nil {
		t.Errorf("an auditor finds the reading forbidden: %v", err)
	}
	// What the ledger itself says was followed up is no more to do.
	w.access("LOT", morag, 0, func(a *entry.Access) { a.Text = &entry.Text{Why: client.FollowUp + jti} })
	if strings.Contains(o.see("/officer/break-glass").body, at(index)+`"`) ||
		!strings.Contains(o.see("/officer/break-glass?status=done").body, at(index)+`"`) {
		t.Error("what was followed up in the ledger is still to do")
	}
}

func follow(page answer, status, note string) url.Values {
	return url.Values{"status": {status}, "note": {note}, "before": {page.hidden("before")}, "token": {page.hidden("token")}}
}

// What was found is recorded with who and when, and stays; the list goes by it.
func TestFollowUp(t *testing.T) {
	w := newWorld(t)
	index, _ := w.access("LOT", morag, 2, marketing)
	o := w.officer("LOT", "Officer One")
	page := o.see(at(index))
	for note, want := range map[string]string{
		"for patient 0101011237":       "CHI or NHS number",
		"number 943 476 5919 was seen": "CHI or NHS number",
		"":                             "Write what you found",
		strings.Repeat("x", 2001):      "too long",
		"a\x00b":                       "cannot be shown",
	} {
		if a := o.do("POST", at(index), follow(page, "explained", note)); a.code != 422 || !strings.Contains(a.text(), want) {
			t.Errorf("%.20q: %d %s", note, a.code, a.text())
		}
	}
	if a := o.do("POST", at(index), follow(page, "nothing", "x")); a.code != 422 {
		t.Errorf("an unknown status: %d", a.code)
	}
	form := follow(page, "open", "asked the ward")
	for range 3 { // sent twice by mistake
		if a := o.do("POST", at(index), form); a.code != 303 || a.location != at(index)+"?done=1" {
			t.Fatalf("saving: %d %s", a.code, a.text())
		}
	}
	page = o.see(at(index))
	if n := strings.Count(page.text(), "asked the ward"); n != 1 {
		t.Errorf("it is there %d times", n)
	}
	if a := o.do("POST", at(index), follow(page, "explained", `<script>alert("1")</script> a test`)); a.code != 303 {
		t.Fatalf("saving again: %d", a.code)
	}
	page = o.see(at(index))
	if strings.Contains(page.body, "<script>alert") || !strings.Contains(page.body, "Officer One") || page.hidden("before") != "2" {
		t.Error("the history is not shown as it is")
	}
	if strings.Contains(o.see("/officer/uncovered").body, at(index)+`"`) ||
		!strings.Contains(o.see("/officer/uncovered?status=explained").body, at(index)+`"`) {
		t.Error("the list does not go by what was recorded")
	}
	csv := o.see("/officer/uncovered.csv?status=all")
	if !strings.Contains(csv.header.Get("Content-Type"), "text/csv") || !strings.Contains(csv.body, "Officer One") ||
		strings.Contains(csv.body, morag) {
		t.Errorf("CSV: %s", csv.body)
	}
	// The other organisation of an access has records of its own.
	shared, _ := w.access("LOT", iain, 2, by("GGC"), marketing)
	if a := o.do("POST", at(shared), follow(o.see(at(shared)), "incident", "only for us")); a.code != 303 {
		t.Fatalf("%d", a.code)
	}
	if strings.Contains(w.officer("GGC", "Theirs").see(at(shared)).text(), "only for us") {
		t.Error("another organisation sees the note")
	}
	// The API gets what the pages have, by the organisation.
	notes, err := Notes(t.Context(), w.people.Shelf, "LOT", "", 10)
	w.ok(err)
	steps := map[string][]client.NoteStep{}
	for _, n := range notes {
		steps[n.Status] = n.Steps
	}
	if len(notes) != 2 || len(steps["explained"]) != 2 || len(steps["incident"]) != 1 || steps["explained"][0].Note != "asked the ward" ||
		steps["explained"][0].By != "Officer One" || steps["incident"][0].Note != "only for us" {
		t.Errorf("%+v", notes)
	}
	if rest, err := Notes(t.Context(), w.people.Shelf, "LOT", notes[0].ID, 10); err != nil || len(rest) != 1 || rest[0].ID != notes[1].ID {
		t.Errorf("after the first: %+v, %v", rest, err)
	}
	if theirs, err := Notes(t.Context(), w.people.Shelf, "GGC", "", 10); err != nil || len(theirs) != 0 {
		t.Errorf("another organisation's: %+v, %v", theirs, err)
	}
}

// Of two officers at once, one is first; the other sees what the first wrote before anything of
// theirs is saved, and keeps what they typed.
func TestTwoOfficers(t *testing.T) {
	w := newWorld(t)
	index, _ := w.access("LOT", morag, 2, marketing)
	var group sync.WaitGroup
	officers := []*officer{w.officer("LOT", "First"), w.officer("LOT", "Second")}
	forms := make([]url.Values, 2)
	answers := make([]answer, 2)
	for i, o := range officers {
		forms[i] = follow(o.see(at(index)), "explained", fmt.Sprintf("note of officer %d", i))
	}
	for i, o := range officers {
		group.Go(func() { answers[i] = o.do("POST", at(index), forms[i]) })
	}
	group.Wait()
	loser := 0
	if answers[0].code == 303 {
		loser = 1
	}
	if answers[loser].code != 409 || answers[1-loser].code != 303 {
		t.Fatalf("%d and %d", answers[0].code, answers[1].code)
	}
	text := answers[loser].text()
	if !strings.Contains(text, fmt.Sprintf("note of officer %d", 1-loser)) || !strings.Contains(text,
		fmt.Sprintf("note of officer %d", loser)) {
		t.Errorf("the later one sees %s", text)
	}
	if a := officers[loser].do("POST", at(index), follow(answers[loser], "incident", "both seen")); a.code != 303 {
		t.Errorf("after reading: %d", a.code)
	}
}

// Nobody reaches another organisation's accesses by their position, nor what their permissions do
// not include.
func TestNotTheirs(t *testing.T) {
	w := newWorld(t)
	uncoveredOf, _ := w.access("GGC", morag, 2, marketing)
	covered, _ := w.access("LOT", morag, 2)
	own, _ := w.access("LOT", morag, 2, marketing)
	o := w.officer("LOT", "Officer")
	page := o.see(at(own))
	before := w.Size()
	for _, path := range []string{at(uncoveredOf), at(0), at(1 << 50), "/officer/work/x", "/officer/work/-1",
		"/officer/work/99999999999999999999999"} {
		if a := o.get(path); a.code != 404 {
			t.Errorf("GET %s: %d", path, a.code)
		}
		if a := o.do("POST", path, follow(page, "explained", "x")); a.code != 404 {
			t.Errorf("POST %s: %d", path, a.code)
		}
	}
	if w.Size() != before {
		t.Error("a refusal is logged as a reading")
	}
	if a := o.get(at(covered)); a.code != 404 {
		t.Errorf("an access that stands out in nothing: %d", a.code)
	}
	for name, b := range map[string]*officer{
		"a citizen":        w.browser(signintest.Citizen(morag, "Morag Example")),
		"the front desk":   w.officer("LOT", "Desk", signin.FrontDesk),
		"who may only see": w.officer("LOT", "Reader", signin.Reports),
		"nobody":           w.nobody(),
	} {
		for path, method := range map[string]string{
			"/officer/uncovered": "GET", "/officer/uncovered.csv": "GET", "/officer/reports": "GET", "/officer/reports.csv": "GET", at(own): "POST",
		} {
			a := b.do(method, path, follow(page, "explained", "x"))
			if may := name == "who may only see" && method == "GET"; (a.code == 200 || a.code == 303) != may {
				t.Errorf("%s, %s %s: %d", name, method, path, a.code)
			}
		}
	}
	if n := len(o.see(at(own)).hidden("before")); n != 1 || o.see(at(own)).hidden("before") != "0" {
		t.Error("something was recorded by who may not")
	}
	// An organisation that is in no register reads nothing.
	if a := w.officer("NON", "Stranger").get("/officer/uncovered"); a.code != 403 {
		t.Errorf("an organisation that is not registered: %d", a.code)
	}
}

// A cell that a spreadsheet would run is text.
func TestCSVIsText(t *testing.T) {
	w := newWorld(t)
	index, _ := w.access("LOT", morag, 2, marketing)
	o := w.officer("LOT", "Officer")
	if a := o.do("POST", at(index), follow(o.see(at(index)), "incident", "=HYPERLINK(\"x\")")); a.code != 303 {
		t.Fatal(a.code)
	}
	if csv := o.see("/officer/uncovered.csv?status=incident").body; !strings.Contains(csv, "'=HYPERLINK") {
		t.Errorf("%s", csv)
	}
}
