package audit

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"igledger/internal/testshared"
	"igledger/ledger/entry"
)

// members are the elements of each part of an AuditEvent, with a "!" where it must be there
// (R4 4.0.1 and R5 5.0.0 auditevent.html). Every part may have an extension.
var members = map[Version]map[string]string{
	R4: {
		"AuditEvent": "resourceType! id meta type! subtype action period recorded! outcome outcomeDesc purposeOfEvent agent! source! entity",
		"agent":      "type role who altId name requestor! location policy media network purposeOfUse",
		"network":    "address _address type",
		"source":     "site observer! type",
		"entity":     "what type role lifecycle securityLabel name description query detail",
		"detail":     "type! valueString valueBase64Binary",
	},
	R5: {
		"AuditEvent": "resourceType! id meta category code! action severity occurredPeriod occurredDateTime recorded! outcome authorization " +
			"basedOn patient encounter agent! source! entity",
		"outcome": "code! detail",
		"agent":   "type role who! requestor location policy networkReference networkUri networkString authorization",
		"source":  "site observer! type",
		"entity":  "what role securityLabel query detail agent",
		"detail":  "type! valueString valueBase64Binary",
	},
}

// check reports what is wrong with the form of a part.
func checkForm(v Version, part string, o object, fault func(string)) {
	for _, m := range strings.Fields(members[v][part]) {
		name, must := strings.CutSuffix(m, "!")
		if x, ok := o[name]; must && (!ok || x == nil) {
			fault(part + " has no " + name)
		}
	}
	for name := range o {
		known := strings.Fields(strings.ReplaceAll(members[v][part]+" extension modifierExtension", "!", ""))
		if part == "AuditEvent" {
			known = append(known, "implicitRules", "language", "text", "contained")
		}
		if !slices.Contains(known, strings.TrimPrefix(name, "_")) && (part != "detail" || !strings.HasPrefix(name, "value")) {
			fault(part + " has " + name)
		}
		if _, ok := members[v][name]; !ok || part == "outcome" {
			continue
		}
		for _, e := range append(objects(o, name), child(o, name)) {
			if e != nil {
				checkForm(v, name, e, fault)
			}
		}
	}
}

// checkValues reports empty texts, objects and arrays, which FHIR does not have, and References
// that name nothing.
func checkValues(path string, v any, fault func(string)) {
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			fault(path + " is empty")
		}
		if what, ok := v["what"].(object); ok && what["reference"] == nil && what["identifier"] == nil && what["display"] == nil &&
			what["type"] == nil {
			fault(path + ".what names nothing")
		}
		for name, e := range v {
			checkValues(path+"."+name, e, fault)
		}
	case []any:
		if len(v) == 0 {
			fault(path + " is empty")
		}
		for i, e := range v {
			checkValues(path+"["+itoa(i)+"]", e, fault)
		}
	case string:
		if v == "" {
			fault(path + " is empty")
		}
	case nil:
		if !strings.HasSuffix(path, "]") { // an element that has only extensions
			fault(path + " is null")
		}
	}
}

func validEvent(t *testing.T, name string, v Version, root object) {
	t.Helper()
	fault := func(s string) { t.Errorf("%s, %s: %s", name, v, s) }
	checkForm(v, "AuditEvent", root, fault)
	checkValues("AuditEvent", root, fault)
}

func plainAccess(change func(a *entry.Access)) *entry.Access {
	a := &entry.Access{
		Common: entry.Common{Issuer: "BOARD", Audience: "ledger.example.org/2026", ID: "0196b5a0-7d1e-7cc3-9d1e-0c4f6a3b2d11"},
		Source: "ehr", System: "portal", Action: "R", Outcome: "0", Purpose: []string{"TREAT"}, Role: []string{"nurse"},
		Data:     []string{"http://snomed.info/sct|371531000", resourceTypes + "|Observation", resourceTypes + "|Condition"},
		Recorded: "2026-05-04T10:00:00Z", Sub: "chi:0101011237",
		Staff: &entry.Staff{ID: "N-1234", System: "urn:example:staff", Name: "Ailsa Example"}, Text: &entry.Text{Why: "ward round"},
	}
	a.Type = entry.TypeAccess
	if change != nil {
		change(a)
	}
	return a
}

