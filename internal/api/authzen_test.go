package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// The decision before an access equals the verdict that the access gets, and the verdict of the
// decision that is logged: for accesses of every kind, at every step of a story.
func TestDecisionIsTheVerdict(t *testing.T) {
	b := newBoard(t)
	accesses := map[string]func() *entry.Access{
		"own":            func() *entry.Access { return b.access("SRC", person) },
		"own, marketing": func() *entry.Access { a := b.access("SRC", person); a.Purpose = []string{"HMARKT"}; return a },
		"shared":         func() *entry.Access { return b.shared(person) },
		"other data": func() *entry.Access {
			return b.shared(person, func(a *entry.Access) { a.Data = append(a.Data, sct+"1") })
		},
		"other role": func() *entry.Access { return b.shared(person, func(a *entry.Access) { a.Role = []string{"clerk"} }) },
		"machine":    func() *entry.Access { return b.shared(person, func(a *entry.Access) { a.Role, a.Machine = nil, true }) },
		"research": func() *entry.Access {
			return b.shared(person, func(a *entry.Access) { a.Purpose = []string{"HRESCH"} })
		},
		"payment": func() *entry.Access {
			return b.shared(person, func(a *entry.Access) { a.Purpose = []string{"HPAYMT"} })
		},
		"no agreement": func() *entry.Access { return b.shared(person, func(a *entry.Access) { a.Agreement = "" }) },
		"unknown":      func() *entry.Access { return b.shared(person, func(a *entry.Access) { a.Agreement = "isa-9" }) },
		"for the person, by the person": func() *entry.Access {
			a := b.access("SRC", person)
			a.Purpose, a.Delegation = []string{"FAMRQT"}, deed
			return a
		},
		"emergency":   func() *entry.Access { return b.shared(person, breakGlass) },
		"unjustified": func() *entry.Access { return b.shared(person, breakGlass, func(a *entry.Access) { a.Text = nil }) },
	}
	seen := map[entry.VerdictResult]int{}
	guard := b.guard()
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"no agreement", func() {}},
		{"in force", func() { b.agree(b.isa("isa-1", 1)) }},
		{"the person refuses research and payment", func() { b.refuse(person, "HRESCH", "HPAYMT") }},
		{"suspended", func() { b.act("CTL", "isa-1", "suspend") }},
		{"terminated", func() { b.act("SRC", "isa-1", "terminate") }},
	} {
		step.do()
		for name, make := range accesses {
			a := make()
			q := questionOf(a)
			q.Context.Log = true
			got, err := guard.Decide(t.Context(), q)
			b.ok(err)
			blind, err := b.pep().Decide(t.Context(), q)
			b.ok(err)
			logged, err := b.log.Opening(t.Context(), got.Context.Index)
			b.ok(err)
			e := b.sign(b.submit["SRC"], a)
			res := b.log.Append(t.Context(), e)[0]
			b.ok(res.Err)
			if !got.Context.Verdict.Equal(res.Verdict) || !logged.Verdict.Equal(res.Verdict) {
				t.Errorf("%s, %s: decided %+v, its entry %+v, the access %+v", step.name, name,
					got.Context.Verdict.Verdict, logged.Verdict, res.Verdict)
			}
			if !blind.Context.Verdict.Equal(b.rules().Blind(res.Verdict)) || blind.Decision != got.Decision {
				t.Errorf("%s, %s: told blindly %+v, the access %+v", step.name, name, blind.Context.Verdict.Verdict, res.Verdict)
			}
			if got.Decision != (res.Verdict.Result != entry.NotCovered) ||
				len(got.Context.Verdict.Plain) == 0 || len(got.Context.Reasons) != len(res.Verdict.Rules) {
				t.Errorf("%s, %s: decision %v of a verdict %s, reasons %+v", step.name, name, got.Decision,
					res.Verdict.Result, got.Context.Reasons)
			}
			for _, r := range got.Context.Reasons {
				if r.Plain == "" && r.ID != "no-rule" {
					t.Errorf("%s has no words", r.ID)
				}
			}
			seen[res.Verdict.Result]++
		}
	}
	if len(seen) != 3 || seen[entry.Covered] < 5 {
		t.Errorf("the story has only %v", seen)
	}
}

