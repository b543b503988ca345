package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"igledger/audit/statement"
	"igledger/internal/client"
	"igledger/ledger"
	"igledger/ledger/register"
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// kind is one type of problem. Its URI is client.ProblemPrefix followed by the code. Code, status
// and meaning are stable.
type kind struct {
	status int
	title  string
	remedy string // what the caller can do about it, for docs/PROBLEMS.md and the OpenAPI document
}

// Codes of this package. The others are those of packages wire and register.
const (
	badRequest       = "bad-request"
	notFound         = "not-found"
	unauthorised     = "unauthorised"
	forbidden        = "forbidden"
	conflict         = "conflict"
	future           = "future"
	unknownSource    = "unknown-source"
	erased           = "erased"
	tooManyPapers    = "too-many-papers"
	notWitnessed     = "not-witnessed"
	busy             = "busy"
	unavailable      = "unavailable"
	mediaType        = "unsupported-media-type"
	methodNotAllowed = "method-not-allowed"
	notAcceptable    = "not-acceptable"
	slow             = "too-slow"
	internal         = "internal"

	// Why an append would not succeed: of GET /readyz and of what is refused meanwhile.
	stopped             = "stopped"
	frozen              = "frozen"
	diskFull            = "disk-full"
	databaseUnreachable = "database-unreachable"
	signingRecord       = "signing-record"
	keyMismatch         = "key-mismatch"
	missingCodes        = "missing-code-systems"
	indexBroken         = "index-broken"
	indexBehind         = "index-behind"
	shuttingDown        = "shutting-down"

	badCheckpoint          = string(wire.BadCheckpoint)
	inconsistentCheckpoint = "inconsistent-checkpoint"
	badCosignature         = "bad-cosignature"
	unknownCosigner        = "unknown-cosigner"
	tooLarge               = string(wire.TooLarge)
)