func recordedOf(t *testing.T, index uint64, b entry.Body) Recorded {
	t.Helper()
	e, err := entry.Sign(testSigner(t), b)
	if err != nil {
		t.Fatal(err)
	}
	e, err = entry.Parse(e.SDJWT())
	if err != nil {
		t.Fatal(err)
	}
	return Recorded{Index: index, Entry: e, Flags: []entry.Flag{entry.FlagLate},
		Verdict: &entry.Verdict{Result: entry.NotCovered, Rules: []string{"agreement-in-force"}}, Plain: []string{"No agreement covers it."}}
}

func resources(t *testing.T, b *Bundle) (events, rest []object, entries []object) {
	t.Helper()
	events, rest, entries = resourcesOf(t, b)
	for _, e := range entries {
		checkValues("Bundle.entry", e, func(s string) { t.Error(s) })
	}
	return events, rest, entries
}

// resourcesOf is resources for events whose form is their source's.
func resourcesOf(t *testing.T, b *Bundle) (events, rest []object, entries []object) {
	t.Helper()
	raw, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	v, err := parseTree("", raw)
	if err != nil {
		t.Fatal(err)
	}
	root := v.(object)
	if root["resourceType"] != "Bundle" {
		t.Fatalf("%s", raw)
	}
	for _, e := range objects(root, "entry") {
		entries = append(entries, e)
		if r := child(e, "resource"); r["resourceType"] == "AuditEvent" {
			events = append(events, r)
		} else {
			rest = append(rest, r)
		}
	}
	return events, rest, entries
}

