package iso27560

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story is a consent to research that was given, amended, and withdrawn by a guardian.
func story() Source {
	act := func(jti, act, decided string, rule *entry.ConsentRule, by *entry.ConsentBy) *entry.Consent {
		x := &entry.Consent{Consent: "7b1d1d0e-5a0f-4f6b-9d7a-2f8f5f0c1a11", Act: act, Scope: "research", Agreements: []string{"isa-7"}, Decided: decided, Rule: rule,
			Expressed: entry.Expressed{How: "explicit-electronic", Language: "en-GB"}, Sub: "chi:0101011237", By: by}
		x.Type, x.Issuer, x.Audience, x.ID, x.IssuedAt = entry.TypeConsent, "board-a", "log.example/igl", jti, 1795000000
		return x
	}
	given := &entry.ConsentRule{Decision: "permit", End: "2029-01-01T00:00:00+01:00", Purposes: []string{"HRESCH"},
		Except: []entry.ConsentRule{{Decision: "deny", Data: []string{"http://snomed.info/sct|394921008"}, Actions: []string{"R", "E"}}}}
	amended := &entry.ConsentRule{Decision: "permit", Purposes: []string{"HRESCH", "http://example.org/purposes|ATLAS"}, Data: []string{"http://hl7.org/fhir/resource-types|Observation"},
		Recipients: []string{"uni-c"}, DataStart: "2020-01-01T00:00:00Z", Roles: []string{"researcher"}}
	return Source{
		Acts: []*entry.Consent{
			act("00000000-0000-4000-8000-000000000001", "given", "2026-03-04T10:00:00+01:00", given, nil),
			act("00000000-0000-4000-8000-000000000002", "amended", "2026-04-01T09:00:00Z", amended, nil),
			act("00000000-0000-4000-8000-000000000003", "withdrawn", "2026-05-01T09:00:00Z", nil, &entry.ConsentBy{Name: "Jean Carer", Relation: "GUARD", Delegation: "9f0c3b1e-0000-4000-8000-000000000001"}),
		},
		Agreements: []*entry.AgreementText{{
			ID: "isa-7", Version: 2, Title: "Asthma atlas", Article6: []string{"a"}, Article9: []string{"a", "j"},
			Parties: []entry.AgreementParty{
				{
					Org: "board-a", Role: "joint-controller", Registration: "Z1234567",
					Contact: "Data protection office, 1 High Street, Perth",
				},
				{Org: "board-b", Role: "joint-controller", Contact: "Data protection office, 2 Low Street, Oban"},
				{Org: "host-d", Role: "processor", Contact: "Privacy team, 4 Hill Road, Leith"},
				{Org: "uni-c", Role: "recipient", Contact: "Research governance, 3 College Lane, Glasgow"},
			},
			Purposes: []entry.AgreementPurpose{{Text: "Find out why asthma is worse in some places", Code: "HRESCH", DPV: "https://w3id.org/dpv#ScientificResearch"}, {Text: "Plan clinics", Code: "HOPERAT"}},
			Data: []entry.AgreementData{
				{Text: "Breathing tests", Codes: []string{"http://hl7.org/fhir/resource-types|Observation"}, Identifiable: true},
				{
					Text:         "Prescriptions",
					Codes:        []string{"http://hl7.org/fhir/resource-types|MedicationRequest"},
					Identifiable: true,
				},
			},
			Flows:     []entry.AgreementFlow{{From: "board-a", To: "uni-c", How: "secure file transfer"}},
			Retention: "Ten years after the study ends.", Disposal: "Overwritten; a certificate is sent to the boards.", Transfers: []string{"IE"},
			DPIA:   entry.Assessment{Reference: "DPIA-2026-11", Date: "2026-01-15"},
			Notice: entry.Notice{URL: "https://board-a.example/notices/atlas/2", Hash: wire.Hash{1, 2, 3}, Version: "2", Language: "en-GB"},
			Rights: "Data protection office, https://board-a.example/rights",
		}},
		Organisations: []entry.Member{{ID: "board-a", Name: "Board A", Kind: "health-board"}, {ID: "board-b", Name: "Board B", Kind: "health-board"},
			{ID: "host-d", Name: "Host D", Kind: "supplier"}, {ID: "uni-c", Name: "University C", Kind: "university"}},
		Jurisdiction: "GB-SCT",
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(got, '\n'), want) {
		t.Errorf("%s is another; got\n%s", file, got)
	}
}

