// Package signintest signs people in without a provider, for tests of pages. Use it only in tests.
package signintest

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

// World is a Manager on a database of its own.
type World struct {
	*signin.Manager
	Shelf *shelf.Shelf
	Site  *ui.Site
	ahead atomic.Int64
}

// New returns a World with sessions as the configuration's defaults have them. The log is the test's.
func New(t testing.TB) *World {
	t.Helper()
	store, err := storage.Create(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &World{}
	now := func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	if w.Shelf, err = shelf.New(t.Context(), store, bytes.Repeat([]byte{1}, 32), now); err != nil {
		t.Fatal(err)
	}
	if w.Site, err = ui.New(ui.Config{Logger: logger, Now: now}); err != nil {
		t.Fatal(err)
	}
	w.Manager, err = signin.New(signin.Deps{Public: "http://127.0.0.1", Shelf: w.Shelf, Site: w.Site, Logger: logger, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Advance sets the clock of sessions forward: after 15 minutes a session has ended by rest.
func (w *World) Advance(d time.Duration) { w.ahead.Add(int64(d)) }

// Citizen returns a user who is a citizen and has just signed in.
func Citizen(id, name string) signin.User {
	return signin.User{Kind: signin.Citizen, ID: id, Name: name, Session: "session-of-a-test", Auth: time.Now(),
		ACR: "high", Issuer: "test", Subject: "citizen " + id}
}

// Staff returns a user who is a member of staff of an organisation and has just signed in.
func Staff(org, name string, may ...signin.Permission) signin.User {
	return signin.User{Kind: signin.Staff, Org: org, Name: name, May: may, Session: "session-of-a-test",
		Staff: entry.Staff{ID: name, System: "https://staff.example/" + org, Name: name}, Auth: time.Now(), ACR: "high",
		Issuer: "test", Subject: "staff " + org + " " + name}
}

// Cookie returns the cookie of a new session of user, for requests of one's own making.
func (w *World) Cookie(t testing.TB, user signin.User) *http.Cookie {
	t.Helper()
	return Cookie(t, w.Manager, user)
}

// Cookie returns the cookie of a new session of user at a Manager.
func Cookie(t testing.TB, m *signin.Manager, user signin.User) *http.Cookie {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.Begin(w, r, user); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	cookies := rec.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("signing in: %d %v", rec.Code, cookies)
	}
	return cookies[0]
}

// SignIn gives client the cookie of a new session of user at the server with this address. A client
// without a jar gets one.
func (w *World) SignIn(t testing.TB, client *http.Client, server string, user signin.User) {
	t.Helper()
	if client.Jar == nil {
		client.Jar, _ = cookiejar.New(nil) // never fails
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar.SetCookies(u, []*http.Cookie{w.Cookie(t, user)})
}
