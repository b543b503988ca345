package client

import (
	"errors"
	"fmt"

	"igledger/internal/build"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// ProblemPrefix starts the type of every problem of the ledger: "urn:igledger:problem:" and a code
// of docs/PROBLEMS.md.
const ProblemPrefix = "urn:igledger:problem:"

// Problem is a refusal by the API (RFC 9457, application/problem+json). Methods of Client return it
// as their error if the server answered. It contains no personal datum.
type Problem struct {
	Type   string `json:"type" doc:"Stable name of the problem: urn:igledger:problem:<code>" example:"urn:igledger:problem:bad-signature"`
	Title  string `json:"title" doc:"What the problem is, the same for every occurrence"`
	Status int    `json:"status" doc:"HTTP status of the problem, also if it is one result of a batch" example:"422"`
	Detail string `json:"detail,omitempty" doc:"This occurrence: which part is wrong and what was expected. Never a personal datum"`
}

func (p *Problem) Error() string {
	switch {
	case p.Type == notLedgers:
		return fmt.Sprintf("answered with %d %s, but not by a ledger: the address is another server's, or something before the "+
			"ledger answered, such as a proxy", p.Status, p.Title)
	case p.Detail == "":
		return fmt.Sprintf("%s (%s)", p.Title, p.Type)
	}
	return fmt.Sprintf("%s: %s (%s)", p.Title, p.Detail, p.Type)
}

// notLedgers is the type of a problem that is only an HTTP status (RFC 9457 section 4.2.1). A
// ledger never sends it.
const notLedgers = "about:blank"

// HTTPStatus tells those who do not know this package, as fetch.StatusError does.
func (p *Problem) HTTPStatus() int { return p.Status }

// Code returns Type without ProblemPrefix, or "" if the problem is not the ledger's, such as a
// proxy's.
func (p *Problem) Code() string {
	if len(p.Type) <= len(ProblemPrefix) || p.Type[:len(ProblemPrefix)] != ProblemPrefix {
		return ""
	}
	return p.Type[len(ProblemPrefix):]
}

// OfKey reports whether the ledger refused the key that signed, and not what it signed: with
// another key the same entry may be taken, and whatever else this key signs is refused too. A nil
// problem is none.
func (p *Problem) OfKey() bool {
	if p == nil {
		return false
	}
	switch wire.Code(p.Code()) {
	case wire.UnknownKey, wire.RevokedKey, wire.InactiveKey, wire.WrongPurpose, wire.WrongIssuer, wire.BadSignature:
		return true
	}
	return false
}

// stopped is the code of the problem that the log has stopped.
const stopped = "stopped"

// Stopped reports whether err is the ledger's answer that the log has stopped. Only its operator
// can let it go on, so no call waits for that.
func Stopped(err error) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code() == stopped
}

// Status is the outcome of one entry.
type Status string

// The statuses. Appended and Replayed both mean that the entry is in the log once, durable and
// integrated.
const (
	Appended Status = "appended"
	Replayed Status = "replayed" // an entry with this issuer, jti and content was already in the log
	Refused  Status = "refused"  // not in the log; Problem says why
)

// Submission is the body of POST /v1/entries.
type Submission struct {
	Entries []string `json:"entries" minItems:"1" maxItems:"1000" doc:"Entries in SD-JWT form: header.payload.signature, a ~ before each disclosure, and a final ~"`
}

// Result is the outcome of one entry. Results are in the order of the submission.
type Result struct {
	Status  Status          `json:"status" enum:"appended,replayed,refused" doc:"appended and replayed both mean: in the log, once, durable and integrated"`
	Index   uint64          `json:"index,omitzero" doc:"Position in the log; absent if refused (and for leaf 0)" example:"1234"`
	Flags   []entry.Flag    `json:"flags,omitempty" doc:"Remarks of the ledger on something unusual in an entry that it took"`
	Verdict *entry.Verdict  `json:"verdict,omitempty" doc:"Verdict of the policies on an access that was just appended; absent for one that was already in the log"`
	Receipt *bundle.Receipt `json:"receipt,omitempty" doc:"Proof that the entry is in the log, to be checked before the event is forgotten; absent if refused"`
	Problem *Problem        `json:"problem,omitempty" doc:"Why the entry was refused"`
}

