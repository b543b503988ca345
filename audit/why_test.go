package audit

import (
	"slices"
	"strings"
	"testing"

	"igledger/consent/fhir/mapping"
)

func why(concept string) string { return `[` + nurseWith(`"purposeOfUse":[`+concept+`]`) + `]` }

func nurseWith(members string) string { return strings.TrimSuffix(nurse, "}") + "," + members + "}" }

func code(system, code string) string {
	return `{"coding":[{"system":"` + system + `","code":"` + code + `"}]}`
}

// A local purpose is what the mapping says, else itself, and then the reader is told.
func TestLocalPurposes(t *testing.T) {
	const local, actReason = "urn:board:why", "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	conv := caseConversion
	conv.Map = &mapping.Map{
		Purposes:    map[string]string{local + "|CARE": "TREAT", "Behandlung": "TREAT", local + "|GLASS": "BTG"},
		Emergencies: []string{local + "|CRASH"},
	}
	for _, c := range []struct {
		concept   string
		want      []string
		emergency bool
		note      bool
	}{
		{code(actReason, "TREAT"), []string{"TREAT"}, false, false},
		{code(local, "CARE"), []string{"TREAT"}, false, false},
		{code(local, "CARE") + "," + code(actReason, "TREAT"), []string{"TREAT"}, false, false},
		{code(local, "GLASS"), []string{"BTG"}, true, false},
		{code(local, "CRASH"), []string{"BTG"}, true, false},
		{code(local, "ROUND"), []string{local + "|ROUND"}, false, true},
		{code(actReason, "NEWCODE"), []string{actReason + "|NEWCODE"}, false, true},
		{code(actReason, "TREAT") + "," + code(local, "ROUND"), []string{"TREAT", local + "|ROUND"}, false, true},
		{
			`{"coding":[{"system":"` + local + `","code":"ROUND"},{"system":"` + actReason + `","code":"TREAT"}]}`,
			[]string{local + "|ROUND", "TREAT"}, false, false,
		},
		{`{"text":"ward round"}`, nil, false, true},
		{`{"text":"Behandlung"}`, []string{"TREAT"}, false, false},
		{code(local, "Mr Demo"), nil, false, true}, // no open claim holds a blank
	} {
		in := []byte(changed(map[string]string{"agent": why(c.concept)}))
		list, notes, err := conv.FromAuditEvent(in)
		if err != nil {
			t.Fatal(err)
		}
		a := list[0]
		if !slices.Equal(a.Purpose, c.want) || a.Emergency != c.emergency || (read{notes: notes}).said(UnknownPurpose) != c.note {
			t.Errorf("%s: %v, emergency %v, %v", c.concept, a.Purpose, a.Emergency, notes)
		}
		roundTrip(t, conv, in)
	}
}

// Break-glass that stands in words only is break-glass, and noted. The open claims have none of
// them.
func TestBreakGlassInWords(t *testing.T) {
	detail := func(typ, value string) string {
		return `[{"detail":[{"type":"` + typ + `","valueString":"` + value + `"}]}]`
	}
	for _, c := range []struct {
		name, member, value string
		want                bool
		justification       string
	}{
		{"a reason", "purposeOfEvent", `[{"text":"Break-the-glass by A&E"}]`, true, ""},
		{"a display", "purposeOfEvent", `[{"coding":[{"system":"urn:x","code":"7","display":"BTG access"}]}]`, true, ""},
		{"a local code", "subtype", `[{"system":"urn:x","code":"EMERGENCY_OVERRIDE"}]`, true, ""},
		{"a description", "outcomeDesc", `"Glass broken: unconscious, no next of kin"`, true, "Glass broken: unconscious, no next of kin"},
		{"a description that gives no reason", "outcomeDesc", `"Break glass"`, true, ""},
		{"a detail", "entity", detail("accessMode", "emergency override"), true, ""},
		{"a detail by its type", "entity", detail("break-glass", "true"), true, ""},
		{"with its reason", "entity", detail("BTG reason", "found unconscious"), true, "found unconscious"},
		{"a detail that says no", "entity", detail("break-glass", "false"), false, ""},
		{"a policy", "agent", `[` + nurseWith(`"policy":["urn:board:policy:break-glass"]`) + `]`, true, ""},
		{"an extension", "extension", `[{"url":"https://board.example/fhir/break-glass","valueBoolean":true}]`, true, ""},
		{
			"an extension within one", "extension",
			`[{"url":"https://board.example/x","extension":[{"url":"how","valueCode":"break-glass"}]}]`, true, "",
		},
		{"an extension that says no", "extension", `[{"url":"https://board.example/fhir/break-glass","valueBoolean":false}]`, false, ""},
		{"emergency care", "purposeOfEvent", `[{"text":"emergency admission"}]`, false, ""},
		{"words of another kind", "outcomeDesc", `"Override of the default printer; broken glasses"`, false, ""},
	} {
		in := changed(map[string]string{c.member: c.value})
		r := readAll(t, []byte(in))
		a := r.accesses[0]
		if a.Emergency != c.want || r.said(BreakGlassInWords) != c.want {
			t.Errorf("%s: emergency %v, %v", c.name, a.Emergency, r.notes)
		}
		got := ""
		if a.Text != nil {
			got = a.Text.Justification
		}
		if got != c.justification {
			t.Errorf("%s: justified by %q", c.name, got)
		}
		roundTrip(t, caseConversion, []byte(in))
	}
	both := changed(map[string]string{"purposeOfEvent": `[` + code(
		"http://terminology.hl7.org/CodeSystem/v3-ActReason", "BTG",
	) + `,{"text":"break the glass"}]`})
	if r := readAll(t, []byte(both)); !r.accesses[0].Emergency || r.said(BreakGlassInWords) {
		t.Errorf("with a code: %v", r.notes)
	}
	for name, member := range map[string][2]string{
		"a label of the event": {"meta", `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]}`},
		"a label of the data":  {"entity", `[{"securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]}]`},
		"by the OID of DICOM":  {"subtype", `[{"system":"urn:oid:1.2.840.10008.2.16.4","code":"110127"}]`},
	} {
		in := []byte(changed(map[string]string{member[0]: member[1]}))
		if r := readAll(t, in); !r.accesses[0].Emergency || r.said(BreakGlassInWords) {
			t.Errorf("%s: %v", name, r.notes)
		}
		roundTrip(t, caseConversion, in)
	}
}
