package officer

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"igledger/audit/plain"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
)

// A calendar program cannot sign in, so it gets an address that is a secret: whoever has it sees
// the days of one organisation's agreements, which are public, and nothing of a person. Its officer
// can revoke it, and it ends by itself.
const (
	linkShelf  = "officer-calendar"     // by blinded secret: whose it is
	ownerShelf = "officer-calendar-own" // by blinded officer: their secret
	linkLife   = 400 * 24 * time.Hour
)

// link is what an address stands for. It works only as long as it is its owner's newest.
type link struct {
	Org   string `json:"org"`
	Owner string `json:"owner"` // key on ownerShelf
}

func (w *work) ownerKey(u *signin.User) string {
	return w.Shelf.Blind("calendar owner", u.Org, u.Issuer, u.Subject)
}

func (w *work) linkKey(secret string) string { return w.Shelf.Blind("calendar secret", secret) }

func (w *work) secret(ctx context.Context, u *signin.User) (string, error) {
	secret, err := w.Shelf.Get(ctx, ownerShelf, w.ownerKey(u))
	if errors.Is(err, shelf.ErrNotFound) {
		return "", nil
	}
	return string(secret), err
}

// ownLink returns the address of an officer's subscription, or "".
func (w *work) ownLink(ctx context.Context, u *signin.User) (string, error) {
	secret, err := w.secret(ctx, u)
	if err != nil || secret == "" {
		return "", err
	}
	return strings.TrimSuffix(w.Public, "/") + "/calendar/" + secret + ".ics", nil
}

// calendarLink is POST /officer/calendar: it makes a new address, or only ends the old one.
func (w *work) calendarLink(rw http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		w.Site.Problem(rw, r, http.StatusBadRequest, "form")
		return nil
	}
	u, ctx := signin.From(r.Context()), r.Context()
	old, err := w.secret(ctx, u)
	if err != nil {
		return err
	}
	// What an address stands for is no use without its owner's row, which therefore is written last
	// and deleted first: whatever fails in between, a page shows no address that does not work, and
	// no address works that no page shows.
	forget := func() {
		if err := w.Shelf.Delete(ctx, linkShelf, w.linkKey(old)); err != nil {
			w.Logger.Error("an address that no longer works cannot be deleted", "pattern", r.Pattern, "error", err)
		}
	}
	if r.PostForm.Get("do") == "revoke" {
		if err := w.Shelf.Delete(ctx, ownerShelf, w.ownerKey(u)); err != nil {
			return err
		}
		forget()
		http.Redirect(rw, r, "/officer/calendar?done=revoked", http.StatusSeeOther)
		return nil
	}
	secret, end := rand.Text()+rand.Text(), w.Door.Now().Add(linkLife)
	value, err := json.Marshal(link{u.Org, w.ownerKey(u)})
	if err == nil {
		err = w.Shelf.Put(ctx, linkShelf, w.linkKey(secret), value, end)
	}
	if err == nil {
		err = w.Shelf.Put(ctx, ownerShelf, w.ownerKey(u), []byte(secret), end)
	}
	if err != nil {
		return err
	}
	forget()
	http.Redirect(rw, r, "/officer/calendar?done=made", http.StatusSeeOther)
	return nil
}

// subscribed is GET /calendar/{file}, for calendar programs.
func (w *work) subscribed(rw http.ResponseWriter, r *http.Request) error {
	secret, ok := strings.CutSuffix(r.PathValue("file"), ".ics")
	if !ok || len(secret) > 128 {
		return errNotFound
	}
	value, err := w.Shelf.Get(r.Context(), linkShelf, w.linkKey(secret))
	if errors.Is(err, shelf.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	var l link
	if err := json.Unmarshal(value, &l); err != nil {
		return err
	}
	newest, err := w.Shelf.Get(r.Context(), ownerShelf, l.Owner)
	if errors.Is(err, shelf.ErrNotFound) || err == nil && string(newest) != secret {
		return errNotFound
	}
	if err != nil {
		return err
	}
	return w.sendCalendar(rw, r, l.Org)
}

// calendarFile is GET /officer/calendar.ics, for who is signed in.
func (w *work) calendarFile(rw http.ResponseWriter, r *http.Request) error {
	rw.Header().Set("Content-Disposition", `attachment; filename="agreements.ics"`)
	return w.sendCalendar(rw, r, signin.From(r.Context()).Org)
}

func (w *work) sendCalendar(rw http.ResponseWriter, r *http.Request, org string) error {
	rules, err := w.rules(r.Context())
	if err != nil {
		return err
	}
	words, now := w.words(r), w.now()
	c := ics.NewCalendar()
	c.SetProductId("-//igledger//agreements//" + strings.ToUpper(string(words.Language())))
	c.SetMethod(ics.MethodPublish)
	c.SetName(words.Text("calendar.name", "org", words.org(org)))
	c.SetXWRCalName(words.Text("calendar.name", "org", words.org(org)))
	c.SetRefreshInterval("P1D")
	for _, d := range dates(rules.Agreements(), org, now) {
		e := c.AddEvent(d.Kind + "-" + d.Text.ID + "-" + strconv.FormatUint(d.Text.Version, 10) + "@" + w.Door.Log().Origin())
		e.SetDtStampTime(now)
		e.SetAllDayStartAt(d.Day)
		e.SetAllDayEndAt(d.Day.AddDate(0, 0, 1))
		e.SetSummary(words.Text(plain.Key("date."+d.Kind)) + ": " + d.Text.Title)
		e.SetDescription(words.Text("calendar.event", "id", d.Text.ID, "version", strconv.FormatUint(d.Text.Version, 10),
			"parties", words.orgs(d.Text.Organisations()), "state", words.Text(plain.Key("state."+string(d.State)))))
		if w.Public != "" {
			e.SetURL(strings.TrimSuffix(w.Public, "/") + "/register/agreements/" + d.Text.ID)
		}
		e.SetTimeTransparency(ics.TransparencyTransparent)
	}
	h := rw.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	_, _ = rw.Write([]byte(c.Serialize(ics.WithNewLineWindows))) // it fails only if the reader went away
	return nil
}