// Results is the answer to POST /v1/entries and of POST /v1/receipts/lookup.
type Results struct {
	Results []Result `json:"results" doc:"One for each entry or jti of the request, in that order"`
}

// Lookup is the body of POST /v1/receipts/lookup.
type Lookup struct {
	IDs       []string `json:"jti" minItems:"1" maxItems:"1000" doc:"jti of entries that the caller's organisation submitted"`
	Witnessed bool     `json:"witnessed,omitempty" doc:"The receipts are to be under the newest checkpoint that reached the quorum of the operator's policy"`
}

// Search is the body of POST /v1/accesses/search.
type Search struct {
	ID       string         `json:"id" doc:"Whose record: chi:<10 digits>, nhs:<10 digits>, temp:<org>:<number> or a reg: name" example:"chi:0101010000"`
	Before   uint64         `json:"before,omitzero" doc:"Only accesses below this index; 0 or absent starts at the newest"`
	Limit    int            `json:"limit,omitzero" minimum:"0" maximum:"200" doc:"Maximum number of accesses; 0 or absent means 50"`
	Purpose  []string       `json:"purpose,omitempty" maxItems:"8" doc:"Why the caller reads: PurposeOfUse codes (v3-ActReason). The access entry about this reading contains them" example:"[\"HCOMPL\"]"`
	Request  string         `json:"request,omitempty" doc:"For the front desk: reference of the person's request, such as its number in the desk's own system. Never a number of the person" example:"SAR-2026-0042"`
	Identity entry.Identity `json:"identity,omitempty" enum:"documents,vouched,vouched-record,sign-in" doc:"For the front desk: how the identity of the person who asked was checked"`
}

// MaxExtract is how many entries an extract may contain.
const MaxExtract = 1000

// StatementRequest is the body of POST /v1/statements. A request has from and to, or extract, or
// neither: then it asks for everything.
type StatementRequest struct {
	ID       string         `json:"id" doc:"Whose record: chi:<10 digits>, nhs:<10 digits>, temp:<org>:<number> or a reg: name" example:"chi:0101010000"`
	From     string         `json:"from,omitempty" format:"date" doc:"Show entries that the ledger logged from this day (UTC) on"`
	To       string         `json:"to,omitempty" format:"date" doc:"Show entries that the ledger logged until the end of this day (UTC)"`
	Extract  []uint64       `json:"extract,omitempty" maxItems:"1000" doc:"Positions of the entries that the extract must show"`
	Purpose  []string       `json:"purpose,omitempty" maxItems:"8" doc:"Why the caller reads: PurposeOfUse codes (v3-ActReason). The access entry about this reading contains them" example:"[\"PATRQT\"]"`
	Request  string         `json:"request,omitempty" doc:"For the front desk: reference of the person's request, such as its number in the desk's own system. Never a number of the person" example:"SAR-2026-0042"`
	Identity entry.Identity `json:"identity,omitempty" enum:"documents,vouched,vouched-record,sign-in" doc:"For the front desk: how the identity of the person who asked was checked"`
}

// SealedPaper is the body of POST /v1/papers.
type SealedPaper struct {
	ID     string `json:"id" doc:"Whose list it is: they see the code, and can stop it" example:"chi:0101010000"`
	Sealed string `json:"sealed" doc:"The sealed statement, in base64url without padding: docs/FORMATS.md section 18"`
}

// KeptPaper is the answer to it.
type KeptPaper struct {
	Address string `json:"address" doc:"Where the code leads. Put # and the key in base64url behind it: the ledger never gets the key"`
	Ends    string `json:"ends" format:"date-time" doc:"When the code ends"`
}

