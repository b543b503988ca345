package officer

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	ics "github.com/arran4/golang-ical"

	"igledger/internal/web/signin"
	"igledger/ledger/entry"
)

// link returns the secret address that the calendar's page shows, without the server's.
func (o *officer) link() string {
	o.t.Helper()
	m := regexp.MustCompile(`value="([^"]*/calendar/[^"]*)"`).FindStringSubmatch(o.see("/officer/calendar").body)
	if m == nil {
		return ""
	}
	return strings.TrimPrefix(m[1], o.server.URL)
}

func events(t *testing.T, a answer) map[string]string {
	t.Helper()
	c, err := ics.ParseCalendar(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range c.Events() {
		day := e.GetProperty(ics.ComponentPropertyDtStart)
		out[e.Id()] = day.Value + " " + e.GetProperty(ics.ComponentPropertySummary).Value
	}
	return out
}

// The calendar has the days of the officer's own agreements, what is overdue first, and the file
// has the same days.
func TestCalendar(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	w.agree("isa-2", "GGC", "LOT", "TREAT", func(t *entry.AgreementText) { t.ReviewDue = w.day(-3) })
	w.agree("isa-3", "GGC", "HUB", "HRESCH")
	w.agree("isa-4", "LOT", "HUB", "HRESCH", func(t *entry.AgreementText) { t.Start = w.day(20) })
	o := w.officer("LOT", "Officer", signin.FrontDesk)
	page := o.see("/officer/calendar")
	text := page.text()
	overdue, next := strings.Index(text, "1 is overdue"), strings.Index(text, "isa-4")
	if overdue < 0 || next < overdue || strings.Index(text, "isa-2") > next || strings.Contains(text, "isa-3") {
		t.Errorf("%s", text)
	}
	got := events(t, o.see("/officer/calendar.ics"))
	day := func(days int) string { return strings.ReplaceAll(w.day(days), "-", "") }
	at := "@" + w.Log.Origin()
	for id, want := range map[string]string{
		"review-isa-2-1" + at: day(-3) + " Review due: Sharing under isa-2", "end-isa-1-1" + at: day(300) + " Last day: Sharing under isa-1",
		"start-isa-4-1" + at: day(20) + " First day: Sharing under isa-4",
	} {
		if got[id] != want {
			t.Errorf("%s is %q, want %q", id, got[id], want)
		}
	}
	if len(got) != 7 {
		t.Errorf("%d days: %v", len(got), got)
	}
}

// A calendar program that has the secret address gets the days without signing in, and without a
// person's name. The address ends when its officer says so, or makes another.
func TestCalendarLink(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	o, other, nobody := w.officer("LOT", "Mairi Officer"), w.officer("LOT", "Second"), w.nobody()
	if o.link() != "" {
		t.Fatal("there is an address that nobody made")
	}
	make := func(o *officer, do string) {
		t.Helper()
		if a := o.do("POST", "/officer/calendar", url.Values{"do": {do}}); a.code != 303 {
			t.Fatalf("%s: %d", do, a.code)
		}
	}
	make(o, "make")
	make(other, "make")
	first, others := o.link(), other.link()
	if len(first) < 40 || first == others {
		t.Fatalf("addresses %q and %q", first, others)
	}
	a := nobody.see(first)
	if len(events(t, a)) != 2 || strings.Contains(a.body, "Mairi") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/calendar") {
		t.Errorf("%s", a.body)
	}
	make(o, "make")
	second := o.link()
	if a := nobody.get(first); a.code != 404 || second == first {
		t.Errorf("the old address: %d", a.code)
	}
	nobody.see(second)
	make(o, "revoke")
	for _, path := range []string{second, "/calendar/.ics", "/calendar/x.ics", strings.TrimSuffix(others, ".ics"), others + "x"} {
		if a := nobody.get(path); a.code != 404 {
			t.Errorf("%s: %d", path, a.code)
		}
	}
	nobody.see(others) // another officer's is not touched
	if a := nobody.get("/officer/calendar.ics"); a.code != 401 {
		t.Errorf("the file without signing in: %d", a.code)
	}
}
