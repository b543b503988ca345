package audit

import (
	"strings"
	"testing"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// wentTo says to whom data left: an organisation's id, "unknown", or "stayed".
func wentTo(a *entry.Access) string {
	switch to, left := a.Disclosed(); {
	case !left && a.Foreign:
		return "foreign"
	case !left:
		return "stayed"
	case to == "":
		return "unknown"
	default:
		return to
	}
}

// leaves checks to whom data left, and that only what is known by its id is not noted.
func leaves(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 || wentTo(r.accesses[0]) != want {
		t.Fatalf("%d accesses, left to %s, want %s", len(r.accesses), wentTo(r.accesses[0]), want)
	}
	if noted := r.said(ForeignOrganisation); noted != (want == "unknown" || want == "foreign") {
		t.Errorf("%s: %v", want, r.notes)
	}
}

func typedAgent(system, code, who string) string {
	return `{"type":` + `{"coding":[{"system":"` + system + `","code":"` + code + `"}]},"who":` + who + `,"requestor":false}`
}

func destination(who string) string { return typedAgent(dcm, "110152", who) }

func organisation(id string) string {
	return `{"type":"Organization","identifier":{"system":"` + mapping.OwnOrganisation + `","value":"` + id + `"}}`
}

// moving returns an event with these codes as type and subtype, and these agents besides the nurse.
func moving(typ, subtype, agents string, more ...string) string {
	members := map[string]string{
		"type": typ, "subtype": `[` + subtype + `]`, "agent": `[` + nurse + agents + `]`,
	}
	for i := 0; i < len(more); i += 2 {
		members[more[i]] = more[i+1]
	}
	return changed(members)
}

const (
	exportCode   = `{"system":"` + dcm + `","code":"110106"}`
	importCode   = `{"system":"` + dcm + `","code":"110107"}`
	transferCode = `{"system":"` + dcm + `","code":"110104"}`
	discloseCode = `{"system":"` + lifecycle + `","code":"disclose"}`
	restCode     = `{"system":"` + restType + `","code":"rest"}`
)

// Whoever sent it, what went to another organisation is a disclosure to that one.
func TestRecipients(t *testing.T) {
	const insurer = `{"type":"Organization","display":"Example Life plc","identifier":{"value":"LIFE"}}`
	owned := `[{"resourceType":"Device","id":"d","owner":` + organisation("NHSH") + `}]`
	for name, c := range map[string]struct{ in, want string }{
		"to a known one":    {moving(exportCode, discloseCode, ","+destination(organisation("NHSH"))), "NHSH"},
		"to itself":         {moving(exportCode, discloseCode, ","+destination(organisation("NHSL"))), "stayed"},
		"to an unknown one": {moving(exportCode, discloseCode, ","+destination(insurer)), "unknown"},
		"to one in words": {
			moving(exportCode, discloseCode, ","+destination(`{"type":"Organization","display":"Example Life plc"}`)),
			"unknown",
		},
		"to an unknown and a known one": {
			moving(exportCode, discloseCode, ","+destination(organisation("NHSH"))+","+destination(insurer)), "unknown",
		},
		"to itself and another": {
			moving(exportCode, discloseCode, ","+destination(organisation("NHSL"))+","+destination(organisation("NHSH"))),
			"NHSH",
		},
		"to a machine": {moving(exportCode, discloseCode, ","+destination(`{"display":"disk.example"}`)), "unknown"},
		"to a machine whose owner is known": {
			moving(exportCode, discloseCode, ","+destination(`{"reference":"#d"}`), "contained", owned), "NHSH",
		},
		"to nobody":                      {moving(exportCode, discloseCode, ""), "unknown"},
		"an export alone":                {moving(exportCode, "", ""), "unknown"},
		"a disclosure that is no export": {moving(restCode, discloseCode, ","+destination(organisation("NHSH"))), "NHSH"},
		"to an information recipient": {
			moving(restCode, discloseCode, ","+typedAgent(participation, "PRCP", organisation("NHSH"))), "NHSH",
		},
		"to a data destination": {
			moving(exportCode, "", "", "entity", `[{"what":`+organisation("NHSH")+`,"role":{"system":"`+objectRole+`","code":"16"}}]`),
			"NHSH",
		},
		"an import by machines":                  {moving(importCode, discloseCode, ","+destination(`{"display":"server.example"}`)), "stayed"},
		"an import by another than the issuer":   {moving(importCode, discloseCode, ","+destination(organisation("NHSH"))), "NHSH"},
		"an import by an unknown one":            {moving(importCode, discloseCode, ","+destination(insurer)), "foreign"},
		"images to another house":                {moving(transferCode, "", ","+destination(organisation("NHSH"))), "NHSH"},
		"images to an unknown house":             {moving(transferCode, "", ","+destination(insurer)), "foreign"},
		"images to another ward":                 {moving(transferCode, "", ","+destination(`{"display":"pacs.example"}`)), "stayed"},
		"a reading, whose client is a recipient": {moving(restCode, "", ","+destination(`{"display":"pc.example"}`)), "stayed"},
	} {
		t.Run(name, func(t *testing.T) {
			leaves(t, readAll(t, []byte(c.in)), c.want)
			roundTrip(t, caseConversion, []byte(c.in))
		})
	}
}

// A disclosure that never was an AuditEvent keeps its recipient in the one that it becomes.
func TestComposedRecipient(t *testing.T) {
	a := &entry.Access{Common: entry.Common{Issuer: "NHSL", Audience: "ledger.example.org/2026"}, Source: "ehr1", Action: "R", Outcome: "0",
		Event: []string{dcm + "|110106"}, Recipient: "NHSH", Recorded: "2026-11-20T09:00:00Z", Sub: "chi:" + aCHI,
		Staff: &entry.Staff{ID: "N-12"}}
	for _, parties := range [][]entry.Party{nil, {{Type: dcm + "|110152", ID: "north", Name: "North"}}} {
		a.Parties = parties
		raw, err := ToAuditEvent(a)
		if err != nil {
			t.Fatal(err)
		}
		leaves(t, readAll(t, raw), "NHSH")
	}
}

var recipientCases = []faultCase{{
	file: "disclosure-to-insurer.json",
	input: moving(
		exportCode, discloseCode,
		","+typedAgent(dcm, "110153", organisation("NHSL"))+","+destination(`{"type":"Organization","identifier":{"value":"LIFE"}}`),
	),
	check: leaves, want: "unknown", wantShared: "unknown",
}}

// What was used says itself that it was disclosed, or a subtype says so without a system.
func TestDisclosedEntity(t *testing.T) {
	const own = `"entity":[{"what":{"identifier":{"system":"` + chiSystem + `","value":"` + aCHI + `"}}},{"what":{"reference":"DocumentReference/1"}%s}]`
	for more, want := range map[string]string{
		`,"lifecycle":{"system":"http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle","code":"11"}`:     "unknown",
		`,"lifecycle":{"system":"http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle","code":"disclose"}`: "unknown",
		`,"lifecycle":{"system":"http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle","code":"6"}`:      "stayed",
	} {
		leaves(t, readAll(t, []byte(event(byNurse, strings.Replace(own, "%s", more, 1)))), want)
	}
	leaves(t, readAll(t, []byte(event(byNurse, `"subtype":[{"code":"Disclosure"}]`, patientEntity))), "unknown")
}

// decided checks that an event is a decision, and how it ended.
func decided(t *testing.T, r read, want string) {
	t.Helper()
	if len(r.accesses) != 1 || r.accesses[0].Act() != entry.ActDecision || r.accesses[0].Outcome != want {
		t.Errorf("%+v", r.accesses)
	}
}

var decisionCases = []faultCase{{
	file: "denied-decision.json",
	input: changed(map[string]string{"type": `{"system":"` + dcm + `","code":"110113"}`, "action": `"E"`, "outcome": `"8"`,
		"subtype": `[{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType","code":"AuthZ-Consent"}]`}),
	check: decided, want: "8", wantShared: "8",
}, {
	file:  "no-patient.json",
	input: changed(map[string]string{"entity": "", "outcomeDesc": `"12 resources"`}),
	check: func(t *testing.T, r read, want string) {
		t.Helper()
		if len(r.accesses) != 1 || r.accesses[0].Sub != want || !r.said(NoPatient) {
			t.Errorf("%v %v", r.accesses, r.notes)
		}
	},
	want: entry.RegSources, wantShared: entry.RegSources,
}}
