package audit

import (
	"strings"
	"testing"

	"igledger/audit/plain"
	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// accessedBy says whose access an access is: "issuer", an organisation of the log, or the words for
// one that is none of it, after "foreign".
func accessedBy(a *entry.Access) string {
	switch {
	case a.Foreign && a.Text != nil && a.Text.Organisation != "":
		return "foreign " + a.Text.Organisation
	case a.Foreign:
		return "foreign"
	case a.Org == "":
		return "issuer"
	}
	return a.Org
}

func organisationIs(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 {
		t.Fatalf("%d accesses", len(r.accesses))
	}
	a := r.accesses[0]
	if got := accessedBy(a); got != want {
		t.Errorf("accessed by %s, want %s", got, want)
	}
	noted := false
	for _, n := range r.notes {
		noted = noted || n.Code == ForeignOrganisation
	}
	if noted != a.Foreign || a.Foreign && a.Accessor() != "" {
		t.Errorf("foreign %v, noted %v, accessor %q", a.Foreign, noted, a.Accessor())
	}
}

// systemIs checks the system, "" if none is named.
func systemIs(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 || r.accesses[0].System != want {
		t.Errorf("through %q, want %q", r.accesses[0].System, want)
	}
}

// userIs checks who the user is: name or number, then roles; "machine" if none.
func userIs(t *testing.T, r read, want string) {
	t.Helper()
	a := r.accesses[0]
	got := "machine"
	if !a.Machine {
		got = strings.Join(append([]string{plain.In(plain.English).Access(a).Staff}, a.Role...), " ")
	}
	if got != want {
		t.Errorf("user %q, want %q", got, want)
	}
}

const patientEntity = `"entity":[{"what":{"identifier":{"system":"` + chiSystem + `","value":"` + aCHI + `"}}}]`

// agentOf returns an agent with a type.
func agentOf(system, code, rest string) string {
	return `{"type":{"coding":[{"system":"` + system + `","code":"` + code + `"}]},"requestor":false,` + rest + `}`
}

// by returns an event of the nurse and these agents.
func by(agents ...string) string {
	return event(`"action":"R"`, `"agent":[`+strings.Join(append([]string{nurse}, agents...), ",")+`]`, patientEntity)
}

func userorg(who string) string { return agentOf(roleClass, "PROV", `"who":`+who) }

// noTypes is an event as the national summary care record writes it.
const noTypes = `"agent":[{"who":{"identifier":{"system":"` + chiSystem + `","value":"` + aCHI + `"}},"requestor":false},
	{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"RYY"}},"requestor":false},
	{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/sds-user-id","value":"7770003"}},"role":[{"text":"Midwife"}],"requestor":false}]`

var organisationCases = []faultCase{
	{
		file:  "organisation-foreign-oid.json",
		input: by(userorg(`{"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:oid:2.999.7.1"},"display":"Moor Clinic"}`)),
		check: organisationIs, want: "foreign Moor Clinic", wantShared: "foreign Somewhere Private Clinic",
	}, {
		file:  "organisation-display-only.json",
		input: by(userorg(`{"display":"Moor Clinic"}`)),
		check: organisationIs, want: "foreign Moor Clinic", wantShared: "foreign Somewhere Private Clinic",
	}, {
		file:  "organisation-equal-by-chance.json",
		input: by(userorg(`{"identifier":{"system":"https://elsewhere.example/orgs","value":"NHSL"}}`)),
		check: organisationIs, want: "foreign NHSL",
	}, {
		file: "client-display-only.json",
		input: by(agentOf(dcm, "110152", `"who":{"display":"clinic-pc-3.example"}`),
			agentOf(dcm, "110153", `"who":{"reference":"Device/store"}`)),
		check: systemIs, want: "clinic-pc-3.example", wantShared: "ward-pc-7.example",
	}, {
		file:  "patient-in-agent.json",
		input: event(noTypes), check: organisationIs, want: "RYY", wantShared: "S314H",
	}, {
		file:  "patient-in-agent.json",
		input: event(noTypes), check: userIs, want: "7770003", wantShared: "5550001",
	},
}

// What an event says of the organisation that accessed, with a mapping and without one.
func TestOrganisations(t *testing.T) {
	const (
		known   = "https://fhir.nhs.uk/Id/ods-organization-code"
		role    = `{"resourceType":"PractitionerRole","id":"r","organization":{"reference":"#o"}}`
		asking  = `"requestor":true,"who":{"type":"Organization",`
		foreign = `{"display":"Moor Clinic"}`
	)
	id := func(system, value string) string {
		return `{"identifier":{"system":"` + system + `","value":"` + value + `"}}`
	}
	ref := func(r string) string { return `{"reference":"` + r + `"}` }
	contained := func(list string, agents ...string) string {
		return strings.TrimSuffix(
			event(`"action":"R"`, `"agent":[`+strings.Join(agents, ",")+`]`, patientEntity), "}",
		) + `,"contained":[` + list + `]}`
	}
	org := func(members string) string { return `{"resourceType":"Organization","id":"o",` + members + `}` }
	withRole := `{"requestor":true,"who":{"reference":"#r"}}`
	m := &mapping.Map{Organisations: []mapping.Organisation{
		{
			ID: "NHSL", Identifiers: []string{"https://board.scot/orgs|1"}, References: []string{"Organization/own"},
			Names: []string{"NHS Lothian"},
		},
		{ID: "NHSH", Identifiers: []string{"https://board.scot/orgs|42", "urn:ietf:rfc:3986|urn:oid:2.999.42", "|42@registry.example"},
			References: []string{"Organization/highland", "https://directory.example/Organization/9"},
			Issuers:    []string{"https://idp.highland.example"}, Names: []string{"NHS Highland"}},
	}, Sources: map[string]mapping.Source{"ehr1": {Base: "https://ehr1.board.scot/fhir"}}}
	for name, c := range map[string]struct{ event, alone, mapped string }{
		"none named":               {by(), "issuer", "issuer"},
		"the ledger's own system":  {by(userorg(id(mapping.OwnOrganisation, "UNI"))), "UNI", "UNI"},
		"the issuer by its own id": {by(userorg(id(mapping.OwnOrganisation, "NHSL"))), "NHSL", "NHSL"},
		"ODS":                      {by(userorg(id(known, "RYY"))), "RYY", "RYY"},
		"ODS with http":            {by(userorg(id("http://fhir.nhs.uk/Id/ods-organization-code", "RYY"))), "RYY", "RYY"},
		"ODS under its older host": {by(userorg(id("http://fhir.nhs.net/Id/ods-organization-code", "RYY"))), "RYY", "RYY"},
		"ODS as an OID":            {by(userorg(id("urn:oid:2.16.840.1.113883.2.1.3.2.4.19.1", "RYY"))), "RYY", "RYY"},
		"ODS as its older OID":     {by(userorg(id("2.16.840.1.113883.2.1.4.3", "RYY"))), "RYY", "RYY"},
		"a site of ODS": {
			by(userorg(id("https://fhir.nhs.uk/Id/ods-site-code", "NHSL"))), "foreign NHSL", "foreign NHSL",
		},
		"an id in another system":    {by(userorg(id("https://elsewhere.example", "NHSH"))), "foreign NHSH", "foreign NHSH"},
		"an id without a system":     {by(userorg(`{"identifier":{"value":"NHSL"}}`)), "foreign NHSL", "foreign NHSL"},
		"a mapped identifier":        {by(userorg(id("https://board.scot/orgs", "42"))), "foreign 42", "NHSH"},
		"the same, of the issuer":    {by(userorg(id("https://board.scot/orgs", "1"))), "foreign 1", "NHSL"},
		"another one of that system": {by(userorg(id("https://board.scot/orgs", "7"))), "foreign 7", "foreign 7"},
		"a URI as identifier": {
			by(userorg(id("urn:ietf:rfc:3986", "urn:oid:2.999.42"))), "foreign urn:oid:2.999.42", "NHSH",
		},
		"a URI without a system": {
			by(userorg(`{"identifier":{"value":"urn:oid:2.999.42"}}`)), "foreign urn:oid:2.999.42", "NHSH",
		},
		"an identifier without a system": {
			by(userorg(`{"identifier":{"value":"42@registry.example"}}`)), "foreign 42@registry.example", "NHSH",
		},
		"a reference that equals an id": {
			by(userorg(ref("Organization/NHSL"))), "foreign Organization/NHSL", "foreign Organization/NHSL",
		},
		"a mapped reference": {by(userorg(ref("Organization/highland"))), "foreign Organization/highland", "NHSH"},
		"the same on the source's server": {
			by(userorg(ref("https://ehr1.board.scot/fhir/Organization/highland"))),
			"foreign https://ehr1.board.scot/fhir/Organization/highland", "NHSH",
		},
		"the same on another server": {
			by(userorg(ref("https://x.example/Organization/highland"))), "foreign https://x.example/Organization/highland",
			"foreign https://x.example/Organization/highland",
		},
		"a mapped reference to another": {
			by(userorg(ref("https://directory.example/Organization/9/_history/2"))),
			"foreign https://directory.example/Organization/9/_history/2", "NHSH",
		},
		"a mapped name": {by(userorg(`{"display":"NHS  Highland"}`)), "foreign NHS  Highland", "NHSH"},
		"a name that holds it": {
			by(userorg(`{"display":"not NHS Highland"}`)), "foreign not NHS Highland", "foreign not NHS Highland",
		},
		"nothing about it": {by(userorg(`{"type":"Organization"}`)), "foreign", "foreign"},
		"it without who": {
			by(agentOf(roleClass, "PROV", `"name":"Moor Clinic"`)), "foreign Moor Clinic", "foreign Moor Clinic",
		},
		"ways that contradict each other": {
			by(userorg(`{"reference":"Organization/highland","identifier":{"system":"https://board.scot/orgs","value":"1"}}`)),
			"foreign 1", "foreign 1",
		},
		"two, of which one is foreign": {
			by(userorg(id(known, "NHSL")), userorg(foreign)), "foreign Moor Clinic", "foreign Moor Clinic",
		},
		"two, the issuer and another": {by(userorg(id(known, "NHSL")), userorg(id(known, "UNI"))), "UNI", "UNI"},
		"contained, with an identifier": {
			contained(org(`"identifier":[{"system":"urn:x","value":"NHSL"},{"system":"`+known+`","value":"UNI"}]`), nurse, userorg(ref("#o"))),
			"UNI", "UNI",
		},
		"contained, with an old identifier": {
			contained(org(`"identifier":[{"use":"old","system":"`+known+`","value":"NHSL"}]`), nurse, userorg(ref("#o"))),
			"foreign", "foreign",
		},
		"contained, by its name": {
			contained(org(`"name":"NHS Highland"`), nurse, userorg(ref("#o"))), "foreign NHS Highland", "NHSH",
		},
		"contained, and not there": {contained(org(`"name":"NHS Highland"`), nurse, userorg(ref("#p"))), "foreign", "foreign"},
		"the user's role": {
			contained(role+","+org(`"identifier":[{"system":"`+known+`","value":"UNI"}]`), withRole), "UNI", "UNI",
		},
		"the user's role, elsewhere": {
			contained(role+","+org(`"name":"Moor Clinic"`), withRole), "foreign Moor Clinic", "foreign Moor Clinic",
		},
		"the user's role, and one that agrees": {
			contained(role+","+org(`"name":"Moor Clinic"`), withRole, userorg(id(known, "NHSL"))), "foreign Moor Clinic",
			"foreign Moor Clinic",
		},
		"a role without an organisation": {contained(`{"resourceType":"PractitionerRole","id":"r"}`, withRole), "issuer", "issuer"},
		"an organisation that asks": {
			by(`{` + asking + `"display":"Moor Clinic"}}`), "foreign Moor Clinic", "foreign Moor Clinic",
		},
		"it beside the user's own": {
			by(userorg(id(known, "NHSL")), `{`+asking+`"display":"Moor Clinic"}}`), "foreign Moor Clinic",
			"foreign Moor Clinic",
		},
		"one without a part, and without types": {event(noTypes), "RYY", "RYY"},
		"one in the part of the client": {
			by(agentOf(dcm, "110152", `"who":{"type":"Organization","display":"Moor Clinic"}`)), "foreign Moor Clinic",
			"foreign Moor Clinic",
		},
		"one in the part of the server": {
			by(agentOf(dcm, "110153", `"who":{"type":"Organization","display":"Moor Clinic"}`)), "issuer", "issuer",
		},
		"a custodian": {
			by(agentOf(participation, "CST", `"who":{"type":"Organization","display":"Moor Clinic"}`)), "issuer", "issuer",
		},
		"a custodian of provenance": {
			by(agentOf(participantType, "custodian", `"who":`+ref("Organization/8"))), "issuer", "issuer",
		},
		"a provider who is a person": {by(agentOf(roleClass, "PROV", `"who":`+ref("Practitioner/8"))), "issuer", "issuer"},
		"a home community": {
			by(agentOf(homeCommunity, "homeCommunityId", `"who":{"identifier":{"value":"urn:oid:2.999.42"}}`)),
			"foreign urn:oid:2.999.42", "NHSH",
		},
		"a home community besides": {
			by(userorg(id(known, "UNI")), agentOf(homeCommunity, "homeCommunityId", `"who":{"identifier":{"value":"urn:oid:2.999.1"}}`)),
			"UNI", "UNI",
		},
		"the issuer of the user's token": {
			event(`"agent":[{"requestor":true,"who":`+id("https://idp.highland.example", "u7")+`}]`, patientEntity),
			"issuer", "NHSH",
		},
		"the issuer of a token, and the user's": {
			event(`"agent":[{"requestor":true,"who":`+id("https://idp.highland.example", "u7")+`},`+userorg(foreign)+`]`, patientEntity),
			"foreign Moor Clinic", "foreign Moor Clinic",
		},
		"the place where the user was": {
			contained(
				`{"resourceType":"Location","id":"l","managingOrganization":{"display":"Moor Clinic"}}`,
				`{"requestor":true,"who":{"reference":"Practitioner/1"},"location":{"reference":"#l"}}`,
			),
			"foreign Moor Clinic", "foreign Moor Clinic",
		},
		"a group of the Swiss record": {
			by(`{"role":[{"coding":[{"system":"urn:oid:2.16.756.5.30.1.127.3.10.14","code":"GRP"}]}],"who":{"identifier":{"value":"urn:oid:2.999.3"}},"name":"Ward 9","requestor":false}`),
			"foreign Ward 9", "foreign Ward 9",
		},
		"a provider by its role": {
			by(`{"role":[{"coding":[{"system":"` + roleClass + `","code":"PROV"}]}],"who":{"display":"Moor Clinic"},"requestor":false}`),
			"foreign Moor Clinic", "foreign Moor Clinic",
		},
		"a person who provides, by the role": {
			event(
				`"agent":[{"role":[{"coding":[{"system":"`+roleClass+`","code":"PROV"}]}],"who":`+id(
					"https://x.example/hpi-person-id", "c1",
				)+`,"name":"A Nurse","requestor":true}]`,
				patientEntity,
			),
			"issuer", "issuer",
		},
		"an identifier of a register elsewhere": {
			by(`{"who":{"identifier":{"system":"https://x.example/ns/hpi-organisation-id","value":"NHSL"},"display":"Moor Clinic"},"requestor":false}`),
			"foreign Moor Clinic", "foreign Moor Clinic",
		},
		"an institution that is called a user": {
			event(
				`"agent":[`+agentOf(
					securityRole, "humanuser",
					`"who":`+id("https://gematik.de/fhir/sid/telematik-id", "3-07")+`,"name":"Moor Pharmacy"`,
				)+`]`,
				patientEntity,
			),
			"foreign Moor Pharmacy", "foreign Moor Pharmacy",
		},
		"an identifier that a person's number has": {by(userorg(id(known, aCHI))), "foreign " + aCHI, "foreign " + aCHI},
	} {
		t.Run(name, func(t *testing.T) {
			for with, conv := range map[string]Conversion{"alone": caseConversion, "mapped": {
				Issuer: "NHSL", Audience: caseConversion.Audience, Source: "ehr1", Map: m,
			}} {
				want := c.alone
				if with == "mapped" {
					want = c.mapped
				}
				list, said, err := conv.FromAuditEvent([]byte(c.event))
				if err != nil {
					t.Fatal(err)
				}
				organisationIs(t, read{accesses: list, notes: said}, want)
				roundTrip(t, conv, []byte(c.event))
				withoutEvent(t, conv, list[0])
			}
		})
	}
}

// withoutEvent checks that an access whose event is withheld makes an event that is read alike.
func withoutEvent(t *testing.T, conv Conversion, a *entry.Access) {
	t.Helper()
	b := *a
	b.FHIR = nil
	raw, err := ToAuditEvent(&b)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := conv.FromAuditEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := again[0]; got.Foreign != a.Foreign || got.Org != a.Org {
		t.Errorf("made again from the claims it is accessed by %s, want %s", accessedBy(got), accessedBy(a))
	}
}

// An organisation in another entry of the Bundle is found, wherever it stands.
func TestOrganisationInBundle(t *testing.T) {
	const at = "urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a"
	ev := event(`"agent":[{"requestor":true,"who":{"reference":"`+at+`02"}}]`, patientEntity)
	role := `{"resourceType":"PractitionerRole","organization":{"reference":"` + at + `03"},"practitioner":{"display":"A Nurse"}}`
	org := `{"resourceType":"Organization","identifier":[{"system":"` + mapping.ODS + `","value":"RYY"}],"name":"Moor Clinic"}`
	for _, bundle := range []string{
		inBundle(at+"01", ev, at+"02", role, at+"03", org),
		inBundle(at+"03", org, at+"02", role, at+"01", ev),
		inBundle(at+"02", role, at+"01", ev, at+"03", org),
	} {
		organisationIs(t, readAll(t, []byte(bundle)), "RYY")
	}
	organisationIs(t, readAll(t, []byte(inBundle(at+"01", ev, at+"02", role))), "foreign "+at+"03")
	// Nothing but the organisation of the role is still to come.
	ev = event(`"agent":[{"requestor":true,"who":{"reference":"`+at+`02"}}]`, about(`{"reference":"`+at+`04"}`))
	organisationIs(t, readAll(t, []byte(inBundle(at+"04", patientResource(chiOf), at+"02", role, at+"01", ev, at+"03", org))), "RYY")
}

// BALP's forms of an access under a token: the user's name, number and further numbers, role and
// organisation are where they belong, and the id of a token is no agreement.
func TestTokens(t *testing.T) {
	const tokens = "https://profiles.ihe.net/ITI/BALP/"
	other := func(system, code, value string) string {
		return `{"url":"` + tokens + `StructureDefinition/ihe-otherId","valueIdentifier":{"type":{"coding":[{"system":"` + system + `","code":"` + code + `"}]},"value":"` + value + `"}}`
	}
	user := func(kind, rest string) string {
		return `"agent":[{"type":{"coding":[{"system":"` + participation + `","code":"IRCP"},{"system":"` + tokens + `CodeSystem/UserAgentTypes","code":"` + kind + `"}]},"requestor":true,` + rest + `}`
	}
	const who = `"who":{"identifier":{"system":"https://idp.example","value":"u-17"}}`
	full := user("UserSamlAgent", who+`,"policy":["_a7c1"],"role":[{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.96","code":"309343006"}]}],
		"purposeOfUse":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}],
		"extension":[`+other(otherIDType, "SAML-subject-id", "Ailsa Sample")+`,`+other(identifierType, "NPI", "npi-8")+`,`+other(identifierType, "PRN", "prn-9")+`]`)
	for name, c := range map[string]struct {
		event                           string
		system, id, name, altID, client string
		org                             string
	}{
		"SAML, minimal": {
			event(user("UserSamlAgent", who+`,"policy":["_a7c1"]`)+`]`, patientEntity), "https://idp.example", "u-17", "",
			"", "", "issuer",
		},
		"SAML, comprehensive": {
			event(full+`,`+userorg(`{"display":"Moor Clinic","identifier":{"value":"7@registry.example"}}`)+`]`, patientEntity),
			"https://idp.example", "u-17", "Ailsa Sample", "npi-8", "", "foreign Moor Clinic",
		},
		"OAuth, opaque": {
			event(user("UserOauthAgent", `"policy":["0123456789abcdef0123456789abcdef"]`)+`]`, patientEntity), "", "", "",
			"", "", "issuer",
		},
		"OAuth, minimal, without IRCP": {
			event(
				`"agent":[{"type":{"coding":[{"system":"`+tokens+`CodeSystem/UserAgentTypes","code":"UserOauthAgent"}]},"requestor":true,"policy":["urn:ietf:params:oauth:jti:9b"]}]`,
				patientEntity,
			),
			"", "", "", "", "", "issuer",
		},
		"OAuth, comprehensive": {
			event(
				`"action":"R"`,
				`"agent":[{"type":{"coding":[{"system":"`+dcm+`","code":"110150"}]},"requestor":false,"who":{"identifier":{"value":"app-3"}}},{"type":{"coding":[{"system":"`+participation+`","code":"IRCP"}]},"requestor":true,"name":"asample","who":{"display":"asample","identifier":{"system":"https://idp.example","value":"u-17"}},"policy":["urn:ietf:params:oauth:jti:9b"]}]`,
				patientEntity,
			),
			"https://idp.example", "u-17", "asample", "", "app-3", "issuer",
		},
		"OAuth, and who gave the token": {
			event(
				user("UserOauthAgent", who)+`,`+agentOf(
					tokens+"CodeSystem/UserAgentTypes", "AuthzOauthService",
					`"who":{"type":"Organization","display":"Moor Clinic"}`,
				)+`]`,
				patientEntity,
			),
			"https://idp.example", "u-17", "", "", "", "issuer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := roundTrip(t, caseConversion, []byte(c.event))
			var got entry.Staff
			if a.Staff != nil {
				got = *a.Staff
			}
			if got.System != c.system || got.ID != c.id || got.Name != c.name || got.AltID != c.altID || a.System != c.client {
				t.Errorf("user %+v through %q", got, a.System)
			}
			if a.Machine || a.Agreement != "" || accessedBy(a) != c.org {
				t.Errorf("machine %v, agreement %q, accessed by %s, want %s", a.Machine, a.Agreement, accessedBy(a), c.org)
			}
		})
	}
}