// A decision about one number of a person takes into account what they refused under another.
func TestDecisionFollowsLinks(t *testing.T) {
	b := newBoard(t)
	const numbered = "temp:SRC:77"
	b.refuse(person, "HRESCH")
	guard := b.guard()
	ask := func() []string {
		t.Helper()
		a := b.access("SRC", numbered)
		a.Purpose = []string{"HRESCH"}
		got, err := guard.Decide(t.Context(), questionOf(a))
		b.ok(err)
		res := b.log.Append(t.Context(), b.sign(b.submit["SRC"], a))[0]
		b.ok(res.Err)
		if !got.Context.Verdict.Equal(res.Verdict) {
			t.Errorf("decided %+v, the access %+v", got.Context.Verdict.Verdict, res.Verdict)
		}
		return res.Verdict.Rules
	}
	if rules := ask(); slices.Contains(rules, "objection") {
		t.Errorf("before the link: %v", rules)
	}
	b.append(b.keys["SRC"], &entry.Link{Common: common("SRC"), Act: "linked", Reason: "one person", Sub: numbered, Other: person})
	if rules := ask(); !slices.Contains(rules, "objection") {
		t.Errorf("after the link: %v", rules)
	}
}

// The person sees attempts: a denial is in their history before the answer, with who asked for
// what. A permit is there only if the caller asked to log it, and then an access can name it.
func TestDenialsAreLogged(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	q := questionOf(b.shared(person))
	if d, err := b.pep().Decide(t.Context(), q); err != nil || !d.Decision || d.Context.ID != "" ||
		d.Context.Index != 0 || len(b.history(person)) != 0 {
		t.Fatalf("%+v %v, with %d entries", d, err, len(b.history(person)))
	}
	q.Context.Purpose, q.Context.Why = []string{"HPAYMT"}, "billing run"
	d, err := b.pep().Decide(t.Context(), q)
	b.ok(err)
	h := b.history(person)
	if d.Decision || len(h) != 1 {
		t.Fatalf("decision %v, %d entries", d.Decision, len(h))
	}
	x, ok := h[0].Body.(*entry.Decision)
	if !ok || x.Issuer != "OPR" || x.ID != d.Context.ID || x.Decision != "deny" || x.Org != "CTL" ||
		x.Holder != "SRC" || x.Staff == nil || x.Staff.ID != "N-1234" || x.Text == nil || x.Text.Why != "billing run" ||
		!slices.Equal(x.Rules, []string{"agreement-purpose"}) || !slices.Equal(x.Purpose, []string{"HPAYMT"}) ||
		x.Agreement != "isa-1" {
		t.Errorf("logged as %+v", h[0].Body)
	}
	q = questionOf(b.shared(person, breakGlass))
	q.Context.Log = true
	d, err = b.pep().Decide(t.Context(), q)
	if err != nil || !d.Decision || d.Context.ID == "" || len(d.Context.Obligations) == 0 {
		t.Fatalf("%+v %v", d, err)
	}
	b.append(b.submit["SRC"], b.shared(person, breakGlass, func(a *entry.Access) { a.Decision = d.Context.ID }))
	page, err := b.client(b.audit["AUD"], "AUD").Search(t.Context(), person, 0, 0)
	b.ok(err)
	if len(page.Accesses) != 3 {
		t.Fatalf("%d entries", len(page.Accesses))
	}
	access, permit, denial := page.Accesses[0], page.Accesses[1], page.Accesses[2]
	if access.Type != entry.TypeAccess || access.Access.Decision != d.Context.ID || access.Asked != nil ||
		access.Verdict == nil || access.Verdict.Result != entry.BreakGlass || len(access.Verdict.Plain) < 2 {
		t.Errorf("the access is shown as %+v", access)
	}
	if permit.Type != entry.TypeDecision || permit.Access != nil || permit.Asked.Decision != "permit" ||
		len(permit.Asked.Obligations) == 0 || permit.Asked.Access.Outcome != "0" {
		t.Errorf("the permit is shown as %+v", permit)
	}
	if denial.Access != nil || denial.Asked.Decision != "deny" || denial.Asked.Access.Organisation != "CTL" ||
		denial.Asked.Access.Staff.Name != "Ailsa Example" || denial.Asked.Access.Outcome != "8" {
		t.Errorf("the denial is shown as %+v", denial)
	}
}

