package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/ui"
)

// madeFor returns what the forms of a browser's pages say of whom they were made for.
func (b *browser) madeFor() string {
	b.w.t.Helper()
	_, rest, found := strings.Cut(b.get("/officer").body, `name="`+ui.MadeFor+`" value="`) // which is not for them
	whom, _, _ := strings.Cut(rest, `"`)
	if !found || whom == "" {
		b.w.t.Fatal("a page whose form does not say for whom it was made")
	}
	return whom
}

// TestOtherTab: a form that stayed open while somebody else signed in, in another tab of the same
// browser, does not count for them, and what was typed into it is not shown to them. The same
// person may sign in again in between.
func TestOtherTab(t *testing.T) {
	hamish := map[string]any{"sub": "another", "chi_number": "2902480082", "name": "Hamish"}
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you/form", nil)
	form := func() string { return ui.MadeFor + "=" + b.madeFor() + "&text=typed" }
	send := func(path, body string, header ...string) answer {
		values, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		a := b.do("POST", path, values, header...)
		if a.StatusCode == http.StatusOK && !strings.Contains(a.body, "took typed from") {
			t.Errorf("the handler does not get the whole form: %s", a.body)
		}
		return a
	}
	morags := form()
	b.post("/sign-out", nil)
	b.signIn(w.op, "/you/form", nil)
	if a := send("/you/form", morags); a.StatusCode != http.StatusOK || form() != morags {
		t.Errorf("the same person, signed in again: %d", a.StatusCode)
	}
	if a := send("/you/form", "text=typed"); a.StatusCode != http.StatusOK {
		t.Errorf("a form that does not say for whom: %d", a.StatusCode)
	}
	b.post("/sign-out", nil)
	b.signIn(w.op, "/you/form", hamish)
	hamishs := form()
	mark := strings.TrimSuffix(strings.TrimPrefix(morags, ui.MadeFor+"="), "&text=typed")
	for name, header := range map[string][]string{"field": nil, "header": {ui.MadeFor, mark}} {
		body := morags
		if header != nil {
			body = "text=typed"
		}
		for _, path := range []string{"/you/form", "/you/change"} {
			a := send(path, body, header...)
			if a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "Someone else is signed in now") {
				t.Errorf("%s, %s: %d %s", path, name, a.StatusCode, a.body)
			}
		}
	}
	w.advance(16 * time.Minute) // and his session ends
	if a := send("/you/form", morags); a.StatusCode != http.StatusUnauthorized || strings.Contains(a.body, "is safe") {
		t.Errorf("after his session: %d %s", a.StatusCode, a.body)
	}
	b.signIn(w.op, "/you/form", hamish)
	if a := b.get("/you/form"); !strings.Contains(a.body, "kept[]") {
		t.Errorf("he sees %s", a.body)
	}
	if a := send("/you/form", hamishs); a.StatusCode != http.StatusOK {
		t.Errorf("his own: %d", a.StatusCode)
	}
	w.clean(b)
}
