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
	webtest.Needed(t)
	w := newWorld(t)
	at := w.some()
	for n := range 40 {
		w.access(morag, n*9, func(a *entry.Access) { a.Purpose = []string{[]string{"TREAT", "PATADMIN", "COC"}[n%3]} })
	}
	n := strconv.FormatUint(w.delegate(t, morag, iain, "access"), 10)
	tab := webtest.New(t, webtest.How{})
	look := func(name string, how webtest.How, picture string) {
		tab.Read(how)
		tab.Accessible()
		tab.Shot(picture + "-" + name)
	}
	for _, page := range []struct{ id, name, path, picture string }{
		{morag, "Morag Example", "/you", "list"},
		{morag, "Morag Example", "/you?covered=attention&from=yesterday", "filtered"},
		{morag, "Morag Example", "/you/access/" + strconv.FormatUint(at["marketing"], 10), "access-marketing"},
		{morag, "Morag Example", "/you/access/" + strconv.FormatUint(at["emergency"], 10), "access-emergency"},
		{morag, "Morag Example", "/you/access/" + strconv.FormatUint(at["care"], 10), "access-care"},
		{iain, "Iain Example", "/you/for/" + n, "acting"},
	} {
		tab.Read(webtest.How{})
		w.open(t, tab, page.id, page.name, page.path)
		for name, how := range map[string]webtest.How{
			"phone": {Width: webtest.Phone}, "narrow": {Width: 320}, "desk": {},
			"dark": {Width: webtest.Phone, Prefers: map[string]string{"prefers-color-scheme": "dark"}},
		} {
			look(name, how, page.picture)
		}
		without := webtest.How{NoScript: true}
		tab.Read(without)
		w.open(t, tab, page.id, page.name, page.path)
		look("script-off", without, page.picture)
	}
	if p := tab.Problems(); len(p) > 0 {
		t.Errorf("the console says %v", p)
	}
}
