package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// Page sizes of a search.
const (
	defaultLimit = 50
	maxLimit     = 200
	maxPage      = 16 << 20 // bytes of entries; for this a page may be shorter than its limit, and Next continues it
)

// search is POST /v1/accesses/search. It is a POST because a person's id never appears in a URL.
func (a *api) search(w http.ResponseWriter, r *request) error {
	var body client.Search
	if err := a.decode(r, maxBody, "search", &body); err != nil {
		return err
	}
	if err := entry.CheckID(body.ID); err != nil {
		return refuse(err)
	}
	if body.Limit < 0 || body.Limit > maxLimit {
		return &refusal{code: badRequest, detail: "limit must be from 0 to " + strconv.Itoa(maxLimit)}
	}
	if body.Limit == 0 {
		body.Limit = defaultLimit
	}
	if body.Before == 0 {
		body.Before = math.MaxUint64
	}
	if err := checkPurpose(body.Purpose); err != nil {
		return err
	}
	if err := r.caller.mayRead(body.ID); err != nil {
		return err
	}
	// One more than the limit shows whether there is a next page.
	count, openings, err := a.log.History(r.Context(), body.ID, body.Before, body.Limit+1)
	if err != nil {
		return err
	}
	page := client.Accesses{Count: count, Accesses: []client.RecordedAccess{}}
	shown := openings[:min(fitting(openings), body.Limit)]
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	for _, o := range shown {
		page.Accesses = append(page.Accesses, recorded(o, rules))
	}
	if len(shown) < len(openings) {
		page.Next = shown[len(shown)-1].Index
	}
	if err := a.logReading(r.Context(), r.caller, body.ID, body.Purpose); err != nil {
		return err
	}
	return answer(w, page)
}

// fitting returns how many of the openings fit on one page: at least one, if there is one.
func fitting(openings []*bundle.Opening) int {
	size := 0
	for i, o := range openings {
		size += len(o.JWS)
		for _, d := range o.Disclosures {
			size += len(d)
		}
		if i > 0 && size > maxPage {
			return i
		}
	}
	return len(openings)
}

// opening is GET /v1/openings/{index}.
func (a *api) opening(w http.ResponseWriter, r *request) error {
	index, err := parseIndex(r.rest)
	if err != nil {
		return err
	}
	purpose := r.URL.Query()["purpose"]
	if err := checkPurpose(purpose); err != nil {
		return err
	}
	o, err := a.log.Opening(r.Context(), index)
	if err != nil {
		return err
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil || e.ShownSub() == "" {
		return errors.New("an opening does not name its person, so its reading cannot be logged")
	}
	if err := r.caller.mayRead(e.ShownSub()); err != nil {
		return err
	}
	if err := a.logReading(r.Context(), r.caller, e.ShownSub(), purpose); err != nil {
		return err
	}
	return answer(w, o)
}

func checkPurpose(codes []string) error {
	if len(codes) > 8 {
		return &refusal{code: badRequest, detail: "purpose has more than 8 codes"}
	}
	for _, c := range codes {
		if c == "" || len(c) > 128 || strings.ContainsFunc(c, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return &refusal{code: badRequest, detail: "each code of purpose must be 1 to 128 printable ASCII characters"}
		}
	}
	return nil
}

// readingSource names this API as the source of the entries that readings become. They have no
// sequence number, because the replicas that write them share no counter.
const readingSource = "igledger-api"

// logReading logs a reading of id's history as an access entry about id, signed by the operator,
// and returns when it is in the log. If it returns an error, nothing may be shown. In FHIR
// AuditEvent.type it is ATNA's "audit log used" (DICOM PS3.16 CID 400, 110101).
func (a *api) logReading(ctx context.Context, c *caller, id string, purpose []string) error {
	return a.logReadingAs(ctx, "", c, id, purpose)
}

// logReadingAs is logReading with a jti, if that is not empty: a reading that is already in the log
// with this jti is not logged again.
func (a *api) logReadingAs(ctx context.Context, jti string, c *caller, id string, purpose []string) error {
	now := a.now().UTC()
	e, err := entry.Sign(a.log.Operator(), &entry.Access{
		Common:  entry.Common{Issuer: a.log.Genesis().Operator.ID, Audience: a.log.Origin(), IssuedAt: now.Unix(), ID: jti},
		Source:  readingSource,
		Org:     c.Issuer,
		System:  c.Subject,
		Event:   []string{"http://dicom.nema.org/resources/ontology/DCM|110101"},
		Action:  "R",
		Purpose: purpose,
		Outcome: "0",
		// To the second only, so that the log does not time the work of readers.
		Recorded: now.Format(time.RFC3339),
		Sub:      id,
	})
	if err == nil {
		err = a.log.Append(ctx, e)[0].Err
	}
	alreadyLogged := jti != "" && errors.Is(err, ledger.ErrConflict)
	if err == nil || alreadyLogged {
		return nil
	}
	return a.unlogged("a reading", "the reading could not be logged, so nothing is shown", err)
}

// unlogged returns the refusal of an answer that may not be sent because it could not be logged.
func (a *api) unlogged(what, detail string, err error) error {
	a.logger.Error(what+" could not be logged and was refused", "error", err)
	var b *ledger.BusyError
	r := &refusal{code: unavailable, detail: detail}
	if errors.As(err, &b) {
		r.code, r.retryAfter = busy, b.RetryAfter
	}
	return r
}

// recorded returns an opening together with its content in readable form.
func recorded(o *bundle.Opening, rules *consent.Rules) client.RecordedAccess {
	out := client.RecordedAccess{Index: o.Index, Verdict: inWords(rules, o.Verdict), Opening: o}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return out
	}
	out.Type = e.Type
	switch b := e.Body.(type) {
	case *entry.Access:
		x := describeAccess(b)
		out.Access = &x
	case *entry.Decision:
		x := describeAccess(consent.AsAccess(b))
		x.Staff, x.Text, x.Outcome = b.Staff, b.Text, "0"
		if b.Decision == "deny" {
			x.Outcome = "8"
		}
		out.Asked = &client.Asked{Decision: b.Decision, Rules: b.Rules, Obligations: b.Obligations, Access: x}
	}
	return out
}

func describeAccess(x *entry.Access) client.Access {
	return client.Access{
		Issuer: x.Issuer, Source: x.Source, Organisation: x.Accessor(), System: x.System,
		Event: x.Event, Action: x.Action, Data: x.Data, Purpose: x.Purpose, Role: x.Role,
		Machine: x.Machine, Emergency: x.Emergency,
		Agreement: x.Agreement, Decision: x.Decision, Delegation: x.Delegation,
		Outcome: x.Outcome, Occurred: x.Occurred, OccurredEnd: x.OccurredEnd, Recorded: x.Recorded,
		Staff: x.Staff, Parties: x.Parties, Text: x.Text, Sequence: x.Seq,
	}
}
