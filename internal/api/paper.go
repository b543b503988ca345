package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"igledger/internal/client"
	paper "igledger/internal/web/paper/sealed"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Papers keeps sealed statements for whoever has their code.
type Papers interface {
	// KeepPaper keeps what a front desk of an organisation sealed for a person, and returns the address
	// to which the code leads. If the person has as many codes as they may, it returns
	// paper.ErrTooMany; if nothing is kept here, paper.ErrNotKept.
	KeepPaper(ctx context.Context, id, desk string, data []byte) (address string, ends time.Time, err error)
}

// maxPaper is a sealed statement in base64url, with what is around it.
const maxPaper = paper.MaxSize/3*4 + 4<<10

// keepPaper is POST /v1/papers. Nothing of the person is read here: the desk has the statement.
func (a *api) keepPaper(w http.ResponseWriter, r *request) error {
	var body client.SealedPaper
	if err := a.decode(r, maxPaper, "sealed statement", &body); err != nil {
		return err
	}
	if err := entry.CheckID(body.ID); err != nil {
		return refuse(err)
	}
	var data wire.Bytes
	if err := data.UnmarshalText([]byte(body.Sealed)); err != nil || !paper.Plausible(data) || entry.IsRegister(body.ID) {
		return &refusal{code: badRequest, detail: "this is no sealed statement of a person"}
	}
	address, ends, err := "", time.Time{}, error(paper.ErrNotKept)
	if a.papers != nil {
		address, ends, err = a.papers.KeepPaper(r.Context(), body.ID, r.caller.org.ID, data)
	}
	if errors.Is(err, paper.ErrNotKept) {
		return &refusal{code: notFound, detail: "this ledger has no pages for people who sign in, so it keeps no codes"}
	}
	if errors.Is(err, paper.ErrTooMany) {
		return &refusal{code: tooManyPapers}
	}
	if errors.Is(err, paper.ErrForm) {
		return &refusal{code: badRequest, detail: "these bytes are another person's"}
	}
	if err != nil {
		return err
	}
	return answer(w, client.KeptPaper{Address: address, Ends: ends.UTC().Format(time.RFC3339)})
}
