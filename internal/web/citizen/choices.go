package citizen

import (
	"cmp"
	"context"
	"slices"
	"time"

	"igledger/consent"
	"igledger/internal/web/door"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies/purpose"
)

// use is a use of records that people may refuse.
type use struct {
	Name     string   // research, planning: in words and in forms
	Scope    string   // FHIR consentscope
	Purposes []string // PurposeOfUse codes that a refusal of it names; nil: any use
}

// uses are what can be refused here. Everything else is care, what care cannot do without, or what
// the law requires: a switch for it would change nothing, or would be a restriction, of which people
// are told at a desk what it costs them.
var uses = []use{
	{"research", "research", []string{"HRESCH"}},
	{"planning", "patient-privacy", []string{"GOV", "HOUTCOMS", "HPRGRP", "HQUALIMP", "POPHLTH"}},
}

func useOf(name string) *use {
	if i := slices.IndexFunc(uses, func(u use) bool { return u.Name == name }); i >= 0 {
		return &uses[i]
	}
	return nil
}

// rule is the refusal of the use.
func (u *use) rule() *entry.ConsentRule {
	return &entry.ConsentRule{Decision: "deny", Purposes: slices.Clone(u.Purposes)}
}

// refusedBy reports whether a rule refuses the whole use.
func (u *use) refusedBy(r *entry.ConsentRule, at time.Time) bool {
	if r == nil || r.Decision != "deny" || len(r.Except)+len(r.Data)+len(r.Recipients)+len(r.Roles)+len(r.Staff)+len(r.Units)+
		len(r.Actions) > 0 || !during(r, at) {
		return false
	}
	return len(r.Purposes) == 0 || !slices.ContainsFunc(u.Purposes, func(code string) bool {
		return !slices.ContainsFunc(r.Purposes, func(wide string) bool { return purpose.Subsumes(wide, code) })
	})
}

// during reports whether a time is within that of a rule.
func during(r *entry.ConsentRule, at time.Time) bool {
	return (r.Start == "" || !at.Before(r.Time(r.Start))) && (r.End == "" || at.Before(r.Time(r.End)))
}

// meets reports whether a rule for these purposes, or for any if there are none, is about the use.
func (u *use) meets(purposes []string) bool {
	return len(purposes) == 0 || slices.ContainsFunc(purposes, func(p string) bool {
		return slices.ContainsFunc(u.Purposes, func(code string) bool { return purpose.Subsumes(p, code) || purpose.Subsumes(code, p) })
	})
}

// decided is an act of consent that holds, as the person sees it.
type decided struct {
	*entry.Consent
	item *door.Item
	When time.Time
}

