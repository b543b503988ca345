package audit

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// No event is filed under a register that names a person by a number, wherever it stands.
func TestPersonNamedElsewhere(t *testing.T) {
	const (
		bCHI   = "0202600025"
		number = `{"system":"` + chiSystem + `","value":"` + aCHI + `"}`
		named  = `{"identifier":` + number + `}`
		chi    = "chi:" + aCHI
		local  = "temp:NHSL:ehr1/|" + aCHI
		search = "GET Condition?patient.identifier=" + chiSystem + "|"
		match  = `{"resourceType":"Parameters","parameter":[{"name":"onlyCertainMatches","valueBoolean":true},{"name":"resource","resource":
			{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"77"},` + number + `]}}]}`
	)
	of := func(resource, member string) string {
		return inBundle("", event(byNurse, `"entity":[{"what":{"reference":"`+resource+`/1"}}]`), "",
			`{"resourceType":"`+resource+`","id":"1",`+member+`}`, "", patientResource(`"id":"p",`+chiOf))
	}
	entities := func(list string) string { return event(byNurse, `"entity":[`+list+`]`) }
	queried := func(q string) string { return entities(`{"query":"` + q + `"}`) }
	std, raw := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	for name, c := range map[string]struct {
		input string
		want  []string
	}{
		"subject by number": {of("Encounter", `"subject":`+named), []string{chi}},
		"listed subject":    {of("Account", `"subject":[{"reference":"Patient/p"}]`), []string{chi}},
		"beneficiary":       {of("Coverage", `"beneficiary":{"reference":"Patient/p"}`), []string{chi}},
		"task for":          {of("Task", `"for":{"reference":"Patient/p"}`), []string{chi}},
		"participant": {
			of("Appointment", `"participant":[{"actor":{"reference":"Practitioner/4"}},{"actor":{"reference":"Patient/p"}}]`),
			[]string{chi},
		},
		"contained": {
			event(byNurse, `"entity":[{"what":{"reference":"#o"}}],"contained":[{"resourceType":"Observation","id":"o","subject":`+named+`}]`),
			[]string{chi},
		},
		"beside": {
			event(
				byNurse,
				`"entity":[{"what":{"reference":"#o"}}],"contained":[{"resourceType":"Observation","id":"o","subject":{"reference":"#p"}},`+patientResource(`"id":"p",`+chiOf)+`]`,
			),
			[]string{chi},
		},
		"only contained": {
			event(byNurse, `"entity":[{"what":{"reference":"Observation/1"}}],"contained":[`+patientResource(`"id":"p",`+chiOf)+`]`),
			[]string{chi},
		},
		"old mark": {
			event(byNurse, about(`{"reference":"#p"}`), `"contained":[`+patientResource(`"id":"#p",`+chiOf)+`]`),
			[]string{chi},
		},
		"extension": {
			event(byNurse, `"entity":[{"what":{"reference":"Observation/1"}}],"extension":[{"url":"urn:x","valueReference":`+named+`}]`),
			[]string{chi},
		},
		"encounter": {strings.Replace(of("Encounter", `"subject":{"reference":"Patient/p"}`), `"entity":[{"what":{"reference":"Encounter/1"}}]`,
			`"extension":[{"url":"urn:x","valueReference":{"reference":"Encounter/1"}}]`, 1), []string{chi}},
		"encounter of R5": {strings.NewReplacer(`"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"}`,
			`"code":{"coding":[{"system":"http://hl7.org/fhir/restful-interaction","code":"read"}]}`, `"entity":[{"what":{"reference":"Encounter/1"}}]`,
			`"encounter":{"reference":"Encounter/1"}`).Replace(of("Encounter", `"subject":{"reference":"Patient/p"}`)), []string{chi}},
		"match":               {queried(std([]byte(match))), []string{chi}},
		"match with its line": {queried(std([]byte("POST /r4/Patient/$match HTTP/1.1\r\nHost: x\r\n\r\n" + match))), []string{chi}},
		"plain query":         {queried(search + aCHI), []string{chi}},
		"base64 for URLs":     {queried(raw([]byte(search + aCHI))), []string{chi}},
		"description":         {entities(`{"description":"` + search + aCHI + `"}`), []string{chi}},
		"reference":           {entities(`{"what":{"reference":"Condition?patient.identifier=` + chiSystem + `|` + aCHI + `"}}`), []string{chi}},
		"detail": {
			entities(`{"what":{"reference":"Observation/1"},"detail":[{"type":"patient","valueString":"` + aCHI + `"}]}`),
			[]string{local},
		},
		"words": {entities(`{"what":{"reference":"Observation/1"},"name":"CHI ` + aCHI + `, bloods"}`), []string{local}},
		"another's record too": {inBundle("", event(
			byNurse, `"entity":[{"what":{"reference":"Patient/p"}},{"what":{"reference":"Observation/1"}}]`,
		), "",
			`{"resourceType":"Observation","id":"1","subject":{"reference":"Patient/m"}}`, "", patientResource(`"id":"p",`+chiOf), "",
			patientResource(`"id":"m","identifier":[{"system":"`+chiSystem+`","value":"`+bCHI+`"}]`)), []string{chi, "chi:" + bCHI}},
		"another's search too": {
			event(byNurse, `"entity":[{"what":`+named+`},{"query":"`+std([]byte(search+bCHI))+`"}]`),
			[]string{chi, "chi:" + bCHI},
		},
		"the user's own number": {event(`"agent":[{"who":{"reference":"Practitioner/1"},"requestor":true,"extension":[{"url":"urn:x","valueIdentifier":`+number+`}]}]`,
			`"entity":[{"what":{"reference":"Observation/1"}}]`), []string{"reg:sources"}},
	} {
		var got []string
		for _, a := range readAll(t, []byte(c.input)).accesses {
			got = append(got, a.Sub)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: filed under %q, want %q", name, got, c.want)
		}
	}
}
