package api

import (
	"context"
	"crypto/sha256"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/report"
	"igledger/ledger/entry"
	"igledger/policies"
)

// The public record of what governs: agreements, requests to share, policies. It is about
// organisations, and anyone may read it.

const (
	maxAgreements = 500 // on one page
)

// rules returns the rules of the log as it is now.
func (a *api) rules(ctx context.Context) (*consent.Rules, error) {
	r, err := a.log.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return consent.From(r)
}

// said is the language in which the API answers.
var said = plain.In(plain.English)

// inWords returns a verdict with its explanation, or nil if v is nil.
func inWords(rules *consent.Rules, v *entry.Verdict) *client.PlainVerdict {
	if v == nil {
		return nil
	}
	return &client.PlainVerdict{Verdict: *v, Plain: said.VerdictWithReasons(v, rules.Reasons(v))}
}

// agreements is GET /v1/agreements.
func (a *api) agreements(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	within, err := dueWithin(q.Get("due"))
	if err != nil {
		return err
	}
	if s := q.Get("state"); s != "" && !slices.Contains(consent.States(), consent.State(s)) {
		return &refusal{code: badRequest, detail: "state must be a state of an agreement"}
	}
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	now := a.now().UTC()
	all := rules.Agreements()
	ids := all.IDs()
	if within > 0 {
		ids = nil
		for _, d := range all.Due(now, now.AddDate(0, 0, within)) {
			ids = append(ids, d.Version.Text.ID)
		}
		slices.Sort(ids)
	}
	if after := q.Get("after"); after != "" {
		at, found := slices.BinarySearch(ids, after)
		if found {
			at++
		}
		ids = ids[at:]
	}
	out := client.Agreements{At: now.Format(time.RFC3339), Agreements: []client.AgreementSummary{}}
	for _, id := range ids {
		v, state := all.State(id, now)
		if s := q.Get("state"); s != "" && s != string(state) {
			continue
		}
		if p := q.Get("party"); p != "" && !slices.Contains(v.Text.Organisations(), p) {
			continue
		}
		if n := len(out.Agreements); n == maxAgreements {
			out.Next = out.Agreements[n-1].ID
			break
		}
		out.Agreements = append(out.Agreements, summary(all.Get(id), v, state))
	}
	return answer(w, out)
}

// dueWithin returns the number of days that the parameter due holds, or 0 if it is empty.
func dueWithin(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	days, err := strconv.Atoi(s)
	if err != nil || days < 1 || days > report.MaxWithin {
		return 0, &refusal{code: badRequest, detail: "due must be a number of days from 1 to " + strconv.Itoa(report.MaxWithin)}
	}
	return days, nil
}

func summary(a *consent.Agreement, v *consent.Version, state consent.State) client.AgreementSummary {
	t := v.Text
	s := client.AgreementSummary{
		ID: t.ID, Title: t.Title, Tier: t.Tier, Version: t.Version, Newest: uint64(len(a.Versions)), State: string(state),
		Parties: t.Organisations(), Missing: v.Missing(), Purposes: []string{},
		Start: t.Start, End: t.End, ReviewDue: t.ReviewDue,
	}
	for _, p := range t.Purposes {
		s.Purposes = append(s.Purposes, p.Code)
	}
	return s
}

