package policies

import (
	"math"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"igledger/ledger/entry"
)

// NoRule is the only rule of a decision in which no policy allowed and none forbade the access.
const NoRule = "no-rule"

// UserUnnamed stands among the rules of a decision beside those by which a refusal closed the
// ground, if that is so only because the access does not name the user, or where they worked.
const UserUnnamed = "user-unnamed"

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
func (s *Set) Decide(f Facts) Decision { return f.decision(s.outcomeOf(&f)) }

// decision returns an outcome with what follows from it.
func (f *Facts) decision(o outcome) Decision {
	d := Decision{Result: o.result}
	d.cite(o.rules)
	switch {
	case o.result != entry.NotCovered:
		d.Obligations = f.due(o.rules)
	case len(o.rules) == 0:
		d.Rules = []string{NoRule}
	default:
		d.Obligations = f.remedies(o.rules)
		if f.Consent.Unnamed && slices.ContainsFunc(o.rules, func(r *rule) bool { return r.personal }) {
			d.Rules = append(d.Rules, UserUnnamed)
			slices.Sort(d.Rules)
		}
	}
	return d
}

// outcome is what the rules say of an access.
type outcome struct {
	result entry.VerdictResult
	rules  []*rule // that opened a ground; if the access is not covered, those that failed on the nearest
}

// outcomeOf returns what the rules say, remembered or new. What a person chose makes no difference
// to the work: the outcomes for every choice are found and remembered together. So the time that a
// decision takes does not tell what was chosen, to one who asks first about another person.
func (s *Set) outcomeOf(f *Facts) outcome {
	var room [512]byte
	key, small := f.key(room[:0])
	if small {
		if list, ok := s.memo.get(key); ok {
			return list[f.Consent.choice()]
		}
	}
	list := s.outcomes(f)
	if small {
		s.memo.put(key, list)
	}
	return list[f.Consent.choice()]
}

// outcomes returns what the rules say for each choice of the person.
func (s *Set) outcomes(f *Facts) *outcomes {
	var list outcomes
	var near [choices]bool // whether a permit would have opened the nearest ground
	var least [choices]int // how many forbids closed it
	var decided [choices]bool
	for i := range list {
		list[i].result = entry.NotCovered
	}
	questions := f.questions()
	for _, ground := range f.grounds() {
		if !slices.Contains(decided[:], false) {
			break
		}
		for i := range questions {
			questions[i].Action = ground
		}
		failed := ask(s.forbids.general, questions[0], true)
		opened := ask(s.permits.general, questions[0], false)
		for i := range list {
			o := &list[i]
			if decided[i] {
				continue
			}
			// A ground that only forbids close is nearer than one that no permit opens. Of two such grounds,
			// the one with fewer forbids is nearer, and of equals the override, which lacks least. What the
			// person chose does not count (see Blind): without it a ground that nothing closes and nothing
			// opens would be none at all, so it is the farthest.
			open, weight := len(opened) > 0, max(1, len(failed))
			if !open && len(failed) == 0 {
				weight = math.MaxInt
			}
			failed := append(slices.Clip(failed), ask(s.forbids.personal, questions[i], true)...)
			opened := append(slices.Clip(opened), ask(s.permits.personal, questions[i], false)...)
			switch {
			case len(failed) > 0:
				fewer := weight < least[i] || weight == least[i] && ground == breakGlass
				if o.rules == nil || open && !near[i] || open == near[i] && fewer {
					o.rules, near[i], least[i] = failed, open, weight
				}
			case len(opened) > 0:
				decided[i] = true
				*o = outcome{entry.Covered, opened}
				if f.Emergency {
					o.result = entry.BreakGlass
				}
			}
		}
	}
	return &list
}

// due returns what is still to be done after an access that these rules allow.
func (f *Facts) due(opened []*rule) (list []Obligation) {
	var ids []string
	for _, r := range opened {
		ids = append(ids, r.obligations...)
	}
	if f.Emergency {
		ids = append(ids, FollowUp)
		if !f.Justified {
			ids = append(ids, Justify)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		list = append(list, Obligation{ID: id})
	}
	return list
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
				o.Codes = append(o.Codes, f.Agreement.unlistedData(f.Data, f.Codes)...)
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
