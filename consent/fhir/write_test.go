package fhir

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

const observation = "http://hl7.org/fhir/resource-types|Observation"

// randomRule makes a rule of which each level has limits, as a person would not, but the formats
// allow.
func randomRule(r *rand.Rand, decision string, depth int) entry.ConsentRule {
	rule := entry.ConsentRule{Decision: decision}
	some := func(from ...string) []string {
		var out []string
		for _, s := range from {
			if r.IntN(3) == 0 {
				out = append(out, s)
			}
		}
		return out
	}
	one := func(from ...string) string { return from[r.IntN(len(from))] }
	rule.Start, rule.End = one("", "2026-01-01T00:00:00Z"), one("", "2027-01-01T00:00:00+01:00", "2027-01-01T00:00:00.25Z")
	rule.DataStart, rule.DataEnd = one("", "", "2001-01-01T00:00:00Z"), one("", "", "2011-01-01T00:00:00Z")
	rule.Purposes = some("TREAT", "BTG", "HRESCH", "http://example.org/purposes|LOCAL")
	rule.Data = some(observation, "http://hl7.org/fhir/resource-types|Condition")
	if r.IntN(2) == 0 {
		rule.Data = append(rule.Data, some("http://snomed.info/sct|394921008", "http://loinc.org|34133-9", "local")...)
	}
	rule.Data = append(
		rule.Data,
		some("http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R", "http://terminology.hl7.org/CodeSystem/v3-ActCode|PSY")...,
	)
	// A Consent has one list for records, what they belong to and who wrote them.
	rule.Data = append(rule.Data, [][]string{nil, nil, some(
		"urn:igledger:record|Observation/7", "urn:igledger:record|https://x.example/fhir/Observation/8",
	), some("urn:igledger:context|Encounter/3"),
		some("urn:igledger:author|urn:gmc|7012345", "urn:igledger:author|Practitioner/2")}[r.IntN(5)]...)
	if r.IntN(3) == 0 {
		rule.Staff = some("urn:gmc|7012345", "jdoe", "Practitioner/9")
	}
	if r.IntN(3) == 0 {
		rule.Units = some("urn:wards|4", "Location/5", "https://x.example/fhir/Location/6")
	}
	rule.Recipients = some("board-a", "board-b", "uni.c")
	rule.Roles = some("http://snomed.info/sct|224535009", "http://terminology.hl7.org/CodeSystem/practitioner-role|doctor", "porter")
	rule.Actions = some("C", "R", "U", "D", "E")
	rule.Restricts = decision == deny && r.IntN(2) == 0
	for depth > 0 && r.IntN(2) == 0 && len(rule.Except) < 3 {
		rule.Except = append(rule.Except, randomRule(r, opposite(decision), depth-1))
	}
	rule.Except = slices.DeleteFunc(rule.Except, func(e entry.ConsentRule) bool { // no ledger records such a rule
		return e.Decision == permit && len(e.Except) == 0 && covers(&e, &rule)
	})
	return rule
}

