package citizen_test

import (
	"net/http"
	"os"
	"strconv"
	"testing"

	"igledger/internal/web/signin/signintest"
	"igledger/internal/web/webtest"
	"igledger/ledger/entry"
)

func TestMain(m *testing.M) { os.Exit(webtest.Main(m)) }

// open lets a browser in as a citizen, who then sees a page.
func (w *world) open(t *testing.T, tab *webtest.Tab, id, name, path string) {
	t.Helper()
	u := signintest.Citizen(id, name)
	u.Session = "session of " + name
	cookie := w.signin.Cookie(t, u)
	w.letIn = func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, cookie)
		http.Redirect(rw, r, path, http.StatusSeeOther)
	}
	tab.Open(w.server.URL + "/let-in")
}

// Every page is accessible on a phone and a desk, in the dark, and without script.
func TestInBrowser(t *testing.T) {
	w := newWorld(t)
	at := w.some()
	for n := range 40 {
		w.access(morag, n*9, func(a *entry.Access) { a.Purpose = []string{[]string{"TREAT", "PATADMIN", "COC"}[n%3]} })
	}
	n := strconv.FormatUint(w.delegate(t, morag, iain, "access"), 10)
	for name, how := range map[string]webtest.How{
		"phone": {Width: webtest.Phone}, "narrow": {Width: 320}, "desk": {}, "script-off": {NoScript: true},
		"dark": {Width: webtest.Phone, Prefers: map[string]string{"prefers-color-scheme": "dark"}},
	} {
		t.Run(name, func(t *testing.T) {
			tab := webtest.New(t, how)
			look := func(picture string) {
				tab.Accessible()
				tab.Shot(picture + "-" + name)
			}
			w.open(t, tab, morag, "Morag Example", "/you")
			look("list")
			tab.Open(w.server.URL + "/you?covered=attention&from=yesterday")
			look("filtered")
			for _, kind := range []string{"marketing", "emergency", "care"} {
				tab.Open(w.server.URL + "/you/access/" + strconv.FormatUint(at[kind], 10))
				look("access-" + kind)
			}
			w.open(t, tab, iain, "Iain Example", "/you/for/"+n)
			look("acting")
			if p := tab.Problems(); len(p) > 0 {
				t.Errorf("the console says %v", p)
			}
		})
	}
}
