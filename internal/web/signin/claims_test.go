package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/internal/patients"
)

var staffIssuer = &issuer{Issuer: Issuer{Name: "staff", For: Staff, ShownAs: "name", Staff: &StaffClaims{
	Organisation: Organisation{Claim: "org", Is: map[string]string{"R1": "nhs-lothian"}}, ID: "/ids/0/value",
	System: "https://staff.example", Permissions: Mapped{Claim: "/realm_access/roles", Is: map[string][]Permission{
		"ig": {Reports, Agreements}, "desk": {FrontDesk}, "boss": {Administer, Reports}}},
}}}

// TestStaffClaims: what a provider says of staff is mapped by the configuration, and what it does not
// map gives nothing.
func TestStaffClaims(t *testing.T) {
	good := `"name":"Officer","org":"R1","ids":[{"value":"E7"}],"realm_access":{"roles":["ig","boss","nhs-lothian"]}`
	for _, c := range []struct {
		claims string
		want   string
		why    error
	}{
		{claims: good, want: "nhs-lothian E7@https://staff.example Officer [reports agreements administer]"},
		{claims: strings.Replace(good, `"R1"`, `["R1"]`, 1), want: "nhs-lothian E7@https://staff.example Officer [reports agreements administer]"},
		{claims: strings.Replace(good, `"R1"`, `"nhs-highland"`, 1), why: noOrganisation},
		{claims: strings.Replace(good, `"R1"`, `"nhs-lothian"`, 1), why: noOrganisation},
		{claims: strings.Replace(good, `"R1"`, `["R1","R2"]`, 1), why: twoOrganisation},
		{claims: strings.Replace(good, `"R1"`, `{"id":"R1"}`, 1), why: noOrganisation},
		{claims: strings.Replace(good, `"E7"`, `""`, 1), why: noStaffID},
		{claims: strings.Replace(good, `"E7"`, `"E7\u0000"`, 1), why: noStaffID},
		{claims: strings.Replace(good, `"E7"`, `"`+strings.Repeat("x", 300)+`"`, 1), why: noStaffID},
		{claims: strings.Replace(good, `"ig","boss"`, `"other"`, 1), why: noPermission},
		{claims: strings.Replace(good, `["ig","boss","nhs-lothian"]`, `7`, 1), why: noPermission},
	} {
		var in claims
		if err := json.Unmarshal([]byte("{"+c.claims+"}"), &in); err != nil {
			t.Fatal(err)
		}
		u, err := staffIssuer.user(t.Context(), in)
		if c.why != nil {
			if !errors.Is(err, c.why) {
				t.Errorf("%s: %v, want %v", c.claims, err, c.why)
			}
			continue
		}
		if got := fmt.Sprintf("%s %s@%s %s %v", u.Org, u.Staff.ID, u.Staff.System, u.Name, u.May); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.claims, got, err, c.want)
		}
	}
}

// TestMatch: a person without a number is looked up by what the provider verified, and let in only if
// the server of patients is certain.
func TestMatch(t *testing.T) {
	const patient = `{"resourceType":"Patient","birthDate":"1940-02-29","identifier":[{"system":` +
		`"urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53","value":"2902400015"}]}`
	entry := func(p, grade string) string {
		return `{"resource":` + p + `,"search":{"mode":"match","extension":[{"url":` +
			`"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"` + grade + `"}]}}`
	}
	for _, c := range []struct {
		name, entries string
		status        int
		change        [2]string
		want          string
		why           error
	}{
		{name: "certain", entries: entry(patient, "certain"), want: "chi:2902400015"},
		{name: "probable", entries: entry(patient, "probable"), why: notFound},
		{name: "two", entries: entry(patient, "certain") + "," + entry(patient, "certain"), why: notFound},
		{name: "none", why: notFound},
		{name: "another birth date", entries: entry(strings.Replace(patient, "1940", "1944", 1), "certain"), why: notFound},
		{name: "a wrong check digit", entries: entry(strings.Replace(patient, "15\"", "18\"", 1), "certain"), why: badNumber},
		{name: "away", status: 500, why: errAway},
		{name: "no postcode", entries: entry(patient, "certain"), change: [2]string{`"EH1 1AA"`, `""`}, why: notFound},
	} {
		var asked string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asked += r.URL.String() + " " + string(body)
			if c.status != 0 {
				w.WriteHeader(c.status)
			}
			fmt.Fprintf(w, `{"resourceType":"Bundle","type":"searchset","entry":[%s]}`, c.entries)
		}))
		m := &Match{Lookup: mapping.Lookup{Match: server.URL}, Given: "given_name", Family: "family_name", BirthDate: "birthdate",
			Postcode: "/address/postal_code"}
		i := &issuer{Issuer: Issuer{For: Citizen, Number: &Number{Match: m}}, patients: patients.New(m.Lookup, tree.Patients{})}
		text := `{"given_name":"Morag","family_name":"Example","birthdate":"1940-02-29","address":{"postal_code":"EH1 1AA"}}`
		if c.change[0] != "" {
			text = strings.Replace(text, c.change[0], c.change[1], 1)
		}
		var in claims
		if err := json.Unmarshal([]byte(text), &in); err != nil {
			t.Fatal(err)
		}
		u, err := i.user(t.Context(), in)
		if !errors.Is(err, c.why) || err == nil && u.ID != c.want {
			t.Errorf("%s: %q, %v, want %q, %v", c.name, u.ID, err, c.want, c.why)
		}
		if c.want != "" {
			for _, part := range []string{"/Patient/$match ", `"family":"Example"`, `"given":["Morag"]`, `"birthDate":"1940-02-29"`, `"postalCode":"EH1 1AA"`} {
				if !strings.Contains(asked, part) {
					t.Errorf("asked %s, without %s", asked, part)
				}
			}
		}
		server.Close()
	}
}

