package consent

import (
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/policies"
)

// consentActs are the acts that officers can state in each state of a consent record. "" means that
// there is no record. Any other act is refused: it is a mistake that they can still correct.
var consentActs = map[string][]string{
	"":          {"given", "refused"},
	"open":      {"given", "refused", "amended", "reconfirmed", "withdrawn", "expired"},
	"expired":   {"given", "refused", "reconfirmed"},
	"withdrawn": {"given", "refused"},
}

// reported says that another system holds the act already, as a FHIR resource. It is then taken as
// it is, also if it makes no sense here: an end whose beginning never came, an agreement that is
// not known. Only if nothing could follow from it is it refused.
func reported(c *entry.Consent) bool { return len(c.FHIR) > 0 }

// consented applies an act of consent to the state of the person.
func (r *Rules) consented(c *entry.Consent, index uint64, p *person) ([]entry.Flag, error) {
	if noPerson(c.Sub) {
		return nil, refuse(wire.BadID, "consent", "a register is not a person and cannot consent")
	}
	old := p.record(c.Consent)
	if err := mayAct(c, old); err != nil {
		return nil, err
	}
	next := record{ID: c.Consent, Holder: c.Issuer}
	if old != nil {
		next = *old
		if len(c.Agreements) == 0 && !reported(c) { // an officer need not name them again
			with := *c
			with.Agreements = old.Agreements
			c = &with
		}
	}
	proved, err := shown(c, p)
	if err != nil {
		return nil, err
	}
	if c.Rule != nil {
		if err := checkRule(c.Rule, when(c), reported(c)); err != nil {
			return nil, err
		}
	}
	flags, err := r.basis(c, old)
	if err != nil {
		return nil, err
	}
	// What a permission refuses within it counts, also if the record may have been forgotten.
	forgotten := old == nil && c.Rule != nil && c.Rule.Decision == policies.Permit && !c.Order().AsOf().After(p.Forgotten)
	late := forgotten
	if !forgotten || refuses(c.Rule) {
		late = next.add(c, index, proved && !forgotten) || forgotten
		if !late || old == nil {
			next.Index = index
		}
		p.put(next)
	}
	if late {
		flags = append(flags, entry.FlagLateDecision)
	}
	if !proved && (c.Ends() || c.Rule.Decision == policies.Permit || c.By.Delegation != "") {
		flags = append(flags, entry.FlagNoDelegation)
	}
	return flags, nil
}

// basis returns the flags of an act that names agreements, and refuses one that cannot have been
// meant: an agreement that is not in the log, or the withdrawal of a permission on which nothing
// rests.
func (r *Rules) basis(c *entry.Consent, old *record) (flags []entry.Flag, err error) {
	agreements := c.Agreements
	if len(agreements) == 0 && c.Ends() && old != nil {
		agreements = old.Agreements
	}
	var text *entry.AgreementText // the first on which no consent rests
	based := false
	for _, id := range agreements {
		a := r.agreements.Get(id)
		switch {
		case a == nil && reported(c):
			flags = []entry.Flag{entry.FlagUnknownAgreement}
			continue
		case a == nil:
			return nil, refuse(register.UnknownAgreement, "consent", "the agreement that it is for is not in the log")
		}
		t := r.agreements.standing(a, when(c)).Text
		if t.ConsentBasis() {
			based = true
		} else if text == nil {
			text = t
		}
	}
	if based || text == nil {
		return flags, nil
	}
	// A person may always withdraw an objection. A permission that is not the basis cannot be
	// withdrawn.
	withdraws := c.Act == "withdrawn" && old != nil && old.Rule != nil && !old.denies()
	switch {
	case withdraws && !reported(c):
		return nil, refuse(register.NotConsentBasis, "consent", "%s", TrueBasis(text))
	case withdraws, c.Rule != nil && c.Rule.Decision == policies.Permit:
		flags = append(flags, entry.FlagConsentNotBasis)
	}
	return flags, nil
}

