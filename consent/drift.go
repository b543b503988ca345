package consent

import (
	"igledger/ledger/entry"
	"igledger/policies"
)

// Departures returns what of an access a version of an agreement does not list, by the measure of
// verdicts. An access whose every code is listed has none.
func Departures(t *entry.AgreementText, a *entry.Access) []policies.Departure {
	f := factsOf(t)
	return f.Departures(a.Purpose, a.Data, a.Role, a.Machine)
}
