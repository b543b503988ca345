package api

import (
	"embed"
	"maps"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"igledger/audit"
	"igledger/internal/client"
	"igledger/ledger/bundle"
	"igledger/ledger/wire"
)

// examples are real messages of a real log about people who do not exist, one file for each message
// type. go test -run Examples -update writes them.
//
//go:embed examples/*.json
var examples embed.FS

// operation is what the document says about one route.
type operation struct {
	id       string
	summary  string
	text     string
	params   []*huma.Param
	body     reflect.Type // JSON
	takes    string       // media type of a body that is not JSON
	fhir     bool         // answers and, on request, refusals are FHIR
	answer   reflect.Type // JSON; nil: media
	media    string
	also     string   // another media type of JSON objects, which the answer has on request
	problems []string // in addition to ofCaller, which every route with a grant has
}

// Problems that whole groups of operations share.
var (
	ofBody    = []string{badRequest, mediaType, tooLarge, slow}
	ofCaller  = []string{unauthorised, forbidden}
	ofState   = slices.Sorted(maps.Keys(passing))
	ofAuthZEN = []string{string(wire.BadID), string(wire.BadClaim), string(wire.BadDisclosure), busy}
	ofLog     = append(ofState, internal)
)

// What a reading leaves in the log. The table of routes states who may read: see grant.words.
const (
	loggedReading = "The reading becomes an access entry about the person before the answer is sent. If it " +
		"cannot be logged, nothing is shown (503)."
	loggedBulk = "The organisation's first reading in a UTC day becomes an access entry about `reg:everyone` " +
		"before the answer is sent. If it cannot be logged, nothing is shown (503)."
)

func textParam(name, what, example string) *huma.Param {
	return &huma.Param{
		Name: name, In: "query", Description: what, Example: example,
		Schema: &huma.Schema{Type: huma.TypeString},
	}
}

func indexParam(what string) *huma.Param {
	return &huma.Param{
		Name: "index", In: "path", Required: true, Description: what, Example: 7,
		Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)},
	}
}

func purposeParam() *huma.Param {
	return &huma.Param{
		Name: "purpose", In: "query", Example: []string{"HCOMPL"},
		Description: "Why the caller reads: PurposeOfUse codes, at most 8. They appear in the access entry",
		Schema:      &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
	}
}

