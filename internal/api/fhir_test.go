package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

const formMedia = "application/x-www-form-urlencoded"

// event is an AuditEvent of a source, about the person.
const event = `{"resourceType":"AuditEvent","id":"e1","type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},
"subtype":[{"system":"http://hl7.org/fhir/restful-interaction","code":"vread"}],"action":"R","recorded":"2025-07-01T00:30:00+01:00","outcome":"0",
"agent":[{"requestor":true,"who":{"identifier":{"system":"urn:example:staff","value":"N,7|x"}},"altId":"alt 1","purposeOfUse":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"ETREAT"}]}]},
{"requestor":false,"who":{"reference":"Device/portal"},"policy":["urn:igledger:agreement:isa-1"]}],
"source":{"site":"north","observer":{"identifier":{"value":"ehr"}}},
"entity":[{"what":{"identifier":{"system":"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"0101011237"}},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"}}]}`

// fhirBoard has three events about the person by SRC: one that came as FHIR, recorded in the first
// half hour of July in Scotland, and two by native entries.
func fhirBoard(t *testing.T) (b *board, auditor string) {
	b = newBoard(t)
	list, _, err := audit.Conversion{Issuer: "SRC", Audience: origin}.FromAuditEvent([]byte(event))
	b.ok(err)
	b.seq["SRC"]++
	seq := b.seq["SRC"]
	list[0].Seq = &seq
	b.append(b.submit["SRC"], list[0])
	for i, recorded := range []string{"2025-06-30T12:00:00Z", "2025-07-02T12:00:00Z"} {
		a := b.access("SRC", person)
		a.Recorded = recorded
		if i == 1 {
			a.Action, a.Outcome, a.Org = "U", "8", "CTL"
		}
		b.append(b.submit["SRC"], a)
	}
	return b, "Bearer " + b.token(b.audit["AUD"], "AUD")
}

func (b *board) find(authorization, form string, header ...string) reply {
	b.Helper()
	return b.do("POST", fhirSearch, form, append([]string{"Content-Type", formMedia, "Authorization", authorization}, header...)...)
}

const forCompliance = "&reading-purpose=HCOMPL"

// What came as an AuditEvent is answered as it came, anything else by its BALP profile, each with
// where it is recorded; what is no event is counted. The reading leaves the entry that a search by
// POST /v1/accesses/search leaves.
func TestAuditEventsAreFound(t *testing.T) {
	b, aud := fhirBoard(t)
	b.refuse(person, "HRESCH")
	r := b.find(aud, "patient="+person+forCompliance)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != fhirMedia || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v: %s", r.StatusCode, r.Header, r.body)
	}
	bundle := decodeAs[object](r.body)
	if bundle["type"] != "searchset" || bundle["total"] != nil {
		t.Errorf("%v, total %v", bundle["type"], bundle["total"])
	}
	events, outcome := eventsOf(r.body)
	if len(events) != 3 || !strings.Contains(outcome, "entries of type consent: 1") {
		t.Fatalf("%d events, %s", len(events), outcome)
	}
	var want object
	b.ok(json.Unmarshal([]byte(event), &want))
	if fmt.Sprint(events[2]) != fmt.Sprint(want) {
		t.Errorf("the source's event is answered as\n%v\nwant\n%v", events[2], want)
	}
	if profile := fmt.Sprint(events[1]["meta"]); !strings.Contains(profile, "IHE.BasicAudit.PatientRead") {
		t.Errorf("a native access has the profile %s", profile)
	}
	for _, e := range list(bundle["entry"])[:3] {
		text, _ := json.Marshal(e["extension"])
		for _, part := range []string{audit.EntryURI, `"index"`, origin, `"verdict"`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("the entry does not say %s: %s", part, text)
			}
		}
	}
	logged := func() entry.Access {
		x := *b.history(person)[0].Body.(*entry.Access)
		x.Common, x.SD, x.Recorded = entry.Common{}, nil, ""
		return x
	}
	byForm := logged()
	_, err := b.client(b.audit["AUD"], "AUD").Search(t.Context(), person, 0, 0)
	b.ok(err)
	if byJSON := logged(); fmt.Sprintf("%+v", byForm) != fmt.Sprintf("%+v", byJSON) || readers.ExtentOf(&byForm) != readers.Whole {
		t.Errorf("logged as %+v\nthe other search as %+v", byForm, byJSON)
	}
	// With the readings that are now there, all of them are events.
	if events, _ := eventsOf(b.find(aud, "patient="+person+forCompliance).body); len(events) != 5 || events[0]["meta"] != nil {
		t.Errorf("%d events", len(events))
	}
}

