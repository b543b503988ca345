package audit

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// types checks the resource types of the only access, in order of the alphabet.
func types(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 {
		t.Fatalf("%d accesses", len(r.accesses))
	}
	if got := typesOf(r.accesses[0]); got != want {
		t.Errorf("read %q, want %q", got, want)
	}
}

func typesOf(a *entry.Access) string {
	var got []string
	for _, d := range a.Data {
		if kind, ok := strings.CutPrefix(d, resourceTypes+"|"); ok {
			got = append(got, kind)
		}
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

// searching returns an event with a query-role entity of these members.
func searching(members string) string {
	patient := strings.TrimSuffix(about(`{"identifier":{"system":"`+chiSystem+`","value":"`+aCHI+`"}}`), "]")
	return event(byNurse, patient+`,{"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"},`+members+`}]`)
}

func query64(request string) string {
	return `"query":"` + base64.StdEncoding.EncodeToString([]byte(request)) + `"`
}

// The same search is read to the same types, however it is written.
func TestSearches(t *testing.T) {
	for _, c := range []struct{ request, want string }{
		{"GET /fhir/Observation?patient=1 HTTP/1.1", "Observation"},
		{"POST /fhir/Observation/_search HTTP/1.1\r\nHost: x\r\n\r\npatient=1", "Observation"},
		{
			"POST /fhir/Observation/_search\nContent-Type: application/x-www-form-urlencoded\n\npatient=1&_include=Observation:encounter",
			"Encounter Observation",
		},
		{"GET /fhir/Observation?patient=1&_include=Observation:encounter", "Encounter Observation"},
		{"test.example/r4/Observation?patient=1", "Observation"},
		{"https://test.example/Patient/fhir/Observation/_search?_count=10", "Observation"},
		{"Observation", "Observation"},
		{"Observation?code=1234-5", "Observation"},
		{"Patient/100/Observation?category=laboratory", "Observation"},
		{"/fhir/Patient/100/Observation/_search", "Observation"},
		{"Observation/12/_history/3", "Observation"},
		{"Observation/_history", "Observation"},
		{"GET%20/fhir/Observation", "Observation"},
		{"GET /fhir%2FObservation%3Fpatient%3D1 HTTP/1.0", "Observation"},
		{"GET /fhir/?_type=Observation,Condition&patient=1", "Condition Observation"},
		{"POST /fhir/_search HTTP/1.1\n\n_type=Observation%2CCondition&patient=1", "Condition Observation"},
		{"GET /fhir/Patient?_has:Observation:patient:code=1234-5", "Observation Patient"},
		{"GET /fhir/Patient?_revinclude=Provenance:target&_revinclude:iterate=AuditEvent:entity", "AuditEvent Patient Provenance"},
		{"GET /fhir/MedicationRequest?_include=MedicationRequest:requester:Practitioner&_include=*", "MedicationRequest Practitioner"},
		{"GET /fhir/Observation?patient=1\nGET /fhir/Condition?patient=1", "Condition Observation"},
		{"GET /fhir/Observation/$lastn?patient=1", "Observation"},
		{"GET /fhir/Patient/1/$everything HTTP/1.1", ""},
		{"GET /fhir/Patient/1/*", ""},
		{"GET /fhir/Group/1/$export?_type=Observation", "Group Observation"},
		{"POST /fhir HTTP/1.1", ""},
		{"patient=1&_count=10", ""},
	} {
		types(t, readAll(t, []byte(searching(query64(c.request)))), c.want)
	}
	for _, c := range []struct{ members, want string }{
		{`"query":"GET /fhir/Observation?patient=1"`, "Observation"}, // text, not base64
		{`"query":"Encounter/12"`, "Encounter"},                      // would decode, to no text
		{`"query":"` + base64.RawURLEncoding.EncodeToString([]byte("Observation?_id=~~??>")) + `"`, "Observation"},
		{`"query":"AAECAwQ="`, ""}, // DICOM
		{`"description":"GET test.example/r4/Observation?patient=1\nAccept: application/fhir+json"`, "Observation"},
		{`"detail":[{"type":"request","valueString":"POST /fhir/Observation/_search"}]`, "Observation"},
		{`"name":"/fhir/Observation?patient=1"`, "Observation"},
		{`"what":{"reference":"Observation?patient=1"}`, "Observation"},
		{`"what":{"reference":"https://test.example/fhir/Observation/7/_history/2"}`, "Observation"},
		{`"what":{"type":"Observation"},"description":"asked GET /fhir/Condition"`, "Observation"},
	} {
		types(t, readAll(t, []byte(searching(c.members))), c.want)
	}
	long := "GET /fhir/Observation?" + strings.Repeat("code=1234-5&", 2000)
	types(t, readAll(t, []byte(searching(query64(long)))), "Observation")
}

// What returns a whole record states no type, though an entity of the event does: what the person
// refused may be in it.
func TestWholeRecordStatesNoType(t *testing.T) {
	e := strings.TrimSuffix(searching(query64("GET /fhir/Patient/1/$everything")), "]}") +
		`,{"what":{"reference":"Observation/1"}},{"type":{"system":"` + resourceTypes + `","code":"Condition"}}]}`
	types(t, readAll(t, []byte(e)), "")
	roundTrip(t, board, []byte(e))
}

var searchCases = []faultCase{{
	file:  "post-search.json",
	input: searching(query64("POST /r4/Observation/_search HTTP/1.1\r\nHost: ward.example\r\n\r\nsubject=Patient%2F9")),
	check: types, want: "Observation", wantShared: "MedicationRequest",
}}
