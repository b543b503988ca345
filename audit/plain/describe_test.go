package plain

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"igledger/ledger/entry"
)

var update = flag.Bool("update", false, "write the golden file")

const (
	patient = resourceTypes + "|Patient"
	at      = "2026-11-22T08:59:30Z"
)

func party(code, name string) entry.Party {
	return entry.Party{Type: dcm + "|" + code, Name: name, ID: "Organization/" + name}
}

type named struct {
	name string
	body entry.Body
}

// bodies are what the golden file says in words, each by its name there.
func bodies() (list []named) {
	add := func(name string, body entry.Body) { list = append(list, named{name, body}) }
	access := func(name string, change func(a *entry.Access)) {
		a := &entry.Access{
			Common: entry.Common{Issuer: "lothian"}, Action: "R", Data: []string{patient}, Purpose: []string{"TREAT"}, Outcome: "0", Recorded: at,
		}
		change(a)
		add(name, a)
	}
	for _, action := range []string{"C", "R", "U", "D", "E"} {
		access("action "+action, func(a *entry.Access) { a.Action = action })
		access("action "+action+", no data", func(a *entry.Access) { a.Action, a.Data = action, nil })
		add("asked "+action, &entry.Decision{
			Org: "north", Action: action, Data: []string{patient}, Purpose: []string{"TREAT"}, Decision: "permit", Asked: at,
		})
	}
	access("search", func(a *entry.Access) { a.Action, a.Event = "E", []string{dcm + "|110112"} })
	access("search, no data", func(a *entry.Access) { a.Action, a.Data, a.Event = "E", nil, []string{restSubtype + "|search-type"} })
	for _, e := range events {
		access(e.event, func(a *entry.Access) { a.Event = []string{e.event} })
	}
	disclosed := []string{exported, lifecycle + "|disclose"}
	access("disclosed to", func(a *entry.Access) {
		a.Event, a.Parties = disclosed, []entry.Party{party("110152", "north"), party("110153", "lothian")}
	})
	access("received from", func(a *entry.Access) {
		a.Event, a.Org, a.Data, a.Parties = disclosed, "north", nil, []entry.Party{party("110152", "north"), party("110153", "lothian")}
	})
	access("received", func(a *entry.Access) { a.Event, a.Parties = disclosed, []entry.Party{party("110152", "lothian")} })
	for _, outcome := range []string{"4", "8", "12"} {
		access("outcome "+outcome, func(a *entry.Access) { a.Outcome = outcome })
	}
	for _, action := range []string{"C", "U", "D", "E"} {
		access("tried, action "+action, func(a *entry.Access) { a.Action, a.Outcome = action, "8" })
		access("tried, action "+action+", no data", func(a *entry.Access) { a.Action, a.Data, a.Outcome = action, nil, "8" })
	}
	access("tried to search", func(a *entry.Access) { a.Action, a.Event, a.Outcome = "E", []string{dcm + "|110112"}, "4" })
	for _, e := range events {
		access("tried, "+e.event, func(a *entry.Access) { a.Event, a.Outcome = []string{e.event}, "8" })
	}
	access("tried to disclose to", func(a *entry.Access) {
		a.Event, a.Parties, a.Outcome = disclosed, []entry.Party{party("110152", "north"), party("110153", "lothian")}, "8"
	})
	access("tried, and the source says why it failed", func(a *entry.Access) {
		a.Outcome, a.Text = "8", &entry.Text{Outcome: "403\nby the “guard”"}
	})
	decision := []string{dcm + "|110113", "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|AuthZ-Consent"}
	for _, outcome := range []string{"0", "4", "8", "12"} {
		access("a decision, outcome "+outcome, func(a *entry.Access) {
			a.Event, a.Action, a.Outcome, a.Text = decision, "E", outcome, &entry.Text{Outcome: "by consent 7"}
		})
	}
	access("a decision with an event that is none", func(a *entry.Access) {
		a.Event, a.Action = append(decision[:2:2], restSubtype+"|read"), "E"
	})
	access("no reason", func(a *entry.Access) { a.Purpose = nil })
	access("a reason in words", func(a *entry.Access) { a.Purpose, a.Text = nil, &entry.Text{Why: "chest pain"} })
	access("a code of its own", func(a *entry.Access) { a.Purpose = []string{"urn:x|7"} })
	access("all reasons", func(a *entry.Access) {
		a.Purpose, a.Text = []string{"TREAT", "COC", "urn:x|7"}, &entry.Text{Why: "chest pain"}
	})
	access("emergency by its claim", func(a *entry.Access) { a.Emergency, a.Text = true, &entry.Text{Justification: "unconscious"} })
	access("emergency by its purpose", func(a *entry.Access) { a.Purpose = []string{"BTG"} })
	access("emergency by its event", func(a *entry.Access) { a.Event = []string{dcm + "|110127"} })
	access("everything", func(a *entry.Access) {
		a.Org, a.System, a.Agreement, a.Machine = "north", "ward", "isa-1", true
		a.Role, a.Staff = []string{"urn:r|nurse", "urn:r|x"}, &entry.Staff{ID: "n-1"}
	})
	access("an unknown organisation", func(a *entry.Access) { a.Foreign = true })
	access("an unknown organisation, in words", func(a *entry.Access) {
		a.Foreign, a.Text = true, &entry.Text{Organisation: "North” “Clinic\nlothian"}
	})
	access("received by an unknown organisation", func(a *entry.Access) {
		a.Event, a.Foreign, a.Text = disclosed, true, &entry.Text{Organisation: "clinic"}
		a.Parties = []entry.Party{party("110152", "clinic"), party("110153", "lothian")}
	})
	access("disclosed by an unknown organisation to none that is named", func(a *entry.Access) {
		a.Event, a.Foreign, a.Parties = disclosed, true, []entry.Party{{Type: dcm + "|110152"}}
	})
	add("told no", &entry.Decision{
		Org: "north", Action: "R", Purpose: []string{"BTG"}, Decision: "deny", Asked: at, Staff: &entry.Staff{Name: "A Nurse", ID: "n-1"},
	})
	for _, act := range entry.ConsentActs {
		add("consent "+act, &entry.Consent{Act: act, Scope: "research", Decided: at})
	}
	add("consent, with its reason", &entry.Consent{
		Act: "refused", Scope: "treatment", Decided: at, Agreements: []string{"isa-1"}, Text: &entry.ConsentText{Reason: "private"},
	})
	add("delegation", &entry.Delegation{
		Act: "granted", Kind: "HPOWATT", Scope: []string{"access", "consent"}, End: "2027-11-22T00:00:00Z", Basis: "deed",
	})
	add("delegation ended", &entry.Delegation{Act: "revoked"})
	add("link", &entry.Link{Act: "linked", Reason: "one person, two numbers"})
	add("link ended", &entry.Link{Act: "unlinked", Reason: "a mistake"})
	add("source count", &entry.SourceCount{})
	add("a public entry", &entry.Heartbeat{})
	return list
}