// An access that was never an event is written in the form of the BALP profile for what was done,
// and claims that profile only then. The counts below are the profiles' own (PatientRead, …Create,
// …Update, …Delete, …Query, version 1.1).
func TestNativeEventsConform(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(a *entry.Access)
		profile string
	}{
		"read":   {nil, "PatientRead"},
		"create": {func(a *entry.Access) { a.Action = "C" }, "PatientCreate"},
		"update": {
			func(a *entry.Access) { a.Action = "U"; a.Event = []string{restType + "|rest", restSubtype + "|patch"} },
			"PatientUpdate",
		},
		"delete":           {func(a *entry.Access) { a.Action = "D" }, "PatientDelete"},
		"query":            {func(a *entry.Access) { a.Action = "E"; a.Text.Query = "Observation?code=1" }, "PatientQuery"},
		"a machine":        {func(a *entry.Access) { a.Machine = true; a.Staff, a.Role = nil, nil; a.System = "Device/poller" }, "PatientRead"},
		"nobody named":     {func(a *entry.Access) { a.Staff, a.Text, a.Role, a.System, a.Data = nil, nil, nil, "", nil }, "PatientRead"},
		"only a name":      {func(a *entry.Access) { a.Staff = &entry.Staff{Name: "Ailsa Example"} }, "PatientRead"},
		"other org":        {func(a *entry.Access) { a.Org = "OTHER"; a.Agreement = "ISA-1" }, "PatientRead"},
		"foreign":          {func(a *entry.Access) { a.Foreign = true; a.Text.Organisation = "Insurer Ltd" }, "PatientRead"},
		"foreign, unnamed": {func(a *entry.Access) { a.Foreign = true }, "PatientRead"},
		"break-glass":      {func(a *entry.Access) { a.Emergency = true; a.Text.Justification = "unconscious" }, "PatientRead"},
		"failed":           {func(a *entry.Access) { a.Outcome = "8"; a.Text.Outcome = "denied" }, ""},
		"not restful":      {func(a *entry.Access) { a.Event = []string{dcm + "|110110"} }, ""},
		"other subtype":    {func(a *entry.Access) { a.Event = []string{restType + "|rest", restSubtype + "|delete"} }, ""},
		"run":              {func(a *entry.Access) { a.Action = "E" }, ""},
		"a register":       {func(a *entry.Access) { a.Sub = entry.RegSources }, ""},
		"a reading": {func(a *entry.Access) {
			a.Event, a.Request, a.Identity = []string{dcm + "|110101"}, "SAR-1", entry.ByVouching
		}, ""},
		"two clients": {func(a *entry.Access) {
			a.Parties = []entry.Party{{Type: dcm + "|110152", ID: "one"}, {Type: dcm + "|110152", ID: "two", Address: "10.0.0.1"}}
		}, ""},
		"its parties": {func(a *entry.Access) {
			a.Parties = []entry.Party{{Type: dcm + "|110152", ID: "portal", Address: "10.0.0.1"}, {Type: dcm + "|110153", ID: "Device/store"}}
		}, "PatientRead"},
	} {
		a := plainAccess(c.change)
		for _, version := range []Version{R4, R5} {
			b := &Bundle{Version: version}
			b.Add(recordedOf(t, 7, a), nil)
			events, _, _ := resources(t, b)
			if len(events) != 1 {
				t.Fatalf("%s: %d events", name, len(events))
			}
			validEvent(t, name, version, events[0])
		}
		b := &Bundle{}
		b.Add(recordedOf(t, 7, a), nil)
		events, _, _ := resources(t, b)
		root := events[0]
		var profile string
		if p := list(child(root, "meta")["profile"]); len(p) == 1 {
			profile = strings.TrimPrefix(p[0].(string), balpProfiles)
		}
		if profile != c.profile {
			t.Errorf("%s: claims %q, want %q", name, profile, c.profile)
		}
		organisation := slices.IndexFunc(objects(root, "agent"), isOrganisation)
		if organisation < 0 {
			t.Fatalf("%s: does not say whose people accessed", name)
		}
		who := child(objects(root, "agent")[organisation], "who")
		if a.Foreign && (who["identifier"] != nil || text(who, "display") != cmp.Or(a.Text.Organisation, "not named")) {
			t.Errorf("%s: a foreign organisation is %v", name, who)
		}
		if x := objects(root, "extension"); len(x) != 1 || text(x[0], "url") != EntryURI {
			t.Errorf("%s: has no reference to its proof", name)
		}
		if profile != "" {
			balpShape(t, name, profile, root)
		}
		// What it says is read as what was signed.
		raw, _ := writeTree(root)
		got, _, err := Conversion{Issuer: "BOARD", Audience: "ledger.example.org/2026"}.FromAuditEvent(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		x := got[0]
		if x.Sub != a.Sub || x.Action != a.Action || x.Outcome != a.Outcome || x.Machine != a.Machine ||
			x.Emergency != a.Emergency || x.Foreign != a.Foreign ||
			x.Agreement != a.Agreement || !slices.Equal(x.Purpose, a.Purpose) || !slices.Equal(x.Role, a.Role) {
			t.Errorf("%s: read as %+v, signed was %+v", name, x, a)
		}
		for _, d := range a.Data {
			if !slices.Contains(x.Data, d) {
				t.Errorf("%s: data %q, signed was %q", name, x.Data, a.Data)
			}
		}
	}
}

