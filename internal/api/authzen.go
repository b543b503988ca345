package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"igledger/consent"
	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
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
	asked   *entry.Decision // nil if the evaluation could not be read, see err
	entry   *entry.Entry    // asked, signed
	decided policies.Decision
	verdict *entry.Verdict
	index   uint64
	keep    bool  // it must be logged, or was
	holder  bool  // the caller's organisation holds the record, as it states
	known   bool  // the caller's organisation recorded the consent that decided
	err     error // what is wrong with this question alone; it makes the answer a denial
}

func (q *question) permitted() bool { return q.err == nil && q.verdict.Result != entry.NotCovered }

// evaluation is POST /access/v1/evaluation.
func (a *api) evaluation(w http.ResponseWriter, r *request) error {
	fhir, err := wantsFHIR(r.Request)
	if err != nil {
		return err
	}
	var body client.Evaluation
	if err := a.decodeOpen(r, maxBody, "evaluation", &body); err != nil {
		return err
	}
	return a.answerOne(w, r, body, fhir)
}

func (a *api) answerOne(w http.ResponseWriter, r *request, body client.Evaluation, fhir bool) error {
	rules, list, err := a.decide(r.Context(), r.caller, []client.Evaluation{body}, client.ExecuteAll)
	if err != nil {
		return err
	}
	if list[0].err != nil {
		return list[0].err
	}
	if fhir {
		return answerFHIR(w, r, rules, list[0])
	}
	return answer(w, list[0].answer(rules))
}

// evaluations is POST /access/v1/evaluations. A request without a list is one evaluation.
func (a *api) evaluations(w http.ResponseWriter, r *request) error {
	var body client.Evaluations
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
	for i, e := range body.Evaluations {
		body.Evaluations[i] = withDefaults(e, body.Evaluation)
	}
	rules, list, err := a.decide(r.Context(), r.caller, body.Evaluations, semantic)
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
	if e.Subject == nil {
		e.Subject = d.Subject
	}
	if e.Action == nil {
		e.Action = d.Action
	}
	if e.Resource == nil {
		e.Resource = d.Resource
	}
	if e.Context == nil {
		e.Context = d.Context
	}
	return e
}

// decide answers evaluations in order, as far as the semantic requires. It returns when everything
// that must be logged is in the log. If it returns an error, the caller must be given no decision.
func (a *api) decide(
	ctx context.Context, c *caller, list []client.Evaluation, semantic client.Semantic,
) (*consent.Rules, []*question, error) {
	rules, err := a.rules(ctx)
	if err != nil {
		return nil, nil, err
	}
	var out []*question
	states := map[string][]byte{} // by id, since a list is often about one person
	var unread error
	state := func(id string) []byte {
		if _, known := states[id]; !known && unread == nil {
			states[id], unread = a.log.Person(ctx, id)
		}
		return states[id]
	}
	for _, e := range list {
		q := new(question)
		q.asked, q.err = a.ask(c, e)
		if q.err == nil {
			q.keep = e.Context != nil && e.Context.Log
			err := q.decide(rules, state, a.log.Operator(), c.Issuer)
			if unread != nil {
				err = unread
			}
			if err != nil {
				return nil, nil, err
			}
		}
		out = append(out, q)
		if semantic == client.DenyOnFirstDeny && !q.permitted() ||
			semantic == client.PermitOnFirstPermit && q.permitted() {
			break
		}
	}
	return rules, out, a.logDecisions(ctx, out)
}

// decide fills in the decision and signs the entry. If a claim of the question itself is wrong, it
// sets q.err and returns nil. caller is the organisation that asks.
func (q *question) decide(
	rules *consent.Rules, state func(id string) []byte, operator *wire.Signer, caller string,
) error {
	decided, verdict, err := rules.Decide(consent.AsAccess(q.asked), state)
	if err != nil {
		return err
	}
	q.decided, q.verdict, q.holder = decided, verdict, q.asked.Holder == caller
	if verdict.Consent != "" {
		recorder, err := rules.RecorderOf(verdict.Consent, q.asked.Sub, state)
		if err != nil {
			return err
		}
		q.known = recorder == caller
	}
	q.asked.Decision, q.asked.Rules = "permit", q.verdict.Rules
	if q.verdict.Result == entry.NotCovered {
		q.asked.Decision, q.keep = "deny", true
	} else {
		for _, o := range q.decided.Obligations {
			q.asked.Obligations = append(q.asked.Obligations, o.ID)
		}
	}
	// It is signed even if it is not logged, because signing checks the claims.
	signed, err := entry.Sign(operator, q.asked)
	if err != nil {
		q.err, q.keep = refuse(err), false
	}
	q.entry = signed
	return nil
}

