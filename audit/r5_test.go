package audit

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/entry"
)

func r5Event(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/r5/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// readR5 converts an R5 event about at most one patient, through a signature and back to R5.
func readR5(t testing.TB, raw []byte) *entry.Access {
	t.Helper()
	list, _, err := board.FromAuditEvent(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 {
		t.Fatalf("%d accesses, want 1", len(list))
	}
	_, a := signed(t, list[0])
	back, err := ToR5(a)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, back, slices.Clone(raw))
	return a
}

// What an R5 event says is read as the same event in R4 would be, and the event comes back exactly.
func TestR5IsRead(t *testing.T) {
	a := readR5(t, r5Event(t, "read"))
	if a.Sub != "chi:2902640017" || a.Action != "R" || a.Outcome != "0" || a.Machine || a.System != "ehr-portal" ||
		a.Agreement != "ISA-2026-041" || a.Source != "Device/record-store" || a.Recorded != "2026-05-04T10:00:00.120+01:00" ||
		a.Occurred != "2026-05-04T09:59:58+01:00" || a.OccurredEnd != "2026-05-04T09:59:59+01:00" {
		t.Errorf("claims: %+v", a)
	}
	if want := []string{
		restType + "|rest", "https://ehr.example.scot/categories|record", restSubtype + "|read",
	}; !slices.Equal(a.Event, want) {
		t.Errorf("event %q", a.Event)
	}
	if !slices.Equal(a.Purpose, []string{"TREAT", "ETREAT"}) || !slices.Equal(a.Role, []string{"http://snomed.info/sct|309343006"}) ||
		!slices.Contains(a.Data, resourceTypes+"|Observation") ||
		!slices.Contains(a.Data, "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|R") {
		t.Errorf("purpose %q, role %q, data %q", a.Purpose, a.Role, a.Data)
	}
	if a.Staff == nil || a.Staff.ID != "gmc7000001" || a.Staff.Name != "Dr Ishbel Tarrant" {
		t.Errorf("staff %+v", a.Staff)
	}
	var addresses []string
	for _, p := range a.Parties {
		addresses = append(addresses, p.Address)
	}
	if !slices.Equal(addresses, []string{"10.1.2.3", "https://fhir.example.scot/r5", "Endpoint/gw"}) {
		t.Errorf("parties %+v", a.Parties)
	}
	if a.Text == nil || a.Text.Why != "Ward round" || !strings.HasPrefix(a.Text.Justification, "asked") || a.Text.Outcome != "one resource" {
		t.Errorf("text %+v", a.Text)
	}
	// Disclosures that are withheld are not in the residue either.
	for _, s := range []string{"2902640017", "Tarrant", "gmc7000001", "10.1.2.3", "Ward round", "one resource", "ISA-2026-041"} {
		if strings.Contains(string(a.FHIR), s) {
			t.Errorf("the residue holds %q", s)
		}
	}

	q := readR5(t, r5Event(t, "query"))
	if q.Sub != "nhs:9990000018" || q.Outcome != "8" || !q.Machine || q.System != "Device/batch-7" || q.Occurred != "2026-05-04T10:30:00Z" ||
		q.Text == nil || q.Text.Query != "Observation?code=123" || q.Text.Outcome != "The store did not answer" ||
		!slices.Contains(q.Data, resourceTypes+"|Observation") {
		t.Errorf("query: %+v %+v", q, q.Text)
	}
	m := readR5(t, r5Event(t, "minimal"))
	if m.Sub != entry.RegSources || len(m.Event) != 0 || m.Action != "E" || m.Outcome != "0" {
		t.Errorf("minimal: %+v", m)
	}
}

// Outcomes of R5 are severities of issues, or the codes of R4. What is neither says nothing of a
// failure, so the access counts.
func TestR5Outcomes(t *testing.T) {
	for code, want := range map[string]string{
		"success": "0", "information": "0", "warning": "0", "error": "8", "fatal": "12", "4": "4", "local": "0",
	} {
		raw := strings.Replace(
			string(r5Event(t, "minimal")), `"recorded"`,
			`"outcome":{"code":{"system":"urn:x","code":"`+code+`"}},"recorded"`, 1,
		)
		if a := readR5(t, []byte(raw)); a.Outcome != want {
			t.Errorf("%s is outcome %s, want %s", code, a.Outcome, want)
		}
	}
}

// An R5 event about several patients becomes an access each, and neither holds anything of the
// other, whether an entity or the element patient names them.
func TestR5PatientsAreIsolated(t *testing.T) {
	list, _, err := board.FromAuditEvent(r5Event(t, "several"))
	if err != nil {
		t.Fatal(err)
	}
	marks := map[string][]string{"chi:2902640017": {"2902640017", "morag"}, "chi:2902680019": {"2902680019", "hamish", "patient/p2"}}
	if len(list) != 2 {
		t.Fatalf("%d accesses", len(list))
	}
	for _, a := range list {
		all := everything(t, a)
		r5, err := ToR5(a)
		if err != nil {
			t.Fatal(err)
		}
		all += strings.ToLower(string(r5))
		for id, words := range marks {
			for _, w := range words {
				if id != a.Sub && strings.Contains(all, w) {
					t.Errorf("the entry of %s tells %q", a.Sub, w)
				}
			}
		}
		if !strings.Contains(all, "tarrant") || !strings.Contains(all, "tglzdd9jb2rlpxdhcmq=") || a.Outcome != "4" ||
			!slices.Contains(a.Event, dcm+"|110110") {
			t.Errorf("the entry of %s has lost who accessed, the search or the event: %s", a.Sub, r5)
		}
		if patient := strings.Contains(string(r5), `"patient":`); patient != (a.Sub == "chi:2902640017") {
			t.Errorf("%s: patient in the event is %t", a.Sub, patient)
		}
		if strings.Contains(string(a.FHIR), patientOf) {
			t.Error("the mark of the reader is in the residue")
		}
	}
}

// An event of either version is written in the other, and what that means is read back.
func TestVersionsTranslate(t *testing.T) {
	meaning := func(a *entry.Access) entry.Access {
		b := *a
		b.FHIR, b.SD, b.ID, b.IssuedAt = nil, nil, "", 0
		b.Staff, b.Text, b.Parties = nil, nil, nil
		return b
	}
	compare := func(name string, a *entry.Access, other []byte) {
		t.Helper()
		list, _, err := board.FromAuditEvent(other)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		x, y := meaning(a), meaning(list[0])
		if x.Sub != y.Sub || x.Action != y.Action || x.Outcome != y.Outcome || x.Recorded != y.Recorded || x.Org != y.Org ||
			x.System != y.System ||
			x.Occurred != y.Occurred || x.Machine != y.Machine || x.Emergency != y.Emergency || x.Agreement != y.Agreement ||
			!slices.Equal(x.Event, y.Event) || !slices.Equal(x.Purpose, y.Purpose) || !slices.Equal(x.Role, y.Role) {
			t.Errorf("%s: read back as\n%+v\nwant\n%+v\n%s", name, y, x, other)
		}
		if a.Text != nil && (list[0].Text == nil || a.Text.Query != list[0].Text.Query || a.Text.Why != list[0].Text.Why) {
			t.Errorf("%s: text %+v, want %+v", name, list[0].Text, a.Text)
		}
		for _, d := range x.Data {
			if !slices.Contains(y.Data, d) && !strings.HasPrefix(d, dcm) && !strings.Contains(d, "BALP") {
				t.Errorf("%s: data %q, want %q", name, y.Data, x.Data)
			}
		}
	}
	for _, name := range []string{"read", "query", "minimal"} {
		a := readR5(t, r5Event(t, name))
		r4, err := ToAuditEvent(a)
		if err != nil {
			t.Fatal(err)
		}
		compare(name, a, r4)
		for _, lost := range []string{"severity", "basedOn", "encounter", "entity.agent"} {
			if name == "read" && !strings.Contains(string(r4), r5Only+lost) {
				t.Errorf("R4 has lost %s", lost)
			}
		}
	}
	for name, raw := range patterns(t) {
		list, _, err := board.FromAuditEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			r5, err := ToR5(a)
			if err != nil {
				t.Fatal(err)
			}
			v, _ := parseTree("", r5)
			if !isR5(v.(object)) {
				t.Errorf("%s is not R5", name)
			}
			if name != "multi-patient" && name != "everything-else" {
				compare(name, a, r5)
			}
		}
	}
}

