package policies

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
)

// What a person chose is not told to those whom it restricts (Regulation (EU) 2025/327, Article 8).
// A reader who may not learn it gets the blind form of a decision or verdict. It has what follows
// from agreement, purpose and role, and is the same whether the person refused, permitted something
// else, or said nothing. Only the result cannot be blind: to deny is what a refusal is for.
//
// For the forms of "refused" and "said nothing" to be equal, Decide must choose the nearest ground
// without looking at what the person chose, and does.

// Blind returns the blind form of a decision of this set on f.
func (s *Set) Blind(f Facts, d Decision) Decision {
	out := Decision{Result: d.Result, Rules: s.BlindRules(d.Result, d.Rules)}
	var told []*rule
	for _, id := range out.Rules {
		if r := s.rules[id]; r != nil {
			told = append(told, r)
			out.Agreement = out.Agreement || r.agreement
		}
	}
	f.Consent = Consent{}
	switch {
	case d.Result != entry.NotCovered:
		out.Obligations = f.due(told)
	case len(told) > 0:
		out.Obligations = f.remedies(told)
	}
	return out
}

// BlindRules returns the blind form of the rules of a decision or verdict of this set.
//
// Of an emergency it names none. Whether an agreement covers an emergency or only the override does
// may depend on what the person chose. In a set that parts grounds so, it names none of what is
// covered either.
func (s *Set) BlindRules(result entry.VerdictResult, rules []string) []string {
	if result == entry.BreakGlass || result == entry.Covered && s.parts {
		return nil
	}
	var told []string
	for _, id := range rules {
		if r := s.rules[id]; r != nil && !r.personal {
			told = append(told, id)
		}
	}
	if len(told) == 0 && result == entry.NotCovered {
		return []string{NoRule}
	}
	return slices.Clip(told)
}

// partsGrounds reports whether a personal policy, in Cedar's JSON, may close or open the holder's
// own use by what the person chose, and not the next ground, an agreement. Then the ground on which
// an access is covered would tell the choice.
func partsGrounds(policy []byte) (bool, error) {
	type entity struct{ ID string }
	var p struct {
		Effect string
		Action struct {
			Op       string
			Entity   entity
			Entities []entity
		}
	}
	if err := json.Unmarshal(policy, &p, json.MatchCaseInsensitiveNames(true)); err != nil {
		return false, err
	}
	reaches := func(ground string) bool {
		return p.Action.Op == "All" || slices.Contains(append(p.Action.Entities, p.Action.Entity), entity{ground})
	}
	both := reaches(string(agreement.ID)) && !bytes.Contains(policy, []byte(`{"Var":"action"}`))
	return reaches(string(ownRecords.ID)) && (p.Effect == "permit" || !both), nil
}
