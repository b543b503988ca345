package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/internal/testneeds"
	"igledger/ledger/entry"
)

// everything an entry of one patient shows to a reader with all its disclosures, base64 of the
// residue taken off.
func everything(t *testing.T, a *entry.Access) string {
	t.Helper()
	_, back := signed(t, a)
	raw, err := ToAuditEvent(back)
	if err != nil {
		t.Fatal(err)
	}
	open, _ := json.Marshal(back)
	staff, _ := json.Marshal([]any{back.Sub, back.Staff, back.Parties, back.Text})
	all := string(raw) + string(open) + string(staff) + string(back.FHIR)
	tree, _ := parseTree("", raw)
	eachString("", tree, func(_, s string) {
		if b, err := base64.StdEncoding.DecodeString(s); err == nil {
			all += string(b)
		}
	})
	return strings.ToLower(all)
}

// An event about three patients: what names one, or is one's, is nowhere in the entries of the
// other two.
func TestPatientsAreIsolated(t *testing.T) {
	list, _, err := board.FromAuditEvent(patterns(t)["multi-patient"])
	if err != nil {
		t.Fatal(err)
	}
	marks := map[string][]string{
		"chi:2902640017": {"2902640017", "morag", "patient/p1"},
		"temp:NHS-EXAMPLE:https://other.example.scot/fhir/Patient/22": {
			"other.example.scot", "hamish", "of-hamish", "asthma",
		},
		"nhs:9990000018": {"9990000018", `"una"`, "#una", "una demo", "haemoglobin", `"1964`}, // with marks around what random digests might spell
	}
	if len(list) != len(marks) {
		t.Fatalf("%d accesses, want %d", len(list), len(marks))
	}
	for _, a := range list {
		all := everything(t, a)
		for id, words := range marks {
			for _, w := range words {
				if id != a.Sub && strings.Contains(all, w) {
					t.Errorf("the entry of %s tells %q of %s", a.Sub, w, id)
				}
			}
			if id == a.Sub && !strings.Contains(all, words[0]) {
				t.Errorf("the entry of %s has lost its own %q", id, words[0])
			}
		}
		for _, w := range []string{"whose", "narrative"} { // a resource that could be any patient's
			if strings.Contains(all, w) {
				t.Errorf("the entry of %s tells %q", a.Sub, w)
			}
		}
		if !strings.Contains(all, "tarrant") {
			t.Errorf("the entry of %s does not say who accessed", a.Sub)
		}
	}
}