func TestRecord(t *testing.T) {
	got, err := Record(story())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record.jsonld", got)
	if bytes.Contains(got, []byte("Jean")) {
		t.Error("names who acted for the person: the delegation does that")
	}
}

func TestReceipt(t *testing.T) {
	created := time.Date(2026, 5, 1, 11, 0, 1, 0, time.FixedZone("", 3600))
	got, err := Receipt(story(), created)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "receipt.jsonld", got)
	var receipt struct {
		ID     string          `json:"@id"`
		Record json.RawMessage `json:"dpv:hasRecordOfActivity"`
	}
	if err := json.Unmarshal(got, &receipt); err != nil {
		t.Fatal(err)
	}
	// The receipt of an earlier act is another receipt of the same record.
	s := story()
	s.Acts = s.Acts[:2]
	earlier, err := Receipt(s, created)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(earlier, []byte(receipt.ID)) || bytes.Contains(earlier, []byte("ConsentWithdrawn")) || !bytes.Contains(receipt.Record, []byte("ConsentWithdrawn")) {
		t.Error("two acts share a receipt")
	}
}

// A refusal under an agreement that does not rest on consent says the true basis and the right that
// there is, and is no consent.
func TestWhereConsentIsNotTheBasis(t *testing.T) {
	s := story()
	s.Agreements[0].Article6, s.Agreements[0].Article9 = []string{"e"}, []string{"h"}
	s.Acts = s.Acts[:1]
	s.Acts[0].Act, s.Acts[0].Rule = "refused", &entry.ConsentRule{Decision: "deny"}
	s.Acts[0].Expressed.How = "verbal"
	got, err := Record(s)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "not-consent.jsonld", got)
	for _, no := range []string{"WithdrawConsent", "eu-gdpr:A7-3", "eu-gdpr:A6-1-a", "eu-gdpr:A20"} {
		if bytes.Contains(got, []byte(no)) {
			t.Errorf("has %s", no)
		}
	}
}

