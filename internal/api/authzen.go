package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
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

// The OpenID AuthZEN Authorization API 1.0: a system that guards records asks before an access what the ledger would say of it after. It is told the same, by
// consent.Rules.Decide, as long as nothing that governs changes in between.

// Limits of a request for decisions, beside client.MaxEvaluations.
const (
	maxEvaluationsBody = 1 << 20
	maxCodes           = 64
)

// question is one evaluation on its way to an answer.
type question struct {
	asked   *entry.Decision // nil if err is not
	entry   *entry.Entry    // asked, signed
	decided policies.Decision
	verdict *entry.Verdict
	index   uint64
	keep    bool  // is to be logged, or was
	err     error // what is wrong with this one alone: it is a denial
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

// evaluations is POST /access/v1/evaluations. Without a list it is one evaluation.
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
	case !slices.Contains([]client.Semantic{client.ExecuteAll, client.DenyOnFirstDeny, client.PermitOnFirstPermit}, semantic):
		return &refusal{code: badRequest, detail: "options.evaluations_semantic is not execute_all, deny_on_first_deny or permit_on_first_permit"}
	case len(body.Evaluations) > client.MaxEvaluations:
		return &refusal{code: badRequest, detail: "evaluations has more than " + strconv.Itoa(client.MaxEvaluations) + " members"}
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

// withDefaults takes what e leaves out from d: each of the four as a whole (AuthZEN section 7.1.1).
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

// decide answers evaluations in order, as far as the semantic goes, and returns when all that is to be logged is in the log. An error means: nobody is told anything.
func (a *api) decide(ctx context.Context, c *caller, list []client.Evaluation, semantic client.Semantic) (*consent.Rules, []*question, error) {
	rules, err := a.rules(ctx)
	if err != nil {
		return nil, nil, err
	}
	var out []*question
	states := map[string][]byte{} // by id: a list is often about one person
	var unread error
	state := func(id string) []byte {
		if _, known := states[id]; !known && unread == nil {
			states[id], unread = a.log.Person(ctx, id)
		}
		return states[id]
	}
	for _, e := range list {
		q := new(question)
		if q.asked, q.err = a.ask(c, e); q.err == nil {
			q.keep = e.Context != nil && e.Context.Log
			err := q.decide(rules, state, a.log.Operator())
			if unread != nil {
				err = unread
			}
			if err != nil {
				return nil, nil, err
			}
		}
		out = append(out, q)
		if semantic == client.DenyOnFirstDeny && !q.permitted() || semantic == client.PermitOnFirstPermit && q.permitted() {
			break
		}
	}
	return rules, out, a.logDecisions(ctx, out)
}

// decide fills in the decision and signs the entry. What is wrong with the question's own claims is its err.
func (q *question) decide(rules *consent.Rules, state func(id string) []byte, operator *wire.Signer) (err error) {
	if q.decided, q.verdict, err = rules.Decide(consent.AsAccess(q.asked), state); err != nil {
		return err
	}
	q.asked.Decision, q.asked.Rules = "permit", q.verdict.Rules
	if q.verdict.Result == entry.NotCovered {
		q.asked.Decision, q.keep = "deny", true
	} else {
		for _, o := range q.decided.Obligations {
			q.asked.Obligations = append(q.asked.Obligations, o.ID)
		}
	}
	// Signed also if it is not logged: signing is what checks the claims.
	if q.entry, err = entry.Sign(operator, q.asked); err != nil {
		q.err, q.keep = refuse(err), false
	}
	return nil
}

// ask makes of an evaluation what is asked for, or refuses it.
func (a *api) ask(c *caller, e client.Evaluation) (*entry.Decision, error) {
	bad := func(detail string) (*entry.Decision, error) { return nil, &refusal{code: badRequest, detail: detail} }
	if e.Subject == nil || e.Action == nil || e.Resource == nil {
		return bad("subject, action and resource are all needed")
	}
	action, known := actions[e.Action.Name]
	machine, typed := subjects[e.Subject.Type]
	switch {
	case !typed:
		return bad("subject.type is not user, staff or machine")
	case e.Subject.ID == "" || len(e.Subject.ID) > 512:
		return bad("subject.id is missing or longer than 512 bytes")
	case !known:
		return bad("action.name is not one of C R U D E, nor a FHIR interaction or consent action")
	case e.Resource.Type != "record":
		return bad("resource.type is not record")
	}
	if err := entry.CheckID(e.Resource.ID); err != nil {
		return nil, refuse(err)
	}
	if entry.IsRegister(e.Resource.ID) {
		return nil, &refusal{code: string(wire.BadID), detail: "resource.id: a register is nobody's record"}
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
	// Signing checks it all, but only after the decision, whose work grows with these.
	if max(len(s.Role), len(p.Data), len(x.Purpose)) > maxCodes {
		return bad("role, data or purpose has more than " + strconv.Itoa(maxCodes) + " codes")
	}
	now := a.now().UTC()
	d := &entry.Decision{
		Common: entry.Common{Issuer: a.log.Genesis().Operator.ID, Audience: a.log.Origin(), IssuedAt: now.Unix()},
		Org:    cmp.Or(s.Organisation, c.Issuer), Holder: cmp.Or(p.Holder, c.Issuer), System: cmp.Or(s.System, c.Subject),
		Action: action, Data: p.Data, Purpose: x.Purpose, Role: s.Role, Machine: machine,
		Emergency: x.Emergency, Justified: x.Justification != "", Agreement: x.Agreement, Delegation: x.Delegation,
		Asked: now.Format(time.RFC3339), Sub: e.Resource.ID,
		Staff: &entry.Staff{ID: e.Subject.ID, System: s.IDSystem, Name: s.Name},
	}
	if x.Why != "" || x.Justification != "" {
		d.Text = &entry.Text{Why: x.Why, Justification: x.Justification}
	}
	// Else anybody could ask in another's name, and a person would find attempts that nobody made.
	if !c.reaches(d.Org) && !c.reaches(d.Holder) {
		return nil, &refusal{code: forbidden, detail: "the caller's organisation is neither the one that wants to access nor the one that holds the record"}
	}
	return d, nil
}

// logDecisions appends what is to be kept, in one call.
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
			return a.unlogged("a decision", "the decision could not be logged, so none is given", res.Err)
		}
		kept[i].index = res.Index
	}
	return nil
}

