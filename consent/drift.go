package consent

import (
	"igledger/ledger/entry"
	"igledger/policies"
)

// Departures returns the codes of an access that a version of an agreement does not list, by the
// code systems of the policy set in use. Verdicts use the same functions. If every code is listed,
// it returns nil.
func (r *Rules) Departures(t *entry.AgreementText, a *entry.Access) []policies.Departure {
	f := factsOf(t)
	return f.Departures(a.Purpose, a.Data, a.Role, a.Machine, r.sets[len(r.sets)-1].codes)
}
