package mapping

import (
	"testing"
	"time"
)

const example = `
identifiers:
  https://board.scot/chi: chi
organisations:
  - id: NHSH
    identifiers: ["https://board.scot/orgs|42"]
    references: [Organization/highland]
    issuers: [https://idp.highland.example]
    names: [NHS Highland]
purposes:
  https://board.scot/why|ward-round: TREAT
emergencies: [https://board.scot/why|override]
roles:
  cons: http://snomed.info/sct|158965000
sources:
  ehr1:
    base: https://ehr1.board.scot/fhir/
`

func TestParse(t *testing.T) {
	m, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"own system", m.Scheme("https://board.scot/chi"), "chi"},
		{"known system", m.Scheme("https://fhir.nhs.uk/Id/nhs-number"), "nhs"},
		{"own system, spelled otherwise", m.Scheme("http://Board.scot/chi/"), "chi"},
		{"other system", m.Scheme("https://board.scot/mrn"), ""},
		{"mapped identifier", m.ByIdentifier("https://board.scot/orgs", "42"), "NHSH"},
		{"ODS", m.ByIdentifier(ODS, "RGT"), "RGT"},
		{"the same value in another system", m.ByIdentifier("https://elsewhere.example", "NHSH"), ""},
		{"a value without system", m.ByIdentifier("", "NHSH"), ""},
		{"reference", m.ByReference("Organization/highland/_history/2"), "NHSH"},
		{"reference to something else", m.ByReference("Organization/NHSH"), ""},
		{"issuer", m.ByIssuer("https://idp.highland.example"), "NHSH"},
		{"name", m.ByName("NHS Highland"), "NHSH"},
		{"no name", m.ByName(""), ""},
		{"purpose", m.Purpose("https://board.scot/why|ward-round"), "TREAT"},
		{"role", m.Role("cons"), "http://snomed.info/sct|158965000"},
		{"base", m.Base("ehr1"), "https://ehr1.board.scot/fhir"},
		{"zone", m.Location().String(), "Europe/London"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	if !m.Emergency("https://board.scot/why|override") {
		t.Error("the emergency code is not known")
	}
}

func TestNoMapping(t *testing.T) {
	var m *Map
	if m.Check() != nil || m.Scheme("urn:x") != "" || m.ByName("x") != "" || m.Base("x") != "" || m.Emergency("x") {
		t.Error("no mapping says something")
	}
	if got := time.Date(2026, 7, 1, 0, 0, 0, 0, m.Location()).UTC().Hour(); got != 23 {
		t.Errorf("a day in July begins at %d UTC; want 23", got)
	}
}

func TestBadMapping(t *testing.T) {
	for _, text := range []string{
		"identifier: {}",
		"identifiers: {urn:x: ssn}",
		"identifiers: {http://x.scot/id: chi, https://x.scot/id/: nhs}",
		"organisations: [{id: 'a b'}]",
		"organisations: [{id: NHSH, identifiers: [NHSH]}]",
		"purposes: {x: NOTACODE}",
		"zone: Mars/Olympus",
		"zone: Europe/London\n---\nzone: UTC",
		"- a",
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("taken: %s", text)
		}
	}
}
