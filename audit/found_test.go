package audit

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

// In very many forms of an event, a person whose CHI number is in reach is found under it, and a
// person of whom there is only a local number is never filed under a register.
func TestThePersonIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	for range 2000 {
		w := &world{r: r, local: r.IntN(5) == 0}
		input := w.event()
		got := sub(t, caseConversion, input)
		if w.local && (!strings.HasPrefix(got, "temp:NHSL:") || entry.CheckID(got) != nil) || !w.local && got != "chi:"+w.number {
			t.Fatalf("%s: filed under %s; the number is %s\n%s", w.place, got, w.number, input)
		}
	}
}

// world makes one event about one person.
type world struct {
	r       *rand.Rand
	local   bool // the person has only a number of one system
	number  string
	place   string
	id      int
	entries []string // of the Bundle: fullUrl and resource in turn
}

func (w *world) pick(list ...string) string { return list[w.r.IntN(len(list))] }

// chi returns a new CHI number, perhaps with a wrong check digit.
func (w *world) chi() string {
	n := fmt.Sprintf("%02d%02d%02d%04d", 1+w.r.IntN(28), 1+w.r.IntN(12), w.r.IntN(100), w.r.IntN(10000))
	for w.r.IntN(4) > 0 && !entry.CheckDigitOK("chi:"+n) {
		n = n[:6] + fmt.Sprintf("%04d", w.r.IntN(10000))
	}
	return n
}

// spelled returns a number as people and systems write it.
func (w *world) spelled(n string) string {
	switch w.r.IntN(6) {
	case 0:
		return n[:6] + w.pick(" ", "-", "\u00a0", "\u2009", "\u202f", "\u2011", " - ") + n[6:]
	case 1:
		return w.pick(" ", "\u00a0", "\ufeff") + n + w.pick("", " ", "\u200b")
	case 2:
		return strings.Map(func(d rune) rune { return d - '0' + '\uff10' }, n)
	case 3:
		if n[0] == '0' && entry.CheckDigitOK("chi:"+n) {
			return n[1:]
		}
	}
	return n
}

// identifiers returns the person's identifiers, current and old, among them those of other systems.
func (w *world) identifiers() string {
	local := `{"system":"https://board.scot/mrn","value":"M-77"}`
	if w.local {
		return w.pick(local, local+`,{"value":"88"}`, `{"value":"88"}`)
	}
	w.number = w.chi()
	current := w.chiIdentifier(w.number, w.pick("", `,"use":"official"`, `,"use":"usual"`))
	old := w.chiIdentifier(
		w.chi(),
		w.pick(`,"use":"old"`, `,"use":"temp"`, `,"use":"secondary"`, `,"use":"official","period":{"start":"1999","end":"2020-05-01"}`),
	)
	list := []string{current}
	for _, more := range []string{old, local, `{"system":"https://fhir.nhs.uk/Id/nhs-number","use":"temp","value":"9990000018"}`} {
		if w.r.IntN(2) == 0 {
			list = append(list, more)
		}
	}
	w.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return strings.Join(list, ",")
}

func (w *world) system() string {
	return w.pick("urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53", "2.16.840.1.113883.2.1.3.2.4.16.53",
		"https://fhir.nhs.uk/Id/chi-number", "http://fhir.nhs.uk/Id/chi-number/", "http://fhir.nhs.net/Id/CHI-number",
		"http://fhir.nhs.scot.uk/Id/national/chi-number")
}

func (w *world) chiIdentifier(n, more string) string {
	return `{"system":"` + w.system() + `","value":"` + w.spelled(n) + `"` + more + `}`
}

// patient adds the person to the Bundle, and returns a Reference to them.
func (w *world) patient() string {
	w.id++
	id := fmt.Sprint("p", w.id)
	resource := patientResource(`"id":"` + id + `","identifier":[` + w.identifiers() + `]`)
	switch w.r.IntN(4) {
	case 0:
		uuid := "urn:uuid:2f0c1a9e-0000-4000-8000-00000000000" + fmt.Sprint(w.id)
		w.entries = append(w.entries, uuid, resource)
		return `{"reference":"` + w.pick(uuid, strings.Replace(uuid, "2f0c1a9e", "2F0C1A9E", 1)) + `"}`
	case 1:
		w.entries = append(w.entries, "https://ehr.board.scot/Patient/"+id+w.pick("", "/_history/2"), resource)
		return `{"reference":"https://ehr.board.scot/Patient/` + id + `"}`
	case 2:
		w.entries = append(w.entries, "", resource)
		return `{"reference":"Patient/` + id + w.pick("", "/_history/1") + `"}`
	}
	if w.local {
		w.entries = append(w.entries, "", resource)
		return `{"type":"Patient","identifier":{"system":"https://board.scot/mrn","value":"M-77"}}`
	}
	w.entries = append(w.entries, "", strings.Replace(resource, `"identifier":[`, `"identifier":[{"system":"urn:oid:1.9","value":"only"},`, 1))
	return w.pick(
		`{"type":"Patient","identifier":{"system":"urn:oid:1.9","value":"only"}}`,
		`{"reference":"Patient?identifier=urn:oid:1.9%7Conly"}`,
	)
}

