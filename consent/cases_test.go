package consent_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent/draft"
	"igledger/consent/fhir"
	"igledger/consent/fhir/mapping"
	"igledger/internal/testshared"
	"igledger/ledger/entry"
	"igledger/policies"
)

// A consentCase is an input that other systems read wrongly, and what accesses it covers. Files are
// imported in their order; where shared/cases is beside the checkout, those are as well.
type consentCase struct {
	name  string
	files []string // in shared/cases/consent
	sub   string   // whose consents those are
	own   []string // of ours, of person, with the same faults
	flags []entry.Flag
	data  []string     // of the accesses; nil: as usual
	staff *entry.Staff // of the accesses
	asks  []ask
}

// ask is an access and what its verdict has to name.
type ask struct {
	agreement, purpose, at string
	want                   string // a rule of the verdict
}

const (
	june       = "2026-06-30T22:30:00Z" // 23:30 in Scotland
	july       = "2026-06-30T23:30:00Z" // 00:30 on 1 July in Scotland
	anyTime    = "2026-06-10T10:00:00Z"
	covered    = "consent"
	missing    = "consent-missing"
	refusedIt  = "consent-refused"
	objection  = "objection"
	agreement  = "agreement"
	caseIssuer = "NHSL"
)

const (
	caseTypes  = "http://hl7.org/fhir/resource-types"
	caseLabels = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
)

// emergencyOnly is a Consent of which the category says that it is for emergencies.
func emergencyOnly(provision string) string {
	return strings.Replace(caseConsent("c1", provision, "2026-01-05"), `"59284-0"`,
		`"59284-0"}]},{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"EMRGONLY"`, 1)
}

func casePurpose(code string) string {
	return `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"` + code + `"}`
}

func caseType(name string) string { return `{"system":"` + caseTypes + `","code":"` + name + `"}` }

// caseNurse permits, but not one nurse.
var caseNurse = `{"resourceType":"Bundle","type":"searchset","entry":[` +
	`{"fullUrl":"https://ehr.example/fhir/Practitioner/p1","resource":{"resourceType":"Practitioner","id":"p1","identifier":[{"system":"urn:nmc","value":"80B1234Z"}]}},` +
	`{"fullUrl":"https://ehr.example/fhir/Consent/c1","resource":` + caseConsent("c1", `"provision":{"type":"permit","provision":[{"type":"deny","actor":[`+
	`{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Practitioner/p1"}}]}]}`, "2026-01-05") + `}]}`

