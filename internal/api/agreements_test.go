package api

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
)

// Anyone can see the agreements and their states, and find in the log what the register says about
// one.
func TestPublicRegisterOfAgreements(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.append(b.keys["SRC"], &entry.Agreement{Common: common("SRC"), Agreement: b.isa("isa-1", 2)})
	b.agree(b.isa("isa-2", 1))
	b.act("CTL", "isa-2", "suspend")
	b.append(b.keys["CTL"], &entry.Agreement{Common: common("CTL"), Agreement: b.isa("mou-1", 1, func(t *entry.AgreementText) {
		t.Parties = append(t.Parties, entry.AgreementParty{Org: "OTH", Role: "recipient", Contact: "office"})
	})})
	c := b.client(nil, "")
	for _, q := range []struct {
		query client.AgreementQuery
		want  []string
	}{
		{client.AgreementQuery{}, []string{"isa-1 1/2 in-force []", "isa-2 1/1 suspended []", "mou-1 1/1 proposed [SRC CTL OTH]"}},
		{client.AgreementQuery{State: "suspended"}, []string{"isa-2 1/1 suspended []"}},
		{client.AgreementQuery{Party: "OTH"}, []string{"mou-1 1/1 proposed [SRC CTL OTH]"}},
		{client.AgreementQuery{Party: "PRC"}, nil},
		{client.AgreementQuery{Due: 30}, nil},
		{client.AgreementQuery{Due: 90}, []string{"isa-1 1/2 in-force []", "isa-2 1/1 suspended []"}},
		{client.AgreementQuery{Due: 90, State: "in-force"}, []string{"isa-1 1/2 in-force []"}},
	} {
		got, err := c.Agreements(t.Context(), q.query)
		b.ok(err)
		var list []string
		for _, a := range got.Agreements {
			list = append(list, fmt.Sprintf("%s %d/%d %s %v", a.ID, a.Version, a.Newest, a.State, a.Missing))
		}
		if !slices.Equal(list, q.want) {
			t.Errorf("%+v: %q, want %q", q.query, list, q.want)
		}
	}
	a, err := c.Agreement(t.Context(), "isa-1")
	b.ok(err)
	if a.Version != 1 || a.State != "in-force" || len(a.Versions) != 2 || a.Versions[0].State != "in-force" ||
		a.Versions[1].State != "proposed" || len(a.History) != 4 {
		t.Fatalf("%+v", a)
	}
	if text := b.isa("isa-1", 1); a.Versions[0].Text.Title != text.Title ||
		a.Versions[0].Text.Roles[0] != "nurse" || !slices.Equal(a.Versions[1].Missing, []string{"SRC", "CTL"}) {
		t.Errorf("%+v", a.Versions)
	}
	for i, s := range a.Versions[0].Signatures {
		if org := []string{"SRC", "CTL"}[i]; s.Organisation != org || s.KID != b.keys[org].KID || s.Index != a.History[i+1].Index {
			t.Errorf("signature %+v", s)
		}
	}
	for _, h := range a.History {
		e, err := b.leaf(h.Index).Entry()
		b.ok(err)
		if string(e.Type) != h.Type || e.Issuer != h.Organisation || e.KID != h.KID || e.Name() != "agreement:isa-1" {
			t.Errorf("entry %d is shown as %+v", h.Index, h)
		}
		if h.Type == "agreement" && h.Version == 1 && e.Identity() != [32]byte(a.Versions[0].Proposal) {
			t.Error("the proposal's identity is not that of its entry")
		}
	}
	if s, err := c.Agreement(t.Context(), "isa-2"); err != nil ||
		!slices.Equal(s.Versions[0].Suspended, []string{"CTL"}) || s.History[3].Act != "suspend" || s.History[3].Reason != "tested" {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = c.Agreement(t.Context(), "isa-9")
	wantProblem(t, err, 404, notFound)
	for _, query := range []string{"due=0", "due=x", "due=99999", "state=asleep"} {
		if code := b.do("GET", "/v1/agreements?"+query, "").problem(t); code != badRequest {
			t.Errorf("%s: %s", query, code)
		}
	}
	for _, path := range []string{"/v1/agreements", "/v1/agreements/isa-1", "/v1/requests", "/v1/policies"} {
		if r := b.do("GET", path, ""); r.StatusCode != http.StatusOK || r.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d, CORS %q", path, r.StatusCode, r.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

// A list is given in pages, and no agreement is lost between them.
func TestAgreementsInPages(t *testing.T) {
	b := newBoard(t)
	var list []*entry.Entry
	for i := range maxAgreements + 3 {
		list = append(list, b.sign(b.keys["SRC"], &entry.Agreement{Common: common("SRC"),
			Agreement: b.isa(fmt.Sprintf("isa-%04d", i), 1)}))
	}
	for _, r := range b.log.Append(t.Context(), list...) {
		b.ok(r.Err)
	}
	var page client.Agreements
	b.ok(json.Unmarshal(b.do("GET", "/v1/agreements", "").body, &page))
	if len(page.Agreements) != maxAgreements || page.Next != page.Agreements[maxAgreements-1].ID {
		t.Errorf("%d agreements on the first page, next %q", len(page.Agreements), page.Next)
	}
	all, err := b.client(nil, "").Agreements(t.Context(), client.AgreementQuery{})
	b.ok(err)
	for i, a := range all.Agreements {
		if want := fmt.Sprintf("isa-%04d", i); a.ID != want {
			t.Fatalf("agreement %d is %s", i, a.ID)
		}
	}
	if len(all.Agreements) != len(list) || all.Next != "" {
		t.Errorf("%d agreements, want %d", len(all.Agreements), len(list))
	}
}

func TestRequestsAndPolicies(t *testing.T) {
	b := newBoard(t)
	c := b.client(nil, "")
	if list, err := c.SharingRequests(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("%+v %v", list, err)
	}
	b.append(b.keys["CTL"], &entry.SharingRequest{Common: common("CTL"), Request: "req-1", Holder: "SRC",
		Data: "letters", Purpose: "care", Codes: []string{"TREAT"}, Necessity: "clinics", Power: "statute", By: "IG lead"})
	if list, err := c.SharingRequests(t.Context()); err != nil || len(list) != 1 ||
		list[0].Organisation != "CTL" || list[0].Answer != nil {
		t.Fatalf("%+v %v", list, err)
	}
	b.append(b.keys["SRC"], &entry.SharingDecision{Common: common("SRC"), Request: "req-1", Decision: "refused",
		Reasons: "too wide", DPIA: "considered", By: "Caldicott Guardian"})
	list, err := c.SharingRequests(t.Context())
	if err != nil || len(list) != 1 || list[0].Answer == nil || list[0].Answer.Decision != "refused" ||
		list[0].Answer.Reasons != "too wide" || list[0].Answer.Index <= list[0].Index {
		t.Errorf("%+v %v", list, err)
	}

	text := policies.BuiltIn().Text() + "\n// tightened\n"
	stated := b.append(b.registrar, &entry.PolicySet{Common: common("REG"), Version: 1, Schema: entry.SchemaV1,
		Text: text, Hash: sha256.Sum256([]byte(text)), Reason: "tested"})
	p, err := c.Policies(t.Context())
	b.ok(err)
	if p.InUse != 1 || len(p.Sets) != 2 || p.Sets[0].Version != 0 ||
		p.Sets[0].Text != policies.BuiltIn().Text() || p.Sets[1].Text != text ||
		p.Sets[1].Index != stated.Index || p.Sets[1].Reason != "tested" || p.Schema == "" {
		t.Errorf("%+v", p)
	}
	for _, s := range p.Sets {
		if s.Hash != sha256.Sum256([]byte(s.Text)) {
			t.Errorf("the hash of version %d is not of its text", s.Version)
		}
	}
}

// What the rules refuse has a problem type of its own, and the detail says what is there.
func TestGoverningProblems(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	now := time.Now().UTC()
	sign := func(org, id string, version uint64) entry.Body {
		return &entry.AgreementSignature{Common: common(org), Agreement: id, Version: version, Proposal: wire.Hash{1}}
	}
	consent := func(change func(*entry.Consent)) entry.Body {
		c := &entry.Consent{Common: common("SRC"), Consent: consentID, Act: "refused", Scope: "patient-privacy",
			Decided:   now.Format(time.RFC3339),
			Expressed: entry.Expressed{How: "written"}, Rule: &entry.ConsentRule{Decision: "deny"}, Sub: person}
		change(c)
		return c
	}
	for name, c := range map[string]struct {
		org    string
		body   entry.Body
		status int
		code   wire.Code
	}{
		"signing what is not there": {"SRC", sign("SRC", "isa-9", 1), 422, register.UnknownAgreement},
		"signing another text":      {"SRC", sign("SRC", "isa-1", 1), 409, register.VersionConflict},
		"an act of no party": {"OTH", &entry.AgreementAct{Common: common("OTH"), Agreement: "isa-1",
			Version: 1, Act: "terminate", Reason: "r"}, 403, register.NotParty},
		"an act that cannot be": {"SRC", &entry.AgreementAct{Common: common("SRC"), Agreement: "isa-1",
			Version: 1, Act: "confirm", Reason: "r"}, 409, register.BadTransition},
		"withdrawing what is not there": {"SRC", consent(func(c *entry.Consent) {
			c.Act, c.Rule = "withdrawn", nil
		}), 422, register.UnknownConsent},
		"a period in the past": {"SRC",
			consent(func(c *entry.Consent) { c.Rule.End = now.Add(-time.Hour).Format(time.RFC3339) }), 422, register.PastPeriod},
		"against itself": {"SRC",
			consent(func(c *entry.Consent) { c.Rule.Except = []entry.ConsentRule{{Decision: "permit"}} }), 422, register.Contradiction},
		"by a delegate of nobody": {"SRC",
			consent(func(c *entry.Consent) {
				c.By, c.Act, c.Rule = &entry.ConsentBy{Delegation: deed}, "given", &entry.ConsentRule{Decision: "permit"}
			}), 422, register.UnknownConsent},
		"for himself": {"SRC", &entry.Delegation{Common: common("SRC"), Delegation: deed, Act: "granted",
			Kind: "GUARD", Scope: []string{"access"}, Start: now.Format(time.RFC3339),
			End: now.Add(time.Hour).Format(time.RFC3339), Basis: "order", Sub: person, Delegate: &entry.Delegate{ID: person}}, 422, register.BadDelegation},
		"policies that are none": {"REG", &entry.PolicySet{Common: common("REG"), Version: 1,
			Schema: entry.SchemaV1, Text: "x", Hash: sha256.Sum256([]byte("x")), Reason: "r"}, 422, register.BadPolicySet},
		"policies that rest on code systems which the server does not have": {"REG", &entry.PolicySet{Common: common("REG"), Version: 1,
			Schema: entry.SchemaV1, Text: policies.BuiltIn().Text(), Hash: sha256.Sum256([]byte(policies.BuiltIn().Text())), Reason: "r",
			Terminology: []wire.Hash{{1}}}, 422, register.BadPolicySet},
	} {
		key := map[string]*wire.Signer{"REG": b.registrar, "OTH": nil}[c.org]
		switch c.org {
		case "OTH":
			key = b.addKey("OTH", entry.PurposeAgreements)
		case "SRC":
			key = b.keys["SRC"]
		}
		r := b.do("POST", "/v1/entries", submission(b.sign(key, c.body).SDJWT()))
		if code := r.problem(t); code != string(c.code) || r.StatusCode != c.status || strings.Contains(string(r.body), "0101011237") {
			t.Errorf("%s: %d %s, want %d %s", name, r.StatusCode, r.body, c.status, c.code)
		}
	}
}
