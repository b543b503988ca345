package client

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"igledger/ledger/entry"
)

// The messages of the OpenID AuthZEN Authorization API 1.0 as this ledger uses them. Members that
// are not named here are ignored, as AuthZEN requires. A fact that is left out is unknown, and an
// unknown fact never helps to get a permit.

// Evaluation is the body of POST /access/v1/evaluation: may this subject do this to this record?
type Evaluation struct {
	Subject  *Subject        `json:"subject,omitempty" doc:"Who wants to access"`
	Action   *Action         `json:"action,omitempty" doc:"What to do"`
	Resource *Resource       `json:"resource,omitempty" doc:"Whose record"`
	Context  *RequestContext `json:"context,omitempty" doc:"The purpose, and the grounds"`
}

// Subject is a member of staff, or a machine.
type Subject struct {
	Type       string             `json:"type" enum:"user,staff,machine" doc:"user and staff: a person; machine: no person is involved"`
	ID         string             `json:"id" doc:"Identifier of the user or machine within the organisation" example:"N-1234"`
	Properties *SubjectProperties `json:"properties,omitempty" doc:"More about the subject"`
}

// SubjectProperties are facts about the subject that rules look at.
type SubjectProperties struct {
	Organisation string `json:"organisation,omitempty" doc:"Organisation that wants to access; absent: the caller's own" example:"NHS-HIGHLAND"`
	Role         Codes  `json:"role,omitempty" maxItems:"64" doc:"Roles of the user, system|code or plain codes; one may stand without a list"`
	Name         string `json:"name,omitempty" doc:"Name of the user; the person whose record it is may see it"`
	IDSystem     string `json:"idSystem,omitempty" doc:"Authority that assigned the identifier"`
	Units        Codes  `json:"units,omitempty" maxItems:"64" doc:"Units and places in which the user works, system|value; one may stand without a list"`
	System       string `json:"system,omitempty" doc:"System through which the user works; absent: the caller's"`
}

// Action is what the subject wants to do.
type Action struct {
	Name string `json:"name" doc:"C, R, U, D or E as in FHIR AuditEvent.action, a FHIR interaction such as read, search-type or update, or a FHIR consent action such as access or disclose" example:"read"`
}

// Resource is a person's record.
type Resource struct {
	Type       string              `json:"type" enum:"record" doc:"record"`
	ID         string              `json:"id" doc:"Whose record: chi:<10 digits>, nhs:<10 digits> or temp:<org>:<number>" example:"chi:0101010000"`
	Properties *ResourceProperties `json:"properties,omitempty" doc:"More about the record"`
}

// ResourceProperties are facts about the record that rules look at.
type ResourceProperties struct {
	Holder string `json:"holder,omitempty" doc:"Organisation that holds the record and will report the access; absent: the caller's own"`
	Data   Codes  `json:"data,omitempty" maxItems:"64" doc:"Categories of data, system|code; one may stand without a list"`
}

// Codes is a list of codes. One code may stand without a list.
type Codes []string

// UnmarshalJSON reads a string or a list of strings.
func (c *Codes) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*c = Codes{""}
		return json.Unmarshal(data, &(*c)[0])
	}
	return json.Unmarshal(data, (*[]string)(c))
}

// RequestContext is the purpose of an access and its grounds.
type RequestContext struct {
	Purpose       Codes  `json:"purpose,omitempty" maxItems:"64" doc:"PurposeOfUse codes (v3-ActReason), others as system|code; one may stand without a list"`
	Agreement     string `json:"agreement,omitempty" doc:"Id of the data-sharing agreement relied on"`
	Delegation    string `json:"delegation,omitempty" doc:"Id of the delegation under which the user acts for the person"`
	Emergency     bool   `json:"emergency,omitzero" doc:"Break-glass"`
	Justification string `json:"justification,omitempty" doc:"Justification of break-glass, in words"`
	Why           string `json:"why,omitempty" doc:"Purpose in words"`
	Log           bool   `json:"log,omitzero" doc:"Log a permit too, so that the access can name the decision; denials are always logged"`
}

// MaxEvaluations is how many evaluations one request may carry.
const MaxEvaluations = 256

// Evaluations is the body of POST /access/v1/evaluations. A member that an evaluation leaves out is
// taken from here.
type Evaluations struct {
	Evaluation
	Evaluations []Evaluation       `json:"evaluations,omitempty" maxItems:"256" doc:"Absent or empty: the request is a single evaluation and gets a single answer"`
	Options     *EvaluationOptions `json:"options,omitempty" doc:"How to process the evaluations"`
}

// EvaluationOptions says how to process a list.
type EvaluationOptions struct {
	Semantic Semantic `json:"evaluations_semantic,omitempty" enum:"execute_all,deny_on_first_deny,permit_on_first_permit" doc:"Absent: execute_all. The others stop at the first denial or permit; later evaluations are neither decided nor answered"`
}

// Semantic is a way to process a list of evaluations (AuthZEN section 7.1.2.1).
type Semantic string