// problems is the table of all types of problem, of this package and of packages wire and register.
var problems = map[string]kind{
	badRequest: {400, "The request is malformed", "Correct the request. It fails again if you send it unchanged."},
	unauthorised: {
		401, "Missing or invalid caller token",
		"Send `Authorization: Bearer` with a token for this log that lasts at most 5 minutes, signed by a " +
			"registered, unrevoked key.",
	},
	forbidden: {
		403, "The caller may not do this",
		"Use a key with the purpose that the route requires, of an organisation with the role that it requires.",
	},
	notFound: {
		404, "Not found",
		"Check the path or index. A tile or entry beyond the end of the log appears when the log has grown that far.",
	},
	notWitnessed: {
		404, "The entry is in the log, but under no witnessed checkpoint yet",
		"Ask again later: within seconds of when the cosigners of the operator's policy have cosigned. Until then the " +
			"receipt under the newest checkpoint can be had.",
	},
	methodNotAllowed: {405, "The path does not support this method", "Use a method that the Allow header lists."},
	notAcceptable: {
		406, "No form of the answer is one that the request accepts",
		"Send `Accept: application/fhir+json`, without another fhirVersion than 4.0.",
	},
	slow: {
		408, "The request body came too slowly",
		"Send it again, over a faster connection or in smaller batches. A body must bring 32 KiB a second, unless the operator " +
			"has configured another rate.",
	},
	conflict: {
		409, "Another entry with this iss and jti is already in the log",
		"Give the entry a jti of its own. If it was meant to be the same entry, the one in the log is the valid one.",
	},
	tooManyPapers: {
		409, "The person has as many working codes on paper as they may",
		"Stop a code first, on the ledger's pages: the person by signing in, or a front desk.",
	},
	erased: {
		410, "The content was erased",
		"Nothing. The leaf stays in the log, but its content was lawfully erased.",
	},
	mediaType: {
		415, "The body does not have the media type of this route",
		"Send `Content-Type: application/json` (for cosignatures `text/plain`) without Content-Encoding.",
	},
	inconsistentCheckpoint: {
		409, "A checkpoint signed by this log's key that is inconsistent with this log",
		"Keep it together with the checkpoint from GET /checkpoint: they prove that the operator forked the log " +
			"or that a backup was restored. Tell the auditors and witnesses.",
	},
	badCosignature: {
		422, "A cosignature does not verify",
		"Cosign the exact checkpoint in the note, with the key in the log's policy and a correct clock.",
	},
	unknownCosigner: {
		422, "No cosignature by a cosigner that this log knows",
		"Ask the operator to add the cosigner's key to the log's policy (igledger serve --policy).",
	},
	future: {
		422, "A time in the entry is more than 5 minutes in the future",
		"Correct the source's clock and sign the entry again.",
	},
	unknownSource: {
		422, "A heartbeat of a source that has reported no access",
		"Send its first access first, or correct the name. See GET /v1/sources.",
	},
	internal: {
		500, "The server failed",
		"Tell the operator when it happened. You can send a submission again, because it is idempotent.",
	},
	busy: {503, "The server is busy", "Send the same request again after Retry-After. Nothing was stored."},
	unavailable: {
		503, "The log is temporarily unavailable",
		"Send the same request again after Retry-After. A submission may already be in the log; it is stored only once.",
	},
	stopped: {
		503, "The log has stopped",
		"Keep what you wanted to send, and send it again later. The log would contradict what it has signed, so an " +
			"operator has to act: GET /readyz says why, and `igledger recover` what can be done.",
	},
	frozen: {
		503, "The log is frozen",
		"Send the same request again after Retry-After. The operator has frozen the log in its database, and unfreezes it.",
	},
	diskFull: {
		503, "There is no room on the disk",
		"Send the same request again after Retry-After. The operator makes room; no restart is needed.",
	},
	databaseUnreachable: {
		503, "The database cannot be reached or written to",
		"Send the same request again after Retry-After. A submission may already be in the log; it is stored only once.",
	},
	signingRecord: {
		503, "The signing record is missing, or cannot be read or written",
		"Send the same request again after Retry-After: what is in the log already is answered then. The operator looks after " +
			"the place that `--signing-record` names.",
	},
	keyMismatch: {
		503, "A key of the operator is missing, or not the one that the log names",
		"Send the same request again later. The operator starts the server with the keys of this log, or registers the new " +
			"operator's key.",
	},
	missingCodes: {
		503, "The server lacks code systems by which the log judges",
		"Send the same request again later. The operator gives them with `--terminology`.",
	},
	indexBroken: {
		503, "The subject index is broken",
		"Entries are taken, but no statements are made: an index root in the log does not match its entries. The operator runs " +
			"`igledger rebuild --check` to find out which is wrong.",
	},
	indexBehind: {
		503, "The subject index is further behind the log than the genesis allows",
		"Entries are taken, but statements do not show the newest. The operator looks for why no index roots are logged.",
	},
	shuttingDown: {
		503, "The server is shutting down",
		"Send the same request again after Retry-After: another replica, or this server when it is back, takes it.",
	},

	"too-large": {
		413, "Larger than the limit",
		"Send less: a body of at most 8 MiB, an entry of at most 1 MiB, a public entry of at most 65,534 bytes, " +
			"a disclosure of at most 64 KiB. For a link: the person already has 256 other numbers, so unlink " +
			"one first.",
	},
	"bad-base64": {
		400, "Not canonical base64url",
		"Encode without padding and with zero trailing bits (RFC 7515 section 2).",
	},
	"bad-json": {
		400, "Not the expected JSON",
		"Send one JSON value in UTF-8 without duplicate or unknown members.",
	},
	"bad-length": {400, "A field has the wrong length", "See docs/FORMATS.md for the field that detail names."},
	"bad-jws":    {400, "Not a compact JWS", "Send header.payload.signature. For sealed types, add ~disclosure~…~."},
	"bad-header": {400, "Invalid JOSE header", "Include exactly alg, kid (RFC 7638 thumbprint) and typ."},
	"unknown-algorithm": {
		400, "The algorithm is not allowed",
		"Sign with EdDSA (Ed25519) or ES256, whichever matches the key.",
	},
	"bad-key": {422, "Not a usable public key", "Register a plain Ed25519 or P-256 public key."},
	"bad-signature": {
		403, "The signature does not verify",
		"Sign exactly header.payload with the key that kid names.",
	},
	"bad-claim": {422, "A claim is missing or malformed", "Correct the claim that detail names and sign again."},
	"unknown-type": {
		422, "Unknown entry type",
		"Use a type from docs/FORMATS.md that this version of the ledger knows.",
	},
	"wrong-audience": {422, "Made for another log", "Set aud to this log's origin (GET /v1/log) and sign again."},
	"bad-disclosure": {
		422, "A disclosure is malformed or not allowed",
		"Disclose only what the entry type allows. Always disclose sub.",
	},
	"unreferenced-digest": {
		422, "A disclosure does not belong to the entry",
		"Send the exact disclosures whose digests are in _sd.",
	},
	"duplicate-disclosure": {422, "A disclosure or its name appears twice", "Send each disclosure once."},
	"bad-id": {
		422, "The id does not have a known form",
		"Use chi:, nhs:, temp: or reg: as in docs/FORMATS.md. A wrong check digit is not refused.",
	},
	"bad-leaf": {422, "Neither a public nor a sealed leaf", "See docs/FORMATS.md."},
	"bad-commitment": {
		422, "An opening does not open its leaf",
		"Fetch it again. If it still fails, tell an auditor.",
	},
	"bad-vrf":        {422, "Invalid VRF key or proof", "See docs/FORMATS.md."},
	"bad-checkpoint": {422, "Not a checkpoint of this log", "Fetch it again. If it still fails, tell an auditor."},
	"bad-proof":      {422, "A proof does not verify", "Fetch it again. If it still fails, tell an auditor."},
	"bad-index-proof": {
		422, "Not a path in the subject index",
		"Fetch it again. If it still fails, tell an auditor.",
	},
	"bad-index-root": {
		422, "Index root at an invalid position",
		"Only the operator submits index roots, and an index root covers only entries before itself.",
	},
	"bad-statement": {
		422, "A statement or extract contradicts itself",
		"Fetch it again. If it still fails, tell an auditor.",
	},
	"personal-data": {
		422, "A public entry contains a person's number",
		"Remove the CHI or NHS number. Anyone can read public entries, for ever.",
	},
	"unknown-key": {403, "The key is not registered", "Register the key first (entry type key)."},
	"revoked-key": {403, "The key was revoked", "Sign with a valid key of the organisation."},
	"inactive-key": {
		403, "The key is not valid yet",
		"Wait until the log has reached the first index at which the key is valid.",
	},
	"wrong-purpose": {
		403, "The key or organisation may not sign this",
		"Use a key with the purpose that the entry type requires, of an organisation with the role that it requires.",
	},
	"wrong-issuer": {
		403, "The key belongs to another organisation",
		"Set iss to the organisation that holds the key.",
	},
	"unknown-organisation": {
		422, "The organisation is not registered",
		"Register the organisation first (entry type organisation).",
	},
	"not-countersigned": {
		422, "An enroller's countersignature is missing or wrong",
		"Ask an enroller other than the registrar and the operator to countersign.",
	},
	"register-conflict": {409, "Contradicts the register", "Read GET /v1/register and correct the entry."},
	"unknown-agreement": {
		422, "The agreement, version or sharing request is not in the log",
		"Propose the agreement or make the request first. See GET /v1/agreements and GET /v1/requests.",
	},
	"not-a-party": {
		403, "The organisation may not do this to the agreement or request",
		"Ask the party that detail names to submit it.",
	},
	"bad-transition": {
		409, "Not allowed in the current state",
		"Read the current state. Detail says what it is and which state the act needs.",
	},
	"version-conflict": {
		409, "Another version came first, or the signed text is not the text of that version",
		"Read the versions in the log; detail says which one differs. Then submit yours as the next version.",
	},
	"bad-policy-set": {
		422, "The policies cannot be put into force",
		"Correct the line that detail names, and check with `igledger policy check`. See docs/POLICIES.md.",
	},
	"unknown-consent": {
		422, "The consent record or delegation is not on file for this person",
		"Use the id under which it was first recorded.",
	},
	"not-consent-basis": {
		422, "Consent is not the legal basis, so there is nothing to withdraw",
		"Use the right that detail names.",
	},
	"contradictory-consent": {422, "The rule contradicts itself", "Correct the part that detail names."},
	"period-in-the-past": {
		422, "The period ended before the entry was made",
		"Correct the period and sign again.",
	},
	"bad-delegation": {
		422, "The delegation is circular, not live, or not for this act",
		"Use a live delegation of another person, with the scope that detail names.",
	},
	"bad-genesis": {
		422, "Not a valid genesis for this log",
		"Only leaf 0 can be a genesis, and this log already has one.",
	},
}

