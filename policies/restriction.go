package policies

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// MeansRestriction reports whether a refusal that does not say whether it is a restriction is one,
// by what it names: care as its purpose, or no purpose and someone in particular, a member of
// staff, a place, a role or an organisation. Who refuses all of their record to a former husband
// means care too. around are the purposes of the rule that the refusal is an exception to, which
// are its own if it names none.
func MeansRestriction(r *entry.ConsentRule, around []string) bool {
	if r.Decision != Deny {
		return false
	}
	purposes := r.Purposes
	if len(purposes) == 0 {
		purposes = around
	}
	if len(purposes) == 0 {
		return len(r.Staff)+len(r.Units)+len(r.Roles)+len(r.Recipients) > 0
	}
	return slices.ContainsFunc(purposes, purpose.Care)
}
