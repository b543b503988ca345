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

// Rules is what entries obey beyond the register: what governs accesses, and what is said of them.
// Package consent implements it; the ledger and auditors use it. A value does not change: Admit
// returns the next one. Rules know neither the time nor the database, so that every replay of a log
// comes to the same result.
type Rules interface {
	// Admit takes the public entry at index, which governs or changes the register (Shared), and
	// returns the rules after it, or a *wire.Error if the entry is not allowed there. An entry that
	// changes the register is never refused: reg shows its effect already.
	Admit(e *entry.Entry, index uint64, reg *Register) (Rules, error)

	// Judge returns what is to be said of a sealed entry at index, or a *wire.Error if the entry is
	// not allowed there; an Access is never refused. person returns the state of a person after
	// their entries below index, nil if there is none. Judge asks it for ids that Entry.Persons
	// names, and for ids in a state that it returned.
	Judge(e *entry.Entry, index uint64, person func(id string) []byte) (Judgement, error)
}

// Judgement is what Rules say of a sealed entry.
type Judgement struct {
	Verdict *entry.Verdict // of accesses and decisions
	Person  []byte         // the state of the entry's person after it; nil: as before
	Flags   []entry.Flag
}
