// Package demodata holds FHIR R4 AuditEvents for `igledger demo` and for tests: some weeks of 2026 in which boards, practices, a pharmacy, NHS 24, a
// research safe haven and the police of a Scotland of our own making look at the records of twelve people.
//
// Nobody in them exists. CHI numbers are those of no person by construction: all are of a 29 February, and all have a Modulus 10 check digit that is
// not the Modulus 11 one. Modulus 10 numbers are issued only once the Modulus 11 numbers of a date, some 900, have run out; no leap day in
// Scotland has that many people. The NHS number is of the range 999, kept for tests. Names are made up.
//
// events.ndjson is written by the generator in generate_test.go: go test ./audit/demodata -update
package demodata

import (
	_ "embed"
	"slices"

	"igledger/ledger/entry"
)

//go:embed events.ndjson
var events []byte

// Events is NDJSON, one AuditEvent a line, in the order they were recorded.
func Events() []byte { return slices.Clone(events) }

// Person is somebody whose records are looked at.
type Person struct {
	ID   string // entry id, see entry.CheckID
	Name string
}

// People lists the twelve; the first has the most to see: a break-glass, a refused access, machines, a disclosure to the police, a search over several people.
func People() []Person { return slices.Clone(people) }

// Organisations lists those that access, by the ids that the events name.
func Organisations() []entry.Member {
	list := make([]entry.Member, len(organisations))
	for i, o := range organisations {
		list[i] = entry.Member{ID: o.id, Name: o.name, Kind: o.kind, Roles: []entry.Role{entry.RoleController, entry.RoleSource}}
	}
	return list
}

// Agreement is the id under which the events say the police were told.
const Agreement = "isa-2026-014"

var people = []Person{
	{"chi:2902400015", "Morag Example"}, {"chi:2902480082", "Hamish Sample"}, {"chi:2902520150", "Ailsa Specimen"}, {"chi:2902560248", "Fergus Instance"},
	{"chi:2902640297", "Catriona Mockett"}, {"chi:2902680400", "Iain Dummy"}, {"chi:2902720438", "Eilidh Fictional"}, {"chi:2902760509", "Ruaridh Placeholder"},
	{"chi:2902840574", "Seonaid Template"}, {"chi:2902920640", "Murdo Fixture"}, {"chi:2902040712", "Kirsty Prototype"}, {"nhs:9990000018", "Angus Visitor"},
}

var organisations = []struct{ id, name, kind string }{
	{"nhs-lothian", "NHS Lothian (demonstration)", "health-board"},
	{"nhs-highland", "NHS Highland (demonstration)", "health-board"},
	{"nhs-greater-glasgow", "NHS Greater Glasgow (demonstration)", "health-board"},
	{"nhs-24", "NHS 24 (demonstration)", "health-board"},
	{"gp-braeside", "Braeside Medical Practice (demonstration)", "gp-practice"},
	{"gp-harbour", "Harbour Road Surgery (demonstration)", "gp-practice"},
	{"pharmacy-thistle", "Thistle Pharmacy (demonstration)", "pharmacy"},
	{"safe-haven-east", "East Safe Haven (demonstration)", "university"},
	{"police-demo", "Police (demonstration)", "police"},
}
