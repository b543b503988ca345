package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"igledger/internal/client"
	"igledger/ledger/entry"
)

// choose records a choice of a person at SRC.
func (b *board) choose(id string, rule *entry.ConsentRule, change ...func(*entry.Consent)) {
	b.Helper()
	c := &entry.Consent{
		Common: common("SRC"), Consent: uuid.NewString(), Act: "refused", Scope: "patient-privacy",
		Decided: time.Now().UTC().Format(time.RFC3339), Expressed: entry.Expressed{How: "written"}, Rule: rule, Sub: id,
	}
	if rule.Decision == "permit" {
		c.Act = "given"
	}
	for _, f := range change {
		f(c)
	}
	b.append(b.keys["SRC"], c)
}

// people who permitted nothing of what the test asks, by what they chose instead. Ids are of one
// length.
func (b *board) unpermitting() map[string]string {
	id := func(name string) string { return fmt.Sprintf("temp:SRC:%016x", name+"................") }
	people := map[string]string{}
	for _, name := range []string{
		"unknown", "never asked", "refused", "restricted", "restricted a nurse", "a category", "other number",
		"withdrew",
	} {
		people[name] = id(name)[:len("temp:SRC:")+16]
	}
	deny := func(change func(r *entry.ConsentRule)) *entry.ConsentRule {
		r := &entry.ConsentRule{Decision: "deny"}
		change(r)
		return r
	}
	b.append(b.submit["SRC"], b.access("SRC", people["never asked"]))
	b.choose(people["refused"], deny(func(*entry.ConsentRule) {}))
	b.choose(people["restricted"], deny(func(r *entry.ConsentRule) { r.Restricts = true }))
	b.choose(people["restricted a nurse"], deny(func(r *entry.ConsentRule) { r.Restricts, r.Roles = true, []string{"nurse"} }))
	b.choose(people["a category"], deny(func(r *entry.ConsentRule) { r.Restricts, r.Data = true, []string{sct + "371531000"} }))
	b.choose("temp:SRC:elsewhere", deny(func(r *entry.ConsentRule) { r.Restricts = true }))
	b.append(b.keys["SRC"], &entry.Link{Common: common("SRC"), Act: "linked", Reason: "one person",
		Sub: people["other number"], Other: "temp:SRC:elsewhere"})
	record := uuid.NewString()
	b.choose(people["withdrew"], &entry.ConsentRule{Decision: "permit"}, func(c *entry.Consent) { c.Consent = record })
	b.choose(people["withdrew"], &entry.ConsentRule{}, func(c *entry.Consent) { c.Consent, c.Act, c.Rule = record, "withdrawn", nil })
	return people
}

// questions under agreements with and without consent as their basis.
func (b *board) blindQuestions() map[string]func(id string) client.Evaluation {
	ask := func(change ...func(*entry.Access)) func(string) client.Evaluation {
		return func(id string) client.Evaluation { return questionOf(b.shared(id, change...)) }
	}
	under := func(isa string) func(*entry.Access) { return func(a *entry.Access) { a.Agreement = isa } }
	purpose := func(p ...string) func(*entry.Access) { return func(a *entry.Access) { a.Purpose = p } }
	own := func(a *entry.Access) { a.Org, a.Agreement = "SRC", "" }
	return map[string]func(string) client.Evaluation{
		"care, on consent":               ask(under("isa-consent")),
		"research, on consent":           ask(under("isa-consent"), purpose("HRESCH")),
		"another purpose, on consent":    ask(under("isa-consent"), purpose("HPAYMT")),
		"another role, on consent":       ask(under("isa-consent"), func(a *entry.Access) { a.Role = []string{"clerk"} }),
		"no data, on consent":            ask(under("isa-consent"), func(a *entry.Access) { a.Data = nil }),
		"more data, on consent":          ask(under("isa-consent"), func(a *entry.Access) { a.Data = append(a.Data, sct+"1") }),
		"a machine, on consent":          ask(under("isa-consent"), func(a *entry.Access) { a.Role, a.Machine = nil, true }),
		"no purpose":                     ask(purpose()),
		"payment":                        ask(purpose("HPAYMT")),
		"research":                       ask(purpose("HRESCH")),
		"more data":                      ask(func(a *entry.Access) { a.Data = append(a.Data, sct+"1") }),
		"no agreement":                   ask(under("")),
		"unknown agreement":              ask(under("isa-9")),
		"own, marketing":                 ask(own, purpose("HMARKT")),
		"own, no purpose":                ask(own, purpose()),
		"for the family":                 ask(own, purpose("FAMRQT")),
		"under an authority":             ask(own, purpose("FAMRQT"), func(a *entry.Access) { a.Delegation = deed }),
		"emergency":                      ask(breakGlass),
		"emergency, on consent":          ask(breakGlass, under("isa-consent")),
		"emergency, own":                 ask(breakGlass, own),
		"emergency, no agreement":        ask(breakGlass, under("")),
		"emergency, no reason, wrong":    ask(breakGlass, under("isa-consent"), purpose("HMARKT"), func(a *entry.Access) { a.Text = nil }),
		"emergency, no reason, consent":  ask(breakGlass, under("isa-consent"), func(a *entry.Access) { a.Text = nil }),
		"care, on consent, several aims": ask(under("isa-consent"), purpose("TREAT", "HRESCH")),
	}
}