// Accesses is one page of a person's history, newest first.
type Accesses struct {
	Scope    string           `json:"scope" enum:"whole,own" doc:"whole: all entries about the person. own: only accesses that the caller's organisation made or to records that it holds, and what it recorded itself; there may be others"`
	Count    uint64           `json:"count,omitzero" doc:"Entries in the whole history before this reading was added; absent if there are none, or if scope is own"`
	Accesses []RecordedAccess `json:"accesses" doc:"Newest first"`
	Next     uint64           `json:"next,omitzero" doc:"Pass as before to get the next page; absent on the last page"`
}

// RecordedAccess is one access with its proof.
type RecordedAccess struct {
	Index   uint64          `json:"index" doc:"Position in the log"`
	Type    entry.Type      `json:"type,omitempty" doc:"What the entry states: access, decision, consent, delegation or source-count; absent if its content cannot be decoded"`
	Access  *Access         `json:"access,omitempty" doc:"For an access: the decoded entry. Check opening before you rely on it"`
	Asked   *Asked          `json:"asked,omitempty" doc:"For a decision: the question and the answer. The access may never have happened"`
	Verdict *PlainVerdict   `json:"verdict,omitempty" doc:"Verdict of the policies when the ledger took it. It is not proved, but anyone who has the openings can compute it again"`
	Plain   *Told           `json:"plain,omitempty" doc:"The same in words, as the person's own page has them. For people to read: codes never change, words may"`
	Opening *bundle.Opening `json:"opening" doc:"Content and secrets of the sealed leaf; igverify checks it against the log"`
}

// Told is an entry in the words of the catalogue (audit/plain).
type Told struct {
	When    string   `json:"when" doc:"RFC 3339, when it happened, as its source claims"`
	Who     string   `json:"who" doc:"Organisation with its id, then role and name of the user if they are disclosed"`
	What    string   `json:"what" doc:"What was done, with which data"`
	Why     string   `json:"why,omitempty" doc:"Reasons, justification, agreement. What someone wrote is in quotes, as their words"`
	Result  string   `json:"result,omitempty" doc:"How it ended; absent for what only states something"`
	Remarks []string `json:"remarks,omitempty" doc:"What a reader should notice. The ledger's own word"`
}

// Access is the content of an access entry for people to read: claims and disclosures together. It
// is a convenience: only the opening that it comes from can be checked.
type Access struct {
	Issuer       string        `json:"issuer" doc:"Organisation that reported the access"`
	Source       string        `json:"source" doc:"Reporting system within the issuer"`
	Organisation string        `json:"organisation" doc:"Organisation that accessed; empty if foreign"`
	Foreign      bool          `json:"foreign,omitzero" doc:"The organisation that accessed is not one that the ledger knows; text.organisation is what the source calls it"`
	Recipient    string        `json:"recipient,omitempty" doc:"Organisation to which data was disclosed"`
	System       string        `json:"system,omitempty" doc:"System through which it accessed"`
	Event        []string      `json:"event,omitempty" doc:"FHIR AuditEvent.type and subtypes, system|code"`
	Act          entry.Act     `json:"act" enum:"access,attempt,decision" doc:"What happened: an access, an attempt that failed or was refused, or a decision on whether a record may be used"`
	Action       string        `json:"action" enum:"C,R,U,D,E" doc:"FHIR AuditEvent.action"`
	Data         []string      `json:"data,omitempty" doc:"Categories of data, system|code"`
	Purpose      []string      `json:"purpose,omitempty" doc:"PurposeOfUse codes"`
	Role         []string      `json:"role,omitempty" doc:"Role of the human user"`
	Machine      bool          `json:"machine,omitzero" doc:"No person was involved: polling, batch"`
	Emergency    bool          `json:"emergency,omitzero" doc:"Break-glass"`
	Agreement    string        `json:"agreement,omitempty" doc:"Agreement relied on"`
	Decision     string        `json:"decision,omitempty" doc:"jti of the decision that allowed the access"`
	Delegation   string        `json:"delegation,omitempty" doc:"Delegation under which the user acted for the person"`
	Outcome      string        `json:"outcome" enum:"0,4,8,12" doc:"FHIR AuditEvent.outcome"`
	Occurred     string        `json:"occurred,omitempty" doc:"RFC 3339"`
	OccurredEnd  string        `json:"occurredEnd,omitempty" doc:"RFC 3339"`
	Recorded     string        `json:"recorded" doc:"RFC 3339, when the source recorded it"`
	Staff        *entry.Staff  `json:"staff,omitempty" doc:"Person who accessed, if disclosed"`
	Parties      []entry.Party `json:"parties,omitempty" doc:"Other agents of the event"`
	Text         *entry.Text   `json:"text,omitempty" doc:"Explanations in words"`
	Sequence     *uint64       `json:"seq,omitempty" doc:"The source's gap-free number"`
}