// Which of several agents is the user, if none says that it asked.
func TestUserAmongAgents(t *testing.T) {
	const (
		patient = `{"who":{"reference":"Patient/1"},"requestor":false}`
		store   = `{"who":{"display":"store"},"requestor":false}`
		device  = `{"who":{"reference":"Device/1"},"requestor":true}`
		staff   = `{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/sds-user-id","value":"55"}},"requestor":false}`
		typed   = `{"type":{"coding":[{"system":"` + participation + `","code":"IRCP"}]},"who":{"identifier":{"value":"56"}},"requestor":false}`
		local   = `{"type":{"coding":[{"system":"urn:local","code":"u"}]},"who":{"display":"57"},"requestor":false}`
		service = `{"who":{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"RYY"}},"requestor":false}`
		self    = `{"who":{"reference":"Patient/1","display":"58"},"requestor":true}`
		team    = `{"who":{"reference":"CareTeam/1","display":"59"},"requestor":true}`
		asker   = `{"who":{"reference":"Practitioner/1","display":"60"},"requestor":true}`
		giver   = `{"type":{"coding":[{"system":"http://snomed.info/sct","code":"429577009"}]},"who":{"reference":"Patient/1"},"requestor":false}`
	)
	for agents, want := range map[string]string{
		patient + "," + service + "," + staff: "55",
		store + "," + staff:                   "55",
		patient + "," + typed:                 "56",
		service + "," + local:                 "57",
		patient + "," + store:                 "store",
		device + "," + store:                  "machine",
		device + "," + patient:                "machine",
		device + "," + typed:                  "56",
		patient:                               "Patient/1",
		service:                               "", // an organisation has people
		self + "," + staff:                    "58",
		giver:                                 "machine",
		team:                                  "59", // several people
		team + "," + asker:                    "60",
	} {
		userIs(t, readAll(t, []byte(event(`"agent":[`+agents+`]`, patientEntity))), want)
	}
}