// Every act has the state that DPV has for it, and only those that permit are a basis for
// processing.
func TestStates(t *testing.T) {
	permit, deny := &entry.ConsentRule{Decision: "permit"}, &entry.ConsentRule{Decision: "deny"}
	for _, c := range []struct {
		act, want string
		rule      *entry.ConsentRule
	}{
		{"given", "dpv:ConsentGiven", permit}, {"refused", "dpv:ConsentRefused", deny}, {"amended", "dpv:ConsentGiven", permit}, {"amended", "dpv:ConsentRefused", deny},
		{"reconfirmed", "dpv:RenewedConsentGiven", permit}, {"reconfirmed", "dpv:ConsentRefused", deny}, {"withdrawn", "dpv:ConsentWithdrawn", nil}, {"expired", "dpv:ConsentExpired", nil},
	} {
		if got := state(&entry.Consent{Act: c.act, Rule: c.rule}); got != c.want {
			t.Errorf("%s: %s", c.act, got)
		}
	}
	for _, how := range entry.ConsentModes {
		if consentTypes[how] == "" {
			t.Errorf("%s has no event_type", how)
		}
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Source)
		code   Code
		field  string
	}{
		"no act": {func(s *Source) { s.Acts = nil }, BadSource, "record_id"},
		"two records": {
			func(s *Source) { s.Acts[1].Consent = "7b1d1d0e-5a0f-4f6b-9d7a-2f8f5f0c1a12" }, BadSource,
			"record_id",
		},
		"two people": {func(s *Source) { s.Acts[1].Sub = "chi:0101201234" }, BadSource, "record_id"},
		"withheld": {func(s *Source) {
			for _, x := range s.Acts {
				x.Sub = ""
			}
		}, Missing, "pii_principal_id"},
		"only a withdrawal": {func(s *Source) { s.Acts = s.Acts[2:] }, Missing, "purpose"},
		"no agreement":      {func(s *Source) { s.Agreements = nil }, Missing, "pii_controllers"},
		"another agreement": {func(s *Source) { s.Agreements[0].ID = "isa-8" }, BadSource, "pii_controllers"},
		"no retention":      {func(s *Source) { s.Agreements[0].Retention = "" }, Missing, "retention_period"},
		"no contact":        {func(s *Source) { s.Agreements[0].Rights = "" }, Missing, "withdrawal_method"},
		"no jurisdiction":   {func(s *Source) { s.Jurisdiction = "" }, Missing, "jurisdiction"},
		"no notice":         {func(s *Source) { s.Agreements[0].Notice.URL = "" }, Missing, "privacy_notice"},
		"no data": {
			func(s *Source) { s.Agreements[0].Data = nil; s.Acts[1].Rule.Data = nil }, Missing,
			"pii_information",
		},
		"unregistered party":        {func(s *Source) { s.Organisations = s.Organisations[1:] }, Missing, "party_name"},
		"a party without a contact": {func(s *Source) { s.Agreements[0].Parties[0].Contact = "" }, Missing, "party_contact"},
		"an agreement is not given": {
			func(s *Source) { s.Acts[1].Agreements = []string{"isa-7", "isa-8"} }, Missing, "pii_controllers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := story()
			c.change(&s)
			got, err := Record(s)
			var e *Error
			if !errors.As(err, &e) || e.Code != c.code || e.Field != c.field || got != nil {
				t.Fatalf("got %v\n%s", err, got)
			}
			if strings.Contains(err.Error(), "0101") {
				t.Errorf("the error tells of the person: %v", err)
			}
			if _, err := Receipt(s, time.Time{}); err == nil {
				t.Error("there is a receipt all the same")
			}
		})
	}
}

// What has no language is in one that is not determined; a recipient that is party to nothing has
// no contact; and one consent may be asked for several agreements.
func TestWhatIsOptional(t *testing.T) {
	s := story()
	s.Agreements[0].Notice.Language = ""
	for _, x := range s.Acts {
		x.Expressed.Language = ""
	}
	s.Acts[1].Rule.Recipients = []string{"else"}
	s.Organisations = append(s.Organisations, entry.Member{ID: "else", Name: "Else", Kind: "supplier"})
	second := *s.Agreements[0]
	second.ID, second.Title = "isa-8", "Another atlas"
	s.Agreements = append(s.Agreements, &second)
	for _, x := range s.Acts {
		x.Agreements = []string{"isa-7", "isa-8"}
	}
	got, err := Record(s)
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Notice map[string]any `json:"dpv:hasNotice"`
		Parts  []struct {
			Of struct {
				ID string `json:"@id"`
			} `json:"dct:isPartOf"`
		} `json:"dpv:hasProcess"`
		Entities []map[string]any `json:"dpv:hasEntity"`
	}
	if err := json.Unmarshal(got, &record); err != nil {
		t.Fatal(err)
	}
	if record.Notice["dct:language"] != "und" || len(record.Parts) != 2 ||
		record.Parts[1].Of.ID != "urn:igledger:agreement:isa-8" || len(record.Entities) != 5 {
		t.Errorf("got %s", got)
	}
}

// An officer who amends a consent need not name its agreements again.
func TestAmendedWithoutAgreements(t *testing.T) {
	want, err := Record(story())
	if err != nil {
		t.Fatal(err)
	}
	s := story()
	s.Acts[1].Agreements = nil
	if got, err := Record(s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%s", err, got)
	}
}

