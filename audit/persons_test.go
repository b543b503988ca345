package audit

import (
	"encoding/base64"
	"strings"
	"testing"
)

// subject checks that there is one access, filed under want.
func subject(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 || r.accesses[0].Sub != want {
		var got []string
		for _, a := range r.accesses {
			got = append(got, a.Sub)
		}
		t.Errorf("filed under %q, want %s", got, want)
	}
}

// event returns an event with these members besides those that every event has.
func event(members ...string) string {
	return `{"resourceType":"AuditEvent","type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},` +
		`"recorded":"2026-11-20T09:00:00Z","source":{"observer":{"identifier":{"value":"ehr1"}}},` + strings.Join(members, ",") + `}`
}

const (
	nurse     = `{"who":{"identifier":{"system":"https://board.scot/staff","value":"N-12"}},"requestor":true}`
	byNurse   = `"agent":[` + nurse + `]`
	chiSystem = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53"
	aCHI      = "0101500017"
)

func about(what string) string {
	return `"entity":[{"what":` + what + `,"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}}]`
}

// inBundle returns a Bundle of entries, which are fullUrl and resource in turn.
func inBundle(entries ...string) string {
	var list []string
	for i := 0; i < len(entries); i += 2 {
		url := ""
		if entries[i] != "" {
			url = `"fullUrl":"` + entries[i] + `",`
		}
		list = append(list, "{"+url+`"resource":`+entries[i+1]+"}")
	}
	return `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Join(list, ",") + `]}`
}

func patientResource(members string) string {
	return `{"resourceType":"Patient",` + members + `}`
}

const chiOf = `"identifier":[{"system":"` + chiSystem + `","value":"` + aCHI + `"}]`

var personCases = []faultCase{{
	file: "bundle-urn-uuid.json",
	input: inBundle(
		"urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a01", event(byNurse, about(`{"reference":"urn:uuid:0D1B3F57-52C1-4C19-8D7E-0D1E7E7F5A02"}`)),
		"urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a02", patientResource(chiOf)),
	check: subject, want: "chi:" + aCHI, wantShared: "chi:0702740926",
}, {
	file: "patient-in-agent.json",
	input: event(`"agent":[`+
		`{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/sds-user-id","value":"555111222"}},"role":[{"text":"Practice Nurse"}],"requestor":false},`+
		`{"who":{"identifier":{"system":"`+chiSystem+`","value":"`+aCHI+`"}},"requestor":false},`+
		`{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"S99999"}},"requestor":false}]`,
		`"entity":[{"what":{"identifier":{"value":"CD-2"}}}]`),
	check: func(t *testing.T, r read, want string) {
		subject(t, r, want)
		for _, a := range r.accesses {
			if a.Machine || a.Staff == nil || !strings.HasPrefix(a.Staff.ID, "555") {
				t.Errorf("the user is %+v, machine %v; want the clinician", a.Staff, a.Machine)
			}
			for _, p := range a.Parties {
				if strings.HasSuffix(want, p.ID) {
					t.Error("the patient is a party to the access")
				}
			}
		}
	},
	want: "chi:" + aCHI, wantShared: "chi:1708702253",
}, {
	file:  "chi-under-fhir-nhs-uk.json",
	input: event(byNurse, about(`{"identifier":{"system":"http://FHIR.nhs.uk/Id/chi-number/","value":"010150\u00a00017"}}`)),
	check: subject, want: "chi:" + aCHI, wantShared: "chi:1412672155",
}, {
	file:  "nhs-number-other-system.json",
	input: event(byNurse, about(`{"identifier":{"system":"2.16.840.1.113883.2.1.4.1","value":"999\u2009000\u20110018"}}`)),
	check: subject, want: "nhs:9990000018", wantShared: "nhs:9434765919",
}}

// sub returns the id under which the only event of an input is filed.
func sub(t *testing.T, c Conversion, input string) string {
	t.Helper()
	var got []string
	err := Events(strings.NewReader(input), func(ev Event) error {
		list, _, err := c.FromEvent(ev)
		for _, a := range list {
			got = append(got, a.Sub)
		}
		return err
	}, nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d accesses, %v: %s", len(got), err, input)
	}
	return got[0]
}

