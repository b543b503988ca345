package api

import (
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// fhirBase is where the ledger is a FHIR R4 server: of AuditEvents, found by POST only.
const (
	fhirBase   = "/fhir/r4"
	fhirSearch = fhirBase + "/AuditEvent/_search"
)

// byPost is why a search by GET is refused, and where else one might look for events.
const byPost = "search with POST " + fhirSearch + " and the parameters in a form: in a URL, a person's number would end in " +
	"logs and histories"

// instead says of paths that have no route why not. They are answered 405 for every method.
var instead = map[string]string{
	fhirBase + "/AuditEvent": byPost + ". Events are recorded by signed entries, not created here",
}

// fhirPages is how many pages of a history one answer to a search looks at for what it selects.
// The answer then ends with a link to the rest.
const fhirPages = 5

// fhirMedia is the media type of answers.
const fhirMedia = fhirJSON + "; fhirVersion=4.0"

// auditEvents is POST /fhir/r4/AuditEvent/_search: IHE ITI-81, Retrieve ATNA Audit Event, with the
// parameters in the body. It answers what POST /v1/accesses/search would, to whom that would, and
// leaves the same entry behind.
func (a *api) auditEvents(w http.ResponseWriter, r *request) error {
	data, err := a.body(r, maxBody, "application/x-www-form-urlencoded")
	if err != nil {
		return err
	}
	q, err := a.parseFHIR(r, string(data))
	if err != nil {
		return err
	}
	rd, err := r.caller.readsOf(q.id, q.asked)
	if err != nil {
		return err
	}
	b := &audit.Bundle{Searchset: true, Links: map[string]string{"self": a.public + fhirSearch}}
	next, err := a.fill(r, rd, q, b)
	if err != nil {
		return a.withheld(r.Context(), rd, q.id, err)
	}
	if next > 0 {
		b.Links["next"] = a.public + fhirSearch + "?_page=" + strconv.FormatUint(next, 36)
	}
	if rd.extent != readers.Whole {
		b.Note("information", "informational", "Only events that the caller's organisation made, or of records that it holds. "+
			"There may be others.")
	}
	for _, name := range q.ignored {
		b.Note("warning", "not-supported", "The parameter "+name+" was ignored: this server does not know it.")
	}
	answer, err := b.Marshal()
	if err != nil {
		return err
	}
	if err := a.logReading(r.Context(), rd, q.id); err != nil {
		return err
	}
	write(w, http.StatusOK, fhirMedia, answer)
	return nil
}

// fill adds the events that a search selects to b. It returns where to continue, 0 if there are no
// more.
func (a *api) fill(r *request, rd readingOf, q *fhirQuery, b *audit.Bundle) (next uint64, err error) {
	rules, err := a.rules(r.Context())
	if err != nil {
		return 0, err
	}
	limit, before, size := q.count, q.before, 0
	if len(q.filters)+len(q.dates) > 0 {
		limit = maxLimit
	}
	for range fhirPages {
		p, err := a.pageOf(r.Context(), rules, rd, q.id, before, limit)
		if err != nil {
			return 0, err
		}
		for i, o := range p.newestFirst {
			x, _ := recorded(o, rules)
			if q.dated(x) && b.Add(recordedEvent(x), q.keep()) {
				size += lengthOf(o)
			}
			if b.Len() == q.count || size > maxPage {
				if i < len(p.newestFirst)-1 || p.next > 0 {
					return o.Index, nil
				}
				return 0, nil
			}
		}
		if p.next == 0 {
			return 0, nil
		}
		before = p.next
	}
	return before, nil
}

// recordedEvent returns what an event in FHIR is made of.
func recordedEvent(x client.RecordedAccess) audit.Recorded {
	out := audit.Recorded{Index: x.Index, Flags: x.Opening.Flags}
	if e, err := entry.ParseParts(x.Opening.JWS, x.Opening.Disclosures); err == nil {
		out.Entry = e
	}
	if x.Verdict != nil {
		out.Verdict, out.Plain = &x.Verdict.Verdict, x.Verdict.Plain
	}
	return out
}

func lengthOf(o *bundle.Opening) int {
	n := len(o.JWS)
	for _, d := range o.Disclosures {
		n += len(d)
	}
	return n
}

// acceptsFHIR reports whether an answer in FHIR JSON of R4 is one that the request asks for. stated
// is false if the request says nothing of FHIR.
func acceptsFHIR(r *http.Request, format string) (accepted, stated bool) {
	switch format {
	case "":
	case "json", "application/json", "fhir", fhirJSON:
		return true, true
	default:
		return false, false
	}
	anything := true
	for accept := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		if strings.TrimSpace(accept) == "" {
			continue
		}
		anything = false
		media, params, err := mime.ParseMediaType(accept)
		version, ok := params["fhirversion"]
		fits := err == nil && (!ok || version == "4.0")
		switch {
		case fits && media == fhirJSON:
			return true, true
		case fits && (media == "application/json" || media == "application/*" || media == "*/*"):
			accepted = true
		}
	}
	return accepted || anything, false
}

// inFHIR reports whether a refusal is to be a FHIR OperationOutcome: of what is below fhirBase, if
// the request asks for FHIR.
func inFHIR(r *http.Request) bool {
	_, stated := acceptsFHIR(r, "")
	return stated && strings.HasPrefix(r.URL.Path, fhirBase+"/")
}

// outcomeOf returns a problem as a FHIR OperationOutcome. Its code is the coding of the issue.
func outcomeOf(p *client.Problem) map[string]any {
	kinds := map[int]string{
		400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported", 408: "timeout",
		409: "conflict", 410: "deleted", 413: "too-long", 415: "not-supported", 422: "invalid", 503: "transient",
	}
	kind := kinds[p.Status]
	if kind == "" {
		kind = "exception"
	}
	issue := map[string]any{"severity": "error", "code": kind, "details": map[string]any{
		"coding": []any{map[string]any{"system": strings.TrimSuffix(client.ProblemPrefix, ":"), "code": p.Code()}},
		"text":   p.Title,
	}}
	if p.Detail != "" {
		issue["diagnostics"] = p.Detail
	}
	return map[string]any{"resourceType": "OperationOutcome", "issue": []any{issue}}
}

// parsePage reads the token of a link to the next page: a position in the log, which says nothing
// of a person. The caller sends the same form with it.
func parsePage(token string) (before uint64, err error) {
	if token == "" {
		return math.MaxUint64, nil
	}
	before, err = strconv.ParseUint(token, 36, 64)
	if err != nil || before == 0 || strconv.FormatUint(before, 36) != token {
		return 0, &refusal{code: badRequest, detail: "_page must be that of a link to the next page"}
	}
	return before, nil
}
