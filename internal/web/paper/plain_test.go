package paper_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/google/uuid"

	"igledger/audit/plain"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// The page of a stranger says of each entry what every other page says.
func TestScriptsSayWhatPlainSays(t *testing.T) {
	type question struct {
		JWS         string   `json:"jws"`
		Disclosures []string `json:"disclosures"`
		Language    string   `json:"language"`
	}
	var questions bytes.Buffer
	var want []plain.Summary
	lines := json.NewEncoder(&questions)
	for _, e := range written(t) {
		for _, language := range []plain.Language{plain.English, plain.Gaelic} {
			parts := strings.Split(strings.TrimSuffix(e.SDJWT(), "~"), "~")
			if err := lines.Encode(question{parts[0], parts[1:], string(language)}); err != nil {
				t.Fatal(err)
			}
			want = append(want, plain.In(language).Describe(e))
		}
	}
	out := inNode(t, "plainanswers.mjs", questions.Bytes())
	answers := bufio.NewScanner(bytes.NewReader(out))
	answers.Buffer(nil, 1<<20)
	texts := map[string]bool{}
	for i, w := range want {
		if !answers.Scan() {
			t.Fatalf("%d answers to %d questions: %v", i, len(want), answers.Err())
		}
		var got struct {
			When                                                                                int64
			Organisation, Role, Staff, System, What, Why, Justification, Result, Agreement, Act string
			Emergency, Machine                                                                  bool
		}
		if err := json.Unmarshal(answers.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		told := plain.Summary{
			When: time.Unix(got.When, 0).UTC(), Organisation: got.Organisation, Role: got.Role, Staff: got.Staff, System: got.System,
			What: got.What, Why: got.Why, Justification: got.Justification, Result: got.Result, Agreement: got.Agreement,
			Act: entry.Act(got.Act), Emergency: got.Emergency, Machine: got.Machine,
		}
		w.When = w.When.UTC().Truncate(time.Second)
		if told != w {
			t.Errorf("%d: the script says\n%+v\nthe catalogue\n%+v", i, told, w)
		}
		texts[w.What] = true
	}
	if len(texts) < 200 {
		t.Errorf("only %d different acts were tried", len(texts))
	}
}

// written returns some thousand entries by chance, made of what sources and officers write.
func written(t *testing.T) (list []*entry.Entry) {
	const seed = 20261128
	cryptotest.SetGlobalRandom(t, seed)
	r := rand.New(rand.NewPCG(seed, 1))
	signer, err := wire.GenerateSigner(wire.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; len(list) < 3000; n++ {
		body := chance(r)
		e, err := entry.Sign(signer, body)
		if err != nil {
			if n > 30000 {
				t.Fatalf("after %d entries: %v", len(list), err)
			}
			continue // chance made what no ledger takes
		}
		list = append(list, e)
	}
	return list
}

// one returns one of a list, some a few of it.
func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func some(r *rand.Rand, of ...string) (list []string) {
	for range r.IntN(3) {
		list = append(list, one(r, of...))
	}
	return list
}

const (
	dcm      = "http://dicom.nema.org/resources/ontology/DCM|"
	resource = "http://hl7.org/fhir/resource-types|"
	rest     = "http://hl7.org/fhir/restful-interaction|"
	class    = "http://terminology.hl7.org/CodeSystem/v3-RoleClass|"
	actor    = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType|"
	authz    = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|"
)

func chance(r *rand.Rand) entry.Body {
	const seen = 1796000000 // a day of 2026
	issued := int64(seen) + r.Int64N(100000)
	at := func() string {
		day := time.Unix(issued-r.Int64N(200000)+100000, 0).In(one(r, time.UTC, time.FixedZone("", 5400), time.FixedZone("", -3600)))
		return one(r, day.Format(time.RFC3339), day.Format(time.RFC3339Nano), day.Format("2006-01-02")+"T00:00:00Z",
			day.Format("2006-01-02")+"T23:59:59+01:00", day.Format("2006-01-02")+"T00:00:00+01:00")
	}
	id := uuid.Must(uuid.NewRandomFromReader(byChance{r}))
	common := entry.Common{Issuer: one(r, "lothian", "NHSH"), Audience: "ledger.example/log", IssuedAt: issued, ID: id.String()}
	words := func() string {
		return one(r, "", "", "a ward round", "two\nlines\u2028and “quotes” ‹here›", "\u202eturned\u200b round\ttwice  over",
			"{data} {nothing}", "Ünï")
	}
	purposes := func() []string {
		return some(r, "TREAT", "BTG", "ETREAT", "HRESCH", "http://terminology.hl7.org/CodeSystem/v3-ActReason|HOPERAT",
			"http://terminology.hl7.org/CodeSystem/v3-ActReason|2018-08-12|PUBHLTH", "urn:oid:2.16.840.1.113883.5.8#FAMRQT",
			"http://hl7.org/fhir/v3/ActReason/PATRQT", "urn:local:why|TREAT", "local", "http://hospital.example/TREAT")
	}
	data := func() []string {
		return some(r, resource+"Patient", resource+"Observation", resource+"Consent", resource+"Unheard", "http://loinc.org|4548-4",
			"urn:igledger:reading|own", class+"PAT", "urn:local|x")
	}
	staff := func() *entry.Staff {
		return one(r, nil, &entry.Staff{ID: "n1"}, &entry.Staff{ID: "n2", Name: "N. \u200fNurse"})
	}
	roles := func() []string { return some(r, class+"PAT", class+"AGNT", "urn:roles|nurse", "porter") }
	text := func(t entry.Text) *entry.Text {
		if t == (entry.Text{}) {
			return nil
		}
		return &t
	}
	switch r.IntN(10) {
	case 0:
		return &entry.Decision{Common: common, Sub: "chi:0101011237", Org: one(r, "lothian", "NHSH"), Action: one(r, "C", "R", "U", "D", "E"),
			Data: data(), Purpose: purposes(), Role: roles(), Machine: r.IntN(2) == 0, Emergency: r.IntN(4) == 0, System: words(),
			Decision: one(r, "permit", "deny"), Asked: at(), Staff: staff(), Agreement: one(r, "", "isa-1"),
			Text: text(entry.Text{Why: words(), Justification: words()})}
	case 1:
		c := &entry.Consent{Common: common, Sub: "chi:0101011237", Consent: common.ID, Act: one(r, entry.ConsentActs...),
			Scope: one(r, entry.ConsentScopes...), Decided: at(), Updated: one(r, "", at()), Agreements: some(r, "isa-1", "isa-2"),
			Expressed: entry.Expressed{How: one(r, entry.ConsentModes...)}}
		if !c.Ends() {
			c.Rule = &entry.ConsentRule{Decision: one(r, "permit", "deny")}
		}
		if reason := words(); reason != "" {
			c.Text = &entry.ConsentText{Reason: reason}
		}
		return c
	case 2:
		d := &entry.Delegation{Common: common, Sub: "chi:0101011237", Act: "granted", Kind: one(r, "AGNT", "POWATT", "GUARD"),
			Delegation: common.ID,
			Scope:      one(r, []string{"access"}, []string{"access", "consent"}, entry.DelegationScopes), Basis: one(r, "", "a deed",
				"a deed\nof two lines"),
			Start: "2026-01-31T00:00:00Z",
			End:   "2027-01-31T00:00:00Z", Delegate: &entry.Delegate{ID: "chi:0202021234"}}
		if r.IntN(2) == 0 {
			d.Act, d.Kind, d.Scope, d.Start, d.End, d.Basis, d.Delegate = "revoked", "", nil, "", "", one(r, "", "", "mistake"), nil
		}
		return d
	case 3:
		return &entry.Link{Common: common, Sub: "chi:0101011237", Act: one(r, entry.LinkActs...), Reason: "moved from England",
			Other: "nhs:9434765919"}
	}
	a := &entry.Access{Common: common, Sub: "chi:0101011237", System: one(r, "portal", "a b", ""), Source: "portal", Action: one(r,
		"C", "R", "U", "D", "E"),
		Data: data(), Purpose: purposes(), Role: roles(), Machine: r.IntN(4) == 0, Emergency: r.IntN(6) == 0, Outcome: one(r, "0", "0",
			"4", "8", "12"),
		Recorded: at(), Org: one(r, "", "", "NHSH"), Foreign: r.IntN(5) == 0, Agreement: one(r, "", "isa-1"), Staff: staff(),
		Event: some(r, dcm+"110122", dcm+"110106", dcm+"110107", dcm+"110101", dcm+"110112", dcm+"110113", dcm+"110127", dcm+"110120",
			"http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose", rest+"search-type", rest+"read", "Disclosure"),
		Recipient: one(r, "", "", "NHSH", "lothian"),
		Text:      text(entry.Text{Why: words(), Outcome: words(), Justification: words(), Organisation: one(r, "", "", "north", words())})}
	if r.IntN(3) == 0 {
		a.Occurred, a.OccurredEnd = at(), one(r, "", at())
	}
	if r.IntN(6) == 0 {
		a.Event, a.Action = []string{dcm + "110113", authz + one(r, "AuthZ-Consent", "AuthZ-Role")}, "E"
	}
	if r.IntN(4) == 0 {
		a.Request, a.Identity = "r-1", one(r, entry.Identities()...)
	}
	for range r.IntN(3) {
		a.Parties = append(a.Parties, entry.Party{Type: one(r, dcm+"110153", dcm+"110152", actor+"IRCP", actor+"TRC", actor+"AUT"),
			ID: one(r, "", "north", "NHSH", "Organization/lothian"), Name: one(r, "", "north", words())})
	}
	return a
}

// byChance reads what chance gives.
type byChance struct{ r *rand.Rand }

func (b byChance) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.r.Uint32())
	}
	return len(p), nil
}