// Which identifier of a person counts, and which person of a Bundle a reference names.
func TestWho(t *testing.T) {
	const (
		other = "0101500025"
		local = `{"system":"urn:oid:1.2.3","value":"MRN-7"}`
	)
	chi := func(value, more string) string {
		return `{"system":"` + chiSystem + `","value":"` + value + `"` + more + `}`
	}
	contained := func(identifiers ...string) string {
		return event(
			byNurse, `"contained":[`+patientResource(`"id":"p","identifier":[`+strings.Join(identifiers, ",")+`]`)+`]`,
			about(`{"reference":"#p"}`),
		)
	}
	ref := func(r string) string { return event(byNurse, about(`{"reference":"`+r+`"}`)) }
	person := func(id, value string) string {
		return patientResource(`"id":"` + id + `","identifier":[` + chi(value, "") + `]`)
	}
	query := func(q string) string {
		return event(byNurse, `"entity":[{"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"},"query":"`+
			base64.StdEncoding.EncodeToString([]byte(q))+`"}]`)
	}
	const ehr, lab = "https://ehr1.board.scot/fhir", "https://lab.board.scot/fhir"
	for name, c := range map[string]struct{ input, want string }{
		"official before old":       {contained(chi(other, `,"use":"old"`), chi(aCHI, `,"use":"official"`)), "chi:" + aCHI},
		"usual before temporary":    {contained(chi(other, `,"use":"temp"`), chi(aCHI, `,"use":"usual"`)), "chi:" + aCHI},
		"unmarked before secondary": {contained(chi(other, `,"use":"secondary"`), chi(aCHI, ``)), "chi:" + aCHI},
		"ended is old": {
			contained(chi(other, `,"use":"official","period":{"end":"2019"}`), chi(aCHI, `,"use":"secondary"`)),
			"chi:" + aCHI,
		},
		"not yet ended":               {contained(chi(aCHI, `,"use":"official","period":{"end":"2031-01-01"}`), chi(other, "")), "chi:" + aCHI},
		"old before another system's": {contained(local, chi(aCHI, `,"use":"old"`)), "chi:" + aCHI},
		"current NHS before old CHI": {
			contained(chi(other, `,"use":"old"`), `{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}`),
			"nhs:9990000018",
		},
		"no number at all":         {contained(local), "temp:NHSL:urn:oid:1.2.3|MRN-7"},
		"identifier and reference": {event(byNurse, about(`{"reference":"Patient/9","identifier":`+chi(aCHI, "")+`}`)), "chi:" + aCHI},
		"stated number is an old one": {
			inBundle(
				"", event(byNurse, about(`{"reference":"Patient/9","identifier":`+chi(other, "")+`}`)), "",
				patientResource(`"id":"9","identifier":[`+chi(other, `,"use":"old"`)+`,`+chi(aCHI, `,"use":"official"`)+`]`),
			),
			"chi:" + aCHI,
		},
		"conditional":                {ref("Patient?identifier=" + chiSystem + "|" + aCHI), "chi:" + aCHI},
		"conditional, encoded":       {ref("Patient?identifier=urn%3Aoid%3A2.16.840.1.113883.2.1.3.2.4.16.53%7C010150%200017"), "chi:" + aCHI},
		"conditional, more criteria": {ref("Patient?active=true&identifier=" + chiSystem + "|" + aCHI + "&_count=1"), "chi:" + aCHI},
		"conditional, absolute":      {ref(ehr + "/Patient?identifier=" + chiSystem + "|" + aCHI), "chi:" + aCHI},
		"conditional, in the Bundle": {
			inBundle("", ref("Patient?identifier=urn:oid:1.2.3|MRN-7"), "urn:uuid:1", patientResource(`"identifier":[`+local+`,`+chi(aCHI, "")+`]`)),
			"chi:" + aCHI,
		},
		"identifier, in the Bundle": {
			inBundle(
				"", event(byNurse, about(`{"type":"Patient","identifier":`+local+`}`)), "urn:uuid:1",
				patientResource(`"identifier":[`+local+`,`+chi(aCHI, "")+`]`),
			),
			"chi:" + aCHI,
		},
		"HL7 version 2": {
			event(byNurse, about(`{"identifier":{"value":"9990000018^^^NHS&2.16.840.1.113883.2.1.4.1&ISO"}}`)),
			"nhs:9990000018",
		},
		"lost zero":                  {event(byNurse, about(`{"identifier":`+chi("101500017", "")+`}`)), "chi:0101500017"},
		"lost zero, a JSON number":   {event(byNurse, about(`{"identifier":{"system":"`+chiSystem+`","value":101500017}}`)), "chi:0101500017"},
		"conditional, no identifier": {ref("Patient?_id=9"), "temp:NHSL:ehr1/Patient?_id=9"},
		"not a lost zero": {
			event(byNurse, about(`{"identifier":`+chi("101500018", "")+`}`)), "temp:NHSL:" + chiSystem + "|101500018",
		},
		"wrong check digit": {event(byNurse, about(`{"identifier":`+chi("0101500018", "")+`}`)), "chi:0101500018"},
		"no number, no role": {
			event(byNurse, `"entity":[{"what":{"identifier":`+chi("unknown", "")+`}}]`),
			"temp:NHSL:" + chiSystem + "|unknown",
		},
		"wide digits": {
			event(byNurse, about(`{"identifier":`+chi("\uff10\uff11\uff10\uff11\uff15\uff10\uff10\uff10\uff11\uff17", "")+`}`)),
			"chi:" + aCHI,
		},
		"demographics service": {ref("https://api.service.nhs.uk/personal-demographics/FHIR/R4/Patient/9990000018"), "nhs:9990000018"},
		"after the event":      {inBundle(ehr+"/AuditEvent/1", ref("Patient/9"), ehr+"/Patient/9", person("9", aCHI)), "chi:" + aCHI},
		"before the event":     {inBundle(ehr+"/Patient/9", person("9", aCHI), ehr+"/AuditEvent/1", ref("Patient/9")), "chi:" + aCHI},
		"absolute":             {inBundle("", ref(ehr+"/Patient/9"), ehr+"/Patient/9/_history/3", person("9", aCHI)), "chi:" + aCHI},
		"of another server": {
			inBundle(ehr+"/AuditEvent/1", ref("Patient/9"), lab+"/Patient/9", person("9", other)),
			"temp:NHSL:" + ehr + "/Patient/9",
		},
		"of both servers": {
			inBundle(lab+"/Patient/9", person("9", other), ehr+"/AuditEvent/1", ref("Patient/9"), ehr+"/Patient/9", person("9", aCHI)),
			"chi:" + aCHI,
		},
		"which server, nobody says": {
			inBundle(lab+"/Patient/9", person("9", other), "", ref("Patient/9"), ehr+"/Patient/9", person("9", aCHI)),
			"temp:NHSL:ehr1/Patient/9",
		},
		"by type and id": {inBundle("", ref("Patient/9"), "", person("9", aCHI), "", person("8", other)), "chi:" + aCHI},
		"several with type and id": {
			inBundle("", ref("Patient/9"), "", person("9", aCHI), "", person("9", other)), "temp:NHSL:ehr1/Patient/9",
		},
		"the same twice": {inBundle("", ref("Patient/9"), "", person("9", aCHI), "", person("9", aCHI)), "chi:" + aCHI},
		"the newest version": {
			inBundle(
				"", ref("Patient/9"), "",
				patientResource(`"id":"9","meta":{"lastUpdated":"2026-01-01T00:00:00Z"},"identifier":[`+chi(other, "")+`]`), "",
				patientResource(`"id":"9","meta":{"lastUpdated":"2026-02-01T00:00:00Z"},"identifier":[`+chi(aCHI, "")+`]`),
			),
			"chi:" + aCHI,
		},
		"the version asked for": {
			inBundle(
				"", ref("Patient/9/_history/1"), "",
				patientResource(`"id":"9","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00Z"},"identifier":[`+chi(aCHI, "")+`]`),
				"",
				patientResource(`"id":"9","meta":{"versionId":"2","lastUpdated":"2026-02-01T00:00:00Z"},"identifier":[`+chi(other, "")+`]`),
			),
			"chi:" + aCHI,
		},
		"not of an inner Bundle": {
			inBundle("urn:uuid:1", inBundle("urn:uuid:2", person("9", other)), "", ref("urn:uuid:2")),
			"temp:NHSL:urn:uuid:2",
		},
		"Person": {
			inBundle(
				"", ref("Person/5"), "", `{"resourceType":"Person","id":"5","link":[{"target":{"reference":"Patient/9"}}]}`, "",
				person("9", aCHI),
			),
			"chi:" + aCHI,
		},
		"Person without role": {
			inBundle(
				"", event(byNurse, `"entity":[{"what":{"reference":"Person/5"}}]`), "",
				`{"resourceType":"Person","id":"5","link":[{"target":{"reference":"Patient/9"}}]}`, "", person("9", aCHI),
			),
			"chi:" + aCHI,
		},
		"Person, unresolved": {event(byNurse, `"entity":[{"what":{"reference":"Person/5"}}]`), "temp:NHSL:ehr1/Person/5"},
		"RelatedPerson": {
			inBundle(
				"", event(byNurse, `"entity":[{"what":{"reference":"RelatedPerson/5"}}]`), "",
				`{"resourceType":"RelatedPerson","id":"5","identifier":[`+chi(other, "")+`],"patient":{"reference":"Patient/9"}}`,
				"", person("9", aCHI),
			),
			"chi:" + aCHI,
		},
		"RelatedPerson, their server": {
			inBundle(
				ehr+"/AuditEvent/1", event(byNurse, `"entity":[{"what":{"reference":"`+lab+`/RelatedPerson/5"}}]`),
				lab+"/RelatedPerson/5", `{"resourceType":"RelatedPerson","id":"5","patient":{"reference":"Patient/9"}}`,
				ehr+"/Patient/9", person("9", other), lab+"/Patient/9", person("9", aCHI),
			),
			"chi:" + aCHI,
		},
		"RelatedPerson of themselves": {
			inBundle(
				"", event(byNurse, `"entity":[{"what":{"reference":"RelatedPerson/5"}}]`), "",
				`{"resourceType":"RelatedPerson","id":"5","patient":{"type":"Patient","reference":"RelatedPerson/5"}}`,
			),
			"temp:NHSL:ehr1/RelatedPerson/5",
		},
		"included Observation": {
			inBundle(
				"", event(byNurse, `"entity":[{"what":{"reference":"Observation/5"}}]`), "",
				`{"resourceType":"Observation","id":"5","subject":{"reference":"Patient/9"}}`, "", person("9", aCHI),
			),
			"chi:" + aCHI,
		},
		"group, called a patient":    {event(byNurse, about(`{"reference":"Group/5"}`)), "reg:sources"},
		"nurse with a Person record": {event(`"agent":[{"who":{"reference":"Person/3"},"requestor":true}]`), "reg:sources"},
		"patient who asks": {
			event(`"agent":[{"who":{"reference":"Patient/9"},"requestor":true}]`, `"entity":[{"what":{"reference":"Observation/2"}}]`),
			"temp:NHSL:ehr1/Patient/9",
		},
		"words, and number in agent": {
			event(`"agent":[`+nurse+`,{"who":{"identifier":`+chi(aCHI, "")+`},"requestor":false}]`, about(`{"display":"A Person"}`)),
			"chi:" + aCHI,
		},
		"searched by number": {
			query("GET " + ehr + "/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number%7C9990000018&_count=5"),
			"nhs:9990000018",
		},
		"searched by number, form": {query("identifier=" + chiSystem + "%7C" + aCHI), "chi:" + aCHI},
		"searched by patient":      {query("Observation?code=http://loinc.org|1-8&patient=9"), "temp:NHSL:ehr1/Patient/9"},
		"searched by subject":      {query(ehr + "/Observation?subject=Patient/9"), "temp:NHSL:" + ehr + "/Patient/9"},
		"searched by chain":        {query("Observation?patient.identifier=urn:oid:1.2.3|MRN-7"), "temp:NHSL:urn:oid:1.2.3|MRN-7"},
		"read by path":             {query("GET /fhir/Patient/9/$everything?_since=2026"), "temp:NHSL:ehr1/Patient/9"},
		"searched for nobody":      {query("Practitioner?identifier=https://fhir.nhs.uk/Id/sds-user-id|555"), "reg:sources"},
		"role without its system": {
			event(byNurse, `"entity":[{"what":{"identifier":`+local+`},"role":{"code":"1"}}]`),
			"temp:NHSL:urn:oid:1.2.3|MRN-7",
		},
		"a person without role": {
			event(
				byNurse,
				`"entity":[{"what":{"identifier":`+local+`},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"}}]`,
			),
			"temp:NHSL:urn:oid:1.2.3|MRN-7",
		},
		"number for a name": {
			event(byNurse, `"entity":[{"what":{"reference":"Task/1"},"name":"999 000 0018"}]`),
			"temp:NHSL:ehr1/|9990000018",
		},
		"number of no system": {
			event(byNurse, `"entity":[{"what":{"identifier":{"value":"999 000 0018"}}}]`), "temp:NHSL:ehr1/|9990000018",
		},
		"insured number for a name": {
			event(byNurse, `"entity":[{"what":{"reference":"Task/1"},"name":"X123456788"}]`), "temp:NHSL:ehr1/|X123456788",
		},
		"other number for a name": {event(byNurse, `"entity":[{"what":{"reference":"Task/1"},"name":"1600000000"}]`), "reg:sources"},
		"own id of the ledger": {
			event(byNurse, about(`{"identifier":{"system":"urn:igledger:patient","value":"temp:NHSL:ED-17"}}`)),
			"temp:NHSL:ED-17",
		},
		"another's own id": {
			event(byNurse, about(`{"identifier":{"system":"urn:igledger:patient","value":"temp:NHSH:ED-17"}}`)),
			"temp:NHSL:urn:igledger:patient|temp:NHSH:ED-17",
		},
		"organisation with such number": {
			event(byNurse, `"entity":[{"what":{"type":"Organization","identifier":{"system":"urn:oid:9","value":"`+aCHI+`"}}}]`),
			"reg:sources",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sub(t, caseConversion, c.input); got != c.want {
				t.Errorf("filed under %s, want %s", got, c.want)
			}
		})
	}
}