// An entry that never was a FHIR Consent reads back unchanged from either release.
func TestWriteAndReadAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 600 {
		x := &entry.Consent{Consent: "1f0c3b1e-0000-4000-8000-00000000000" + itoa(i%10), Scope: entry.ConsentScopes[r.IntN(4)], Decided: "2026-03-04T05:06:07Z", Sub: []string{"nhs:9434765919", "chi:0101011237", "temp:board-a:x1", "temp:board-a:urn:x|7"}[i%4]}
		x.Type, x.Issuer = entry.TypeConsent, "board-a"
		x.Act = entry.ConsentActs[r.IntN(len(entry.ConsentActs))]
		x.Expressed = entry.Expressed{How: entry.ConsentModes[r.IntN(5)]}
		if x.Act != "withdrawn" && x.Act != "expired" {
			decision := map[string]string{"given": permit, "refused": deny}[x.Act]
			if decision == "" {
				decision = []string{permit, deny}[r.IntN(2)]
			}
			rule := randomRule(r, decision, 3)
			x.Rule = &rule
		}
		if r.IntN(2) == 0 {
			x.Agreements, x.Expressed.Verified, x.Expressed.Language = []string{"isa-7", "isa-8"}[:1+r.IntN(2)], "2026-03-05T00:00:00Z", "gd"
			x.Notice = &entry.Notice{URL: "https://board-a.example/notice", Hash: wire.Hash{1, 2}, Version: "3", Language: "en-GB"}
			x.By = &entry.ConsentBy{Name: "Jean Carer", Relation: "HPOWATT", Delegation: "9f0c3b1e-0000-4000-8000-000000000001"}
			x.Text = &entry.ConsentText{Reason: "said so", Evidence: "form 7"}
			x.Updated, x.Version = "2026-03-04T05:06:08Z", 4
		}
		for _, release := range []Release{R4, R5} {
			data, err := testConversion.Write(x, release)
			if err != nil {
				rule, _ := json.Marshal(x.Rule)
				t.Fatalf("%s: %v\n%s", release, err, rule)
			}
			in, err := testConversion.Read(data)
			if err != nil {
				t.Fatalf("%v\n%s", err, data)
			}
			y := in.Consent
			if in.Release != release || !sameRule(x.Rule, y.Rule) {
				a, _ := json.Marshal(x.Rule)
				b, _ := json.Marshal(y.Rule)
				t.Fatalf("%s:\n%s\n%s\n%s", release, a, b, data)
			}
			want := *x
			want.Rule, want.FHIR, want.Common = y.Rule, y.FHIR, y.Common
			if !reflect.DeepEqual(&want, y) {
				t.Fatalf("%s: got %+v\nwant %+v\n%s", release, y, want, data)
			}
		}
	}
}

// A reader that does not know our mark must not read a limited refusal in R5 as a permission of
// everything else: the mark is a modifier.
func TestR5MarksWhatItDoesNotDecide(t *testing.T) {
	for decision, mark := range map[string]string{deny: "modifierExtension", permit: "extension"} {
		x := &entry.Consent{Act: map[string]string{permit: "given", deny: "refused"}[decision], Scope: "research", Decided: "2026-03-04T05:06:07Z", Sub: "chi:0101011237",
			Expressed: entry.Expressed{How: "verbal"}, Rule: &entry.ConsentRule{Decision: decision, Purposes: []string{"HRESCH"}}}
		data, err := testConversion.Write(x, R5)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		list, _ := got[mark].([]any)
		if got["decision"] != opposite(decision) || !slices.ContainsFunc(list, func(e any) bool { return e.(map[string]any)["url"] == noDefaultURI }) {
			t.Errorf("%s: %s", decision, data)
		}
	}
}

func TestWhatIsWithheldStaysWithheld(t *testing.T) {
	const consent = `"performer":[{"reference":"RelatedPerson/r9","display":"Jean Carer"}],"text":{"status":"generated","div":"<div>Jean Carer decided for 9434765919</div>"},"decision":"deny"`
	data := r5(strings.Replace(consent, "performer", "grantor", 1))
	in, err := testConversion.Read([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Jean", "9434765919"} {
		if strings.Contains(string(in.Consent.FHIR), secret) {
			t.Errorf("the residue says %q twice", secret)
		}
	}
	if in.Consent.By == nil || in.Consent.By.Name != "Jean Carer" {
		t.Fatalf("by: %+v", in.Consent.By)
	}
	body := filed(t, in.Consent)
	body.By = nil
	out, err := testConversion.Write(body, R5)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "Jean") {
		t.Errorf("withheld, and said: %s", out)
	}
}

func TestWithoutThePerson(t *testing.T) {
	for release, data := range map[Release]string{R4: r4(`"provision":{"type":"permit",` + research + `}`), R5: r5(`"decision":"deny"`)} {
		in, err := testConversion.Read([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		in.Consent.Sub = ""
		out, err := testConversion.Write(in.Consent, release)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), "Patient/") || strings.Contains(string(out), "9434765919") || strings.Contains(string(out), "withheld") {
			t.Errorf("names a person: %s", out)
		}
		in.Consent.Scope = "adr"
		if _, err := testConversion.Write(in.Consent, release); !errors.Is(err, BadResidue) {
			t.Errorf("the residue contradicts the claims all the same: %v", err)
		}
	}
}

