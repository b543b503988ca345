package e2e_test

import (
	"strings"
	"testing"

	"igledger/internal/web/webtest"
)

// everybody's pages, and those of each who signs in, as far as they open without doing anything.
var pagesOf = []struct {
	account, name string // "": nobody signs in
	paths         []string
}{
	{"", "", []string{
		"/", "/register/agreements", "/register/agreements/isa-demo-1", "/register/policies", "/register/policies/1", "/register/sharing",
		"/trust", "/api", "/help", "/privacy", "/accessibility", "/leaflet", "/sign-in", "/check", "/nothing-here",
	}},
	{citizens, "Morag Example", []string{"/you", "/you?covered=attention", "/you/choices", "/you/people", "/you/told", "/you/numbers", "/you/download", "/you/papers", "/you/print"}},
	{staff, "Isobel Overseer", []string{
		"/officer", "/officer/agreements", "/officer/calendar", "/officer/uncovered", "/officer/break-glass", "/officer/attempts",
		"/officer/requests", "/officer/requests/req-demo-1", "/officer/reports", "/officer/sharing", "/officer/work", "/officer/inbox", "/officer/keys",
	}},
	{staff, "Aileen Counter", []string{"/desk", "/desk/post"}},
	{staff, "Duncan Locksmith", []string{"/officer", "/officer/keys"}},
	{staff, "Effie Ledgerwood", []string{"/officer"}},
}

// Each page is accessible on a narrow phone in the dark and at a desk, and can be read without
// script.
func TestEveryPage(t *testing.T) {
	for _, who := range pagesOf {
		t.Run(strings.ReplaceAll(who.name, " ", ""), func(t *testing.T) {
			v := visit(t, webtest.How{})
			if who.name != "" {
				v.signIn(who.account, who.name)
			}
			for _, path := range who.paths {
				name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(path), "-")
				if name == "" {
					name = "home"
				}
				v.Read(webtest.How{})
				v.Open(demo.url + path)
				if title := v.Text("h1"); title == "" || path != "/nothing-here" && strings.Contains(title, "not found") {
					t.Errorf("%s is the page %q", path, title)
				}
				v.good(name)
				v.Read(webtest.How{Width: 320, NoScript: true, Prefers: map[string]string{"prefers-color-scheme": "dark"}})
				v.Open(demo.url + path)
				v.good(name + "-phone-dark")
			}
		})
	}
}
