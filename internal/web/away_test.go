package web

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"igledger/internal/web/paper/sealed"
	"igledger/ledger/storage"
)

// posts are forms that change something, of each role.
func (w *world) posts() map[string]struct {
	who  *visitor
	path string
	form []string
} {
	me, officer := w.as(person(morag)), w.as(staff("LOT"))
	return map[string]struct {
		who  *visitor
		path string
		form []string
	}{
		"no":          {me, "/you/choices/no/research", []string{"token", uuid.NewString()}},
		"code":        {me, "/you/papers", nil},
		"desk":        {officer, "/desk", []string{"scheme", "chi", "number", morag[4:], "identity", "documents", "request", "SAR-7"}},
		"calendar":    {officer, "/officer/calendar", []string{"do", "make"}},
		"draft":       {officer, "/officer/draft", []string{"text", "title: A"}},
		"sign out":    {officer, "/sign-out", nil},
		"list as CSV": {me, "/you/download/csv", nil},
	}
}

// away fails the test unless an answer says that something is away and when to come back.
func (a answer) away(t *testing.T) {
	t.Helper()
	if a.code != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "Try again in about") ||
		!strings.Contains(a.body, "Nothing is lost") || a.header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, "database") {
		t.Errorf("%d, Retry-After %q: %.600s", a.code, a.header.Get("Retry-After"), a.body)
	}
}

// While the database of sessions is away, whoever is signed in is told so, and nothing is done.
// What needs no database is there.
func TestDatabaseOfPagesAway(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	posts, me := w.posts(), w.as(person(morag))
	size := w.Size()
	w.ok(w.store.Close())
	for name, c := range posts {
		t.Run(name, func(t *testing.T) { c.who.post(c.path, c.form...).away(t) })
	}
	for _, path := range []string{"/you", "/officer", "/desk", "/trust"} {
		t.Run(path, func(t *testing.T) { me.get(path).away(t) })
	}
	if a := me.get("/assets/old/pages.css"); a.code != 200 || strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Cookie") {
		t.Errorf("the style of the page that says so: %d, Vary %q", a.code, a.header.Values("Vary"))
	}
	for path, code := range map[string]int{"/": 200, "/help": 200, "/trust": 200, "/check": 200, "/assets/old/pages.css": 200} {
		if a := w.as(nil).get(path); a.code != code {
			t.Errorf("%s: %d", path, a.code)
		}
	}
	if w.Size() != size {
		t.Error("something was logged")
	}
}

// While the ledger takes nothing, no history is shown, since its reading could not be logged, and
// nothing is said to be done.
func TestLedgerAway(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	posts, me := w.posts(), w.as(person(morag))
	w.ok(w.Log.Close(t.Context()))
	for _, name := range []string{"no", "desk", "list as CSV"} {
		t.Run(name, func(t *testing.T) { posts[name].who.post(posts[name].path, posts[name].form...).away(t) })
	}
	for _, path := range []string{"/you", "/you/print", "/you/choices", "/you/people"} {
		t.Run(path, func(t *testing.T) { me.get(path).away(t) })
	}
}

// While the ledger's database is away, the pages say so, and the process ends when it is told to.
func TestLedgersDatabaseAway(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	me := w.as(person(morag))
	w.Away()
	for _, path := range []string{"/you", "/you/choices"} {
		t.Run(path, func(t *testing.T) { me.get(path).away(t) })
	}
}

// fail makes the pages' database refuse the n-th write from now on, and all after it; negative:
// none.
func (w *world) fail(n int) {
	w.t.Helper()
	ops := []storage.Op{{SQL: "DROP TRIGGER IF EXISTS gone"}, {SQL: "DROP TRIGGER IF EXISTS done"},
		{SQL: "CREATE TABLE IF NOT EXISTS left_over (n INTEGER)"}, {SQL: "DELETE FROM left_over"},
		{SQL: fmt.Sprintf("INSERT INTO left_over VALUES (%d)", n)}}
	if n >= 0 {
		ops = append(ops,
			storage.Op{SQL: "CREATE TRIGGER gone BEFORE INSERT ON shelf WHEN (SELECT n FROM left_over) <= 0 BEGIN SELECT RAISE(ABORT, 'gone'); END"},
			// A value is written by two statements: one that makes its row, and one that fills it.
			storage.Op{SQL: "CREATE TRIGGER done AFTER UPDATE ON shelf BEGIN UPDATE left_over SET n = n - 1; END"})
	}
	w.ok(w.store.Transact(w.t.Context(), func(context.Context, storage.Runner) ([]storage.Op, error) { return ops, nil }))
}

var calendarLink = regexp.MustCompile(`/calendar/[A-Z0-9]+\.ics`)

// Wherever the database goes away in the middle of a form, nothing is half done: an address that a
// page shows works, and a code that works is on its owner's list.
func TestNothingHalfWritten(t *testing.T) {
	w := newWorld(t)
	w.access(morag)
	me, officer := w.as(person(morag)), w.as(staff("LOT"))
	failed := 0
	for n := range 4 {
		for _, do := range []string{"make", "make"} { // also in place of one before
			w.fail(n)
			if a := officer.post("/officer/calendar", "do", do); a.code >= 500 {
				failed++
			} else if a.code != 303 {
				t.Errorf("calendar, %d: %d", n, a.code)
			}
			w.fail(-1)
			if at := calendarLink.FindString(officer.get("/officer/calendar").body); at != "" && w.as(nil).get(at).code != 200 {
				t.Errorf("calendar, after %d writes: the address that is shown does not work", n)
			}
		}
	}
	for n := range 5 {
		data := make([]byte, sealed.NonceSize+4096+16)
		data[0] = byte(n)
		w.fail(n)
		a := me.ask("POST", "/you/papers", string(data), "Content-Type", sealedMedia)
		w.fail(-1)
		if a.code >= 500 {
			failed++
		} else if a.code != 200 {
			t.Fatalf("code, %d: %d %s", n, a.code, a.body)
		}
		id := sealed.ID(data)
		works, listed := w.as(nil).get("/p/"+id+"/sealed").code == 200, strings.Contains(me.get("/you/papers").body, id)
		if works != listed || works != (a.code == 200) {
			t.Errorf("code, after %d writes: answered %d, works %v, listed %v", n, a.code, works, listed)
		}
	}
	if failed < 4 {
		t.Errorf("only %d forms failed: the test shows little", failed)
	}
}
