package api

import (
	"context"
	"errors"
	"net/http"

	"igledger/internal/client"
	"igledger/ledger/wire"
	"igledger/policies/readers"
)

// Notes has what officers noted on the pages about accesses that stand out.
type Notes interface {
	// Notes returns what an organisation noted, by the jti of the access: at most so many, of those
	// after a jti. If there are no pages on which anybody could, it returns ErrNoNotes.
	Notes(ctx context.Context, org, after string, most int) ([]client.Note, error)
}

// ErrNoNotes says that there are no pages for people who sign in.
var ErrNoNotes = errors.New("there are no pages for people who sign in")

// notesAtOnce bounds a page. A note has at most some hundred kilobytes, and nearly always less than
// one.
const notesAtOnce = 100

// notes is GET /v1/notes.
func (a *api) notes(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	after := q.Get("after")
	if len(after) > 128 || after != "" && !wire.Printable(after) {
		return &refusal{code: badRequest, detail: "after must be the next of another page"}
	}
	asked, err := askedOf(q["purpose"], "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Note, asked)
	if err != nil {
		return err
	}
	list, err := []client.Note(nil), ErrNoNotes
	if a.officers != nil {
		list, err = a.officers.Notes(r.Context(), r.caller.org.ID, after, notesAtOnce)
	}
	if errors.Is(err, ErrNoNotes) {
		return &refusal{code: notFound, detail: "this ledger has no pages for people who sign in, so it keeps no notes"}
	}
	if err != nil {
		return err
	}
	if err := a.logBulkRead(r.Context(), rd); err != nil {
		return err
	}
	page := client.Notes{Notes: append([]client.Note{}, list...)}
	if len(list) == notesAtOnce {
		page.Next = list[len(list)-1].ID
	}
	return answer(w, page)
}
