package consent

import (
	"igledger/ledger/entry"
	"igledger/policies"
)

// Reasons returns what the policy set behind v says of each of v.Rules, in their order: the words that its
// registrar signed. "" is of a rule that the set does not have. If this log's sets are not known here,
// the built-in one is asked, since an id keeps its meaning from set to set. Package audit/plain has the
// words for the rest of a verdict.
func (r *Rules) Reasons(v *entry.Verdict) []string {
	set := r.PoliciesOf(v.Policies)
	if set == nil {
		set = policies.BuiltIn()
	}
	list := make([]string, len(v.Rules))
	for i, id := range v.Rules {
		list[i] = set.Plain(id)
	}
	return list
}