// The semantics.
const (
	ExecuteAll          Semantic = "execute_all"
	DenyOnFirstDeny     Semantic = "deny_on_first_deny"
	PermitOnFirstPermit Semantic = "permit_on_first_permit"
)

// Decision is the answer to POST /access/v1/evaluation.
type Decision struct {
	Decision bool             `json:"decision" doc:"true: allowed, also as break-glass"`
	Context  *DecisionContext `json:"context,omitempty" doc:"The reasons, and what is still to be done"`
}

// DecisionContext is the reasons for a decision, and what is still to be done.
type DecisionContext struct {
	ID          string           `json:"id,omitempty" doc:"jti of the decision in the log, which the access that follows names as its decision; absent if the decision was not logged"`
	Index       uint64           `json:"index,omitzero" doc:"Position of the decision in the log"`
	Verdict     *PlainVerdict    `json:"verdict,omitempty" doc:"Verdict of the policies on the access"`
	Reasons     []Reason         `json:"reasons,omitempty" doc:"The rules that decided; for a denial, the rules that failed"`
	Obligations []Obligation     `json:"obligations,omitempty" doc:"With a permit: what is still due. With a denial: what would, done together, turn it into a permit"`
	Error       *EvaluationError `json:"error,omitempty" doc:"Why this evaluation of several could not be decided; its decision is false"`
}

// Reason is a rule with its meaning.
type Reason struct {
	ID    string `json:"id" doc:"Id of the rule" example:"agreement-in-force"`
	Plain string `json:"plain,omitempty" doc:"What it means, for citizens and officers"`
}

// Obligation is something to do because of a decision, in the form of the AuthZEN Obligations
// Profile. All are of its type for what the profile itself does not name.
type Obligation struct {
	ID         string               `json:"id" enum:"follow-up,review-refusal,tell-person,justify,ask-consent,redact" doc:"What is to be done, see docs/POLICIES.md; each at most once in an answer"`
	Type       string               `json:"type" enum:"custom" doc:"The type of the AuthZEN Obligations Profile for what only the two sides know"`
	Properties ObligationProperties `json:"properties" doc:"More about it"`
}

// CustomObligation is the type of all obligations that this ledger gives.
const CustomObligation = "custom"

// ObligationProperties are the members that an obligation has of its own.
type ObligationProperties struct {
	Action string   `json:"action" doc:"The id again, for enforcement points that look only here"`
	Codes  []string `json:"codes,omitempty" doc:"For redact: the data codes to leave out"`
}

// NewObligation returns an obligation to do something, for redact to the data of these codes.
func NewObligation(id string, codes []string) Obligation {
	return Obligation{ID: id, Type: CustomObligation, Properties: ObligationProperties{Action: id, Codes: codes}}
}

// EvaluationError is the error of a request in a list that could not be decided.
type EvaluationError struct {
	Status  int    `json:"status" doc:"HTTP status that a request on its own would have got" example:"422"`
	Message string `json:"message" doc:"What was wrong; never a personal datum"`
}

// Decisions is the answer to POST /access/v1/evaluations.
type Decisions struct {
	Evaluations []Decision `json:"evaluations" doc:"In the order of the request; shorter if the semantic stops early"`
}

// PlainVerdict is the verdict of the policies on an access, with its wording.
type PlainVerdict struct {
	entry.Verdict
	Plain []string `json:"plain,omitempty" doc:"Wording for citizens and officers: the result, then a sentence for each rule that decided"`
}

// PDP is the answer to GET /.well-known/authzen-configuration (AuthZEN section 9).
type PDP struct {
	PolicyDecisionPoint string `json:"policy_decision_point" doc:"Base URL of this decision point, as its operator configured it" example:"https://ledger.example.scot"`
	Evaluation          string `json:"access_evaluation_endpoint" doc:"URL"`
	Evaluations         string `json:"access_evaluations_endpoint" doc:"URL"`
	// SupportedObligations is of the AuthZEN Obligations Profile.
	SupportedObligations []string `json:"supported_obligations" doc:"Types of obligations that answers may have"`
}

// Decide asks whether an access is allowed. Before it answers, the ledger logs a denial in the
// person's own history, and a permit too if q asks for that. A question that is asked again, as
// after a broken connection, is logged again.
func (c *Client) Decide(ctx context.Context, q Evaluation) (*Decision, error) {
	return get[Decision](ctx, c, request{method: http.MethodPost, path: "/access/v1/evaluation", token: true, body: q})
}

// DecideFHIR is like Decide, but returns the answer as a FHIR R4 AuditEvent of IHE BALP's profile
// AuthZconsent, in JSON.
func (c *Client) DecideFHIR(ctx context.Context, q Evaluation) ([]byte, error) {
	const path = "/access/v1/evaluation?_format=application%2Ffhir%2Bjson"
	return c.fetch(ctx, request{method: http.MethodPost, path: path, token: true, body: q})
}
