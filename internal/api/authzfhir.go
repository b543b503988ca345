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
)

const fhirJSON = "application/fhir+json"

// wantsFHIR reports whether the answer is to be FHIR: _format, which counts more (FHIR R4 http.html section 3.1.0.1.11), or Accept.
func wantsFHIR(r *http.Request) (bool, error) {
	switch f := r.URL.Query().Get("_format"); f {
	case "":
	case "json", "application/json":
		return false, nil
	case "fhir", fhirJSON:
		return true, nil
	default:
		return false, &refusal{code: badRequest, detail: "_format is neither application/json nor " + fhirJSON}
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

// answerFHIR gives the decision as an AuditEvent of BALP's AuthZconsent. Only what is logged has an id.
func answerFHIR(w http.ResponseWriter, r *request, rules *consent.Rules, q *question) error {
	d := *q.asked
	if !q.keep {
		d.ID = ""
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	body, err := audit.DecisionEvent(&d, q.verdict.Consent, address, inWords(rules, q.verdict).Plain)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, fhirJSON, body)
	return nil
}

// decodeOpen reads a JSON body whose members beyond the known ones are passed over, as AuthZEN has it: one value, no duplicate members, valid UTF-8.
func (a *api) decodeOpen(r *request, limit int64, what string, into any) error {
	data, err := a.body(r, limit, "application/json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		detail := what + ": not one JSON value in UTF-8 without duplicate members"
		if s := (*json.SemanticError)(nil); errors.As(err, &s) {
			detail = what + ": " + string(s.JSONPointer) + " is of another type than it has to be" // only members that are known get this far
		}
		return &refusal{code: badRequest, detail: detail}
	}
	return nil
}
