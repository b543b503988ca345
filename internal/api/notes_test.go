package api

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/internal/client"
	"igledger/ledger/entry"
)

// noted has notes of every organisation, about accesses that tell whose note it is.
type noted struct{ many int }

func (n noted) Notes(_ context.Context, org, after string, most int) (list []client.Note, err error) {
	for i := range max(n.many, 1) {
		if jti := fmt.Sprintf("%s-%04d", org, i); jti > after && len(list) < most {
			list = append(list, client.Note{ID: jti, Status: "open", Steps: []client.NoteStep{{Status: "open", By: "Ailsa"}}})
		}
	}
	return list, nil
}

// notedBy reports whether an answer has the notes of org, and of nobody else.
func notedBy(body []byte, org string) bool {
	var page client.Notes
	return json.Unmarshal(body, &page) == nil && len(page.Notes) > 0 &&
		!slices.ContainsFunc(page.Notes, func(n client.Note) bool { return !strings.HasPrefix(n.ID, org+"-") })
}

// A client gets all notes, of however many pages. Without pages for officers there are none to
// keep, which is no empty list.
func TestNotes(t *testing.T) {
	w := newWorld(t)
	w.enrol("CTL2", entry.RoleController)
	key := w.addKey("CTL2", entry.PurposeAudit)
	for _, many := range []int{1, notesAtOnce, 2*notesAtOnce + 1} {
		w.server = httptest.NewServer(New(Config{Log: w.log, Notes: noted{many}}))
		t.Cleanup(w.server.Close)
		c := w.client(key, "CTL2")
		c.Purpose = []string{"HCOMPL"}
		list, err := c.Notes(t.Context())
		byID := func(a, b client.Note) int { return strings.Compare(a.ID, b.ID) }
		if err != nil || len(list) != many || !slices.IsSortedFunc(list, byID) {
			t.Errorf("%d of %d notes: %v", len(list), many, err)
		}
	}
	w.server = httptest.NewServer(New(Config{Log: w.log}))
	t.Cleanup(w.server.Close)
	c := w.client(key, "CTL2")
	c.Purpose = []string{"HCOMPL"}
	var p *client.Problem
	if _, err := c.Notes(t.Context()); !errors.As(err, &p) || p.Code() != notFound {
		t.Errorf("without pages: %v", err)
	}
}
