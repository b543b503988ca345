package api

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/stream"
	"igledger/ledger/wire"
)

// examples are real messages of a real log about people who do not exist, one file a message type, made anew by go test -run Examples -update.
//
//go:embed examples/*.json
var examples embed.FS

// operation is what the document says of one route.
type operation struct {
	id       string
	summary  string
	text     string
	params   []*huma.Param
	body     reflect.Type // JSON
	takes    string       // media type of a body that is not JSON
	answer   reflect.Type // JSON; nil: media
	media    string
	also     string   // another media type that the answer has if asked for, of JSON objects
	problems []string // beside ofCaller, which every route with a grant has
}

// Problems that whole groups of operations share.
var (
	ofBody   = []string{badRequest, mediaType, tooLarge}
	ofCaller = []string{unauthorised, forbidden}
	ofLog    = []string{unavailable, internal}
)

// What a reading leaves in the log. Who may read is in the table of routes: see grant.words.
const (
	loggedReading = "The reading becomes an access entry about the person before the answer is given; if it cannot, nothing is shown (503)."
	loggedBulk    = "The organisation's first reading in a UTC day becomes an access entry about `reg:everyone` before the answer is given; " +
		"if it cannot, nothing is shown (503)."
)

func textParam(name, what, example string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: what, Example: example, Schema: &huma.Schema{Type: huma.TypeString}}
}

func indexParam(what string) *huma.Param {
	return &huma.Param{Name: "index", In: "path", Required: true, Description: what, Example: 7,
		Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)}}
}

func purposeParam() *huma.Param {
	return &huma.Param{Name: "purpose", In: "query", Description: "Why the caller reads: PurposeOfUse codes, at most 8; stands in the access entry",
		Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}, Example: []string{"HCOMPL"}}
}