// ask returns the decision that an evaluation asks for, still undecided, or refuses the evaluation.
func (a *api) ask(c *caller, e client.Evaluation) (*entry.Decision, error) {
	bad := func(detail string) (*entry.Decision, error) { return nil, &refusal{code: badRequest, detail: detail} }
	if e.Subject == nil || e.Action == nil || e.Resource == nil {
		return bad("subject, action and resource are all required")
	}
	action, known := actions[e.Action.Name]
	machine, typed := subjects[e.Subject.Type]
	switch {
	case !typed:
		return bad("subject.type must be user, staff or machine")
	case e.Subject.ID == "" || len(e.Subject.ID) > 512:
		return bad("subject.id must have 1 to 512 bytes")
	case !known:
		return bad("action.name must be C, R, U, D or E, a FHIR interaction or a FHIR consent action")
	case e.Resource.Type != "record":
		return bad("resource.type must be record")
	}
	if err := entry.CheckID(e.Resource.ID); err != nil {
		return nil, refuse(err)
	}
	if entry.IsRegister(e.Resource.ID) {
		return nil, &refusal{code: string(wire.BadID), detail: "resource.id: a register is not a person's record"}
	}
	var s client.SubjectProperties
	if e.Subject.Properties != nil {
		s = *e.Subject.Properties
	}
	var p client.ResourceProperties
	if e.Resource.Properties != nil {
		p = *e.Resource.Properties
	}
	var x client.RequestContext
	if e.Context != nil {
		x = *e.Context
	}
	// Signing checks all of these, but only after the decision, whose cost grows with them.
	if max(len(s.Role), len(p.Data), len(x.Purpose)) > maxCodes {
		return bad("role, data or purpose has more than " + strconv.Itoa(maxCodes) + " codes")
	}
	now := a.now().UTC()
	d := &entry.Decision{
		Common:     entry.Common{Issuer: a.log.Genesis().Operator.ID, Audience: a.log.Origin(), IssuedAt: now.Unix()},
		Org:        cmp.Or(s.Organisation, c.Issuer),
		Holder:     cmp.Or(p.Holder, c.Issuer),
		System:     cmp.Or(s.System, c.Subject),
		Action:     action,
		Data:       p.Data,
		Purpose:    x.Purpose,
		Role:       s.Role,
		Machine:    machine,
		Emergency:  x.Emergency,
		Justified:  x.Justification != "",
		Agreement:  x.Agreement,
		Delegation: x.Delegation,
		Asked:      now.Format(time.RFC3339),
		Sub:        e.Resource.ID,
		Staff:      &entry.Staff{ID: e.Subject.ID, System: s.IDSystem, Name: s.Name},
	}
	if x.Why != "" || x.Justification != "" {
		d.Text = &entry.Text{Why: x.Why, Justification: x.Justification}
	}
	// Otherwise any caller could ask in the name of another organisation, and a person would find
	// attempts in their history that were never made.
	if !c.reaches(d.Org) && !c.reaches(d.Holder) {
		const detail = "the caller's organisation is neither the one that would access the record nor the one that holds it"
		return nil, &refusal{code: forbidden, detail: detail}
	}
	return d, nil
}

// logDecisions appends the decisions that must be kept, in one call.
func (a *api) logDecisions(ctx context.Context, list []*question) error {
	var kept []*question
	var entries []*entry.Entry
	for _, q := range list {
		if q.keep {
			kept, entries = append(kept, q), append(entries, q.entry)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	for i, res := range a.log.Append(ctx, entries...) {
		if res.Err != nil {
			return a.unlogged("a decision", "the decision could not be logged, so it is not shown", res.Err)
		}
		kept[i].index = res.Index
	}
	return nil
}

// told returns the verdict as the caller is told it: which consent decided only if the caller's
// organisation recorded it.
func (q *question) told() *entry.Verdict {
	if q.known {
		return q.verdict
	}
	return verdictWithoutConsent(q.verdict)
}

// answer returns what the caller is told. What would make an access allowed that the person's
// choice forbids, such as the data to leave out, is for the organisation that holds the record and
// has to apply the choice. To the one that the choice restricts it would say what the person chose.
func (q *question) answer(rules *consent.Rules) client.Decision {
	if q.err != nil {
		p := refusalOf(q.err).problem()
		e := &client.EvaluationError{Status: p.Status, Message: p.Title + ": " + p.Detail}
		return client.Decision{Context: &client.DecisionContext{Error: e}}
	}
	x := &client.DecisionContext{Verdict: inWords(rules, q.told()), Index: q.index}
	if q.keep {
		x.ID = q.entry.ID
	}
	for i, words := range rules.Reasons(q.verdict) {
		id := q.verdict.Rules[i]
		x.Reasons = append(x.Reasons, client.Reason{ID: id, Plain: said.Rule(id, words)})
	}
	if q.verdict.Consent != "" && !q.permitted() && !q.holder {
		return client.Decision{Context: x}
	}
	for _, o := range q.decided.Obligations {
		x.Obligations = append(x.Obligations, client.Obligation{ID: o.ID, Codes: o.Codes})
	}
	return client.Decision{Decision: q.permitted(), Context: x}
}

// pdp is GET /.well-known/authzen-configuration. The base is the configured one, so that a caller
// can compare it with the one that it meant to ask, and no request can have another one said.
func (a *api) pdp(w http.ResponseWriter, _ *request) error {
	if a.public == "" {
		return &refusal{code: notFound, detail: "the operator has not configured the public URL of this server"}
	}
	return answer(w, client.PDP{
		PolicyDecisionPoint: a.public,
		Evaluation:          a.public + "/access/v1/evaluation",
		Evaluations:         a.public + "/access/v1/evaluations",
	})
}

// echoRequestID repeats the caller's X-Request-ID in the answer (AuthZEN section 10.1.4). It is not
// stored.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-ID")
	if id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		w.Header().Set("X-Request-ID", id)
	}
}

// subjects maps each type of subject to whether it is a machine.
var subjects = map[string]bool{"user": false, "staff": false, "machine": true}

// actions maps the names of actions to FHIR AuditEvent.action: its own codes, FHIR's interactions,
// and the actions of FHIR consents.
var actions = map[string]string{
	"C": "C", "R": "R", "U": "U", "D": "D", "E": "E",
	"create": "C", "read": "R", "vread": "R", "update": "U", "patch": "U", "delete": "D",
	"history": "R", "history-instance": "R", "history-type": "E", "history-system": "E",
	"search": "E", "search-type": "E", "search-system": "E", "operation": "E", "batch": "E", "transaction": "E",
	"collect": "C", "access": "R", "use": "R", "disclose": "R", "correct": "U",
}