// A denial that cannot be logged is not answered; the others of its list are. A permit that
// need not be logged does not need the log.
func TestDecisionIsRefusedIfItCannotBeLogged(t *testing.T) {
	b := newBoard(t)
	b.append(b.registrar, &entry.KeyRevocation{Common: common("REG"), Org: "OPR", KID: b.world.keys.Operator.KID, Reason: "retired"})
	permit, denial := questionOf(b.access("SRC", person)), questionOf(b.shared(person))
	if d, err := b.pep().Decide(t.Context(), permit); err != nil || !d.Decision {
		t.Fatalf("%+v %v", d, err)
	}
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	both := b.decideAll(client.Evaluations{Evaluations: []client.Evaluation{permit, denial}})
	if len(both) != 2 || !both[0].Decision || both[1].Decision || both[1].Context.Error == nil ||
		both[1].Context.Error.Status != http.StatusServiceUnavailable || both[1].Context.Verdict != nil {
		t.Errorf("beside a permit: %+v", both)
	}
	for path, body := range map[string]any{
		"/access/v1/evaluation":  denial,
		"/access/v1/evaluations": client.Evaluations{Evaluations: []client.Evaluation{denial, denial}},
	} {
		text, _ := json.Marshal(body)
		r := b.do("POST", path, string(text), "Authorization", auth)
		if code := r.problem(t); code != keyMismatch || strings.Contains(string(r.body), `"decision"`) {
			t.Errorf("%s: %s", path, r.body)
		}
	}
}

// decideAll asks for several decisions in one request.
func (b *board) decideAll(q client.Evaluations) []client.Decision {
	b.Helper()
	text, err := json.Marshal(q)
	b.ok(err)
	var out client.Decisions
	b.ok(json.Unmarshal(b.do("POST", "/access/v1/evaluations", string(text), "Authorization",
		"Bearer "+b.token(b.submit["SRC"], "SRC")).body, &out))
	return out.Evaluations
}

func TestEvaluations(t *testing.T) {
	b := newBoard(t)
	yes, no := questionOf(b.access("SRC", person)), questionOf(b.shared(person))
	for _, c := range []struct {
		semantic client.Semantic
		list     []client.Evaluation
		want     []bool
	}{
		{"", []client.Evaluation{yes, no, yes}, []bool{true, false, true}},
		{client.ExecuteAll, []client.Evaluation{no, yes}, []bool{false, true}},
		{client.DenyOnFirstDeny, []client.Evaluation{yes, no, yes}, []bool{true, false}},
		{client.DenyOnFirstDeny, []client.Evaluation{yes, yes}, []bool{true, true}},
		{client.DenyOnFirstDeny, []client.Evaluation{{}, yes}, []bool{false}},
		{client.PermitOnFirstPermit, []client.Evaluation{no, yes, no}, []bool{false, true}},
		{client.PermitOnFirstPermit, []client.Evaluation{{}, yes}, []bool{false, true}},
	} {
		before := len(b.history(person))
		got := b.decideAll(client.Evaluations{Evaluations: c.list, Options: &client.EvaluationOptions{Semantic: c.semantic}})
		var decided []bool
		denied := 0
		for _, d := range got {
			decided = append(decided, d.Decision)
			if !d.Decision && d.Context.Error == nil {
				denied++
			}
		}
		if !slices.Equal(decided, c.want) || len(b.history(person))-before != denied {
			t.Errorf("%q: %v, want %v; %d denials, %d logged", c.semantic, decided, c.want, denied, len(b.history(person))-before)
		}
	}
}

