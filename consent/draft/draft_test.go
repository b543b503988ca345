package draft_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/consent/draft"
	"igledger/ledger/wire"
	"igledger/policies/purpose"
)

const hexHash = "0101010101010101010101010101010101010101010101010101010101010101"

// filled is the template with what it lacks, after changes of text by text.
func filled(t testing.TB, oldnew ...string) string {
	t.Helper()
	s := strings.NewReplacer(`id: "" `, "id: isa-2026-17 ", `hash: ""`, "hash: "+hexHash).Replace(string(draft.Template()))
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(s, oldnew[i]) {
			t.Fatalf("the template has no %q", oldnew[i])
		}
		s = strings.Replace(s, oldnew[i], oldnew[i+1], 1)
	}
	return s
}

func problems(t testing.TB, err error) []draft.Problem {
	t.Helper()
	var e *draft.Error
	if !errors.As(err, &e) || len(e.Problems) == 0 || !errors.Is(err, wire.BadClaim) {
		t.Fatalf("got %v, want *draft.Error", err)
	}
	return e.Problems
}

// The template is a whole agreement but for what only the officer knows, and speaks of every field
// there is.
func TestTemplate(t *testing.T) {
	_, err := draft.Read(draft.Template())
	var fields []string
	for _, p := range problems(t, err) {
		fields = append(fields, p.Field+" "+p.Wrong)
	}
	if !slices.Equal(fields, []string{"id is missing", "privacyNotice.hash is missing"}) {
		t.Errorf("the template lacks %q", fields)
	}
	a, err := draft.Read([]byte(filled(t)))
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != "isa-2026-17" || a.Version != 1 || len(a.Parties) != 2 || a.DPIA.Date != "2026-09-15" || a.Notice.Hash != (wire.Hash{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("%+v", a)
	}
	var schema any
	if err := json.Unmarshal(draft.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, name := range properties(schema) {
		if !regexp.MustCompile(`(?m)^[ #-]*` + name + `:`).Match(draft.Template()) {
			t.Errorf("the template says nothing of %s", name)
		}
	}
}

// properties are all names of fields in a schema.
func properties(v any) (names []string) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if p, ok := m["properties"].(map[string]any); ok {
		for name, s := range p {
			names = append(append(names, name), properties(s)...)
		}
	}
	return append(names, properties(m["items"])...)
}

// Each mistake is named by line, field and what to write. The line is that of the template.
func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name     string
		oldnew   []string
		field    string
		contains []string
	}{
		{
			"role misspelt", []string{"role: controller                #", "role: controler #"},
			"parties[0].role", []string{"Parties, number 1, Role", "Write controller, joint-controller"},
		},
		{
			"contact left empty",
			[]string{"contact: Information Governance, South Board, privacy@south.example", "contact:"},
			"parties[1].contact",
			[]string{"Parties, number 2, Contact for data subjects is missing", "not a person's name"},
		},
		{
			"one party",
			[]string{"  - organisation: south-board\n    role: controller\n    contact: Information Governance, South Board, privacy@south.example\n", ""},
			"parties", []string{"Parties has 1, and needs at least 2"},
		},
		{
			"unknown purpose", []string{"code: TREAT", "code: CURIOSITY"}, "purposes[0].code",
			[]string{"Purposes, number 1, Purpose code", "PurposeOfUse"},
		},
		{"impossible day", []string{"end: 2029-12-31", "end: 2029-02-30"}, "end", []string{"End is wrong", "2027-01-31"}},
		{"day in words", []string{"end: 2029-12-31", "end: December 2029"}, "end", []string{"The last day of the agreement. Write a day as"}},
		{"ends before it starts", []string{"end: 2029-12-31", "end: 2026-12-31"}, "end", []string{"must not be before start"}},
		{"field misspelt", []string{"legalPower:", "legal_power:"}, "", []string{"unknown name", "Did you mean legalPower?"}},
		{"field unknown", []string{"retention:", "favouriteColour:"}, "", []string{"a field that agreements do not have"}},
		{
			"basis in full", []string{"article6: [e]", "article6: [6(1)(e)]"}, "article6[0]",
			[]string{"UK GDPR Article 6(1) basis, number 1", "a letter from a to f"},
		},
		{"bases out of order", []string{"article6: [e]", "article6: [e, c]"}, "article6", []string{"sorted"}},
		{"flow to a stranger", []string{"to: north-board\n", "to: east-board\n"}, "flows[1].from", []string{"not a party"}},
		{
			"data code without a system",
			[]string{"http://hl7.org/fhir/resource-types|MedicationRequest", "MedicationRequest"},
			"data[0].codes[0]", []string{"Write system|code"},
		},
		{"hash cut off", []string{hexHash, hexHash[2:]}, "privacyNotice.hash", []string{"Privacy notice, Hash", "SHA-256"}},
		{
			"a patient's number",
			[]string{"subjects: Patients of the boards", "subjects: Patient 0101011237"}, "",
			[]string{"CHI or NHS number"},
		},
		{"version in words", []string{"version: 1 ", "version: first "}, "version", []string{"Write 1 for a new agreement"}},
		{"an alias", []string{"title: Medicines", "title: &x Medicines"}, "title", []string{"anchors"}},
		{"a field twice", []string{"subjects:", "tier: isa\nsubjects:"}, "", []string{"twice"}},
		{"not YAML", []string{"tier: isa", "tier: [isa"}, "", []string{"not YAML"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := filled(t, c.oldnew...)
			_, err := draft.Read([]byte(text))
			var all []string
			found := false
			for _, p := range problems(t, err) {
				found = found || strings.HasPrefix(p.Field, c.field)
				all = append(all, p.String())
				if strings.Contains(p.String(), "0101011237") {
					t.Errorf("%s quotes the number", p)
				}
			}
			said := strings.Join(all, "\n")
			if !found {
				t.Errorf("nothing said of %s: %s", c.field, said)
			}
			for _, s := range c.contains {
				if !strings.Contains(said, s) {
					t.Errorf("%q does not say %q", said, s)
				}
			}
		})
	}
}

