package officer

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/signin"
)

// again signs an officer in anew, as after a session that ended by rest.
func (w *world) again(org, name string) *officer { return w.officer(org, name) }

// A session that ends in the middle of the editor keeps what was typed: it is there after signing
// in again, with what is wrong with it, and is said not to be saved.
func TestSessionEndsInEditor(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	lot := w.officer("LOT", "Ailsa Example")
	good := w.written("isa-2")
	if a := lot.post("/officer/draft", url.Values{"text": {good}}); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.text())
	}
	path := lot.see("/officer/drafts").draft()
	bad := strings.Replace(good, "role: controller", "role: boss", 1)
	w.people.Advance(16 * time.Minute)
	if a := lot.post(path, url.Values{"text": {bad}, "revision": {"1"}}); a.code == 303 || a.code == 422 {
		t.Fatalf("the session has not ended: %d", a.code)
	}
	lot = w.again("LOT", "Ailsa Example")
	a := lot.see(path)
	if areaOf(a.body) != bad {
		t.Errorf("what was typed is lost: %s", areaOf(a.body))
	}
	if x := a.text(); !strings.Contains(x, "Role has a value that is not allowed here") || strings.Contains(x, "Nothing is wrong") ||
		!strings.Contains(x, "is not saved yet") {
		t.Errorf("the page is about another text than it shows: %s", x)
	}
	if x := w.officer("LOT", "Second Officer").see(path); areaOf(x.body) != good {
		t.Error("another officer sees what was typed and not saved")
	}
	if x := lot.post(path, url.Values{"text": {good + "# more\n"}, "revision": {"1"}}); x.code != 303 {
		t.Errorf("%d %s", x.code, x.text())
	}
	if areaOf(lot.see(path).body) != good+"# more\n" {
		t.Error("what was kept comes back after it was saved")
	}

	// A new draft; and beside it an amendment begins from its agreement, not from what was kept.
	w.people.Advance(16 * time.Minute)
	lot.post("/officer/draft", url.Values{"text": {"id: isa-3\n"}})
	lot = w.again("LOT", "Ailsa Example")
	if x := areaOf(lot.see("/officer/draft").body); x != "id: isa-3\n" {
		t.Errorf("what was typed is lost: %s", x)
	}
	if x := areaOf(lot.see("/officer/draft?amend=isa-1").body); !strings.Contains(x, "id: isa-1") {
		t.Errorf("an amendment of isa-1 begins with %s", x)
	}
}

// draft is the address of the first draft in a list.
func (a answer) draft() string {
	_, rest, _ := strings.Cut(a.body, `href="/officer/drafts/`)
	id, _, _ := strings.Cut(rest, `"`)
	return "/officer/drafts/" + id
}

// Two officers edit the same draft, or one does in two tabs: who saves second is shown what the
// other saved, loses nothing, and can save both together.
func TestTwoEditors(t *testing.T) {
	w := newWorld(t)
	one, two := w.officer("LOT", "Ailsa Example"), w.officer("LOT", "Second Officer")
	text := w.written("isa-2")
	one.post("/officer/draft", url.Values{"text": {text}})
	path := one.see("/officer/drafts").draft()
	revision := two.see(path).hidden("revision")
	theirs := strings.Replace(text, "tier: isa", "tier: mou", 1)
	if a := one.post(path, url.Values{"text": {theirs}, "revision": {revision}}); a.code != 303 {
		t.Fatalf("%d %s", a.code, a.text())
	}
	mine := strings.Replace(text, "version: 1 ", "version: 1 <b>", 1)
	a := two.post(path, url.Values{"text": {mine}, "revision": {revision}})
	if a.code != 409 || areaOf(a.body) != mine {
		t.Fatalf("%d: what was typed is lost", a.code)
	}
	if !strings.Contains(a.body, "<del>") || !strings.Contains(a.body, "tier: mou") || !strings.Contains(a.body, "<ins>") ||
		!strings.Contains(a.text(), "saved by Ailsa Example") || strings.Contains(a.body, "1 <b>") {
		t.Errorf("what differs is not shown: %s", a.text())
	}
	if x := areaOf(one.see(path).body); x != theirs {
		t.Error("a save over another's that was not seen")
	}
	merged := strings.Replace(theirs, "version: 1 ", "version: 1  ", 1)
	if x := two.post(path, url.Values{"text": {merged}, "revision": {a.hidden("revision")}}); x.code != 303 {
		t.Errorf("having seen it, %d %s", x.code, x.text())
	}
	if x := areaOf(one.see(path).body); x != merged {
		t.Error("both together are not saved")
	}
}