// A share tells nothing of the other patients, be it only their Bundle that says who they are.
func TestShareOfBundle(t *testing.T) {
	const other = "0101500025"
	resource := func(number, family, local string) string {
		return patientResource(`"identifier":[{"system":"` + chiSystem + `","value":"` + number + `"},{"system":"urn:oid:1.2.3","value":"` + local + `"}],` +
			`"name":[{"use":"official","family":"` + family + `"}]`)
	}
	what := func(uuid string) string { return `{"what":{"reference":"urn:uuid:` + uuid + `"}}` }
	input := inBundle(
		"", event(byNurse, `"outcomeDesc":"compared Quillfeather with Marchbanks, MRN-7001, and MRN-7002"`,
			`"entity":[`+what("a")+`,`+what("b")+`,{"what":{"reference":"Observation/1"},"name":"of Marchbanks"},{"what":{"reference":"Observation/2"}},`+
				`{"what":{"reference":"Person/3"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}},`+
				`{"description":"sent to `+other+` and Ollerenshaw"}]`),
		"urn:uuid:a", resource(aCHI, "Quillfeather", "MRN-7001"), "urn:uuid:b", resource(other, "Marchbanks", "MRN-7002"),
		"", `{"resourceType":"Observation","id":"2","subject":{"reference":"urn:uuid:b"}}`,
		"", `{"resourceType":"Person","id":"3","name":[{"family":"Ollerenshaw"}],"link":[{"target":{"reference":"Patient/4"}}]}`,
		"", patientResource(`"id":"4","identifier":[{"system":"`+chiSystem+`","value":"0101500033"}]`))
	secret := map[string][]string{
		"chi:" + aCHI:    {"quillfeather", "mrn-7001", aCHI},
		"chi:" + other:   {"marchbanks", "mrn-7002", other, "observation/2"},
		"chi:0101500033": {"ollerenshaw", "0101500033", "person/3"},
	}
	r := readAll(t, []byte(input))
	if len(r.accesses) != len(secret) {
		t.Fatalf("%d accesses, want %d", len(r.accesses), len(secret))
	}
	for _, a := range r.accesses {
		all := everything(t, a)
		for id, words := range secret {
			for _, w := range words {
				if id != a.Sub && strings.Contains(all, w) {
					t.Errorf("the access under %s tells %q of %s", a.Sub, w, id)
				}
			}
		}
	}
}