// heldOf returns what holds of the decisions of a history. Of those under another number of the
// person only refusals count.
func heldOf(h *door.History) (list []decided) {
	acts := make([][]itemOf, len(h.IDs))
	for _, i := range h.Items {
		if body, ok := i.Body.(*entry.Consent); ok && i.ID >= 0 {
			acts[i.ID] = append(acts[i.ID], itemOf{body, i})
		}
	}
	for id, a := range acts {
		for _, d := range held(a) {
			if id == 0 || d.Rule != nil && d.Rule.Decision == "deny" {
				list = append(list, d)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b decided) int { return b.When.Compare(a.When) })
	return list
}

// held returns what holds of a person's decisions, newest first, of those filed under their id.
func held(items []itemOf) []decided {
	acts := make([]*entry.Consent, 0, len(items))
	at := map[*entry.Consent]*door.Item{}
	for _, i := range slices.SortedFunc(slices.Values(items), func(a, b itemOf) int { return cmp.Compare(a.item.Index, b.item.Index) }) {
		acts, at[i.consent] = append(acts, i.consent), i.item
	}
	var list []decided
	for act, holds := range consent.Holding(acts) {
		if !holds || act.Ends() {
			continue
		}
		when, err := time.Parse(time.RFC3339, act.Decided)
		if err != nil {
			when = time.Unix(act.IssuedAt, 0)
		}
		list = append(list, decided{act, at[act], when})
	}
	slices.SortFunc(list, func(a, b decided) int { return cmp.Or(b.When.Compare(a.When), cmp.Compare(b.item.Index, a.item.Index)) })
	return list
}

type itemOf struct {
	consent *entry.Consent
	item    *door.Item
}

// agreed is an agreement in force under which records are used for something.
type agreed struct {
	ID, Title string
	Receivers []string // organisation ids
	Article6  []string // letters, of UK GDPR Article 6(1)
	Article9  []string // letters, of UK GDPR Article 9(2)
	Allowed   bool     // it covers the use of this person's record now
	Changes   bool     // it would not if they refused, or would if they did not
}

// underAgreements returns the agreements in force that share records for the use, and what the
// policy set in force makes of a typical access under each, with the person's refusal of the use and
// without it.
func underAgreements(rules *consent.Rules, u *use, id string, state func(string) []byte, with, without func(string) []byte,
	now time.Time) ([]agreed, error) {
	var list []agreed
	for _, a := range rules.Agreements().IDs() {
		v, s := rules.Agreements().State(a, now)
		if v == nil || s != consent.InForce && s != consent.UnderReview {
			continue
		}
		g := agreed{ID: a, Title: v.Text.Title, Article6: v.Text.Article6, Article9: v.Text.Article9}
		for _, access := range typical(v.Text, u, id, now) {
			d, err := rules.Decide(access, state)
			if err != nil {
				return nil, err
			}
			refused, err := rules.Decide(access, with)
			if err != nil {
				return nil, err
			}
			open, err := rules.Decide(access, without)
			if err != nil {
				return nil, err
			}
			g.Allowed = g.Allowed || d.Verdict.Result == entry.Covered
			g.Changes = g.Changes || open.Verdict.Result != refused.Verdict.Result
			if !slices.Contains(g.Receivers, access.Org) {
				g.Receivers = append(g.Receivers, access.Org)
			}
		}
		if len(g.Receivers) > 0 {
			list = append(list, g)
		}
	}
	return list, nil
}

// typical returns, for each flow of an agreement, an access for the use that it is about.
func typical(t *entry.AgreementText, u *use, id string, now time.Time) (list []*entry.Access) {
	var codes []string
	for _, p := range t.Purposes {
		if u.Purposes == nil || slices.ContainsFunc(u.Purposes, func(wide string) bool { return purpose.Subsumes(wide, p.Code) }) {
			codes = append(codes, p.Code)
		}
	}
	if len(codes) == 0 {
		return nil
	}
	var data []string
	for _, d := range t.Data {
		data = append(data, d.Codes...)
	}
	for _, f := range t.Flows {
		// By somebody in the role of the use: what was refused to another by name or by role is no answer.
		a := &entry.Access{Common: entry.Common{Type: entry.TypeAccess, Issuer: f.From}, Source: "typical", Org: f.To, Action: "R",
			Role: []string{u.Name}, Staff: &entry.Staff{System: "urn:igledger:typical", ID: "somebody"},
			Data: data, Purpose: codes[:1], Agreement: t.ID, Outcome: "0", Recorded: now.UTC().Format(time.RFC3339), Sub: id}
		if len(t.Roles) > 0 {
			a.Role = t.Roles[:1]
		}
		list = append(list, a)
	}
	return list
}

// supposing returns the states of persons as they would be after an act of a person's consent. The
// act is signed with a key of nobody, and never logged.
func supposing(ctx context.Context, rules *consent.Rules, state func(string) []byte, issuer, origin string, size uint64,
	acts ...*entry.Consent) (func(string) []byte, error) {
	nobody, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		return nil, err
	}
	changed := map[string][]byte{}
	now := func(id string) []byte {
		if s, ok := changed[id]; ok {
			return s
		}
		return state(id)
	}
	for _, act := range acts {
		e, err := entry.SignFor(nobody, cmp.Or(act.Issuer, issuer), origin, act)
		if err != nil {
			return nil, err
		}
		j, err := rules.Judge(e, size, now)
		if err != nil {
			return nil, err
		}
		if j.Person != nil {
			changed[act.Sub] = j.Person
		}
	}
	return now, ctx.Err()
}
