package fhir

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

var testConversion = Conversion{Issuer: "board-a", Source: "ehr1", Map: referring(map[string]string{"Organization/f001": "good-health"})}

// referring returns a mapping of references to organisations.
func referring(orgs map[string]string) *mapping.Map {
	m := &mapping.Map{}
	for ref, id := range orgs {
		m.Organisations = append(m.Organisations, mapping.Organisation{ID: id, References: []string{ref}})
	}
	return m
}

// filed signs a consent as a source does and reads it back as the ledger does.
func filed(t testing.TB, x *entry.Consent) *entry.Consent {
	t.Helper()
	signer, err := wire.GenerateSigner("EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	x.Audience, x.ID, x.IssuedAt = "log.example/igl", "6f1f9b1e-0c5e-4d0a-8f5b-3c1d2e4f5a6b", 1795000000
	e, err := entry.Sign(signer, x)
	if err != nil {
		t.Fatalf("does not pass entry.Sign: %v", err)
	}
	return e.Body.(*entry.Consent)
}

func reports(in *Imported, path string) bool {
	for _, u := range in.Unenforced {
		if u.Path == path && u.Why != "" {
			return true
		}
	}
	return false
}

func sameJSON(t testing.TB, a, b []byte) bool {
	t.Helper()
	x, err := tree.Parse("a", a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := tree.Parse("b", b)
	if err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// r4 and r5 are Consents with the given further members.
func r4(members string) string {
	return `{"resourceType":"Consent","id":"c1","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"research"}]},
	"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":{"reference":"Patient/p1"},"dateTime":"2026-03-04","sourceAttachment":{"title":"form"},
	"policy":[{"uri":"urn:igledger:agreement:isa-7"}],` + members + `}`
}

func r5(members string) string {
	return `{"resourceType":"Consent","id":"c1","status":"active","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"research"}]}],
	"subject":{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"943 476 5919"}},"date":"2026-03-04T10:00:00+01:00","sourceAttachment":[{"title":"form"}],
	"policyBasis":{"url":"urn:igledger:agreement:isa-7"},` + members + `}`
}

const (
	recipient = `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Organization/f001"}}`
	nurse     = `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Practitioner/f204"}}`
	team      = `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"CareTeam/f204"}}`
	author    = `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"AUT"}]},"reference":{"reference":"Organization/f001"}}`
	research  = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]`
	treat     = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]`
	psy       = `"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]`
	obs       = `[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]`
	disclose  = `"action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"disclose"}]}]`
)

// What a person said, and what is made of it. That no reading permits more than was said is the
// point of most rows.
func TestRules(t *testing.T) {
	const nothing = `{"decision":"permit","data":["urn:igledger:consent|unenforceable"]}`
	for _, c := range []struct {
		name, consent, act, rule string
		unenforced               string // a path that must be reported; "" if nothing may be
	}{
		{
			"typed permit",
			r4(`"provision":{"type":"permit",` + research + `,"actor":[` + recipient + `]}`), "given",
			`{"decision":"permit","purposes":["HRESCH"],"recipients":["good-health"]}`, "",
		},
		{"nested flip", r4(`"provision":{"type":"permit",` + treat + `,"provision":[{"type":"deny","class":` + obs + `,"provision":[{"type":"permit","actor":[` + recipient + `]}]}]}`), "given",
			`{"decision":"permit","purposes":["TREAT"],"except":[{"decision":"deny","restricts":true,"data":["http://hl7.org/fhir/resource-types|Observation"],"except":[{"decision":"permit","recipients":["good-health"]}]}]}`, ""},
		{"R5 flips by level", r5(`"decision":"permit","provision":[{` + treat + `,"provision":[{"resourceType":` + obs + `}]}]`), "given",
			`{"decision":"permit","except":[{"decision":"deny","restricts":true,"purposes":["TREAT"],"except":[{"decision":"permit","data":["http://hl7.org/fhir/resource-types|Observation"]}]}]}`, ""},
		{"R5 deny but", r5(`"decision":"deny","period":{"end":"2027"},"provision":[{` + research + `,"actor":[` + recipient + `]}]`), "refused",
			`{"decision":"deny","end":"2028-01-01T00:00:00Z","except":[{"decision":"permit","purposes":["HRESCH"],"recipients":["good-health"]}]}`, ""},
		{
			"R5 grantee limits a permission",
			r5(`"decision":"permit","grantee":[{"reference":"Organization/f001"}]`), "given",
			`{"decision":"permit","recipients":["good-health"]}`, "",
		},
		{
			"R5 grantee does not limit a refusal",
			r5(`"decision":"deny","grantee":[{"reference":"Organization/f001"}]`), "refused",
			`{"decision":"deny"}`, "Consent.grantee",
		},
		{
			"R5 grantee unknown", r5(`"decision":"permit","grantee":[{"reference":"Organization/else"}]`),
			"given", nothing, "Consent.grantee",
		},
		{
			"permit to one team is no permit to all",
			r4(`"provision":{"type":"permit","actor":[` + team + `]}`), "given", nothing,
			"Consent.provision.actor",
		},
		{
			"permit to a team or an organisation",
			r4(`"provision":{"type":"permit","actor":[` + team + `,` + recipient + `]}`), "given",
			`{"decision":"permit","recipients":["good-health"]}`, "Consent.provision.actor[0]",
		},
		{
			"deny to one team or an organisation",
			r4(`"provision":{"type":"deny","actor":[` + team + `,` + recipient + `]}`), "refused",
			`{"decision":"deny"}`, "Consent.provision.actor",
		},
		{
			"author is not recipient", r4(`"provision":{"type":"permit","actor":[` + author + `]}`),
			"given", nothing, "Consent.provision.actor",
		},
		{
			"permission less one team",
			r4(`"provision":{"type":"permit",` + treat + `,"provision":[{"type":"deny","actor":[` + team + `]}]}`),
			"given", nothing, "Consent.provision",
		},
		{"permission less research by one team", r4(`"provision":{"type":"permit","provision":[{"type":"deny",` + research + `,"actor":[` + team + `]}]}`), "given",
			`{"decision":"permit","except":[{"decision":"deny","purposes":["HRESCH"]}]}`, "Consent.provision.provision[0].actor"},
		{
			"permit to one nurse", r4(`"provision":{"type":"permit","actor":[` + nurse + `]}`), "given",
			`{"decision":"permit","staff":["Practitioner/f204"]}`, "Consent.provision.actor[0]",
		},
		{"permit to a nurse or an organisation", r4(`"provision":{"type":"permit","actor":[` + nurse + `,` + recipient + `]}`), "given",
			`{"decision":"permit","recipients":["good-health"]}`, "Consent.provision.actor"},
		{
			"deny to a nurse or an organisation",
			r4(`"provision":{"type":"deny","actor":[` + nurse + `,` + recipient + `]}`), "refused", `{"decision":"deny"}`,
			"Consent.provision.actor",
		},
		{"permission less one nurse", r4(`"provision":{"type":"permit",` + treat + `,"provision":[{"type":"deny","actor":[` + nurse + `]}]}`), "given",
			`{"decision":"permit","purposes":["TREAT"],"except":[{"decision":"deny","restricts":true,"staff":["Practitioner/f204"]}]}`, "Consent.provision.provision[0].actor[0]"},
		{"refusal but for one record", r4(`"provision":{"type":"deny","provision":[{"type":"permit","data":[{"meaning":"instance","reference":{"reference":"Observation/1"}}]}]}`), "refused",
			`{"decision":"deny","except":[{"decision":"permit","data":["urn:igledger:record|Observation/1"]}]}`, "Consent.provision.provision[0].data"},
		{
			"class and code at once", r4(`"provision":{"type":"permit","class":` + obs + `,` + psy + `}`),
			"given", `{"decision":"permit","data":["http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY","http://hl7.org/fhir/resource-types|Observation"]}`,
			"Consent.provision.securityLabel",
		},
		{"class and label refused", r4(`"provision":{"type":"deny","class":` + obs + `,` + psy + `}`), "refused",
			`{"decision":"deny","data":["http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY","http://hl7.org/fhir/resource-types|Observation"]}`, "Consent.provision.securityLabel"},
		{"two lists of one kind", r4(`"provision":{"type":"permit","class":` + obs + `,"code":[{"coding":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}]}]}`),
			"given", nothing, "Consent.provision.class"},
		{
			"a star is not every code",
			r4(`"provision":{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"*"}]}`),
			"given", nothing, "Consent.provision.class",
		},
		{
			"extension limits",
			r4(`"provision":{"type":"permit",` + treat + `,"extension":[{"url":"http://example.org/only-on-mondays","valueBoolean":true}]}`),
			"given", nothing, "Consent.provision.(other)",
		},
		{
			"several permissions in one",
			r4(`"provision":{"type":"permit","provision":[{"type":"permit",` + treat + `},{"type":"permit",` + research + `}]}`),
			"given", nothing, "Consent.provision",
		},
		{"permission narrowed by subsumption", r4(`"provision":{"type":"permit",` + treat + `,"provision":[{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]}]}`), "given",
			`{"decision":"permit","purposes":["BTG"]}`, ""},
		{
			"a permission that reaches beyond the one around it",
			r4(`"provision":{"type":"permit",` + treat + `,"provision":[{"type":"permit",` + research + `},{"type":"deny","class":` + obs + `}]}`),
			"given", `{"decision":"permit","purposes":["TREAT"],"except":[{"decision":"deny","restricts":true,"data":["http://hl7.org/fhir/resource-types|Observation"]}],` +
				`"also":[{"decision":"permit","purposes":["HRESCH"],"except":[{"decision":"deny","restricts":true,"data":["http://hl7.org/fhir/resource-types|Observation"]}]}]}`, "",
		},
		{
			"nested without type in a permission",
			r4(`"provision":{"type":"permit","provision":[{` + research + `}]}`), "given",
			`{"decision":"permit","except":[{"decision":"deny","purposes":["HRESCH"]}]}`,
			"Consent.provision.provision[0]",
		},
		{"all refused but treatment, and never this", r4(`"provision":{"type":"deny","provision":[{"type":"permit",` + treat + `},{"type":"deny",` + psy + `}]}`), "refused",
			`{"decision":"deny","except":[{"decision":"permit","purposes":["TREAT"],"except":[{"decision":"deny","data":["http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY"]}]}]}`, "Consent.provision.provision[1].securityLabel"},
		{"a refusal that lost a limit keeps no permission", r4(`"provision":{"type":"deny","data":[{"meaning":"dependents","reference":{"reference":"Observation/1"}}],"provision":[{"type":"permit","actor":[` + recipient + `]}]}`), "refused",
			`{"decision":"deny"}`, "Consent.provision.data"},
		{
			"permit to a team or an organisation, with an exception",
			r4(`"provision":{"type":"permit","actor":[` + team + `,` + recipient + `],"provision":[{"type":"deny",` + research + `}]}`),
			"given", nothing, "Consent.provision.actor",
		},
		{
			"a code that is the patient's number",
			strings.Replace(r4(`"provision":{"type":"permit","code":[{"coding":[{"system":"urn:x","code":"about-Ab12345"}]}]}`), "Patient/p1", "Patient/Ab12345", 1),
			"given", nothing, "Consent.provision.code",
		},
		{
			"a code that is a person's number",
			r4(`"provision":{"type":"permit","code":[{"coding":[{"system":"urn:x","code":"9434765919"}]}]}`),
			"given", nothing, "Consent.provision.code",
		},
		{"a refusal of care", r4(`"provision":{"type":"deny",` + treat + `}`), "refused",
			`{"decision":"deny","restricts":true,"purposes":["TREAT"]}`, ""},
		{"a refusal of care and research", r4(`"provision":{"type":"deny","purpose":[{"code":"ETREAT"},{"code":"HRESCH"}]}`), "refused",
			`{"decision":"deny","restricts":true,"purposes":["ETREAT","HRESCH"]}`, ""},
		{"planning is not care", r4(`"provision":{"type":"deny","purpose":[{"code":"POPHLTH"}]}`), "refused",
			`{"decision":"deny","purposes":["POPHLTH"]}`, ""},
		{"a refusal of one organisation", r4(`"provision":{"type":"deny","actor":[` + recipient + `]}`), "refused",
			`{"decision":"deny","restricts":true,"recipients":["good-health"]}`, ""},
		{"a refusal of one organisation's research", r4(`"provision":{"type":"deny","actor":[` + recipient + `],` + research + `}`), "refused",
			`{"decision":"deny","purposes":["HRESCH"],"recipients":["good-health"]}`, ""},
		{"a refusal of a category", r4(`"provision":{"type":"deny","class":` + obs + `}`), "refused",
			`{"decision":"deny","data":["http://hl7.org/fhir/resource-types|Observation"]}`, ""},
		{"said to be a restriction", r4(`"provision":{"type":"deny","extension":[{"url":"urn:igledger:consent:restricts","valueBoolean":true}],"class":` + obs + `}`), "refused",
			`{"decision":"deny","restricts":true,"data":["http://hl7.org/fhir/resource-types|Observation"]}`, ""},
		{"said to be none", r4(`"provision":{"type":"deny","extension":[{"url":"urn:igledger:consent:restricts","valueBoolean":false}],` + treat + `}`), "refused",
			`{"decision":"deny","purposes":["TREAT"]}`, ""},
		{"another extension beside it", r4(`"provision":{"type":"deny","extension":[{"url":"urn:igledger:consent:restricts","valueBoolean":false},{"url":"urn:x","valueBoolean":true}],` + treat + `}`), "refused",
			`{"decision":"deny","purposes":["TREAT"]}`, "Consent.provision.(other)"},
		{"opt-out but", r4(`"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]},"provision":{"type":"permit",` + treat + `}`), "refused",
			`{"decision":"deny","except":[{"decision":"permit","purposes":["TREAT"]}]}`, ""},
		{"opt-in less what cannot be told", r4(`"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"type":"deny","actor":[` + team + `]}`), "refused",
			`{"decision":"deny"}`, "Consent.policyRule"},
		{
			"rejected",
			strings.Replace(r4(`"provision":{"type":"permit",`+research+`}`), `"active"`, `"rejected"`, 1),
			"refused", `{"decision":"deny","purposes":["HRESCH"]}`, "",
		},
		{
			"rejected and not understood",
			strings.Replace(r4(`"provision":{"type":"permit","actor":[`+author+`]}`), `"active"`, `"rejected"`, 1),
			"refused", `{"decision":"deny"}`, "Consent.provision.actor",
		},
		{"emergency only", strings.Replace(r4(`"provision":{"type":"permit"}`), `{"system":"http://loinc.org","code":"59284-0"}`, `{"system":"http://terminology.hl7.org/CodeSystem/consentcategorycodes","code":"emrgonly"}`, 1), "given",
			`{"decision":"permit","purposes":["ETREAT"]}`, ""},
		{"data of a time", r4(`"provision":{"type":"deny","dataPeriod":{"start":"2020-02","end":"2020-03-04T05:06:07.5Z"}}`), "refused",
			`{"decision":"deny","dataStart":"2020-02-01T00:00:00Z","dataEnd":"2020-03-04T05:06:07.6Z"}`, "Consent.provision.dataPeriod"},
		{
			"disclose", r4(`"provision":{"type":"deny",` + disclose + `}`), "refused",
			`{"decision":"deny","actions":["R","E"]}`, "Consent.provision.action[0]",
		},
		{
			"withdrawn", strings.Replace(r4(`"provision":{"type":"permit"}`), `"active"`, `"inactive"`, 1),
			"withdrawn", "null", "",
		},
		{
			"expired",
			strings.Replace(r4(`"meta":{"lastUpdated":"2026-06-01T00:00:00Z"},"provision":{"type":"permit","period":{"end":"2026-05-31"}}`), `"active"`, `"inactive"`, 1),
			"expired", "null", "",
		},
		{
			"withdrawn before its end",
			strings.Replace(
				r4(`"meta":{"lastUpdated":"2026-05-31T22:59:59Z"},"provision":{"type":"permit","period":{"end":"2026-05-31"}}`),
				`"active"`, `"inactive"`, 1,
			),
			"withdrawn", "null", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := testConversion.Read([]byte(c.consent))
			if err != nil {
				t.Fatal(err)
			}
			rule, _ := json.Marshal(in.Consent.Rule)
			if in.Consent.Act != c.act || string(rule) != c.rule {
				t.Errorf("got %s %s", in.Consent.Act, rule)
			}
			if c.unenforced == "" && len(in.Unenforced) > 0 || c.unenforced != "" && !reports(in, c.unenforced) {
				t.Errorf("reported %v", in.Unenforced)
			}
			if !slices.Equal(in.Consent.Agreements, []string{"isa-7"}) || in.Consent.Scope != "research" || in.Consent.Expressed.How != "written" {
				t.Errorf("got %+v", in.Consent)
			}
			body := filed(t, in.Consent)
			if back, err := testConversion.Write(body, in.Release); err != nil || !sameJSON(t, back, []byte(c.consent)) {
				t.Errorf("does not come back: %v\n%s", err, back)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	permits := `"provision":{"type":"permit"}`
	for _, c := range []struct {
		name, consent string
		code          Code
	}{
		{"not JSON", `{"resourceType":`, tree.BadJSON},
		{"member twice", `{"resourceType":"Consent","resourceType":"Consent"}`, tree.BadJSON},
		{"other resource", `{"resourceType":"Patient"}`, NotConsent},
		{"R4 and R5", r4(permits + `,"decision":"permit"`), NotConsent},
		{"no patient", strings.Replace(r4(permits), `{"reference":"Patient/p1"}`, `{"display":"Mary Secret"}`, 1), NoSubject},
		{"not a patient", strings.Replace(r4(permits), `Patient/p1`, `Practitioner/p1`, 1), NoSubject},
		{"draft", strings.Replace(r4(permits), `"active"`, `"draft"`, 1), NotDecided},
		{"no such status", strings.Replace(r4(permits), `"active"`, `"Secret"`, 1), BadValue},
		{"no decision R4", r4(`"provision":{` + treat + `}`), NoDecision},
		{"no decision R5", r5(`"provision":[{` + treat + `}]`), NoDecision},
		{"type misspelt", r4(`"provision":{"type":"Deny"}`), BadValue},
		{"nested type misspelt", r4(`"provision":{"type":"permit","provision":[{"type":"Deny"}]}`), BadValue},
		{"actor no array", r4(`"provision":{"type":"permit","actor":` + recipient + `}`), BadValue},
		{
			"actor role no object",
			r4(`"provision":{"type":"deny","actor":[{"role":"IRCP","reference":{"reference":"Organization/f001"}}]}`),
			BadValue,
		},
		{"purpose null", r4(`"provision":{"type":"permit","purpose":null}`), BadValue},
		{"nested no array", r4(`"provision":{"type":"permit","provision":{"type":"deny"}}`), BadValue},
		{
			"period ends first",
			r4(`"provision":{"type":"permit","period":{"start":"2026-02-01","end":"2026-01-31"}}`),
			BadValue,
		},
		{"no such day", r4(`"provision":{"type":"permit","period":{"start":"2026-02-30"}}`), BadValue},
		{"period with an extension", r4(`"provision":{"type":"permit","period":{"_end":{"extension":[]}}}`), NotUnderstood},
		{
			"modifier",
			r4(permits + `,"modifierExtension":[{"url":"http://example.org/not","valueBoolean":true}]`),
			NotUnderstood,
		},
		{
			"modifier below",
			r4(`"provision":{"type":"permit","modifierExtension":[{"url":"http://example.org/not","valueBoolean":true}]}`),
			NotUnderstood,
		},
		{
			"own mark covers no other",
			r5(`"decision":"permit","extension":[{"url":"urn:igledger:consent:no-default","valueBoolean":true}],"provision":[{` + treat + `}],"modifierExtension":[{"url":"http://example.org/not","valueBoolean":true}]`),
			NotUnderstood,
		},
		{"implicit rules", r4(permits + `,"implicitRules":"http://example.org/rules"`), NotUnderstood},
		{"no date", strings.Replace(r4(permits), `"dateTime":"2026-03-04",`, ``, 1), Missing},
		{
			"act contradicts",
			r4(permits + `,"extension":[{"url":"urn:igledger:consent:act","valueString":"refused"}]`),
			BadValue,
		},
		{
			"too many",
			r4(`"provision":{"type":"deny","provision":[{"type":"permit"}` + strings.Repeat(`,{"type":"deny",`+treat+`}`, 300) + `]}`),
			tree.TooLarge,
		},
		{
			"too deep",
			r4(`"provision":` + strings.Repeat(`{"type":"permit","provision":[{"type":"deny","class":`+obs+`,"provision":[`, 5) + `{"type":"permit"}` + strings.Repeat(`]}]}`, 5)),
			tree.TooLarge,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := testConversion.Read([]byte(c.consent))
			if !errors.Is(err, c.code) {
				t.Fatalf("got %v, %+v, want %s", err, in, c.code)
			}
			if strings.Contains(err.Error(), "Secret") || strings.Contains(err.Error(), "943") || strings.Contains(err.Error(), "p1") {
				t.Errorf("the error tells of the person: %v", err)
			}
		})
	}
}

// Of two wrong members the same is reported every time: the first by name, and a member that cannot
// be read before one that is not understood.
func TestFirstWrongMember(t *testing.T) {
	for consent, path := range map[string]string{
		r4(`"provision":{"type":"deny"},"modifierExtension":[{}],"implicitRules":"x","contained":7`):                         "Consent.implicitRules",
		r4(`"provision":{"type":"deny"},"verification":{},"identifier":{},"text":7`):                                         "Consent.identifier",
		r4(`"provision":{"type":"deny","extension":[{"url":"x","modifierExtension":[{}]}],"a":{"implicitRules":"x"}}`):       "Consent.implicitRules",
		r4(`"provision":{"type":"deny","actor":[{"role":"IRCP","extension":[{"url":"x"}],"reference":{},"modifier":[{}]}]}`): "Consent.provision.actor[0]",
	} {
		for range 100 {
			_, err := testConversion.Read([]byte(consent))
			var e *Error
			if !errors.As(err, &e) || e.Path != path {
				t.Fatalf("%v, want it of %s\n%s", err, path, consent)
			}
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct{ in, first, last string }{
		{"2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"2026-12-31", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"2026-12-31T23:59:59+01:00", "2026-12-31T23:59:59+01:00", "2027-01-01T00:00:00+01:00"},
		{"2026-12-31T23:59:59.999Z", "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"},
		{"9999", "", ""}, {"2026-13", "", ""}, {"2026-02-29", "", ""}, {"2026-01-01T7:00:00Z", "", ""}, {"2026-01-01T07:00:00", "", ""}, {"2026-01-01T07:00:00+24:00", "", ""}, {"", "", ""},
	} {
		first, last, ok := span(c.in, time.UTC)
		if ok != (c.first != "") || ok && (rfc3339(first) != c.first || rfc3339(last) != c.last) {
			t.Errorf("%q: %v %v %v", c.in, first, last, ok)
		}
	}
	for _, end := range []string{"2027-01-01T00:00:00Z", "2026-12-31T23:59:59.5Z", "2026-12-31T23:59:59.000000001+01:00"} {
		e, _ := time.Parse(time.RFC3339Nano, end)
		if _, last, ok := span(inclusive(e), time.UTC); !ok || !last.Equal(e) {
			t.Errorf("%s comes back as %v", end, last)
		}
	}
}
