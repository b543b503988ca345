package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
	"igledger/policies/readers"
)

// The OpenID AuthZEN Authorization API 1.0. Before an access, a system that guards records asks
// what the ledger's verdict on it would be. Both come from consent.Rules.Decide, so they agree
// unless the rules change in between.

// Limits of a request for decisions, in addition to client.MaxEvaluations.
const (
	maxEvaluationsBody = 1 << 20
	maxCodes           = 64
)

// semantics are the ways to answer a list that a caller can choose from.
var semantics = []client.Semantic{client.ExecuteAll, client.DenyOnFirstDeny, client.PermitOnFirstPermit}

// question is one evaluation on its way to an answer.
type question struct {
	asked   *entry.Decision // nil if the evaluation could not be read or was not understood
	unknown string          // what of the evaluation this ledger does not know; its answer is a denial
	entry   *entry.Entry    // asked, signed
	decided consent.Decided
	index   uint64
	keep    bool  // it must be logged, or was
	whole   bool  // the caller is told what the person chose
	known   bool  // and its organisation recorded the consent that decided
	err     error // what is wrong with this question alone; it makes the answer a denial
}

func (q *question) permitted() bool {
	return q.err == nil && q.unknown == "" && q.decided.Result != entry.NotCovered
}

// evaluation is POST /access/v1/evaluation.
func (a *api) evaluation(w http.ResponseWriter, r *request) error {
	fhir, err := wantsFHIR(r.Request)
	if err != nil {
		return err
	}
	var body client.Evaluation
	data, err := a.openBody(r, maxBody)
	if err != nil {
		return err
	}
	if err := readEvaluation(data, &body); err != nil {
		return err
	}
	return a.answerOne(w, r, body, fhir)
}

func (a *api) answerOne(w http.ResponseWriter, r *request, body client.Evaluation, fhir bool) error {
	rules, list, err := a.decide(r.Context(), r.caller, []evaluated{{body, nil}}, client.ExecuteAll)
	if err != nil {
		return err
	}
	switch q := list[0]; {
	case q.err != nil:
		return q.err
	case fhir && q.unknown != "":
		return &refusal{code: badRequest, detail: said.Rule(q.unknown, "")}
	case fhir:
		return answerFHIR(w, r, rules, q)
	}
	return answer(w, list[0].answer(rules))
}

// evaluated is an evaluation of a list, or what is wrong with its form.
type evaluated struct {
	client.Evaluation
	err error
}

// evaluations is POST /access/v1/evaluations. A request without a list is one evaluation. A fault
// in one evaluation is told in its own answer, and the others are decided.
func (a *api) evaluations(w http.ResponseWriter, r *request) error {
	var body struct {
		client.Evaluation
		Evaluations []jsontext.Value          `json:"evaluations"`
		Options     *client.EvaluationOptions `json:"options"`
	}
	if err := a.decodeOpen(r, maxEvaluationsBody, "evaluations", &body); err != nil {
		return err
	}
	semantic := client.ExecuteAll
	if body.Options != nil && body.Options.Semantic != "" {
		semantic = body.Options.Semantic
	}
	switch {
	case !slices.Contains(semantics, semantic):
		const detail = "options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit"
		return &refusal{code: badRequest, detail: detail}
	case len(body.Evaluations) > client.MaxEvaluations:
		return &refusal{
			code: badRequest, detail: "evaluations has more than " + strconv.Itoa(client.MaxEvaluations) + " members",
		}
	case len(body.Evaluations) == 0:
		return a.answerOne(w, r, body.Evaluation, false)
	}
	asked := make([]evaluated, len(body.Evaluations))
	for i, text := range body.Evaluations {
		asked[i].err = readEvaluation(text, &asked[i].Evaluation)
		if text.Kind() == 'n' {
			asked[i].err = &refusal{code: badRequest, detail: "an evaluation must be an object"}
		}
		asked[i].Evaluation = withDefaults(asked[i].Evaluation, body.Evaluation)
	}
	rules, list, err := a.decide(r.Context(), r.caller, asked, semantic)
	if err != nil {
		return err
	}
	out := client.Decisions{Evaluations: make([]client.Decision, len(list))}
	for i, q := range list {
		out.Evaluations[i] = q.answer(rules)
	}
	return answer(w, out)
}

// withDefaults returns e with what it leaves out taken from d: each of the four as a whole (AuthZEN
// section 7.1.1).
func withDefaults(e, d client.Evaluation) client.Evaluation {
	return client.Evaluation{
		Subject: cmp.Or(e.Subject, d.Subject), Action: cmp.Or(e.Action, d.Action),
		Resource: cmp.Or(e.Resource, d.Resource), Context: cmp.Or(e.Context, d.Context),
	}
}