// What an evaluation leaves out is taken from the top, each of the four as a whole. An invalid
// evaluation has an error of its own.
func TestEvaluationDefaults(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	base := questionOf(b.shared(person))
	billing := &client.RequestContext{Purpose: []string{"HPAYMT"}, Agreement: "isa-1"}
	got := b.decideAll(client.Evaluations{Evaluation: base, Evaluations: []client.Evaluation{
		{},
		{Context: billing},
		{Context: &client.RequestContext{Purpose: []string{"TREAT"}}}, // the agreement is not taken over
		{Resource: &client.Resource{Type: "record", ID: "chi:1"}},
		{Action: &client.Action{Name: "burn"}},
	}})
	var text []string
	for _, d := range got {
		switch x := d.Context; {
		case x.Error != nil:
			text = append(text, fmt.Sprint(x.Error.Status))
		case x.Verdict == nil:
			text = append(text, fmt.Sprint(d.Decision, " [", x.Reasons[0].ID, "]"))
		default:
			text = append(text, fmt.Sprint(d.Decision, x.Verdict.Rules))
		}
	}
	want := []string{"true [agreement]", "false [agreement-purpose]", "false [agreement-named]",
		"false [unknown-resource]", "false [unknown-action]"}
	if !slices.Equal(text, want) {
		t.Errorf("got %q, want %q", text, want)
	}
	if got := len(b.history(person)); got != 2 {
		t.Errorf("%d denials are logged, want 2", got)
	}
}

// Bad requests are refused whole and say what is wrong, without the person's id.
func TestBadEvaluations(t *testing.T) {
	b := newBoard(t)
	good, _ := json.Marshal(questionOf(b.access("SRC", person)))
	with := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	others := questionOf(b.access("OTH", person))
	others.Subject.Properties.Organisation = "CTL"
	foreign, _ := json.Marshal(others)
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	for name, c := range map[string]struct{ body, code string }{
		"not JSON":              {`{`, badRequest},
		"twice":                 {`{"subject":{},"subject":{}}`, badRequest},
		"wrong type":            {with(`"id":"N-1234"`, `"id":1`), badRequest},
		"nothing":               {`{}`, badRequest},
		"no action":             {with(`"action":`, `"actions":`), badRequest},
		"no kind of subject":    {with(`"type":"staff"`, `"type":""`), badRequest},
		"no subject id":         {with(`"id":"N-1234"`, `"id":""`), badRequest},
		"no name of the action": {with(`"name":"R"`, `"name":""`), badRequest},
		"no kind of resource":   {with(`"type":"record"`, `"kind":"record"`), badRequest},
		"no id":                 {with(person, ""), badRequest},
		"in another's name":     {string(foreign), forbidden},
		"no organisation":       {with(`"properties":{"role"`, `"properties":{"organisation":"a b","role"`), string(wire.BadClaim)},
		"a control character":   {with(`"nurse"`, `"nurse\u0007"`), string(wire.BadClaim)},
		"too many codes":        {with(`"nurse"`, `"nurse"`+strings.Repeat(`,"x"`, 64)), badRequest},
		"too long a reason":     {with(`"context":{`, `"context":{"why":"`+strings.Repeat("x", 65<<10)+`",`), tooLarge},
	} {
		before := b.size()
		r := b.do("POST", "/access/v1/evaluation", c.body, "Authorization", auth)
		if code := r.problem(t); code != c.code {
			t.Errorf("%s: %s, want %s: %s", name, code, c.code, r.body)
		}
		if strings.Contains(string(r.body), "0101011237") || b.size() != before {
			t.Errorf("%s: the refusal tells the id, or something was logged: %s", name, r.body)
		}
	}
	for name, body := range map[string]string{
		"unknown semantic": `{"options":{"evaluations_semantic":"whatever"},"evaluations":[{}]}`,
		"too many":         `{"evaluations":[{}` + strings.Repeat(",{}", client.MaxEvaluations) + `]}`,
	} {
		if code := b.do("POST", "/access/v1/evaluations", body, "Authorization", auth).problem(t); code != badRequest {
			t.Errorf("%s: %s", name, code)
		}
	}
	if strings.Contains(b.lines.String(), "0101011237") {
		t.Error("the server logged an id")
	}
}

