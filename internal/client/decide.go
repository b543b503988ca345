package client

import (
	"context"
	"net/http"

	"igledger/ledger/entry"
)

// The messages of the OpenID AuthZEN Authorization API 1.0 as this ledger fills them. Members that are not named here are passed over, as AuthZEN wants it; what is
// left out is not known, and what is not known never helps.

// Evaluation is the body of POST /access/v1/evaluation: may this subject do this to this record?
type Evaluation struct {
	Subject  *Subject        `json:"subject,omitempty" doc:"Who wants to access"`
	Action   *Action         `json:"action,omitempty" doc:"What to do"`
	Resource *Resource       `json:"resource,omitempty" doc:"Whose record"`
	Context  *RequestContext `json:"context,omitempty" doc:"Why, and on what ground"`
}

// Subject is a member of staff, or a machine.
type Subject struct {
	Type       string             `json:"type" enum:"user,staff,machine" doc:"user and staff: a person; machine: no human behind it"`
	ID         string             `json:"id" doc:"Identifier of the user or machine within the organisation" example:"N-1234"`
	Properties *SubjectProperties `json:"properties,omitempty" doc:"More of the subject"`
}

// SubjectProperties are what rules look at.
type SubjectProperties struct {
	Organisation string   `json:"organisation,omitempty" doc:"Organisation that wants to access; absent: the caller's own" example:"NHS-HIGHLAND"`
	Role         []string `json:"role,omitempty" maxItems:"64" doc:"Roles of the user, system|code or plain codes"`
	Name         string   `json:"name,omitempty" doc:"Name of the user; the person whose record it is may see it"`
	IDSystem     string   `json:"idSystem,omitempty" doc:"Who gave the identifier"`
	System       string   `json:"system,omitempty" doc:"System through which the user works; absent: the caller's"`
}

// Action is what is to be done.
type Action struct {
	Name string `json:"name" doc:"C, R, U, D or E as in FHIR AuditEvent.action, a FHIR interaction such as read, search-type or update, or a FHIR consent action such as access or disclose" example:"read"`
}

// Resource is a person's record.
type Resource struct {
	Type       string              `json:"type" enum:"record" doc:"record"`
	ID         string              `json:"id" doc:"Whose record: chi:<10 digits>, nhs:<10 digits> or temp:<org>:<number>" example:"chi:0101010000"`
	Properties *ResourceProperties `json:"properties,omitempty" doc:"More of the record"`
}

// ResourceProperties are what rules look at.
type ResourceProperties struct {
	Holder string   `json:"holder,omitempty" doc:"Organisation that holds the record and will report the access; absent: the caller's own"`
	Data   []string `json:"data,omitempty" maxItems:"64" doc:"Categories of data, system|code"`
}

// RequestContext is why, and on what ground.
type RequestContext struct {
	Purpose       []string `json:"purpose,omitempty" maxItems:"64" doc:"PurposeOfUse codes (v3-ActReason), others as system|code"`
	Agreement     string   `json:"agreement,omitempty" doc:"Id of the data-sharing agreement relied on"`
	Delegation    string   `json:"delegation,omitempty" doc:"Id of the delegation under which somebody acts for the person"`
	Emergency     bool     `json:"emergency,omitzero" doc:"Break-glass"`
	Justification string   `json:"justification,omitempty" doc:"Justification of break-glass, in words"`
	Why           string   `json:"why,omitempty" doc:"Purpose in words"`
	Log           bool     `json:"log,omitzero" doc:"Log the decision also if it is a permit, so that the access can name it; denials are always logged"`
}

// MaxEvaluations is how many evaluations one request may carry.
const MaxEvaluations = 256

// Evaluations is the body of POST /access/v1/evaluations. What an evaluation leaves out it takes from here.
type Evaluations struct {
	Evaluation
	Evaluations []Evaluation       `json:"evaluations,omitempty" maxItems:"256" doc:"Absent or empty: this is one evaluation, answered as such"`
	Options     *EvaluationOptions `json:"options,omitempty" doc:"How to go through the evaluations"`
}