// decide answers evaluations in order, as far as the semantic requires. It returns when everything
// that must be logged is in the log, or its question has an error. If it returns an error, the
// caller must be given no decision.
func (a *api) decide(
	ctx context.Context, c *caller, list []evaluated, semantic client.Semantic,
) (*consent.Rules, []*question, error) {
	rules, err := a.rules(ctx)
	if err != nil {
		return nil, nil, err
	}
	var out []*question
	people := persons{ctx: ctx, log: a.log, states: map[string][]byte{}}
	for _, e := range list {
		q := &question{err: e.err}
		if q.err == nil {
			q.asked, q.unknown, q.err = a.ask(c, e.Evaluation)
		}
		if q.asked != nil {
			q.keep = e.Context != nil && e.Context.Log
			q.whole = readers.Guards(c.Issuer, q.asked.Holder, c.purposes)
			if q.err = q.decide(rules, &people, a.log.Operator(), c.Issuer); q.err != nil && refusalOf(q.err).code == internal {
				a.logger.Error("a decision failed", "error", q.err)
			}
		}
		out = append(out, q)
		if semantic == client.DenyOnFirstDeny && !q.permitted() ||
			semantic == client.PermitOnFirstPermit && q.permitted() {
			break
		}
	}
	a.logDecisions(ctx, out)
	return rules, out, ownFaults(out)
}

// ownFaults returns the error of the first question if the server is at fault for all of them.
func ownFaults(list []*question) error {
	for _, q := range list {
		if q.err == nil || refusalOf(q.err).problem().Status < http.StatusInternalServerError {
			return nil
		}
	}
	return list[0].err
}

// persons reads the states of people, each once, since a list is often about one person.
type persons struct {
	ctx    context.Context
	log    *ledger.Log
	states map[string][]byte
	err    error // of the last question
}

func (p *persons) state(id string) []byte {
	if _, known := p.states[id]; !known && p.err == nil {
		var s []byte
		if s, p.err = p.log.Person(p.ctx, id); p.err == nil {
			p.states[id] = s
		}
	}
	return p.states[id]
}

// decide fills in the decision and signs the entry. caller is the organisation that asks.
func (q *question) decide(rules *consent.Rules, people *persons, operator *wire.Signer, caller string) error {
	people.err = nil
	decided, err := rules.Decide(consent.AsAccess(q.asked), people.state)
	if err := cmp.Or(people.err, err); err != nil {
		return err
	}
	q.decided = decided
	if id := decided.Verdict.Consent; id != "" && q.whole {
		recorder, err := rules.RecorderOf(id, q.asked.Sub, people.state)
		if err := cmp.Or(people.err, err); err != nil {
			return err
		}
		q.known = recorder == caller
	}
	// The entry says what everybody was told, because the organisation that asked can read it
	// later. Why it was so is in the verdict that the ledger keeps with it.
	q.asked.Decision, q.asked.Rules = "permit", decided.Blind.Rules
	if decided.Result == entry.NotCovered {
		q.asked.Decision = "deny"
	} else {
		for _, o := range decided.Blind.Obligations {
			q.asked.Obligations = append(q.asked.Obligations, o.ID)
		}
	}
	// It is signed even if it is not logged, because signing checks the claims.
	q.entry, err = entry.Sign(operator, q.asked)
	if err != nil {
		return refuse(err)
	}
	// People see at once who was denied and who overrode. All overrides are logged, so that this
	// one is tells nothing.
	q.keep = q.keep || decided.Result != entry.Covered
	return nil
}

// logDecisions appends the decisions that must be kept, in one call. A question whose decision
// could not be logged is not answered: it gets an error.
func (a *api) logDecisions(ctx context.Context, list []*question) {
	var kept []*question
	var entries []*entry.Entry
	for _, q := range list {
		if q.keep && q.err == nil {
			kept, entries = append(kept, q), append(entries, q.entry)
		}
	}
	if len(entries) == 0 {
		return
	}
	for i, res := range a.log.Append(ctx, entries...) {
		kept[i].index = res.Index
		if res.Err != nil {
			kept[i].err = a.unlogged("a decision", "the decision could not be logged, so it is not shown", res.Err)
		}
	}
}

// told returns the verdict and the decision as the caller is told them: the blind form, but all to
// the guard of the organisation that holds the record. It is told which consent decided only if its
// organisation recorded it.
func (q *question) told(rules *consent.Rules) (*entry.Verdict, policies.Decision) {
	if !q.whole {
		return rules.Blind(q.decided.Verdict), q.decided.Blind
	}
	v := *q.decided.Verdict
	if !q.known {
		v.Consent = ""
	}
	return &v, q.decided.Decision
}

// answer returns what the caller is told.
func (q *question) answer(rules *consent.Rules) client.Decision {
	switch {
	case q.err != nil:
		p := refusalOf(q.err).problem()
		e := &client.EvaluationError{Status: p.Status, Message: p.Title + ": " + p.Detail}
		return client.Decision{Context: &client.DecisionContext{Error: e}}
	case q.unknown != "":
		why := client.Reason{ID: q.unknown, Plain: said.Rule(q.unknown, "")}
		return client.Decision{Context: &client.DecisionContext{Reasons: []client.Reason{why}}}
	}
	v, d := q.told(rules)
	x := &client.DecisionContext{Verdict: inWords(rules, v), Index: q.index}
	if q.keep {
		x.ID = q.entry.ID
	}
	for i, words := range rules.Reasons(v) {
		x.Reasons = append(x.Reasons, client.Reason{ID: v.Rules[i], Plain: said.Rule(v.Rules[i], words)})
	}
	for _, o := range d.Obligations {
		x.Obligations = append(x.Obligations, client.NewObligation(o.ID, o.Codes))
	}
	return client.Decision{Decision: q.permitted(), Context: x}
}
