package officer

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"igledger/internal/web/signin"
	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// enter lets a browser in as an officer, who then sees a page.
func (w *world) enter(tab *webtest.Tab, user signin.User, path string) {
	user.Session += user.Subject
	cookie := w.people.Cookie(w.t, user)
	w.letIn = func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, cookie)
		http.Redirect(rw, r, path, http.StatusSeeOther)
	}
	tab.Open(w.server.URL + "/let-in")
}

// busy fills the ledger with work for LOT. It returns the positions of an access that nothing
// covers and of an emergency.
func (w *world) busy() (plain, glass uint64) {
	purposes := []string{"TREAT", "PATADMIN", "HOPERAT"}
	for i := range 60 {
		w.access("LOT", morag, 7*i, func(a *entry.Access) {
			a.Purpose, a.System = []string{purposes[i%3]}, fmt.Sprintf("system %d", i%4)
		})
	}
	for i := range 30 {
		plain, _ = w.access("LOT", iain, 1+11*i, marketing)
		w.access("LOT", iain, 3+11*i, by("GGC"))
	}
	for i := range 4 {
		glass, _ = w.access("LOT", morag, 5+40*i, override)
		w.access("LOT", morag, 20*i, func(a *entry.Access) { a.Outcome = "8" })
	}
	w.agree("isa-care", "LOT", "GGC", "TREAT")
	w.agree("isa-back", "GGC", "LOT", "TREAT", func(t *entry.AgreementText) { t.ReviewDue = w.day(-3) })
	w.agree("isa-study", "LOT", "HUB", "HRESCH", func(t *entry.AgreementText) {
		t.Title = "Readmissions to hospital within thirty days: a study with records without names"
		t.ReviewDue, t.End = w.day(20), w.day(200)
	})
	w.agree("isa-plan", "GGC", "HUB", "PUBHLTH")
	w.request("req-1", "HUB", "LOT")
	w.request("req-2", "LOT", "GGC")
	return plain, glass
}

// Every page is accessible on a phone and a desk, in the dark, on paper and without script.
func TestInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	plain, glass := w.busy()
	o := w.officer("LOT", "Second Officer")
	if a := o.do("POST", at(plain), follow(o.see(at(plain)), "open", "Asked the practice.\nThey look into it.")); a.code != 303 {
		t.Fatal(a.code)
	}
	user := signintest.Staff("LOT", "Mairi Officer", signin.Reports, signin.FollowUp, signin.Agreements)
	user.Session += "of the browser"
	if a := w.browser(user).do("POST", "/officer/request", asking("req-9", "GGC")); a.code != 303 {
		t.Fatal(a.code)
	}
	pages := []struct{ path, picture string }{
		{"/officer", "home"},
		{"/officer/uncovered", "uncovered"},
		{"/officer/uncovered?status=incident", "uncovered-none"},
		{"/officer/break-glass", "break-glass"},
		{"/officer/attempts", "attempts"},
		{at(plain), "uncovered-one"},
		{at(glass), "break-glass-one"},
		{"/officer/calendar", "calendar"},
		{"/officer/requests", "requests"},
		{"/officer/requests/req-1", "request"},
		{"/officer/request", "ask"},
		{"/officer/requests/req-1/decide", "decide"},
		{"/officer/request/req-9/sign", "ask-sign"},
		{"/officer/reports", "reports"},
		{"/officer/sharing?organisation=", "sharing"},
		{"/register/sharing", "sharing-public"},
		{"/register/sharing?lang=gd", "sharing-gaelic"},
		{"/register/sharing?lang=en&organisation=GGC", "sharing-one"},
	}
	few := []string{"home", "uncovered", "break-glass-one", "decide", "reports", "sharing"} // one of each kind
	tab := webtest.New(t, webtest.How{})
	w.enter(tab, user, "/officer")
	for _, page := range pages {
		tab.Read(webtest.How{})
		w.looks(tab, page.path)
		for name, how := range map[string]webtest.How{
			"phone": {Width: webtest.Phone}, "narrow": {Width: 320}, "desk": {},
			"dark":  {Prefers: map[string]string{"prefers-color-scheme": "dark"}},
			"print": {Media: "print"},
		} {
			if how.Width == 0 && name != "desk" && !slices.Contains(few, page.picture) {
				continue
			}
			tab.Read(how)
			tab.Accessible()
			tab.Shot("officer-" + page.picture + "-" + name)
		}
		if slices.Contains(few, page.picture) {
			tab.Read(webtest.How{NoScript: true})
			w.looks(tab, page.path)
			tab.Accessible()
			tab.Shot("officer-" + page.picture + "-script-off")
		}
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}

// looks opens a page that must be there.
func (w *world) looks(tab *webtest.Tab, path string) {
	tab.Helper()
	tab.Open(w.server.URL + path)
	if strings.Contains(tab.Text("h1"), "Sorry") {
		tab.Errorf("%s: %s", path, tab.Text("main"))
	}
}

// An officer follows an access up, and is told what is wrong with what they write, with the
// keyboard's focus on it.
func TestFollowUpInBrowser(t *testing.T) {
	webtest.Needed(t)
	w := newWorld(t)
	index, _ := w.access("LOT", morag, 2, override)
	tab := webtest.New(t, webtest.How{Width: webtest.Phone, NoScript: true})
	w.enter(tab, signintest.Staff("LOT", "Mairi Officer", signin.Reports, signin.FollowUp), "/officer")
	tab.Press("Emergency overrides")
	title, _, _ := strings.Cut(strings.TrimSpace(tab.Text(".ig-list__title a")), "\n") // the rest is for those who hear the page
	tab.Press(title)
	tab.Fill("Explained: it was right, and we know why", "")
	tab.Fill("What did you find?", "The person with 0101011237 was unconscious.")
	tab.Press("Save")
	if !strings.Contains(tab.Text(".ds_error-summary"), "CHI or NHS number") ||
		webtest.Eval[string](tab, "document.activeElement.id") != "error-summary" {
		t.Errorf("the error is not where people look: %s", tab.Text("main"))
	}
	tab.Accessible()
	tab.Shot("officer-follow-up-error-phone")
	tab.Fill("What did you find?", "The ward confirms it.")
	tab.Press("Save")
	if !strings.HasSuffix(tab.URL(), at(index)+"?done=1") || !strings.Contains(tab.Text("main"), "The ward confirms it.") {
		t.Errorf("at %s: %s", tab.URL(), tab.Text("main"))
	}
	tab.Accessible()
	tab.Shot("officer-follow-up-done-phone")
}