// balpShape checks the slices of a profile by hand.
func balpShape(t *testing.T, name, profile string, root object) {
	t.Helper()
	ends := map[string][2]string{
		"PatientRead": {dcm + "|110152", dcm + "|110153"}, "PatientCreate": {dcm + "|110153", dcm + "|110152"},
		"PatientUpdate": {dcm + "|110153", dcm + "|110152"}, "PatientQuery": {dcm + "|110153", dcm + "|110152"},
		"PatientDelete": {dcm + "|110150", "http://terminology.hl7.org/CodeSystem/provenance-participant-type|custodian"},
	}[profile]
	count := map[string]int{}
	for _, a := range objects(root, "agent") {
		for _, c := range codings(child(a, "type")) {
			count[c.claim()]++
			if slices.Contains(ends[:], c.claim()) && (child(a, "who") == nil || child(a, "network") == nil) {
				t.Errorf("%s: an end without who or network: %v", name, a)
			}
			if c.system == participation && (child(a, "who") == nil || a["network"] != nil || a["requestor"] != true) {
				t.Errorf("%s: the user is %v", name, a)
			}
		}
	}
	if count[ends[0]] != 1 || count[ends[1]] != 1 {
		t.Errorf("%s: the ends are there %d and %d times", name, count[ends[0]], count[ends[1]])
	}
	if t0 := codingOf(child(root, "type")); t0.claim() != restType+"|rest" || len(list(root["subtype"])) == 0 || root["outcome"] != "0" {
		t.Errorf("%s: type %v, subtype %v, outcome %v", name, t0, root["subtype"], root["outcome"])
	}
	persons, data := 0, 0
	for _, e := range objects(root, "entity") {
		switch codingOf(child(e, "type")).claim() {
		case entityType + "|1":
			persons++
			if codingOf(child(e, "role")).claim() != objectRole+"|1" || child(e, "what") == nil {
				t.Errorf("%s: the patient is %v", name, e)
			}
		case entityType + "|2":
			data++
			query := profile == "PatientQuery"
			if query != (e["query"] != nil) || query == (e["what"] != nil) || e["role"] == nil {
				t.Errorf("%s: the data is %v", name, e)
			}
		}
	}
	if persons != 1 || data != 1 {
		t.Errorf("%s: %d patients, %d system objects", name, persons, data)
	}
}

// A history becomes events, a decision among them; what is no event is counted, and everything says
// where its proof is.
func TestBundle(t *testing.T) {
	decision := &entry.Decision{Common: entry.Common{Issuer: "BOARD", Audience: "ledger.example.org/2026"}, Org: "OTHER", Action: "R",
		Decision: "deny", Asked: "2026-05-04T10:00:00Z", Sub: "chi:0101011237", Staff: &entry.Staff{Name: "Ailsa Example"}}
	list, _, err := board.FromAuditEvent(patterns(t)["patient-read"])
	if err != nil {
		t.Fatal(err)
	}
	wrong := *list[0]
	wrong.FHIR = []byte(strings.Replace(string(wrong.FHIR), `"={outcome}"`, `"8"`, 1))
	link := &entry.Delegation{Sub: "chi:0101011237"}
	for _, version := range []Version{R4, R5} {
		b := &Bundle{
			Version: version, Searchset: version == R4,
			Links: map[string]string{"self": "https://x.scot/_search", "next": "https://x.scot/2"},
		}
		b.Add(recordedOf(t, 3, list[0]), nil)
		b.Add(recordedOf(t, 4, decision), nil)
		b.Add(recordedOf(t, 5, &wrong), nil)
		b.Add(Recorded{Index: 6, Entry: &entry.Entry{Common: entry.Common{Type: entry.TypeDelegation}, Body: link}}, nil)
		b.Add(Recorded{Index: 7}, nil)
		events, rest, entries := resources(t, b)
		if len(events) != 3 || len(rest) != 1 || rest[0]["resourceType"] != "OperationOutcome" || b.Len() != 3 {
			t.Fatalf("%d events, %v", len(events), rest)
		}
		if version == R4 {
			raw, _ := writeTree(events[0])
			sameJSON(t, raw, patterns(t)["patient-read"])
			if p := fmt.Sprint(child(events[1], "meta")["profile"]); !strings.Contains(p, "AuthZconsent") {
				t.Errorf("the decision claims %s", p)
			}
		}
		for _, e := range events[1:] {
			validEvent(t, "in a bundle", version, e)
		}
		said, _ := writeTree(rest[0])
		for _, words := range []string{"delegation: 1", "cannot be shown: 1", "of entry 5"} {
			if !strings.Contains(string(said), words) {
				t.Errorf("the outcome does not say %q: %s", words, said)
			}
		}
		seen := map[any]bool{}
		for i, e := range entries {
			if seen[e["fullUrl"]] || !strings.HasPrefix(text(e, "fullUrl"), "urn:") {
				t.Errorf("fullUrl %v", e["fullUrl"])
			}
			seen[e["fullUrl"]] = true
			if i == len(entries)-1 {
				break
			}
			proof, _ := writeTree(e["extension"])
			for _, words := range []string{
				EntryURI, "ledger.example.org/2026", `"` + itoa(i+3) + `"`, "not-covered", "late", "No agreement covers it.",
			} {
				if !strings.Contains(string(proof), words) {
					t.Errorf("entry %d does not say %q: %s", i, words, proof)
				}
			}
			if mode := child(e, "search"); (mode["mode"] == "match") != (version == R4) {
				t.Errorf("search mode %v", mode)
			}
		}
	}
	b := &Bundle{}
	if b.Add(recordedOf(t, 3, list[0]), func(e map[string]any) bool { return e["action"] != "R" }) || b.Len() != 0 {
		t.Error("what the search does not want was added")
	}
	empty, err := b.Marshal()
	if err != nil || string(empty) != `{"resourceType":"Bundle","type":"collection"}` {
		t.Errorf("an empty bundle: %s %v", empty, err)
	}
}

