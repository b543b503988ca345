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
	"igledger/ledger/storage"
	"igledger/ledger/wire"
)

// kind is one type of problem. Its URI is client.ProblemPrefix and the code; code, status and meaning are stable.
type kind struct {
	status int
	title  string
	remedy string // what the caller does about it, for docs/PROBLEMS.md and the OpenAPI document
}

// Codes of this package; the others are entry's own.
const (
	badRequest       = "bad-request"
	notFound         = "not-found"
	unauthorised     = "unauthorised"
	forbidden        = "forbidden"
	conflict         = "conflict"
	future           = "future"
	erased           = "erased"
	busy             = "busy"
	unavailable      = "unavailable"
	mediaType        = "unsupported-media-type"
	methodNotAllowed = "method-not-allowed"
	internal         = "internal"

	badCheckpoint          = string(wire.BadCheckpoint)
	inconsistentCheckpoint = "inconsistent-checkpoint"
	badCosignature         = "bad-cosignature"
	unknownCosigner        = "unknown-cosigner"
	tooLarge               = string(wire.TooLarge)
)

// problems is the table of all types of problem, of this package and of package entry.
var problems = map[string]kind{
	badRequest:             {400, "The request is malformed", "Correct the request; sent again as it is, it fails again."},
	unauthorised:           {401, "No valid caller's token", "Present `Authorization: Bearer` with a token of at most 5 minutes for this log, signed by a registered, unrevoked key."},
	forbidden:              {403, "The caller may not do this", "Use a key with the purpose, of an organisation with the role, that the route asks for."},
	notFound:               {404, "Not found", "Check the path or number. Tiles and entries beyond the log appear when it has grown that far."},
	methodNotAllowed:       {405, "The path does not take this method", "Use a method of the Allow header."},
	conflict:               {409, "Another entry with this iss and jti is in the log", "Give the entry a jti of its own. If this is meant to be the same entry, the one in the log counts."},
	erased:                 {410, "The content was erased", "None: the leaf stays in the log, its content is lawfully gone."},
	mediaType:              {415, "The body is not of the media type of this route", "Send `Content-Type: application/json`, for cosignatures `text/plain`, without Content-Encoding."},
	inconsistentCheckpoint: {409, "A checkpoint signed by this log's key that is not of this log", "Keep it, with the checkpoint that GET /checkpoint gives: the two convict the operator, or a backup was restored. Tell the auditors and witnesses."},
	badCosignature:         {422, "A cosignature does not verify", "Cosign exactly the checkpoint of the note, with the key of the log's policy and a clock that is right."},
	unknownCosigner:        {422, "No cosignature of a cosigner this log knows", "Ask the operator to name the cosigner's key in the log's policy (igledger serve --policy)."},
	future:                 {422, "A time of the entry lies more than 5 minutes ahead", "Set the source's clock and sign the entry anew."},
	internal:               {500, "The server failed", "Tell the operator when it happened. A submission may be sent again: it is idempotent."},
	busy:                   {503, "The queue is full", "Send the same again after Retry-After. Nothing was taken."},
	unavailable:            {503, "The log cannot be reached for now", "Send the same again after Retry-After. A submission may or may not be in the log already; it will be there once."},

	"too-large":             {413, "Larger than the limit", "Send less: a body of at most 8 MiB, an entry of at most 1 MiB, a public entry of at most 65,534 bytes, a disclosure of at most 64 KiB. Of a link: the person has 256 other numbers already; unlink one."},
	"bad-base64":            {400, "Not canonical base64url", "Encode without padding and with zero trailing bits (RFC 7515 section 2)."},
	"bad-json":              {400, "JSON of the wrong shape", "Send one JSON value in UTF-8 without duplicate or unknown members."},
	"bad-length":            {400, "A field has the wrong length", "See docs/FORMATS.md for the field named in detail."},
	"bad-jws":               {400, "Not a compact JWS", "Send header.payload.signature, then for sealed types ~disclosure~…~."},
	"bad-header":            {400, "The JOSE header is wrong", "Have exactly alg, kid (RFC 7638 thumbprint) and typ."},
	"unknown-algorithm":     {400, "The algorithm is not allowed", "Sign with EdDSA (Ed25519) or ES256, whichever is the key's own."},
	"bad-key":               {422, "Not a usable public key", "Register a plain Ed25519 or P-256 public key."},
	"bad-signature":         {403, "The signature does not verify", "Sign with the key that kid names, over exactly header.payload."},
	"bad-claim":             {422, "A claim is missing or malformed", "Correct the claim named in detail and sign anew."},
	"unknown-type":          {422, "The entry type is not known", "Use a type of docs/FORMATS.md that this log's version knows."},
	"wrong-audience":        {422, "Made for another log", "Set aud to this log's origin (GET /v1/log) and sign anew."},
	"bad-disclosure":        {422, "A disclosure is malformed or not allowed", "Disclose only what the type allows, and always sub."},
	"unreferenced-digest":   {422, "A disclosure does not belong to the entry", "Send the very disclosures whose digests stand in _sd."},
	"duplicate-disclosure":  {422, "A disclosure or its name appears twice", "Send each disclosure once."},
	"bad-id":                {422, "The id has none of the known forms", "Use chi:, nhs:, temp: or reg: as in docs/FORMATS.md. A wrong check digit is not refused."},
	"bad-leaf":              {422, "Neither a public nor a sealed leaf", "See docs/FORMATS.md."},
	"bad-commitment":        {422, "An opening does not open its leaf", "Fetch it anew; if it stays, tell an auditor."},
	"bad-vrf":               {422, "A VRF key or proof is wrong", "See docs/FORMATS.md."},
	"bad-checkpoint":        {422, "Not a checkpoint of this log", "Fetch it anew; if it stays, tell an auditor."},
	"bad-proof":             {422, "A proof does not verify", "Fetch it anew; if it stays, tell an auditor."},
	"bad-index-proof":       {422, "Not a path of the subject index", "Fetch it anew; if it stays, tell an auditor."},
	"bad-index-root":        {422, "An index root that stands where it may not", "Only the operator states index roots, of entries below their own place."},
	"bad-statement":         {422, "A statement or extract contradicts itself", "Fetch it anew; if it stays, tell an auditor."},
	"personal-data":         {422, "A public entry holds a person's number", "Take the CHI or NHS number out: public entries are for everybody, for ever."},
	"unknown-key":           {403, "The key is not registered", "Register the key first (entry type key)."},
	"revoked-key":           {403, "The key was revoked", "Sign with a key of the organisation that counts."},
	"inactive-key":          {403, "The key does not count yet", "Wait until the log has reached the key's first index."},
	"wrong-purpose":         {403, "The key or organisation may not sign this", "Use a key with the purpose, of an organisation with the role, that the type asks for."},
	"wrong-issuer":          {403, "The key belongs to another organisation", "Set iss to the organisation that holds the key."},
	"unknown-organisation":  {422, "The organisation is not registered", "Register the organisation first (entry type organisation)."},
	"not-countersigned":     {422, "An enroller's countersignature is missing or wrong", "Have an enroller other than registrar and operator countersign."},
	"register-conflict":     {409, "Contradicts the register", "Read GET /v1/register and correct the entry."},
	"unknown-agreement":     {422, "The agreement, version or sharing request is not in the log", "Propose or ask first; see GET /v1/agreements and GET /v1/requests."},
	"not-a-party":           {403, "The organisation may not do this to the agreement or request", "Have it stated by the party that detail names."},
	"bad-transition":        {409, "What stands in the log does not allow this act", "Read what stands there; detail says in which state it is and what the act needs."},
	"version-conflict":      {409, "Another version came first, or the text signed is not that version's", "Read what stands there; detail says what. Then state yours under the next version."},
	"bad-policy-set":        {422, "The policies cannot be put in force", "Correct them at the line that detail names: `igledger policy check`. See docs/POLICIES.md."},
	"unknown-consent":       {422, "The consent record or delegation is not on file for this person", "Give the id that it was first stated under."},
	"not-consent-basis":     {422, "Consent is not the legal basis, so there is nothing to withdraw", "Use the right that detail names."},
	"contradictory-consent": {422, "The rule contradicts itself", "Correct the part that detail names."},
	"period-in-the-past":    {422, "It was over before it was made", "Correct the period and sign anew."},
	"bad-delegation":        {422, "The delegation is circular, not live, or not for this", "Name a live delegation with the scope that detail asks for, of another person."},
	"bad-genesis":           {422, "Not a genesis this log can have", "Only leaf 0 is a genesis; this log has one."},
}

