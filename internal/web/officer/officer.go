// Package officer has the pages of information governance officers: what their organisation has to
// look at, what it has agreed, and what it has asked for or decided.
//
// What it promises: an officer sees their own organisation's data and what is public. Another
// organisation's positions, ids and names in an address or a form are answered as if there were
// nothing. Every reading of reports and of accesses is an entry of the ledger first.
package officer

import (
	"log/slog"
	"net/http"

	"igledger/internal/web/door"
	"igledger/internal/web/shelf"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
)

// Deps is what the pages work with.
type Deps struct {
	Site   *ui.Site
	Door   *door.Door
	Signin *signin.Manager
	Shelf  *shelf.Shelf
	Logger *slog.Logger
	Public string // address of the pages as people have it: https://ledger.example
}

// Mount adds the pages of officers.
func Mount(mux *http.ServeMux, d Deps) error {
	d = d.orDefault()
	if err := mountWork(mux, d); err != nil {
		return err
	}
	return mountDeeds(mux, d)
}

// MountPublic adds the page of who shares with whom, for everybody. Site and Door are required.
func MountPublic(mux *http.ServeMux, d Deps) error {
	w, err := newWork(d.orDefault())
	if err == nil {
		mux.Handle("GET /register/sharing", w.page(w.sharing))
	}
	return err
}

func (d Deps) orDefault() Deps {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}
