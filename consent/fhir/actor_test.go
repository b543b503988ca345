package fhir

import (
	"strings"
	"testing"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
)

// An organisation in a consent is the one that the same words name in an access.
func TestActorOrganisations(t *testing.T) {
	const contained = `,"contained":[{"resourceType":"Organization","id":"o","identifier":[{"system":"https://fhir.nhs.uk/Id/ods-organization-code","value":"RYY"}]}]}`
	bundle := &tree.Bundle{}
	bundle.Add("urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a02", object{
		"resourceType": "Organization", "identifier": []any{object{"system": mapping.OwnOrganisation, "value": "good-health"}},
	})
	c := testConversion
	c.Map = &mapping.Map{Organisations: []mapping.Organisation{
		{
			ID: "good-health", References: []string{"Organization/f001"}, Names: []string{"Good Health"},
			Identifiers: []string{"https://orgs.example|7"},
		},
	}}
	for ref, want := range map[string]string{
		`{"reference":"Organization/f001"}`:                            "good-health",
		`{"display":"Good Health"}`:                                    "good-health",
		`{"identifier":{"system":"https://orgs.example","value":"7"}}`: "good-health",
		`{"reference":"#o"}`:                                           "RYY",
		`{"identifier":{"system":"http://fhir.nhs.uk/Id/ods-organization-code","value":"RYY"}}`:                   "RYY",
		`{"reference":"urn:uuid:0d1b3f57-52c1-4c19-8d7e-0d1e7e7f5a02"}`:                                           "good-health",
		`{"reference":"Organization/good-health"}`:                                                                "",
		`{"identifier":{"system":"https://elsewhere.example","value":"good-health"}}`:                             "",
		`{"reference":"Organization/f001","identifier":{"system":"` + mapping.OwnOrganisation + `","value":"x"}}`: "good-health",
	} {
		actor := `{"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"reference":` + ref + `}`
		in, err := c.ReadAt(
			[]byte(strings.TrimSuffix(r4(`"provision":{"type":"permit","actor":[`+actor+`]}`), "}")+contained),
			At{Place: tree.Place{Bundle: bundle}},
		)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(in.Consent.Rule.Recipients, " ")
		if got != want || want == "" && len(in.Consent.Rule.Data) == 0 {
			t.Errorf("%s: permitted to %q with data %v, want %q", ref, got, in.Consent.Rule.Data, want)
		}
	}
}