// refusal is the error of a request that is refused on purpose, with what the caller is told.
type refusal struct {
	code       string
	detail     string
	allow      string // Allow header
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.code + ": " + r.detail }

// refuse returns the refusal for an error of package wire or register, which says what is wrong in
// the caller's own bytes. It returns other errors as they are.
func refuse(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		return &refusal{code: string(e.Code), detail: e.What + ": " + e.Detail}
	}
	return err
}

// failures maps errors of the ledger to codes; the first match decides. Any other error is the
// server's fault.
var failures = []struct {
	err  error
	code string
}{
	{ledger.ErrConflict, conflict},
	{ledger.ErrFuture, future},
	{ledger.ErrNoAccess, unknownSource},
	{ledger.ErrErased, erased},
	{ledger.ErrNotFound, notFound},
	{ledger.ErrNotWitnessed, notWitnessed},
	{ledger.ErrTooMany, tooLarge},
	{statement.ErrNotReady, unavailable},
	{statement.ErrDiffers, indexBroken},
	{statement.ErrBusy, busy},
	{ledger.ErrBusy, busy},
	{ledger.ErrClosed, shuttingDown},
	{storage.ErrNewerSchema, shuttingDown}, // the process ends
	{ledger.ErrStopped, stopped},
	{ledger.ErrFull, diskFull},
	{ledger.ErrKeys, keyMismatch},
	{ledger.ErrRecord, signingRecord},
	{ledger.ErrNoRecord, signingRecord},
	{storage.ErrFrozen, frozen},
	{register.ErrUnable, missingCodes},
	{storage.ErrUnavailable, databaseUnreachable},
	{context.Canceled, unavailable},
	{context.DeadlineExceeded, unavailable},
}