// operations documents every route, by method and pattern.
var operations = map[string]operation{
	"POST /v1/entries": {
		id: "submitEntries", summary: "Submit entries",
		text: "Takes 1 to 1000 signed entries and answers when each is durable and integrated under a signed checkpoint, or refused. No caller's token: an entry's signature is its " +
			"authority. Idempotent by issuer and jti: send again whatever was not answered. A bad entry does not touch the others. A single entry that is refused gets its problem's own " +
			"status; a list gets 200 and a result for each entry in order; a list in which every entry was refused for now gets 503.",
		body: reflect.TypeFor[client.Submission](), answer: reflect.TypeFor[client.Results](),
		problems: slices.Concat(ofBody, entryCodes(), []string{conflict, future, erased, busy}, ofLog),
	},
	"GET /v1/receipts/{index}": {
		id: "getReceipt", summary: "Receipt of one entry", text: "Against the newest checkpoint.",
		params: []*huma.Param{indexParam("Position in the log")}, answer: reflect.TypeFor[bundle.Receipt](),
		problems: slices.Concat([]string{badRequest, notFound, erased}, ofLog),
	},
	"POST /v1/receipts/lookup": {
		id: "lookupReceipts", summary: "Receipts by jti", text: "For a source that lost its receipts or is not sure what arrived. An unknown jti is a result with the problem not-found.",
		body: reflect.TypeFor[client.Lookup](), answer: reflect.TypeFor[client.Results](),
		problems: slices.Concat(ofBody, ofLog),
	},
	"POST /v1/accesses/search": {
		id: "searchAccesses", summary: "Who accessed a person's record", text: "One page, newest first. A POST, because an id never stands in a URL. " + loggedReading,
		body: reflect.TypeFor[client.Search](), answer: reflect.TypeFor[client.Accesses](),
		problems: slices.Concat(ofBody, []string{string(wire.BadID), erased, busy}, ofLog),
	},
	"POST /v1/statements": {
		id: "makeStatement", summary: "Statement of a person's record, with the proof that it is complete",
		text: "A statement (`igledger-statement/1`) of all entries of the person, or with from and to, or since and until, of a period: the others are then hidden, but counted and proved. " +
			"With extract, an extract (`igledger-extract/1`) of chosen entries, which proves only that these are in the log: the thing to share. For a person whom nobody looked at it proves that. " +
			"A statement shows what is on record under the numbers that links hold to be the same person's, and the reading becomes an access entry about each of them too. docs/FORMATS.md has both forms; igverify checks them offline. 503 while the subject index is loading. " + loggedReading,
		body: reflect.TypeFor[client.StatementRequest](), media: "application/json",
		problems: slices.Concat(ofBody, []string{string(wire.BadID), notFound, erased, busy}, ofLog),
	},
	"GET /v1/openings/{index}": {
		id: "getOpening", summary: "Opening of a sealed leaf", text: "Not found for public leaves, which open themselves. " + loggedReading,
		params:   []*huma.Param{indexParam("Position in the log"), purposeParam()},
		answer:   reflect.TypeFor[bundle.Opening](),
		problems: slices.Concat([]string{badRequest, notFound, erased, busy}, ofLog),
	},
	"GET /v1/feed/{from}": {
		id: "getFeed", summary: "Audit feed: whose history each leaf belongs to",
		text: "Up to 4096 records of 64 bytes for the leaves from `from` on, fewer at the end of the log, none beyond it: tagSalt and tag of a sealed leaf, zero bytes for a public one. With the public leaves it is " +
			"all that it takes to make the subject index anew; it shows which entries are of one person, not of whom. " + loggedBulk,
		params: []*huma.Param{{Name: "from", In: "path", Required: true, Description: "Position in the log of the first record", Example: 0,
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)}}, purposeParam()},
		media: "application/octet-stream", problems: slices.Concat([]string{badRequest, busy}, ofLog),
	},
	"GET /v1/openings": {
		id: "getOpenings", summary: "Openings of many leaves",
		text: "A line of JSON for each of up to 256 leaves from `from` on, fewer where they are large, at the end of the log, or none beyond it: the opening of a sealed leaf without its VRF proof, `null` for a public one. An " +
			"opening whose jws is empty is of content that was erased. With the public leaves it is all that it takes to compute every verdict again. " + loggedBulk,
		params: []*huma.Param{{Name: "from", In: "query", Required: true, Description: "Position in the log of the first leaf", Example: 0,
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)}}, purposeParam()},
		media: "application/jsonl", problems: slices.Concat([]string{badRequest, busy}, ofLog),
	},
	"POST /v1/reports": {
		id: "makeReport", summary: "Reports for information governance officers",
		text: "`uncovered`: accesses that no rule covers. `break-glass`: emergency overrides that nobody followed up: no later access by the same organisation to the same record says `" + client.FollowUp + "<jti>`. `due`: agreements in force that are " +
			"to be reviewed or about to end. `drift`: purposes, data and roles of accesses that the agreement they name does not list. No person and no member of staff is in a report. One page; go on with next. A report that looks into accesses is a bulk reading. " + loggedBulk,
		body: reflect.TypeFor[client.ReportRequest](), answer: reflect.TypeFor[client.Report](),
		problems: slices.Concat(ofBody, []string{busy}, ofLog),
	},
	"POST /access/v1/evaluation": {
		id: "evaluate", summary: "May this access be made? (OpenID AuthZEN Authorization API 1.0)",
		text: "Answers as the ledger would judge the access if it were logged next. A denial is a sealed entry in the person's own history before the answer is given; a permit is one if context.log asks for it. If it cannot be logged there is no " +
			"answer (503). Members that are not named here are passed over. With `_format=application/fhir+json` or that Accept the answer is a FHIR R4 AuditEvent of IHE BALP's profile AuthZconsent. X-Request-ID is given back.",
		params: []*huma.Param{{Name: "_format", In: "query", Description: "application/fhir+json or application/json", Schema: &huma.Schema{Type: huma.TypeString}}},
		body:   reflect.TypeFor[client.Evaluation](), answer: reflect.TypeFor[client.Decision](), also: fhirJSON,
		problems: slices.Concat(ofBody, []string{string(wire.BadID), string(wire.BadClaim), string(wire.BadDisclosure), busy}, ofLog),
	},
	"POST /access/v1/evaluations": {
		id: "evaluateAll", summary: "Several evaluations at once (OpenID AuthZEN Authorization API 1.0)",
		text: "Up to 256, in order; what one leaves out it takes from the top. What is wrong with one alone is its context.error, and its decision is false. Without evaluations it is one evaluation, answered as such.",
		body: reflect.TypeFor[client.Evaluations](), answer: reflect.TypeFor[client.Decisions](),
		problems: slices.Concat(ofBody, []string{string(wire.BadID), string(wire.BadClaim), string(wire.BadDisclosure), busy}, ofLog),
	},
	"GET /.well-known/authzen-configuration": {
		id: "getDecisionPoint", summary: "Where decisions are made (OpenID AuthZEN Authorization API 1.0)", answer: reflect.TypeFor[client.PDP](),
	},
	"GET /v1/agreements": {
		id: "getAgreements", summary: "Data-sharing agreements", text: "Each by the version that stands, with its state by the ledger's clock. At most 500; go on with next. A convenience: verifiers replay the log instead.",
		params: []*huma.Param{textParam("party", "Only agreements of this organisation", "NHS-HIGHLAND"), textParam("state", "Only agreements in this state", "in-force"),
			{Name: "due", In: "query", Description: "Only agreements in force, under review or suspended that are to be reviewed or to end within so many days", Example: 90, Schema: &huma.Schema{Type: huma.TypeInteger}},
			textParam("after", "Only agreements after this id: next of the page before", "ISA-2026-041")},
		answer: reflect.TypeFor[client.Agreements](), problems: slices.Concat([]string{badRequest}, ofLog),
	},
	"GET /v1/agreements/{id}": {
		id: "getAgreement", summary: "One agreement: texts, signatures, acts", text: "Every version, and every entry of the log about it. To prove it, fetch the leaves at these positions (GET /tile) and check them: `igledger agreement verify`.",
		params: []*huma.Param{{Name: "id", In: "path", Required: true, Description: "Id of the agreement", Example: "ISA-2026-041", Schema: &huma.Schema{Type: huma.TypeString}}},
		answer: reflect.TypeFor[client.Agreement](), problems: slices.Concat([]string{notFound}, ofLog),
	},
	"GET /v1/requests": {
		id: "getRequests", summary: "Requests to share data, and their answers", answer: reflect.TypeFor[client.SharingRequests](), problems: ofLog,
	},
	"GET /v1/policies": {
		id: "getPolicies", summary: "Policy sets, old and in use", text: "The Cedar text of each version with its hash. docs/POLICIES.md says what the built-in one means.", answer: reflect.TypeFor[client.Policies](), problems: ofLog,
	},
	"GET /v1/sources": {
		id: "getSources", summary: "Streams of sources: numbers that are missing, silence, heartbeats",
		text:   "What the log says of each stream: its highest sequence number, gaps below it, repetitions, the newest access, and what the source's heartbeats declare. Late entries close gaps.",
		answer: reflect.TypeFor[client.Sources](), problems: ofLog,
	},
	"GET /v1/register": {
		id: "getRegister", summary: "Organisations and keys", text: "As the log's public entries make them. A convenience: verifiers replay the log instead.",
		answer: reflect.TypeFor[client.Register](), problems: ofLog,
	},
	"POST /v1/cosignatures": {
		id: "addCosignatures", summary: "Bring cosignatures of a checkpoint",
		text: "A checkpoint of this log, of any size it had, as a signed note with cosignature lines (C2SP tlog-cosignature) of witnesses or auditors of the log's policy. Good ones are kept and served with the checkpoint. " +
			"No caller's token: the lines verify or they do not. Lines of others are passed over; a bad line of a known cosigner refuses all.",
		takes: "text/plain", answer: reflect.TypeFor[client.Cosigners](),
		problems: slices.Concat(ofBody, []string{badCheckpoint, inconsistentCheckpoint, badCosignature, unknownCosigner, busy}, ofLog),
	},
	"GET /v1/log": {
		id: "getLog", summary: "Which log this is", text: "Verifiers take the log key from their own policy and the VRF key from leaf 0, never from here.",
		answer: reflect.TypeFor[client.LogInfo](), problems: ofLog,
	},
	"GET /checkpoint": {
		id: "getCheckpoint", summary: "Newest checkpoint", text: "A C2SP tlog-checkpoint in a signed note, with the cosignatures it has by now. Always the newest: while entries keep coming it is seldom cosigned yet; getLog has the newest that was.", media: "text/plain; charset=utf-8", problems: ofLog,
	},
	"GET /tile/{tile}": {
		id: "getTile", summary: "Tile or entry bundle", media: "application/octet-stream",
		text: "C2SP tlog-tiles. Hashes: `/tile/<L>/<N>[.p/<W>]`, 32 bytes each. Entries: `/tile/entries/<N>[.p/<W>]`, each a 16-bit length and the leaf. N is written in groups of three " +
			"digits, all but the last with an x before: 1234067 is `x001/x234/067`. Every tile has one spelling.",
		params: []*huma.Param{{Name: "tile", In: "path", Required: true, Description: "The rest of the path; holds slashes, which are not to be escaped", Example: "0/000.p/9",
			Schema: &huma.Schema{Type: huma.TypeString, Pattern: `^(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?$`}}},
		problems: slices.Concat([]string{notFound}, ofLog),
	},
	"GET /openapi.json": {id: "getDocument", summary: "This document", media: "application/json"},
	"GET /healthz":      {id: "getHealth", summary: "The process answers", media: "text/plain; charset=utf-8"},
	"GET /readyz":       {id: "getReady", summary: "The database answers and the log takes entries", media: "text/plain; charset=utf-8", problems: []string{unavailable}},
	"GET /metrics":      {id: "getMetrics", summary: "Prometheus metrics", text: "No label comes from a request. Keep it to the operator's network.", media: "text/plain"},
}

