// Package draw makes the drawings of pages: bars, and who shares with whom. A page puts a drawing
// into its template as it is ({{.Chart.Figure}}).
//
// What it promises: a drawing is plain SVG within the page, without script, style element or style
// attribute, so that it stands under a strict Content-Security-Policy and in print. It has a title
// and a description for those who do not see it, and every number in it is in a table behind it. No
// colour stands alone: each has a pattern, dark and light enough for both a white and a black page.
// Letters keep the size of the page's text: only widths follow the screen, from 320 pixels up.
//
// Bars, for example, by month and organisation:
//
//	draw.Bars{ID: "months", Title: "Looks by month", Rows: months, Series: organisations, Words: words}
package draw

import (
	"bytes"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Words are what a drawing says itself, in the language of the page. The zero value is English.
type Words struct {
	Table string // on what opens the table: "Show as a table"
	Row   string // heading of the rows, such as "Month"
	Total string
	Other string // name of the series that are too many to be told apart
}

func (w Words) orEnglish() Words {
	for _, x := range []struct {
		word    *string
		english string
	}{{&w.Table, "Show as a table"}, {&w.Row, "Month"}, {&w.Total, "Total"}, {&w.Other, "Other"}} {
		if *x.word == "" {
			*x.word = x.english
		}
	}
	return w
}

// fills are how series look: a colour, and a pattern of 8 by 8 pixels upon it. Each colour has a
// contrast of at least 3 to 1 with white and with black (WCAG 2.2, 1.4.11).
var fills = []struct{ colour, pattern string }{
	{"#1d70b8", ""},
	{"#b8461b", `<path d="M-2 2l4-4M0 8l8-8M6 10l4-4" stroke="#fff" stroke-width="2"/>`},
	{"#2a8050", `<circle cx="4" cy="4" r="2" fill="#fff"/>`},
	{"#8a4fbf", `<path d="M0 4h8" stroke="#fff" stroke-width="2"/>`},
	{"#a3640a", `<path d="M4 0v8" stroke="#fff" stroke-width="2"/>`},
	{"#c0356f", `<path d="M-2 6l4 4M0 0l8 8M6-2l4 4" stroke="#fff" stroke-width="2"/>`},
	{"#6b7280", `<path d="M0 4h8M4 0v8" stroke="#fff" stroke-width="1.5"/>`},
}

// Most is how many series are told apart: those beyond are drawn as one.
var Most = len(fills)

// patterns returns the definitions of the first n fills. Their ids begin with the drawing's.
func patterns(id string, n int) template.HTML {
	var b strings.Builder
	b.WriteString("<defs>")
	for i, f := range fills[:min(n, len(fills))] {
		fmt.Fprintf(&b, `<pattern id="%s-fill-%d" width="8" height="8" patternUnits="userSpaceOnUse">`+
			`<rect width="8" height="8" fill="%s"/>%s</pattern>`, id, i, f.colour, f.pattern)
	}
	b.WriteString("</defs>")
	return template.HTML(b.String()) //nolint:gosec // made of constants, numbers and an id that checkID has seen
}

// checkID panics unless id can be the beginning of ids in a page: it is a constant of the caller's.
func checkID(id string) {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}) {
		panic("draw: the id of a drawing is of a-z, 0-9 and -")
	}
}

// run executes a template, which can only fail if it does not fit its data.
func run(t *template.Template, data any) template.HTML {
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		panic(err)
	}
	return template.HTML(b.String()) //nolint:gosec // a template of this package has escaped it
}

// percent returns a length in percent, with at most two decimals.
func percent(part, whole float64) string {
	if whole == 0 {
		return "0%"
	}
	return number(100*part/whole) + "%"
}

// em returns a length in the height of the page's letters.
func em(v float64) string { return number(v) + "em" }

func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// wrap breaks text into lines of at most width letters, at spaces. A word that is longer has a line
// of its own, and is broken after most letters.
func wrap(text string, width, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for utf8.RuneCountInString(word) > most {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			r := []rune(word)
			lines, word = append(lines, string(r[:most])), string(r[most:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
