package entry

import (
	"fmt"
	"slices"

	"igledger/ledger/wire"
)

// Check returns the first thing that is missing or wrong in the text, in the order of its members,
// or nil. The error is a *wire.Error whose What is the path of the field, for example
// "parties[1].role".
func (t *AgreementText) Check() error {
	err := first(
		t.checkReferences,
		text("title", t.Title),
		t.checkTier,
		t.checkParties,
		optional("drivers", t.Drivers),
		t.checkPurposes,
		t.checkBasis,
		optional("dpaCondition", t.Condition),
		text("legalPower", t.Power),
		t.checkData,
		text("subjects", t.Subjects),
		t.checkFlows,
		func() error { return checkSignedCodes("roles", t.Roles) },
		optional("necessity", t.Necessity),
		optional("quality", t.Quality),
		text("retention", t.Retention),
		text("disposal", t.Disposal),
		text("security", t.Security),
		t.checkTransfers,
		t.checkDPIA,
		t.checkApprovals,
		func() error { return t.Notice.check("privacyNotice") },
		text("rightsContact", t.Rights),
		text("breachContact", t.Breach),
		t.checkDays,
	)
	if err != nil {
		return err
	}
	b, err := wire.EncodeJSON(t)
	if err != nil {
		return err
	}
	return refusePersonNumbers(string(b))
}

// first returns the error of the first check that has one.
func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// text returns the check of a text that must be there, optional that of one that may be missing.
func text(name, s string) func() error {
	return func() error { return words(claimText{name, s, false}) }
}

func optional(name, s string) func() error {
	return func() error { return words(claimText{name, s, true}) }
}

// checkLength checks the number of members of a list: at least min, at most limit.
func checkLength(name string, n, min, limit int) error {
	if n < min {
		return wire.Errorf(wire.BadClaim, name, "want at least %d", min)
	}
	if n > limit {
		return wire.Errorf(wire.TooLarge, name, "%d members, at most %d", n, limit)
	}
	return nil
}

func (t *AgreementText) checkReferences() error {
	if err := CheckAgreementID(t.ID); err != nil {
		return wire.Errorf(wire.BadClaim, "id", "want 1-64 of A-Z a-z 0-9 . _ - beginning with a letter or digit")
	}
	if t.Version == 0 || t.Version > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "version", "want 1 or more")
	}
	if err := checkLength("supersedes", len(t.Supersedes), 0, 64); err != nil {
		return err
	}
	for i, id := range t.Supersedes {
		if CheckAgreementID(id) != nil || id == t.ID || slices.Contains(t.Supersedes[:i], id) {
			return wire.Errorf(wire.BadClaim, fmt.Sprintf("supersedes[%d]", i),
				"not the id of another agreement, or listed twice")
		}
	}
	if t.Under != "" && (CheckAgreementID(t.Under) != nil || t.Under == t.ID) {
		return wire.Errorf(wire.BadClaim, "under", "not the id of another agreement")
	}
	return nil
}

func (t *AgreementText) checkTier() error {
	if !slices.Contains(tiers, t.Tier) {
		return wire.Errorf(wire.BadClaim, "tier", "want mou, isa or work-instruction")
	}
	return nil
}

func (t *AgreementText) checkParties() error {
	if err := checkLength("parties", len(t.Parties), 2, 256); err != nil {
		return err
	}
	controllers := 0
	for i, p := range t.Parties {
		at := fmt.Sprintf("parties[%d].", i)
		if wire.CheckOrgID(p.Org) != nil || slices.Contains(t.Organisations()[:i], p.Org) {
			return wire.Errorf(wire.BadClaim, at+"organisation", "not an organisation id, or listed twice")
		}
		if !slices.Contains(partyRoles, p.Role) {
			return wire.Errorf(wire.BadClaim, at+"role", "want controller, joint-controller, processor or recipient")
		}
		if p.Role == "controller" || p.Role == "joint-controller" {
			controllers++
		}
		err := words(
			claimText{at + "icoRegistration", p.Registration, true},
			claimText{at + "dpo", p.DPO, true},
			claimText{at + "siro", p.SIRO, true},
			claimText{at + "caldicott", p.Caldicott, true},
			claimText{at + "contact", p.Contact, false},
		)
		if err != nil {
			return err
		}
	}
	if controllers == 0 {
		return wire.Errorf(wire.BadClaim, "parties", "none is a controller")
	}
	return nil
}

