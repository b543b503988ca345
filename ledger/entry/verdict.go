package entry

import (
	"slices"

	"igledger/ledger/wire"
)

// VerdictResult is what policy says of an access.
type VerdictResult string

// The results.
const (
	Covered    VerdictResult = "covered"     // by agreement, consent or law, as the rules have it
	BreakGlass VerdictResult = "break-glass" // an emergency override with a justification: allowed, and to be followed up
	NotCovered VerdictResult = "not-covered"
)

// Verdict is what policy says of an access, computed by the ledger when it took the entry, from the entries below it alone. It stands outside the tree: nothing proves it
// but computing it again, which anybody with the openings can.
type Verdict struct {
	Result    VerdictResult `json:"result"`
	Rules     []string      `json:"rules,omitempty"`     // ids of the policies that decided, sorted; of not-covered those that failed
	Agreement string        `json:"agreement,omitempty"` // id of the one named, if it is in the log
	Version   uint64        `json:"version,omitzero"`    // of the agreement, as it was then
	Consent   string        `json:"consent,omitempty"`   // id of the consent record that decided, a permit or a refusal
	Policies  uint64        `json:"policies,omitzero"`   // version of the policy set; 0: built in
}

const maxVerdictRules = 64

// Equal reports whether two verdicts say the same.
func (v *Verdict) Equal(o *Verdict) bool {
	if v == nil || o == nil {
		return v == o
	}
	return v.Result == o.Result && slices.Equal(v.Rules, o.Rules) && v.Agreement == o.Agreement && v.Version == o.Version && v.Consent == o.Consent && v.Policies == o.Policies
}

func (v *Verdict) Check() error {
	if v == nil {
		return nil
	}
	if !slices.Contains([]VerdictResult{Covered, BreakGlass, NotCovered}, v.Result) || len(v.Rules) > maxVerdictRules || v.Version > wire.MaxInt || v.Policies > wire.MaxInt {
		return wire.Errorf(wire.BadStatement, "verdict", "want covered, break-glass or not-covered, at most %d rules", maxVerdictRules)
	}
	for _, s := range append([]string{v.Agreement, v.Consent}, v.Rules...) {
		if !wire.Plain(s, 128) {
			return wire.Errorf(wire.BadStatement, "verdict", "a text is longer than 128 bytes or has control characters")
		}
	}
	return nil
}

// Flag is a remark of the ledger on an entry it took although something was odd: an access that happened is never refused for these.
type Flag string

// The flags.
const (
	FlagCheckDigit       Flag = "check-digit"       // the person's number fails its check
	FlagUnknownAgreement Flag = "unknown-agreement" // the agreement named is not in the log
	FlagLate             Flag = "late"              // iat more than 24 hours before the ledger took it
	FlagSequenceGap      Flag = "sequence-gap"      // seq leaps: entries of the source are missing or still to come
	FlagSequenceBack     Flag = "sequence-back"     // seq is not above the last: a source restored from backup, or late entries
	FlagNoSequence       Flag = "no-sequence"       // no seq disclosed
	FlagConsentNotBasis  Flag = "consent-not-basis" // consent was recorded for an agreement that does not rest on it: it changes nothing
	FlagSuspectKey       Flag = "suspect-key"       // the signing key is declared suspect from an index at or below this one
)

// Flags returns all flags. It is the one list of them: what stores, checks or words a flag is tested
// against it.
func Flags() []Flag {
	return []Flag{
		FlagCheckDigit, FlagUnknownAgreement, FlagLate, FlagSequenceGap, FlagSequenceBack, FlagNoSequence, FlagConsentNotBasis,
		FlagSuspectKey,
	}
}