// The golden file has the sentences as people read them: elsewhere tests ask the catalogue.
func TestSentences(t *testing.T) {
	var b strings.Builder
	for _, x := range bodies() {
		common := entry.Common{Type: entry.TypeHeartbeat, Issuer: "lothian", IssuedAt: 1795338000}
		s := In(English).Describe(&entry.Entry{Common: common, Body: x.body})
		who := strings.Join([]string{s.Organisation, s.Role, s.Staff, s.System}, ", ")
		fmt.Fprintf(&b, "%s\n  what   %s\n  why    %s\n  result %s\n  who    %s\n", x.name, s.What, s.Why, s.Result, who)
		fmt.Fprintf(&b, "  rest   %s emergency %t machine %t %s %s\n",
			s.When.Format("2006-01-02 15:04:05"), s.Emergency, s.Machine, s.Agreement, s.Justification)
	}
	c := In(English)
	for _, v := range []*entry.Verdict{
		{Result: entry.Covered}, {Result: entry.BreakGlass}, {Result: entry.NotCovered}, {Result: entry.AttemptOnly},
		{Result: entry.DecisionOnly},
		{Result: entry.NotCovered, Agreement: "isa-1", Version: 2},
	} {
		fmt.Fprintf(&b, "verdict %s\n  %s\n  %s\n", v.Result, c.Verdict(v), c.LedgersWord(c.Verdict(v)))
	}
	for _, id := range []string{"agreement", "no-rule", "user-unnamed", "unknown"} {
		fmt.Fprintf(&b, "rule %s\n  %s\n  %s\n", id, c.Rule(id, ""), c.Rule(id, "As it was signed."))
	}
	for _, id := range []string{"follow-up", "review-refusal", "tell-person", "justify", "ask-consent", "redact", "new"} {
		fmt.Fprintf(&b, "obligation %s\n  %s\n  %s\n", id, c.Obligation(id, true, nil), c.Obligation(id, false, []string{"a|b", "c|d"}))
	}
	for _, f := range declared(t, "../../ledger", "Flag", 8) {
		fmt.Fprintf(&b, "flag %s\n  %s\n  %s\n", f, c.Flag(entry.Flag(f)), c.FlagAdvice(entry.Flag(f)))
	}
	path := "testdata/sentences.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the sentences changed; see the difference with -update\n%s", b.String())
	}
	if strings.Contains(b.String(), "{") {
		t.Error("something was not filled in")
	}
}

// What a source writes goes to terminals and pages: it must not be able to look like another line,
// or like another name.
func TestDescribeIsOneLine(t *testing.T) {
	s := In(English).Access(&entry.Access{Action: "R", Outcome: "0", Data: []string{resourceTypes + "|A\u0085B"}, Agreement: "a\x00b",
		Staff: &entry.Staff{Name: "A\x1b[2J\nName\u202e\u2028"}, Text: &entry.Text{Why: "a\tb", Justification: "x\r\ny"}})
	all := s.Staff + s.Why + s.Justification + s.What + s.Agreement
	if strings.ContainsAny(all, "\x00\x1b\n\r\t\u0085\u202e\u2028") || s.Staff != "A [2J Name" {
		t.Errorf("%q", all)
	}
}
