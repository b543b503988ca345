package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	paper "igledger/internal/web/paper/sealed"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// sealedLength is the shortest that sealed bytes can have.
const sealedLength = paper.NonceSize + 4096 + 16

// shelf keeps what the API hands over.
type shelf struct {
	id, desk string
	data     []byte
	err      error
}

func (s *shelf) KeepPaper(_ context.Context, id, desk string, data []byte) (string, time.Time, error) {
	s.id, s.desk, s.data = id, desk, data
	return publicURL + "/p/" + paper.ID(data), time.Date(2026, 12, 28, 0, 0, 0, 0, time.UTC), s.err
}

// A front desk hands over what it sealed, and learns where its code leads.
func TestKeepPaper(t *testing.T) {
	w := newWorld(t)
	kept := new(shelf)
	w.papers = kept
	w.enrol("DSK", entry.RoleFrontDesk)
	key := w.addKey("DSK", entry.PurposeFrontDesk)
	w.withIndex()
	desk := w.client(key, "DSK")
	data, _, err := paper.Seal(paper.Document{ID: person, Statement: []byte("{}")})
	w.ok(err)
	got, err := desk.KeepPaper(t.Context(), client.SealedPaper{ID: person, Sealed: wire.Encode64(data)})
	w.ok(err)
	if got.Address != publicURL+"/p/"+paper.ID(data) || got.Ends != "2026-12-28T00:00:00Z" || kept.id != person || kept.desk != "DSK" ||
		string(kept.data) != string(data) {
		t.Errorf("%+v, kept for %q by %q", got, kept.id, kept.desk)
	}

	auth := []string{"Authorization", "Bearer " + w.token(key, "DSK")}
	whole := wire.Encode64(data)
	for name, c := range map[string]struct{ id, sealed, code string }{
		"no id":                  {"", whole, "bad-id"},
		"a register":             {"reg:sources", whole, badRequest},
		"nothing":                {person, "", badRequest},
		"a statement in clear":   {person, wire.Encode64([]byte("{}")), badRequest},
		"no base64url":           {person, whole + "=", badRequest},
		"half of it":             {person, whole[:len(whole)/2], badRequest},
		"too much":               {person, strings.Repeat("A", maxPaper), tooLarge},
		"more codes than may be": {person, whole, tooManyPapers},
	} {
		kept.err = nil
		if c.code == tooManyPapers {
			kept.err = paper.ErrTooMany
		}
		if code := w.do("POST", "/v1/papers", `{"id":"`+c.id+`","sealed":"`+c.sealed+`"}`, auth...).problem(t); code != c.code {
			t.Errorf("%s: %s, want %s", name, code, c.code)
		}
	}
	w.papers = nil
	w.withIndex()
	if code := w.do("POST", "/v1/papers", `{"id":"`+person+`","sealed":"`+whole+`"}`, auth...).problem(t); code != notFound {
		t.Errorf("without pages: %s", code)
	}
}
