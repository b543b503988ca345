package api

import (
	"errors"
	"net/http"

	"igledger/internal/client"
	"igledger/ledger"
)

// cosignatures is POST /v1/cosignatures. Anyone may send them, because only lines that verify are
// kept. Nothing is looked up until the log's own signature on the note has verified, so that
// strangers cannot cause database reads.
func (a *api) cosignatures(w http.ResponseWriter, r *request) error {
	note, err := a.body(r, maxBody, "text/plain")
	if err != nil {
		return err
	}
	names, err := a.log.AddCosignatures(r.Context(), note)
	for _, c := range []struct {
		err  error
		code string
	}{
		{ledger.ErrForeign, badCheckpoint},
		{ledger.ErrFork, inconsistentCheckpoint},
		{ledger.ErrBadCosignature, badCosignature},
		{ledger.ErrNoCosigner, unknownCosigner},
	} {
		if errors.Is(err, c.err) {
			return &refusal{code: c.code, detail: err.Error()}
		}
	}
	if err != nil {
		return err
	}
	return answer(w, client.Cosigners{Cosigners: names})
}
