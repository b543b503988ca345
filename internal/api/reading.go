package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"igledger/audit"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/policies/readers"
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
	asked, err := askedOf(body.Purpose, body.Request, body.Identity)
	if err != nil {
		return err
	}
	rd, err := r.caller.readsOf(body.ID, asked)
	if err != nil {
		return err
	}
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	found, err := a.pageOf(r.Context(), rules, rd, body.ID, body.Before, body.Limit)
	if err != nil {
		return a.withheld(r.Context(), rd, body.ID, err)
	}
	reg, err := a.log.Register(r.Context())
	if err != nil {
		return err
	}
	page := client.Accesses{Scope: string(rd.extent), Count: found.count, Next: found.next, Accesses: []client.RecordedAccess{}}
	for _, o := range found.newestFirst {
		x, e := recorded(o, rules)
		if e != nil {
			x.Plain = told(e, o.Flags, reg)
		}
		page.Accesses = append(page.Accesses, x)
	}
	if err := a.logReading(r.Context(), rd, body.ID); err != nil {
		return err
	}
	return answer(w, page)
}

// pageOf returns what readable does, as far as it fits into one answer.
func (a *api) pageOf(ctx context.Context, rules *consent.Rules, rd readingOf, id string, before uint64, limit int) (found, error) {
	// One more than the limit shows whether there is a next page.
	f, err := a.readable(ctx, rules, rd, id, before, limit+1)
	if err != nil {
		return found{}, err
	}
	if n := min(fitting(f.newestFirst), limit); n < len(f.newestFirst) {
		f.newestFirst = f.newestFirst[:n]
		f.next = f.newestFirst[n-1].Index
	}
	return f, nil
}

// boundary is what a page ends at a multiple of if it has looked at enough of a history to find a
// reader's own entries, so that the end does not tell where an entry of others is.
const boundary = 1 << 12

// found is what a reader may see of a history below a position.
type found struct {
	count       uint64 // entries in the history; 0 if the reader may not see all of them
	newestFirst []*bundle.Opening
	next        uint64 // where to continue; 0 if there is nothing more, or if newestFirst is full
}

// readable returns the entries of id's history below before that the reader may see, at most limit.
// To a reader who may not see all of them it tells neither their number nor where the others are.
func (a *api) readable(
	ctx context.Context, rules *consent.Rules, rd readingOf, id string, before uint64, limit int,
) (found, error) {
	if rd.extent == readers.Whole {
		count, list, err := a.log.History(ctx, id, before, limit)
		return found{count: count, newestFirst: list}, err
	}
	var out found
	looked, end := 0, uint64(0)
	for {
		_, list, err := a.log.History(ctx, id, before, maxLimit)
		if err != nil {
			return found{}, err
		}
		for _, o := range list {
			if o.Index < end {
				out.next = end
				return out, nil
			}
			e, err := entry.ParseParts(o.JWS, o.Disclosures)
			if err != nil {
				return found{}, err
			}
			if rd.owns(a, e) {
				out.newestFirst = append(out.newestFirst, blind(rules, o))
			}
			if looked++; looked == a.limits.Looked {
				end = o.Index &^ (boundary - 1)
			}
			if len(out.newestFirst) == limit {
				return out, nil
			}
		}
		if len(list) < maxLimit {
			return out, nil
		}
		before = list[len(list)-1].Index
	}
}

// blind returns an opening with the blind form of its verdict. A decision's own claims are blind
// from the start.
func blind(rules *consent.Rules, o *bundle.Opening) *bundle.Opening {
	c := *o
	c.Verdict = rules.Blind(o.Verdict)
	return &c
}

// fitting returns how many of the openings fit on one page: at least one, if there is one.
func fitting(openings []*bundle.Opening) int {
	size := 0
	for i, o := range openings {
		size += lengthOf(o)
		if i > 0 && size > maxPage {
			return i
		}
	}
	return len(openings)
}

// opening is GET /v1/openings/{index}. The register is asked before the ledger, and a reader who
// may open only its own entries gets one answer for every position that has none of them: whether
// there is an entry, whose it is, and whether it was erased are not told.
func (a *api) opening(w http.ResponseWriter, r *request) error {
	index, err := parseIndex(r.rest)
	if err != nil {
		return err
	}
	asked, err := askedOf(r.URL.Query()["purpose"], "", "")
	if err != nil {
		return err
	}
	rd, err := r.caller.reads(readers.Opening, asked)
	if err != nil {
		return err
	}
	o, err := a.log.Opening(r.Context(), index)
	if rd.extent == readers.Own && (errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrErased)) {
		return notItsOwn
	}
	if err != nil {
		return err
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil || e.ShownSub() == "" {
		return errors.New("an opening does not name its person, so its reading cannot be logged")
	}
	if rd.extent == readers.Own {
		if entry.IsRegister(e.ShownSub()) || !rd.owns(a, e) {
			return notItsOwn
		}
		rules, err := a.rules(r.Context())
		if err != nil {
			return err
		}
		o = blind(rules, o)
	}
	if err := a.logReading(r.Context(), rd, e.ShownSub()); err != nil {
		return err
	}
	return answer(w, o)
}

var notItsOwn = &refusal{
	code: forbidden, detail: "no access that the organisation made, or to a record that it holds, is at this position",
}

// recorded returns an opening together with its content in readable form, and its entry, nil if it
// cannot be decoded.
func recorded(o *bundle.Opening, rules *consent.Rules) (client.RecordedAccess, *entry.Entry) {
	out := client.RecordedAccess{Index: o.Index, Verdict: inWords(rules, o.Verdict), Opening: o}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return out, nil
	}
	out.Type = e.Type
	switch b := e.Body.(type) {
	case *entry.Access:
		x := describeAccess(b)
		out.Access = &x
	case *entry.Decision:
		x := describeAccess(consent.AsAccess(b))
		x.Act, x.Staff, x.Text, x.Outcome = entry.ActDecision, b.Staff, b.Text, "0"
		if b.Decision == "deny" {
			x.Outcome = "8"
		}
		out.Asked = &client.Asked{Decision: b.Decision, Rules: b.Rules, Obligations: b.Obligations, Access: x}
	}
	return out, e
}

// told returns an entry in the words of the person's page.
func told(e *entry.Entry, flags []entry.Flag, reg *register.Register) *client.Told {
	s := said.Describe(e)
	if a, ok := e.Body.(*entry.Access); ok {
		s = audit.Describe(said, a)
	}
	t := said.Told(s, reg.Called(s.Organisation), flags)
	return &client.Told{When: s.When.UTC().Format(time.RFC3339), Who: t.Who, What: t.What, Why: t.Why, Result: t.Result,
		Remarks: t.Remarks}
}

func describeAccess(x *entry.Access) client.Access {
	return client.Access{
		Issuer: x.Issuer, Source: x.Source, Organisation: x.Accessor(), Foreign: x.Foreign, Recipient: x.Recipient, System: x.System,
		Event: x.Event, Act: x.Act(), Action: x.Action, Data: x.Data, Purpose: x.Purpose, Role: x.Role,
		Machine: x.Machine, Emergency: x.Emergency,
		Agreement: x.Agreement, Decision: x.Decision, Delegation: x.Delegation,
		Outcome: x.Outcome, Occurred: x.Occurred, OccurredEnd: x.OccurredEnd, Recorded: x.Recorded,
		Staff: x.Staff, Parties: x.Parties, Text: x.Text, Sequence: x.Seq,
	}
}
