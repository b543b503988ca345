package api

import (
	"net/http"

	"github.com/go-json-experiment/json"

	"igledger/internal/client"
	"igledger/policies/readers"
)

// openingsAtOnce is the number of leaves that are read at once, and so the most that are held in
// memory beyond a full page.
const openingsAtOnce = 32

// openings is GET /v1/openings: the openings of many leaves, for auditors who recompute every
// verdict. The answer has a line of JSON for each leaf, null for a public one.
func (a *api) openings(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	from, err := parseIndex(q.Get("from"))
	if err != nil {
		return err
	}
	asked, err := askedOf(q["purpose"], "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Bulk, asked)
	if err != nil {
		return err
	}
	var body []byte
	for n := uint64(0); n < client.MaxOpenings && len(body) < maxPage; n += openingsAtOnce {
		list, err := a.log.Openings(r.Context(), from+n, openingsAtOnce)
		if err != nil {
			return err
		}
		for _, o := range list {
			line, err := json.Marshal(o)
			if err != nil {
				return err
			}
			body = append(append(body, line...), '\n')
		}
		if len(list) < openingsAtOnce {
			break
		}
	}
	if err := a.logBulkRead(r.Context(), rd); err != nil {
		return err
	}
	write(w, http.StatusOK, "application/jsonl", body)
	return nil
}