// allEvents reads every event that the tests have, those of others included where they are at hand.
func allEvents(t *testing.T) map[string][]*entry.Access {
	t.Helper()
	all := map[string][]*entry.Access{}
	for name, raw := range patterns(t) {
		all[name] = readAll(t, raw).accesses
	}
	for _, name := range []string{"read", "query", "minimal", "several"} {
		all["r5/"+name] = readAll(t, r5Event(t, name)).accesses
	}
	shared := testshared.Folder(t, "cases/access")
	for kind, list := range faultCases {
		for _, c := range list {
			all[kind+"/"+c.file] = readAll(t, []byte(c.input)).accesses
			if data, err := os.ReadFile(filepath.Join(shared, c.file)); shared != "" && err == nil {
				all["shared/"+c.file] = readAll(t, data).accesses
			}
		}
	}
	return all
}

// Whatever was taken comes out in both versions, in the form of that version unless its source had
// it otherwise, and R5 says the same as R4.
func TestEverythingTakenComesOut(t *testing.T) {
	all := allEvents(t)
	for _, path := range testshared.Files(t, "fhir-r4-examples/AuditEvent-*.json") {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = readAll(t, raw).accesses
	}
	for name, list := range all {
		for _, a := range list {
			_, a = signed(t, a)
			for _, version := range []Version{R4, R5} {
				b := &Bundle{Version: version}
				b.Add(recordedOf(t, 7, a), nil)
				events, rest, _ := resourcesOf(t, b)
				if len(events) != 1 {
					t.Fatalf("%s, %s: %d events", name, version, len(events))
				}
				raw, _ := writeTree(events[0])
				own := []byte(nil)
				if version == R4 {
					own, _ = ToAuditEvent(a)
				}
				if own != nil && len(rest) == 0 {
					sameJSON(t, slices.Clone(raw), own)
				}
				if version == R5 && len(rest) == 0 {
					validEvent(t, name, version, events[0])
				}
				again, _, err := caseConversion.FromAuditEvent(raw)
				if err != nil || len(again) != 1 {
					t.Errorf("%s, %s: read again: %d accesses, %v", name, version, len(again), err)
					continue
				}
				x := again[0]
				four := func(s string) string { return strings.Replace(s, "4", "8", 1) } // R5 has one word for both
				if x.Action != a.Action || four(x.Outcome) != four(a.Outcome) || !slices.Equal(x.Event, a.Event) || x.Machine != a.Machine {
					t.Errorf("%s, %s: read again as %+v, was %+v", name, version, x, a)
				}
			}
		}
	}
}
