package register

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// What Rules refuse, beyond the codes of form.
const (
	UnknownAgreement wire.Code = "unknown-agreement"     // an agreement, version or sharing request that is not in the log
	NotParty         wire.Code = "not-a-party"           // the organisation is no party of the agreement, or not the one that is asked
	BadTransition    wire.Code = "bad-transition"        // an act that the state of the agreement, request, consent or delegation does not allow
	VersionConflict  wire.Code = "version-conflict"      // another version came first, or the signed text is not that version's
	BadPolicySet     wire.Code = "bad-policy-set"        // policies that do not compile, do not fit the schema, or deny or permit everything
	UnknownConsent   wire.Code = "unknown-consent"       // a consent record or delegation that is not on file for this person
	NotConsentBasis  wire.Code = "not-consent-basis"     // consent is not the legal basis, so there is nothing to withdraw
	Contradiction    wire.Code = "contradictory-consent" // a rule that contradicts itself
	PastPeriod       wire.Code = "period-in-the-past"    // a rule or delegation that was over before it was made
	BadDelegation    wire.Code = "bad-delegation"        // circular, not live, or not for this act
)

// Rules is what public entries beyond the register obey, and what sealed entries are judged by. package consent has it; the ledger and auditors use it. A value never
// changes: Admit gives the next one, and nothing here knows the time or the database, so that whoever replays a log comes to the same.
type Rules interface {
	// Admit checks that a public entry, which has passed Register.Verify and Apply, may stand at index, and gives the rules after it. It is told of
	// those that govern (Type.Governs) and of those that change the register. *Error.
	Admit(e *entry.Entry, index uint64, reg *Register) (Rules, error)
	// Judge says what is to be said of a sealed entry at index. person gives the state of a person after her entries below index, nil if there is none. Judge asks
	// it for ids that Persons names and for such as stand in a state that it gave. *Error if the entry may not stand there; an Access is never refused.
	Judge(e *entry.Entry, index uint64, person func(id string) []byte) (Judgement, error)
}

// Judgement is what Rules say of a sealed entry.
type Judgement struct {
	Verdict *entry.Verdict // of accesses and decisions
	Person  []byte         // the state of the entry's person after it; nil: as before
	Flags   []entry.Flag
}