// AuthZEN requires that unknown members are ignored, that a request without a list is one
// evaluation, and that every answer, even a refusal, repeats the request's id.
func TestAuthZENTransport(t *testing.T) {
	b := newBoard(t)
	auth := "Bearer " + b.token(b.submit["SRC"], "SRC")
	good, _ := json.Marshal(questionOf(b.access("SRC", person)))
	more := strings.Replace(string(good), `{"subject":{`, `{"extra":1,"subject":{"beyond":{"a":[null]},`, 1)
	for _, path := range []string{"/access/v1/evaluation", "/access/v1/evaluations"} {
		r := b.do("POST", path, more, "Authorization", auth, "X-Request-ID", "bfe9eb29-ab87")
		var d client.Decision
		if err := json.Unmarshal(r.body, &d); err != nil || r.StatusCode != 200 || !d.Decision ||
			r.Header.Get("X-Request-ID") != "bfe9eb29-ab87" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s with X-Request-ID %q", path, r.StatusCode, r.body, r.Header.Get("X-Request-ID"))
		}
	}
	r := b.do("POST", "/access/v1/evaluation", `{}`, "Authorization", auth, "X-Request-ID", "7")
	if r.Header.Get("X-Request-ID") != "7" {
		t.Error("a refusal does not repeat the request's id")
	}
	if r := b.do("POST", "/access/v1/evaluation", `{}`, "X-Request-ID", "8"); r.StatusCode != 401 ||
		r.Header.Get("X-Request-ID") != "8" {
		t.Errorf("without a token: %d with X-Request-ID %q", r.StatusCode, r.Header.Get("X-Request-ID"))
	}
	for _, id := range []string{strings.Repeat("x", 10_000), "a b/üü", `"; drop`} {
		if r := b.do("POST", "/access/v1/evaluation", `{}`, "X-Request-ID", id); r.Header.Get("X-Request-ID") != id {
			t.Errorf("the id %.20q comes back as %.20q", id, r.Header.Get("X-Request-ID"))
		}
	}
	if r := b.do("POST", "/access/v1/evaluation", `{}`, "X-Request-ID", "a\tb"); r.Header.Get("X-Request-ID") != "" {
		t.Error("an id with a control character is repeated")
	}
	r = b.do("GET", "/.well-known/authzen-configuration", "", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "elsewhere.example")
	var p client.PDP
	b.ok(json.Unmarshal(r.body, &p))
	if want := (client.PDP{PolicyDecisionPoint: publicURL,
		Evaluation: publicURL + "/access/v1/evaluation", Evaluations: publicURL + "/access/v1/evaluations", SupportedObligations: []string{"custom"}}); !reflect.DeepEqual(
		p, want,
	) {
		t.Errorf("%+v", p)
	}
}

