package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"igledger/internal/web/signin"
)

// TestKeptIsBounded: who was signed in cannot fill the database with forms to be kept.
func TestKeptIsBounded(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	w.advance(16 * time.Minute) // it ended by rest
	for n := range 21 {
		a := b.post(fmt.Sprint("/you/forms/", n), url.Values{"text": {"typed"}})
		if kept := strings.Contains(a.body, "What you typed is safe"); kept != (n < 20) {
			t.Errorf("form %d: kept %v: %s", n, kept, a.body)
		}
	}
	if a := b.post("/you/forms/3", url.Values{"text": {"newer"}}); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", a.StatusCode)
	}
	b.signIn(w.op, "/you", nil)
	if a := b.get("/you/forms/3"); !strings.Contains(a.body, "kept[newer]") {
		t.Error("a form that is kept already was not kept anew")
	}
}

// TestNumberIsNotKept: the number that a front desk typed is not kept with the rest of its form.
func TestNumberIsNotKept(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	w.advance(16 * time.Minute)
	b.post("/you/form", url.Values{"text": {"SAR-7"}, "number": {"2902400015"}})
	b.signIn(w.op, "/you", nil)
	if a := b.get("/you/form"); !strings.Contains(a.body, "kept[SAR-7]") || !strings.Contains(a.body, "number[]") {
		t.Error(a.body)
	}
}

// TestEndedIsSlowed: a session that is over gives nobody a way to ask without end.
func TestEndedIsSlowed(t *testing.T) {
	w := newWorld(t, func(c *signin.Config) { c.Limits.Requests = 0.001 })
	b := w.browser()
	b.signIn(w.op, "/you", nil)
	w.advance(16 * time.Minute)
	for range 100 {
		b.get("/")
	}
	if a := b.get("/"); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%d", a.StatusCode)
	}
}

// TestNoSessionWithoutIndex: a session that the provider could not end is not given to the browser.
func TestNoSessionWithoutIndex(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	asked := b.ask("/you")
	w.refuse("signin-index")
	back := w.op.grant(asked, func() string { return w.op.sign(w.op.claims(asked, nil)) })
	if a := b.get(back.String()); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if b.cookie("session") != "" {
		t.Error("the browser has a session")
	}
}

// TestLogoutIsNotLockedOut: however many sign in from an address, a provider there ends sessions.
func TestLogoutIsNotLockedOut(t *testing.T) {
	w := newWorld(t, func(c *signin.Config) { c.Limits.SignIns = 0.001 })
	b := w.browser()
	for range 61 {
		b.get("/sign-in/citizens")
	}
	if a := b.get("/sign-in/citizens"); a.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("signing in: %d", a.StatusCode)
	}
	if a := b.post("/sign-in/citizens/logout", url.Values{"logout_token": {"x"}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("signing out: %d", a.StatusCode)
	}
}
