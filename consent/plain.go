package consent

import (
	"igledger/ledger/entry"
	"igledger/policies"
)

// Reasons returns what the policy set behind v says of each rule in v.Rules, in their order. These
// are the words that its registrar signed. If the set does not have a rule, its text is "". If this
// log's sets do not include the version, the built-in set is asked, since an id keeps its meaning
// from set to set. Package audit/plain has the words for the rest of a verdict.
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
