package entry

import (
	"slices"

	"igledger/ledger/wire"
)

// VerdictResult is the policies' result for an access.
type VerdictResult string

// The results. The last two say that nothing was accessed, so that the policies were not asked:
// they follow from Access.Act.
const (
	Covered      VerdictResult = "covered"     // by agreement, consent or law, as the policies state
	BreakGlass   VerdictResult = "break-glass" // emergency override with a justification: allowed, to be followed up
	NotCovered   VerdictResult = "not-covered"
	AttemptOnly  VerdictResult = "attempt"  // someone tried, and failed or was refused
	DecisionOnly VerdictResult = "decision" // a system decided whether a record may be used
)

// Results returns all results.
func Results() []VerdictResult {
	return []VerdictResult{Covered, BreakGlass, NotCovered, AttemptOnly, DecisionOnly}
}

// Verdict is the policies' result for an access or decision. The ledger computes it when it appends
// the entry, from the entries below it alone. It is not part of the tree: the only check is to
// compute it again, which anyone with the openings can do.
type Verdict struct {
	Result    VerdictResult `json:"result"`
	Rules     []string      `json:"rules,omitempty"`     // ids of the policies that decided (or failed), sorted
	Agreement string        `json:"agreement,omitempty"` // id of the agreement named, if it is in the log
	Version   uint64        `json:"version,omitzero"`    // of the agreement at that index
	Consent   string        `json:"consent,omitempty"`   // id of the consent record that decided, to permit or to deny
	Policies  uint64        `json:"policies,omitzero"`   // version of the policy set; 0: built in
}

const maxVerdictRules = 64

// Equal reports whether v and o are the same verdict. Either may be nil.
func (v *Verdict) Equal(o *Verdict) bool {
	if v == nil || o == nil {
		return v == o
	}
	return v.Result == o.Result && slices.Equal(v.Rules, o.Rules) && v.Agreement == o.Agreement &&
		v.Version == o.Version && v.Consent == o.Consent && v.Policies == o.Policies
}

// Check checks the form of a verdict that was read: a known result, at most 64 rules, and texts of
// at most 128 bytes without control characters. It returns BadStatement. A nil verdict is valid,
// because entries other than accesses and decisions have none.
func (v *Verdict) Check() error {
	if v == nil {
		return nil
	}
	if !slices.Contains(Results(), v.Result) ||
		len(v.Rules) > maxVerdictRules || v.Version > wire.MaxInt || v.Policies > wire.MaxInt {
		return wire.Errorf(wire.BadStatement, "verdict",
			"want covered, break-glass, not-covered, attempt or decision, and at most %d rules", maxVerdictRules)
	}
	for _, s := range append([]string{v.Agreement, v.Consent}, v.Rules...) {
		if !wire.Plain(s, 128) {
			return wire.Errorf(wire.BadStatement, "verdict",
				"a text is longer than 128 bytes or has control characters")
		}
	}
	return nil
}

// Flag is a remark that the ledger makes on an entry when it appends it. An access that happened is
// never refused for it.
type Flag string

// The flags.
const (
	FlagCheckDigit       Flag = "check-digit"          // the person's number fails its check
	FlagUnknownAgreement Flag = "unknown-agreement"    // the agreement named is not in the log
	FlagUnknownOrg       Flag = "unknown-organisation" // the organisation that accessed is not in the log
	FlagLate             Flag = "late"                 // iat or recorded is more than 24 hours before the ledger received it
	FlagSequenceGap      Flag = "sequence-gap"         // seq skips numbers: entries are missing or still to come
	FlagSequenceBack     Flag = "sequence-back"        // seq is not above the last: late entries, or a restored backup
	FlagNoSequence       Flag = "no-sequence"          // no seq disclosed
	FlagConsentNotBasis  Flag = "consent-not-basis"    // consent for an agreement that is not based on it: no effect
	FlagTooManyStreams   Flag = "too-many-streams"     // of a stream that the ledger does not keep apart: its numbers are not compared
	FlagLateDecision     Flag = "late-decision"        // a consent decided before what is on record: kept, changes nothing
	FlagNoDelegation     Flag = "no-delegation"        // a consent by someone whose authority is not shown: it only refuses
	FlagSuspectKey       Flag = "suspect-key"          // the signing key is suspect from this index or an earlier one
)

// Flags returns all flags. Tests check everything that stores, checks or words a flag against this
// list.
func Flags() []Flag {
	return []Flag{
		FlagCheckDigit, FlagUnknownAgreement, FlagLate, FlagSequenceGap,
		FlagSequenceBack, FlagNoSequence, FlagConsentNotBasis, FlagTooManyStreams, FlagSuspectKey,
		FlagUnknownOrg, FlagLateDecision, FlagNoDelegation,
	}
}

// Sequence reports whether the flag is about the number of an access in its stream.
func (f Flag) Sequence() bool {
	return f == FlagSequenceGap || f == FlagSequenceBack || f == FlagNoSequence
}