// refusal is a request refused on purpose, with what the caller is told.
type refusal struct {
	code       string
	detail     string
	allow      string // Allow header
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.code + ": " + r.detail }

// refuse makes the refusal of what package entry found wrong in the caller's own bytes.
func refuse(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		return &refusal{code: string(e.Code), detail: e.What + ": " + e.Detail}
	}
	return err
}

// failures is which code an error of the ledger becomes, first match first. What is not here is the server's fault.
var failures = []struct {
	err  error
	code string
}{
	{ledger.ErrConflict, conflict},
	{ledger.ErrFuture, future},
	{ledger.ErrErased, erased},
	{ledger.ErrNotFound, notFound},
	{ledger.ErrTooMany, tooLarge},
	{statement.ErrNotReady, unavailable},
	{statement.ErrDiffers, unavailable},
	{ledger.ErrBusy, busy},
	{ledger.ErrClosed, unavailable},
	{storage.ErrUnavailable, unavailable},
	{context.Canceled, unavailable},
	{context.DeadlineExceeded, unavailable},
}

// refusalOf gives the refusal that err is or becomes.
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
			return r
		}
	}
	return &refusal{code: internal}
}

func (r *refusal) problem() *client.Problem {
	k := problems[r.code]
	return &client.Problem{Type: client.ProblemPrefix + r.code, Title: k.title, Status: k.status, Detail: r.detail}
}

// fail answers with err as problem+json. What failed on the server's side goes to the log, unless whoever made the refusal did that: errors of the
// ledger hold no personal datum.
func (a *api) fail(w http.ResponseWriter, pattern string, err error) {
	r := refusalOf(err)
	_, deliberate := err.(*refusal)
	if !deliberate && (r.code == internal || r.code == unavailable) && !errors.Is(err, context.Canceled) {
		a.logger.Error("request failed", "route", pattern, "error", err)
	}
	h := w.Header()
	p := r.problem()
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
	body, _ := json.Marshal(p) // three strings and a number
	write(w, p.Status, "application/problem+json", body)
}

// write answers with a body of known length.
func write(w http.ResponseWriter, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error here is a caller that went away
}

// answer gives v as JSON with status 200.
func answer(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, "application/json", body)
	return nil
}
