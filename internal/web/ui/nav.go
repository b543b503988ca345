package ui

import "igledger/audit/plain"

// User is who is signed in, as far as the layout needs to know. Methods accept a nil pointer.
type User interface {
	DisplayName() string            // may be empty
	IsStaff() bool                  // else a citizen
	Allowed(permission string) bool // of signin.Permission
}

// audience says for whom a section is.
type audience int

const (
	everybody audience = iota // who is not signed in
	citizens
	staff
)

// section is an item of the navigation.
type section struct {
	name       string // Page.Section of the pages in it
	href       string
	key        plain.Key
	audience   audience
	permission string // that staff need, or ""
}

// sections is the navigation of each audience, in its order.
var sections = []section{
	{"home", "/", "nav.home", everybody, ""},
	{"check", "/check", "nav.check", everybody, ""},
	{"register", "/register/agreements", "nav.register", everybody, ""},
	{"trust", "/trust", "nav.trust", everybody, ""},

	{"you", "/you", "nav.you", citizens, ""},
	{"choices", "/you/choices", "nav.choices", citizens, ""},
	{"people", "/you/people", "nav.people", citizens, ""},
	{"told", "/you/told", "nav.told", citizens, ""},
	{"download", "/you/download", "nav.download", citizens, ""},
	{"check", "/check", "nav.check", citizens, ""},

	{"officer", "/officer", "nav.officer", staff, ""},
	{"agreements", "/officer/agreements", "nav.agreements", staff, "agreements"},
	{"inbox", "/officer/inbox", "nav.inbox", staff, "agreements"},
	{"work", "/officer/work", "nav.work", staff, "follow-up"},
	{"requests", "/officer/requests", "nav.requests", staff, "agreements"},
	{"reports", "/officer/reports", "nav.reports", staff, "reports"},
	{"desk", "/desk", "nav.desk", staff, "front-desk"},
}

// Home returns where a user starts: after signing in, and by the name at the top of every page.
func Home(u User) string {
	switch {
	case u == nil:
		return "/"
	case !u.IsStaff():
		return "/you"
	case u.Allowed("audit"):
		return "/trust"
	case u.Allowed("front-desk") && !u.Allowed("reports") && !u.Allowed("agreements"):
		return "/desk"
	}
	return "/officer"
}

// Link is an item that leads somewhere.
type Link struct {
	Text, Href string
	Current    bool
}

// Nav returns the navigation for a user, or for nobody if u is nil. current is a page's section.
func (w *Words) Nav(u User, current string) (list []Link) {
	for _, s := range sections {
		switch {
		case u == nil && s.audience != everybody,
			u != nil && u.IsStaff() != (s.audience == staff),
			u != nil && s.audience == everybody,
			s.permission != "" && !u.Allowed(s.permission):
			continue
		}
		list = append(list, Link{Text: w.Text(s.key), Href: s.href, Current: s.name == current})
	}
	return list
}
