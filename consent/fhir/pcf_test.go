package fhir

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"igledger/ledger/entry"
	"igledger/policies"
)

// pcfCase is a Consent of one of the shapes of IHE PCF's examples, and what follows from it.
type pcfCase struct {
	name, policy, provision string
	asked                   []pcfAsked
}

// pcfAsked is an access under an agreement that rests on consent, and whether it is covered.
type pcfAsked struct {
	what   string
	change func(q *policies.Request)
	want   entry.VerdictResult
}

const (
	tpo        = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HPAYMT"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HOPERAT"}]`
	btg        = `"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]`
	conf       = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	ircp       = `"role":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]}`
	ito        = `"actor":[{` + ircp + `,"reference":{"reference":"#ito"}}]`
	overriders = `"actor":[{` + ircp + `,"reference":{"reference":"Group/overriders"}}]`
)

func labelled(codes ...string) string {
	var list []string
	for _, c := range codes {
		system := actCode
		if len(c) == 1 {
			system = conf
		}
		list = append(list, `{"system":"`+system+`","code":"`+c+`"}`)
	}
	return `"securityLabel":[` + strings.Join(list, ",") + `]`
}

func single(meaning, reference string) string {
	return `"data":[{"meaning":"` + meaning + `","reference":{"reference":"` + reference + `"}}]`
}

// The accesses that are asked about: a doctor of another board reads normal observations for care,
// unless said otherwise.
func pcfLabels(codes ...string) func(q *policies.Request) {
	return func(q *policies.Request) {
		q.Data = []string{observation}
		for _, c := range codes {
			q.Data = append(q.Data, cmp.Or(map[bool]string{true: conf}[len(c) == 1], actCode)+"|"+c)
		}
	}
}

func with(list ...func(q *policies.Request)) func(q *policies.Request) {
	return func(q *policies.Request) {
		for _, f := range list {
			f(q)
		}
	}
}

func pcfPurpose(code string) func(q *policies.Request) {
	return func(q *policies.Request) { q.Purposes = []string{code} }
}
func pcfData(code string) func(q *policies.Request) {
	return func(q *policies.Request) { q.Data = append(q.Data, code) }
}
func byIto(q *policies.Request)      { q.Staff = []string{"urn:gmc|7012345"} }
func overriding(q *policies.Request) { q.Units = []string{"urn:board:groups|overriders"} }
func ordinary(*policies.Request)     {}
func byResearcher(q *policies.Request) {
	q.Org, q.Purposes = "other-health", []string{"urn:projects|4711"}
}

const (
	yes   = entry.Covered
	no    = entry.NotCovered
	glass = entry.BreakGlass
)

