package api

import (
	"crypto/sha256"
	"testing"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/internal/testdb"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// board is a world with a board SRC that holds records and an organisation CTL that may use them
// for care under agreement isa-1.
type board struct {
	*world
	keys map[string]*wire.Signer // for agreements
}

func newBoard(t testing.TB) *board { return newBoardAt(t, nil) }

// newBoardAt has the ledger's clock show now.
func newBoardAt(t testing.TB, now func() time.Time) *board {
	t.Helper()
	b := &board{world: newWorldWith(t, testdb.One(t), now), keys: map[string]*wire.Signer{}}
	for _, org := range []string{"SRC", "CTL"} {
		b.keys[org] = b.addKey(org, entry.PurposeAgreements)
	}
	return b
}

const (
	sct       = "http://snomed.info/sct|"
	deed      = "0193b5a0-0000-7000-8000-00000000000d"
	consentID = "0193b5a0-0000-7000-8000-000000000001"
)

func common(org string) entry.Common { return entry.Common{Issuer: org, Audience: origin} }

// isa is an agreement between SRC and CTL for care; change alters it.
func (b *board) isa(id string, version uint64, change ...func(*entry.AgreementText)) entry.AgreementText {
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	t := entry.AgreementText{
		ID: id, Version: version, Title: "Sharing for care", Tier: "isa",
		Parties: []entry.AgreementParty{{Org: "SRC", Role: "controller", Contact: "rights office"},
			{Org: "CTL", Role: "controller", Contact: "rights office"}},
		Purposes: []entry.AgreementPurpose{{Text: "care", Code: "TREAT"}}, Article6: []string{"e"}, Power: "statute",
		Data: []entry.AgreementData{{Text: "care records", Codes: []string{sct + "371531000"}}}, Subjects: "patients",
		Flows: []entry.AgreementFlow{{From: "SRC", To: "CTL", How: "portal"}}, Roles: []string{"nurse"},
		Retention: "a year", Disposal: "deletion", Security: "encrypted", DPIA: entry.Assessment{Reference: "1", Date: day(-30)},
		Notice: entry.Notice{URL: "https://src.test/privacy", Hash: sha256.Sum256([]byte("notice"))},
		Rights: "rights office", Breach: "security desk",
		Start: day(-10 + int(version)), End: day(300), ReviewDue: day(60),
	}
	for _, f := range change {
		f(&t)
	}
	return t
}

// agree brings a text into force, signed by SRC and CTL.
func (b *board) agree(t entry.AgreementText) {
	b.Helper()
	e := b.sign(b.keys["SRC"], &entry.Agreement{Common: common("SRC"), Agreement: t})
	r := b.log.Append(b.Context(), e)[0]
	b.ok(r.Err)
	for _, org := range []string{"SRC", "CTL"} {
		b.append(b.keys[org], &entry.AgreementSignature{Common: common(org), Agreement: t.ID,
			Version: t.Version, Proposal: e.Identity()})
	}
}

func (b *board) act(org, id, act string) {
	b.Helper()
	b.append(b.keys[org], &entry.AgreementAct{Common: common(org), Agreement: id, Version: 1, Act: act, Reason: "tested"})
}

// refuse has the person refuse accesses for these purposes.
func (b *board) refuse(id string, purposes ...string) {
	b.Helper()
	b.append(b.keys["SRC"], &entry.Consent{
		Common: common("SRC"), Consent: consentID, Act: "refused", Scope: "patient-privacy", Decided: time.Now().UTC().Format(time.RFC3339),
		Expressed: entry.Expressed{How: "written"}, Rule: &entry.ConsentRule{Decision: "deny", Purposes: purposes}, Sub: id,
	})
}

// shared is an access by CTL to a record of SRC under agreement isa-1.
func (b *board) shared(id string, change ...func(*entry.Access)) *entry.Access {
	a := b.access("SRC", id)
	a.Org, a.Agreement = "CTL", "isa-1"
	for _, f := range change {
		f(a)
	}
	return a
}

func breakGlass(a *entry.Access) {
	a.Agreement, a.Emergency, a.Text = "", true, &entry.Text{Justification: "unconscious"}
}

// question is the evaluation that asks for an access beforehand.
func questionOf(a *entry.Access) client.Evaluation {
	e := client.Evaluation{
		Subject: &client.Subject{Type: "staff", ID: "N-1234",
			Properties: &client.SubjectProperties{Organisation: a.Org, Role: a.Role, Name: "Ailsa Example", System: a.System}},
		Action: &client.Action{Name: a.Action}, Resource: &client.Resource{Type: "record", ID: a.Sub,
			Properties: &client.ResourceProperties{Holder: a.Issuer, Data: a.Data}},
		Context: &client.RequestContext{Purpose: a.Purpose, Agreement: a.Agreement, Delegation: a.Delegation, Emergency: a.Emergency},
	}
	if a.Machine {
		e.Subject.Type = "machine"
	}
	if a.Text != nil {
		e.Context.Justification = a.Text.Justification
	}
	return e
}

func (b *board) pep() *client.Client { return b.client(b.submit["SRC"], "SRC") }

// rules are those that the log has now.
func (b *board) rules() *consent.Rules {
	b.Helper()
	r, err := b.log.Rules(b.Context())
	b.ok(err)
	rules, err := consent.From(r)
	b.ok(err)
	return rules
}

// guard is the system that guards the records that SRC holds.
func (b *board) guard() *client.Client { return b.client(b.addKey("SRC", entry.PurposeGuard), "SRC") }

func (b *board) history(id string) []*entry.Entry {
	b.Helper()
	_, list, err := b.log.History(b.Context(), id, ^uint64(0), 100)
	b.ok(err)
	out := make([]*entry.Entry, len(list))
	for i, o := range list {
		out[i], err = entry.ParseParts(o.JWS, o.Disclosures)
		b.ok(err)
	}
	return out
}
