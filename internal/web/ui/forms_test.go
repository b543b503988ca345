package ui

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestForms: each form that is posted says for whom its page was made, before anything that people
// fill in; what they typed cannot pass for a form.
func TestForms(t *testing.T) {
	r := room(t, newSite(t), `<form action="/search"><input name="q"></form>
<form id="a" method="post" action="/a?b=c&gt;d"><input name="x"></form>
<form method="post"><textarea name="y">{{.Data}}</textarea></form>`)
	const field = `<input type="hidden" name="made-for" value="somebody">`
	for whom, want := range map[string]int{"somebody": 3, "": 0} { // and one form to sign out
		req := httptest.NewRequest("GET", "/", nil)
		req = req.WithContext(WithMadeFor(WithUser(req.Context(), &testUser{}), whom))
		w := httptest.NewRecorder()
		if err := r.Render(w, req, 200, "page", Page{Title: "A", Data: `<form method="post">`}); err != nil {
			t.Fatal(err)
		}
		body := w.Body.String()
		if n := strings.Count(body, "made-for\" value"); n != want {
			t.Errorf("%q: %d forms say so, want %d:\n%s", whom, n, want, body)
		}
		if whom != "" && (!strings.Contains(body, `action="/a?b=c&gt;d">`+field+`<input name="x">`) ||
			!strings.Contains(body, `<form method="post">`+field+`<textarea`) ||
			!strings.Contains(body, `<form action="/search"><input name="q">`)) {
			t.Errorf("the field is elsewhere:\n%s", body)
		}
	}
}