// related adds a resource of another type that leads to the person, and returns a Reference to it.
func (w *world) related(resource string) string {
	w.id++
	typ, members, _ := strings.Cut(resource, " ")
	w.entries = append(w.entries, "", fmt.Sprintf(`{"resourceType":"%s","id":"r%d",%s}`, typ, w.id, members))
	return fmt.Sprintf(`{"reference":"%s/r%d"}`, typ, w.id)
}

const patientRole = `,"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}`

// event makes the event, with what surrounds it.
func (w *world) event() string {
	entities, agents, contained := []string{}, []string{nurse}, ""
	add := func(what, more string) { entities = append(entities, `{"what":`+what+more+`}`) }
	w.place = w.pick("identifier", "contained", "Bundle", "agent", "agent in Bundle", "conditional", "search", "Person", "record", "reference")
	switch w.place {
	case "identifier":
		w.identifiers()
		if w.local {
			add(`{"identifier":{"value":"77"}}`, patientRole)
		} else {
			add(`{"identifier":`+w.chiIdentifier(w.number, "")+`}`, w.pick("", patientRole))
		}
	case "contained":
		contained = `"contained":[` + patientResource(`"id":"c","identifier":[`+w.identifiers()+`]`) + `],`
		add(`{"reference":"#c"}`, w.pick("", patientRole))
	case "Bundle":
		add(w.patient(), w.pick("", patientRole))
	case "agent":
		who := `{"reference":"Patient/9"}`
		if !w.local {
			w.identifiers()
			who = `{"identifier":` + w.chiIdentifier(w.number, "") + `}`
		}
		agents = append(agents, `{"who":`+who+`,"requestor":`+w.pick("true", "false")+`}`)
	case "agent in Bundle":
		agents = append(agents, `{"who":`+w.patient()+`,"requestor":false}`)
	case "conditional":
		query := "identifier=" + url.QueryEscape("https://board.scot/mrn|M-1")
		if !w.local {
			w.number = w.chi()
			query = "identifier=" + w.pick(url.QueryEscape(w.system()+"|"+w.number), w.system()+"|"+w.number)
		}
		add(
			`{"reference":"`+w.pick("", "https://ehr.board.scot/fhir/")+"Patient?"+w.pick("", "active=true&")+query+w.pick("", "&_count=1")+`"}`,
			"",
		)
	case "search":
		q := w.pick("Observation?patient=Patient/9", "GET https://ehr.board.scot/Patient/9/_history")
		if !w.local {
			w.number = w.chi()
			token := w.system() + w.pick("|", "%7C") + w.number
			q = w.pick("GET /fhir/Patient?identifier="+token, "POST https://ehr.board.scot/Patient/_search\n\nidentifier="+token,
				"Condition?code=x&patient.identifier="+token, "subject:Patient.identifier="+token)
		}
		entities = append(entities, `{"role":{"code":"24"},"query":"`+base64.StdEncoding.EncodeToString([]byte(q))+`"}`)
	case "Person":
		add(w.related(`Person "link":[{"target":{"reference":"Practitioner/1"}},{"target":`+w.patient()+`}]`), w.pick("", patientRole))
	case "record":
		add(w.related(w.pick("Observation \"subject\":", "RelatedPerson \"patient\":", "Coverage \"patient\":")+w.patient()), "")
	case "reference":
		w.identifiers()
		identifier := `{"value":"77"}`
		if !w.local {
			identifier = w.chiIdentifier(w.number, "")
		}
		add(`{"reference":"Patient/9","identifier":`+identifier+`}`, "")
	}
	for _, noise := range []string{
		`{"reference":"Task/1"}`, `{"identifier":{"value":"AB-1"}}`, `{"reference":"urn:uuid:nowhere"}`,
		`{"type":"List"}`,
	} {
		if w.r.IntN(3) == 0 {
			add(noise, "")
		}
	}
	w.r.Shuffle(len(entities), func(i, j int) { entities[i], entities[j] = entities[j], entities[i] })
	w.r.Shuffle(len(agents), func(i, j int) { agents[i], agents[j] = agents[j], agents[i] })
	ev := event(contained+`"agent":[`+strings.Join(agents, ",")+`]`, `"entity":[`+strings.Join(entities, ",")+`]`)
	if len(w.entries) == 0 && w.r.IntN(2) == 0 {
		return ev
	}
	w.entries = append(w.entries, "", `{"resourceType":"OperationOutcome","issue":[]}`, "", `{"resourceType":"Practitioner","id":"p1"}`)
	at := 2 * w.r.IntN(len(w.entries)/2+1)
	entries := append(append(append([]string{}, w.entries[:at]...), w.pick("", "urn:uuid:0"), ev), w.entries[at:]...)
	return inBundle(entries...)
}
