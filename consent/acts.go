package consent

import (
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// consentActs are the acts that are possible in each state of a consent record, which its newest
// act left. "" means that there is no record. Any other act is refused.
var consentActs = map[string][]string{
	"":          {"given", "refused"},
	"open":      {"given", "refused", "amended", "reconfirmed", "withdrawn", "expired"},
	"expired":   {"given", "refused", "reconfirmed"},
	"withdrawn": {"given", "refused"},
}

// consented applies an act of consent to the state of the person.
func (r *Rules) consented(c *entry.Consent, index uint64, p *person) ([]entry.Flag, error) {
	what := "consent"
	if noPerson(c.Sub) {
		return nil, refuse(wire.BadID, what, "a register is not a person and cannot consent")
	}
	decided, err := entry.ParseTime(c.Decided)
	if err != nil {
		return nil, err
	}
	old := p.record(c.Consent)
	if err := mayAct(c, old); err != nil {
		return nil, err
	}
	next := record{
		ID: c.Consent, Act: c.Act, Scope: c.Scope, Agreement: c.Agreement, Holder: c.Issuer, Index: index, Rule: c.Rule,
	}
	if old != nil {
		next.Holder = old.Holder
		if c.Agreement == "" {
			next.Agreement = old.Agreement
		}
	}
	if c.By != nil && c.By.Delegation != "" {
		if err := mayConsent(p.delegation(c.By.Delegation), decided); err != nil {
			return nil, err
		}
	}
	if c.Rule != nil {
		if err := checkRule(c.Rule, decided); err != nil {
			return nil, err
		}
	}
	var flags []entry.Flag
	if next.Agreement != "" {
		a := r.agreements.Get(next.Agreement)
		if a == nil {
			return nil, refuse(register.UnknownAgreement, what, "the agreement that it is for is not in the log")
		}
		v := r.agreements.standing(a, decided)
		if !v.Text.ConsentBasis() {
			// A person may always withdraw an objection. A permission that is not the basis cannot
			// be withdrawn.
			if c.Act == "withdrawn" && old.Rule.Decision == "permit" {
				return nil, refuse(register.NotConsentBasis, what, "%s", TrueBasis(v.Text))
			}
			if c.Rule != nil && c.Rule.Decision == "permit" {
				flags = append(flags, entry.FlagConsentNotBasis)
			}
		}
	}
	p.put(next)
	return flags, nil
}

// mayAct checks an act against the record that it is about.
func mayAct(c *entry.Consent, old *record) error {
	state := ""
	switch {
	case old == nil:
	case old.closed():
		state = old.Act
	default:
		state = "open"
	}
	switch {
	case slices.Contains(consentActs[state], c.Act):
	case old == nil:
		return refuse(register.UnknownConsent, "consent",
			"no consent record of this id is on file for the person, so it cannot be %s", c.Act)
	default:
		return refuse(register.BadTransition, "consent",
			"the record has been %s since index %d, so it cannot be %s", old.Act, old.Index, c.Act)
	}
	switch {
	case old == nil:
	case c.Agreement != "" && c.Agreement != old.Agreement:
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
