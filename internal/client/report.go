package client

import (
	"cmp"
	"context"
	"net/http"
	"slices"
)

// ReportKind is what a report is about.
type ReportKind string

// The reports.
const (
	Uncovered  ReportKind = "uncovered"   // accesses that no rule covers
	BreakGlass ReportKind = "break-glass" // emergency overrides that nobody followed up
	Due        ReportKind = "due"         // agreements to be reviewed or about to end
	Drift      ReportKind = "drift"       // purposes, data and roles of accesses that the agreement they name does not list
)

// FollowUp begins the words by which an access says that it follows up another: "follow-up of " and the jti of that one, in the disclosure text, as why or
// justification. It is a later access by the same organisation to the same person's record, for looking at it is what following up takes.
const FollowUp = "follow-up of "

// ReportRequest is the body of POST /v1/reports.
type ReportRequest struct {
	Kind         ReportKind `json:"kind" enum:"uncovered,break-glass,due,drift" doc:"What the report is about"`
	Organisation string     `json:"organisation,omitempty" doc:"Accesses by this organisation or to records that it holds; for due, agreements it is a party of. Absent: an auditor's covers all, another's its own" example:"NHS-HIGHLAND"`
	From         string     `json:"from,omitempty" doc:"RFC 3339: accesses that the ledger took from then on; absent: from the first" example:"2026-11-01T00:00:00Z"`
	To           string     `json:"to,omitempty" doc:"RFC 3339: and before; absent: to the newest" example:"2026-12-01T00:00:00Z"`
	Within       int        `json:"within,omitzero" minimum:"0" maximum:"3660" doc:"Of due: days; 0 or absent means 90"`
	After        uint64     `json:"after,omitzero" doc:"Next of the page before"`
	Purpose      []string   `json:"purpose,omitempty" maxItems:"8" doc:"Why the caller reads: PurposeOfUse codes (v3-ActReason). Stands in the access entry that this reading becomes" example:"[\"HCOMPL\"]"`
}

// Report is one page of a report. There is no person and no member of staff in it.
type Report struct {
	Kind         ReportKind       `json:"kind" enum:"uncovered,break-glass,due,drift" doc:"What the report is about"`
	Organisation string           `json:"organisation,omitempty" doc:"Of which organisation; absent: of all"`
	At           string           `json:"at" doc:"RFC 3339, by the ledger's clock"`
	Seen         uint64           `json:"seen" doc:"Accesses of the period and organisation that were looked at for this page"`
	Accesses     []ReportedAccess `json:"accesses,omitempty" doc:"Of uncovered and break-glass, in the order of the log"`
	Due          []DueAgreement   `json:"due,omitempty" doc:"Of due, the most pressing first"`
	Drift        []DriftFinding   `json:"drift,omitempty" doc:"Of drift, by agreement; counts are of this page"`
	Next         uint64           `json:"next,omitzero" doc:"Pass as after to go on; absent at the end"`
}

// ReportedAccess is an access without whose record it was and who made it.
type ReportedAccess struct {
	Index        uint64       `json:"index" doc:"Position in the log"`
	ID           string       `json:"jti" doc:"Its jti, which a follow-up names"`
	Received     string       `json:"received" doc:"RFC 3339, when the ledger took it"`
	At           string       `json:"at" doc:"RFC 3339, when it happened by the source's claim"`
	Organisation string       `json:"organisation" doc:"Organisation that accessed"`
	Holder       string       `json:"holder" doc:"Organisation that holds the record and reported it"`
	Source       string       `json:"source" doc:"Reporting system"`
	System       string       `json:"system,omitempty" doc:"System through which it accessed"`
	Action       string       `json:"action" enum:"C,R,U,D,E" doc:"FHIR AuditEvent.action"`
	Data         []string     `json:"data,omitempty" doc:"Categories of data, system|code"`
	Purpose      []string     `json:"purpose,omitempty" doc:"PurposeOfUse codes"`
	Role         []string     `json:"role,omitempty" doc:"Roles of the human user"`
	Machine      bool         `json:"machine,omitzero" doc:"No human behind it"`
	Verdict      PlainVerdict `json:"verdict" doc:"What policy said of it"`
}

// DueAgreement is an agreement on which somebody has to act.
type DueAgreement struct {
	ID        string   `json:"id" doc:"Id of the agreement"`
	Title     string   `json:"title" doc:"Title"`
	Version   uint64   `json:"version" doc:"The version that stands"`
	State     string   `json:"state" doc:"Its state"`
	Parties   []string `json:"parties" doc:"Organisation ids"`
	ReviewDue string   `json:"reviewDue" doc:"Day by which it is to be reviewed"`
	End       string   `json:"end" doc:"Last day"`
	Overdue   bool     `json:"overdue,omitzero" doc:"That day has passed"`
}

// DriftFinding is a code that accesses under an agreement had and that the agreement does not list.
type DriftFinding struct {
	Agreement    string `json:"agreement" doc:"Id of the agreement that the accesses named"`
	Version      uint64 `json:"version" doc:"The version that stood then"`
	Organisation string `json:"organisation" doc:"Organisation that accessed"`
	Field        string `json:"field" enum:"purpose,data,role" doc:"What does not fit"`
	Code         string `json:"code" doc:"The code; empty: none was stated though the agreement limits it"`
	Count        uint64 `json:"count" doc:"Accesses"`
	First        uint64 `json:"first" doc:"Position of the first in the log"`
	Last         uint64 `json:"last" doc:"Position of the last"`
}

// Report gives a whole report, all pages together. Its first reading of a day that looks into accesses is itself logged as an access about everyone before the
// answer is given. The purposes of Client stand in for those of q if it has none.
func (c *Client) Report(ctx context.Context, q ReportRequest) (*Report, error) {
	if q.Purpose == nil {
		q.Purpose = c.Purpose
	}
	var all *Report
	for {
		page, err := get[Report](ctx, c, request{method: http.MethodPost, path: "/v1/reports", token: true, body: q})
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = page
		} else {
			all.Seen += page.Seen
			all.Accesses = append(all.Accesses, page.Accesses...)
			all.Drift = mergeDrift(append(all.Drift, page.Drift...))
		}
		if page.Next <= q.After {
			all.Next = 0
			return all, nil
		}
		q.After = page.Next
	}
}

// mergeDrift adds up what pages found of the same, by agreement, version, field, code and organisation.
func mergeDrift(list []DriftFinding) []DriftFinding {
	slices.SortStableFunc(list, compareDrift)
	out := list[:0]
	for _, d := range list {
		if n := len(out); n > 0 && compareDrift(out[n-1], d) == 0 {
			out[n-1].Count += d.Count
			out[n-1].First, out[n-1].Last = min(out[n-1].First, d.First), max(out[n-1].Last, d.Last)
			continue
		}
		out = append(out, d)
	}
	return out
}

func compareDrift(a, b DriftFinding) int {
	return cmp.Or(cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Organisation, b.Organisation))
}