func pcfCases() []pcfCase {
	record, visit, author := policies.RecordSystem+"|", policies.ContextSystem+"|", policies.AuthorSystem+"|"
	treatment := []pcfAsked{
		{"care", ordinary, yes}, {"an override", pcfPurpose("BTG"), glass}, {"research", pcfPurpose("HRESCH"), no}, {
			"no purpose", func(q *policies.Request) { q.Purposes = nil }, no,
		},
	}
	normal := []pcfAsked{
		{"normal", ordinary, yes}, {"low", pcfLabels("L"), yes}, {"restricted", pcfLabels("R"), no}, {
			"normal and restricted", pcfLabels("N", "R"), no,
		}, {"unlabelled", pcfLabels(), no},
		{"mental health", pcfLabels("PSY"), no}, {"normal and mental health", pcfLabels("N", "PSY"), no}, {"research", pcfPurpose("HRESCH"), no},
	}
	plus := func(more ...pcfAsked) []pcfAsked { return append(append([]pcfAsked{}, normal...), more...) }
	return []pcfCase{
		{"basic-treat", "", `{"type":"permit",` + tpo + `}`, treatment},
		{"basic-treat-infant", "", `{"type":"permit",` + tpo + `}`, treatment},
		{"basic-ink", "", `{"type":"permit",` + tpo + `}`, treatment},
		{"expired-treat", "", `{"type":"permit",` + tpo + `,"period":{"end":"2022-12-31"}}`, []pcfAsked{
			{
				"before its end", func(q *policies.Request) { q.At = time.Date(2022, 12, 31, 22, 0, 0, 0, time.UTC) }, yes,
			}, {"after it", ordinary, no}}},
		{
			"basic-reject", "", `{"type":"deny",` + tpo + `}`,
			[]pcfAsked{{"care", ordinary, no}, {"an override", pcfPurpose("BTG"), glass}, {"payment", pcfPurpose("HPAYMT"), no}},
		},
		{"basic-research", "", `{"type":"permit",` + research + `}`, []pcfAsked{{"research", pcfPurpose("HRESCH"), yes}, {"care", ordinary, no}}},

		{
			"intermediate-timeframe", "",
			`{"type":"permit",` + tpo + `,"dataPeriod":{"start":"2022-01-01","end":"2022-12-31"}}`,
			[]pcfAsked{{"not enforced: no access says of what time its data is", ordinary, no}},
		},
		{
			"intermediate-not-timeframe", "",
			`{"type":"permit",` + tpo + `,"provision":[{"type":"deny","dataPeriod":{"start":"2022-01-01","end":"2022-12-31"}}]}`,
			[]pcfAsked{{"not enforced: refused for all times", ordinary, no}},
		},
		{"intermediate-authoredby", "", `{"type":"permit",` + tpo + `,` + single("authoredby", "#ito") + `}`, []pcfAsked{
			{
				"written by that doctor", pcfData(author + "urn:gmc|7012345"), yes,
			}, {"by another", pcfData(author + "urn:gmc|7099999"), no}, {"by someone not said", ordinary, no}}},
		{"intermediate-not-authoredby", "", `{"type":"permit",` + tpo + `,"provision":[{"type":"deny",` + single(
			"authoredby", "#ito",
		) + `}]}`, []pcfAsked{
			{
				"written by that doctor", pcfData(author + "urn:gmc|7012345"), no,
			}, {"by another", pcfData(author + "urn:gmc|7099999"), yes}, {"by someone not said", ordinary, no}}},
		{"intermediate-encounter", "", `{"type":"permit",` + tpo + `,` + single("related", "Encounter/visit-9") + `}`, []pcfAsked{
			{
				"of that visit", pcfData(visit + "Encounter/visit-9"), yes,
			}, {"of another", pcfData(visit + "Encounter/visit-8"), no}, {"not said of which", ordinary, no}}},
		{"intermediate-not-encounter", "", `{"type":"permit",` + tpo + `,"provision":[{"type":"deny",` + single(
			"related", "Encounter/visit-9",
		) + `}]}`, []pcfAsked{
			{
				"of that visit", pcfData(visit + "Encounter/visit-9"), no,
			}, {"of another", pcfData(visit + "Encounter/visit-8"), yes}, {"not said of which", ordinary, no}}},
		{"intermediate-data", "", `{"type":"permit",` + tpo + `,"data":[{"meaning":"instance","reference":{"reference":"Observation/weight-3"}},{"meaning":"instance","reference":{"reference":"Encounter/visit-9"}}]}`, []pcfAsked{
			{"one of them", pcfData(record + "Observation/weight-3"), yes}, {
				"both", with(pcfData(record+"Observation/weight-3"), pcfData(record+"Encounter/visit-9")), yes,
			},
			{
				"one more", with(pcfData(record+"Observation/weight-3"), pcfData(record+"Observation/drinks-1")), no,
			}, {"not said which", ordinary, no}}},
		{"intermediate-not-data", "", `{"type":"permit",` + tpo + `,"provision":[{"type":"deny",` + single(
			"instance", "Observation/drinks-1",
		) + `}]}`, []pcfAsked{
			{"another", pcfData(record + "Observation/weight-3"), yes}, {"that one", pcfData(record + "Observation/drinks-1"), no},
			{
				"that one among others", with(pcfData(record+"Observation/weight-3"), pcfData(record+"Observation/drinks-1")),
				no,
			}, {"not said which", ordinary, no}}},
		{"intermediate-purpose", pcfTreatment, `{"type":"permit","purpose":[{"system":"urn:projects","code":"4711"}],"actor":[{` + ircp + `,"reference":{"reference":"Organization/f002"}}]}`, []pcfAsked{
			{"the project", byResearcher, yes}, {"care by others", ordinary, no}, {"the project by others", pcfPurpose("urn:projects|4711"), no}, {
				"care by the researchers", with(byResearcher, pcfPurpose("TREAT")), no,
			}}},
		{"dissent-intermediate-break-glass", pcfBreakGlass, `{"type":"deny","provision":[{"type":"permit",` + btg + `,` + overriders + `}]}`, []pcfAsked{
			{"care", ordinary, no}, {
				"an override", with(pcfPurpose("BTG"), overriding), glass,
			}, {"care by those who may override", overriding, no}}},

		{"advanced-normal", "", `{"type":"permit",` + tpo + `,` + labelled("N") + `}`, normal},
		{"advanced-normal-restricted", "", `{"type":"permit",` + tpo + `,` + labelled("N", "R") + `}`, []pcfAsked{
			{"normal", ordinary, yes}, {"restricted", pcfLabels("R"), yes}, {"both", pcfLabels("N", "R"), yes}, {
				"very restricted", pcfLabels("R", "V"), no,
			}, {"unlabelled", pcfLabels(), no}}},
		{
			"advanced-normal-not-restricted", "",
			`{"type":"permit",` + tpo + `,` + labelled("N") + `,"provision":[{"type":"deny",` + labelled("R") + `}]}`,
			normal,
		},
		{"advanced-normal-focused-restricted", "", `{"type":"permit",` + tpo + `,` + labelled("N") + `,"provision":[{"type":"permit",` + labelled("R") + `,` + ito + `}]}`,
			plus(pcfAsked{
				"restricted, that doctor", with(pcfLabels("N", "R"), byIto), yes,
			}, pcfAsked{"very restricted, that doctor", with(pcfLabels("V"), byIto), no},
				pcfAsked{"restricted, that doctor, research", with(pcfLabels("R"), byIto, pcfPurpose("HRESCH")), no},
				pcfAsked{
					"restricted, the number under another system",
					with(pcfLabels("R"), func(q *policies.Request) { q.Staff = []string{"urn:nmc|7012345"} }), no,
				},
				pcfAsked{"restricted, nobody named", with(pcfLabels("R"), func(q *policies.Request) { q.Staff = nil }), no})},
		{"advanced-normal-focused-psy", "", `{"type":"permit",` + tpo + `,` + labelled("N") + `,"provision":[{"type":"permit",` + labelled("PSY") + `,` + ito + `}]}`,
			plus(pcfAsked{
				"mental health, that doctor", with(pcfLabels("PSY"), byIto), yes,
			}, pcfAsked{"and normal", with(pcfLabels("N", "PSY"), byIto), yes},
				pcfAsked{"sexual violence, that doctor", with(pcfLabels("SDV"), byIto), no})},
		{"advanced-normal-focused-psy-or-sdv", "", `{"type":"permit",` + tpo + `,` + labelled("N") + `,"provision":[{"type":"permit",` + labelled(
			"PSY", "SDV",
		) + `,` + ito + `}]}`,
			plus(pcfAsked{"mental health, that doctor", with(pcfLabels("PSY"), byIto), yes}, pcfAsked{
				"sexual violence, that doctor", with(pcfLabels("SDV"), byIto), yes,
			},
				pcfAsked{"HIV, that doctor", with(pcfLabels("HIV"), byIto), no})},
		{"advanced-normal-break-glass-restricted", "", `{"type":"permit",` + tpo + `,` + labelled("N") + `,"provision":[{"type":"permit",` + btg + `,` + labelled("R") + `,` + overriders + `}]}`,
			plus(
				pcfAsked{"restricted, an override", with(pcfLabels("R"), pcfPurpose("BTG"), overriding), glass},
				pcfAsked{"restricted, care by those who may override", with(pcfLabels("R"), overriding), no},
			)},
	}
}

