package officer

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/internal/web/signin"
	"igledger/internal/web/ui"
	"igledger/ledger"
	"igledger/policies/purpose"
	"igledger/policies/readers"
)

//go:embed work
var workFiles embed.FS

// work has the pages of what is to do and what is to be seen: lists, requests, reports, calendar
// and drawing.
type work struct {
	Deps
	room *ui.Room
}

func newWork(d Deps) (*work, error) {
	files, err := fs.Sub(workFiles, "work")
	if err != nil {
		return nil, err
	}
	room, err := d.Site.Room(files)
	if err != nil {
		return nil, fmt.Errorf("officer: %w", err)
	}
	return &work{d, room}, nil
}

func mountWork(mux *http.ServeMux, d Deps) error {
	w, err := newWork(d)
	if err != nil {
		return err
	}
	for _, p := range []struct {
		pattern string
		serve   handler
		may     []signin.Permission
		sure    bool // who signs something proves again who they are
	}{
		{"GET /officer", w.home, nil, false},
		{"GET /officer/work", w.lists, []signin.Permission{signin.Reports}, false},
		{"GET /officer/uncovered", w.list(uncovered), []signin.Permission{signin.Reports}, false},
		{"GET /officer/break-glass", w.list(breakGlass), []signin.Permission{signin.Reports}, false},
		{"GET /officer/attempts", w.list(attempts), []signin.Permission{signin.Reports}, false},
		{"GET /officer/uncovered.csv", w.listCSV(uncovered), []signin.Permission{signin.Reports}, false},
		{"GET /officer/break-glass.csv", w.listCSV(breakGlass), []signin.Permission{signin.Reports}, false},
		{"GET /officer/attempts.csv", w.listCSV(attempts), []signin.Permission{signin.Reports}, false},
		{"GET /officer/work/{index}", w.access, []signin.Permission{signin.Reports}, false},
		{"POST /officer/work/{index}", w.followUp, []signin.Permission{signin.Reports, signin.FollowUp}, false},
		{"GET /officer/reports", w.reports, []signin.Permission{signin.Reports}, false},
		{"GET /officer/reports.csv", w.reportsCSV, []signin.Permission{signin.Reports}, false},
		{"GET /officer/calendar", w.calendar, nil, false},
		{"GET /officer/calendar.ics", w.calendarFile, nil, false},
		{"POST /officer/calendar", w.calendarLink, nil, false},
		{"GET /officer/sharing", w.ownSharing, nil, false},
		{"GET /officer/requests", w.requests, nil, false},
		{"GET /officer/requests/{id}", w.request, nil, false},
		{"GET /officer/request", w.newRequest, []signin.Permission{signin.Agreements}, true},
		{"POST /officer/request", w.ask, []signin.Permission{signin.Agreements}, true},
		{"GET /officer/requests/{id}/decide", w.newDecision, []signin.Permission{signin.Agreements}, true},
		{"POST /officer/requests/{id}/decide", w.decide, []signin.Permission{signin.Agreements}, true},
	} {
		var h http.Handler = w.page(p.serve)
		if p.sure {
			h = d.Signin.StepUp(h)
		}
		mux.Handle(p.pattern, d.Signin.Need(signin.Staff, p.may...)(h))
	}
	mux.Handle("GET /calendar/{file}", w.page(w.subscribed)) // without signing in: the address is the key
	return nil
}

// handler answers a request, or returns why it cannot.
type handler func(http.ResponseWriter, *http.Request) error

func (w *work) page(serve handler) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		if err := serve(rw, r); err != nil {
			w.fail(rw, r, err)
		}
	}
}

// errNotFound stands for what is not there and for what is another organisation's.
var errNotFound = errors.New("not found")

