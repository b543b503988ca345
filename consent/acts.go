package consent

import (
	"slices"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// consentActs is what can happen to a consent record in the state that its newest act left: "" is none on file. A record that does not allow an act refuses it.
var consentActs = map[string][]string{
	"":          {"given", "refused"},
	"open":      {"given", "refused", "amended", "reconfirmed", "withdrawn", "expired"},
	"expired":   {"given", "refused", "reconfirmed"},
	"withdrawn": {"given", "refused"},
}

// consented takes an act of consent into the state of the person.
func (r *Rules) consented(c *entry.Consent, index uint64, p *person) ([]entry.Flag, error) {
	what := "consent"
	if nobody(c.Sub) {
		return nil, refuse(wire.BadID, what, "a register is no person who could consent")
	}
	decided, err := entry.ParseTime(c.Decided)
	if err != nil {
		return nil, err
	}
	old := p.record(c.Consent)
	if err := mayAct(c, old); err != nil {
		return nil, err
	}
	next := record{ID: c.Consent, Act: c.Act, Scope: c.Scope, Agreement: c.Agreement, Holder: c.Issuer, Index: index, Rule: c.Rule}
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
			return nil, refuse(register.UnknownAgreement, what, "the agreement that it was asked for is not in the log")
		}
		v := r.agreements.standing(a, decided)
		if !v.Text.ConsentBasis() {
			// Taking back an objection is nobody's business but the person's; only a permit that nothing rests on cannot be taken back.
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
		return refuse(register.UnknownConsent, "consent", "no consent record of this id is on file for the person, so it cannot be %s", c.Act)
	default:
		return refuse(register.BadTransition, "consent", "the record is %s since index %d, so it cannot be %s", old.Act, old.Index, c.Act)
	}
	switch {
	case old == nil:
	case c.Agreement != "" && c.Agreement != old.Agreement:
		return refuse(register.BadTransition, "consent", "the record is for another agreement, or for none")
	case c.Act == "expired" && c.Issuer != old.Holder:
		return refuse(wire.WrongIssuer, "consent", "only the organisation that holds the record says that it expired")
	}
	return nil
}

// mayConsent checks that a delegation lets somebody consent for the person at a time.
func mayConsent(d *delegation, at time.Time) error {
	switch {
	case d == nil:
		return refuse(register.UnknownConsent, "consent", "the delegation named in by is not on file for the person")
	case !d.live(at):
		return refuse(register.BadDelegation, "consent", "the delegation named in by was revoked, had ended or had not begun")
	case !slices.Contains(d.Scope, "consent"):
		return refuse(register.BadDelegation, "consent", "the delegation named in by is not for consenting")
	}
	return nil
}

// delegated takes a delegation into the state of the person. other gives the state of the delegate.
func delegated(d *entry.Delegation, index uint64, p *person, other func() (*person, error)) error {
	if nobody(d.Sub) {
		return refuse(wire.BadID, "delegation", "nobody acts for a register")
	}
	at := time.Unix(d.IssuedAt, 0)
	old := p.delegation(d.Delegation)
	if d.Act == "revoked" {
		switch {
		case old == nil:
			return refuse(register.UnknownConsent, "delegation", "no delegation of this id is on file for the person")
		case old.Revoked:
			return refuse(register.BadTransition, "delegation", "it was revoked at index %d", old.Index)
		}
		revoked := *old
		revoked.Revoked, revoked.Index = true, index
		p.Delegations = append(slices.DeleteFunc(p.Delegations, func(x delegation) bool { return x.ID == d.Delegation }), revoked)
		return nil
	}
	if old != nil {
		return refuse(register.BadTransition, "delegation", "one of this id was granted before; another one has another id")
	}
	if d.Delegate == nil {
		return refuse(wire.BadClaim, "delegate", "is missing: who acts is to be disclosed to the ledger")
	}
	if nobody(d.Delegate.ID) || d.Delegate.ID == d.Sub {
		return refuse(register.BadDelegation, "delegation", "nobody acts for himself, and a register for nobody")
	}
	end, err := entry.ParseTime(d.End)
	if err != nil {
		return err
	}
	if !end.After(at) {
		return refuse(register.PastPeriod, "delegation", "it ended before it was stated")
	}
	q, err := other()
	if err != nil {
		return err
	}
	for _, x := range q.Delegations {
		if xEnd, _ := entry.ParseTime(x.End); x.Delegate == d.Sub && !x.Revoked && xEnd.After(at) {
			return refuse(register.BadDelegation, "delegation", "the person acts for the delegate already: two who act for each other are a circle")
		}
	}
	p.Delegations = append(p.Delegations, delegation{ID: d.Delegation, Delegate: d.Delegate.ID, Scope: d.Scope, Start: d.Start, End: d.End, Index: index})
	return nil
}
