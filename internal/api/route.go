package api

import (
	"net/http"
	"slices"
	"strings"

	"igledger/internal/edge"
	"igledger/ledger/entry"
	"igledger/policies/readers"
)

// request is what a handler gets: the HTTP request, and what ServeHTTP has found out about it.
type request struct {
	*http.Request
	caller *caller    // permitted by the grant of the route; nil on an open route
	rest   string     // what the last segment of the pattern matched
	body   *edge.Body // nil if the route reads none
}

// handler answers a request. If it cannot, it returns the reason. If it has written a part of the
// answer by then, the connection is closed, so that the caller knows that the rest is missing.
type handler func(a *api, w http.ResponseWriter, r *request) error

// route is one line of the table of everything that this API answers. It states who may call it:
// either open or may is set, or New panics.
type route struct {
	method  string
	pattern string // a last segment in braces takes the rest of the path; also the label in metrics and logs
	open    bool   // anyone may call it; a caller's token is ignored
	may     *grant // who may call it, by a caller's token
	serve   handler
	body    int64  // most bytes of a request body; 0 if none is read
	cors    bool   // any web page may read the answer, so that verifiers can run in browsers; open routes only
	only    string // why another method is refused; "" if there is nothing to say
	echo    bool   // every answer, including refusals, repeats the request's X-Request-ID (AuthZEN section 10.1.4)
}

// grant is what a route requires of its caller, and what the caller may then reach. ServeHTTP
// checks purposes and roles before the handler runs. The other fields depend on what the request
// asks for, so the handler checks them by methods of the caller: reaches, reachesAll, reads. The
// zero value permits no caller.
//
// The OpenAPI document says the same in words, derived from these fields.
type grant struct {
	purposes []entry.Purpose // the key must have one of these
	roles    []entry.Role    // the organisation must have one of these; if empty, any organisation may call

	// own says what belongs to an organisation on this route, and completes "Limited to …". An
	// organisation may read its own. One with a role in beyond may also read that of others. Empty
	// if nothing on the route belongs to one organisation.
	own    string
	beyond []entry.Role

	// kinds are what is read about people on this route. For these, readers.Table says who may read
	// how much, and purposes and roles follow from it.
	kinds []readers.Kind
}

// reading returns the grant of a route on which these kinds of data about people are read.
func reading(kinds ...readers.Kind) *grant {
	g := &grant{kinds: kinds}
	for _, r := range readers.Table {
		if !r.ByKey() || !slices.ContainsFunc(kinds, func(k readers.Kind) bool { return r.May[k] != readers.Nothing }) {
			continue
		}
		if !slices.Contains(g.purposes, r.Purpose) {
			g.purposes = append(g.purposes, r.Purpose)
		}
		g.roles = append(g.roles, r.Role)
	}
	return g
}

// The grants of the table below.
var (
	submitters = &grant{purposes: []entry.Purpose{entry.PurposeSubmit}, own: "entries that the organisation submitted"}

	historyReaders = reading(readers.History, readers.Register)
	openingReaders = reading(readers.Opening, readers.Register)
	bulkReaders    = reading(readers.Bulk)
	reporters      = reading(readers.Report)
	noteReaders    = reading(readers.Note)

	// frontDesks print for people who ask there.
	frontDesks = &grant{purposes: []entry.Purpose{entry.PurposeFrontDesk}, roles: []entry.Role{entry.RoleFrontDesk}}

	// deciders are systems that guard records, and officers who try out a decision. That an access is
	// denied tells something of the person's choices, so it is for organisations that access or hold
	// records. Why is for the holder's guard alone: readers.Guards.
	deciders = &grant{
		purposes: []entry.Purpose{entry.PurposeSubmit, entry.PurposeAudit, entry.PurposeGuard},
		roles:    []entry.Role{entry.RoleController, entry.RoleProcessor, entry.RoleSource},
		own:      "accesses by the organisation, or to records that it holds",
	}

	// anyKey permits every organisation that takes part in the log. Keys of front desks and guards are
	// for one thing each, so they are not needed.
	anyKey = &grant{
		purposes: []entry.Purpose{entry.PurposeSubmit, entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeAdminister},
		own:      "the organisation's own streams",
		beyond:   []entry.Role{entry.RoleAuditor, entry.RoleOperator, entry.RoleRegistrar},
	}
)

