package policies

import "slices"

// Departure is a code of an access that the agreement named does not list.
type Departure struct {
	Field string // purpose, data or role
	Code  string // "": none was stated, though the agreement limits the field
}

// Departures returns the codes of an access that the agreement does not list. The verdict uses the
// same functions (see Facts.agreement). So an access without departures never fails for its
// purpose, data or role, and an access with a departure in a field always fails on that field.
func (a *Agreement) Departures(purposes, data, roles []string, machine bool) []Departure {
	var list []Departure
	for _, f := range []struct {
		name     string
		unlisted []string
	}{
		{"purpose", a.unlistedPurposes(purposes)},
		{"data", a.unlistedData(data)},
		{"role", a.unlistedRoles(roles, machine)},
	} {
		for _, code := range f.unlisted {
			list = append(list, Departure{f.name, code})
		}
	}
	return list
}

// unlistedPurposes returns the purposes that the agreement does not cover. Every purpose must be
// covered, and at least one must be stated: an access has to say why.
func (a *Agreement) unlistedPurposes(purposes []string) []string {
	return unlisted(a.Purposes, purposes, Covers)
}

// unlistedData returns the data codes that the agreement does not cover. An agreement that lists
// none covers all data.
func (a *Agreement) unlistedData(data []string) []string {
	if len(a.Data) == 0 {
		return nil
	}
	return unlisted(a.Data, data, CoversData)
}

// unlistedRoles returns the user's roles if none of them is listed: one listed role suffices. A
// machine has no role, and an agreement that lists no roles is for all.
func (a *Agreement) unlistedRoles(roles []string, machine bool) []string {
	if machine || len(a.Roles) == 0 || overlap(a.Roles, roles) {
		return nil
	}
	return unlisted(a.Roles, roles, func(listed, role string) bool { return listed == role })
}

// unlisted returns the codes that nothing listed covers. If no code is stated, it returns one empty
// code.
func unlisted(listed, codes []string, covers func(listed, code string) bool) []string {
	var out []string
	for _, code := range orUnstated(codes) {
		if code == "" || !slices.ContainsFunc(listed, func(l string) bool { return covers(l, code) }) {
			out = append(out, code)
		}
	}
	return out
}