// pcfDecide returns the verdict on an access under an agreement that rests on consent.
func pcfDecide(rule *entry.ConsentRule, change func(q *policies.Request)) policies.Decision {
	q := policies.Request{Org: "good-health", Holder: "board-a", Action: "R", Purposes: []string{"TREAT"}, Staff: []string{"urn:gmc|7000001"}, Units: []string{"urn:wards|4"},
		At: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)}
	pcfLabels("N")(&q)
	change(&q)
	records := []policies.Record{{ID: "c1", Holder: "board-a", Rule: judged(rule)}}
	for i := range rule.Also {
		records = append(records, policies.Record{ID: "c1", Holder: "board-a", Rule: judged(&rule.Also[i])})
	}
	emergency := len(q.Purposes) == 1 && q.Purposes[0] == "BTG"
	return policies.BuiltIn().Decide(policies.Facts{
		Org: q.Org, Holder: q.Holder, Action: q.Action, Purposes: q.Purposes, Data: q.Data, At: q.At, Emergency: emergency, Justified: emergency, Named: true,
		Agreement: &policies.Agreement{ID: "isa-7", Version: 1, State: "in-force", Parties: []string{
			"board-a", "good-health", "other-health",
		}, ConsentBasis: true, Research: true,
			Project: "p", Purposes: []string{"TREAT", "HPAYMT", "HOPERAT", "HRESCH", "urn:projects|4711"}},
		Consent: policies.Combine(records, q),
	})
}