// routes is everything that this API answers. What a route requires of its caller is stated only
// here; TestWhoMayCallWhat compares the table with one of its own.
var routes = []route{
	{method: "POST", pattern: "/v1/entries", open: true, serve: (*api).submit, body: maxSubmit},
	{method: "GET", pattern: "/v1/receipts/{index}", may: submitters, serve: (*api).receipt},
	{method: "POST", pattern: "/v1/receipts/lookup", may: submitters, serve: (*api).lookup, body: maxBody},
	{method: "POST", pattern: "/v1/accesses/search", may: historyReaders, serve: (*api).search, body: maxBody},
	{
		method: "POST", pattern: fhirSearch, may: historyReaders, serve: (*api).auditEvents, body: maxBody, only: byPost,
	},
	{method: "GET", pattern: fhirBase + "/metadata", open: true, serve: (*api).capabilities, cors: true},
	{method: "POST", pattern: "/v1/statements", may: historyReaders, serve: (*api).statement, body: maxBody},
	{method: "POST", pattern: "/v1/papers", may: frontDesks, serve: (*api).keepPaper, body: maxPaper},
	{method: "GET", pattern: "/v1/openings/{index}", may: openingReaders, serve: (*api).opening},
	{method: "GET", pattern: "/v1/openings", may: bulkReaders, serve: (*api).openings},
	{method: "GET", pattern: "/v1/feed/{from}", may: bulkReaders, serve: (*api).feed},
	{method: "POST", pattern: "/v1/reports", may: reporters, serve: (*api).report, body: maxBody},
	{method: "GET", pattern: "/v1/notes", may: noteReaders, serve: (*api).notes},
	{method: "POST", pattern: "/access/v1/evaluation", may: deciders, serve: (*api).evaluation, body: maxBody, echo: true},
	{
		method: "POST", pattern: "/access/v1/evaluations", may: deciders, serve: (*api).evaluations,
		body: maxEvaluationsBody, echo: true,
	},
	{method: "GET", pattern: "/.well-known/authzen-configuration", open: true, serve: (*api).pdp, cors: true, echo: true},
	{method: "GET", pattern: "/.well-known/authzen-configuration/{path}", open: true, serve: (*api).pdp, cors: true, echo: true},
	{method: "GET", pattern: "/v1/agreements", open: true, serve: (*api).agreements, cors: true},
	{method: "GET", pattern: "/v1/agreements/{id}", open: true, serve: (*api).agreement, cors: true},
	{method: "GET", pattern: "/v1/requests", open: true, serve: (*api).requests, cors: true},
	{method: "GET", pattern: "/v1/policies", open: true, serve: (*api).policies, cors: true},
	{method: "GET", pattern: "/v1/sources", may: anyKey, serve: (*api).sources},
	{method: "GET", pattern: "/v1/register", open: true, serve: (*api).register, cors: true},
	{method: "POST", pattern: "/v1/cosignatures", open: true, serve: (*api).cosignatures, body: maxBody},
	{method: "GET", pattern: "/v1/log", open: true, serve: (*api).info, cors: true},
	{method: "GET", pattern: "/checkpoint", open: true, serve: (*api).checkpoint, cors: true},
	{method: "GET", pattern: "/tile/{tile}", open: true, serve: (*api).tile, cors: true},
	{method: "GET", pattern: "/openapi.json", open: true, serve: (*api).document, cors: true},
	{method: "GET", pattern: "/healthz", open: true, serve: (*api).health},
	{method: "GET", pattern: "/readyz", open: true, serve: (*api).ready},
}

// Serves reports whether a path is for the API: whether its first element is that of a route. A
// server may answer all other paths with pages.
func Serves(path string) bool {
	first := func(path string) string {
		element, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		return element
	}
	return slices.ContainsFunc(routes, func(r route) bool { return first(r.pattern) == first(path) })
}

// add adds a route to the table. It panics if the route does not state who may call it.
func (a *api) add(r *route) {
	if fault := r.fault(); fault != "" {
		panic("api: " + r.method + " " + r.pattern + " " + fault)
	}
	if strings.HasSuffix(r.pattern, "}") {
		a.prefix = append(a.prefix, r)
	} else {
		a.exact[r.pattern] = append(a.exact[r.pattern], r)
	}
}

// fault returns what is wrong with what the route states about its callers, or "".
func (r *route) fault() string {
	switch {
	case r.open && r.may != nil:
		return "is open and has a grant"
	case !r.open && r.may == nil:
		return "does not state who may call it: it is neither open nor has a grant"
	case !r.open && len(r.may.purposes) == 0:
		return "has a grant without purposes, which permits no key"
	case !r.open && r.cors:
		return "may be read by any web page, but is not open"
	}
	return ""
}

// find returns the route of a request and the rest of its path. It does not use http.ServeMux,
// which redirects and unescapes: here each resource has exactly one spelling, and refusals are
// problem+json.
func (a *api) find(r *http.Request) (*route, string, error) {
	path := r.URL.Path
	if r.URL.RawPath != "" || strings.Contains(r.URL.EscapedPath(), "%") {
		return nil, "", &refusal{code: notFound} // an escaped spelling
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
	if method == http.MethodHead { // net/http omits the body of the answer
		method = http.MethodGet
	}
	var allow []string
	why := instead[path]
	for _, c := range candidates {
		if c.method == method {
			return c, rest, nil
		}
		allow, why = append(allow, c.method), c.only
	}
	if allow == nil && why == "" {
		return nil, "", &refusal{code: notFound, detail: "there is nothing at this path"}
	}
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	return nil, "", &refusal{code: methodNotAllowed, detail: why, allow: strings.Join(allow, ", ")}
}
