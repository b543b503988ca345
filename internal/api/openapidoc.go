package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"igledger/internal/client"
	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/policies/readers"
)

// entryCodes returns the codes of packages wire and register: those in the table of problems that
// are not this package's own.
func entryCodes() []string {
	own := []string{
		badRequest, notFound, unauthorised, forbidden, conflict, future, unknownSource, erased, tooManyPapers, notWitnessed, busy,
		mediaType, methodNotAllowed, notAcceptable, slow, internal, tooLarge, inconsistentCheckpoint, badCosignature, unknownCosigner,
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(problems)), func(c string) bool { return passing[c] || slices.Contains(own, c) })
}

// Document returns the OpenAPI document of the API. It is made when it is first asked for, once,
// since that takes tens of milliseconds. The caller must not modify it.
func Document() []byte { return document() }

var document = sync.OnceValue(func() []byte { return openAPI(routes) })

// openAPI makes the document from the table above and the message types. It panics if the table
// contradicts itself; a test calls it.
func openAPI(table []route) []byte {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "igledger", Version: "1",
			Description: "A verifiable ledger of record accesses in health and care. Refusals are " +
				"problem+json (RFC 9457), and each status lists their stable types. Integers are 64-bit " +
				"unsigned; bytes are base64url without padding.",
			License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{"caller": {
			Type: "http", Scheme: "bearer", BearerFormat: "JWS",
			Description: "Compact JWS with typ igl-caller+jwt, alg and kid of a registered key, and the " +
				"claims iss (organisation), sub (function or system, never a person), aud (origin of the " +
				"log), iat, exp (at most 5 minutes later) and jti. It is a bearer token that can be used " +
				"more than once: keep it secret and use TLS.",
		}}},
	}
	for _, r := range table {
		op, ok := operations[r.method+" "+r.pattern]
		if !ok {
			panic("no operation for " + r.method + " " + r.pattern)
		}
		doc.AddOperation(op.document(r, schemas))
	}
	describe(schemas)
	out, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("encoding the OpenAPI document: %v", err))
	}
	return out
}

func (op operation) document(r route, schemas huma.Registry) *huma.Operation {
	o := &huma.Operation{
		OperationID: op.id, Method: r.method, Path: r.pattern,
		Summary: op.summary, Description: op.text, Parameters: op.params,
		Responses: map[string]*huma.Response{}, Tags: []string{"public"},
	}
	if op.body != nil {
		content := map[string]*huma.MediaType{"application/json": media(schemas, op.body)}
		o.RequestBody = &huma.RequestBody{Required: true, Content: content}
		o.Tags = []string{"sources"}
	}
	if op.takes != "" {
		text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{op.takes: text}}
	}
	if !r.open {
		o.Description = strings.TrimSpace(o.Description + " " + r.may.words())
		o.Security = []map[string][]string{{"caller": {}}}
		o.Tags = []string{"callers"}
	}
	content := map[string]*huma.MediaType{op.media: {Schema: &huma.Schema{Type: huma.TypeString}}}
	switch {
	case op.answer != nil:
		content = map[string]*huma.MediaType{"application/json": media(schemas, op.answer)}
	case op.media == "application/octet-stream":
		content[op.media].Schema.Format = "binary"
	case op.media == "application/json", op.fhir:
		content[op.media].Schema = &huma.Schema{Type: huma.TypeObject}
	}
	if op.also != "" {
		content[op.also] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}}
	}
	o.Responses["200"] = &huma.Response{Description: "OK", Content: content}
	byStatus := map[int][]string{}
	for _, code := range op.all(r) {
		byStatus[problems[code].status] = append(byStatus[problems[code].status], code)
	}
	for status, codes := range byStatus {
		slices.Sort(codes)
		var text strings.Builder
		text.WriteString("One of these problems:\n")
		for _, code := range codes {
			fmt.Fprintf(&text, "- `%s%s`: %s. %s\n", client.ProblemPrefix, code, problems[code].title, problems[code].remedy)
		}
		p := media(schemas, reflect.TypeFor[client.Problem]())
		p.Example = (&refusal{code: codes[0]}).problem()
		resp := &huma.Response{Description: text.String(), Content: map[string]*huma.MediaType{"application/problem+json": p}}
		if op.fhir {
			resp.Content[fhirJSON] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}}
		}
		if status == http.StatusServiceUnavailable {
			resp.Headers = map[string]*huma.Header{"Retry-After": {
				Description: "Seconds to wait before sending the same request again",
				Schema:      &huma.Schema{Type: huma.TypeInteger},
			}}
		}
		o.Responses[strconv.Itoa(status)] = resp
	}
	return o
}

// all returns the codes of all problems that the route answers with.
func (op operation) all(r route) []string {
	if r.open {
		return op.problems
	}
	return slices.Concat(op.problems, ofCaller)
}

// words returns what the document says about who may call a route with this grant.
func (g *grant) words() string {
	if len(g.kinds) > 0 {
		return "Caller: " + readingWords(g.kinds)
	}
	text := "Caller: a key with purpose " + oneOf(g.purposes)
	if len(g.roles) > 0 {
		text += " of an organisation with the role " + oneOf(g.roles)
	}
	text += "."
	if g.own != "" {
		text += " Limited to " + g.own
		if len(g.beyond) > 0 {
			text += ", unless it has the role " + oneOf(g.beyond)
		}
		text += "."
	}
	return text
}