// operations documents every route, by method and pattern.
var operations = map[string]operation{
	"POST /v1/entries": {
		id: "submitEntries", summary: "Submit entries",
		text: "Takes 1 to 1000 signed entries. It answers when each entry is refused, or durable and " +
			"integrated under a signed checkpoint. No caller token is needed: the signature of an entry is " +
			"its authority. With a valid one, a submission has a share of the server's memory that others " +
			"cannot use up. Idempotent by issuer and jti: if you get no answer, send the same entries again. " +
			"A bad entry does not affect the others. A single refused entry answers with the status of its " +
			"problem. A list answers 200 with a result for each entry, in order, but 503 if every entry was " +
			"refused only for now.",
		body: reflect.TypeFor[client.Submission](), answer: reflect.TypeFor[client.Results](),
		problems: slices.Concat(ofBody, entryCodes(), []string{conflict, future, erased, busy}, ofLog),
	},
	"GET /v1/receipts/{index}": {
		id: "getReceipt", summary: "Get the receipt of one entry",
		text: "The receipt is against the newest checkpoint, which the log alone has signed so far, or with " +
			"`witnessed` against the newest one that reached the quorum of the operator's policy, with its " +
			"cosignatures. If that does not cover the entry yet, the problem is not-witnessed.",
		params: []*huma.Param{indexParam("Position in the log"), {
			Name: "witnessed", In: "query", AllowEmptyValue: true,
			Description: "Present, without a value or as true: the receipt is to be under a witnessed checkpoint",
			Schema:      &huma.Schema{Type: huma.TypeBoolean},
		}},
		answer:   reflect.TypeFor[bundle.Receipt](),
		problems: slices.Concat([]string{badRequest, notFound, notWitnessed, erased}, ofLog),
	},
	"POST /v1/receipts/lookup": {
		id: "lookupReceipts", summary: "Look up receipts by jti",
		text: "For a source that lost its receipts, does not know which entries arrived, or waits for witnesses " +
			"before it forgets. The result for an unknown jti has the problem not-found, and with `witnessed` " +
			"that for an entry which no witnessed checkpoint covers yet the problem not-witnessed.",
		body: reflect.TypeFor[client.Lookup](), answer: reflect.TypeFor[client.Results](),
		problems: slices.Concat(ofBody, ofLog),
	},
	"POST /v1/accesses/search": {
		id: "searchAccesses", summary: "Find out who accessed a person's record",
		text: "One page, newest first. It is a POST because a person's id never appears in a URL. An organisation " +
			"is shown only its own entries (scope `own`), and is not told of others. " + loggedReading,
		body: reflect.TypeFor[client.Search](), answer: reflect.TypeFor[client.Accesses](),
		problems: slices.Concat(ofBody, []string{string(wire.BadID), notFound, erased, busy}, ofLog),
	},
	"POST " + fhirSearch: {
		id: "searchAuditEvents", summary: "Find out who accessed a person's record, in FHIR (IHE ITI-81)",
		text: "As POST /v1/accesses/search, with FHIR R4 AuditEvents in a Bundle, newest first. What a source reported as " +
			"an AuditEvent is shown as it was; any other access or decision is written by its IHE BALP profile. Each entry of the " +
			"Bundle says in the extension `" + audit.EntryURI + "` where it is recorded and what the verdict was. What is no " +
			"event, such as a consent, is counted in an OperationOutcome. For the next page, POST the same form to the link. " +
			"A search by GET is refused. Refusals are OperationOutcomes if Accept is application/fhir+json. " +
			"The form has, besides _count and _format:" + formText() + "\n\n" + loggedReading,
		takes: "application/x-www-form-urlencoded", media: fhirJSON, fhir: true,
		params:   []*huma.Param{textParam("_page", "From a link to the next page", "2s")},
		problems: slices.Concat(ofBody, []string{notAcceptable, methodNotAllowed, notFound, erased, busy}, ofLog),
	},
	"GET " + fhirBase + "/metadata": {
		id: "getCapabilities", summary: "Get what the ledger can do as a FHIR server", media: fhirJSON, fhir: true,
		problems: []string{notAcceptable, internal},
	},
	"POST /v1/papers": {
		id: "keepPaper", summary: "Keep a sealed statement for a code on paper",
		text: "The front desk made the statement, sealed it on its own machine and prints the code. Anybody who has the code " +
			"can open it; the ledger cannot, because it never gets the key. It is kept until the time in the answer, or until the person " +
			"or the desk stops it on the ledger's pages. Answers 404 if this ledger has no pages for people who sign in.",
		body: reflect.TypeFor[client.SealedPaper](), answer: reflect.TypeFor[client.KeptPaper](), media: "application/json",
		problems: slices.Concat(ofBody, []string{string(wire.BadID), tooManyPapers, notFound}, ofLog),
	},
	"POST /v1/statements": {
		id: "makeStatement", summary: "Make a statement of a person's record, with proof that it is complete",
		text: "A statement (`igledger-statement/1`) shows all entries about the person. With from and to, it " +
			"shows those that the ledger logged on these days, and hides the others but counts and proves them. " +
			"The days are those of logging: an access that was reported late is on the day of its report. " +
			"With extract, it is an extract (`igledger-extract/1`) of chosen entries, which is what to " +
			"share: it proves only that these entries are in the log. If there was no access to the person's " +
			"record, the statement proves that. A statement also shows what is on record under the numbers " +
			"that links declare to be the same person's. The reading becomes an access entry about each of " +
			"them. An organisation gets no statement: without extract it gets an extract of its own entries of the " +
			"period, or 404 if there is none. docs/FORMATS.md describes both forms, and igverify checks them offline. Answers 503 while " +
			"the subject index is loading. " + loggedReading,
		body: reflect.TypeFor[client.StatementRequest](), media: "application/json",
		problems: slices.Concat(ofBody, []string{string(wire.BadID), notFound, erased, busy}, ofLog),
	},
	"GET /v1/openings/{index}": {
		id: "getOpening", summary: "Get the opening of a sealed leaf",
		text: "Answers 404 for public leaves, which need no opening. An organisation is answered 403 for every " +
			"position that has no entry of its own. " + loggedReading,
		params:   []*huma.Param{indexParam("Position in the log"), purposeParam()},
		answer:   reflect.TypeFor[bundle.Opening](),
		problems: slices.Concat([]string{badRequest, notFound, erased, busy}, ofLog),
	},
	"GET /v1/feed/{from}": {
		id: "getFeed", summary: "Get the audit feed: which history each leaf belongs to",
		text: "Up to 4096 records of 64 bytes for the leaves starting at `from`: fewer at the end of the " +
			"log, and none beyond it. A record is the tagSalt and tag of a sealed leaf, or zero bytes for a " +
			"public one. Together with the public leaves, the feed is enough to rebuild the subject index. " +
			"It shows which entries are about the same person, but not who that is. " + loggedBulk,
		params: []*huma.Param{{
			Name: "from", In: "path", Required: true, Description: "Position in the log of the first record", Example: 0,
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)},
		}, purposeParam()},
		media: "application/octet-stream", problems: slices.Concat([]string{badRequest, busy}, ofLog),
	},
	"GET /v1/openings": {
		id: "getOpenings", summary: "Get the openings of many leaves",
		text: "One line of JSON for each of up to 256 leaves starting at `from`: fewer if they are large or " +
			"at the end of the log, and none beyond it. A line is the opening of a sealed leaf without its " +
			"VRF proof, or `null` for a public one. An opening with an empty jws is of content that was " +
			"erased. Together with the public leaves, the openings are enough to recompute every verdict. " +
			loggedBulk,
		params: []*huma.Param{{
			Name: "from", In: "query", Required: true, Description: "Position in the log of the first leaf", Example: 0,
			Schema: &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: new(float64)},
		}, purposeParam()},
		media: "application/jsonl", problems: slices.Concat([]string{badRequest, busy}, ofLog),
	},
	"GET /v1/notes": {
		id: "getNotes", summary: "Get what the organisation noted about accesses",
		text: "What officers or auditors of the caller's organisation noted on the pages about accesses that stand out, by the jti that " +
			"reports have. It is not in the log, and nothing proves it. " + loggedBulk,
		params: []*huma.Param{{
			Name: "after", In: "query", Description: "next of the previous page",
			Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(128)},
		}, purposeParam()},
		answer: reflect.TypeFor[client.Notes](), problems: slices.Concat([]string{badRequest, notFound, busy}, ofLog),
	},
	"POST /v1/reports": {
		id: "makeReport", summary: "Make a report for information governance officers",
		text: "`uncovered`: accesses that no rule covers. `attempts`: what was tried and failed or was refused, " +
			"and decisions of other systems, none of which is an access. `break-glass`: emergency overrides without a " +
			"follow-up, that is, a later access by the same organisation to the same record that says `" +
			client.FollowUp + "<jti>`. `due`: agreements in force that are due for review or about to end. " +
			"`drift`: purposes, data and roles of accesses that the agreement they name does not list. A " +
			"report names no person and no member of staff. It is one page; pass next to continue. A report " +
			"that reads accesses is a bulk reading. " + loggedBulk,
		body: reflect.TypeFor[client.ReportRequest](), answer: reflect.TypeFor[client.Report](),
		problems: slices.Concat(ofBody, []string{busy}, ofLog),
	},
	"POST /access/v1/evaluation": {
		id: "evaluate", summary: "Ask whether an access is allowed (OpenID AuthZEN Authorization API 1.0)",
		text: "Answers as the ledger would judge the access if it were logged next. A denial becomes a " +
			"sealed entry in the person's own history before the answer is sent, and so does a permit if " +
			"context.log asks for it. If the entry cannot be logged, there is no answer (503). Members that " +
			"are not listed here are ignored. With `_format=application/fhir+json`, or that media type in " +
			"Accept, the answer is a FHIR R4 AuditEvent of the IHE BALP profile AuthZconsent. The answer " +
			"repeats X-Request-ID.",
		params: []*huma.Param{{
			Name: "_format", In: "query", Description: "application/fhir+json or application/json",
			Schema: &huma.Schema{Type: huma.TypeString},
		}},
		body: reflect.TypeFor[client.Evaluation](), answer: reflect.TypeFor[client.Decision](), also: fhirJSON,
		problems: slices.Concat(ofBody, ofAuthZEN, ofLog),
	},
	"POST /access/v1/evaluations": {
		id: "evaluateAll", summary: "Ask for several evaluations at once (OpenID AuthZEN Authorization API 1.0)",
		text: "Up to 256 evaluations, in order. What an evaluation leaves out is taken from the top level. " +
			"If one evaluation is invalid, its context.error says why and its decision is false. A request " +
			"without evaluations is one evaluation, and is answered as such.",
		body: reflect.TypeFor[client.Evaluations](), answer: reflect.TypeFor[client.Decisions](),
		problems: slices.Concat(ofBody, ofAuthZEN, ofLog),
	},
	"GET /.well-known/authzen-configuration": {
		id: "getDecisionPoint", summary: "Get where decisions are made (OpenID AuthZEN Authorization API 1.0)",
		answer: reflect.TypeFor[client.PDP](),
	},
	"GET /.well-known/authzen-configuration/{path}": {
		id: "getDecisionPointAt", summary: "The same, if the URL of this server has this path",
		params: []*huma.Param{{
			Name: "path", In: "path", Required: true, Description: "Path of that URL", Example: "pdp",
			Schema: &huma.Schema{Type: huma.TypeString},
		}},
		answer: reflect.TypeFor[client.PDP](), problems: []string{notFound},
	},
	"GET /v1/agreements": {
		id: "getAgreements", summary: "List data-sharing agreements",
		text: "Each agreement is shown by its current version, with its state by the ledger's clock. At most " +
			"500; pass next as after to continue. The list is a convenience: verifiers replay the log " +
			"instead.",
		params: []*huma.Param{
			textParam("party", "Only agreements of this organisation", "NHS-HIGHLAND"),
			textParam("state", "Only agreements in this state", "in-force"),
			{
				Name: "due", In: "query", Example: 90, Schema: &huma.Schema{Type: huma.TypeInteger},
				Description: "Only agreements in force, under review or suspended that are due for review or end " +
					"within this number of days",
			},
			textParam("after", "Only agreements after this id: next of the previous page", "ISA-2026-041"),
		},
		answer: reflect.TypeFor[client.Agreements](), problems: slices.Concat([]string{badRequest}, ofLog),
	},
	"GET /v1/agreements/{id}": {
		id: "getAgreement", summary: "Get one agreement: texts, signatures, acts",
		text: "Every version, and every entry in the log about it. To prove it, fetch the leaves at these " +
			"positions (GET /tile) and check them: `igledger agreement verify`.",
		params: []*huma.Param{{
			Name: "id", In: "path", Required: true, Description: "Id of the agreement", Example: "ISA-2026-041",
			Schema: &huma.Schema{Type: huma.TypeString},
		}},
		answer: reflect.TypeFor[client.Agreement](), problems: slices.Concat([]string{notFound}, ofLog),
	},
	"GET /v1/requests": {
		id: "getRequests", summary: "List requests to share data, with their answers",
		answer: reflect.TypeFor[client.SharingRequests](), problems: ofLog,
	},
	"GET /v1/policies": {
		id: "getPolicies", summary: "List policy sets, old and in use",
		text:   "The Cedar text of each version, with its hash. docs/POLICIES.md explains the built-in one.",
		answer: reflect.TypeFor[client.Policies](), problems: ofLog,
	},
	"GET /v1/sources": {
		id: "getSources", summary: "List the streams of sources: missing numbers, silence, heartbeats",
		text: "What the log shows of each stream: its highest sequence number, the gaps below it, repeated " +
			"numbers, the newest access, and what the source's heartbeats declare. Late entries close gaps. " +
			"Of each organisation as many streams are kept apart as the server is configured for; " +
			"the accesses of further ones are taken too, flagged `too-many-streams`, and counted together.",
		params: []*huma.Param{{
			Name: "after", In: "query", Description: "`next` of another page", Schema: &huma.Schema{Type: huma.TypeString},
		}},
		answer: reflect.TypeFor[client.Sources](), problems: slices.Concat([]string{badRequest}, ofLog),
	},
	"GET /v1/register": {
		id: "getRegister", summary: "List organisations and keys",
		text:   "The register that the log's public entries make up. It is a convenience: verifiers replay the log instead.",
		answer: reflect.TypeFor[client.Register](), problems: ofLog,
	},
	"POST /v1/cosignatures": {
		id: "addCosignatures", summary: "Add cosignatures to a checkpoint",
		text: "Send a checkpoint of this log, of any size that it had, as a signed note with cosignature " +
			"lines (C2SP tlog-cosignature) of witnesses or auditors in the log's policy. Valid cosignatures " +
			"are kept and served with the checkpoint. No caller token is needed: the lines verify or they do " +
			"not. Lines of other cosigners are ignored. If a line of a known cosigner does not verify, the " +
			"whole note is refused.",
		takes: "text/plain", answer: reflect.TypeFor[client.Cosigners](),
		problems: slices.Concat(ofBody,
			[]string{badCheckpoint, inconsistentCheckpoint, badCosignature, unknownCosigner, busy}, ofLog),
	},
	"GET /v1/log": {
		id: "getLog", summary: "Get the log's identity, size and newest cosigned checkpoint",
		text:   "Verifiers take the log key from their own policy and the VRF key from leaf 0, never from here.",
		answer: reflect.TypeFor[client.LogInfo](), problems: ofLog,
	},
	"GET /checkpoint": {
		id: "getCheckpoint", summary: "Get the newest checkpoint",
		text: "A C2SP tlog-checkpoint in a signed note, with the cosignatures it has so far. It is always " +
			"the newest, so it is seldom cosigned yet while entries keep arriving. getLog has the newest one " +
			"that reached the quorum of the log's policy.",
		media: "text/plain; charset=utf-8", problems: ofLog,
	},
	"GET /tile/{tile}": {
		id: "getTile", summary: "Get a tile or entry bundle", media: "application/octet-stream",
		text: "C2SP tlog-tiles. Hashes: `/tile/<L>/<N>[.p/<W>]`, 32 bytes each. Entries: " +
			"`/tile/entries/<N>[.p/<W>]`, each a 16-bit length and the leaf. N is written in groups of three " +
			"digits, all but the last preceded by x: 1234067 is `x001/x234/067`. Every tile has exactly one " +
			"spelling.",
		params: []*huma.Param{{
			Name: "tile", In: "path", Required: true, Example: "0/000.p/9",
			Description: "The rest of the path. It contains slashes, which must not be escaped",
			Schema: &huma.Schema{
				Type:    huma.TypeString,
				Pattern: `^(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?$`,
			},
		}},
		problems: slices.Concat([]string{notFound}, ofLog),
	},
	"GET /openapi.json": {id: "getDocument", summary: "Get this document", media: "application/json"},
	"GET /healthz":      {id: "getHealth", summary: "Check that the process answers", media: "text/plain; charset=utf-8"},
	"GET /readyz": {
		id: "getReady", summary: "Check that the log accepts entries and that its subject index is right",
		params: []*huma.Param{{
			Name: "append", In: "query", AllowEmptyValue: true,
			Description: "Present: what ends statements and readings only does not count: a subject index that is broken or far " +
				"behind, and an operator's key that the log does not take",
			Schema: &huma.Schema{Type: huma.TypeString},
		}},
		media: "text/plain; charset=utf-8", problems: ofState,
	},
}
