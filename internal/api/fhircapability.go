package api

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"igledger/audit"
)

// capabilities is GET /fhir/r4/metadata: what the server can do as a FHIR server.
func (a *api) capabilities(w http.ResponseWriter, r *request) error {
	if ok, _ := acceptsFHIR(r.Request, r.URL.Query().Get("_format")); !ok {
		return &refusal{code: notAcceptable}
	}
	var params []any
	for _, p := range fhirParams {
		param := map[string]any{"name": p.name, "type": p.kind, "documentation": p.text + "."}
		if !p.own {
			param["definition"] = "http://hl7.org/fhir/SearchParameter/AuditEvent-" + p.name
		}
		params = append(params, param)
	}
	implementation := map[string]any{"description": "The ledger " + a.log.Origin() + ": who accessed people's records, with proof"}
	if a.public != "" {
		implementation["url"] = a.public + fhirBase
	}
	statement := map[string]any{
		"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "date": "2026-11-28",
		"fhirVersion": "4.0.1", "format": []string{fhirJSON, "json"},
		"software": map[string]any{"name": "igledger"}, "implementation": implementation,
		"rest": []any{map[string]any{
			"mode": "server",
			"security": map[string]any{"description": "A caller's token, as for POST /v1/accesses/search: see /openapi.json. " +
				"Every reading becomes an entry in the person's history before it is answered."},
			"resource": []any{map[string]any{
				"type": "AuditEvent",
				"documentation": "IHE ITI-81, by POST " + fhirSearch + " only: in a URL, a person's number would end in logs. " +
					"The next page is had by POST of the same form to its link. " +
					"Each entry of an answer has the extension " + audit.EntryURI + ", by which its proof is found.",
				"interaction": []any{map[string]any{"code": "search-type", "documentation": "By POST only."}},
				"versioning":  "no-version",
				"searchParam": params,
			}},
		}},
	}
	body, err := json.Marshal(statement, json.Deterministic(true))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	write(w, http.StatusOK, fhirMedia, body)
	return nil
}

// formText says in the OpenAPI document what the form of a search may have.
func formText() string {
	var b strings.Builder
	for _, p := range fhirParams {
		b.WriteString("\n- `" + p.name + "` (" + p.kind + "): " + p.text + ".")
	}
	return b.String()
}
