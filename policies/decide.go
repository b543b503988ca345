package policies

import (
	"slices"

	"github.com/cedar-policy/cedar-go"

	"igledger/ledger/entry"
)

// NoRule is the only rule of a decision in which no policy allowed and none forbade the access.
const NoRule = "no-rule"

// Obligations of a decision. If the access is allowed, they say what is still to be done. If it is
// not, they say what would make it allowed, if all of them are met.
const (
	FollowUp = "follow-up" // the organisation must explain the override afterwards
	// ReviewRefusal: someone independent, such as the Caldicott Guardian, must review the override
	// of a person's refusal.
	ReviewRefusal = "review-refusal"
	Justify       = "justify"     // give a justification
	AskConsent    = "ask-consent" // ask the person
	TellPerson    = "tell-person" // the person must be told now that their restriction was overridden
	Redact        = "redact"      // leave out the data in Codes
)

var obligations = []string{FollowUp, ReviewRefusal, Justify, AskConsent, TellPerson, Redact}

// Obligation is one obligation of a decision.
type Obligation struct {
	ID    string   `json:"id"`
	Codes []string `json:"codes,omitempty"` // only for Redact: data codes, sorted
}

// Decision says whether a policy set covers an access, and why.
type Decision struct {
	Result entry.VerdictResult
	// Rules are the ids of the rules that decided, sorted. If the access is not covered, they are
	// those that failed on the nearest ground.
	Rules       []string
	Obligations []Obligation // sorted by ID
	Agreement   bool         // the rules cite the agreement
	Consent     bool         // the rules cite the consent that decided
}

// Decide says whether an access is covered. The result depends on f and the set alone.
//
// It asks about each ground on which the access may be allowed, until one holds. An access to the
// ledger has only that ground. Any other access has the holder's own use, an agreement and, in an
// emergency, an override. An emergency is never plainly covered: at best it is break-glass, with a
// follow-up due.
func (s *Set) Decide(f Facts) Decision {
	key, small := f.key()
	if small {
		if d, ok := s.memo.get(key); ok {
			return d.clone()
		}
	}
	d := s.decide(f)
	if small {
		s.memo.put(key, d.clone())
	}
	return d
}

func (d Decision) clone() Decision {
	d.Rules = slices.Clone(d.Rules)
	d.Obligations = slices.Clone(d.Obligations)
	for i := range d.Obligations {
		d.Obligations[i].Codes = slices.Clone(d.Obligations[i].Codes)
	}
	return d
}

func (s *Set) decide(f Facts) Decision {
	q := f.question()
	var nearest []*rule
	near := false // whether a permit would have opened the nearest ground
	for _, ground := range f.grounds() {
		q.Action = ground
		failed := ask(s.forbids, q, true)
		opened := ask(s.permits, q, false)
		if len(opened) > 0 && len(failed) == 0 {
			return s.allowed(f, opened)
		}
		if len(failed) == 0 {
			continue
		}
		// A ground that only forbids close is nearer than one that no permit opens. Of two such
		// grounds, the one with fewer forbids is nearer.
		open := len(opened) > 0
		if nearest == nil || open && !near || open == near && len(failed) <= len(nearest) {
			nearest, near = failed, open
		}
	}
	d := Decision{Result: entry.NotCovered}
	d.cite(nearest)
	if len(nearest) == 0 {
		d.Rules = []string{NoRule}
		return d
	}
	d.Obligations = f.remedies(nearest)
	return d
}

func (s *Set) allowed(f Facts, opened []*rule) Decision {
	d := Decision{Result: entry.Covered}
	d.cite(opened)
	var due []string
	for _, r := range opened {
		due = append(due, r.obligations...)
	}
	if f.Emergency {
		d.Result = entry.BreakGlass
		due = append(due, FollowUp)
		if !f.Justified {
			due = append(due, Justify)
		}
	}
	slices.Sort(due)
	for _, id := range slices.Compact(due) {
		d.Obligations = append(d.Obligations, Obligation{ID: id})
	}
	return d
}

func (d *Decision) cite(rules []*rule) {
	for _, r := range rules {
		d.Rules = append(d.Rules, r.id)
		d.Agreement = d.Agreement || r.agreement
		d.Consent = d.Consent || r.person
	}
	slices.Sort(d.Rules)
}

// remedies returns what would make an access allowed that these rules forbid. If one of the rules
// has no remedy, it returns nil.
func (f *Facts) remedies(failed []*rule) []Obligation {
	var ids []string
	for _, r := range failed {
		if len(r.obligations) == 0 {
			return nil
		}
		ids = append(ids, r.obligations...)
	}
	slices.Sort(ids)
	var list []Obligation
	for _, id := range slices.Compact(ids) {
		o := Obligation{ID: id}
		if id == Redact {
			o.Codes = slices.Clone(f.Consent.Refused)
			if f.Agreement != nil {
				o.Codes = append(o.Codes, f.Agreement.unlistedData(f.Data)...)
			}
			slices.Sort(o.Codes)
			o.Codes = slices.Compact(o.Codes)
			left := slices.ContainsFunc(f.Data, func(d string) bool { return !slices.Contains(o.Codes, d) })
			if len(o.Codes) == 0 || !left {
				return nil // nothing would be left of the access
			}
		}
		list = append(list, o)
	}
	return list
}

// ask returns the policies that hold for a question. If strict is set, a policy that cannot be
// evaluated holds too: so a forbid fails closed.
func ask(rules ruleList, q cedar.Request, strict bool) []*rule {
	_, diag := cedar.Authorize(rules, nil, q)
	var held []*rule
	for _, r := range rules {
		id := cedar.PolicyID(r.id)
		holds := slices.ContainsFunc(diag.Reasons, func(x cedar.DiagnosticReason) bool { return x.PolicyID == id })
		failed := slices.ContainsFunc(diag.Errors, func(x cedar.DiagnosticError) bool { return x.PolicyID == id })
		if holds || strict && failed {
			held = append(held, r)
		}
	}
	return held
}
