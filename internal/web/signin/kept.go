package signin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"igledger/internal/web/shelf"
	"igledger/internal/web/ui"
)

// What somebody typed into a form is kept for them if they have to sign in, or prove who they are,
// before it can be taken. It lies encrypted on a shelf, for a short time, and nobody gets it but the
// same user at the page of the same path. So a form with something to type is sent to the path of its own
// page.

const (
	keptShelf = "kept"
	maxKept   = 256 << 10 // bytes of a form
	mostKept  = 20        // forms of a user
)

// unkept are fields of forms that are never kept: a person's number does not stay where it was
// typed, and a form that is shown again says anew for whom it was made.
var unkept = []string{"number", ui.MadeFor}

func (m *Manager) keptKey(u *User, path string) string {
	return m.who(u) + "/" + m.deps.Shelf.Blind("path", path)
}

// keep keeps the form of a request for u, and reports whether there is one and it could.
func (m *Manager) keep(w http.ResponseWriter, r *http.Request, u *User) bool {
	if r.Method != http.MethodPost || !navigation(r) || !m.deps.Site.Opens(r, r.URL.Path) ||
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || m.anothers(r, u) {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxKept)
	if r.ParseForm() != nil || len(r.PostForm) == 0 {
		return false
	}
	for _, field := range unkept {
		r.PostForm.Del(field)
	}
	key, prefix := m.keptKey(u, r.URL.Path), m.who(u)+"/"
	list, err := m.deps.Shelf.List(r.Context(), keptShelf, prefix, "", mostKept)
	if err == nil && len(list) >= mostKept && !slices.ContainsFunc(list, func(i shelf.Item) bool { return i.Key == key }) {
		return false // nobody types so many forms
	}
	if err == nil {
		err = m.deps.Shelf.Put(r.Context(), keptShelf, key, []byte(r.PostForm.Encode()), m.now().Add(m.config.Sessions.Kept))
	}
	if err != nil {
		m.deps.Logger.Error("what was typed cannot be kept", "error", err)
	}
	return err == nil
}

// Kept returns what the user had typed into the form of this page when they had to sign in first, or
// nil. A page shows its form with it. It is forgotten when the form is sent again.
func (m *Manager) Kept(r *http.Request) url.Values {
	u := From(r.Context())
	if u == nil {
		return nil
	}
	b, err := m.deps.Shelf.Get(r.Context(), keptShelf, m.keptKey(u, r.URL.Path))
	if err != nil {
		if !errors.Is(err, shelf.ErrNotFound) {
			m.deps.Logger.Error("what was typed cannot be read", "error", err)
		}
		return nil
	}
	values, err := url.ParseQuery(string(b))
	if err != nil {
		return nil
	}
	return values
}

// forget forgets what was kept for the form that is being sent.
func (m *Manager) forget(r *http.Request, u *User) {
	key := m.keptKey(u, r.URL.Path)
	_, err := m.deps.Shelf.Get(r.Context(), keptShelf, key)
	if err == nil {
		err = m.deps.Shelf.Delete(r.Context(), keptShelf, key)
	}
	if err != nil && !errors.Is(err, shelf.ErrNotFound) {
		m.deps.Logger.Error("what was typed cannot be forgotten", "error", err)
	}
}