// What has to differ between two answers: the entry, and whose record it is.
var entryOf = regexp.MustCompile(`"(id":"[0-9a-f-]{36}|index":[0-9]+|value":"[0-9a-f]{16}|recorded":"[^"]*)"?`)

// To all but the guard of the organisation that holds the record, the answer about who refused, of
// whatever kind, is byte for byte that about who was never asked and about who is unknown.
func TestAnswersAreBlind(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.agree(b.isa("isa-consent", 1, func(a *entry.AgreementText) { a.Article6 = []string{"a"} }))
	people := b.unpermitting()
	guard := b.addKey("SRC", entry.PurposeGuard)
	callers := map[string]string{
		"the officer of who accesses":  b.token(b.audit["CTL"], "CTL"),
		"its own guard":                b.token(b.addKey("CTL", entry.PurposeGuard), "CTL"),
		"another system of the holder": b.token(b.submit["SRC"], "SRC"),
	}
	words := regexp.MustCompile(`(?i)refus|object|restrict|consent-|ask-consent|review`)
	questions := b.blindQuestions()
	names := slices.Sorted(maps.Keys(questions))
	if testing.Short() {
		names = names[:2]
	}
	for _, question := range names {
		of := questions[question]
		for caller, token := range callers {
			if caller != "another system of the holder" && of(person).Subject.Properties.Organisation != "CTL" {
				continue
			}
			paths := []string{"/access/v1/evaluation", "/access/v1/evaluation?_format=fhir", "/access/v1/evaluations"}
			if caller != "another system of the holder" {
				paths = paths[:1]
			}
			for _, path := range paths {
				seen, first := "", ""
				for name, id := range people {
					one, err := json.Marshal(of(id))
					b.ok(err)
					if strings.HasSuffix(path, "s") {
						one, err = json.Marshal(client.Evaluations{Evaluation: of(id), Evaluations: []client.Evaluation{{}, {}}})
						b.ok(err)
					}
					r := b.do("POST", path, string(one), "Authorization", "Bearer "+token, "X-Request-ID", "7")
					r.Header.Del("Date")
					r.Header.Del("Content-Length") // of the index, which grows
					got := fmt.Sprint(r.StatusCode, r.Header) + entryOf.ReplaceAllString(
						strings.ReplaceAll(string(r.body), id[len("temp:SRC:"):], "whose"), `"…"`,
					)
					if seen == "" {
						seen, first = got, name
					} else if got != seen {
						t.Fatalf("%s, %s, %s: who %s gets\n%s\nbut who %s\n%s", question, caller, path, name, got, first, seen)
					}
					if told := words.Find(r.body); told != nil && !strings.Contains(path, "fhir") {
						t.Fatalf("%s, %s: the answer says %q: %s", question, caller, told, r.body)
					}
				}
			}
		}
	}
	// The guard is told the truth, and the person's own history has it; the entry itself is blind.
	q := b.blindQuestions()["care, on consent"](people["restricted"])
	d, err := b.client(guard, "SRC").Decide(t.Context(), q)
	b.ok(err)
	if d.Decision || !slices.Equal(d.Context.Verdict.Rules, []string{"consent-refused", "restriction"}) {
		t.Errorf("the guard is told %+v", d.Context)
	}
	o, err := b.log.Opening(t.Context(), d.Context.Index)
	b.ok(err)
	if !slices.Equal(o.Verdict.Rules, d.Context.Verdict.Rules) {
		t.Errorf("the person's history has %+v", o.Verdict)
	}
	if e, err := entry.ParseParts(o.JWS, o.Disclosures); err != nil || !slices.Equal(e.Body.(*entry.Decision).Rules, []string{"no-rule"}) {
		t.Errorf("the entry says %+v: %v", e.Body, err)
	}
}

