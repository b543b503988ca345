// Package demodata contains FHIR R4 AuditEvents for `igledger demo` and for tests. In some weeks of
// 2026, the boards, practices, a pharmacy, NHS 24, a research safe haven and the police of an
// invented Scotland access the records of twelve people.
//
// None of these people exists. By construction, no person can have these CHI numbers: each is for a
// 29 February, and has a Modulus 10 check digit that differs from the Modulus 11 one. Modulus 10
// numbers are issued only when the Modulus 11 numbers of a date, about 900, have run out, and no
// leap day in Scotland has that many people. The NHS number is in the range 999, which is reserved
// for tests. The names are invented.
//
// The generator in generate_test.go writes events.ndjson: go test ./audit/demodata -update
package demodata

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"time"

	"igledger/ledger/entry"
)

//go:embed events.ndjson
var events []byte

// Events returns the events as NDJSON, one AuditEvent per line, in the order in which they were
// recorded.
func Events() []byte { return slices.Clone(events) }

// lastDay is the day of the last event.
var lastDay = time.Date(2026, 10, 17, 0, 0, 0, 0, time.UTC)

var recorded = regexp.MustCompile(`"recorded":"(\d{4}-\d\d-\d\d)T`)

// EventsUntil returns the events moved by whole days, so that the last is of the day before now.
func EventsUntil(now time.Time) []byte {
	days := int(now.UTC().Truncate(24*time.Hour).Sub(lastDay)/(24*time.Hour)) - 1
	return recorded.ReplaceAllFunc(events, func(field []byte) []byte {
		day, err := time.Parse(time.DateOnly, string(recorded.FindSubmatch(field)[1]))
		if err != nil {
			return field // a test reads all of them
		}
		return fmt.Appendf(nil, `"recorded":"%sT`, day.AddDate(0, 0, days).Format(time.DateOnly))
	})
}

// Person is a person whose records are accessed.
type Person struct {
	ID   string // entry id, see entry.CheckID
	Name string
}

// People returns the twelve people. The first has the most varied accesses: a break-glass, a
// refused access, machines, a disclosure to the police, and a search over several people.
func People() []Person { return slices.Clone(people) }

// Organisations returns the organisations that access, with the ids that the events use.
func Organisations() []entry.Member {
	list := make([]entry.Member, len(organisations))
	for i, o := range organisations {
		list[i] = entry.Member{ID: o.id, Name: o.name, Kind: o.kind,
			Roles: []entry.Role{entry.RoleController, entry.RoleSource}}
	}
	return list
}

// Agreement is the id of the agreement under which, according to the events, data went to the
// police.
const Agreement = "isa-2026-014"

var people = []Person{
	{"chi:2902400015", "Morag Example"},
	{"chi:2902480082", "Hamish Sample"},
	{"chi:2902520150", "Ailsa Specimen"},
	{"chi:2902560248", "Fergus Instance"},
	{"chi:2902640297", "Catriona Mockett"},
	{"chi:2902680400", "Iain Dummy"},
	{"chi:2902720438", "Eilidh Fictional"},
	{"chi:2902760509", "Ruaridh Placeholder"},
	{"chi:2902840574", "Seonaid Template"},
	{"chi:2902920640", "Murdo Fixture"},
	{"chi:2902040712", "Kirsty Prototype"},
	{"nhs:9990000018", "Angus Visitor"},
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
