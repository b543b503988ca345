package api

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// What an evaluation may name that this ledger does not know. Each is the id of a reason.
const (
	unknownSubject  = "unknown-subject"
	unknownAction   = "unknown-action"
	unknownResource = "unknown-resource"
)

// recordType is the only type of resource: a person's record.
const recordType = "record"

// ask returns the decision that an evaluation asks for, still undecided. If it names what the
// ledger does not know, nobody can be permitted it: ask returns what. If it is malformed or the
// caller may not ask this, ask refuses it.
func (a *api) ask(c *caller, e client.Evaluation) (d *entry.Decision, unknown string, err error) {
	bad := func(detail string) (*entry.Decision, string, error) {
		return nil, "", &refusal{code: badRequest, detail: detail}
	}
	if e.Subject == nil || e.Action == nil || e.Resource == nil {
		return bad("subject, action and resource are all required")
	}
	switch {
	case e.Subject.Type == "":
		return bad("subject.type is required: user, staff or machine")
	case e.Subject.ID == "" || len(e.Subject.ID) > 512:
		return bad("subject.id must have 1 to 512 bytes")
	case e.Action.Name == "":
		return bad("action.name is required: C, R, U, D or E, a FHIR interaction or a FHIR consent action")
	case e.Resource.Type == "":
		return bad("resource.type is required: record")
	case e.Resource.ID == "":
		return bad("resource.id is required: whose record it is")
	}
	action, known := actions[e.Action.Name]
	machine, typed := subjects[e.Subject.Type]
	switch {
	case !typed:
		return nil, unknownSubject, nil
	case !known:
		return nil, unknownAction, nil
	case e.Resource.Type != recordType || entry.CheckID(e.Resource.ID) != nil || entry.IsRegister(e.Resource.ID):
		return nil, unknownResource, nil
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
	if max(len(s.Role), len(s.Units), len(p.Data), len(x.Purpose)) > maxCodes {
		return bad("role, units, data or purpose has more than " + strconv.Itoa(maxCodes) + " codes")
	}
	now := a.now().UTC()
	d = &entry.Decision{
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
		Staff:      &entry.Staff{ID: e.Subject.ID, System: s.IDSystem, Name: s.Name, Units: s.Units},
	}
	if x.Why != "" || x.Justification != "" {
		d.Text = &entry.Text{Why: x.Why, Justification: x.Justification}
	}
	// Otherwise any caller could ask in the name of another organisation, and a person would find
	// attempts in their history that were never made.
	if !c.reaches(d.Org) && !c.reaches(d.Holder) {
		const detail = "the caller's organisation is neither the one that would access the record nor the one that holds it"
		return nil, "", &refusal{code: forbidden, detail: detail}
	}
	return d, "", nil
}

// CheckPublicURL refuses a URL by which others cannot ask for decisions safely: one that is not
// https, except on this machine, or that has more than a host and a path.
func CheckPublicURL(text string) error {
	u, err := wire.ServerURL(text)
	switch {
	case err != nil || u.User != nil:
		return errors.New("must be a URL with a host and at most a path")
	case !wire.Private(u):
		return errors.New("must be https, unless the host is this machine")
	}
	return nil
}

// pdp is GET /.well-known/authzen-configuration, followed by the path of the configured URL if it
// has one (AuthZEN section 9.2). The base is the configured one, so that a caller can compare it
// with the one that it meant to ask, and no request can have another one said.
func (a *api) pdp(w http.ResponseWriter, r *request) error {
	u, err := url.Parse(a.public)
	switch {
	case err != nil || CheckPublicURL(a.public) != nil:
		return &refusal{code: notFound, detail: "the operator has not configured an https URL of this server"}
	case strings.Trim(u.Path, "/") != r.rest:
		return &refusal{code: notFound, detail: "the URL that the operator configured has another path"}
	}
	return answer(w, client.PDP{
		PolicyDecisionPoint: a.public,
		Evaluation:          a.public + "/access/v1/evaluation",
		Evaluations:         a.public + "/access/v1/evaluations",

		SupportedObligations: []string{client.CustomObligation},
	})
}

// echoRequestID repeats the caller's X-Request-ID in the answer (AuthZEN section 10.1.4). It is not
// stored. It may be as long as headers may be.
func echoRequestID(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Request-ID")
	if id != "" && !strings.ContainsFunc(id, unicode.IsControl) {
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
	"write": "U", "collect": "C", "access": "R", "use": "R", "disclose": "R", "correct": "U",
}