// EvaluationOptions says how to go through a list.
type EvaluationOptions struct {
	Semantic Semantic `json:"evaluations_semantic,omitempty" enum:"execute_all,deny_on_first_deny,permit_on_first_permit" doc:"Absent: execute_all. What comes after the first denial or permit is not asked and not answered"`
}

// Semantic is a way to go through a list of evaluations (AuthZEN section 7.1.2.1).
type Semantic string

// The semantics.
const (
	ExecuteAll          Semantic = "execute_all"
	DenyOnFirstDeny     Semantic = "deny_on_first_deny"
	PermitOnFirstPermit Semantic = "permit_on_first_permit"
)

// Decision is the answer of POST /access/v1/evaluation.
type Decision struct {
	Decision bool             `json:"decision" doc:"true: allowed, also as break-glass"`
	Context  *DecisionContext `json:"context,omitempty" doc:"Why, and what is still to be done"`
}

// DecisionContext is why, and what is still to be done.
type DecisionContext struct {
	ID          string           `json:"id,omitempty" doc:"jti of the decision in the log; the access that follows names it as decision. Absent if it was not logged"`
	Index       uint64           `json:"index,omitzero" doc:"Position of the decision in the log"`
	Verdict     *PlainVerdict    `json:"verdict,omitempty" doc:"What policy says of the access"`
	Reasons     []Reason         `json:"reasons,omitempty" doc:"The rules that decided; of a denial those that failed"`
	Obligations []Obligation     `json:"obligations,omitempty" doc:"With a permit: what is still due. With a denial: what, done together, would make it a permit"`
	Error       *EvaluationError `json:"error,omitempty" doc:"Why this one of several could not be decided; its decision is false"`
}

// Reason is a rule with its meaning.
type Reason struct {
	ID    string `json:"id" doc:"Id of the rule" example:"agreement-in-force"`
	Plain string `json:"plain,omitempty" doc:"What it means, for citizens and officers"`
}

// Obligation is something that goes with a decision.
type Obligation struct {
	ID    string   `json:"id" enum:"follow-up,review-refusal,justify,ask-consent,redact" doc:"See docs/POLICIES.md"`
	Codes []string `json:"codes,omitempty" doc:"Of redact: the data codes to leave out"`
}

// EvaluationError is a request in a list that could not be decided.
type EvaluationError struct {
	Status  int    `json:"status" doc:"HTTP status that it would have had alone" example:"422"`
	Message string `json:"message" doc:"What was wrong; never a personal datum"`
}

// Decisions is the answer of POST /access/v1/evaluations.
type Decisions struct {
	Evaluations []Decision `json:"evaluations" doc:"In the order asked; ends early where the semantic says so"`
}

// PlainVerdict is what policy says of an access, with the words for it.
type PlainVerdict struct {
	entry.Verdict
	Plain []string `json:"plain,omitempty" doc:"In words for citizens and officers: the result, then a sentence for each rule that decided"`
}

// PDP is the answer of GET /.well-known/authzen-configuration (AuthZEN section 9).
type PDP struct {
	PolicyDecisionPoint string `json:"policy_decision_point" doc:"Base URL of this decision point, as the request named it" example:"https://ledger.example.scot"`
	Evaluation          string `json:"access_evaluation_endpoint" doc:"URL"`
	Evaluations         string `json:"access_evaluations_endpoint" doc:"URL"`
}

// Decide asks whether an access is allowed. A denial is in the log, in the person's own history, before the answer is given; so is a permit if q asks for that. Asked again,
// as after a broken connection, it is logged again.
func (c *Client) Decide(ctx context.Context, q Evaluation) (*Decision, error) {
	return get[Decision](ctx, c, request{method: http.MethodPost, path: "/access/v1/evaluation", token: true, body: q})
}

// DecideFHIR is Decide with the answer as a FHIR R4 AuditEvent of IHE BALP's profile AuthZconsent, in JSON.
func (c *Client) DecideFHIR(ctx context.Context, q Evaluation) ([]byte, error) {
	return c.fetch(ctx, request{method: http.MethodPost, path: "/access/v1/evaluation?_format=application%2Ffhir%2Bjson", token: true, body: q})
}