func TestFrontDeskFindsAuditEvents(t *testing.T) {
	b, _ := fhirBoard(t)
	b.enrol("DSK", entry.RoleFrontDesk)
	desk := "Bearer " + b.token(b.addKey("DSK", entry.PurposeFrontDesk), "DSK")
	r := b.find(desk, "patient="+person+"&reading-purpose=PATRQT&reading-request=SAR-7&reading-identity=vouched")
	if r.StatusCode != 200 {
		t.Fatalf("%d %s", r.StatusCode, r.body)
	}
	if x := b.history(person)[0].Body.(*entry.Access); x.Request != "SAR-7" || x.Identity != entry.ByVouching {
		t.Errorf("logged as %+v", x)
	}
	if r := b.find(desk, "patient="+person+"&reading-purpose=PATRQT"); r.problem(t) != forbidden {
		t.Errorf("%d", r.StatusCode)
	}
}

// A person is named by any identifier that stands for an id of the ledger, and by that id.
func TestPersonsOfASearch(t *testing.T) {
	b, aud := fhirBoard(t)
	const chi = "urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53|0101011237"
	for _, name := range []string{
		"patient=" + person, "entity=" + person, "patient:identifier=" + chi, "patient.identifier=" + chi, "entity:identifier=" + chi,
		"entity.identifier=urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53|010101+1237", "patient.identifier=" + PersonSystem + "|" + person,
		"patient=" + person + "&entity.identifier=" + chi,
	} {
		if events, _ := eventsOf(b.find(aud, name+forCompliance+"&action=U").body); len(events) != 1 {
			t.Errorf("%s: %d events", name, len(events))
		}
	}
	other := b.access("SRC", "temp:SRC:a|b,c")
	b.append(b.submit["SRC"], other)
	for _, name := range []string{
		"patient=" + url.QueryEscape(`temp:SRC:a\|b\,c`), "patient:identifier=" + url.QueryEscape(PersonSystem+`|temp:SRC:a\|b\,c`),
	} {
		if events, _ := eventsOf(b.find(aud, name+forCompliance+"&action=R").body); len(events) == 0 {
			t.Errorf("%s: no events", name)
		}
	}
	before := b.size()
	for form, says := range map[string]string{
		"":                                    "name the person",
		"action=R":                            "name the person",
		"patient=Patient/0101011237":          "reference to another server",
		"patient=0101011237":                  "reference to another server",
		"patient:identifier=0101011237":       "system|value",
		"patient:identifier=urn:x|0101011237": "identifier system",
		"patient:identifier=https://fhir.nhs.uk/Id/nhs-number|x":    "by an identifier",
		"patient=" + person + "&entity=chi:2902640017":              "one value",
		"patient=" + person + ",chi:2902640017":                     "one value",
		"patient=" + person + "&action=" + strings.Repeat("R,", 64): "at most 64 values",
		"patient:Patient=0101011237":                                "only identifier",
		"patient:missing=true":                                      "only identifier",
		"patient=" + person + "&type:not=rest":                      "only identifier",
		"patient=" + person + "&_count=0":                           "_count",
		"patient=" + person + "&_count=x":                           "_count",
		"patient=" + person + "&date=yesterday":                     "date",
		"patient=" + person + "&date=ap2025":                        "date",
		"patient=" + person + "&date=2025-13":                       "date",
		"patient=" + person + "&date=2025-07T10:00":                 "date",
		"patient=" + person + "&type=":                              "empty",
		"patient=" + person + "&_page=0":                            "_page",
		"patient=" + person + "&_page=" + "chi":                     "",
		"patient=" + person + strings.Repeat("&type=x", 70):         "at most",
		"patient=%zz": "form",
		"patient=" + person + "&reading-request=0101011237&reading-identity=vouched": "person's number",
	} {
		r := b.find(aud, form+forCompliance)
		if r.StatusCode == 200 && says == "" {
			continue
		}
		var p client.Problem
		if code := r.problem(t); code != badRequest {
			t.Errorf("%s: %d %s", form, r.StatusCode, code)
		}
		b.ok(json.Unmarshal(r.body, &p))
		if !strings.Contains(p.Detail, says) || bytes.Contains(r.body, []byte("010101")) {
			t.Errorf("%s: %s", form, p.Detail)
		}
	}
	if n := b.size(); n > before+1 {
		t.Errorf("%d refused searches are in the log", n-before)
	}
}