// Asked is a question that was asked before an access, and its answer.
type Asked struct {
	Decision    string   `json:"decision" enum:"permit,deny" doc:"The answer"`
	Rules       []string `json:"rules,omitempty" doc:"Ids of the rules that decided"`
	Obligations []string `json:"obligations,omitempty" doc:"What to do because of the decision"`
	Access      Access   `json:"access" doc:"The access in question; issuer is the organisation that holds the record, outcome 0 (permit) or 8 (deny) is the answer"`
}

// Register is the answer to GET /v1/register: the organisations and keys that follow from the log's
// public entries. It is a convenience: a verifier replays the log instead.
type Register struct {
	Origin        string          `json:"origin" doc:"Name of the log"`
	Organisations []*entry.Member `json:"organisations" doc:"Sorted by id"`
	Keys          []Key           `json:"keys" doc:"In the order in which they were added, including revoked keys"`
}

// Key is a registered key and its lifetime. It is valid at leaf i if From <= i and it is not
// revoked or i <= RevokedAt.
type Key struct {
	KID          string          `json:"kid" doc:"RFC 7638 SHA-256 thumbprint"`
	Organisation string          `json:"organisation" doc:"Organisation that holds the key"`
	JWK          wire.JWK        `json:"jwk" doc:"Public key (RFC 7517)"`
	Purposes     []entry.Purpose `json:"purposes" doc:"What it may sign"`
	Added        uint64          `json:"added" doc:"Index of the entry that activated it"`
	From         uint64          `json:"from" doc:"First index at which it is valid"`
	Revoked      bool            `json:"revoked,omitzero" doc:"Whether it was revoked"`
	RevokedAt    uint64          `json:"revokedAt,omitzero" doc:"Index of the revocation"`
	SuspectFrom  *uint64         `json:"suspectFrom,omitempty" doc:"First index at which someone else may have had the key"`
	Reason       string          `json:"reason,omitempty" doc:"Why it was revoked"`
}

// LogInfo is the answer to GET /v1/log. A verifier takes LogKey from its own policy and VRFKey from
// leaf 0, never from here.
type LogInfo struct {
	Origin   string    `json:"origin" doc:"Name of the log, aud of its entries" example:"ledger.example.scot/2026"`
	LogKey   string    `json:"logKey" doc:"C2SP signed-note verifier key of the checkpoints"`
	VRFKey   wire.Hash `json:"vrfKey" doc:"vrf-r255 public key"`
	Formats  string    `json:"formats" doc:"Version of the formats" example:"igledger/1"`
	IndexLag uint64    `json:"indexLag" doc:"Most entries by which the subject index may lag behind the log"`
	Size     uint64    `json:"size" doc:"Entries in the log"`

	Software build.Info `json:"software" doc:"The build of igledger that answers, as it says itself"`

	// While entries arrive, each GET /checkpoint returns a different newest checkpoint.
	Anchor    string `json:"anchor,omitempty" doc:"Checkpoint to cosign now, a signed note with the cosignatures so far. It ends in the newest index root, and stays the same until the next one, so that all cosigners sign the same one. Absent before the first index root"`
	Witnessed string `json:"witnessed,omitempty" doc:"Newest checkpoint that reached the quorum of the operator's policy, a signed note with the cosignatures. Absent if none has"`
}

// Cosigners is the answer to POST /v1/cosignatures.
type Cosigners struct {
	Cosigners []string `json:"cosigners" doc:"Cosigners whose cosignatures the ledger now keeps, by their names in the operator's policy" example:"[\"university.example/audit\"]"`
}
