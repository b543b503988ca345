package mapping

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// schema returns the compiled schema of mapping files.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mapping.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mapping.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The example is a mapping, has every setting, and is as the schema says.
func TestExample(t *testing.T) {
	m, err := Parse(Example())
	if err != nil {
		t.Fatal(err)
	}
	if m.Lookup.PDQm == "" || !m.NewIDs("archive") || m.NewIDs("trakcare") || m.ByReference("Organization/uni") != "UNI" {
		t.Errorf("%+v", m)
	}
	var v any
	if err := yaml.Unmarshal(Example(), &v); err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(v); err != nil {
		t.Error(err)
	}
	for _, name := range settings {
		if name == "match" { // only one of the two look-ups
			continue
		}
		if !strings.Contains(string(Example()), name+":") || !strings.Contains(string(Schema()), `"`+name+`":`) {
			t.Errorf("the example or the schema lacks %s", name)
		}
	}
}

// What is wrong is named by line and place, and no value of the file is repeated.
func TestWrongMappings(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		line   int
		path   string
		schema bool // it is wrong by the schema too
	}{
		"not YAML":         {"identifiers: [secret", 1, "", false},
		"unknown setting":  {"zone: Europe/London\nsecret: 1\n", 2, "", true},
		"another kind":     {"organisations:\n  - id: NHSH\n    names: secret\n", 3, "organisations[0].names", true},
		"a setting twice":  {"zone: Europe/London\nzone: Europe/Paris\n", 2, "zone", false},
		"a code twice":     {"purposes:\n  secret: TREAT\n  secret: HRESCH\n", 3, "purposes.*", false},
		"an alias":         {"emergencies: &secret [a]\nroles: *secret\n", 1, "emergencies", true},
		"a merge":          {"sources:\n  a: {base: 'https://x.example'}\n  b:\n    <<: {newIds: true}\n", 4, "sources.*", false},
		"two documents":    {"zone: Europe/London\n---\nzone: Europe/London\n", 0, "", false},
		"unknown scheme":   {"identifiers:\n  https://x.example/secret: passport\n", 2, "identifiers", true},
		"other than it is": {"identifiers:\n  https://fhir.nhs.uk/Id/nhs-number: chi\n", 2, "identifiers", false},
		"two spellings":    {"identifiers:\n  urn:oid:2.999.4: chi\n  2.999.4: nhs\n", 2, "identifiers", false},
		"no organisation":  {"organisations:\n  - id: a secret\n", 2, "organisations[0].id", false},
		"no system":        {"organisations:\n  - id: A\n    identifiers: [secret]\n", 3, "organisations[0].identifiers[0]", true},
		"identifier of two": {
			"organisations:\n  - {id: A, identifiers: ['https://x.example|secret']}\n  - {id: B, identifiers: ['http://x.example/|secret']}\n",
			3, "organisations[1].identifiers[0]", false,
		},
		"reference of two": {
			"organisations:\n  - {id: A, references: [Organization/secret]}\n  - {id: B, references: [Organization/secret/_history/2]}\n",
			3, "organisations[1].references[0]", false,
		},
		"issuer of two": {
			"organisations:\n  - {id: A, issuers: [secret]}\n  - {id: B, issuers: [secret]}\n", 3,
			"organisations[1].issuers[0]", false,
		},
		"name of two": {
			"organisations:\n  - {id: A, names: [The Secret]}\n  - {id: B, names: [the  secret]}\n", 3,
			"organisations[1].names[0]", false,
		},
		"unknown purpose":    {"purposes:\n  secret: CURIOSITY\n", 2, "purposes", false},
		"a unit's name":      {"units:\n  Location/secret: W4\n", 2, "units", true},
		"unknown zone":       {"zone: Europe/Secret\n", 1, "zone", false},
		"a relative base":    {"sources:\n  ehr:\n    base: /secret\n", 3, "sources.*.base", true},
		"two look-ups":       {"lookup:\n  match: https://x.example\n  pdqm: https://secret.example\n", 2, "lookup", true},
		"a look-up in clear": {"lookup:\n  match: http://secret.example/fhir\n", 2, "lookup.match", false},
		"a token":            {"lookup:\n  match: https://x.example\n  token: secret\n", 3, "lookup.token", true},
		"an endless timeout": {"lookup:\n  match: https://x.example\n  timeout: 3600\n", 3, "lookup.timeout", true},
	} {
		_, err := Parse([]byte(c.text))
		var e *Error
		if !errors.As(err, &e) || e.Line != c.line || e.Path != c.path || strings.Contains(strings.ToLower(err.Error()), "secret") {
			t.Errorf("%s: %v, want %q at line %d", name, err, c.path, c.line)
		}
		var v any
		if yaml.Unmarshal([]byte(c.text), &v) != nil {
			continue
		}
		if err := schema(t).Validate(v); (err != nil) != c.schema {
			t.Errorf("%s: the schema says %v", name, err)
		}
	}
	if _, err := Parse(bytes.Repeat([]byte(" "), MaxFile+1)); err == nil {
		t.Error("took a file without end")
	}
	if m, err := Parse([]byte("# nothing\n")); err != nil || m == nil {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := Parse([]byte("lookup: {match: 'http://127.0.0.1:8080/fhir'}")); err != nil {
		t.Error(err)
	}
}
