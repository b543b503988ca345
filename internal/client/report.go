package client

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"igledger/ledger/entry"
)

// ReportKind is the subject of a report.
type ReportKind string

// The reports.
const (
	Uncovered  ReportKind = "uncovered"   // accesses that no rule covers
	Attempts   ReportKind = "attempts"    // attempts that failed or were refused, and decisions: no accesses
	BreakGlass ReportKind = "break-glass" // emergency overrides without a follow-up
	Due        ReportKind = "due"         // agreements due for review or about to end
	Drift      ReportKind = "drift"       // purposes, data and roles that the agreement does not list
)

// FollowUp starts the words by which an access says that it follows up another: "follow-up of " and
// the jti of the other access. The words are the why or the justification in the disclosure text.
// The follow-up is a later access by the same organisation to the same person's record, because
// following up requires looking at that record.
const FollowUp = "follow-up of "

// ReportRequest is the body of POST /v1/reports.
type ReportRequest struct {
	Kind         ReportKind `json:"kind" enum:"uncovered,attempts,break-glass,due,drift" doc:"Subject of the report"`
	Organisation string     `json:"organisation,omitempty" doc:"Accesses by this organisation or to records that it holds; for due, agreements to which it is a party. Absent: for an auditor all organisations, for others their own" example:"NHS-HIGHLAND"`
	From         string     `json:"from,omitempty" doc:"RFC 3339: accesses that the ledger took at this time or later; absent: from the first" example:"2026-11-01T00:00:00Z"`
	To           string     `json:"to,omitempty" doc:"RFC 3339: accesses that the ledger took before this time; absent: to the newest" example:"2026-12-01T00:00:00Z"`
	Within       int        `json:"within,omitzero" minimum:"0" maximum:"3660" doc:"For due: days from now; 0 or absent means 90"`
	After        uint64     `json:"after,omitzero" doc:"Next of the previous page"`
	Purpose      []string   `json:"purpose,omitempty" maxItems:"8" doc:"Why the caller reads: PurposeOfUse codes (v3-ActReason). The access entry about this reading contains them" example:"[\"HCOMPL\"]"`
}

// Report is one page of a report. It names no person and no member of staff.
type Report struct {
	Kind         ReportKind       `json:"kind" enum:"uncovered,attempts,break-glass,due,drift" doc:"Subject of the report"`
	Organisation string           `json:"organisation,omitempty" doc:"Organisation that the report covers; absent: all"`
	At           string           `json:"at" doc:"RFC 3339, by the ledger's clock"`
	Seen         uint64           `json:"seen" doc:"Accesses of the period and organisation that were examined for this page"`
	Attempts     uint64           `json:"attempts" doc:"Attempts and decisions of the period and organisation. They are no accesses: seen does not count them, and only the report attempts lists them"`
	Accesses     []ReportedAccess `json:"accesses,omitempty" doc:"For uncovered, attempts and break-glass, in log order"`
	Due          []DueAgreement   `json:"due,omitempty" doc:"For due, the most urgent first"`
	Drift        []DriftFinding   `json:"drift,omitempty" doc:"For drift, by agreement; counts are for this page"`
	Next         uint64           `json:"next,omitzero" doc:"Pass as after to get the next page; absent on the last page"`
}

// ReportedAccess is an access without the person whose record it was and the user who made it.
type ReportedAccess struct {
	Index        uint64    `json:"index" doc:"Position in the log"`
	ID           string    `json:"jti" doc:"jti of the access, which a follow-up names"`
	Received     string    `json:"received" doc:"RFC 3339, when the ledger took it"`
	At           string    `json:"at" doc:"RFC 3339, when it happened, as the source states it"`
	Organisation string    `json:"organisation" doc:"Organisation that accessed; empty if foreign"`
	Foreign      bool      `json:"foreign,omitzero" doc:"The organisation that accessed is not one that the ledger knows. Only the holder and auditors see such an access"`
	Holder       string    `json:"holder" doc:"Organisation that holds the record and reported it"`
	Source       string    `json:"source" doc:"Reporting system"`
	Recipient    string    `json:"recipient,omitempty" doc:"Organisation to which data was disclosed"`
	System       string    `json:"system,omitempty" doc:"System through which it accessed"`
	Act          entry.Act `json:"act" enum:"access,attempt,decision" doc:"What happened: an access, an attempt that failed or was refused, or a decision on whether a record may be used"`
	Action       string    `json:"action" enum:"C,R,U,D,E" doc:"FHIR AuditEvent.action"`
	Outcome      string    `json:"outcome" enum:"0,4,8,12" doc:"FHIR AuditEvent.outcome"`
	Data         []string  `json:"data,omitempty" doc:"Categories of data, system|code"`
	Purpose      []string  `json:"purpose,omitempty" doc:"PurposeOfUse codes"`
	Role         []string  `json:"role,omitempty" doc:"Roles of the human user"`
	Machine      bool      `json:"machine,omitzero" doc:"No person was involved"`
	// Justification is of an override, in the words of who made it.
	Justification string `json:"justification,omitempty" doc:"Of an override, in the words of who made it; withheld if it has a number"`

	Verdict PlainVerdict `json:"verdict" doc:"Verdict of the policies"`
}

// DueAgreement is an agreement that needs action.
type DueAgreement struct {
	ID        string   `json:"id" doc:"Id of the agreement"`
	Title     string   `json:"title" doc:"Title"`
	Version   uint64   `json:"version" doc:"The current version"`
	State     string   `json:"state" doc:"Its state"`
	Parties   []string `json:"parties" doc:"Organisation ids"`
	ReviewDue string   `json:"reviewDue" doc:"Day by which it must be reviewed"`
	End       string   `json:"end" doc:"Last day"`
	Overdue   bool     `json:"overdue,omitzero" doc:"The review is overdue"`
}

// DriftFinding is a code of accesses under an agreement that the agreement does not list.
type DriftFinding struct {
	Agreement    string `json:"agreement" doc:"Id of the agreement that the accesses named"`
	Version      uint64 `json:"version" doc:"Version that was current then"`
	Organisation string `json:"organisation" doc:"Organisation that accessed"`
	Field        string `json:"field" enum:"purpose,data,role" doc:"Field that does not match the agreement"`
	Code         string `json:"code" doc:"The code; empty: the access stated none although the agreement limits this field"`
	Count        uint64 `json:"count" doc:"Number of accesses"`
	First        uint64 `json:"first" doc:"Position of the first in the log"`
	Last         uint64 `json:"last" doc:"Position of the last"`
}

// Report returns a whole report, with all its pages combined. If q has no purposes, those of the
// Client apply. On the first reading of a day that examines accesses, the ledger logs an access
// about everyone before it answers.
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
			all.Attempts += page.Attempts
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

// mergeDrift adds up the findings of several pages by agreement, version, field, code and
// organisation.
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
	return cmp.Or(cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Organisation, b.Organisation))
}