func pcfConversion() Conversion {
	m := referring(orgs)
	m.Units = map[string]string{"Group/overriders": "urn:board:groups|overriders"}
	return Conversion{Issuer: "board-a", Map: m}
}

// The shapes of all examples of IHE PCF, with people of our own, and what follows from each. Two
// are not enforced, and are then on the safe side: those that limit data by its time.
func TestPCF(t *testing.T) {
	cases := pcfCases()
	if len(cases) != 23 {
		t.Fatalf("%d cases; IHE PCF has 23 examples", len(cases))
	}
	for _, c := range cases {
		policy := cmp.Or(c.policy, "https://board-a.example/policies/sharing.txt")
		in, err := pcfConversion().Read([]byte(`{"resourceType":"Consent","id":"` + c.name + `","status":"active",
			"contained":[{"resourceType":"Practitioner","id":"ito","identifier":[{"system":"urn:gmc","value":"7012345"}]}],
			"scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},
			"category":[{"coding":[{"system":"http://loinc.org","code":"59284-0"}]}],
			"patient":{"identifier":{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9434765919"}},"dateTime":"2022-06-13",
			"organization":[{"reference":"Organization/f001"}],"sourceReference":{"reference":"DocumentReference/paper-1"},
			"policy":[{"uri":"` + policy + `"}],"provision":` + c.provision + `}`))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, a := range c.asked {
			if d := pcfDecide(in.Consent.Rule, a.change); d.Result != a.want {
				t.Errorf("%s: %s: %s by %q, want %s", c.name, a.what, d.Result, d.Rules, a.want)
			}
		}
	}
}

// The overarching policies of IHE PCF, where the provisions say nothing or little.
func TestPCFPolicies(t *testing.T) {
	for _, c := range []struct {
		name, policy, provision string
		asked                   []pcfAsked
	}{
		{"deny, agreed to", pcfDeny, `{"type":"permit"}`, []pcfAsked{{"care", ordinary, no}, {"research", pcfPurpose("HRESCH"), no}}},
		{
			"deny, but one doctor", pcfDeny,
			`{"type":"permit",` + strings.Replace(ito, "#ito", "Practitioner/ito", 1) + `}`,
			[]pcfAsked{{"another", ordinary, no}, {"that one", byIto, yes}},
		},
		{
			"break-glass only, agreed to", pcfBreakGlass, `{"type":"permit"}`,
			[]pcfAsked{{"care", ordinary, no}, {"an override", pcfPurpose("BTG"), glass}},
		},
		{"treatment", pcfTreatment, `{"type":"permit"}`, []pcfAsked{{"care", ordinary, yes}, {"research", pcfPurpose("HRESCH"), no}}},
		{"treatment, rejected", pcfTreatment, `{"type":"deny"}`, []pcfAsked{{"care", ordinary, no}}},
		{"all", pcfAll, `{"type":"permit"}`, []pcfAsked{{"care", ordinary, yes}, {"research", pcfPurpose("HRESCH"), yes}}},
	} {
		conversion := pcfConversion()
		conversion.Map.Staff = map[string]string{"Practitioner/ito": "urn:gmc|7012345"}
		in, err := conversion.Read([]byte(strings.Replace(r4(`"provision":`+c.provision), "urn:igledger:agreement:isa-7", c.policy, 1)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !reports(in, "Consent.policy[0]") {
			t.Errorf("%s: what the policy means is not said: %v", c.name, in.Unenforced)
		}
		for _, a := range c.asked {
			if d := pcfDecide(in.Consent.Rule, a.change); d.Result != a.want {
				t.Errorf("%s: %s: %s by %q, want %s", c.name, a.what, d.Result, d.Rules, a.want)
			}
		}
	}
}