func TestSearchParameters(t *testing.T) {
	b, aud := fhirBoard(t)
	// By their outcome and action: the one that came as FHIR, the read, the failed update.
	name := func(e object) string {
		switch {
		case e["id"] == "e1":
			return "fhir"
		case e["action"] == "U":
			return "update"
		}
		return "read"
	}
	for form, want := range map[string]string{
		"":                                          "update read fhir",
		"date=2025-07-01":                           "fhir", // 23:30 UTC of the day before
		"date=2025-06":                              "read",
		"date=2025":                                 "update read fhir",
		"date=ge2025-07-01":                         "update fhir",
		"date=gt2025-07-01":                         "update",
		"date=sa2025-07-01":                         "update",
		"date=le2025-06-30":                         "read",
		"date=lt2025-07-01":                         "read",
		"date=eb2025-07-01":                         "read",
		"date=ne2025-07-01":                         "update read",
		"date=eq2025-06-30T13:00":                   "read", // without a zone: British Summer Time
		"date=2025-06-30T12:00:00Z":                 "read",
		"date=2025-06-30T12:00:00.000Z":             "read",
		"date=2025-07-01T00:30:00+01:00":            "fhir", // the + is a blank in a form
		"date=2025-06-30T23:30Z":                    "fhir",
		"date=ge2025-06-30T13:00&date=lt2025-07-02": "read fhir",
		"date=ge2025-06-30T23:31Z,2025-06-30":       "update read",
		"action=U":                                  "update",
		"action=U,R":                                "update read fhir",
		"action=C":                                  "",
		"action=U&action=R":                         "",
		"outcome=8":                                 "update",
		"outcome=http://terminology.hl7.org/CodeSystem/audit-event-outcome|8": "update",
		"outcome=urn:x|8": "",
		"subtype=vread":   "fhir",
		"type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest": "update read fhir",
		"type=http://terminology.hl7.org/CodeSystem/audit-event-type|":     "update read fhir",
		"type=|rest":              "",
		"agent=Device/portal":     "fhir",
		"agent=ehr":               "",
		"agent:identifier=N-1234": "update read",
		"agent.identifier=urn:example:staff|N-1234":      "update read",
		`agent:identifier=urn:example:staff|N\,7\|x`:     "fhir",
		"agent:identifier=urn:igledger:organisation|CTL": "update",
		"altid=alt 1":                         "fhir",
		"site=north":                          "fhir",
		"source:identifier=ehr":               "update read fhir",
		"policy=urn:igledger:agreement:isa-1": "fhir",
		"agent-role=nurse":                    "update read",
		"entity-type=http://terminology.hl7.org/CodeSystem/audit-entity-type|1": "update read fhir",
		"entity-role=24": "",
		"purpose=ETREAT": "fhir",
		"purpose=http://terminology.hl7.org/CodeSystem/v3-ActReason|TREAT": "update read",
		"address=10.0.0.1": "update read fhir", // unknown: ignored
	} {
		form = strings.ReplaceAll(strings.ReplaceAll(form, " ", "+"), `\`, "%5C")
		r := b.find(aud, form+"&patient="+person+forCompliance)
		if r.StatusCode != 200 {
			t.Errorf("%s: %d %s", form, r.StatusCode, r.body)
			continue
		}
		events, outcome := eventsOf(r.body)
		var got []string
		for _, e := range events {
			if text, _ := json.Marshal(e); !strings.Contains(string(text), `"110101"`) { // readings
				got = append(got, name(e))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %q, want %q", form, got, want)
		}
		if strings.HasPrefix(form, "address") != strings.Contains(outcome, "parameter address was ignored") {
			t.Errorf("%s: %s", form, outcome)
		}
	}
	before := b.size()
	r := b.find(aud, "address=10.0.0.1&patient="+person+forCompliance, "Prefer", "return=minimal, handling=strict")
	if code := r.problem(t); code != badRequest || b.size() != before {
		t.Errorf("strict handling: %d %s", r.StatusCode, code)
	}
	if r := b.find(aud, "chi0101011237=x&patient="+person+forCompliance); r.StatusCode != 200 || bytes.Contains(r.body, []byte("chi0101011237")) {
		t.Errorf("the name of a parameter is repeated: %d %s", r.StatusCode, r.body)
	}
}

// Pages together have every event once. The link to the next holds a position and nothing of the
// person, and is of use only with the form.
func TestPagesOfASearch(t *testing.T) {
	b, aud := fhirBoard(t)
	for range 5 {
		b.append(b.submit["OTH"], b.access("OTH", person))
	}
	b.refuse(person, "HRESCH")
	for _, form := range []string{"_count=2", "_count=1&action=R", "_count=3&date=ge2025", "_count=500"} {
		seen := map[string]bool{}
		at := fhirSearch
		for pages := 0; at != ""; pages++ {
			r := b.do("POST", at, form+"&patient="+person+forCompliance, "Content-Type", formMedia, "Authorization", aud)
			if r.StatusCode != 200 || pages > 100 {
				t.Fatalf("%s: %d %s", form, r.StatusCode, r.body)
			}
			bundle := decodeAs[object](r.body)
			for _, e := range list(bundle["entry"]) {
				if url := e["fullUrl"].(string); strings.HasPrefix(url, "urn:uuid:") && seen[url] {
					t.Errorf("%s: %s is there twice", form, url)
				} else {
					seen[url] = true
				}
			}
			at = ""
			for _, l := range list(bundle["link"]) {
				link := l["url"].(string)
				if !strings.HasPrefix(link, publicURL+fhirSearch) || strings.Contains(link, "0101011237") || strings.Contains(link, "chi") {
					t.Errorf("link %s", link)
				}
				if l["relation"] == "next" {
					at = strings.TrimPrefix(link, publicURL)
				}
			}
		}
		events := 0
		for _, e := range b.history(person) {
			a, ok := e.Body.(*entry.Access)
			fits := ok && !readers.IsReading("OPR", a) && (!strings.Contains(form, "action") || a.Action == "R")
			if fits && !seen["urn:uuid:"+e.ID] {
				t.Errorf("%s: entry %s is missing", form, e.ID)
			} else if fits {
				events++
			}
		}
		if events < 7 {
			t.Errorf("%s: %d events", form, events)
		}
	}
	if r := b.do("POST", fhirSearch+"?_page=2s", forCompliance[1:], "Content-Type", formMedia, "Authorization", aud); r.problem(t) != badRequest {
		t.Errorf("a link without the form: %d", r.StatusCode)
	}
}

// A search by GET, and parameters in a URL, are refused before anything of them is read; what is
// refused is said in the form that the caller understands, with the same status and code.
func TestSearchesInURLsAreRefused(t *testing.T) {
	b, aud := fhirBoard(t)
	before := b.size()
	for _, c := range []struct{ method, path, body, code, says string }{
		{"GET", fhirSearch + "?patient=" + person, "", methodNotAllowed, "POST " + fhirSearch},
		{"GET", "/fhir/r4/AuditEvent?patient=" + person, "", methodNotAllowed, "POST " + fhirSearch},
		{"POST", "/fhir/r4/AuditEvent", event, methodNotAllowed, "signed entries"},
		{"POST", fhirSearch + "?patient=" + person, forCompliance[1:], badRequest, "into the body"},
		{"GET", "/fhir/r4/Patient", "", notFound, ""},
		{"POST", fhirSearch, "{}", mediaType, ""},
		{"POST", fhirSearch, "patient=" + person + forCompliance, unauthorised, ""},
	} {
		authorization, media := aud, formMedia
		if c.code == unauthorised {
			authorization = ""
		}
		if c.code == mediaType {
			media = "application/json"
		}
		header := []string{"Authorization", authorization, "Content-Type", media}
		plain := b.do(c.method, c.path, c.body, header...)
		if code := plain.problem(t); code != c.code || !bytes.Contains(plain.body, []byte(c.says)) {
			t.Errorf("%s %s: %d %s", c.method, c.path, plain.StatusCode, plain.body)
		}
		fhir := b.do(c.method, c.path, c.body, append(header, "Accept", "application/fhir+json;fhirVersion=4.0, application/json;q=0.5")...)
		issue := list(decodeAs[object](fhir.body)["issue"])[0]
		details := issue["details"].(object)
		if fhir.StatusCode != plain.StatusCode || fhir.Header.Get("Content-Type") != fhirMedia || issue["severity"] != "error" ||
			list(details["coding"])[0]["code"] != c.code || list(details["coding"])[0]["system"] != "urn:igledger:problem" {
			t.Errorf("%s %s: %d %s", c.method, c.path, fhir.StatusCode, fhir.body)
		}
		if bytes.Contains(fhir.body, []byte("0101011237")) || bytes.Contains(plain.body, []byte("0101011237")) {
			t.Errorf("%s repeats the number", c.path)
		}
	}
	if b.size() != before || strings.Contains(b.lines.String(), "0101011237") {
		t.Error("a refused search is in the log, or its number in the server's lines")
	}
	for accept, ok := range map[string]bool{
		"": true, "*/*": true, "application/json": true, "application/fhir+json": true, "text/html, application/*;q=0.1": true,
		"application/fhir+xml": false, "application/fhir+json; fhirVersion=5.0": false, "text/html": false,
	} {
		for path, form := range map[string]string{fhirSearch: "patient=" + person + forCompliance, "/fhir/r4/metadata": ""} {
			method := "POST"
			if form == "" {
				method = "GET"
			}
			r := b.do(method, path, form, "Content-Type", formMedia, "Authorization", aud, "Accept", accept)
			if ok != (r.StatusCode == 200) || !ok && r.problem(t) != notAcceptable {
				t.Errorf("%s, Accept %q: %d", path, accept, r.StatusCode)
			}
		}
	}
	for format, ok := range map[string]bool{"json": true, "application/fhir+json": true, "xml": false, "application/fhir+xml": false} {
		r := b.find(aud, "patient="+person+forCompliance+"&_format="+url.QueryEscape(format))
		if ok != (r.StatusCode == 200) {
			t.Errorf("_format %q: %d", format, r.StatusCode)
		}
	}
}

// As in TestAnswersThatTellNothing: who may not see a history is answered alike whether there is
// one, and so is an organisation of which nothing in it is.
func TestSearchesTellNothing(t *testing.T) {
	b := newBoard(t)
	withs := []string{"", "&date=ge2020", "&_count=1"}
	for i := range withs { // one for each question, because a reading is on record too
		b.append(b.submit["SRC"], b.access("SRC", fmt.Sprint("temp:SRC:", i)))
		b.refuse(fmt.Sprint("temp:SRC:", i), "HRESCH")
	}
	for name, auth := range map[string]string{
		"controller": "Bearer " + b.token(b.audit["CTL"], "CTL"), "source": "Bearer " + b.token(b.submit["OTH"], "OTH"), "nobody": "",
	} {
		for i, with := range withs {
			var first reply
			for n, id := range []string{fmt.Sprint("temp:SRC:", i), fmt.Sprint("temp:SRC:unknown-", i), fmt.Sprint("temp:OTH:unknown-", i)} {
				r := b.find(auth, "patient="+id+forCompliance+with, "Accept", fhirJSON)
				if n == 0 {
					first = r
				}
				if r.StatusCode != first.StatusCode || !bytes.Equal(r.body, first.body) {
					t.Errorf("%s%s: %d %s\nbut also %d %s", name, with, first.StatusCode, first.body, r.StatusCode, r.body)
				}
			}
			if name == "controller" && first.StatusCode != 200 {
				t.Errorf("%d %s", first.StatusCode, first.body)
			}
		}
	}
}

// The statement of capabilities is public and has the table of parameters.
func TestCapabilities(t *testing.T) {
	w := newWorld(t)
	r := w.do("GET", "/fhir/r4/metadata", "")
	statement := decodeAs[object](r.body)
	rest := list(statement["rest"])[0]
	resource := list(rest["resource"])[0]
	if statement["fhirVersion"] != "4.0.1" || resource["type"] != "AuditEvent" || len(list(resource["interaction"])) != 1 ||
		statement["implementation"].(object)["url"] != publicURL+fhirBase {
		t.Errorf("%s", r.body)
	}
	if _, err := time.Parse(time.DateOnly, statement["date"].(string)); err != nil {
		t.Error(err)
	}
	var names []string
	for _, p := range list(resource["searchParam"]) {
		names = append(names, p["name"].(string))
		if (p["definition"] == nil) != slices.ContainsFunc(fhirParams, func(f fhirParam) bool { return f.own && f.name == p["name"] }) {
			t.Errorf("%s: definition %v", p["name"], p["definition"])
		}
	}
	if len(names) != len(fhirParams) || !slices.Contains(names, "patient") {
		t.Errorf("parameters %q", names)
	}
}
