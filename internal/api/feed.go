package api

import (
	"context"
	"net/http"

	"igledger/internal/readings"
	"igledger/ledger/proof"
	"igledger/policies/readers"
)

// feed is GET /v1/feed/{from}.
func (a *api) feed(w http.ResponseWriter, r *request) error {
	from, err := parseIndex(r.rest)
	if err != nil {
		return err
	}
	asked, err := askedOf(r.URL.Query()["purpose"], "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Bulk, asked)
	if err != nil {
		return err
	}
	size, err := a.log.Size(r.Context())
	if err != nil {
		return err
	}
	var body []byte
	if from < size {
		records, err := a.log.Feed(r.Context(), from, min(size-from, proof.MaxFeedRecords))
		if err != nil {
			return err
		}
		body = make([]byte, 0, len(records)*proof.FeedRecordSize)
		for _, rec := range records {
			body = proof.FeedRecord{TagSalt: rec.TagSalt, Tag: rec.Tag}.Append(body)
		}
	}
	if err := a.logBulkRead(r.Context(), rd); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, http.StatusOK, "application/octet-stream", body)
	return nil
}

// logBulkRead logs the first bulk read of an organisation in a day: see readings.Bulk. If it returns
// an error, nothing may be shown.
func (a *api) logBulkRead(ctx context.Context, rd readingOf) error {
	r := readings.Reading{Asked: rd.Asked, Extent: rd.extent, Org: rd.caller.Issuer, System: rd.caller.Subject}
	if err := a.bulk.Log(ctx, a.log, a.now(), r); err != nil {
		return a.unlogged("a reading", "the reading could not be logged, so nothing is shown", err)
	}
	return nil
}
