package audit

import (
	"slices"
	"testing"
)

// A person may have refused a clinician by any number under which others know them. What an event
// says by reference only must not hide it.
func TestStaffByReference(t *testing.T) {
	const (
		gmc          = "https://fhir.hl7.org.uk/Id/gmc-number"
		practitioner = `{"resourceType":"Practitioner","id":"d","identifier":[{"system":"urn:local","value":"9"},
			{"system":"` + gmc + `","value":"4455667"},{"use":"old","system":"urn:local","value":"1"}],"name":[{"given":["Una"],"family":"Firth"}]}`
		code = `"code":[{"coding":[{"system":"http://snomed.info/sct","code":"224535009"}]}]`
	)
	by := func(who string) string {
		return `"agent":[{"who":` + who + `,"requestor":true}]`
	}
	both := []string{gmc + "|4455667", "urn:local|9"}
	for name, c := range map[string]struct {
		event, beside string // beside is another entry of its Bundle
		ids           []string
		name          string
		role          int
	}{
		"contained": {event(by(`{"reference":"#d"}`), patientEntity, `"contained":[`+practitioner+`]`), "", both, "Una Firth", 0},
		"contained role": {event(by(`{"reference":"#r"}`), patientEntity, `"contained":[`+practitioner+
			`,{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"#d"},`+code+`}]`), "", both, "Una Firth", 1},
		"role that names its practitioner": {event(by(`{"reference":"PractitionerRole/r"}`), patientEntity),
			`,{"resource":{"resourceType":"PractitionerRole","id":"r","practitioner":{"reference":"Practitioner/7","display":"U. Firth"}}}`,
			[]string{"PractitionerRole/r", "Practitioner/7"}, "U. Firth", 0},
		"in the Bundle": {event(by(`{"reference":"urn:uuid:0d7f"}`), patientEntity),
			`,{"fullUrl":"urn:uuid:0d7f","resource":` + practitioner + `}`, both, "Una Firth", 0},
		"nothing known": {event(by(`{"reference":"#d"}`), patientEntity, `"contained":[{"resourceType":"Practitioner","id":"d"}]`), "",
			nil, "", 0},
	} {
		r := readAll(t, []byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":`+c.event+`}`+c.beside+`]}`))
		if len(r.accesses) != 1 {
			t.Fatalf("%s: %d accesses", name, len(r.accesses))
		}
		a := r.accesses[0]
		if got := a.Staff.Identifiers(); !slices.Equal(got, c.ids) || a.Machine || len(a.Role) != c.role {
			t.Errorf("%s: user %q, machine %v, roles %q; want %q", name, got, a.Machine, a.Role, c.ids)
		}
		if a.Staff != nil && a.Staff.Name != c.name {
			t.Errorf("%s: name %q, want %q", name, a.Staff.Name, c.name)
		}
	}
}