// entryCodes are the codes of package entry: those of the table of problems that are not this package's own.
func entryCodes() []string {
	own := []string{badRequest, notFound, unauthorised, forbidden, conflict, future, erased, busy, unavailable, mediaType, methodNotAllowed, internal, tooLarge, inconsistentCheckpoint, badCosignature, unknownCosigner}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(problems)), func(c string) bool { return slices.Contains(own, c) })
}

// openAPI makes the document from the table above and the message types. It panics on a table that contradicts itself: a test makes it.
func openAPI(table []route) []byte {
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "igledger", Version: "1",
			Description: "A verifiable ledger of record accesses in health and care. Refusals are problem+json (RFC 9457); their types are stable and listed with each status. " +
				"Integers are 64-bit unsigned; bytes are base64url without padding.",
			License: &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{Schemas: schemas, SecuritySchemes: map[string]*huma.SecurityScheme{"caller": {
			Type: "http", Scheme: "bearer", BearerFormat: "JWS",
			Description: "Compact JWS with typ igl-caller+jwt, alg and kid of a registered key, and the claims iss (organisation), sub (function or system, never a person), aud (origin of the " +
				"log), iat, exp (at most 5 minutes later), jti. It is a bearer token and not bound to one use: keep it secret and use TLS.",
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
		OperationID: op.id, Method: r.method, Path: r.pattern, Summary: op.summary, Description: op.text, Parameters: op.params,
		Responses: map[string]*huma.Response{}, Tags: []string{"public"},
	}
	if op.body != nil {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": media(schemas, op.body)}}
		o.Tags = []string{"sources"}
	}
	if op.takes != "" {
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{op.takes: {Schema: &huma.Schema{Type: huma.TypeString}}}}
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
	case op.media == "application/json":
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
		if status == http.StatusServiceUnavailable {
			resp.Headers = map[string]*huma.Header{"Retry-After": {Description: "Seconds to wait before sending the same again", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		o.Responses[strconv.Itoa(status)] = resp
	}
	return o
}

// all returns the codes of every problem that the route answers with.
func (op operation) all(r route) []string {
	if r.open {
		return op.problems
	}
	return slices.Concat(op.problems, ofCaller)
}

// words says in the document who may call a route with this grant.
func (g *grant) words() string {
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
	if len(g.registers) > 0 {
		text += " Ids that begin with `reg:` are for the role " + oneOf(g.registers) + "."
	}
	return text
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

// media refers to the schema of t and shows the example of it.
func media(schemas huma.Registry, t reflect.Type) *huma.MediaType {
	m := &huma.MediaType{Schema: schemas.Schema(t, true, t.Name())}
	data, err := examples.ReadFile("examples/" + strings.ToLower(t.Name()) + ".json")
	if err == nil {
		m.Example = json.RawMessage(data)
	}
	return m
}

// requests are strict; the schemas of answers may grow members.
var requests = []string{"Submission", "Lookup", "Search", "StatementRequest", "ReportRequest"}

// describe completes what reflection cannot know: the fields of package entry, whose meaning is in its own comments, and that the server
// never writes null for a list.
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

// enums are the closed sets behind string types of package entry.
var enums = map[string][]any{
	"Member.roles": values(entry.RoleController, entry.RoleProcessor, entry.RoleSource, entry.RoleAuditor, entry.RoleRegistrar, entry.RoleEnroller, entry.RoleOperator),
	"Key.purposes": values(entry.PurposeSubmit, entry.PurposeAgreements, entry.PurposeAudit, entry.PurposeAdminister),
	"Result.flags": flags, "Opening.flags": flags,
	"Source.faults": values(stream.FaultGaps, stream.FaultSilent, stream.FaultMissingDays, stream.FaultOverdue, stream.FaultDeclared, stream.FaultUnverified),
}

var flags = values(entry.Flags()...)

func values[T ~string](list ...T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

var descriptions = map[string]string{
	"Receipt.leaf":        "What the Merkle tree hashes: 0x01 ‖ JWS, or 0x02 ‖ tagCommit ‖ bodyCommit; base64url",
	"Receipt.tagSalt":     "Opens tagCommit, 32 bytes; sealed entries only",
	"Receipt.tag":         "The person's tag, 32 bytes; sealed entries only",
	"Receipt.vrfProof":    "Proof that tag is the VRF output of the entry's own sub, 80 bytes; sealed entries only",
	"Receipt.bodySalt":    "Opens bodyCommit, 32 bytes; sealed entries only",
	"Receipt.proof":       "C2SP tlog-proof@v1: index, inclusion path and signed checkpoint",
	"Opening.index":       "Position in the log; inclusion is to be proved apart",
	"Opening.tagSalt":     "Opens tagCommit, 32 bytes",
	"Opening.tag":         "The person's tag, 32 bytes",
	"Opening.vrfProof":    "Proof that tag is the VRF output of the person's id, 80 bytes",
	"Opening.bodySalt":    "Opens bodyCommit, 32 bytes",
	"Opening.jws":         "The entry: header.payload.signature",
	"Opening.disclosures": "Disclosures that are shown (RFC 9901), base64url",
	"Opening.flags":       flagsDescription(),
	"Opening.received":    "RFC 3339, when the ledger took it; not proved",
	"Member.id":           "Organisation id, e.g. an ODS code",
	"Member.name":         "Name of the organisation",
	"Member.kind":         "Lower-case word, e.g. health-board",
	"Member.roles":        "What the organisation may be in the log",
	"JWK.kty":             "OKP or EC",
	"JWK.crv":             "Ed25519 or P-256",
	"JWK.x":               "32 bytes",
	"JWK.y":               "32 bytes, P-256 only",
	"Staff.id":            "Identifier within system",
	"Staff.system":        "Who gave the identifier",
	"Staff.name":          "Name",
	"Staff.altId":         "Another identifier",
	"Party.type":          "system|code of FHIR AuditEvent.agent.type",
	"Party.id":            "Reference or identifier",
	"Party.name":          "Name",
	"Party.address":       "FHIR AuditEvent.agent.network.address",
	"Text.why":            "Purpose in words",
	"Text.justification":  "Justification of break-glass",
	"Text.outcome":        "FHIR AuditEvent.outcomeDesc",
	"Text.query":          "Search that was run",
}