func TestProblemNamesLine(t *testing.T) {
	text := filled(t, "tier: isa", "tier: contract")
	want := 1 + strings.Count(text[:strings.Index(text, "tier: contract")], "\n")
	_, err := draft.Read([]byte(text))
	if p := problems(t, err); len(p) != 1 || p[0].Line != want {
		t.Errorf("%+v, want line %d", p, want)
	}
}

// What YAML would take for a number, a day or a truth is a text where a text belongs.
func TestPlainTexts(t *testing.T) {
	a, err := draft.Read([]byte(filled(t, "reference: DPIA-2026-031", "reference: 20260031", "# transfers: [IE]  ", "transfers: [NO]  #", `version: "3"`, "version: 3.10")))
	if err != nil {
		t.Fatal(err)
	}
	if a.DPIA.Reference != "20260031" || !slices.Equal(a.Transfers, []string{"NO"}) || a.Notice.Version != "3.10" {
		t.Errorf("%q %q %q", a.DPIA.Reference, a.Transfers, a.Notice.Version)
	}
}

// JSON says the same as YAML, and what Read gave is read again to the same.
func TestJSON(t *testing.T) {
	a, err := draft.Read([]byte(filled(t)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := draft.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(b)
	if err != nil || string(again) != string(data) {
		t.Errorf("%s\n%s", data, again)
	}
	_, err = draft.Read([]byte(strings.Replace(string(data), `"tier":`, `"tier":"mou","tier":`, 1)))
	problems(t, err)
	_, err = draft.Read([]byte(strings.Replace(string(data), `"tier":"isa"`, `"tier":null`, 1)))
	if p := problems(t, err); p[0].Field != "tier" || p[0].Wrong != "is missing" {
		t.Errorf("%+v", p)
	}
}

// The schema knows the purposes that policies know.
func TestSchemaPurposes(t *testing.T) {
	for _, p := range purpose.All() {
		if _, err := draft.Read([]byte(filled(t, "code: TREAT", "code: "+p.Code))); err != nil {
			t.Errorf("%s: %v", p.Code, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(filled(f)))
	f.Add(draft.Template())
	f.Add([]byte(`{"id":"isa-1","version":1,"parties":[{"role":1}]}`))
	f.Add([]byte("parties:\n- {organisation: [a]}\n? [x]\n: y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := draft.Read(data)
		if err != nil {
			problems(t, err)
			return
		}
		if err := a.Check(); err != nil {
			t.Errorf("read, but %v", err)
		}
	})
}
