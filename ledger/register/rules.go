package register

import (
	"errors"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Why Rules refuse an entry, in addition to the codes of package wire.
const (
	UnknownAgreement wire.Code = "unknown-agreement"     // no such agreement, version or sharing request in the log
	NotParty         wire.Code = "not-a-party"           // not a party of the agreement, or not the organisation asked
	BadTransition    wire.Code = "bad-transition"        // an act that the current state does not allow
	VersionConflict  wire.Code = "version-conflict"      // another version came first, or another text was signed
	BadPolicySet     wire.Code = "bad-policy-set"        // does not compile or fit the schema, or allows all or nothing
	UnknownConsent   wire.Code = "unknown-consent"       // the person has no such consent record or delegation
	NotConsentBasis  wire.Code = "not-consent-basis"     // consent is not the legal basis: nothing to withdraw
	Contradiction    wire.Code = "contradictory-consent" // a rule that contradicts itself
	PastPeriod       wire.Code = "period-in-the-past"    // a rule or delegation that ended before it was made
	BadDelegation    wire.Code = "bad-delegation"        // circular, not in force, or not for this act
)

// Rules are what entries must obey beyond the register: what governs accesses, and what the ledger
// remarks on them. Package consent implements Rules; the ledger and auditors use them. A value does
// not change: Admit returns the next one. Rules use neither the time nor the database, so every
// replay of a log has the same result.
type Rules interface {
	// Admit takes the public entry at index, which governs or changes the register (Shared), and
	// returns the rules after it. If the entry is not allowed there, it returns a *wire.Error. An
	// entry that changes the register is never refused: reg shows its effect already.
	Admit(e *entry.Entry, index uint64, reg *Register) (Rules, error)

	// Judge judges the sealed entry at index. If the entry is not allowed there, it returns a
	// *wire.Error; an Access is never refused. person returns the state of a person after their
	// entries below index, or nil if there is none. Judge asks person for the ids that
	// entry.Entry.Persons returns, and for ids in a state that person returned. If this process lacks
	// what the rules in force need, it returns an *UnableError: the entry is neither allowed nor
	// refused.
	Judge(e *entry.Entry, index uint64, person func(id string) []byte) (Judgement, error)
}

// ErrUnable is wrapped by every UnableError.
var ErrUnable = errors.New("this process cannot judge entries")

// UnableError says that this process cannot judge, because it was not given what the rules in force
// rest on.
type UnableError struct{ Lacks string }

// Unwrap returns ErrUnable.
func (e *UnableError) Unwrap() error { return ErrUnable }

func (e *UnableError) Error() string { return ErrUnable.Error() + ": it lacks " + e.Lacks }

// Judgement is the result of Rules.Judge for a sealed entry.
type Judgement struct {
	Verdict *entry.Verdict // of accesses and decisions; else nil
	Person  []byte         // the state of the entry's person after it; nil: unchanged
	Flags   []entry.Flag
	ByName  bool // the verdict may be another if the entry's user, who is not shown, is known
}
