package consent

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/policies"
)

// Departure is a code of an access that the agreement it names does not list.
type Departure struct {
	Field string // purpose, data or role
	Code  string // "": none was stated, though the agreement limits the field
}

// Departures gives what of an access a version of an agreement does not list, by the measure of docs/POLICIES.md: purposes by subsumption, data by code or "system|*", for
// humans one role that is permitted. An access whose every code is listed has none.
func Departures(t *entry.AgreementText, a *entry.Access) []Departure {
	f := factsOf(t)
	same := func(listed, code string) bool { return listed == code }
	list := unlisted("purpose", f.Purposes, a.Purpose, policies.Covers)
	list = append(list, unlisted("data", f.Data, a.Data, dataCovers)...)
	if roles := unlisted("role", f.Roles, a.Role, same); !a.Machine && (len(roles) == len(a.Role) || len(a.Role) == 0) {
		list = append(list, roles...)
	}
	return list
}

// unlisted gives the codes that nothing of what is listed covers. A list that is empty limits nothing.
func unlisted(field string, listed, codes []string, covers func(listed, code string) bool) (out []Departure) {
	if len(listed) == 0 {
		return nil
	}
	if len(codes) == 0 {
		return []Departure{{Field: field}}
	}
	for _, c := range codes {
		if !slices.ContainsFunc(listed, func(l string) bool { return covers(l, c) }) {
			out = append(out, Departure{field, c})
		}
	}
	return out
}
