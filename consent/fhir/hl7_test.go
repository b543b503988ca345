package fhir

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"igledger/internal/testshared"
)

// hl7Examples returns HL7's example Consents by name, none where they are not beside the checkout:
// the shapes that they have are in TestRules too.
func hl7Examples(t testing.TB) map[string][]byte {
	var out map[string][]byte
	for _, f := range testshared.Files(t, "fhir-r4-examples/Consent-*.json") {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if out == nil {
			out = map[string][]byte{}
		}
		out[strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "Consent-consent-example-"), ".json")] = b
	}
	return out
}

func TestHL7ExamplesImport(t *testing.T) {
	const nothing = `{"decision":"permit","data":["urn:igledger:consent|unenforceable"]}`
	want := map[string]struct {
		act, rule  string
		unenforced []string // paths that must be among those reported
	}{
		"Emergency": {
			"refused", `{"decision":"deny"}`,
			[]string{"Consent.provision", "Consent.provision.actor", "Consent.category"},
		},
		"Out":       {"refused", `{"decision":"deny"}`, []string{"Consent.provision"}},
		"basic":     {"given", `{"decision":"permit","start":"1964-01-01T00:00:00Z","end":"2016-01-02T00:00:00Z"}`, nil},
		"grantor":   {"refused", `{"decision":"deny"}`, []string{"Consent.provision"}},
		"notAuthor": {"given", nothing, []string{"Consent.provision.actor", "Consent"}},
		"notOrg": {
			"given",
			`{"decision":"permit","except":[{"decision":"deny","restricts":true,"recipients":["good-health"],"actions":["R","U","E"]}]}`,
			nil,
		},
		"notThem":   {"given", nothing, []string{"Consent.provision.actor[0]", "Consent"}},
		"notThis":   {"given", nothing, []string{"Consent.provision.data", "Consent"}},
		"notTime":   {"given", `{"decision":"permit","start":"2015-01-01T00:00:00Z","end":"2015-02-02T00:00:00Z"}`, nil},
		"pkb":       {"refused", `{"decision":"deny"}`, []string{"Consent.provision", "Consent.provision.provision[10]"}},
		"signature": {"given", nothing, []string{"Consent.provision.provision[0].class", "Consent"}},
		"smartonfhir": {
			"given",
			`{"decision":"permit","start":"2016-06-23T17:02:33+10:00","end":"2016-06-23T17:32:34+10:00","data":["http://hl7.org/fhir/resource-types|MedicationRequest"],"actions":["R","E"]}`,
			[]string{"Consent.performer[0]"},
		},
	}
	examples := hl7Examples(t)
	for name := range want {
		if examples != nil && examples[name] == nil {
			t.Errorf("example %s is not there", name)
		}
	}
	for name, data := range examples {
		t.Run(name, func(t *testing.T) {
			in, err := testConversion.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			w, ok := want[name]
			if !ok {
				t.Fatal("an example this test does not know")
			}
			x := in.Consent
			rule, _ := json.Marshal(x.Rule)
			if x.Act != w.act || string(rule) != w.rule || in.Release != R4 || x.Scope != "patient-privacy" {
				t.Errorf("got %s %s %s %s", in.Release, x.Scope, x.Act, rule)
			}
			for _, path := range w.unenforced {
				if !reports(in, path) {
					t.Errorf("%s is not reported: %v", path, in.Unenforced)
				}
			}
			body := filed(t, x)
			back, err := testConversion.Write(body, R4)
			if err != nil {
				t.Fatal(err)
			}
			if !sameJSON(t, back, data) {
				t.Errorf("R4 does not come back as it was:\n%s", back)
			}
			r5, err := testConversion.Write(body, R5)
			if err != nil {
				t.Fatal(err)
			}
			again, err := testConversion.Read(r5)
			if err != nil {
				t.Fatalf("%v\n%s", err, r5)
			}
			if y := again.Consent; again.Release != R5 || !sameRule(x.Rule, y.Rule) || x.Act != y.Act || x.Sub != y.Sub ||
				x.Consent != y.Consent || x.Decided != y.Decided ||
				!reflect.DeepEqual(x.Expressed, y.Expressed) || !reflect.DeepEqual(x.Text, y.Text) || !reflect.DeepEqual(x.By, y.By) {
				t.Errorf("R5 says something else:\n%s", r5)
			}
		})
	}
}
