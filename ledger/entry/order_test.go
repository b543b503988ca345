package entry_test

import (
	"errors"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// If two claims are wrong, the one that comes first in the format is reported, every time.
func TestFirstWrongClaim(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 600)
	access := []struct {
		name  string
		wrong func(*entry.Access)
	}{
		{"source", func(a *entry.Access) { a.Source = "" }},
		{"org", func(a *entry.Access) { a.Org = "a b" }},
		{"system", func(a *entry.Access) { a.System = long }},
		{"event", func(a *entry.Access) { a.Event = []string{""} }},
		{"action", func(a *entry.Access) { a.Action = "X" }},
		{"data", func(a *entry.Access) { a.Data = make([]string, 65) }},
		{"purpose", func(a *entry.Access) { a.Purpose = []string{"\a"} }},
		{"role", func(a *entry.Access) { a.Role = []string{long} }},
		{"agreement", func(a *entry.Access) { a.Agreement = "\x1b" }},
		{"decision", func(a *entry.Access) { a.Decision = long }},
		{"delegation", func(a *entry.Access) { a.Delegation = long }},
		{"request", func(a *entry.Access) { a.Request, a.Identity = "a b", entry.ByDocuments }},
		{"identity", func(a *entry.Access) { a.Request, a.Identity = "SAR-1", "face" }},
		{"outcome", func(a *entry.Access) { a.Outcome = "5" }},
		{"occurred", func(a *entry.Access) { a.Occurred = "noon" }},
		{"occurredEnd", func(a *entry.Access) { a.OccurredEnd = "2026-02-30T00:00:00Z" }},
		{"recorded", func(a *entry.Access) { a.Recorded = "" }},
	}
	for i, first := range access {
		for _, second := range access[i:] {
			a := w.accessBody()
			second.wrong(a)
			first.wrong(a)
			wantFirst(t, func() error { return entry.CheckBody(a) }, first.name, first.name+" and "+second.name)
		}
	}
	decision := []struct {
		name  string
		wrong func(*entry.Decision)
	}{
		{"organisation id", func(d *entry.Decision) { d.Org = "a b" }},
		{"holder", func(d *entry.Decision) { d.Holder = "a b" }},
		{"system", func(d *entry.Decision) { d.System = long }},
		{"action", func(d *entry.Decision) { d.Action = "" }},
		{"data", func(d *entry.Decision) { d.Data = []string{""} }},
		{"purpose", func(d *entry.Decision) { d.Purpose = make([]string, 65) }},
		{"role", func(d *entry.Decision) { d.Role = []string{"\n"} }},
		{"agreement", func(d *entry.Decision) { d.Agreement = long }},
		{"delegation", func(d *entry.Decision) { d.Delegation = long }},
		{"decision", func(d *entry.Decision) { d.Decision = "perhaps" }},
		{"rules", func(d *entry.Decision) { d.Rules = []string{""} }},
		{"obligations", func(d *entry.Decision) { d.Obligations = []string{""} }},
		{"asked", func(d *entry.Decision) { d.Asked = "7:00" }},
	}
	for i, first := range decision {
		for _, second := range decision[i:] {
			d := w.decisionBody()
			second.wrong(d)
			first.wrong(d)
			wantFirst(t, func() error { return entry.CheckBody(d) }, first.name, first.name+" and "+second.name)
		}
	}
}

