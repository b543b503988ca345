package ui

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strconv"
)

// Row is a row of the template "summary-list": a name, its value, and perhaps what can be done.
type Row struct {
	Key   string
	Value any // text, or HTML that a template function made
	Link  Link
}

// Tag is a short mark in words. Colours only repeat what the words say.
type Tag struct {
	Text string
	Kind string // grey (also if empty), green, teal, blue, darkblue, purple, pink, red, orange, yellow
}

// Note is what the template "notification" shows: a message in the page.
type Note struct {
	Kind  string // info (also if empty), success, warning, error
	Title string // may be empty
	Text  string
}

// Pagination is what the template "pagination" shows. Addresses that are empty are left out.
type Pagination struct {
	Label       string // which list it is of, for those who hear the page
	First, Prev string
	Next, Last  string
	Pages       []Link // by number, if they are known
}

// Query returns the query of a page of a list, with "?": what of values is not empty, and from the
// second page on which one. It is "" for the first page of the whole list.
func Query(page int, values map[string]string) string {
	q := url.Values{}
	for name, v := range values {
		if v != "" {
			q.Set(name, v)
		}
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

var notDialled = regexp.MustCompile(`[^0-9+]`)

var kinds = map[string]bool{
	"grey": true, "green": true, "teal": true, "blue": true, "darkblue": true, "purple": true, "pink": true, "red": true,
	"orange": true, "yellow": true,
}

// functions are those of templates that are the same in each language.
func (s *Site) functions() template.FuncMap {
	return template.FuncMap{
		// asset "name" is the address of a file of scripts, styles or images.
		"asset": s.assets.url,
		// hasAsset "name" is whether there is such a file: scripts are only there where npm was.
		"hasAsset": s.assets.has,
		// tag "text" "kind" is a mark; tag alone takes a Tag.
		"tag": tag,
		// tel "number" is the address of a telephone number, which people write with spaces.
		"tel": func(number string) template.URL {
			return template.URL("tel:" + notDialled.ReplaceAllString(number, ""))
		},
		// dict "name" value … is what a template takes that needs several values.
		"dict": func(args ...any) (map[string]any, error) {
			if len(args)%2 != 0 {
				return nil, errors.New("dict wants names with values")
			}
			m := map[string]any{}
			for i := 0; i < len(args); i += 2 {
				m[fmt.Sprint(args[i])] = args[i+1]
			}
			return m, nil
		},
	}
}

func tag(what any, kind ...string) (template.HTML, error) {
	t, ok := what.(Tag)
	if !ok {
		t.Text = fmt.Sprint(what)
	}
	if len(kind) > 0 {
		t.Kind = kind[0]
	}
	if t.Kind == "" {
		t.Kind = "grey"
	}
	if !kinds[t.Kind] {
		return "", fmt.Errorf("%q is no kind of tag", t.Kind)
	}
	return template.HTML(`<span class="ds_tag ds_tag--` + t.Kind + `">` + template.HTMLEscapeString(t.Text) + `</span>`), nil
}
