package officer

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"igledger/ledger/entry"
)

// event is a VEVENT as the strict reader below has it.
type event map[string]string

// strictCalendar reads an iCalendar stream by RFC 5545 and accepts nothing besides what the pages
// may write: CRLF, lines of at most 75 octets with letters whole, one VCALENDAR, days without
// times, UIDs that are unique.
func strictCalendar(t *testing.T, body string) (list []event) {
	t.Helper()
	wrong := func(format string, args ...any) { t.Helper(); t.Fatalf(format, args...) }
	if !strings.HasSuffix(body, "\r\n") || strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\n") ||
		strings.Contains(strings.ReplaceAll(body, "\r\n", ""), "\r") {
		wrong("lines do not end with CRLF")
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimSuffix(body, "\r\n"), "\r\n") {
		switch {
		case len(l) > 75 || !utf8.ValidString(l):
			wrong("%d octets, or half a letter: %q", len(l), l)
		case strings.HasPrefix(l, " "):
			lines[len(lines)-1] += l[1:]
		default:
			lines = append(lines, l)
		}
	}
	form := regexp.MustCompile(`^([A-Z-]+)((?:;[A-Z-]+=(?:"[^"]*"|[^";:,]*))*):(.*)$`)
	badText := regexp.MustCompile(`\\[^\\;,nN]|\\$|[;,]`)
	day := regexp.MustCompile(`^\d{8}$`)
	seen, inside, got := map[string]bool{}, "", event{}
	calendar := map[string]int{}
	for i, l := range lines {
		m := form.FindStringSubmatch(l)
		if m == nil {
			wrong("no content line: %q", l)
		}
		name, params, value := m[1], m[2], m[3]
		switch {
		case i == 0 && l == "BEGIN:VCALENDAR", i == len(lines)-1 && l == "END:VCALENDAR" && inside == "":
		case l == "BEGIN:VEVENT" && inside == "":
			inside, got = "VEVENT", event{}
		case l == "END:VEVENT" && inside != "":
			for _, need := range []string{"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY"} {
				if got[need] == "" {
					wrong("an event without %s: %v", need, got)
				}
			}
			from, _ := time.Parse("20060102", got["DTSTART"])
			if to, _ := time.Parse("20060102", got["DTEND"]); !to.Equal(from.AddDate(0, 0, 1)) || seen[got["UID"]] {
				wrong("not one day, or an id twice: %v", got)
			}
			seen[got["UID"]] = true
			list, inside = append(list, got), ""
		case inside == "":
			calendar[name]++
		default:
			if _, twice := got[name]; twice {
				wrong("%s twice", name)
			}
			switch name {
			case "DTSTART", "DTEND":
				if params != ";VALUE=DATE" || !day.MatchString(value) {
					wrong("no day: %q", l)
				}
			case "DTSTAMP":
				if _, err := time.Parse("20060102T150405Z", value); err != nil {
					wrong("no time in UTC: %q", l)
				}
			case "SUMMARY", "DESCRIPTION":
				if unescaped := strings.NewReplacer(`\\`, "", `\;`, "", `\,`, "", `\n`, "", `\N`, "").Replace(value); badText.MatchString(unescaped) {
					wrong("not escaped: %q", l)
				}
				value = strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n", `\N`, "\n").Replace(value)
			}
			got[name] = value
		}
	}
	if calendar["VERSION"] != 1 || calendar["PRODID"] != 1 || inside != "" {
		wrong("not one VERSION and PRODID: %v", calendar)
	}
	return list
}

// The calendar's file is one that a strict reader takes, whatever a title says; nothing in a title
// makes a line or an event of its own.
func TestCalendarFileIsStrict(t *testing.T) {
	w := newWorld(t)
	titles := map[string]string{
		"isa-1": "Öffentlicher Zugang; Àireamh, C:\\share " + strings.Repeat("ö, ", 60),
		"isa-2": "END:VEVENT BEGIN:VALARM",
		"isa-3": `quoted "title"\n`,
	}
	for id, title := range titles {
		w.agree(id, "LOT", "GGC", "TREAT", func(t *entry.AgreementText) { t.Title = strings.TrimSpace(title) })
	}
	w.forty()
	o := w.officer("LOT", "Officer")
	list := strictCalendar(t, o.see("/officer/calendar.ics").body)
	if len(list) != 2*(3+20) {
		t.Errorf("%d days", len(list))
	}
	for _, e := range list {
		for id, title := range titles {
			if strings.Contains(e["UID"], "-"+id+"-1@") && !strings.HasSuffix(e["SUMMARY"], ": "+strings.TrimSpace(title)) {
				t.Errorf("%q, want %q", e["SUMMARY"], title)
			}
		}
	}
}

// The first day of an amendment that all have signed is in the calendar, and what of the version
// before it lies behind that day is not.
func TestCalendarOfAmendment(t *testing.T) {
	w := newWorld(t)
	w.agree("isa-1", "LOT", "GGC", "TREAT")
	w.agree("isa-1", "LOT", "GGC", "TREAT", func(t *entry.AgreementText) {
		t.Version, t.Start, t.ReviewDue, t.End = 2, w.day(100), w.day(200), w.day(400)
	})
	got := map[string]bool{}
	for _, e := range strictCalendar(t, w.officer("LOT", "Officer").see("/officer/calendar.ics").body) {
		got[e["UID"]] = true
	}
	at := "@" + w.Log.Origin()
	for id, want := range map[string]bool{
		"review-isa-1-1": true, "end-isa-1-1": false, "start-isa-1-2": true, "review-isa-1-2": true, "end-isa-1-2": true,
	} {
		if got[id+at] != want {
			t.Errorf("%s: %v, want %v", id, got[id+at], want)
		}
	}
}