// Each thing that is wrong with a draft is in the summary of errors, which links to the text, with
// its line; and the draft cannot be proposed.
func TestWrongFields(t *testing.T) {
	w := newWorld(t)
	lot := w.officer("LOT", "Ailsa Example")
	good := w.written("isa-1")
	for what, c := range map[string]struct {
		text string
		says []string
	}{
		"the template as it is": {areaOf(lot.see("/officer/draft").body), []string{"Agreement id", "Privacy notice, Hash"}},
		"example organisations": {strings.ReplaceAll(good, "LOT", "north-board"), []string{"north-board"}},
		"review after the end":  {strings.Replace(good, w.day(300), w.day(701), 1), []string{"eview"}},
		"end before the start":  {strings.Replace(good, w.day(700), w.day(0), 1), []string{"nd"}},
		"a day that is none":    {strings.Replace(good, w.day(700), "2027-02-30", 1), []string{"2027-02-30", "day"}},
		"no scheme":             {strings.Replace(good, "url: https://", "url: ", 1), []string{"Privacy notice, Address", "https"}},
		"another scheme":        {strings.Replace(good, "url: https://", "url: javascript://", 1), []string{"https"}},
		"a CHI number": {strings.Replace(good, "subjects: Patients",
			"subjects: Patient 0101011237 and others, patients", 1), []string{"CHI"}},
		"no assessment": {strings.Replace(good, "date: "+w.day(-60), "date: soon", 1), []string{"ssessment"}},
	} {
		t.Run(what, func(t *testing.T) {
			a := lot.post("/officer/draft", url.Values{"text": {c.text}, "next": {"propose"}})
			if a.code != 422 {
				t.Fatalf("%d %s", a.code, a.location)
			}
			_, summary, _ := strings.Cut(a.body, "error-summary")
			summary, _, _ = strings.Cut(summary, "<form")
			if !strings.Contains(summary, `href="#text"`) {
				t.Error("no summary of errors")
			}
			for _, s := range c.says {
				if !strings.Contains(summary, s) {
					t.Errorf("it does not say %q: %s", s, answer{body: summary}.text())
				}
			}
			t.Log(answer{body: summary[:min(len(summary), 1500)]}.text())
			if areaOf(a.body) != c.text {
				t.Error("what was typed is lost")
			}
		})
	}
}

// What waits for a signature is counted, without what the organisation declined; an administrator
// finds the keys that wait.
func TestOverviewCounts(t *testing.T) {
	w := newWorld(t)
	w.officer("LOT", "Ailsa Example").propose("isa-1")
	w.officer("LOT", "Ailsa Example").propose("isa-2")
	hub := w.officer("HUB", "Hamish Example")
	if x := hub.see("/officer").text(); !strings.Contains(x, "2 to sign") {
		t.Error(x)
	}
	hub.post("/officer/agreements/isa-1/1/decline", url.Values{"reason": {"too wide"}})
	if x := hub.see("/officer").text(); !strings.Contains(x, "1 to sign") {
		t.Errorf("what was declined is counted: %s", x)
	}
	hub.post("/officer/agreements/isa-1/1/decline", url.Values{"again": {"1"}})
	if x := hub.see("/officer").text(); !strings.Contains(x, "2 to sign") {
		t.Error(x)
	}
	admin := w.officer("HUB", "Duncan Example", signin.Administer)
	if a := admin.see("/officer"); !strings.Contains(a.body, `href="/officer/keys"`) || !strings.Contains(a.text(), "Keys to approve") {
		t.Errorf("an administrator does not find the keys: %s", a.text())
	}
}

// Who must sign in again before a refusal is taken finds what they typed in the inbox.
func TestSessionEndsInDecline(t *testing.T) {
	w := newWorld(t)
	w.officer("LOT", "Ailsa Example").propose("isa-1")
	hub := w.officer("HUB", "Hamish Example")
	path := "/officer/agreements/isa-1/1/decline"
	if a := hub.get(path); a.code != 303 {
		t.Errorf("%d", a.code)
	}
	w.people.Advance(16 * time.Minute)
	hub.post(path, url.Values{"reason": {"too <wide>"}})
	hub = w.again("HUB", "Hamish Example")
	if a := hub.see(path); !strings.Contains(a.body, "too &lt;wide&gt;</textarea>") || !strings.Contains(a.text(), "1 agreement to sign") {
		t.Errorf("what was typed is lost: %s", a.text())
	}
}

// What is still an example is said beside a draft that could be proposed, and before it is signed.
func TestExamplesAreTold(t *testing.T) {
	w := newWorld(t)
	lot := w.officer("LOT", "Ailsa Example")
	a := lot.post("/officer/draft", url.Values{"text": {w.written("isa-1")}, "next": {"propose"}})
	for _, path := range []string{strings.TrimSuffix(a.location, "/propose"), a.location} {
		if x := lot.see(path).text(); !strings.Contains(x, "still have the words of the example: Title") ||
			!strings.HasSuffix(path, "propose") != strings.Contains(x, "Title (line 9)") {
			t.Errorf("%s: %s", path, x)
		}
	}
}
