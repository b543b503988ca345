package readers

import (
	"slices"

	"igledger/ledger/entry"
)

// What a person chose shows in the rules of a verdict or decision, in obligations, and in the
// consent that decided. It is not told to those whom it restricts (Regulation (EU) 2025/327,
// Article 8), but in the blind form: see policies.Set.Blind. The person, the front desk and
// auditors, who have the Whole of a history, are told. So is who holds the record and has to apply
// the choice, in two ways, and in no other.

// Guards reports whether a caller who asks for a decision is the system that guards the records of
// holder: its key is a guard's, and of that organisation.
func Guards(org, holder string, keys []entry.Purpose) bool {
	return org != "" && org == holder && slices.Contains(keys, entry.PurposeGuard)
}

// ToldChoice reports whether a reader of a kind of data is told what the person chose, in the
// verdict on an access to a record that holder holds. A report names no person, so the holder's
// officers are told there what their guard kept to.
func ToldChoice(kind Kind, extent Extent, org, holder string) bool {
	return extent == Whole || kind == Report && org != "" && org == holder
}