// Open claims hold no word of a person whom only the Bundle names.
func TestOpenClaimsOfBundle(t *testing.T) {
	input := inBundle("", event(`"agent":[{"who":{"reference":"urn:uuid:n"},"requestor":true}]`,
		`"subtype":[{"system":"https://board.scot/marchbanks","code":"x"},{"system":"https://board.scot/k","code":"plumtree"}]`,
		about(`{"reference":"urn:uuid:b"}`)),
		"urn:uuid:b", patientResource(`"name":[{"family":"Marchbanks"}],`+chiOf),
		"urn:uuid:n", `{"resourceType":"Practitioner","name":[{"family":"Plumtree"}]}`)
	for _, a := range readAll(t, []byte(input)).accesses {
		e, _ := signed(t, a)
		for _, w := range []string{"marchbanks", "plumtree"} {
			if strings.Contains(string(e.Payload), w) {
				t.Errorf("the open claims hold %q", w)
			}
		}
	}
}

// What one event of a Bundle is read into changes nothing for the next.
func TestBundleIsReadAgain(t *testing.T) {
	one := event(`"agent":[{"who":{"reference":"PractitionerRole/r"},"requestor":true}]`, about(`{"reference":"Patient/9"}`))
	input := inBundle("", one, "", one,
		"", `{"resourceType":"PractitionerRole","id":"r","organization":{"display":"Elsewhere Trust"}}`, "", patientResource(`"id":"9",`+chiOf))
	r := readAll(t, []byte(input))
	if len(r.accesses) != 2 {
		t.Fatalf("%d accesses, want 2", len(r.accesses))
	}
	for _, a := range r.accesses {
		if a.Sub != "chi:"+aCHI || !a.Foreign || a.Text == nil || a.Text.Organisation != "Elsewhere Trust" {
			t.Errorf("filed under %s, foreign %v, %+v", a.Sub, a.Foreign, a.Text)
		}
	}
}