// agreement is GET /v1/agreements/{id}.
func (a *api) agreement(w http.ResponseWriter, r *request) error {
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	all := rules.Agreements()
	id := r.rest
	g := all.Get(id)
	if g == nil {
		return &refusal{code: notFound, detail: "the log has no agreement with this id"}
	}
	now := a.now().UTC()
	v, state := all.State(id, now)
	out := client.Agreement{ID: id, At: now.Format(time.RFC3339), Version: v.Text.Version, State: string(state)}
	// The history is read after the rules, so that it has every signature that they know.
	leaves, err := a.log.PublicHistory(r.Context(), "agreement:"+id, 0, math.MaxUint64)
	if err != nil {
		return err
	}
	kids := map[uint64]string{}
	for _, l := range leaves {
		kids[l.Index] = l.Entry.KID
		out.History = append(out.History, describeAct(l.Index, l.Entry))
	}
	for _, v := range g.Versions {
		x := client.AgreementVersion{
			Version: v.Text.Version, State: string(all.StateOf(id, v.Text.Version, now)),
			By: v.By, Index: v.Proposed, Proposal: v.Proposal, Signatures: []client.AgreementSigned{},
			Missing: v.Missing(), Suspended: v.Suspended, Text: v.Text,
		}
		for _, s := range v.Signatures {
			x.Signatures = append(x.Signatures, client.AgreementSigned{
				Organisation: s.Org, KID: kids[s.Index], Index: s.Index, At: s.At.Format(time.RFC3339),
			})
		}
		out.Versions = append(out.Versions, x)
	}
	return answer(w, out)
}

func describeAct(index uint64, e *entry.Entry) client.AgreementEntry {
	x := client.AgreementEntry{
		Index: index, Type: string(e.Type), Organisation: e.Issuer, KID: e.KID, At: stated(e.IssuedAt),
	}
	switch b := e.Body.(type) {
	case *entry.Agreement:
		x.Version = b.Agreement.Version
	case *entry.AgreementSignature:
		x.Version = b.Version
	case *entry.AgreementAct:
		x.Version = b.Version
		x.Act, x.Reason = b.Act, b.Reason
	}
	return x
}

// stated returns the claim iat as an RFC 3339 time.
func stated(iat int64) string { return time.Unix(iat, 0).UTC().Format(time.RFC3339) }

// requests is GET /v1/requests.
func (a *api) requests(w http.ResponseWriter, r *request) error {
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	out := client.SharingRequests{Requests: []client.SharingRequest{}}
	for _, id := range rules.Requests().IDs() {
		out.Requests = append(out.Requests, describeRequest(rules.Requests().Get(id)))
	}
	return answer(w, out)
}

func describeRequest(r *consent.Request) client.SharingRequest {
	q := r.Asked
	out := client.SharingRequest{
		ID: q.Request, Index: r.Index, Organisation: q.Issuer, Holder: q.Holder, At: stated(q.IssuedAt),
		Data: q.Data, Purpose: q.Purpose, Codes: q.Codes, Necessity: q.Necessity, LegalPower: q.Power,
		Agreement: q.Agreement, By: q.By, Needed: q.Needed,
	}
	if d := r.Decision; d != nil {
		out.Answer = &client.SharingAnswer{
			Index: r.Decided, At: stated(d.IssuedAt), Decision: d.Decision, Reasons: d.Reasons,
			Article6: d.Article6, Article9: d.Article9, Condition: d.Condition, DPIA: d.DPIA, Opinion: d.Opinion,
			Retention: d.Retention, Security: d.Security, Rights: d.Rights, Interval: d.Interval,
			By: d.By, Agreement: d.Agreement,
		}
	}
	return out
}

// policies is GET /v1/policies.
func (a *api) policies(w http.ResponseWriter, r *request) error {
	rules, err := a.rules(r.Context())
	if err != nil {
		return err
	}
	leaves, err := a.log.PublicHistory(r.Context(), entry.PoliciesHistory, 0, math.MaxUint64)
	if err != nil {
		return err
	}
	first := rules.PoliciesOf(0).Text()
	out := client.Policies{
		InUse: rules.Policies().Version(), Schema: policies.SchemaText(),
		Sets: []client.PolicySet{{Hash: sha256.Sum256([]byte(first)), Text: first}},
	}
	for _, l := range leaves {
		if p, ok := l.Entry.Body.(*entry.PolicySet); ok && p.Version <= out.InUse {
			out.Sets = append(out.Sets, client.PolicySet{
				Version: p.Version, Index: l.Index, Organisation: p.Issuer, At: stated(p.IssuedAt),
				Reason: p.Reason, Hash: p.Hash, Text: p.Text, Terminology: p.Terminology,
			})
		}
	}
	return answer(w, out)
}
