// Package paper is the room of pages for paper: the list and each access to print, a code on it that
// opens the same list for whoever holds it, the front desk that prints for those who ask there, and
// its post.
//
// What it promises: the server that keeps what a code opens cannot read it, because it is sealed in
// the browser under a key that only the code has. A code works until its day, or until the person
// takes it back. A number that is typed at the desk is in no address, no log and no page, and another
// desk's or person's papers and jobs answer as if they did not exist.
package paper

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"igledger/audit/statement"
	"igledger/internal/web/door"
	"igledger/internal/web/paper/sealed"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/storage"
)

//go:embed *.html *.properties
var files embed.FS

// Deps is what the room works with.
type Deps struct {
	Site   *ui.Site
	Door   *door.Door
	Signin *signin.Manager
	Shelf  *shelf.Shelf
	// Policy is the operator's trust policy, which the page of a code brings for its check.
	Policy string
	Public string        // address of the pages, for the code of the policy
	Brand  ui.Brand      // whom to telephone
	Life   time.Duration // of a code; zero: Life
	Now    func() time.Time
	Logger *slog.Logger
	// Peer returns who asks, so that one who asks too often is slowed down. It may return "".
	Peer func(*http.Request) string
}

// pages are the handlers of the room.
type pages struct {
	Deps
	room  *ui.Room
	store *Store
	paced *paced
}

// Mount adds the pages to mux. Signin.Wrap has to be around mux.
func Mount(mux *http.ServeMux, d Deps) error {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Peer == nil {
		d.Peer = func(*http.Request) string { return "" }
	}
	d.Life = cmp.Or(d.Life, Life)
	room, err := d.Site.Room(files)
	if err != nil {
		return err
	}
	p := &pages{Deps: d, room: room, store: NewStore(d.Shelf, d.Life, d.Now), paced: newPaced()}
	everybody := func(h http.Handler) http.Handler { return h }
	citizen, desk := d.Signin.Need(signin.Citizen), d.Signin.Need(signin.Staff, signin.FrontDesk)
	for _, route := range []struct {
		pattern string
		may     func(http.Handler) http.Handler
		handler func(http.ResponseWriter, *http.Request) error
	}{
		{"GET /p/{id}", everybody, p.stranger},
		{"GET /p/{id}/sealed", everybody, p.sealedBytes},

		{"GET /you/print", citizen, p.printList},
		{"GET /you/print/{index}", citizen, p.printAccess},
		{"POST /you/print/statement", citizen, p.statement},
		{"GET /you/papers", citizen, p.papers},
		{"POST /you/papers", citizen, p.keep},
		{"POST /you/papers/{id}/take-back", citizen, p.takeBack},

		{"GET /desk", desk, p.desk},
		{"POST /desk", desk, p.ask},
		{"GET /desk/visit/{visit}", desk, p.visit},
		{"POST /desk/visit/{visit}/statement", desk, p.statement},
		{"POST /desk/visit/{visit}/papers", desk, p.keep},
		{"POST /desk/visit/{visit}/papers/{id}/take-back", desk, p.takeBack},
		{"POST /desk/visit/{visit}/post", desk, p.addJob},
		{"POST /desk/visit/{visit}/end", desk, p.endVisit},
		{"GET /desk/post", desk, p.post},
		{"GET /desk/post/{job}", desk, p.label},
		{"POST /desk/post/{job}/posted", desk, p.posted},
		{"POST /desk/post/{job}/remove", desk, p.removeJob},
	} {
		mux.Handle(route.pattern, route.may(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := route.handler(w, r); err != nil {
				p.fail(w, r, err)
			}
		})))
	}
	return nil
}

// errNotFound answers as for a page that does not exist: also for what is another's.
var errNotFound = errors.New("there is no such page for this user")

// fail answers with what went wrong, and logs what is our fault.
func (p *pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	var busy *ledger.BusyError
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, ErrNone), errors.Is(err, door.ErrNotYours), errors.Is(err, statement.ErrNotFound):
		p.Site.Problem(w, r, http.StatusNotFound, "not-found")
	case errors.Is(err, ErrEnded), errors.Is(err, ErrTakenBack):
		p.Site.Problem(w, r, http.StatusGone, "gone")
	case errors.Is(err, ledger.ErrErased): // what proves that a list is whole shows all of it
		p.Site.Problem(w, r, http.StatusGone, "erased")
	case errors.Is(err, context.Canceled): // the reader went away
	case errors.Is(err, sealed.ErrTooMany):
		p.Site.Problem(w, r, http.StatusConflict, "too-many-codes")
	case errors.Is(err, ledger.ErrTooMany), errors.Is(err, sealed.ErrTooLarge):
		p.Site.Problem(w, r, http.StatusRequestEntityTooLarge, "history-too-long")
	case errors.As(err, &busy), errors.Is(err, storage.ErrUnavailable), errors.Is(err, door.ErrUnlogged),
		errors.Is(err, statement.ErrNotReady), errors.Is(err, context.DeadlineExceeded):
		p.Logger.Error("a page about paper is not available", "page", r.Pattern, "error", err)
		w.Header().Set("Retry-After", "30")
		p.Site.Problem(w, r, http.StatusServiceUnavailable, "away")
	default:
		p.Logger.Error("a page about paper failed", "page", r.Pattern, "error", err)
		p.Site.Problem(w, r, http.StatusInternalServerError, "500")
	}
}

// asking is whose list a request is about, and who reads it: a citizen their own, or the front desk
// that of the person in front of it.
type asking struct {
	reader door.Reader
	id     string // never in an address
	desk   string // the organisation whose desk it is; "": the person is there themselves
	base   string // of the addresses to which scripts send
	visit  *visit
}

func (p *pages) asking(r *http.Request) (*asking, error) {
	u := signin.From(r.Context())
	if u.Kind == signin.Citizen {
		if !strings.HasPrefix(r.URL.Path, "/you/") {
			return nil, errNotFound
		}
		return &asking{reader: door.Reader{Person: true, ID: u.ID, Session: u.Session}, id: u.ID, base: "/you"}, nil
	}
	v, err := p.openVisit(r)
	if err != nil {
		return nil, err
	}
	return v.asking(r.PathValue("visit"), u), nil
}

func deskReader(u *signin.User, request string, identity entry.Identity) door.Reader {
	return door.Reader{
		Org: u.Org, Staff: &u.Staff, Session: u.Session, Purpose: []string{"PATRQT"}, Request: request, Identity: identity,
	}
}
