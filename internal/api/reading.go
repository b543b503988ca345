package api

import (
	"context"
	"errors"
	"math"
	"net/http"
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
	maxPage      = 16 << 20 // bytes of entries; a page may be shorter than its limit for this, and Next goes on
)

// search is POST /v1/accesses/search. It is a POST because an id never stands in a URL.
func (a *api) search(w http.ResponseWriter, r *request) error {
	var body client.Search
	if err := a.decode(r, maxBody, "search", &body); err != nil {
		return err
	}
	if err := entry.CheckID(body.ID); err != nil {
		return refuse(err)
	}
	if body.Limit < 0 || body.Limit > maxLimit {
		return &refusal{code: badRequest, detail: "limit is not 0 to 200"}
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
	count, openings, err := a.log.History(r.Context(), body.ID, body.Before, body.Limit+1) // one more tells whether there is a next page
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

// fitting is how many of the openings one page holds: at least one, if there is one.
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
		return errors.New("an opening does not say whose it is, so its reading cannot be logged")
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
		return &refusal{code: badRequest, detail: "more than 8 codes of purpose"}
	}
	for _, c := range codes {
		if c == "" || len(c) > 128 || strings.ContainsFunc(c, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
			return &refusal{code: badRequest, detail: "a code of purpose is not 1 to 128 printable ASCII characters"}
		}
	}
	return nil
}

// readingSource names this API as the source of the entries that readings become. They carry no sequence number: the replicas that write
// them share no counter.
const readingSource = "igledger-api"

// logReading makes a reading of id's history an access entry about id, signed by the operator, and returns when it is in the log. An
// error means: nothing may be shown. It is ATNA's "audit log used" (DICOM PS3.16 CID 400, 110101) in FHIR AuditEvent.type.
func (a *api) logReading(ctx context.Context, c *caller, id string, purpose []string) error {
	return a.logReadingAs(ctx, "", c, id, purpose)
}

// logReadingAs is logReading under a jti, unless that is "": then a reading that is in the log under it is not logged again.
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
		// To the second: the reader's part of the log, not a stopwatch on people.
		Recorded: now.Format(time.RFC3339),
		Sub:      id,
	})
	if err == nil {
		err = a.log.Append(ctx, e)[0].Err
	}
	if err == nil || jti != "" && errors.Is(err, ledger.ErrConflict) {
		return nil
	}
	return a.unlogged("a reading", "the reading could not be logged, so nothing is shown", err)
}

// unlogged is the refusal of what may not be answered because it is not in the log.
func (a *api) unlogged(what, detail string, err error) error {
	a.logger.Error(what+" could not be logged and was refused", "error", err)
	var b *ledger.BusyError
	r := &refusal{code: unavailable, detail: detail}
	if errors.As(err, &b) {
		r.code, r.retryAfter = busy, b.RetryAfter
	}
	return r
}

// recorded is an opening with what stands in it as people read it.
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
		Issuer: x.Issuer, Source: x.Source, Organisation: x.Accessor(), System: x.System, Event: x.Event, Action: x.Action, Data: x.Data,
		Purpose: x.Purpose, Role: x.Role, Machine: x.Machine, Emergency: x.Emergency, Agreement: x.Agreement, Decision: x.Decision, Delegation: x.Delegation,
		Outcome: x.Outcome, Occurred: x.Occurred, OccurredEnd: x.OccurredEnd, Recorded: x.Recorded,
		Staff: x.Staff, Parties: x.Parties, Text: x.Text, Sequence: x.Seq,
	}
}
