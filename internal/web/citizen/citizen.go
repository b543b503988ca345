// Package citizen is the room of pages for a person who signed in: who used their record, what they
// chose, who acts for them, what they were told.
//
// What it promises: a page shows nothing but the person's own, or what a delegation in force lets
// them see of somebody else's. Another's access answers like one that does not exist. No person's
// number is in an address, and nothing of a person is in a log line.
package citizen

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"igledger/internal/web/door"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/ledger/storage"
)

//go:embed *.html *.properties
var files embed.FS

// Deps is what the room works with.
type Deps struct {
	Site   *ui.Site
	Door   *door.Door
	Signin *signin.Manager
	Shelf  *shelf.Shelf // of what is kept between two requests
	Brand  ui.Brand     // whom to ask, and where to complain
	Zone   *time.Location
	Logger *slog.Logger
	// Choices is the organisation that records what people choose here, with a key that the server
	// holds. Without it they are told whom to ask.
	Choices string
	Public  string // address of the pages: https://ledger.example.scot
	// RolesOnly leaves the names of staff out of pages and shows their roles. Statements have both.
	RolesOnly bool
}

// pages are the handlers of the room.
type pages struct {
	Deps
	room *ui.Room
}

// Mount adds the pages to mux. Signin.Wrap has to be around mux.
func Mount(mux *http.ServeMux, d Deps) error {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Zone == nil {
		d.Zone = time.UTC
		if zone, err := time.LoadLocation("Europe/London"); err == nil {
			d.Zone = zone
		}
	}
	room, err := d.Site.Room(files)
	if err != nil {
		return err
	}
	p := &pages{Deps: d, room: room}
	p.handle(mux, "GET /you", p.list)
	p.handle(mux, "GET /you/access/{index}", p.access)
	p.handle(mux, "GET /you/for/{n}", p.list)
	p.handle(mux, "GET /you/for/{n}/access/{index}", p.access)
	p.mountChoices(mux)
	p.mountPeople(mux)
	p.mountDownloads(mux)
	return nil
}

// handle adds a page for citizens who signed in. What its handler returns is answered by fail.
func (p *pages) handle(mux *http.ServeMux, pattern string, h func(http.ResponseWriter, *http.Request) error) {
	mux.Handle(pattern, p.Signin.Need(signin.Citizen)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			p.fail(w, r, err)
		}
	})))
}

// errNotFound answers as for a page that does not exist: also for what is another's.
var errNotFound = errors.New("there is no such page of this person")

// fail answers with what went wrong, and logs what is our fault.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var busy *ledger.BusyError
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, door.ErrNotYours):
		p.Site.Problem(w, r, http.StatusNotFound, "not-found")
	case errors.Is(err, context.Canceled), errors.Is(err, ui.ErrAnswered): // the reader went away, or knows
	case errors.Is(err, ledger.ErrTooMany):
		p.Site.Problem(w, r, http.StatusRequestEntityTooLarge, "history-too-long")
	case errors.As(err, &busy), errors.Is(err, storage.ErrUnavailable), errors.Is(err, door.ErrUnlogged),
		errors.Is(err, context.DeadlineExceeded):
		p.Logger.Error("a page of a citizen is not available", "page", r.Pattern, "error", err)
		w.Header().Set("Retry-After", "30")
		p.Site.Problem(w, r, http.StatusServiceUnavailable, "away")
	default:
		p.Logger.Error("a page of a citizen failed", "page", r.Pattern, "error", err)
		p.Site.Problem(w, r, http.StatusInternalServerError, "500")
	}
}

// subject is whose history a page shows.
type subject struct {
	reader door.Reader
	id     string    // never in an address
	acting *door.For // the delegation, if it is another's history
	base   string    // of the addresses of its pages
	under  []string  // the delegations under which it is read: of each number of the person one
}

// subject returns whose history a request is for: the user's own, or by {n} that of a person for
// whom they act.
func (p *pages) subject(r *http.Request) (*subject, error) {
	u := signin.From(r.Context())
	s := &subject{
		reader: door.Reader{Person: true, ID: u.ID, Session: u.Session}, id: u.ID, base: "/you",
	}
	n := r.PathValue("n")
	if n == "" {
		return s, nil
	}
	index, ok := parseIndex(n)
	if !ok {
		return nil, errNotFound
	}
	list, err := p.Door.ActsFor(r.Context(), u.ID)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if f := &list[i]; f.Index == index {
			s.id, s.acting, s.reader.Delegation, s.base = f.ID, f, f.Held.ID, "/you/for/"+n
			return s, nil
		}
	}
	return nil, errNotFound
}

// history returns the history of the subject of a request. The reading is in the log.
func (p *pages) history(r *http.Request) (*subject, *door.History, error) {
	s, err := p.subject(r)
	if err != nil {
		return nil, nil, err
	}
	h, err := p.Door.History(r.Context(), s.reader, s.id)
	if err != nil {
		return nil, nil, err
	}
	s.under = h.Under
	return s, h, nil
}
