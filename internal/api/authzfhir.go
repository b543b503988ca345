package api

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"igledger/audit"
	"igledger/consent"
	"igledger/internal/client"
)

const fhirJSON = "application/fhir+json"

// wantsFHIR reports whether the caller asks for FHIR, by _format or Accept. _format takes
// precedence (FHIR R4 http.html section 3.1.0.1.11).
func wantsFHIR(r *http.Request) (bool, error) {
	switch f := r.URL.Query().Get("_format"); f {
	case "":
	case "json", "application/json":
		return false, nil
	case "fhir", fhirJSON:
		return true, nil
	default:
		return false, &refusal{code: badRequest, detail: "_format must be application/json or " + fhirJSON}
	}
	fhir := false
	for accept := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch media, _, _ := mime.ParseMediaType(accept); media {
		case fhirJSON:
			fhir = true
		case "application/json":
			return false, nil
		}
	}
	return fhir, nil
}

// answerFHIR answers with the decision as an AuditEvent of BALP's AuthZconsent. The event has an id
// only if the decision is logged.
func answerFHIR(w http.ResponseWriter, r *request, rules *consent.Rules, q *question) error {
	d := *q.asked
	if !q.keep {
		d.ID = ""
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	v, _ := q.told(rules)
	body, err := audit.DecisionEvent(&d, v.Consent, address, inWords(rules, v).Plain)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, fhirJSON, body)
	return nil
}

// decodeOpen reads a JSON body, and ignores unknown members as AuthZEN requires. The body must be
// one value in valid UTF-8 without duplicate members.
func (a *api) decodeOpen(r *request, limit int64, what string, into any) error {
	data, err := a.openBody(r, limit)
	if err != nil {
		return err
	}
	return readOpen(data, what, into)
}

// openBody reads the body of a request for decisions.
func (a *api) openBody(r *request, limit int64) ([]byte, error) {
	data, err := a.body(r, limit, "application/json")
	if x := new(refusal); errors.As(err, &x) && x.code == mediaType {
		return nil, &refusal{code: badRequest, detail: "send application/json in UTF-8"} // as AuthZEN has it
	}
	return data, err
}

// readEvaluation reads an evaluation, or the part of one that a list does not take from its top.
// What this ledger does not know may have properties of any form: they are left out.
func readEvaluation(data []byte, into *client.Evaluation) error {
	err := readOpen(data, "evaluation", into)
	if err == nil {
		return nil
	}
	type named struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	var bare struct {
		Subject  *named         `json:"subject"`
		Action   *client.Action `json:"action"`
		Resource *named         `json:"resource"`
	}
	if json.Unmarshal(data, &bare) != nil {
		return err
	}
	unknown := false
	e := client.Evaluation{Action: bare.Action}
	if s := bare.Subject; s != nil {
		_, typed := subjects[s.Type]
		unknown = s.Type != "" && !typed
		e.Subject = &client.Subject{Type: s.Type, ID: s.ID}
	}
	if r := bare.Resource; r != nil {
		unknown = unknown || r.Type != "" && r.Type != recordType
		e.Resource = &client.Resource{Type: r.Type, ID: r.ID}
	}
	if !unknown {
		return err
	}
	*into = e
	return nil
}

// readOpen reads JSON and ignores members that it does not know.
func readOpen(data []byte, what string, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		detail := what + ": must be one JSON value in UTF-8 without duplicate members"
		var s *json.SemanticError
		if errors.As(err, &s) {
			detail = what + ": " + string(s.JSONPointer) + " has the wrong type" // only known members get this far
		}
		return &refusal{code: badRequest, detail: detail}
	}
	return nil
}
