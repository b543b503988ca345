package api

import (
	"net/http"
	"slices"
	"strings"
)

// A handler answers a request or returns why not, before it has written anything. rest is what the last segment of the pattern stands for.
type handler func(a *api, w http.ResponseWriter, r *http.Request, rest string) error

// route is one line of the table of everything this API answers.
type route struct {
	method  string
	pattern string // a last segment in braces takes the rest of the path; also the label in metrics and logs
	serve   handler
	body    int64 // most bytes of a request body, 0 = none is read
	open    bool  // public: any web page may read it (CORS), so that verifiers can run in browsers
}

var routes = []route{
	{method: "POST", pattern: "/v1/entries", serve: (*api).submit, body: maxSubmit},
	{method: "GET", pattern: "/v1/receipts/{index}", serve: (*api).receipt},
	{method: "POST", pattern: "/v1/receipts/lookup", serve: (*api).lookup, body: maxBody},
	{method: "POST", pattern: "/v1/accesses/search", serve: (*api).search, body: maxBody},
	{method: "POST", pattern: "/v1/statements", serve: (*api).statement, body: maxBody},
	{method: "GET", pattern: "/v1/openings/{index}", serve: (*api).opening},
	{method: "GET", pattern: "/v1/openings", serve: (*api).openings},
	{method: "GET", pattern: "/v1/feed/{from}", serve: (*api).feed},
	{method: "POST", pattern: "/v1/reports", serve: (*api).report, body: maxBody},
	{method: "POST", pattern: "/access/v1/evaluation", serve: (*api).evaluation, body: maxBody},
	{method: "POST", pattern: "/access/v1/evaluations", serve: (*api).evaluations, body: maxEvaluationsBody},
	{method: "GET", pattern: "/.well-known/authzen-configuration", serve: (*api).pdp, open: true},
	{method: "GET", pattern: "/v1/agreements", serve: (*api).agreements, open: true},
	{method: "GET", pattern: "/v1/agreements/{id}", serve: (*api).agreement, open: true},
	{method: "GET", pattern: "/v1/requests", serve: (*api).requests, open: true},
	{method: "GET", pattern: "/v1/policies", serve: (*api).policies, open: true},
	{method: "GET", pattern: "/v1/sources", serve: (*api).sources},
	{method: "GET", pattern: "/v1/register", serve: (*api).register, open: true},
	{method: "POST", pattern: "/v1/cosignatures", serve: (*api).cosignatures, body: maxBody},
	{method: "GET", pattern: "/v1/log", serve: (*api).info, open: true},
	{method: "GET", pattern: "/checkpoint", serve: (*api).checkpoint, open: true},
	{method: "GET", pattern: "/tile/{tile}", serve: (*api).tile, open: true},
	{method: "GET", pattern: "/openapi.json", serve: (*api).document, open: true},
	{method: "GET", pattern: "/healthz", serve: (*api).health},
	{method: "GET", pattern: "/readyz", serve: (*api).ready},
	{method: "GET", pattern: "/metrics", serve: (*api).scrape},
}

func (a *api) add(r *route) {
	if strings.HasSuffix(r.pattern, "}") {
		a.prefix = append(a.prefix, r)
	} else {
		a.exact[r.pattern] = append(a.exact[r.pattern], r)
	}
}

// find gives the route of a request and the rest of its path. http.ServeMux is not used because it redirects and unescapes: here each
// resource has exactly one spelling, and refusals are problem+json.
func (a *api) find(r *http.Request) (*route, string, error) {
	path := r.URL.Path
	if r.URL.RawPath != "" || strings.Contains(r.URL.EscapedPath(), "%") {
		return nil, "", &refusal{code: notFound} // an escaped spelling of something
	}
	candidates, rest := a.exact[path], ""
	if candidates == nil {
		for _, p := range a.prefix {
			if after, ok := strings.CutPrefix(path, p.pattern[:strings.IndexByte(p.pattern, '{')]); ok && after != "" {
				candidates, rest = append(candidates, p), after
			}
		}
	}
	method := r.Method
	if method == http.MethodHead { // net/http leaves the body of the answer out
		method = http.MethodGet
	}
	var allow []string
	for _, c := range candidates {
		if c.method == method {
			return c, rest, nil
		}
		allow = append(allow, c.method)
	}
	if allow == nil {
		return nil, "", &refusal{code: notFound, detail: "there is nothing at this path"}
	}
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	return nil, "", &refusal{code: methodNotAllowed, allow: strings.Join(allow, ", ")}
}
