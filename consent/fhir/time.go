package fhir

import (
	"regexp"
	"strings"
	"time"
)

var timeForm = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?)?)?$`)

// span reads a FHIR dateTime as the time it covers: from first, before last. A year, month or day
// is one of the zone. A second has the precision of its fraction.
func span(v any, zone *time.Location) (first, last time.Time, ok bool) {
	s, _ := v.(string)
	if !timeForm.MatchString(s) {
		return first, last, false
	}
	layout := time.RFC3339Nano
	if len(s) <= len(time.DateOnly) {
		layout = time.DateOnly[:len(s)]
	}
	first, err := time.ParseInLocation(layout, s, zone)
	switch len(s) {
	case len("2006"):
		last = first.AddDate(1, 0, 0)
	case len("2006-01"):
		last = first.AddDate(0, 1, 0)
	case len("2006-01-02"):
		last = first.AddDate(0, 0, 1)
	default:
		step := time.Second
		if _, after, found := strings.Cut(s, "."); found {
			for range strings.IndexAny(after, "Z+-") {
				step /= 10
			}
		}
		last = first.Add(step)
	}
	return first, last, err == nil && last.Year() < 10000
}

// inclusive returns the FHIR Period.end for a period that lies before end: the last second, or
// nanosecond, in it.
func inclusive(end time.Time) string {
	if end.Nanosecond() == 0 {
		return end.Add(-time.Second).Format(time.RFC3339)
	}
	return end.Add(-time.Nanosecond).Format("2006-01-02T15:04:05.000000000Z07:00")
}

func rfc3339(t time.Time) string { return t.Format(time.RFC3339Nano) }
