package ui

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// What is English on a page in another language says so, wherever an element can stand, and no mark
// is left anywhere.
func TestSpoken(t *testing.T) {
	en := func(s string) string { return beginEnglish + s + endEnglish }
	for in, want := range map[string]string{
		"<p>plain</p>":                                                      "<p>plain</p>",
		"<p>" + en("Read") + " leugh</p>":                                   `<p><span lang="en">Read</span> leugh</p>`,
		"<p>" + en("a "+en("b")+" c") + "</p>":                              `<p><span lang="en">a b c</span></p>`,
		`<a aria-label="` + en(`a > b`) + `">x</a>`:                         `<a aria-label="a > b">x</a>`,
		"<title>" + en("T") + "</title><p>" + en("U") + "</p>":              `<title>T</title><p><span lang="en">U</span></p>`,
		"<svg viewBox='0'><text>" + en("T") + "</text></svg>" + en("after"): `<svg viewBox='0'><text>T</text></svg><span lang="en">after</span>`,
		"<select><option value='1'>" + en("T") + "</option></select>":       `<select><option value='1'>T</option></select>`,
		"<p>" + beginEnglish + "never ended</p><p>next" + endEnglish:        `<p><span lang="en">never ended</span></p><p>next`,
		"<p>" + endEnglish + "never begun</p>":                              `<p>never begun</p>`,
	} {
		if got := string(spoken([]byte(in))); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
	if got := First(en("é-mail"), strings.ToUpper); got != en("É-mail") {
		t.Errorf("%q", got)
	}
}

// Every page can be had in large print, by an address that keeps what else it asks for.
func TestLarge(t *testing.T) {
	for in, want := range map[string]string{
		"/help":                        "/help?size=large",
		"/register/agreements?q=a%20b": "/register/agreements?q=a+b&size=large",
		"//evil.example/x?size=small":  "/evil.example/x?size=large",
	} {
		r := httptest.NewRequest("GET", "http://ledger.example/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(in, "?") // as a request line has it
		if got := inSize(r, newSite(t).here(r), true); got != want {
			t.Errorf("%s leads to %s, want %s", in, got, want)
		}
	}
}
