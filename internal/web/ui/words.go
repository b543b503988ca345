package ui

import (
	"fmt"
	"html/template"
	"strconv"
	"time"

	"igledger/audit/plain"
)

// Words are the texts of a room in one language, and dates as that language writes them. Text and
// Count find a text.
type Words struct {
	*plain.Catalogue
	zone    *time.Location
	now     func() time.Time
	english *Words // of the same room
}

// For returns the words of the language in which the room has a text: a date or a number that is
// put into it is in that language too, so that none has two.
func (w *Words) For(k plain.Key) *Words {
	if w.Own(k) || w.Own(k+".other") {
		return w
	}
	return w.english
}

// Plain returns the words for what the ledger holds, in the same language.
func (w *Words) Plain() *plain.Catalogue { return plain.In(w.Language()) }

// Date returns a day as people write it: 28 November 2026.
func (w *Words) Date(t time.Time) string {
	t = t.In(w.zone)
	return w.Text("date", "day", strconv.Itoa(t.Day()), "month", w.month(t), "year", strconv.Itoa(t.Year()))
}

// Day returns a day with its weekday: Saturday 28 November 2026.
func (w *Words) Day(t time.Time) string {
	t = t.In(w.zone)
	weekday := w.Text(plain.Key("weekday." + strconv.Itoa(int(t.Weekday()))))
	return w.Text("day", "weekday", weekday, "date", w.Date(t))
}

// Month returns a month: November 2026.
func (w *Words) Month(t time.Time) string {
	t = t.In(w.zone)
	return w.Text("month", "month", w.month(t), "year", strconv.Itoa(t.Year()))
}

// Time returns a time of day: 14:05.
func (w *Words) Time(t time.Time) string { return t.In(w.zone).Format("15:04") }

// When returns a day and time: 28 November 2026 at 14:05.
func (w *Words) When(t time.Time) string {
	return w.Text("when", "date", w.Date(t), "time", w.Time(t))
}

func (w *Words) month(t time.Time) string {
	return w.Text(plain.Key("month." + strconv.Itoa(int(t.Month()))))
}

// spans are the units of Ago, with the least span for which each is used.
var spans = []struct {
	unit  time.Duration
	least time.Duration
	key   plain.Key
}{
	{24 * time.Hour, 48 * time.Hour, "span.days"},
	{time.Hour, 2 * time.Hour, "span.hours"},
	{time.Minute, time.Minute, "span.minutes"},
	{time.Second, 0, "span.seconds"},
}

// Span returns a duration in its largest unit: 3 days.
func (w *Words) Span(d time.Duration) string {
	for _, s := range spans {
		if d >= s.least {
			return w.Count(s.key, uint64(d/s.unit))
		}
	}
	return w.Count("span.seconds", 0)
}

// Ago returns how long ago a time was: 3 days ago. A time to come is now.
func (w *Words) Ago(t time.Time) string {
	d := w.now().Sub(t)
	if d < time.Minute {
		return w.Text("ago.now")
	}
	return w.Text("ago", "span", w.Span(d))
}

// element returns a time element, whose text is text.
func (w *Words) element(layout string, t time.Time, text string) template.HTML {
	if t.IsZero() {
		return ""
	}
	machine := t.In(w.zone).Format(layout)
	return template.HTML(`<time datetime="` + machine + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// functions are those of templates that need the language.
func (w *Words) functions() template.FuncMap {
	return template.FuncMap{
		// t "key" "name" value … is a text.
		"t": func(key string, args ...any) (string, error) {
			list, err := pairs(args)
			return w.Text(plain.Key(key), list...), err
		},
		// n "key" number "name" value … is a text by number.
		"n": func(key string, n any, args ...any) (string, error) {
			number, err := count(n)
			if err != nil {
				return "", err
			}
			list, err := pairs(args)
			return w.Count(plain.Key(key), number, list...), err
		},
		"date":  func(t time.Time) template.HTML { return w.element("2006-01-02", t, w.Date(t)) },
		"day":   func(t time.Time) template.HTML { return w.element("2006-01-02", t, w.Day(t)) },
		"month": func(t time.Time) template.HTML { return w.element("2006-01", t, w.Month(t)) },
		"time":  func(t time.Time) template.HTML { return w.element(time.RFC3339, t, w.Time(t)) },
		"when":  func(t time.Time) template.HTML { return w.element(time.RFC3339, t, w.When(t)) },
		"ago":   func(t time.Time) template.HTML { return w.element(time.RFC3339, t, w.Ago(t)) },
		"lang":  func() string { return string(w.Language()) },
	}
}

// pairs turns the arguments of a text into strings.
func pairs(args []any) ([]string, error) {
	if len(args)%2 != 0 {
		return nil, fmt.Errorf("want names with values, got %d arguments", len(args))
	}
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = fmt.Sprint(a)
	}
	return list, nil
}

// count returns a number that a template has for a text by number.
func count(n any) (uint64, error) {
	switch n := n.(type) {
	case int:
		return uint64(max(n, 0)), nil
	case int64:
		return uint64(max(n, 0)), nil
	case uint64:
		return n, nil
	case uint32:
		return uint64(n), nil
	}
	return 0, fmt.Errorf("%T is no number of things", n)
}
