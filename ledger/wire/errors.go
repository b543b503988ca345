// Package wire holds what all formats of igledger are written with: strict JSON and base64url,
// hashes, signatures (JWS) and keys, disclosures (SD-JWT), the VRF, and the errors that say what is
// wrong with bytes.
//
// Every decoder is strict, takes hostile bytes, never panics, and returns an *Error whose Code
// names the fault and which carries no personal datum.
package wire

import "fmt"

// A Code names one way in which bytes can fail to be what they claim. Codes are stable: the API
// uses them as problem types and the test vectors name them. A Code is itself an error, so
// errors.Is(err, wire.BadBase64) works on every *Error.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong with a structure of the formats.
const (
	BadBase64        Code = "bad-base64"           // not base64url without padding, or not the canonical spelling
	BadJSON          Code = "bad-json"             // not one JSON value, duplicate or unknown member, wrong type
	BadLength        Code = "bad-length"           // a field of fixed length has another length
	TooLarge         Code = "too-large"            // over the limit of the structure
	BadJWS           Code = "bad-jws"              // not three non-empty parts
	BadHeader        Code = "bad-header"           // JOSE header other than exactly alg, kid, typ
	UnknownAlgorithm Code = "unknown-algorithm"    // alg other than EdDSA or ES256, or not the key's own
	BadKey           Code = "bad-key"              // a JWK that is not a plain Ed25519 or P-256 public key
	BadSignature     Code = "bad-signature"        // the signature does not verify
	BadClaim         Code = "bad-claim"            // a claim is missing, misspelt or out of its domain
	UnknownType      Code = "unknown-type"         // an entry type that this version does not know
	WrongAudience    Code = "wrong-audience"       // aud is not this log's origin
	BadDisclosure    Code = "bad-disclosure"       // not a [salt, name, value] array this type allows
	UnreferencedDisc Code = "unreferenced-digest"  // a disclosure whose digest is not among _sd (RFC 9901 section 7.1)
	DuplicateDisc    Code = "duplicate-disclosure" // the same disclosure or the same name twice
	BadID            Code = "bad-id"               // not an id of docs/FORMATS.md section 4
	BadLeaf          Code = "bad-leaf"             // neither a public nor a sealed leaf
	BadCommitment    Code = "bad-commitment"       // an opening that does not open its leaf
	BadVRF           Code = "bad-vrf"              // a VRF key or proof that does not decode or verify
	BadCheckpoint    Code = "bad-checkpoint"       // not a checkpoint of this log
	BadProof         Code = "bad-proof"            // not a tlog-proof@v1, or one that does not verify
	BadIndexProof    Code = "bad-index-proof"      // a path that no prefix tree has, or not what was asked for
	BadIndexRoot     Code = "bad-index-root"       // an index root at an invalid position
	BadStatement     Code = "bad-statement"        // a statement or extract whose parts contradict each other
	PersonalData     Code = "personal-data"        // a public entry that holds a valid CHI or NHS number
	UnknownKey       Code = "unknown-key"          // kid is not in the register
	RevokedKey       Code = "revoked-key"          // kid was revoked before this position
	InactiveKey      Code = "inactive-key"         // kid is not yet valid at this position
	WrongPurpose     Code = "wrong-purpose"        // the key or its organisation may not sign this type
	WrongIssuer      Code = "wrong-issuer"         // iss is not the organisation that holds the key
	UnknownOrg       Code = "unknown-organisation" // an organisation that is not in the register
	NotCountersigned Code = "not-countersigned"    // no valid, unused countersignature of an enroller
	RegisterConflict Code = "register-conflict"    // a register entry that contradicts what is there
	BadGenesis       Code = "bad-genesis"          // leaf 0 is not a well-formed genesis of this origin
)

// Error says which structure was being read, what was wrong with it, and which part. It never holds
// a personal datum: only names of fields, positions, lengths and code values of public
// vocabularies.
type Error struct {
	Code   Code
	What   string // the structure: "entry header", "disclosure 3", "leaf"
	Detail string // the part and what was expected
}

// Error returns "what: code: detail".
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%s: %s", e.What, e.Code)
	}
	return fmt.Sprintf("%s: %s: %s", e.What, e.Code, e.Detail)
}

// Unwrap lets errors.Is find the Code.
func (e *Error) Unwrap() error { return e.Code }

// Errorf returns an *Error. format and args make its Detail and must not carry a personal datum.
func Errorf(code Code, what, format string, args ...any) error {
	return &Error{Code: code, What: what, Detail: fmt.Sprintf(format, args...)}
}

// UnreadError is an Error whose cause is a Fault.
type UnreadError struct {
	Cause *Error
	Fault Fault
}

// Unread returns an *UnreadError.
func Unread(code Code, what string, f Fault) error {
	return &UnreadError{&Error{Code: code, What: what, Detail: f.Found}, f}
}

// Error returns what is wrong and what to do.
func (e *UnreadError) Error() string { return e.Cause.Error() + ": " + e.Fault.Do }

// Unwrap returns the *Error, so that errors.Is finds its Code.
func (e *UnreadError) Unwrap() error { return e.Cause }