// answer is what the caller is told.
func (q *question) answer(rules *consent.Rules) client.Decision {
	if q.err != nil {
		p := refusalOf(q.err).problem()
		return client.Decision{Context: &client.DecisionContext{Error: &client.EvaluationError{Status: p.Status, Message: p.Title + ": " + p.Detail}}}
	}
	x := &client.DecisionContext{Verdict: inWords(rules, q.verdict), Index: q.index}
	if q.keep {
		x.ID = q.entry.ID
	}
	for i, words := range rules.Reasons(q.verdict) {
		id := q.verdict.Rules[i]
		x.Reasons = append(x.Reasons, client.Reason{ID: id, Plain: said.Rule(id, words)})
	}
	for _, o := range q.decided.Obligations {
		x.Obligations = append(x.Obligations, client.Obligation{ID: o.ID, Codes: o.Codes})
	}
	return client.Decision{Decision: q.permitted(), Context: x}
}

// pdp is GET /.well-known/authzen-configuration. The base is what the caller asked for, which it holds against what it meant to ask.
func (a *api) pdp(w http.ResponseWriter, r *request) error {
	base := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		base.Scheme = "https"
	}
	b := base.String()
	return answer(w, client.PDP{PolicyDecisionPoint: b, Evaluation: b + "/access/v1/evaluation", Evaluations: b + "/access/v1/evaluations"})
}

// echoRequestID gives the caller's X-Request-ID back (AuthZEN section 10.1.4). It is kept nowhere.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-ID")
	if id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		w.Header().Set("X-Request-ID", id)
	}
}

// subjects says which types of subject are machines.
var subjects = map[string]bool{"user": false, "staff": false, "machine": true}

// actions gives FHIR AuditEvent.action for each name of an action: its own codes, FHIR's interactions, and the actions of FHIR consents.
var actions = map[string]string{
	"C": "C", "R": "R", "U": "U", "D": "D", "E": "E",
	"create": "C", "read": "R", "vread": "R", "update": "U", "patch": "U", "delete": "D",
	"history": "R", "history-instance": "R", "history-type": "E", "history-system": "E",
	"search": "E", "search-type": "E", "search-system": "E", "operation": "E", "batch": "E", "transaction": "E",
	"collect": "C", "access": "R", "use": "R", "disclose": "R", "correct": "U",
}