// shown reports whether the person acted, or someone whose authority is shown. A permission under
// an authority that does not hold is refused, so that whoever states it can name another. A refusal
// is taken.
func shown(c *entry.Consent, p *person) (bool, error) {
	if c.By == nil {
		return true, nil
	}
	if c.By.Delegation == "" {
		return false, nil
	}
	err := mayConsent(p.delegation(c.By.Delegation), when(c))
	switch {
	case err == nil:
		return true, nil
	case c.Rule != nil && c.Rule.Decision == policies.Deny, c.Ends() && reported(c):
		return false, nil
	}
	return false, err
}

// when returns when the act was decided: an end as of its time.
func when(c *entry.Consent) time.Time {
	if c.Ends() {
		return c.Order().AsOf()
	}
	return c.Order().Decided
}

// mayAct checks an act against the record that it is about.
func mayAct(c *entry.Consent, old *record) error {
	state := ""
	if old != nil {
		state = old.state()
	}
	switch {
	case slices.Contains(consentActs[state], c.Act), reported(c):
	case old == nil:
		return refuse(register.UnknownConsent, "consent",
			"no consent record of this id is on file for the person, so it cannot be %s", c.Act)
	default:
		return refuse(register.BadTransition, "consent",
			"the record has been %s since index %d, so it cannot be %s", state, old.Index, c.Act)
	}
	switch {
	case old == nil || reported(c):
	case len(c.Agreements) > 0 && !slices.Equal(c.Agreements, old.Agreements):
		return refuse(register.BadTransition, "consent", "the record is for another agreement, or for none")
	case c.Act == "expired" && c.Issuer != old.Holder:
		return refuse(wire.WrongIssuer, "consent", "only the organisation that holds the record can say that it expired")
	}
	return nil
}

// mayConsent checks that a delegation lets someone consent for the person at a time.
func mayConsent(d *delegation, at time.Time) error {
	switch {
	case d == nil:
		return refuse(register.UnknownConsent, "consent", "the delegation named is not on file for the person")
	case !d.live(at):
		return refuse(register.BadDelegation, "consent", "the delegation named was revoked, had ended or had not begun")
	case !slices.Contains(d.Scope, "consent"):
		return refuse(register.BadDelegation, "consent", "the delegation named does not include consent")
	}
	return nil
}

// delegated applies a delegation to the state of the person. other returns the state of the
// delegate.
func delegated(d *entry.Delegation, index uint64, p *person, other func() (*person, error)) error {
	if noPerson(d.Sub) {
		return refuse(wire.BadID, "delegation", "a register is not a person and cannot have a delegate")
	}
	at := time.Unix(d.IssuedAt, 0)
	old := p.delegation(d.Delegation)
	if d.Act == "revoked" {
		switch {
		case old == nil:
			return refuse(register.UnknownConsent, "delegation", "no delegation of this id is on file for the person")
		case old.Revoked:
			return refuse(register.BadTransition, "delegation", "it was already revoked at index %d", old.Index)
		}
		revoked := *old
		revoked.Revoked, revoked.Index = true, index
		p.Delegations = slices.DeleteFunc(p.Delegations, func(x delegation) bool { return x.ID == d.Delegation })
		p.Delegations = append(p.Delegations, revoked)
		return nil
	}
	if old != nil {
		return refuse(register.BadTransition, "delegation", "a delegation of this id was granted before: use a new id")
	}
	if d.Delegate == nil {
		return refuse(wire.BadClaim, "delegate", "is missing: the delegate must be disclosed to the ledger")
	}
	if noPerson(d.Delegate.ID) || d.Delegate.ID == d.Sub {
		return refuse(register.BadDelegation, "delegation",
			"a person cannot be their own delegate, and a register cannot be a delegate")
	}
	end, err := entry.ParseTime(d.End)
	if err != nil {
		return err
	}
	if !end.After(at) {
		return refuse(register.PastPeriod, "delegation", "it ended before it was recorded")
	}
	q, err := other()
	if err != nil {
		return err
	}
	for _, x := range q.Delegations {
		if xEnd, _ := entry.ParseTime(x.End); x.Delegate == d.Sub && !x.Revoked && xEnd.After(at) {
			return refuse(register.BadDelegation, "delegation",
				"the person already acts for the delegate: two people cannot act for each other")
		}
	}
	p.Delegations = append(p.Delegations, delegation{
		ID: d.Delegation, Delegate: d.Delegate.ID, Scope: d.Scope, Start: d.Start, End: d.End, Index: index,
	})
	return nil
}