func TestR5Refusals(t *testing.T) {
	for change, want := range map[string]Code{
		`"patient":"Patient/1"`:                          BadValue,
		`"patient":{"reference":7}`:                      BadValue,
		`"entity":{}`:                                    BadValue,
		`"entity":["x"]`:                                 BadValue,
		`"entity":[{"what":"Patient/1"}]`:                BadValue,
		`"entity":[{"igledger:patient":true,"what":{}}]`: BadValue,
		`"outcome":"0"`:                                  BadValue,
		`"code":{}`:                                      Missing,
		`"code":"rest"`:                                  BadValue,
	} {
		name, value, _ := strings.Cut(change, ":")
		v, _ := parseTree("", r5Event(t, "minimal"))
		root := v.(object)
		x, err := parseTree("", []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		root[strings.Trim(name, `"`)] = x
		raw, _ := writeTree(root)
		if _, _, err := board.FromAuditEvent(raw); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %s", change, err, want)
		}
	}
}

// A residue that says something else than the claims is not written as the event.
func TestR5ContradictionsAreSeen(t *testing.T) {
	for _, change := range [][2]string{
		{`"action":"={action}"`, `"action":"D"`}, {`"code":"success"`, `"code":"fatal"`},
		{`"recorded":"={recorded}"`, `"recorded":"2020-01-01T00:00:00Z"`},
	} {
		list, _, err := board.FromAuditEvent(r5Event(t, "read"))
		if err != nil {
			t.Fatal(err)
		}
		a := list[0]
		changed := strings.Replace(string(a.FHIR), change[0], change[1], 1)
		if changed == string(a.FHIR) {
			t.Fatalf("the residue has no %s: %s", change[0], a.FHIR)
		}
		a.FHIR = jsontext.Value(changed)
		for name, f := range map[string]func(*entry.Access) ([]byte, error){"R4": ToAuditEvent, "R5": ToR5} {
			if _, err := f(a); !errors.Is(err, BadResidue) {
				t.Errorf("%s, %s: %v", change[1], name, err)
			}
		}
	}
}