// A restriction stops care, by others and by the holder's own staff, where permission to all others
// goes on. The denial says nothing, an override goes through, and both are in the person's history
// at once.
func TestRestriction(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.choose(person, &entry.ConsentRule{Decision: "deny", Restricts: true, Roles: []string{"nurse"}})
	guard := b.guard()
	own := func(role string) client.Evaluation {
		a := b.access("SRC", person)
		a.Role = []string{role}
		return questionOf(a)
	}
	for name, c := range map[string]struct {
		q    client.Evaluation
		want bool
		rule string
	}{
		"another organisation's nurse": {questionOf(b.shared(person)), false, "restriction"},
		"the holder's own nurse":       {own("nurse"), false, "restriction"},
		"its doctor":                   {own("doctor"), true, "own-records"},
		"someone without a role":       {questionOf(b.access("SRC", person)), false, "restriction"},
		"an override":                  {questionOf(b.shared(person, breakGlass)), true, "break-glass-restricted"},
	} {
		before := len(b.history(person))
		d, err := b.pep().Decide(t.Context(), c.q)
		b.ok(err)
		whole, err := guard.Decide(t.Context(), c.q)
		b.ok(err)
		if d.Decision != c.want || whole.Decision != c.want || !slices.Contains(whole.Context.Verdict.Rules, c.rule) {
			t.Errorf("%s: %v, the guard is told %+v", name, d.Decision, whole.Context.Verdict)
		}
		text, _ := json.Marshal(d)
		if bytes.Contains(text, []byte("restrict")) {
			t.Errorf("%s is told %s", name, text)
		}
		if logged := len(b.history(person)) - before; logged != map[bool]int{true: 2, false: 0}[c.rule != "own-records"] {
			t.Errorf("%s: %d entries in the person's history", name, logged)
		}
		if c.rule == "break-glass-restricted" && (len(d.Context.Obligations) != 1 || len(whole.Context.Obligations) != 3) {
			t.Errorf("%s: obligations %+v, the guard's %+v", name, d.Context.Obligations, whole.Context.Obligations)
		}
	}
}

// Everything that an organisation can read of an access that a choice restricts says that it is not
// covered, and not why: its own history in each form, receipts, reports. The holder's report, the
// auditor and the person are told.
func TestReadingsAreBlind(t *testing.T) {
	b := newBoard(t)
	f := b.withIndex()
	b.agree(b.isa("isa-1", 1))
	b.choose(person, &entry.ConsentRule{Decision: "deny", Restricts: true})
	q := questionOf(b.shared(person))
	_, err := b.client(b.audit["CTL"], "CTL").Decide(t.Context(), q)
	b.ok(err)
	taken := b.do("POST", "/v1/entries", submission(b.sign(b.submit["SRC"], b.shared(person)).SDJWT(),
		b.sign(b.submit["SRC"], b.shared(person, breakGlass)).SDJWT(), b.sign(b.submit["SRC"], b.access("SRC", person)).SDJWT()))
	var results client.Results
	b.ok(json.Unmarshal(taken.body, &results))
	b.ok(f.Step(t.Context()))
	at, jti := results.Results[0].Index, b.history(person)[2].ID
	submit := "Bearer " + b.token(b.submit["SRC"], "SRC")
	words := regexp.MustCompile(`"(objection|restriction|consent-[a-z]+|break-glass-[a-z]+)"|restricted their|review-refusal|tell-person`)
	told := func(what string, want bool, r reply) {
		t.Helper()
		if r.StatusCode != 200 || !bytes.Contains(r.body, []byte("not-covered")) && !strings.Contains(what, "glass") &&
			!strings.Contains(what, "looks up") {
			t.Errorf("%s: %d %s", what, r.StatusCode, r.body)
		}
		if got := words.Find(r.body); (got != nil) != want {
			t.Errorf("%s: is told %q", what, got)
		}
	}
	told("who submitted", false, taken)
	told("who looks up receipts", false, b.do("POST", "/v1/receipts/lookup", `{"jti":["`+jti+`"]}`, "Authorization", submit))
	body := `{"id":"` + person + `","purpose":["HCOMPL"]}`
	for name, c := range map[string]struct {
		auth string
		want bool
	}{
		"accessing organisation": {"Bearer " + b.token(b.audit["CTL"], "CTL"), false},
		"holder":                 {"Bearer " + b.token(b.addKey("SRC", entry.PurposeAudit), "SRC"), false},
		"auditor":                {"Bearer " + b.token(b.audit["AUD"], "AUD"), true},
	} {
		told(name+", history", c.want, b.do("POST", "/v1/accesses/search", body, "Authorization", c.auth))
		told(name+", history in FHIR", c.want, b.find(c.auth, "patient="+person+forCompliance))
		told(name+", statement or extract", c.want, b.do("POST", "/v1/statements", body, "Authorization", c.auth))
		told(name+", opening", c.want, b.do("GET", fmt.Sprint("/v1/openings/", at, "?purpose=HCOMPL"), "", "Authorization", c.auth))
		report := c.want || name == "holder"
		told(name+", report", report, b.do("POST", "/v1/reports", `{"kind":"uncovered","purpose":["HCOMPL"]}`, "Authorization", c.auth))
		told(
			name+", report of break-glass", report,
			b.do("POST", "/v1/reports", `{"kind":"break-glass","purpose":["HCOMPL"]}`, "Authorization", c.auth),
		)
	}
	told("bulk", true, b.do("GET", "/v1/openings?from=0&purpose=HCOMPL", "", "Authorization", "Bearer "+b.token(b.audit["AUD"], "AUD")))
	desk := b.desk()
	desk.Purpose, desk.Request, desk.Identity = []string{"PATRQT"}, "SAR-1", entry.ByDocuments
	page, err := desk.Search(t.Context(), person, 0, 0)
	b.ok(err)
	if text, _ := json.Marshal(page); !bytes.Contains(text, []byte(`"restriction"`)) ||
		!bytes.Contains(text, []byte(`break-glass-restricted`)) {
		t.Errorf("the person is told %s", text)
	}
}
