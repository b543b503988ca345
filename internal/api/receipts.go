package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"igledger/internal/client"
	"igledger/ledger"
)

// receipt is GET /v1/receipts/{index}, for the organisation that submitted the entry.
func (a *api) receipt(w http.ResponseWriter, r *request) error {
	index, err := parseIndex(r.rest)
	if err != nil {
		return err
	}
	under, err := wantedUnder(r.URL.Query())
	if err != nil {
		return err
	}
	iss, res, err := a.log.ReceiptAt(r.Context(), index, under)
	// Whose an erased entry was is not known, so only its jti, which its submitter knows, gets an
	// answer about it: see lookup.
	if iss != "" && !r.caller.reaches(iss) || errors.Is(err, ledger.ErrErased) {
		return &refusal{code: forbidden, detail: "the caller's organisation did not submit this entry"}
	}
	if err != nil {
		return err
	}
	return answer(w, res.Receipt)
}

// wantedUnder reads the parameter witnessed, which has no value.
func wantedUnder(query url.Values) (ledger.Under, error) {
	list, ok := query["witnessed"]
	switch {
	case !ok:
		return ledger.Newest, nil
	case len(list) != 1 || list[0] != "" && list[0] != "true":
		return 0, &refusal{code: badRequest, detail: "the parameter witnessed is given once, without a value or as true"}
	}
	return ledger.Witnessed, nil
}

// lookup is POST /v1/receipts/lookup: the caller's own entries by jti, for a source that lost its
// receipts or does not know which entries arrived.
func (a *api) lookup(w http.ResponseWriter, r *request) error {
	var body client.Lookup
	if err := a.decode(r, maxBody, "lookup", &body); err != nil {
		return err
	}
	if n := len(body.IDs); n == 0 || n > maxEntries {
		return &refusal{code: badRequest, detail: fmt.Sprintf("jti must have 1 to %d members, not %d", maxEntries, n)}
	}
	under := ledger.Newest
	if body.Witnessed {
		under = ledger.Witnessed
	}
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	results := make([]client.Result, len(body.IDs))
	for i, jti := range body.IDs {
		if u, err := uuid.Parse(jti); err != nil || u.String() != jti {
			results[i] = refused(&refusal{code: notFound, detail: "not a UUID in lower case with hyphens, so no entry has it"})
			continue
		}
		res, err := a.log.Receipt(r.Context(), r.caller.Issuer, jti, under)
		switch {
		case err == nil:
			results[i] = taken(rules, res)
		case errors.Is(err, ledger.ErrNotFound), errors.Is(err, ledger.ErrErased), errors.Is(err, ledger.ErrNotWitnessed):
			results[i] = refused(err)
		default:
			return err
		}
	}
	return answer(w, client.Results{Results: results})
}

// parseIndex reads a position in the log. Each position has exactly one spelling.
func parseIndex(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, &refusal{code: badRequest, detail: "the index must be a decimal number without leading zeros"}
	}
	return n, nil
}
