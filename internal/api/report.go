package api

import (
	"cmp"
	"errors"
	"net/http"

	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/policies/readers"
)

// report is POST /v1/reports: see package report.
func (a *api) report(w http.ResponseWriter, r *request) error {
	var body client.ReportRequest
	if err := a.decode(r, maxBody, "report request", &body); err != nil {
		return err
	}
	if _, err := report.Check(&body); err != nil {
		return refuseReport(err)
	}
	asked, err := askedOf(body.Purpose, "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Report, asked)
	if err != nil {
		return err
	}
	if rd.extent == readers.Own {
		body.Organisation = cmp.Or(body.Organisation, r.caller.Issuer)
		if body.Organisation != r.caller.Issuer {
			return &refusal{code: forbidden, detail: "only auditors may read reports on other organisations"}
		}
	}
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	out, err := a.reports.Make(r.Context(), rules, report.Reader{Org: r.caller.Issuer, Extent: rd.extent}, &body)
	if err != nil {
		return refuseReport(err)
	}
	if body.Kind != client.Due { // agreements are public
		if err := a.logBulkRead(r.Context(), rd); err != nil {
			return err
		}
	}
	return answer(w, out)
}

// refuseReport returns the refusal of a report that cannot be made, or err itself.
func refuseReport(err error) error {
	var invalid report.Invalid
	switch {
	case errors.As(err, &invalid):
		return &refusal{code: badRequest, detail: invalid.Error()}
	case errors.Is(err, report.ErrBusy):
		return &refusal{code: busy, detail: err.Error()}
	}
	return err
}
