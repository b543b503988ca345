package policies

import (
	"time"

	"igledger/policies/terminology"
)

// Facts is everything that a decision depends on. It holds no person's id, and nothing that two
// replays of the same log could see differently.
type Facts struct {
	Org       string      // the organisation that accesses
	Holder    string      // the issuer, which holds the record and reports the access; "" if not stated
	Foreign   bool        // Org, or who was told, is none of the log, or is not known
	Own       bool        // Org uses data of which it is the controller: Org is the issuer, and nothing leaves it
	Disclosed bool        // data left Holder for Recipient
	Recipient string      // "": none was disclosed, or the recipient is none of the log (Foreign)
	Ledger    bool        // the access is to this ledger, as the operator itself reports
	Action    string      // FHIR AuditEvent.action: C R U D E
	Purposes  []string    // PurposeOfUse codes as the access has them; codes of other systems as "system|code"
	Data      []string    // categories of data, "system|code"
	Roles     []string    // roles of the human user, "system|code" or plain codes
	Machine   bool        // no human user
	Emergency bool        // the entry's own claim: break-glass
	Justified bool        // a justification was given
	At        time.Time   // when the access happened, as the source claims
	Named     bool        // the access names an agreement
	Agreement *Agreement  // the agreement named, as of the log prefix; nil: none named, or not in the log
	Consent   Consent     // what the person's consents say of this access; see Combine
	Delegate  *Delegation // the delegation that the access names; nil: none named

	// Codes says which code lies below which. It belongs to the policy set, so that every question to
	// one set has the same.
	Codes *terminology.Index
}

// Agreement is what a decision needs to know of a data-sharing agreement, as of the log prefix.
type Agreement struct {
	ID           string
	Version      uint64
	State        string     // proposed, in-force, under-review, suspended, terminated, superseded, expired
	Parties      []string   // organisation ids
	Purposes     []string   // codes as in Covers
	Data         [][]string // kinds of data, each as in Rule; empty: all data
	Roles        []string   // empty: all roles
	ConsentBasis bool       // its basis is consent: UK GDPR Article 6(1)(a) or 9(2)(a)
	Research     bool       // it is for research
	Project      string     // reference of the project's approval; "": none
	Start, End   time.Time  // in force from Start, before End; zero: open
}

// Consent is what a person's consents together say of one access.
type Consent struct {
	Decision  string   // Permit, Deny, or "" if none applies
	ID        string   // id of the consent record that decided
	Restricts bool     // if Deny: a rule that refused stops care too
	Refused   []string // if Deny: the data codes to leave out; empty if that would leave nothing, or not help
	ByName    bool     // the caller's: the access shows no user, and a rule names users; no decision depends on it
	Unnamed   bool     // if Deny: only because the access does not name the user, or where they worked
}

// Delegation is the authority under which someone acts for the person.
type Delegation struct {
	ID         string
	Known      bool      // it is in the log, about this person
	Revoked    bool      // as of the log prefix
	Scope      []string  // what the delegate may do: access, consent, question
	Start, End time.Time // valid from Start, before End; zero: open
}

// within reports whether at lies in [start, end); a zero bound is open.
func within(at, start, end time.Time) bool {
	return (start.IsZero() || !at.Before(start)) && (end.IsZero() || at.Before(end))
}