func (t *AgreementText) checkPurposes() error {
	if err := checkLength("purposes", len(t.Purposes), 1, 64); err != nil {
		return err
	}
	for i, p := range t.Purposes {
		at := fmt.Sprintf("purposes[%d].", i)
		err := first(
			text(at+"text", p.Text),
			func() error { return checkSignedCodes(at+"code", []string{p.Code}) },
			optional(at+"dpv", p.DPV),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBasis checks the articles of the UK GDPR that the sharing is based on.
func (t *AgreementText) checkBasis() error {
	if len(t.Article6) == 0 {
		return wire.Errorf(wire.BadClaim, "article6", "is empty")
	}
	if err := checkArticles("article6", t.Article6, 'f'); err != nil {
		return err
	}
	return checkArticles("article9", t.Article9, 'j')
}

func (t *AgreementText) checkData() error {
	if err := checkLength("data", len(t.Data), 1, 256); err != nil {
		return err
	}
	for i, d := range t.Data {
		at := fmt.Sprintf("data[%d].", i)
		err := first(text(at+"text", d.Text), func() error { return checkSignedCodes(at+"codes", d.Codes) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *AgreementText) checkFlows() error {
	if err := checkLength("flows", len(t.Flows), 1, 256); err != nil {
		return err
	}
	for i, f := range t.Flows {
		at := fmt.Sprintf("flows[%d].", i)
		if !slices.Contains(t.Organisations(), f.From) || !slices.Contains(t.Organisations(), f.To) {
			return wire.Errorf(wire.BadClaim, at+"from or to", "not a party")
		}
		if err := words(claimText{at + "how", f.How, false}); err != nil {
			return err
		}
	}
	return nil
}

func (t *AgreementText) checkTransfers() error {
	if err := checkLength("transfers", len(t.Transfers), 0, 256); err != nil {
		return err
	}
	for i, c := range t.Transfers {
		if !country.MatchString(c) {
			return wire.Errorf(wire.BadClaim, fmt.Sprintf("transfers[%d]", i),
				"want a country as two capital letters (ISO 3166-1)")
		}
	}
	return nil
}

func (t *AgreementText) checkDPIA() error {
	return first(
		text("dpia.reference", t.DPIA.Reference),
		isDay("dpia.date", t.DPIA.Date),
		optional("dpia.opinion", t.DPIA.Opinion),
	)
}

func (t *AgreementText) checkApprovals() error {
	if err := checkLength("approvals", len(t.Approvals), 0, 64); err != nil {
		return err
	}
	for i, a := range t.Approvals {
		at := fmt.Sprintf("approvals[%d].", i)
		err := first(text(at+"body", a.Body), text(at+"reference", a.Reference), isDay(at+"date", a.Date))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *AgreementText) checkDays() error {
	start, err := day("start", t.Start)
	if err != nil {
		return err
	}
	end, err := day("end", t.End)
	if err != nil {
		return err
	}
	if end.Before(start) {
		return wire.Errorf(wire.BadClaim, "end", "must not be before start")
	}
	return isDay("reviewDue", t.ReviewDue)()
}

func isDay(name, s string) func() error {
	return func() error {
		_, err := day(name, s)
		return err
	}
}

func (n *Notice) check(at string) error {
	if err := words(claimText{at + ".url", n.URL, false}); err != nil {
		return err
	}
	if n.Hash == (wire.Hash{}) {
		return wire.Errorf(wire.BadClaim, at+".hash", "is missing")
	}
	return words(claimText{at + ".version", n.Version, true}, claimText{at + ".language", n.Language, true})
}