// TestConfig: the configuration of docs/WEB.md is read, and each thing that is wrong in one is named.
func TestConfig(t *testing.T) {
	const good = `
issuers:
  - name: citizens
    title: CitizenAccount
    for: citizen
    issuer: https://account.example
    clientId: pages
    keyFile: citizens.jwk
    acr: [p2]
    stepUp: [p2-again]
    number: {chi: chi_number}
  - name: board
    for: staff
    issuer: https://login.board.example/realm
    clientId: pages
    secretFile: board.secret
    staff:
      organisation: {id: nhs-lothian}
      id: employee_number
      system: https://board.example/staff
      permissions: {claim: roles, is: {ig: [reports, agreements]}}
sessions: {idle: 20m, absolute: 10h, stepUp: 5m, kept: 2h}
limits: {signInsPerSecond: 5, requestsPerSecond: 20}
`
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"name: board", "name: citizens", "signIn.issuers[1].name"},
		{"name: board", "name: The Board", "signIn.issuers[1].name"},
		{"https://account.example", "http://account.example", "issuer: want https"},
		{"https://account.example", "account", "issuer: want the address"},
		{"https://account.example", "https://user@account.example", "issuer: want the address"},
		{"https://account.example", "http://127.0.0.1:9", ""},
		{"clientId: pages", "clientId: ''", "clientId"},
		{"keyFile: citizens.jwk", "scopes: [profile]", "secretFile and keyFile"},
		{"secretFile: board.secret", "secretFile: a\n    keyFile: b", "secretFile and keyFile"},
		{"for: citizen", "for: staff", "staff"},
		{"for: citizen", "for: anybody", "for: want"},
		{"number: {chi: chi_number}", "number: {}", "number: want claims"},
		{"acr: [p2]\n", "acr: []\n", ""},
		{"number: {chi: chi_number}", "number: {match: {lookup: {pdqm: https://mpi.example}}}", "Patient/$match"},
		{"number: {chi: chi_number}", "number: {match: {lookup: {match: https://mpi.example}}}", "given, family"},
		{"    acr: [p2]\n    stepUp: [p2-again]\n    number: {chi: chi_number}",
			"    number: {match: {lookup: {match: https://mpi.example}, given: a, family: b, birthDate: c, postcode: d}}", "want acr"},
		{"{id: nhs-lothian}", "{}", "staff.organisation"},
		{"{id: nhs-lothian}", "{claim: org}", "staff.organisation"},
		{"{id: nhs-lothian}", "{claim: org, is: {R1: 'no id'}}", "is not the id"},
		{"[reports, agreements]", "[everything]", "none of"},
		{"id: employee_number", "id: ''", "staff: want the claim id"},
		{"idle: 20m", "idle: 2s", "idle"},
		{"absolute: 10h", "absolute: 10m", "absolute"},
		{"absolute: 10h", "absolute: 100h", "absolute"},
		{"stepUp: 5m", "stepUp: 11h", "sessions.stepUp"},
		{"kept: 2h", "kept: 48h", "kept"},
	} {
		var got Config
		d := yaml.NewDecoder(strings.NewReader(strings.Replace(good, c.old, c.new, 1)))
		d.KnownFields(true)
		if err := d.Decode(&got); err != nil {
			t.Fatalf("%q: %v", c.new, err)
		}
		err := got.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want %q", c.new, err, c.want)
		}
		if c.old == "" && (got.Sessions.Idle != 20*time.Minute || got.Issuers[0].StepUp[0] != "p2-again" || got.Limits.Requests != 20) {
			t.Errorf("read %+v", got)
		}
	}
}