// The answer as a FHIR AuditEvent has what the profile AuthZconsent requires, once each, and reads
// back as an event about the person.
func TestDecisionAsAuditEvent(t *testing.T) {
	b := newBoard(t)
	b.agree(b.isa("isa-1", 1))
	b.refuse(person, "HRESCH")
	for _, c := range []struct {
		name, purpose, outcome, consent string
		accept                          bool
		key                             *wire.Signer
	}{
		{"permit", "TREAT", "0", "", false, b.submit["SRC"]},
		{"denial", "HPAYMT", "8", "", true, b.submit["SRC"]},
		{"refusal", "HRESCH", "8", "", false, b.submit["SRC"]},
		{"refusal, told to the guard", "HRESCH", "8", consentID, false, b.addKey("SRC", entry.PurposeGuard)},
	} {
		q := questionOf(b.shared(person, func(a *entry.Access) { a.Purpose = []string{c.purpose} }))
		q.Context.Agreement = "isa-1"
		path, accept := "/access/v1/evaluation?_format=fhir", ""
		if c.accept {
			path, accept = "/access/v1/evaluation", fhirJSON+"; charset=utf-8, */*;q=0.1"
		}
		text, _ := json.Marshal(q)
		r := b.do("POST", path, string(text), "Authorization", "Bearer "+b.token(c.key, "SRC"), "Accept", accept)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != fhirJSON {
			t.Fatalf("%s: %d %s", c.name, r.StatusCode, r.body)
		}
		var e struct {
			ResourceType, ID, Action, Outcome, OutcomeDesc string
			Meta                                           struct{ Profile []string }
			Type                                           struct{ Code string }
			Subtype                                        []struct{ Code string }
			Source                                         struct{ Observer any }
			Agent                                          []struct {
				Type      struct{ Coding []struct{ Code string } }
				Who       any
				Requestor *bool
				Policy    []string
				Network   struct{ Address string }
			}
			Entity []struct {
				Type struct{ Code string }
				What struct {
					Identifier struct{ Value string }
					Display    string
				}
			}
		}
		b.ok(json.Unmarshal(r.body, &e))
		if e.ResourceType != "AuditEvent" || e.Type.Code != "110113" || len(e.Subtype) != 1 ||
			e.Subtype[0].Code != "AuthZ-Consent" || e.Action != "E" || e.Outcome != c.outcome || e.OutcomeDesc == "" ||
			!slices.Equal(e.Meta.Profile,
				[]string{"https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent"}) ||
			(e.ID == "") != (c.outcome == "0") {
			t.Errorf("%s: %s", c.name, r.body)
		}
		var agents []string
		for _, a := range e.Agent {
			agents = append(agents, a.Type.Coding[0].Code)
			if a.Who == nil || a.Requestor == nil || *a.Requestor != (a.Type.Coding[0].Code == "IRCP") {
				t.Errorf("%s: agent %+v", c.name, a)
			}
			switch a.Type.Coding[0].Code {
			case "authserver":
				if fmt.Sprint(a.Who) != fmt.Sprint(e.Source.Observer) {
					t.Errorf("%s: the authoriser %v is not the observer %v", c.name, a.Who, e.Source.Observer)
				}
			case "110150":
				if a.Network.Address != "127.0.0.1" {
					t.Errorf("%s: the client has the address %q", c.name, a.Network.Address)
				}
			case "IRCP":
				if !slices.Equal(a.Policy, []string{audit.AgreementURI + "isa-1"}) {
					t.Errorf("%s: the user's policy is %q", c.name, a.Policy)
				}
			}
		}
		if !slices.Equal(agents, []string{"110150", "IRCP", "PROV", "authserver"}) {
			t.Errorf("%s: agents %q", c.name, agents)
		}
		if len(e.Entity) != 2 || e.Entity[0].Type.Code != "1" || e.Entity[1].Type.Code != "Consent" ||
			c.consent != "" && e.Entity[1].What.Identifier.Value != "urn:uuid:"+c.consent ||
			c.consent == "" && e.Entity[1].What.Display == "" {
			t.Errorf("%s: entities %+v", c.name, e.Entity)
		}
		back, _, err := audit.Conversion{Issuer: "SRC", Audience: origin}.FromAuditEvent(r.body)
		if err != nil || len(back) != 1 || back[0].Sub != person || back[0].Org != "CTL" ||
			!slices.Equal(back[0].Purpose, []string{c.purpose}) || back[0].Agreement != "isa-1" {
			t.Errorf("%s: read back as %+v, %v", c.name, back, err)
		}
	}
	if code := b.do("POST", "/access/v1/evaluation?_format=xml", "{}", "Authorization",
		"Bearer "+b.token(b.submit["SRC"], "SRC")).problem(t); code != badRequest {
		t.Errorf("a format that is not known: %s", code)
	}
}
