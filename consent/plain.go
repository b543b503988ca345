package consent

import (
	"fmt"

	"igledger/ledger/entry"
	"igledger/policies"
)

// Plain says a verdict in words for citizens and officers: first the result, then a sentence for each rule that decided, in the words of the policy set
// that was in use then or, if this log's are not known here, of the built-in one.
func (r *Rules) Plain(v *entry.Verdict) []string {
	var list []string
	under := ""
	if v.Agreement != "" {
		under = fmt.Sprintf(" It named agreement %s, version %d.", v.Agreement, v.Version)
	}
	switch v.Result {
	case entry.Covered:
		list = append(list, "Covered."+under)
	case entry.BreakGlass:
		list = append(list, "An emergency override; the organisation has to say afterwards why it was right."+under)
	default:
		list = append(list, "Not covered by any agreement, consent or law that this ledger knows."+under)
	}
	set := r.PoliciesOf(v.Policies)
	if set == nil { // the reader has no log at hand; an id keeps its meaning from set to set
		set = policies.BuiltIn()
	}
	for _, id := range v.Rules {
		words := set.Plain(id)
		if words == "" {
			words = "Rule " + id + "."
		}
		list = append(list, words)
	}
	return list
}
