package demodata

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite events.ndjson")

// The checked-in events are the generator's output, so that they can be changed and reviewed in one
// place.
func TestEventsAreGenerated(t *testing.T) {
	got := generate()
	if *update {
		if err := os.WriteFile("events.ndjson", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, Events()) {
		t.Error("events.ndjson differs from what generate writes; run with -update")
	}
}

type m = map[string]any

const (
	dcm       = "http://dicom.nema.org/resources/ontology/DCM"
	term      = "http://terminology.hl7.org/CodeSystem/"
	snomed    = "http://snomed.info/sct"
	chiSystem = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53"
	nhsSystem = "https://fhir.nhs.uk/Id/nhs-number"
	balp      = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
)

type staff struct{ org, id, name, roleCode, role string }

var (
	gp          = staff{"gp-braeside", "gmc7000001", "Dr Ishbel Tarrant", "62247001", "Family medicine specialist"}
	gp2         = staff{"gp-harbour", "gmc7000002", "Dr Ewan Pretend", "62247001", "Family medicine specialist"}
	nurse       = staff{"nhs-lothian", "nmc90A0001E", "Shona Invent", "224535009", "Registered nurse"}
	consultant  = staff{"nhs-lothian", "gmc7000003", "Dr Lachlan Figment", "309343006", "Physician"}
	emergency   = staff{"nhs-lothian", "gmc7000004", "Dr Mairi Conjure", "309294001", "Emergency physician"}
	surgeon     = staff{"nhs-greater-glasgow", "gmc7000005", "Ms Flora Notional", "304292004", "Surgeon"}
	clerk       = staff{"nhs-highland", "hl-00417", "Duncan Suppose", "159561009", "Clerical worker"}
	islandNurse = staff{"nhs-highland", "nmc90A0002E", "Peigi Maybe", "224535009", "Registered nurse"}
	callHandler = staff{"nhs-24", "n24-3311", "Kenneth Whatif", "159561009", "Call handler"}
	pharmacist  = staff{"pharmacy-thistle", "gphc2000001", "Rhona Abstract", "46255001", "Pharmacist"}
	records     = staff{"nhs-lothian", "lo-00093", "Elspeth Hypothetical", "159541003", "Records officer"}
)

func coding(system, code string, display ...string) m {
	c := m{"system": system, "code": code}
	if len(display) > 0 {
		c["display"] = display[0]
	}
	return c
}

func concept(system, code string, display ...string) m {
	return m{"coding": []any{coding(system, code, display...)}}
}

func purpose(code, text string) m {
	c := concept(term+"v3-ActReason", code)
	if text != "" {
		c["text"] = text
	}
	return c
}

func (s staff) agent(why m) m {
	return m{"type": concept(term+"v3-ParticipationType", "IRCP", "information recipient"),
		"role": []any{concept(snomed, s.roleCode, s.role)}, "name": s.name,
		"who":       m{"identifier": m{"system": "https://id." + s.org + ".example/staff", "value": s.id}},
		"requestor": true, "purposeOfUse": []any{why}}
}

// inLedger is an organisation's id in the ledger as an identifier.
func inLedger(org string) m { return m{"system": "urn:igledger:organisation", "value": org} }

func organisation(org string) m {
	i := slices.IndexFunc(organisations, func(o struct{ id, name, kind string }) bool { return o.id == org })
	return m{"type": concept(term+"v3-RoleClass", "PROV"),
		"who":       m{"type": "Organization", "identifier": inLedger(org), "display": organisations[i].name},
		"requestor": false}
}

func device(code, id string) m {
	return m{"type": concept(dcm, code), "who": m{"reference": "Device/" + id}, "requestor": false,
		"network": m{"address": id + ".example", "type": "1"}}
}

func patient(p Person) m {
	system := chiSystem
	if strings.HasPrefix(p.ID, "nhs:") {
		system = nhsSystem
	}
	return m{"what": m{"type": "Patient", "identifier": m{"system": system, "value": p.ID[4:]}, "display": p.Name},
		"type": coding(term+"audit-entity-type", "1", "Person"), "role": coding(term+"object-role", "1", "Patient")}
}

func data(ref string, sensitive bool) m {
	e := m{"what": m{"reference": ref}, "type": coding(term+"audit-entity-type", "2", "System Object"),
		"role": coding(term+"object-role", "4", "Domain Resource")}
	if sensitive {
		e["securityLabel"] = []any{coding(term+"v3-Confidentiality", "R", "restricted")}
	}
	return e
}

func query(q string) m {
	return m{"type": coding(term+"audit-entity-type", "2", "System Object"),
		"role":  coding(term+"object-role", "24", "Query"),
		"query": base64.StdEncoding.EncodeToString([]byte("GET https://fhir.example.scot/r4/" + q))}
}

// writer collects events.
type writer struct {
	rng  *rand.Rand
	list []m
}

func (w *writer) add(at time.Time, profile string, typ m, subtype m, action string, agents, entities []any, more m) {
	e := m{"resourceType": "AuditEvent", "type": typ, "subtype": []any{subtype}, "action": action,
		"recorded": at.Format("2006-01-02T15:04:05.000Z07:00"), "outcome": "0",
		"agent": agents, "source": m{"site": "edinburgh", "observer": m{"reference": "Device/national-gateway"},
			"type": []any{coding(term+"security-source-type", "4")}}}
	if profile != "" {
		e["meta"] = m{"profile": []any{balp + profile}}
	}
	if len(entities) > 0 {
		e["entity"] = entities
	}
	for k, v := range more {
		e[k] = v
	}
	w.list = append(w.list, e)
}

var rest = coding(term+"audit-event-type", "rest", "Restful Operation")

func interaction(code string) m { return coding("http://hl7.org/fhir/restful-interaction", code, code) }

func (w *writer) read(at time.Time, s staff, p Person, ref, why, words string, more m) {
	w.add(at, "PatientRead", rest, interaction("read"), "R",
		[]any{device("110152", s.org+"-ehr"), device("110153", "record-store"), s.agent(purpose(why, words)),
			organisation(s.org)},
		[]any{patient(p), data(ref, strings.HasPrefix(ref, "Condition"))}, more)
}

func (w *writer) search(at time.Time, s staff, p Person, q, why string) {
	w.add(at, "PatientQuery", rest, interaction("search-type"), "E",
		[]any{device("110153", s.org+"-ehr"), device("110152", "record-store"), s.agent(purpose(why, "")),
			organisation(s.org)},
		[]any{patient(p), query(q)}, nil)
}

func (w *writer) write(at time.Time, s staff, p Person, code, action, ref string) {
	profile := map[string]string{"C": "PatientCreate", "U": "PatientUpdate"}[action]
	user := s.agent(purpose("TREAT", ""))
	user["type"] = concept(term+"v3-ParticipationType", "AUT", "author")
	w.add(at, profile, rest, interaction(code), action,
		[]any{device("110153", s.org+"-ehr"), device("110152", "record-store"), user, organisation(s.org)},
		[]any{patient(p), data(ref, false)}, nil)
}

// poll adds a search by a system, without a user.
func (w *writer) poll(at time.Time, org, system string, p Person, q, why string) {
	w.add(at, "PatientQuery", rest, interaction("search-type"), "E",
		[]any{device("110153", system), device("110152", "record-store"), organisation(org)},
		[]any{patient(p), query(q)}, m{"purposeOfEvent": []any{purpose(why, "")}})
}

func generate() []byte {
	w := &writer{rng: rand.New(rand.NewPCG(2026, 9))}
	scotland := time.FixedZone("", 3600) // all events are before the clocks change
	first := time.Date(2026, 9, 14, 0, 0, 0, 0, scotland)
	at := func(day, hour int) time.Time {
		return first.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour +
			time.Duration(w.rng.IntN(3_600_000))*time.Millisecond)
	}
	id := func(kind string) string { return fmt.Sprintf("%s/%06x", kind, w.rng.IntN(1<<24)) }

	// Everyday care: each person has a practice, and sometimes a ward, a pharmacy, a call to NHS
	// 24.
	for i, p := range people {
		doctor := []staff{gp, gp2}[i%2]
		for range 3 + w.rng.IntN(3) {
			day := w.rng.IntN(35)
			w.read(at(day, 9), doctor, p, id("Observation"), "TREAT", "", nil)
			if w.rng.IntN(2) == 0 {
				w.write(at(day, 10), doctor, p, "create", "C", id("MedicationRequest"))
				w.search(at(day, 15), pharmacist, p, "MedicationRequest?status=active", "TREAT")
			}
		}
		ward := []staff{nurse, islandNurse, surgeon, consultant}[i%4]
		w.read(at(w.rng.IntN(35), 14), ward, p, id("DiagnosticReport"), "TREAT", "", nil)
		w.write(at(w.rng.IntN(35), 16), ward, p, "update", "U", id("CarePlan")+"/_history/2")
		if i%3 == 0 {
			w.read(at(w.rng.IntN(35), 2), callHandler, p, id("AllergyIntolerance"), "TREAT",
				"caller with breathlessness", nil)
		}
		w.poll(at(w.rng.IntN(35), 3), "nhs-greater-glasgow", "lab-feed", p,
			"DiagnosticReport?_lastUpdated=gt2026-09-13", "TREAT")
	}
	for day := 0; day < 35; day += 7 { // appointments are matched every week
		for _, p := range people[:3] {
			w.poll(at(day, 4), "nhs-lothian", "appointment-match", p, "Appointment?date=ge2026-09-14", "PATADMIN")
		}
		w.add(at(day, 8), "", coding(dcm, "110114", "User Authentication"), coding(dcm, "110122", "Login"), "E",
			[]any{nurse.agent(purpose("TREAT", "")), organisation("nhs-lothian")}, nil, nil)
	}

	// Research on linked data, by machines of the safe haven.
	for _, p := range people[4:9] {
		w.add(at(12, 22), "", coding(dcm, "110106", "Export"), coding(term+"iso-21089-lifecycle", "pseudonymize"), "R",
			[]any{device("110153", "linkage-service"), organisation("safe-haven-east")},
			[]any{patient(p), data(id("Condition"), true)},
			m{"purposeOfEvent": []any{purpose("HRESCH", "asthma cohort")}})
	}

	morag := people[0]
	// Break-glass: found unconscious; the usual limits are overridden, with a justification.
	w.add(at(17, 23), "PatientRead", rest, interaction("read"), "R",
		[]any{device("110152", "nhs-lothian-ed"), device("110153", "record-store"),
			emergency.agent(purpose("BTG", "")), organisation("nhs-lothian")},
		[]any{patient(morag), data(id("AllergyIntolerance"), true),
			m{"type": coding(term+"audit-entity-type", "4", "Other"),
				"detail": []any{m{"type": "justification",
					"valueString": "Brought in unconscious, allergies and medicines unknown"}}}},
		m{"subtype": []any{interaction("read"), coding(dcm, "110127", "Emergency Override Started")}})
	// An access that no care explains: a clerk of a distant board, without a reason.
	w.read(at(19, 12), clerk, morag, id("Condition"), "PATADMIN", "", nil)
	// Refused.
	w.read(at(20, 12), clerk, morag, id("Condition"), "PATADMIN", "",
		m{"outcome": "8", "outcomeDesc": "No relationship of care with this patient"})
	// Disclosed to the police under an agreement.
	for i, p := range []Person{morag, people[7]} {
		receiver := m{"type": concept(dcm, "110152"),
			"who": m{
				"reference": "Organization/police-demo", "identifier": inLedger("police-demo"),
				"display": "Police (demonstration)",
			}, "requestor": true,
			"policy":       []any{"urn:igledger:agreement:" + Agreement},
			"purposeOfUse": []any{purpose("HLEGAL", "missing person enquiry")}}
		sender := m{"type": concept(dcm, "110153"),
			"who":       m{"reference": "Organization/nhs-lothian", "identifier": inLedger("nhs-lothian"), "display": "NHS Lothian (demonstration)"},
			"requestor": false}
		user := records.agent(purpose("HLEGAL", "missing person enquiry"))
		user["requestor"] = false
		w.add(at(22+i, 11), "PrivacyDisclosure.Source", coding(dcm, "110106", "Export"),
			coding(term+"iso-21089-lifecycle", "disclose"), "R",
			[]any{sender, receiver, user}, []any{patient(p), data(id("DocumentReference"), true)}, nil)
	}
	// The person reads their own record, and asks for the log.
	own := m{"type": concept(term+"v3-RoleClass", "PAT", "patient"), "who": patient(morag)["what"], "requestor": true,
		"purposeOfUse": []any{purpose("PATRQT", "")}}
	w.add(at(24, 19), "PatientRead", rest, interaction("read"), "R",
		[]any{device("110152", "citizen-portal"), device("110153", "record-store"), own},
		[]any{patient(morag), data(id("Immunization"), false)}, nil)
	w.add(at(24, 20), "", coding(dcm, "110101", "Audit Log Used"), interaction("search-type"), "R",
		[]any{device("110152", "citizen-portal"), own}, []any{patient(morag)}, nil)
	// A ward list: one event about four people.
	w.add(at(25, 7), "", rest, interaction("search-type"), "E",
		[]any{device("110153", "nhs-lothian-ehr"), device("110152", "record-store"),
			nurse.agent(purpose("TREAT", "ward round")), organisation("nhs-lothian")},
		[]any{patient(morag), patient(people[3]), patient(people[5]), patient(people[11]),
			query("Encounter?location=ward-7&status=in-progress")}, nil)

	slices.SortStableFunc(w.list, func(a, b m) int {
		return strings.Compare(a["recorded"].(string), b["recorded"].(string))
	})
	var out bytes.Buffer
	for i, e := range w.list {
		e["id"] = fmt.Sprintf("demo-%03d", i+1)
		line, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		out.Write(append(line, '\n'))
	}
	return out.Bytes()
}