// An organisation that only a team, or an agent's type in words, tells of is not the issuer.
func TestOrganisationsInPassing(t *testing.T) {
	const team = `,"contained":[{"resourceType":"CareTeam","id":"t","managingOrganization":[
		{"identifier":{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"NHSL"}},{"display":"Moor Clinic"}]}]}`
	for _, input := range []string{
		strings.TrimSuffix(event(`"agent":[{"requestor":true,"who":{"reference":"#t"}}]`, patientEntity), "}") + team,
		event(`"agent":[`+nurse+`,{"type":{"text":"User Organization"},"who":{"display":"Moor Clinic"},"requestor":false}]`, patientEntity),
	} {
		organisationIs(t, readAll(t, []byte(input)), "foreign Moor Clinic")
	}
}

// What the mapping says of a role counts besides the role itself.
func TestMappedRoles(t *testing.T) {
	conv := caseConversion
	conv.Map = &mapping.Map{Roles: map[string]string{
		"urn:local|doc": "http://snomed.info/sct|309343006", "Midwife": "http://snomed.info/sct|309453006",
	}}
	const roles = `"agent":[{"requestor":true,"role":[{"coding":[{"system":"urn:local","code":"doc"}]},{"text":"Midwife"}]}]`
	list, _, err := conv.FromAuditEvent([]byte(event(roles, patientEntity)))
	if err != nil {
		t.Fatal(err)
	}
	userIs(t, read{accesses: list}, " urn:local|doc http://snomed.info/sct|309343006 http://snomed.info/sct|309453006")
}

// Where the user worked: the place of the agent, and those of the role.
func TestUnits(t *testing.T) {
	const agents = `"agent":[{"requestor":true,"who":{"reference":"#r"},"location":{"reference":"Location/9","identifier":{"system":"urn:wards","value":"7"}}}]`
	const role = `,"contained":[{"resourceType":"PractitionerRole","id":"r","location":[{"identifier":{"system":"urn:wards","value":"8"}}]}]}`
	a := roundTrip(t, caseConversion, []byte(strings.TrimSuffix(event(agents, patientEntity), "}")+role))
	if a.Staff == nil || strings.Join(a.Staff.Units, " ") != "urn:wards|7 Location/9 urn:wards|8" {
		t.Errorf("%+v", a.Staff)
	}
}
