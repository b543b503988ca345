package plain

import (
	"strings"

	"igledger/ledger/entry"
)

// Told is an entry of a person's history as lists show it. Commands, the API and pages take these
// words, so that the person, the officer and the auditor read the same.
type Told struct {
	Who     string   // organisation, role, name
	What    string   // "read test results and measurements"
	Why     string   // "to give you care; in their words: “chest pain” [isa-2026-1]"
	Result  string   // "succeeded"; "" for acts that only state something
	Remarks []string // what the reader should notice
}

// Told returns the words of a list for an entry. place is the name of the organisation that acted,
// "" for its id.
func (c *Catalogue) Told(s Summary, place string, flags []entry.Flag) Told {
	t := Told{What: s.What, Why: s.Why, Result: s.Result}
	if place == "" {
		place = s.Organisation
	}
	who := []string{OneLine(place)}
	for _, p := range []string{s.Role, s.Staff} {
		if p != "" {
			who = append(who, p)
		}
	}
	if s.Machine {
		who = append(who, c.Text(MarkMachine))
	}
	t.Who = strings.Join(who, ", ")
	if s.Justification != "" {
		t.Why += "; " + c.Quoted(s.Justification)
	}
	if s.Agreement != "" {
		t.Why += " [" + s.Agreement + "]"
	}
	if s.Emergency {
		t.Remarks = append(t.Remarks, c.Text(MarkEmergency))
	}
	for _, f := range flags {
		t.Remarks = append(t.Remarks, OneLine(c.Flag(f)))
	}
	return t
}
