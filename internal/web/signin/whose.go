package signin

import (
	"bufio"
	"io"
	"net/http"
	"strings"

	"igledger/internal/web/ui"
)

// madeFor returns what the forms of a user's pages say of whom they were made for. It is the same
// in each of their sessions, and says nothing about them.
func (m *Manager) madeFor(u *User) string { return m.deps.Shelf.Blind("made for", u.Issuer, u.Subject) }

// anothers reports whether a request was made by a page for another user: one that stayed open in a
// tab while somebody else signed in. A request that does not say for whom it was made is nobody
// else's: it is no page's, and those of other sites are refused by Wrap. Of the body it reads only
// where pages have that field, so a handler can still bound the whole.
func (m *Manager) anothers(r *http.Request, u *User) bool {
	whom := r.Header.Get(ui.MadeFor)
	const field = ui.MadeFor + "="
	if whom == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.PostForm == nil {
		own := m.madeFor(u)
		body := bufio.NewReaderSize(r.Body, len(field)+len(own)+16)
		begin, _ := body.Peek(len(field) + len(own) + 1) // what cannot be read fails again for who reads it
		r.Body = struct {
			io.Reader
			io.Closer
		}{body, r.Body}
		if text, ok := strings.CutPrefix(string(begin), field); ok {
			whom, _, _ = strings.Cut(text, "&")
		}
	}
	return whom != "" && whom != m.madeFor(u)
}