// The claims decide: a residue that contradicts them is not written.
func TestResidueMustSayWhatTheClaimsSay(t *testing.T) {
	for name, change := range map[string]func(x *entry.Consent){
		"decision":  func(x *entry.Consent) { x.Act, x.Rule = "refused", &entry.ConsentRule{Decision: deny} },
		"limits":    func(x *entry.Consent) { x.Rule.Purposes = nil },
		"subject":   func(x *entry.Consent) { x.FHIR = []byte(strings.Replace(string(x.FHIR), "{id}", "p2", 1)) },
		"ended":     func(x *entry.Consent) { x.Act, x.Rule = "withdrawn", nil },
		"time":      func(x *entry.Consent) { x.Decided = "2025-01-01T00:00:00Z" },
		"scope":     func(x *entry.Consent) { x.Scope = "adr" },
		"agreement": func(x *entry.Consent) { x.Agreements = []string{"isa-8"} },
		"resource":  func(x *entry.Consent) { x.FHIR = []byte(`{"resourceType":"Patient"}`) },
		"bomb": func(x *entry.Consent) {
			x.Text = &entry.ConsentText{Evidence: strings.Repeat("x", 60000)}
			x.FHIR = []byte(`{"resourceType":"Consent","a":["=` + strings.Repeat("{text/evidence}", 3000) + `"]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := testConversion.Read([]byte(r4(`"provision":{"type":"permit",` + research + `}`)))
			if err != nil {
				t.Fatal(err)
			}
			x := in.Consent
			if _, err := testConversion.Write(x, R4); err != nil {
				t.Fatal(err)
			}
			change(x)
			if out, err := testConversion.Write(x, R4); !errors.Is(err, BadResidue) {
				t.Errorf("got %v\n%s", err, out)
			}
		})
	}
}

// FuzzRead: what is read passes entry.Sign and comes back as it was.
func FuzzRead(f *testing.F) {
	f.Add([]byte(r4(`"provision":{"type":"permit",` + treat + `,"period":{"start":"2026"},"provision":[{"type":"deny","actor":[` + recipient + `]}]}`)))
	f.Add([]byte(r4(`"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]},"provision":{"actor":[` + nurse + `]}`)))
	f.Add([]byte(r5(`"decision":"deny","period":{"end":"2027"},"provision":[{` + research + `,"resourceType":` + obs + `,"expression":[{}]}],"verification":[{"verified":true,"verificationDate":["2026-01-01"]}]`)))
	f.Add([]byte(r5(`"decision":"permit","grantor":[{"reference":"#r"}],"contained":[{"resourceType":"RelatedPerson","id":"r","relationship":[{"coding":[{"code":"GUARD"}]}]}],"extension":[{"url":"urn:igledger:consent:how","valueString":"verbal"}]`)))
	signer, err := wire.GenerateSigner("EdDSA")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := testConversion.Read(data)
		if err != nil {
			return
		}
		x := in.Consent
		x.Audience, x.ID, x.IssuedAt = "log.example/igl", "6f1f9b1e-0c5e-4d0a-8f5b-3c1d2e4f5a6b", 1795000000
		if _, err := entry.Sign(signer, x); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		out, err := testConversion.Write(x, in.Release)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !sameJSON(t, out, data) {
			t.Fatalf("comes back as\n%s\nwas\n%s", out, data)
		}
		for _, release := range []Release{R4, R5} {
			x.FHIR = nil
			other, err := testConversion.Write(x, release)
			if errors.Is(err, NotExpressible) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := testConversion.Read(other)
			if err != nil || !sameRule(again.Consent.Rule, x.Rule) {
				t.Fatalf("%v\n%s\n%s", err, data, other)
			}
		}
	})
}