// fail answers with the page of a problem.
func (w *work) fail(rw http.ResponseWriter, r *http.Request, err error) {
	var denied readers.Denied
	var full *ledger.BusyError
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, door.ErrNotFound):
		w.Site.Problem(rw, r, http.StatusNotFound, "not-found")
	case errors.As(err, &denied):
		w.Logger.Warn("request refused", "why", denied.Error(), "pattern", r.Pattern)
		w.Site.Problem(rw, r, http.StatusForbidden, "forbidden")
	case errors.As(err, &full):
		rw.Header().Set("Retry-After", strconv.Itoa(max(1, int(full.RetryAfter.Seconds()))))
		w.Site.Problem(rw, r, http.StatusServiceUnavailable, "busy")
	case r.Context().Err() != nil: // the reader went away
	default:
		w.Logger.Error("page failed", "pattern", r.Pattern, "error", err)
		rw.Header().Set("Retry-After", "30")
		w.Site.Problem(rw, r, http.StatusServiceUnavailable, "away")
	}
}

// render answers with a page. What goes wrong has been answered and logged by then.
func (w *work) render(rw http.ResponseWriter, r *http.Request, status int, name string, p ui.Page) error {
	_ = w.room.Render(rw, r, status, name, p)
	return nil
}

// reader is who reads reports: to see that the rules are kept.
func reader(u *signin.User) door.Reader {
	return door.Reader{Org: u.Org, Staff: &u.Staff, Purpose: []string{"HCOMPL"}, Session: u.Session}
}

// now is the time in the zone of the pages.
func (w *work) now() time.Time { return w.Door.Now().In(w.Door.Zone()) }

// words are the words of a page, with those of the ledger's facts.
type words struct {
	*ui.Words
	work *work
}

func (w *work) words(r *http.Request) words { return words{w.room.Words(r), w} }

// use returns what a purpose of use is called by those who work: "Care".
func (l words) use(code string) string {
	code = purpose.Code(code)
	if code == "" {
		return l.Text("use.none")
	}
	if key := plain.Key("use." + code); l.Has(key) {
		return l.Text(key)
	}
	if text, ok := plain.In(l.Language()).Purpose(code); ok {
		return upper(text)
	}
	return code
}

func (l words) uses(codes []string) string {
	if len(codes) == 0 {
		return l.use("")
	}
	list := make([]string, len(codes))
	for i, c := range codes {
		list[i] = l.use(c)
	}
	return strings.Join(slices.Compact(list), ", ")
}

// upper returns text with a capital.
func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// org returns the name of an organisation.
func (l words) org(id string) string {
	if id == "" {
		return l.Text("org.unknown")
	}
	return l.work.Door.OrgName(id)
}

func (l words) orgs(ids []string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = l.org(id)
	}
	return strings.Join(list, ", ")
}

// month returns the words for a month such as "2026-11".
func (l words) month(month string) string {
	t, err := time.ParseInLocation("2006-01", month, l.work.Door.Zone())
	if err != nil {
		return month
	}
	return l.Month(t)
}

// rules returns the rules of the log as they are now.
func (w *work) rules(ctx context.Context) (*consent.Rules, error) { return w.Door.Rules(ctx) }

// sendCSV answers with a table to be saved. Cells that a spreadsheet would take for a formula are
// marked as text.
func sendCSV(rw http.ResponseWriter, name string, rows [][]string) error {
	h := rw.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	c := csv.NewWriter(rw)
	c.UseCRLF = true
	for _, row := range rows {
		for i, cell := range row {
			row[i] = plain.Cell(cell)
		}
		if err := c.Write(row); err != nil {
			return nil // the reader went away
		}
	}
	c.Flush()
	return nil
}

// choice is one of the values of a filter.
type choice struct {
	Value, Text string
	Chosen      bool
}

// choices returns the values of a filter with the chosen one marked. all is the words for no
// choice.
func choices(all, chosen string, values []string, text func(string) string) []choice {
	list := []choice{{"", all, chosen == ""}}
	for _, v := range values {
		list = append(list, choice{v, text(v), v == chosen})
	}
	return list
}
