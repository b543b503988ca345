package audit

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"igledger/ledger/entry"
)

var instantForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:)(\d\d)(\.\d{1,9})?\d*(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// instant returns a FHIR instant in the form that an entry takes: at most nanoseconds, and 59 for
// the second 60 of an inserted leap second. If s is not an instant, it returns "". If the result
// differs from s, s stays in the residue.
func instant(s string) string {
	m := instantForm.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	if m[2] == "60" {
		m[2] = "59"
	}
	s = m[1] + m[2] + m[3] + m[4]
	if _, err := entry.ParseTime(s); err != nil {
		return ""
	}
	return s
}

// moment is a time that an event states in any form that has a meaning: an instant, a time without
// its zone, or a date that stands for the whole of a day, month or year. It stays in the residue as
// it was.
type moment struct {
	start, end string   // of an entry; equal unless the event states a date
	note       NoteCode // "" for an instant
}

// Forms of times, besides the instants of FHIR, as sources write them: without seconds, with a
// blank for the T, with an offset without its colon, without a zone.
var (
	zoned   = []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"}
	unzoned = []string{"2006-01-02T15:04:05", "2006-01-02T15:04"}
	partial = []string{time.DateOnly, "2006-01", "2006"}
)

// momentOf reads a time. Dates, and times without a zone, are those of a zone. It returns false if
// the text has no meaning.
func momentOf(text string, zone *time.Location) (moment, bool) {
	if s := instant(text); s != "" {
		return moment{start: s, end: s}, true
	}
	text = strings.ToUpper(strings.TrimSpace(text))
	if date, clock, ok := strings.Cut(text, " "); ok {
		text = date + "T" + strings.TrimSpace(clock)
	}
	if len(text) == 8 && !strings.Contains(text, "-") { // 20260601
		text = text[:4] + "-" + text[4:6] + "-" + text[6:]
	}
	parse := func(forms []string) (t time.Time, form int) {
		form = slices.IndexFunc(forms, func(f string) bool {
			var err error
			t, err = time.ParseInLocation(f, text, zone)
			return err == nil && t.Year() > 0
		})
		return t, form
	}
	say := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	if t, form := parse(zoned); form >= 0 {
		return moment{start: say(t), end: say(t)}, true
	}
	if t, form := parse(unzoned); form >= 0 {
		return moment{say(t), say(t), NoZone}, true
	}
	if t, form := parse(partial); form >= 0 {
		next := []time.Time{t.AddDate(0, 0, 1), t.AddDate(0, 1, 0), t.AddDate(1, 0, 0)}[form]
		return moment{say(t), say(next.Add(-time.Second)), PartialDate}, true
	}
	return moment{}, false
}

// times reads when it happened and when that was recorded. A date counts for the whole of it: the
// access lies between occurred and occurredEnd, so that no reader takes its first moment for exact.
// If nothing says when it was recorded, that is the end or start of the period, or when a server
// took the event, or now.
func (b *builder) times(c Conversion, root object) {
	zone, p := c.Map.Location(), child(root, "period")
	read := func(o object, name, path, field string) moment {
		s := text(o, name)
		m, ok := momentOf(s, zone)
		switch {
		case !ok && o[name] != nil:
			b.n.add(path, UnknownValue)
		case m.note != "":
			b.n.add(path, m.note)
		}
		b.r.Member(o, name, "={"+field+"}")
		return m
	}
	start := read(p, "start", "AuditEvent.period.start", "occurred")
	end := read(p, "end", "AuditEvent.period.end", "occurredEnd")
	recorded := read(root, "recorded", "AuditEvent.recorded", "recorded")
	b.a.Occurred, b.a.OccurredEnd = start.start, end.end
	if b.a.OccurredEnd == "" && start.note == PartialDate {
		b.a.OccurredEnd = start.end
	}
	if recorded.note == PartialDate && b.a.Occurred == "" && b.a.OccurredEnd == "" {
		b.a.Occurred, b.a.OccurredEnd = recorded.start, recorded.end
	}
	b.a.Recorded = recorded.start
	if b.a.Recorded != "" {
		return
	}
	b.n.add("AuditEvent.recorded", NoTime)
	taken, _ := momentOf(text(child(root, "meta"), "lastUpdated"), zone)
	for _, s := range []string{end.start, start.start, taken.start, c.now().UTC().Format(time.RFC3339)} {
		if b.a.Recorded == "" {
			b.a.Recorded = s
		}
	}
}

func (c Conversion) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// longestDay is how far a time without its zone may lie from the same in UTC.
const longestDay = 15 * time.Hour

// sameMoment reports whether a time of an event, in whatever form, may be the one of an entry's
// claim. The zone of the mapping with which it was read is not known here.
func sameMoment(text, claim string) bool {
	m, ok := momentOf(text, time.UTC)
	switch {
	case !ok:
		return true // it says nothing
	case m.note == "":
		return m.start == claim
	}
	stated, _ := entry.ParseTime(m.start)
	claimed, err := entry.ParseTime(claim)
	return err == nil && claimed.Sub(stated).Abs() <= longestDay
}