// Another patient's mark may hide anywhere. Each case puts one into an otherwise plain event about
// two patients.
func TestIsolationOfHidingPlaces(t *testing.T) {
	const other = "2902680019"
	b64 := base64.StdEncoding.EncodeToString([]byte("GET /Observation?patient=" + other))
	for name, member := range map[string]string{
		"extension":              `"extension":[{"url":"https://x.scot/1","valueString":"also ` + other + `"}]`,
		"nested extension":       `"modifierExtension":[{"url":"https://x.scot/1","extension":[{"url":"a","valueReference":{"display":"Callum Otherly"}}]}]`,
		"outcomeDesc":            `"outcomeDesc":"merged with CHI ` + other + `"`,
		"grouped number":         `"outcomeDesc":"merged with CHI 290268 0019"`,
		"primitive's sibling":    `"_recorded":{"extension":[{"url":"https://x.scot/1","valueString":"` + other + `"}]}`,
		"event id":               `"id":"evt-` + other + `"`,
		"meta":                   `"meta":{"source":"urn:x:` + other + `"}`,
		"narrative":              `"text":{"status":"generated","div":"<div>somebody else</div>"}`,
		"purpose":                `"purposeOfEvent":[{"text":"to compare with Otherly"}]`,
		"unreferenced contained": `"contained":[{"resourceType":"Observation","id":"o","note":[{"text":"` + other + `"}]}]`,
		"unowned contained":      `"contained":[{"resourceType":"Condition","id":"c","code":{"text":"somebody else"}}]`,
		"contained of both":      `"contained":[{"resourceType":"Observation","id":"o","note":[{"text":"2902640017, twin of ` + other + `"}]}]`,
		"base64":                 `"extension":[{"url":"https://x.scot/1","valueBase64Binary":"` + b64 + `"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			event := `{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-03-02T09:15:27Z","source":{"observer":{"display":"x"}},` + member + `,
			"agent":[{"requestor":true,"name":"Dr A Reader","purposeOfUse":[{"text":"to compare with ` + other + `"}]},{"requestor":false,"who":{"reference":"Patient/o2","display":"Callum Otherly"}}],
			"entity":[{"what":{"identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"2902640017"}}},
			{"what":{"reference":"Patient/o2","identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"` + other + `"},"display":"Callum Otherly"}}]}`
			list, _, err := board.FromAuditEvent([]byte(event))
			if err != nil || len(list) != 2 || list[0].Sub != "chi:2902640017" || list[1].Sub != "chi:"+other {
				t.Fatalf("%d accesses, %v", len(list), err)
			}
			all := everything(t, list[0])
			for _, w := range []string{other, "290268 0019", "otherly", "callum", "somebody else", "patient/o2"} {
				if strings.Contains(all, w) {
					t.Errorf("tells %q of the other patient", w)
				}
			}
		})
	}
}

// A ward list of a thousand is cut up; a register is not an access to each.
func TestManyPatients(t *testing.T) {
	many := func(n int) []byte {
		var b strings.Builder
		b.WriteString(strings.TrimSuffix(ev("a"), "}") + `,"entity":[{"what":{"reference":"List/1"}}`)
		for i := range n {
			fmt.Fprintf(&b, `,{"what":{"reference":"Patient/ward-%06d","display":"Given%06d"}}`, i, i)
		}
		return []byte(b.String() + "]}")
	}
	list, _, err := board.FromAuditEvent(many(maxPatients))
	if err != nil || len(list) != maxPatients {
		t.Fatalf("%d accesses, %v", len(list), err)
	}
	for i, a := range list {
		if strings.Count(string(a.FHIR), "ward-")+strings.Count(string(a.FHIR), "Given") > 1 ||
			a.Sub != fmt.Sprintf("temp:NHS-EXAMPLE:fhir/Patient/ward-%06d", i) {
			t.Fatalf("access %d: %s", i, a.FHIR)
		}
	}
	beyond := testneeds.Part(5, 2) * maxPatients
	list, said, err := board.FromAuditEvent(many(beyond))
	if err != nil || len(list) != beyond || !slices.Contains(said, Note{"AuditEvent", SizeCut}) {
		t.Fatalf("%d accesses, %v, %v", len(list), said, err)
	}
	for i, a := range list {
		cuts := tree.Cuts(a.FHIR)
		if strings.Count(string(a.FHIR), "ward-")+strings.Count(string(a.FHIR), "Given") > 1 ||
			a.Sub != fmt.Sprintf("temp:NHS-EXAMPLE:fhir/Patient/ward-%06d", i) || len(cuts) != 1 || cuts[0].Hash != "" {
			t.Fatalf("access %d: %s", i, a.FHIR)
		}
	}
}

func BenchmarkFromAuditEvent(b *testing.B) {
	raw := patterns(b)["patient-read"]
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, _, err := board.FromAuditEvent(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever field a source abuses for a name or a number, the open claims do not show it.
func TestOpenClaimsNameNobody(t *testing.T) {
	for name, raw := range patterns(t) {
		list, _, err := board.FromAuditEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			assertOpen(t, name, a, "2902640017", "9990000018", "morag", "hamish", "una demo", "tarrant", "gmc7000001", "fictional nhs", "unconscious", "enquiry")
		}
	}
	const chi, person = "2902640017", "morag"
	const in = `{"resourceType":"AuditEvent","type":{"system":"urn:x","code":"%[1]s"},"subtype":[{"code":"%[1]s"},{"system":"urn:%[1]s","code":"y"},{"system":"urn:t","code":"x|%[1]s"}],
	"recorded":"2026-03-02T09:15:27Z","action":"R","source":{"site":"%[1]s","observer":{"identifier":{"value":"%[1]s"}}},
	"purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"%[1]s"}]}],
	"agent":[{"requestor":true,"name":"Morag Example","role":[{"coding":[{"system":"urn:r","code":"%[1]s","display":"%[1]s"}]}],"policy":["urn:igledger:agreement:%[1]s"]},
	{"requestor":false,"type":{"coding":[{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110152"}]},"who":{"identifier":{"value":"%[1]s"}}},
	{"requestor":false,"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleClass","code":"PROV"}]},"who":{"identifier":{"value":"%[2]s"}}}],
	"entity":[{"what":{"identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"2902640017"}},"securityLabel":[{"system":"urn:l","code":"%[1]s"}]},
	{"what":{"reference":"%[1]s/1"},"type":{"system":"urn:l","code":"%[1]s"}}]}`
	for _, abuse := range []string{chi, "x-" + chi, "290264-0017", "Morag", "Dr-Morag-Example", "MORAG"} {
		event := fmt.Sprintf(in, abuse, strings.NewReplacer("Morag", "org", "MORAG", "org").Replace(abuse)) // an organisation may be named like a person
		a := roundTrip(t, board, []byte(event))
		assertOpen(t, abuse, a, chi, person, "290264-0017")
	}
}

// Who acts, by what the event says of its agents. In doubt it is a person.
func TestHumanOrMachine(t *testing.T) {
	typ := func(system, code string) string {
		return `"type":{"coding":[{"system":"` + system + `","code":"` + code + `"}]}`
	}
	for agent, machine := range map[string]bool{
		`{"requestor":true}`: false,
		`{"requestor":true,"who":{"reference":"Practitioner/1"}}`:                              false,
		`{"requestor":false,"who":{"reference":"PractitionerRole/1"}}`:                         false,
		`{"requestor":false,"who":{"type":"RelatedPerson","display":"x"}}`:                     false,
		`{"requestor":true,"who":{"reference":"Device/1"},"name":"night job"}`:                 true,
		`{"requestor":true,"who":{"reference":"Organization/1"}}`:                              false,
		`{"requestor":true,"name":"A Person",` + typ(dcm, "110153") + `}`:                      false,
		`{"requestor":true,"who":{"identifier":{"value":"x"}},` + typ(dcm, "110153") + `}`:     true,
		`{"requestor":false,"name":"export.app",` + typ(dcm, "110153") + `}`:                   true,
		`{"requestor":false,` + typ(participation, "IRCP") + `}`:                               false,
		`{"requestor":false,` + typ(securityRole, "humanuser") + `}`:                           false,
		`{"requestor":true,"who":{"reference":"Device/1"},` + typ(participation, "IRCP") + `}`: true,
		`{"requestor":false}`: true,
	} {
		a := roundTrip(t, board, []byte(strings.Replace(ev("a"), `{"requestor":true}`, agent, 1)))
		if a.Machine != machine {
			t.Errorf("%s: machine %v", agent, a.Machine)
		}
	}
}

// A number does not get into the open claims in the name of a well-known code system either.
func TestNumberInPublicSystem(t *testing.T) {
	for _, system := range []string{restSubtype, dcm, "urn:oid:2.16", "http://snomed.info/sct"} {
		a := roundTrip(t, board, []byte(strings.Replace(ev("a"), `"type":{"code":"rest"}`, `"type":{"system":"`+system+`/2902400015","code":"rest"}`, 1)))
		assertOpen(t, system, a, "2902400015")
	}
}

func assertOpen(t *testing.T, name string, a *entry.Access, forbidden ...string) {
	t.Helper()
	e, _ := signed(t, a)
	open := strings.ToLower(string(e.Payload))
	for _, f := range forbidden {
		if strings.Contains(open, f) {
			t.Errorf("%s: open claims hold %q", name, f)
		}
	}
	if v := idValue(a.Sub); len(v) >= 6 && strings.Contains(open, strings.ToLower(v)) {
		t.Errorf("%s: open claims hold the id", name)
	}
}

func TestIDs(t *testing.T) {
	const chi, nhs = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53", "https://fhir.nhs.uk/Id/nhs-number"
	own := board
	own.Map = &mapping.Map{Identifiers: map[string]string{"https://board.scot/chi": "chi"}}
	seen := map[string]string{}
	for _, c := range []struct{ what, want string }{
		{`{"identifier":{"system":"` + chi + `","value":"2902640017"}}`, "chi:2902640017"},
		{`{"identifier":{"system":"` + chi + `","value":"2902640010"}}`, "chi:2902640010"}, // wrong check digit: filed all the same
		{`{"identifier":{"system":"` + chi + `","value":"290264 0013"}}`, "chi:2902640013"},
		{
			`{"identifier":{"system":"` + chi + `","value":"902640017"}}`, "temp:NHS-EXAMPLE:" + chi + "|902640017",
		}, // no zero in front makes it right
		{`{"identifier":{"system":"` + nhs + `","value":"9990000018"}}`, "nhs:9990000018"},
		{`{"identifier":{"system":"https://board.scot/chi","value":"2902640025"}}`, "chi:2902640025"},
		{`{"identifier":{"system":"` + nhs + `","value":"9990000026"},"reference":"Patient/7"}`, "nhs:9990000026"},
		{`{"identifier":{"system":"urn:mrn","value":"7"},"reference":"Patient/8"}`, "temp:NHS-EXAMPLE:fhir/Patient/8"},
		{`{"identifier":{"system":"urn:mrn","value":"7"}}`, "temp:NHS-EXAMPLE:urn:mrn|7"},
		{`{"identifier":{"value":"7"}}`, "temp:NHS-EXAMPLE:fhir/|7"},
		{`{"identifier":{"system":"a|b","value":"c"}}`, "temp:NHS-EXAMPLE:fhir/a%7Cb|c"},
		{`{"identifier":{"system":"a","value":"b|c"}}`, "temp:NHS-EXAMPLE:fhir/a|b%7Cc"},
		{`{"identifier":{"value":"Ünit 7%"}}`, "temp:NHS-EXAMPLE:fhir/|%C3%9Cnit%207%25"},
		{`{"reference":"Patient/7/_history/3"}`, "temp:NHS-EXAMPLE:fhir/Patient/7"},
		{`{"reference":"https://h.scot/fhir/Patient/7/_history/3"}`, "temp:NHS-EXAMPLE:https://h.scot/fhir/Patient/7"},
		{`{"reference":"https://i.scot/fhir/Patient/7"}`, "temp:NHS-EXAMPLE:https://i.scot/fhir/Patient/7"},
		{`{"reference":"Person/7"}`, "temp:NHS-EXAMPLE:fhir/Person/7"},
		{
			`{"reference":"urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"}`,
			"temp:NHS-EXAMPLE:urn:uuid:9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
		},
		{`{"reference":"Patient?identifier=` + nhs + `|9990000034"}`, "nhs:9990000034"},
		{`{"identifier":{"value":"` + strings.Repeat("7", 200) + `"}}`, "temp:NHS-EXAMPLE:sha256:"},
		{`{"display":"Somebody Unnumbered"}`, entry.RegSources},
		{`{"reference":"#nowhere"}`, entry.RegSources},
	} {
		event := `{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-03-02T09:15:27Z","source":{"observer":{"display":"x"}},"agent":[{"requestor":true}],
		"entity":[{"what":` + c.what + `,"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}}]}`
		a := roundTrip(t, own, []byte(event))
		if a.Sub != c.want && !(strings.HasSuffix(c.want, "sha256:") && strings.HasPrefix(a.Sub, c.want)) {
			t.Errorf("%s is filed under %s, want %s", c.what, a.Sub, c.want)
		}
		if before, ok := seen[a.Sub]; ok && a.Sub != entry.RegSources && !strings.Contains(c.what, "Patient/7/_history") {
			t.Errorf("%s and %s share an id", before, c.what)
		}
		seen[a.Sub] = c.what
		if v := idValue(a.Sub); len(v) >= 6 && !strings.Contains(c.what, " ") && !strings.Contains(c.what, "?") && strings.Contains(string(a.FHIR), v) {
			t.Errorf("%s: the residue repeats the id", c.what)
		}
	}
}

// One person named in two ways in one event is one patient, so one access.
func TestOnePatientNamedTwice(t *testing.T) {
	event := `{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-03-02T09:15:27Z","source":{"observer":{"display":"x"}},"agent":[{"requestor":true}],
	"entity":[{"what":{"reference":"Patient/7/_history/2"}},{"what":{"reference":"Observation/1"}},
	{"what":{"reference":"Patient/7","identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}}}]}`
	if a := roundTrip(t, board, []byte(event)); a.Sub != "nhs:9990000018" {
		t.Errorf("filed under %s", a.Sub)
	}
}

// FHIR instants that RFC 3339 or an entry cannot say are claimed as near as can be and come back as
// they were.
func TestOddInstants(t *testing.T) {
	for in, want := range map[string]string{
		"2016-12-31T23:59:60Z":                    "2016-12-31T23:59:59Z",
		"2026-03-02T09:15:27.1234567891234+01:00": "2026-03-02T09:15:27.123456789+01:00",
		"2026-03-02T09:15:27.235-09:30":           "2026-03-02T09:15:27.235-09:30",
	} {
		if a := roundTrip(t, board, []byte(strings.Replace(ev("a"), "2026-03-02T09:15:27Z", in, 1))); a.Recorded != want {
			t.Errorf("%s is claimed as %s, want %s", in, a.Recorded, want)
		}
	}
}

// A person who signs in to their own record sees it: FHIR counts an agent who is a patient.
func TestPatientAsAgent(t *testing.T) {
	event := `{"resourceType":"AuditEvent","type":{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110114"},"recorded":"2026-03-02T09:15:27Z",
	"source":{"observer":{"display":"x"}},"agent":[{"requestor":true,"who":{"type":"Patient","identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"}}}]}`
	a := roundTrip(t, board, []byte(event))
	if a.Sub != "nhs:9990000018" || a.Machine {
		t.Errorf("filed under %s, machine %v", a.Sub, a.Machine)
	}
}

// Withholding the staff disclosure hides the user's name and number everywhere the event had them,
// the narrative included.
func TestWithheldStaffIsHidden(t *testing.T) {
	a := roundTrip(t, board, patterns(t)["everything-else"])
	a.Staff = nil
	raw, err := ToAuditEvent(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"Tarrant", "gmc7000001"} {
		if strings.Contains(string(raw), w) {
			t.Errorf("still says %q", w)
		}
	}
	if !strings.Contains(string(raw), "Morag") {
		t.Error("hid more than the staff")
	}
	again, _, err := board.FromAuditEvent(raw)
	if err != nil || again[0].Machine || again[0].Staff != nil {
		t.Errorf("what is left does not read as an access by an unnamed person: %v", err)
	}
}

// A residue that tells another story than the signed claims is not passed on.
func TestContradictingResidue(t *testing.T) {
	for _, fhir := range []string{
		`{"resourceType":"AuditEvent","action":"R"}`, `{"resourceType":"AuditEvent","outcome":"4"}`, `{"resourceType":"AuditEvent","recorded":"2026-03-02T09:15:28Z"}`,
		`{"resourceType":"Patient"}`, `[]`, `"={id}"`, `{"resourceType":"AuditEvent","id":"` + strings.Repeat(`{recorded}`, 9) + `"`,
	} {
		a := &entry.Access{Action: "U", Outcome: "0", Recorded: "2026-03-02T09:15:27Z", Sub: "chi:2902640017", FHIR: []byte(fhir)}
		if _, err := ToAuditEvent(a); !errors.Is(err, BadResidue) {
			t.Errorf("%.60s: %v, want BadResidue", fhir, err)
		}
	}
	why := &entry.Text{Why: strings.Repeat("x", 60000)}
	for name, bomb := range map[string]string{
		"one string":   `"=` + strings.Repeat("{text/why}", 6000) + `"`,
		"many strings": strings.TrimSuffix(strings.Repeat(`"={text/why}",`, 4000), ","),
	} {
		a := &entry.Access{Sub: "chi:2902640017", Text: why, FHIR: []byte(`{"resourceType":"AuditEvent","extension":[` + bomb + `]}`)}
		if raw, err := ToAuditEvent(a); len(raw) > MaxEvent {
			t.Errorf("a residue of %s blew up from %d bytes to %d (%v)", name, len(a.FHIR), len(raw), err)
		}
	}
}

// Of two wrong elements the same is reported every time, in the order of the format.
func TestFirstWrongElement(t *testing.T) {
	wrong := strings.Replace(ev("a"), `{`, `{"entity":7,"contained":7,`, 1)
	contradicted := &entry.Access{Action: "U", Outcome: "0", Recorded: "2026-03-02T09:15:27Z", Sub: "chi:2902640017",
		FHIR: []byte(`{"resourceType":"AuditEvent","outcome":"4","recorded":"2026-03-02T09:15:28Z","action":"R"}`)}
	big := strings.Repeat("x", maxDisclosure)
	for range 100 {
		var e *Error
		if _, _, err := board.FromAuditEvent([]byte(wrong)); !errors.As(err, &e) || e.Path != "AuditEvent.entity" {
			t.Fatalf("reading: %v", err)
		}
		if _, err := ToAuditEvent(contradicted); !errors.As(err, &e) || e.Path != "AuditEvent.action" {
			t.Fatalf("writing: %v", err)
		}
		err := checkSizes(&entry.Access{Text: &entry.Text{Why: big}, Staff: &entry.Staff{Name: big}, Parties: []entry.Party{{Name: big}}})
		if err == nil || !strings.Contains(err.Error(), "disclosure staff") {
			t.Fatalf("sizes: %v", err)
		}
	}
}

// An access that never was an AuditEvent becomes one that says the same.
func TestComposed(t *testing.T) {
	for name, a := range map[string]*entry.Access{
		"person": {Source: "theatre", Org: "nhs-fictional", System: "Device/or-3", Event: []string{restType + "|rest", restSubtype + "|read"}, Action: "R",
			Data:    []string{resourceTypes + "|Procedure", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R"},
			Purpose: []string{"BTG", "https://x.scot/why|handover"}, Role: []string{"http://snomed.info/sct|309343006", "porter"}, Emergency: true, Agreement: "isa-1",
			Outcome: "4", Occurred: "2026-03-02T09:10:00Z", OccurredEnd: "2026-03-02T09:11:00Z", Recorded: "2026-03-02T09:15:27Z", Sub: "chi:2902640017",
			Staff: &entry.Staff{ID: "7", System: "urn:staff", Name: "A Name", AltID: "an"},
			Text:  &entry.Text{Why: "handover", Justification: "unconscious", Outcome: "partly", Query: "name=x"}},
		"machine": {Source: "feed", System: "poller-1", Event: []string{restType + "|rest"}, Action: "E", Machine: true, Outcome: "0",
			Recorded: "2026-03-02T09:15:27Z", Sub: "temp:NHS-EXAMPLE:urn:mrn|7%7C"},
		"sources": {
			Source: "feed", Event: []string{dcm + "|110114", dcm + "|110122"}, Action: "E", Outcome: "8",
			Recorded: "2026-03-02T09:15:27Z", Sub: entry.RegSources,
		},
		"link": {
			Source: "feed", Event: []string{restType + "|rest"}, Action: "D", Outcome: "0",
			Recorded: "2026-03-02T09:15:27Z", Sub: "temp:NHS-EXAMPLE:https://h.scot/fhir/Patient/7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a.Type, a.Issuer, a.Audience = entry.TypeAccess, board.Issuer, board.Audience
			signed(t, a)
			raw, err := ToAuditEvent(a)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := board.FromAuditEvent(raw)
			if err != nil || len(list) != 1 {
				t.Fatal(len(list), err)
			}
			got := list[0]
			got.FHIR, got.Parties, got.SD, got.ID, got.IssuedAt = nil, nil, a.SD, a.ID, a.IssuedAt
			slices.Sort(got.Data)
			slices.Sort(a.Data)
			if !reflect.DeepEqual(got, a) {
				t.Errorf("came back as\n%+v %+v %+v\nwant\n%+v %+v %+v", got, got.Staff, got.Text, a, a.Staff, a.Text)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	ok := `{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-03-02T09:15:27Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}`
	roundTrip(t, board, []byte(ok))
	const chi = "2902640017"
	for _, c := range []struct {
		in   string
		code Code
		path string
	}{
		{``, BadJSON, "AuditEvent"},
		{ok + ok, BadJSON, "AuditEvent"},
		{ok[:len(ok)-1], BadJSON, "AuditEvent"},
		{strings.Replace(ok, `{`, `{"type":{},`, 1), BadJSON, "AuditEvent"},
		{strings.Replace(ok, "rest", "\xff"+chi, 1), BadJSON, "AuditEvent"},
		{strings.Repeat("[", 100) + strings.Repeat("]", 100), NotAuditEvent, "AuditEvent.resourceType"},
		{`[]`, NotAuditEvent, "AuditEvent.resourceType"},
		{strings.Replace(ok, "AuditEvent", chi, 1), NotAuditEvent, "AuditEvent.resourceType"},
		{strings.Replace(ok, `"type"`, `"code"`, 1), Missing, "AuditEvent.code"}, // as in R5
		{strings.Replace(ok, `[{"requestor":true}]`, `[7]`, 1), BadValue, "AuditEvent.agent[0]"},
		// What decides about whom an event is must not be overlooked because it has an odd form.
		{strings.Replace(ok, `{`, `{"entity":{"what":{"reference":"Patient/`+chi+`"}},`, 1), BadValue, "AuditEvent.entity"},
		{strings.Replace(ok, `{`, `{"entity":[{"what":"Patient/`+chi+`"}],`, 1), BadValue, "AuditEvent.entity[0].what"},
		{
			strings.Replace(ok, `{`, `{"entity":[{},{"what":{"reference":["Patient/`+chi+`"]}}],`, 1),
			BadValue, "AuditEvent.entity[1].what",
		},
		{
			strings.Replace(ok, `{`, `{"entity":[{"what":{"identifier":[{"value":"`+chi+`"}]}}],`, 1),
			BadValue, "AuditEvent.entity[0].what",
		},
		{
			strings.Replace(ok, `{`, `{"entity":[{"what":{"identifier":{"value":[`+chi+`]}}}],`, 1), BadValue,
			"AuditEvent.entity[0].what",
		},
	} {
		_, _, err := board.FromAuditEvent([]byte(c.in))
		var e *Error
		if !errors.As(err, &e) || e.Code != c.code || e.Path != c.path || !errors.Is(err, c.code) {
			t.Errorf("%.90s: %v, want %s at %s", c.in, err, c.code, c.path)
		}
		if err != nil && strings.Contains(err.Error(), chi) {
			t.Errorf("%v tells a number out of the event", err)
		}
	}
	for _, c := range []Conversion{
		{}, {Issuer: "a:b", Audience: "x"}, {Issuer: "a", Audience: "x y"}, {Issuer: "a", Audience: "x", Source: "a b"},
	} {
		if _, _, err := c.FromAuditEvent([]byte(ok)); !errors.Is(err, BadConversion) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