// readingWords says who may read these kinds of data about people, and for what.
func readingWords(kinds []readers.Kind) string {
	var list []string
	for _, r := range readers.Table {
		extent := r.May[kinds[0]]
		if !r.ByKey() || extent == readers.Nothing {
			continue
		}
		text := fmt.Sprintf("the %s (a key with purpose `%s`, role `%s`), for the purpose %s", r.Name, r.Purpose, r.Role, oneOf(r.Uses))
		if r.OnRequest {
			text += ", with request and identity"
		} else {
			text += " or a narrower one"
		}
		if extent == readers.Own {
			text += ", limited to accesses that it made or to records that it holds, and what it recorded itself"
		}
		if slices.Contains(kinds, readers.Register) && r.May[readers.Register] == readers.Nothing {
			text += ", not ids that begin with `reg:`"
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ") + "."
}

// oneOf lists words as alternatives: `a`, `b` or `c`.
func oneOf[T ~string](list []T) string {
	var b strings.Builder
	for i, word := range list {
		switch {
		case i > 0 && i == len(list)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("`" + string(word) + "`")
	}
	return b.String()
}

// media returns a reference to the schema of t, with its example.
func media(schemas huma.Registry, t reflect.Type) *huma.MediaType {
	m := &huma.MediaType{Schema: schemas.Schema(t, true, t.Name())}
	data, err := examples.ReadFile("examples/" + strings.ToLower(t.Name()) + ".json")
	if err == nil {
		m.Example = json.RawMessage(data)
	}
	return m
}

// requests names the types of request bodies, whose schemas are strict. The schemas of answers may
// grow members.
var requests = []string{"Submission", "Lookup", "Search", "StatementRequest", "ReportRequest"}

// describe adds what reflection cannot know: what the fields of other packages mean, and that the
// server never writes null for a list.
func describe(schemas huma.Registry) {
	for name, s := range schemas.Map() {
		if !slices.Contains(requests, name) {
			s.AdditionalProperties = nil
		}
		for prop, p := range s.Properties {
			p.Nullable = false
			p.Description = cmp.Or(p.Description, descriptions[name+"."+prop], described[name+"."+prop])
			if p.Items != nil {
				p.Items.Nullable = false
			}
			if enum, ok := enums[name+"."+prop]; ok {
				p.Items.Enum = enum
			}
		}
	}
}

// enums holds the closed sets behind string types of packages entry and stream.
var enums = map[string][]any{
	"Member.roles": values(entry.RoleController, entry.RoleProcessor, entry.RoleSource, entry.RoleAuditor,
		entry.RoleRegistrar, entry.RoleEnroller, entry.RoleOperator),
	"Key.purposes": values(entry.PurposeSubmit, entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeAdminister),
	"Result.flags": flags, "Opening.flags": flags,
	"Source.faults": values(stream.FaultGaps, stream.FaultSilent, stream.FaultMissingDays, stream.FaultOverdue,
		stream.FaultDeclared, stream.FaultUnverified),
}

var flags = values(entry.Flags()...)

func values[T ~string](list ...T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// descriptions says what the fields of other packages mean, by "Type.member".
var descriptions = map[string]string{
	"Receipt.leaf":        "What the Merkle tree hashes: 0x01 ‖ JWS, or 0x02 ‖ tagCommit ‖ bodyCommit; base64url",
	"Receipt.tagSalt":     "Opens tagCommit, 32 bytes; sealed entries only",
	"Receipt.tag":         "The person's tag, 32 bytes; sealed entries only",
	"Receipt.vrfProof":    "Proof that tag is the VRF output of the entry's own sub, 80 bytes; sealed entries only",
	"Receipt.bodySalt":    "Opens bodyCommit, 32 bytes; sealed entries only",
	"Receipt.proof":       "C2SP tlog-proof@v1: index, inclusion path and signed checkpoint",
	"Opening.index":       "Position in the log. The opening does not prove inclusion",
	"Opening.tagSalt":     "Opens tagCommit, 32 bytes",
	"Opening.tag":         "The person's tag, 32 bytes",
	"Opening.vrfProof":    "Proof that tag is the VRF output of the person's id, 80 bytes",
	"Opening.bodySalt":    "Opens bodyCommit, 32 bytes",
	"Opening.jws":         "The entry: header.payload.signature",
	"Opening.disclosures": "Disclosures that are shown (RFC 9901), base64url",
	"Opening.flags":       flagsDescription(),
	"Opening.received":    "When the ledger took the entry (RFC 3339); not proved",
	"Member.id":           "Organisation id, e.g. an ODS code",
	"Member.name":         "Name of the organisation",
	"Member.kind":         "Lower-case word, e.g. health-board",
	"Member.roles":        "Roles that the organisation may have in the log",
	"JWK.kty":             "OKP or EC",
	"JWK.crv":             "Ed25519 or P-256",
	"JWK.x":               "32 bytes",
	"JWK.y":               "32 bytes, P-256 only",
	"Staff.id":            "Identifier, unique within system",
	"Staff.system":        "Who issued the identifier",
	"Staff.name":          "Name",
	"Staff.altId":         "Another identifier",
	"Staff.ids":           "Further identifiers, system|value, or a value or reference that has none",
	"Staff.units":         "Units and places in which they worked, system|value",
	"Party.type":          "system|code of FHIR AuditEvent.agent.type",
	"Party.id":            "Reference or identifier",
	"Party.name":          "Name",
	"Party.address":       "FHIR AuditEvent.agent.network.address",
	"Text.why":            "Purpose in words",
	"Text.justification":  "Justification of an emergency override (break-glass)",
	"Text.outcome":        "FHIR AuditEvent.outcomeDesc",
	"Text.query":          "The search that was run",
	"Text.organisation":   "What the source calls the organisation that accessed, if foreign",
}