// The last decision counts, and acts are listed in the order of decisions, whatever came first.
func TestActsInTheOrderOfDecisions(t *testing.T) {
	want, err := Record(story())
	if err != nil {
		t.Fatal(err)
	}
	s := story()
	slices.Reverse(s.Acts)
	if got, err := Record(s); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n%s", err, got)
	}
}

// testdata/terms.txt lists the terms of DPV 2.3 and its extensions that we use, one a line, as they
// were found in its published lists: a term that is not there is misspelt.
func TestTermsAreThoseOfDPV(t *testing.T) {
	b, err := os.ReadFile("testdata/terms.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(string(b))
	used := []string{}
	for _, m := range []map[string]string{purposeTerms, partyTerms, consentTypes, operations, byTerms} {
		for _, v := range m {
			used = append(used, v)
		}
	}
	for _, file := range []string{"record.jsonld", "receipt.jsonld", "not-consent.jsonld"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		used = append(used, terms(v)...)
	}
	for _, act := range []string{"withdrawn", "expired"} {
		used = append(used, state(&entry.Consent{Act: act}))
	}
	used = append(used, state(&entry.Consent{Act: "reconfirmed", Rule: &entry.ConsentRule{}}))
	for _, u := range used {
		prefix, _, _ := strings.Cut(u, ":")
		if slices.Contains([]string{"dpv", "eu-gdpr", "gb", "health", "loc", "pd"}, prefix) && !slices.Contains(known, u) {
			t.Errorf("%s is not a term of DPV 2.3", u)
		}
	}
	if len(used) < 100 {
		t.Errorf("only %d terms were looked at", len(used))
	}
}

// terms returns all names and strings that have the form of a prefixed term.
func terms(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k != "@context" {
				out = append(append(out, k), terms(e)...)
			}
		}
	case []any:
		for _, e := range v {
			out = append(out, terms(e)...)
		}
	case string:
		out = append(out, v)
	}
	return out
}

// An objection and a restriction that name no agreement have a record and a receipt; a consent that
// names none has neither, because nothing says what it is a consent to.
func TestObjectionWithoutAgreement(t *testing.T) {
	for name, c := range map[string]struct {
		rule  entry.ConsentRule
		right string
	}{
		"an objection to everything": {entry.ConsentRule{Decision: "deny"}, "eu-gdpr:A21"},
		"to research by one": {entry.ConsentRule{Decision: "deny", Purposes: []string{"HRESCH"}, Recipients: []string{"uni-c"}},
			"eu-gdpr:A21"},
		"a restriction": {entry.ConsentRule{Decision: "deny", Restricts: true, Data: []string{"http://snomed.info/sct|394921008"}},
			"eu-gdpr:A18"},
	} {
		s := story()
		s.Agreements, s.Acts = nil, s.Acts[:1]
		x := *s.Acts[0]
		x.Act, x.Agreements, x.Rule = "refused", nil, &c.rule
		s.Acts = []*entry.Consent{&x}
		record, err := Record(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		receipt, err := Receipt(s, time.Unix(1795000000, 0))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, b := range [][]byte{record, receipt} {
			for _, want := range []string{c.right, "Board A", `"dpv:hasConsentStatus"`, "board-a"} {
				if !strings.Contains(string(b), want) {
					t.Errorf("%s: no %s in %s", name, want, b)
				}
			}
		}
		var v any
		if err := json.Unmarshal(record, &v); err != nil {
			t.Fatal(err)
		}
		known, err := os.ReadFile("testdata/terms.txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range terms(v) {
			prefix, _, _ := strings.Cut(u, ":")
			if slices.Contains([]string{"dpv", "eu-gdpr", "gb", "health", "loc", "pd"}, prefix) &&
				!slices.Contains(strings.Fields(string(known)), u) {
				t.Errorf("%s: %s is not a term of DPV 2.3", name, u)
			}
		}
		x.Act, c.rule.Decision = "given", "permit"
		if _, err := Record(s); err == nil {
			t.Errorf("%s: a consent without an agreement has a record", name)
		}
	}
}
