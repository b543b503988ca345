package policies

import (
	"slices"

	"github.com/cedar-policy/cedar-go"

	"igledger/ledger/entry"
)

// NoRule stands among the rules of a decision that nothing forbade and nothing allowed.
const NoRule = "no-rule"

// Obligations of a decision. Of one that allows: what is still due. Of one that does not: what, done together, would make it allowed.
const (
	FollowUp      = "follow-up"      // the organisation has to say afterwards why the override was right
	ReviewRefusal = "review-refusal" // somebody independent, such as the Caldicott Guardian, has to look at an override of a person's refusal
	Justify       = "justify"        // give a justification
	AskConsent    = "ask-consent"    // ask the person
	Redact        = "redact"         // leave the data in Codes out
)

var obligations = []string{FollowUp, ReviewRefusal, Justify, AskConsent, Redact}

// Obligation is one of the above.
type Obligation struct {
	ID    string   `json:"id"`
	Codes []string `json:"codes,omitempty"` // of Redact: data codes, sorted
}

// Decision is what a policy set says of an access.
type Decision struct {
	Result      entry.VerdictResult
	Rules       []string     // ids of the rules that decided, sorted; of NotCovered those that failed on the ground that came nearest
	Obligations []Obligation // sorted by ID
	Agreement   bool         // the rules cite the agreement
	Consent     bool         // the rules cite the consent that decided
}

// Decide says whether an access is covered. It depends on f and the set alone. It asks each ground on which the access may stand, until one holds; an
// access to the ledger stands on that alone, any other on the holder's own use, on an agreement, or, as an emergency, on an override. An emergency is
// never plainly covered: at best it is break-glass, with a follow-up due.
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
	near := false // whether a permit would have opened the ground of nearest
	for _, ground := range f.grounds() {
		q.Action = ground
		failed := ask(s.forbids, q, true)
		opened := ask(s.permits, q, false)
		if len(opened) > 0 && len(failed) == 0 {
			return s.allowed(f, opened)
		}
		// A ground that only the forbids keep closed is nearer than one that no permit opens; then the fewer forbids the nearer.
		if open := len(opened) > 0; len(failed) > 0 && (nearest == nil || open && !near || open == near && len(failed) <= len(nearest)) {
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

// remedies are what would make an access allowed that these rules forbid: nothing, unless each of them can be met.
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
			if len(o.Codes) == 0 || !slices.ContainsFunc(f.Data, func(d string) bool { return !slices.Contains(o.Codes, d) }) {
				return nil // nothing would be left of the access
			}
		}
		list = append(list, o)
	}
	return list
}

// ask gives the policies that hold for a question. One that cannot be evaluated counts as holding if strict: a forbid fails closed.
func ask(rules ruleList, q cedar.Request, strict bool) []*rule {
	_, diag := cedar.Authorize(rules, nil, q)
	var held []*rule
	for _, r := range rules {
		id := cedar.PolicyID(r.id)
		if slices.ContainsFunc(diag.Reasons, func(x cedar.DiagnosticReason) bool { return x.PolicyID == id }) ||
			strict && slices.ContainsFunc(diag.Errors, func(x cedar.DiagnosticError) bool { return x.PolicyID == id }) {
			held = append(held, r)
		}
	}
	return held
}