// The same of agreements, requests, their answers and consents, which have many claims.
func TestFirstWrongClaimOfGovernance(t *testing.T) {
	w := newWorld(t)
	inOrder(t, func() *entry.AgreementText { text := w.agreementBody().Agreement; return &text }, (*entry.AgreementText).Check,
		[]wrong[*entry.AgreementText]{
			{"id", func(a *entry.AgreementText) { a.ID = "" }},
			{"version", func(a *entry.AgreementText) { a.Version = 0 }},
			{"supersedes[0]", func(a *entry.AgreementText) { a.Supersedes = []string{"a b"} }},
			{"under", func(a *entry.AgreementText) { a.Under = "a b" }},
			{"title", func(a *entry.AgreementText) { a.Title = "" }},
			{"tier", func(a *entry.AgreementText) { a.Tier = "pact" }},
			{"parties[0].role", func(a *entry.AgreementText) { a.Parties[0].Role = "friend" }},
			{"drivers", func(a *entry.AgreementText) { a.Drivers = "\a" }},
			{"purposes[0].text", func(a *entry.AgreementText) { a.Purposes[0].Text = "" }},
			{"article6", func(a *entry.AgreementText) { a.Article6 = []string{"g"} }},
			{"article9", func(a *entry.AgreementText) { a.Article9 = []string{"z"} }},
			{"dpaCondition", func(a *entry.AgreementText) { a.Condition = "\a" }},
			{"legalPower", func(a *entry.AgreementText) { a.Power = "" }},
			{"data[0].text", func(a *entry.AgreementText) { a.Data[0].Text = "" }},
			{"subjects", func(a *entry.AgreementText) { a.Subjects = "" }},
			{"flows[0].how", func(a *entry.AgreementText) { a.Flows[0].How = "" }},
			{"roles", func(a *entry.AgreementText) { a.Roles = []string{""} }},
			{"necessity", func(a *entry.AgreementText) { a.Necessity = "\a" }},
			{"quality", func(a *entry.AgreementText) { a.Quality = "\a" }},
			{"retention", func(a *entry.AgreementText) { a.Retention = "" }},
			{"disposal", func(a *entry.AgreementText) { a.Disposal = "" }},
			{"security", func(a *entry.AgreementText) { a.Security = "" }},
			{"transfers[0]", func(a *entry.AgreementText) { a.Transfers = []string{"uk"} }},
			{"dpia.date", func(a *entry.AgreementText) { a.DPIA.Date = "soon" }},
			{"approvals[0].body", func(a *entry.AgreementText) { a.Approvals = []entry.Approval{{}} }},
			{"privacyNotice.hash", func(a *entry.AgreementText) { a.Notice.Hash = wire.Hash{} }},
			{"rightsContact", func(a *entry.AgreementText) { a.Rights = "" }},
			{"breachContact", func(a *entry.AgreementText) { a.Breach = "" }},
			{"start", func(a *entry.AgreementText) { a.Start = "soon" }},
			{"end", func(a *entry.AgreementText) { a.End = "late" }},
			{"reviewDue", func(a *entry.AgreementText) { a.ReviewDue = "never" }},
		})
	inOrder(t, func() *entry.SharingRequest {
		return &entry.SharingRequest{
			Common: w.common("university"), Request: "req-9", Holder: "north-board", Data: "blood counts", Purpose: "a study",
			Codes: []string{"HRESCH"}, Necessity: "no other source", Power: "an Act", By: "head of research",
		}
	}, checkBody[*entry.SharingRequest],
		[]wrong[*entry.SharingRequest]{
			{"holder", func(r *entry.SharingRequest) { r.Holder = "" }},
			{"data", func(r *entry.SharingRequest) { r.Data = "" }},
			{"purpose", func(r *entry.SharingRequest) { r.Purpose = "" }},
			{"codes", func(r *entry.SharingRequest) { r.Codes = nil }},
			{"necessity", func(r *entry.SharingRequest) { r.Necessity = "" }},
			{"legalPower", func(r *entry.SharingRequest) { r.Power = "" }},
			{"by", func(r *entry.SharingRequest) { r.By = "" }},
			{"needed", func(r *entry.SharingRequest) { r.Needed = "soon" }},
		})
	inOrder(t, func() *entry.SharingDecision {
		return &entry.SharingDecision{
			Common: w.common("north-board"), Request: "req-9", Decision: "agreed", Reasons: "good ones",
			Article6: []string{"e"}, DPIA: "done", By: "SIRO",
		}
	}, checkBody[*entry.SharingDecision],
		[]wrong[*entry.SharingDecision]{
			{"decision", func(d *entry.SharingDecision) { d.Decision = "maybe" }},
			{"reasons", func(d *entry.SharingDecision) { d.Reasons = "" }},
			{"article6", func(d *entry.SharingDecision) { d.Article6 = []string{"g"} }},
			{"article9", func(d *entry.SharingDecision) { d.Article9 = []string{"z"} }},
			{"dpaCondition", func(d *entry.SharingDecision) { d.Condition = "\a" }},
			{"dpia", func(d *entry.SharingDecision) { d.DPIA = "" }},
			{"dpoOpinion", func(d *entry.SharingDecision) { d.Opinion = "\a" }},
			{"interval", func(d *entry.SharingDecision) { d.Interval = "\a" }},
			{"by", func(d *entry.SharingDecision) { d.By = "" }},
		})
	inOrder(t, func() *entry.Consent { return w.consentBody() }, checkBody[*entry.Consent],
		[]wrong[*entry.Consent]{
			{"consent", func(c *entry.Consent) { c.Consent = "" }},
			{"act", func(c *entry.Consent) { c.Act = "mumbled" }},
			{"scope", func(c *entry.Consent) { c.Scope = "all" }},
			{"decided", func(c *entry.Consent) { c.Decided = "noon" }},
			{"rule.start", func(c *entry.Consent) { c.Rule.Start = "noon" }},
			{"rule.end", func(c *entry.Consent) { c.Rule.End = "noon" }},
			{"rule.purposes", func(c *entry.Consent) { c.Rule.Purposes = []string{""} }},
			{"rule.data", func(c *entry.Consent) { c.Rule.Data = []string{""} }},
			{"rule.recipients[0]", func(c *entry.Consent) { c.Rule.Recipients = []string{""} }},
			{"rule.roles", func(c *entry.Consent) { c.Rule.Roles = []string{""} }},
			{"rule.actions", func(c *entry.Consent) { c.Rule.Actions = []string{"X"} }},
			{"rule.dataStart", func(c *entry.Consent) { c.Rule.DataStart = "noon" }},
			{"expressed.how", func(c *entry.Consent) { c.Expressed.How = "sung" }},
			{"expressed.language", func(c *entry.Consent) { c.Expressed.Language = "\a" }},
		})
}

type wrong[B any] struct {
	name string
	make func(B)
}

func checkBody[B entry.Body](b B) error { return entry.CheckBody(b) }

// inOrder makes each pair of claims wrong, the later one first, and wants the earlier one reported.
func inOrder[B any](t *testing.T, good func() B, check func(B) error, claims []wrong[B]) {
	t.Helper()
	if err := check(good()); err != nil {
		t.Fatalf("the body to start from: %v", err)
	}
	for i, first := range claims {
		for _, second := range claims[i:] {
			b := good()
			second.make(b)
			first.make(b)
			wantFirst(t, func() error { return check(b) }, first.name, first.name+" and "+second.name)
		}
	}
}

// wantFirst checks a hundred times, since a map with two wrong members often happens to begin with
// the right one.
func wantFirst(t *testing.T, check func() error, want, wrong string) {
	t.Helper()
	for range 100 {
		var e *wire.Error
		if err := check(); !errors.As(err, &e) || e.What != want {
			t.Fatalf("%s wrong: %v, want it of %s", wrong, err, want)
		}
	}
}