// refusalOf returns the refusal that err is, or that it becomes by failures.
func refusalOf(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			r := &refusal{code: f.code}
			var b *ledger.BusyError
			if errors.As(err, &b) {
				r.retryAfter = b.RetryAfter
			}
			r.detail = operatorsFault(err)
			return r
		}
	}
	return &refusal{code: internal}
}

// passing are the codes of refusals that end when the server's state does. Busy is not one of them:
// the server is well.
var passing = map[string]bool{
	unavailable: true, stopped: true, frozen: true, diskFull: true, databaseUnreachable: true, signingRecord: true,
	keyMismatch: true, missingCodes: true, indexBroken: true, indexBehind: true, shuttingDown: true,
}

func (r *refusal) problem() *client.Problem {
	k := problems[r.code]
	return &client.Problem{Type: client.ProblemPrefix + r.code, Title: k.title, Status: k.status, Detail: r.detail}
}

// fail answers with err as problem+json, or as a FHIR OperationOutcome that holds the same. It logs
// failures of the server, but not refusals, whose makers have logged what they needed to. Errors of
// the ledger hold no personal datum, so they can be logged.
func (a *api) fail(w http.ResponseWriter, pattern string, err error, inFHIR bool) {
	r := refusalOf(err)
	// What a log that has stopped does not do for now, such as an index root, it will not do later.
	if (r.code == unavailable || r.code == signingRecord) && a.log != nil && a.log.Stopped() != nil {
		err = a.log.Stopped()
		r = refusalOf(err)
	}
	_, deliberate := err.(*refusal)
	if !deliberate && (r.code == internal || passing[r.code]) && !errors.Is(err, context.Canceled) {
		a.logger.Error("request failed", "route", pattern, "error", err)
	}
	h := w.Header()
	p := r.problem()
	if a.metrics != nil {
		a.metrics.problems.WithLabelValues(r.code).Inc()
	}
	switch p.Status {
	case http.StatusServiceUnavailable:
		// Whole seconds (RFC 9110 section 10.2.3), rounded up.
		h.Set("Retry-After", strconv.Itoa(max(1, int((r.retryAfter+time.Second-1)/time.Second))))
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="igledger"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", r.allow)
	}
	h.Set("Cache-Control", "no-store")
	if inFHIR {
		body, _ := json.Marshal(outcomeOf(p), json.Deterministic(true)) // strings
		write(w, p.Status, fhirMedia, body)
		return
	}
	body, _ := json.Marshal(p) // three strings and a number
	write(w, p.Status, "application/problem+json", body)
}

// write answers with a body of known length.
func write(w http.ResponseWriter, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // it fails only if the caller went away
}

// answer answers with v as JSON and status 200.
func answer(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", body)
	return nil
}
