package citizen_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"igledger/ledger/entry"
)

func (w *world) verdict(t testing.TB, index uint64) entry.VerdictResult {
	t.Helper()
	o, err := w.Log.Opening(t.Context(), index)
	ok(t, err)
	return o.Verdict.Result
}

// A person keeps one nurse out, and nobody else; then a whole place. Both are taken back with one
// press.
func TestKeepOut(t *testing.T) {
	w := newWorld(t)
	nurse := func(a *entry.Access) {
		a.Staff = &entry.Staff{ID: "N7", System: "https://tst.example/staff", Name: "Nurse Nora Made-Up"}
	}
	w.agree(t, "isa-1", "http://hl7.org/fhir/resource-types|Condition")
	at := w.access(morag, 1, nurse)
	marketing := w.some()["marketing"]
	c := w.client(t, morag, "Morag Example")
	_, page := w.get(t, c, fmt.Sprintf("/you/access/%d", at))
	person, place := fmt.Sprintf("/you/choices/out/person/%d", at), fmt.Sprintf("/you/choices/out/place/%d", at)
	has(t, page, person, place, "Keep out: Nurse Nora Made-Up")
	_, page = w.get(t, c, fmt.Sprintf("/you/access/%d", marketing))
	lacks(t, page, "/you/choices/out/") // nothing covered it: keeping them out would change nothing

	_, page = w.get(t, c, person)
	has(t, page, "Nothing has changed yet", "also not to look after you", "In an emergency they may still look")
	form := url.Values{"token": {token.FindStringSubmatch(page)[1]}}
	size := w.Size()
	for range 2 {
		status, page := w.post(t, c, person, form)
		if status != 200 {
			t.Fatalf("%d: %s", status, page)
		}
		has(t, page, "You have kept them out.", "It is about:", "Nurse Nora Made-Up", "A study of asthma")
		// Research does not stop because one nurse is out.
		lacks(t, page, "At the moment nobody may use your record for this")
	}
	if n := w.Size() - size; n != 1 {
		t.Errorf("%d entries", n)
	}
	if got := w.verdict(t, w.access(morag, 0, nurse)); got != entry.NotCovered {
		t.Errorf("the nurse: %s", got)
	}
	other := func(a *entry.Access) { a.Staff = &entry.Staff{ID: "N8", System: "https://tst.example/staff"} }
	if got := w.verdict(t, w.access(morag, 0, other)); got != entry.Covered {
		t.Errorf("another nurse: %s", got)
	}
	_, page = w.get(t, c, "/you/choices")
	undo := between(page, `action="/you/choices/undo/`, `"`)
	status, page := w.post(t, c, "/you/choices/undo/"+undo, url.Values{"token": {uuid.NewString()}})
	if status != 200 {
		t.Fatalf("%d: %s", status, page)
	}
	has(t, page, "You have taken it back.")
	if got := w.verdict(t, w.access(morag, 0, nurse)); got != entry.Covered {
		t.Errorf("the nurse, after it was taken back: %s", got)
	}
	_, page = w.get(t, c, place)
	w.post(t, c, place, url.Values{"token": {token.FindStringSubmatch(page)[1]}})
	if got := w.verdict(t, w.access(morag, 0, other)); got != entry.NotCovered {
		t.Errorf("the place: %s", got)
	}
	_, page = w.get(t, c, fmt.Sprintf("/you/access/%d", at))
	lacks(t, page, "/you/choices/out/") // they are out
}

// No position of another's entry, in any address or form of these pages, gives or changes anything.
func TestFormsOfOthers(t *testing.T) {
	w := newWorld(t)
	w.access(iain, 1, nil)
	w.mandate("AGNT") // iain acts for morag
	m := w.client(t, morag, "Morag Example")
	_, page := w.get(t, m, "/you/choices/no/research")
	w.post(t, m, "/you/choices/no/research", url.Values{"token": {token.FindStringSubmatch(page)[1]}})
	at := w.access(morag, 1, nil)
	_, page = w.get(t, m, fmt.Sprintf("/you/choices/out/person/%d", at))
	w.post(t, m, fmt.Sprintf("/you/choices/out/person/%d", at), url.Values{"token": {token.FindStringSubmatch(page)[1]}})

	const nobody = "chi:0303030009"
	c := w.client(t, nobody, "Nobody Example")
	w.get(t, c, "/you") // the reading is logged
	size := w.Size()
	form, asked := url.Values{"token": {uuid.NewString()}}, 0
	for n := range size {
		i := strconv.FormatUint(n, 10)
		for _, path := range []string{
			"/you/choices/out/person/" + i, "/you/choices/out/place/" + i, "/you/choices/undo/" + i, "/you/people/" + i + "/end",
			"/you/for/" + i + "/choices/no/research", "/you/for/" + i + "/choices/back/research", "/you/for/" + i + "/choices/undo/" + strconv.FormatUint(at, 10),
		} {
			if asked++; asked%40 == 0 { // a session may not ask as often as this test does
				c = w.client(t, nobody, "Nobody Example")
			}
			status, page := w.post(t, c, path, form)
			lacks(t, page, "Nurse Ailsa Invent", "Iain")
			// What the person's own reading left in their list is theirs, and nothing to keep out.
			if status != http.StatusNotFound && !strings.Contains(page, "Your choices") {
				t.Errorf("%s: %d", path, status)
			}
			if status, page = w.get(t, c, path); status == 200 {
				lacks(t, page, "Nurse Ailsa Invent", "Iain", "You said no")
			}
		}
	}
	if w.Size() != size {
		t.Errorf("%d entries", w.Size()-size)
	}
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	found, _, _ := strings.Cut(rest, to)
	return found
}
