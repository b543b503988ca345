package fhir

import (
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/consent/fhir/tree"
)

// All versions of a resource are one record, whatever is added to it.
func TestVersionsAreOneRecord(t *testing.T) {
	record := func(members string, at At) string {
		t.Helper()
		at.Taken = time.Unix(0, 0)
		in, err := testConversion.ReadAt([]byte(r4(members+`"provision":{"type":"deny"}`)), at)
		if err != nil {
			t.Fatal(err)
		}
		return in.Consent.Consent
	}
	first := record("", At{})
	for _, later := range []string{
		`"identifier":[{"system":"http://forms.example","value":"7"}],`,
		`"identifier":[{"system":"http://forms.example","value":"0f0e1c5c-0000-4000-8000-000000000001"}],`,
		`"meta":{"versionId":"9"},`,
	} {
		if got := record(later, At{}); got != first {
			t.Errorf("%s makes it another record", later)
		}
	}
	own := `"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:0f0e1c5c-0000-4000-8000-000000000001"}],`
	if got := record(own, At{}); got != "0f0e1c5c-0000-4000-8000-000000000001" {
		t.Errorf("the record that was written is read as %s", got)
	}
	// A resource that has no id yet is known by its place in the Bundle.
	in, err := testConversion.ReadAt([]byte(strings.Replace(r4(`"provision":{"type":"deny"}`), `"id":"c1",`, "", 1)),
		At{Place: tree.Place{URL: "urn:uuid:0f0e1c5c-0000-4000-8000-000000000002"}})
	if err != nil || in.Consent.Consent != "0f0e1c5c-0000-4000-8000-000000000002" {
		t.Errorf("%v %v", in, err)
	}
	// Two systems of one organisation may use one id.
	other := testConversion
	other.Source = "ehr2"
	in, err = other.Read([]byte(r4(`"provision":{"type":"deny"}`)))
	if err != nil || in.Consent.Consent == first {
		t.Errorf("%v %v", in, err)
	}
}

// Who decided in the patient's place, by where the resource says so.
func TestWhoDecided(t *testing.T) {
	const self, other = `{"reference":"Patient/p1"}`, `{"reference":"Patient/p2"}`
	const mother, doctor, board = `{"reference":"RelatedPerson/m"}`, `{"reference":"Practitioner/d"}`, `{"reference":"Organization/f001"}`
	verified := func(with string) string { return `"verification":[{"verified":true,"verifiedWith":` + with + `}],` }
	for _, c := range []struct {
		members, consent string
		proxy            bool
	}{
		{"", "r4", false},
		{`"performer":[` + self + `],`, "r4", false},
		{`"performer":[` + mother + `],`, "r4", true},
		{`"performer":[` + other + `],`, "r4", true},
		{`"performer":[` + doctor + `],`, "r4", true},
		{`"performer":[` + board + `],`, "r4", false}, // who must keep to it
		{`"performer":[` + mother + `,` + self + `],`, "r4", false},
		{verified(self), "r4", false},
		{verified(mother), "r4", true},
		{`"performer":[` + self + `],` + verified(mother), "r4", false},
		{`"performer":[` + board + `],` + verified(mother), "r4", true},
		{`"grantor":[` + board + `],`, "r5", true},
		{`"grantor":[{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9434765919"}}],`, "r5", false},
	} {
		text := r4(c.members + `"provision":{"type":"permit"}`)
		if c.consent == "r5" {
			text = r5(c.members + `"decision":"permit"`)
		}
		in, err := testConversion.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		said := slices.ContainsFunc(in.Unenforced, func(u Unenforced) bool { return strings.Contains(u.Why, "with a delegation") })
		if got := in.Consent.By != nil; got != c.proxy || said != c.proxy {
			t.Errorf("%s: a proxy is %v, said %v", c.members, got, said)
		}
	}
}

// Every policy that names an agreement counts, wherever it is.
func TestEveryPolicyCounts(t *testing.T) {
	const a, b = "urn:igledger:agreement:isa-7", "urn:igledger:agreement:isa-8"
	for members, text := range map[string]string{
		`"policy"`: strings.Replace(
			r4(`"provision":{"type":"deny"}`), `{"uri":"`+a+`"}`,
			`{"uri":"`+b+`"},{"uri":"http://law.example"},{"authority":"http://hub.example","uri":"`+a+`"}`, 1,
		),
		`"policyRule"`: r4(`"policyRule":{"coding":[{"system":"urn:igledger:agreement","code":"isa-8"}]},"provision":{"type":"deny"}`),
		`"policyText"`: r5(`"decision":"deny","policyText":[{"reference":"` + b + `"}]`),
	} {
		in, err := testConversion.Read([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Sorted(slices.Values(in.Consent.Agreements))
		if !slices.Equal(got, []string{"isa-7", "isa-8"}) {
			t.Errorf("%s: %v", members, got)
		}
	}
}

// Days are those of the zone, and a time with a zone is exact.
func TestDaysOfTheZone(t *testing.T) {
	conv := testConversion
	for zone, want := range map[string]string{
		"": "2026-06-30T23:00:00Z", "UTC": "2026-07-01T00:00:00Z", "America/New_York": "2026-07-01T04:00:00Z",
	} {
		m := *testConversion.Map
		m.Zone = zone
		conv.Map = &m
		for _, day := range []string{"2026-06-30", "2026-06"} {
			in, err := conv.Read([]byte(r4(`"provision":{"type":"deny","period":{"end":"` + day + `"}}`)))
			if err != nil {
				t.Fatal(err)
			}
			if end := in.Consent.Rule.Time(in.Consent.Rule.End); end.UTC().Format(time.RFC3339) != want {
				t.Errorf("%s in %q ends %v, want %s", day, zone, end, want)
			}
			if back, err := conv.Write(in.Consent, R4); err != nil || !strings.Contains(string(back), `"`+day+`"`) {
				t.Errorf("%s does not come back: %v", day, err)
			}
		}
	}
}