var consentCases = []consentCase{
	{
		name:  "newer refusal imported first",
		files: []string{"newer-refusal-imported-first-1.json", "newer-refusal-imported-first-2.json"}, sub: "chi:1409919226",
		own: []string{
			caseConsent("c1", `"provision":{"type":"deny"},"meta":{"versionId":"7","lastUpdated":"2026-04-05T10:00:01Z"}`, "2026-04-05T10:00:00Z"),
			caseConsent("c1", `"provision":{"type":"permit"},"meta":{"versionId":"6","lastUpdated":"2026-02-05T10:00:01Z"}`, "2026-02-05T10:00:00Z"),
		},
		flags: []entry.Flag{entry.FlagLateDecision},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a history, newest first, active again",
		own: []string{`{"resourceType":"Bundle","type":"history","entry":[` + strings.Join([]string{
			historic(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), "4", "2026-04-05T10:00:00Z"),
			historic(
				strings.Replace(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), `"active"`, `"inactive"`, 1),
				"3", "2026-03-05T10:00:00Z",
			),
			historic(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), "2", "2026-02-05T10:00:00Z"),
		}, ",") + `]}`},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "a history that ends with a deletion",
		own: []string{`{"resourceType":"Bundle","type":"history","entry":[{"request":{"method":"DELETE","url":"Consent/c1"},"response":{"lastModified":"2026-03-05T10:00:00Z"}},` +
			historic(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), "2", "2026-02-05T10:00:00Z") + `]}`},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "entered in error",
		own: []string{
			strings.Replace(
				caseConsent("c1", `"provision":{"type":"permit"},"meta":{"versionId":"2"}`, "2026-01-05"), `"active"`,
				`"entered-in-error"`, 1,
			),
			caseConsent("c1", `"provision":{"type":"permit"},"meta":{"versionId":"1"}`, "2026-01-05"),
		},
		flags: []entry.Flag{entry.FlagLateDecision},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "a newer version that refuses all in what it permits",
		own: []string{
			caseConsent("c1", `"provision":{"type":"permit"},"meta":{"versionId":"1"}`, "2026-01-05"),
			caseConsent(
				"c1",
				`"provision":{"type":"permit","purpose":[`+casePurpose("TREAT")+`],"provision":[{"type":"deny"}]},"meta":{"versionId":"2"}`,
				"2026-01-05",
			),
		},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a newer version that permits all in what it refuses",
		own: []string{
			caseConsent("c1", `"provision":{"type":"permit"},"meta":{"versionId":"1"}`, "2026-01-05"),
			caseConsent(
				"c1",
				`"provision":{"type":"deny","purpose":[`+casePurpose("TREAT")+`],"provision":[{"type":"permit"}]},"meta":{"versionId":"2"}`,
				"2026-01-05",
			),
		},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a refusal for a local purpose, for which accesses state what the mapping says",
		own: []string{caseConsent(
			"c1",
			`"provision":{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"urn:reasons","code":"ward-round"}]}]}`,
			"2026-01-05",
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}, {"isa-consent", "HRESCH", anyTime, covered}},
	},
	{
		name: "a permission for a local purpose is not for all that means the same",
		own:  []string{caseConsent("c1", `"provision":{"type":"permit","purpose":[{"system":"urn:reasons","code":"ward-round"}]}`, "2026-01-05")},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "a refusal for a purpose without a system",
		own: []string{caseConsent(
			"c1", `"provision":{"type":"permit","provision":[{"type":"deny","purpose":[{"code":"ward-round"}]}]}`,
			"2026-01-05",
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "no permission but for a purpose without a system",
		own:  []string{caseConsent("c1", `"provision":{"type":"deny","purpose":[{"code":"ward-round"}]}`, "2026-01-05")},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a permission for emergencies only that names treatment",
		own:  []string{emergencyOnly(`"provision":{"type":"permit","purpose":[` + casePurpose("TREAT") + `,` + casePurpose("HRESCH") + `]}`)},
		asks: []ask{
			{"isa-consent", "TREAT", anyTime, missing}, {"isa-consent", "HRESCH", anyTime, missing},
			{"isa-consent", "ETREAT", anyTime, covered},
		},
	},
	{
		name: "a permission for emergencies only that names no purpose of one",
		own:  []string{emergencyOnly(`"provision":{"type":"permit","purpose":[` + casePurpose("HRESCH") + `]}`)},
		asks: []ask{{"isa-consent", "HRESCH", anyTime, missing}, {"isa-consent", "ETREAT", anyTime, missing}},
	},
	{
		name: "a refusal but in emergencies, which permits treatment",
		own:  []string{emergencyOnly(`"provision":{"type":"deny","provision":[{"type":"permit","purpose":[` + casePurpose("TREAT") + `]}]}`)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}, {"isa-consent", "ETREAT", anyTime, covered}},
	},
	{
		name: "a refusal in a transaction", own: []string{`{"resourceType":"Bundle","type":"transaction","entry":[` +
			`{"fullUrl":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"0101011237"}]},"request":{"method":"POST","url":"Patient"}},` +
			`{"fullUrl":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000002","resource":` + strings.Replace(
			caseConsent("", `"provision":{"type":"deny"}`, "2026-01-05"), casePatient,
			`{"reference":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000001"}`, 1,
		) + `,"request":{"method":"POST","url":"Consent"}}]}`},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a refusal of Observations, codes stated", files: []string{"refusal-of-observations.json"}, sub: "chi:1103664158",
		own: []string{caseConsent(
			"c1", `"provision":{"type":"permit","provision":[{"type":"deny","class":[`+caseType("Observation")+`]}]}`,
			"2026-01-05",
		)},
		data: []string{"http://loinc.org|718-7", "http://snomed.info/sct|38082009"},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "a refusal of Observations, another type stated", files: []string{"refusal-of-observations.json"}, sub: "chi:1103664158",
		own: []string{caseConsent(
			"c1", `"provision":{"type":"permit","provision":[{"type":"deny","class":[`+caseType("Observation")+`]}]}`,
			"2026-01-05",
		)},
		data: []string{caseTypes + "|Condition", "http://snomed.info/sct|38082009"},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "a permission by label", files: []string{"permit-by-label.json"}, sub: "chi:2804279529",
		own:  []string{caseConsent("c1", `"provision":{"type":"permit","securityLabel":[{"system":"`+caseLabels+`","code":"N"}]}`, "2026-01-05")},
		data: []string{caseTypes + "|Observation", caseLabels + "|N"},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "a permission by label, restricted data too", files: []string{"permit-by-label.json"}, sub: "chi:2804279529",
		own:  []string{caseConsent("c1", `"provision":{"type":"permit","securityLabel":[{"system":"`+caseLabels+`","code":"N"}]}`, "2026-01-05")},
		data: []string{caseTypes + "|Observation", caseLabels + "|N", caseLabels + "|R"},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name:  "a nurse is refused, whose number the Bundle has",
		own:   []string{caseNurse},
		staff: &entry.Staff{System: "urn:nmc", ID: "80B1234Z"},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name:  "another nurse is not",
		own:   []string{caseNurse},
		staff: &entry.Staff{System: "urn:nmc", ID: "11C0000A"},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "nobody named, where a nurse is refused",
		own:  []string{caseNurse},
		asks: []ask{{"isa-consent", "TREAT", anyTime, policies.UserUnnamed}},
	},
	{
		name: "two policies", files: []string{"two-policies.json"}, sub: "chi:2603334719",
		own: []string{strings.Replace(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"),
			`[{"uri":"urn:igledger:agreement:isa-consent"}]`, `[{"uri":"https://hub.example/policy"},{"uri":"urn:igledger:agreement:isa-task"},{"uri":"urn:igledger:agreement:isa-consent"}]`, 1)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}, {"isa-task", "TREAT", anyTime, agreement}},
	},
	{
		name: "two policies that are refused",
		own: []string{strings.Replace(
			caseConsent("c1", `"provision":{"type":"deny"},"policyRule":{"text":"urn:igledger:agreement:isa-task"}`, "2026-01-05"),
			"unused", "", 1,
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}, {"isa-task", "HRESCH", anyTime, objection}},
	},
	{
		name: "scope treatment", files: []string{"scope-treatment.json"}, sub: "chi:0102390770",
		own:  []string{strings.Replace(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), "patient-privacy", "treatment", 1)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "an advance directive",
		own:  []string{strings.Replace(caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), "patient-privacy", "adr", 1)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "until 30 June", files: []string{"until-30-june.json"}, sub: "chi:1402844468",
		own:  []string{caseConsent("c1", `"provision":{"type":"permit","period":{"start":"2026-06","end":"2026-06"}}`, "2026-06-01")},
		asks: []ask{{"isa-consent", "TREAT", june, covered}, {"isa-consent", "TREAT", july, missing}},
	},
	{
		name: "an end with a time is exact",
		own:  []string{caseConsent("c1", `"provision":{"type":"permit","period":{"end":"2026-07-01T01:00:00+01:00"}}`, "2026-06-01")},
		asks: []ask{{"isa-consent", "TREAT", june, covered}, {"isa-consent", "TREAT", july, covered}},
	},
	{
		name: "wrong check digit", files: []string{"refusal-wrong-check-digit.json"}, sub: "chi:0101010101",
		asks: []ask{{"isa-task", "HRESCH", anyTime, objection}},
	},
	{
		name: "a proxy permits", own: []string{caseConsent(
			"c1", `"performer":[{"reference":"RelatedPerson/r1","display":"Ann Other"}],"provision":{"type":"permit"}`,
			"2026-01-05",
		)},
		flags: []entry.Flag{entry.FlagNoDelegation},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "verified with a relative", own: []string{caseConsent(
			"c1",
			`"verification":[{"verified":true,"verifiedWith":{"reference":"RelatedPerson/r1"}}],"provision":{"type":"permit"}`,
			"2026-01-05",
		)},
		flags: []entry.Flag{entry.FlagNoDelegation},
		asks:  []ask{{"isa-consent", "TREAT", anyTime, missing}},
	},
	{
		name: "a proxy refuses", own: []string{caseConsent(
			"c1", `"performer":[{"reference":"RelatedPerson/r1"}],"provision":{"type":"deny"}`, "2026-01-05",
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, refusedIt}},
	},
	{
		name: "the person and a relative permit", own: []string{caseConsent(
			"c1", `"performer":[{"reference":"RelatedPerson/r1"},`+casePatient+`],"provision":{"type":"permit"}`,
			"2026-01-05",
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "to a contained organisation", own: []string{caseConsent("c1", `"contained":[{"resourceType":"Organization","id":"h","identifier":[{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"NHSH"}]}],`+
			`"provision":{"type":"permit","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"#h"}}]}`, "2026-01-05")},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "to an organisation of the Bundle, not to another", own: []string{`{"resourceType":"Bundle","type":"collection","entry":[` +
			`{"fullUrl":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000003","resource":{"resourceType":"Organization","identifier":[{"system":"urn:igledger:organisation","value":"UNI"}]}},` +
			`{"resource":` + caseConsent(
			"c1",
			`"provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000003"}}]}]}`,
			"2026-01-05",
		) + `}]}`},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "to a mapped organisation", own: []string{caseConsent(
			"c1",
			`"provision":{"type":"permit","actor":[{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":{"reference":"Organization/highland"}}]}`,
			"2026-01-05",
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "no date", own: []string{strings.Replace(
			caseConsent("c1", `"provision":{"type":"permit"}`, "2026-01-05"), `"dateTime":"2026-01-05",`, "", 1,
		)},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
	{
		name: "beside what is no consent", own: []string{"{\"resourceType\":\"Consent\",\n" + `{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resourceType":"OperationOutcome"}},{"resource":` + caseConsent(
			"c1", `"provision":{"type":"permit"}`, "2026-01-05",
		) + `},{}]}`},
		asks: []ask{{"isa-consent", "TREAT", anyTime, covered}},
	},
}

const casePatient = `{"type":"Patient","identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"0101011237"}}`

// caseConsent is a Consent of person for isa-consent.
func caseConsent(id, members, dateTime string) string {
	if id != "" {
		id = `"id":"` + id + `",`
	}
	return `{"resourceType":"Consent",` + id + `"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},` +
		`"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],"patient":` + casePatient + `,"dateTime":"` + dateTime + `",` +
		`"sourceAttachment":{"title":"form"},"policy":[{"uri":"urn:igledger:agreement:isa-consent"}],` + members + `}`
}

// historic is an entry of a history.
func historic(resource, version, updated string) string {
	return fmt.Sprintf(
		`{"fullUrl":"http://ehr.example/Consent/c1","resource":%s,"request":{"method":"PUT","url":"Consent/c1"},"response":{"status":"200","etag":"W/\"%s\"","lastModified":"%s"}}`,
		resource, version, updated,
	)
}

func TestConsentCases(t *testing.T) {
	shared := testshared.Folder(t, "cases/consent")
	for _, c := range consentCases {
		if len(c.own) > 0 {
			t.Run(c.name, func(t *testing.T) {
				w := caseWorld(t)
				c.check(w, person, w.imports(c.own))
			})
		}
		if shared == "" || len(c.files) == 0 {
			continue // our own input of the kind stands for it
		}
		t.Run("shared/"+c.name, func(t *testing.T) {
			w := caseWorld(t)
			var texts []string
			for _, f := range c.files {
				data, err := os.ReadFile(filepath.Join(shared, f))
				w.ok(err)
				texts = append(texts, string(data))
			}
			c.check(w, c.sub, w.imports(texts))
		})
	}
}

func (c *consentCase) check(w *world, sub string, flags []entry.Flag) {
	w.Helper()
	if !slices.Equal(flags, c.flags) {
		w.Errorf("flags %v, want %v", flags, c.flags)
	}
	for _, a := range c.asks {
		x := w.access(func(x *entry.Access) {
			x.Issuer, x.Org, x.Agreement, x.Purpose, x.Recorded, x.Sub = caseIssuer, "NHSH", a.agreement, []string{a.purpose}, a.at, sub
			x.Staff = c.staff
			if c.data != nil {
				x.Data = c.data
			}
		})
		if j := w.mustJudge(x); !slices.Contains(j.Verdict.Rules, a.want) {
			w.Errorf("%s for %s at %s: %v %v, want %s", a.agreement, a.purpose, a.at, j.Verdict.Result, j.Verdict.Rules, a.want)
		}
	}
}

// imports reads files one after another, as consent import does, and returns the flags of all acts.
func (w *world) imports(texts []string) (flags []entry.Flag) {
	w.Helper()
	conv := fhir.Conversion{Issuer: caseIssuer, Map: &mapping.Map{Organisations: []mapping.Organisation{
		{ID: "NHSH", References: []string{"Organization/highland"}}, {ID: "UNI", References: []string{"Organization/uni"}},
	}, Purposes: map[string]string{"urn:reasons|ward-round": "TREAT"}}}
	versions := map[string]fhir.Found{}
	for _, text := range texts {
		found, err := fhir.ReadFile(strings.NewReader(text))
		w.ok(err)
		for _, f := range found {
			switch {
			case f.Err != nil || f.Passed != "":
				continue
			case f.Deleted != "":
				f, err = f.Ended(versions["c1"], w.clock)
				w.ok(err)
			}
			versions["c1"] = f
			f.Taken = w.clock
			in, err := conv.ReadAt(f.Raw, f.At)
			w.ok(err)
			x := in.Consent
			x.Common = w.by(caseIssuer)
			flags = append(flags, w.mustJudge(x).Flags...)
			// It comes back as it was, also without the mapping and the Bundle that it came with.
			for _, out := range []fhir.Conversion{conv, {Issuer: caseIssuer}} {
				back, err := out.Write(x, in.Release)
				w.ok(err)
				a, b := jsontext.Value(back), f.Raw.Clone()
				w.ok(a.Canonicalize())
				w.ok(b.Canonicalize())
				if !bytes.Equal(a, b) {
					w.Errorf("it comes back as %s", a)
				}
			}
		}
	}
	return flags
}

// caseWorld is a log with the agreements of shared/cases/agreements.
func caseWorld(t *testing.T) *world {
	w := newWorld(t)
	for _, a := range []struct{ id, articles, codes string }{
		{"isa-consent", "article6: [a]\narticle9: [a]", ""}, {"isa-task", "article6: [e]\narticle9: [h, j]", ""},
	} {
		text, err := draft.Read([]byte(strings.NewReplacer("ID", a.id, "ARTICLES", a.articles).Replace(caseAgreement)))
		w.ok(err)
		w.agree(*text)
	}
	return w
}

const caseAgreement = `id: ID
version: 1
title: For trials
tier: isa
parties:
  - {organisation: NHSL, role: controller, contact: "IG, ig@nhsl.example"}
  - {organisation: NHSH, role: controller, contact: "IG, ig@nhsh.example"}
  - {organisation: UNI, role: controller, contact: "IG, ig@uni.example"}
purposes:
  - {text: Care, code: TREAT}
  - {text: Research, code: HRESCH}
ARTICLES
legalPower: National Health Service (Scotland) Act 1978
data:
  - text: The record
subjects: Patients
flows:
  - {from: NHSL, to: NHSH, how: portal}
retention: As the record
disposal: As the record
security: As the boards' policies
dpia: {reference: DPIA-9, date: 2025-09-15}
approvals:
  - {body: PBPP, reference: 2025-0042, date: 2025-03-01}
privacyNotice:
  url: https://x.example/privacy
  hash: 0101010101010101010101010101010101010101010101010101010101010101
rightsContact: IG, ig@x.example
breachContact: SD, sd@x.example
start: 2020-01-01
end: 2126-12-31
reviewDue: 2027-06-30
`
