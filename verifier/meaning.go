package verifier

import (
	"errors"

	"igledger/ledger/wire"
)

// meanings maps each way in which an entry can be wrong to the check that fails and what it means.
var meanings = map[wire.Code]struct {
	check             Check
	expected, meaning string
}{
	wire.BadSignature: {CheckSignature, "a signature by the registered key",
		"the entry was not written by the organisation it names, or was altered after it was signed"},
	wire.UnknownAlgorithm: {CheckSignature, "EdDSA or ES256, as registered for the key",
		"a signature with this algorithm proves nothing here"},
	wire.UnknownKey: {CheckKeyStatus, "a key that was registered before this index",
		"the key was not registered at that point: the signer does not speak for an organisation of this log"},
	wire.InactiveKey: {CheckKeyStatus, "a key that was valid at this index",
		"the key was used before it became valid: the operator accepted an entry that it should have refused"},
	wire.RevokedKey: {CheckKeyStatus, "a key that was valid at this index",
		"the key had been revoked, perhaps because it was stolen: the operator accepted an entry that it should have " +
			"refused"},
	wire.WrongPurpose: {CheckAuthority, "a key with the purpose, and an organisation with the role, that this type needs",
		"the signer may not make such entries: the operator accepted an entry that it should have refused"},
	wire.WrongIssuer: {CheckAuthority, "an issuer that holds the key and may act here",
		"one organisation acted in the name of another"},
	wire.UnknownOrg: {CheckAuthority, "an organisation in the register",
		"the organisation was never registered in this log"},
	wire.NotCountersigned: {CheckRegister, "an independent enroller's countersignature over exactly this entry",
		"an organisation or key was registered without the second signature that the log promises: it may be invented"},
	wire.RegisterConflict: {CheckRegister, "an entry that agrees with the register",
		"the entry contradicts earlier entries of the log: the operator accepted an entry that it should have refused"},
	wire.WrongAudience: {CheckAudience, "an entry made for this log",
		"the entry was made for another log and replayed into this one"},
	wire.BadGenesis: {CheckGenesisLeaf, "a genesis at leaf 0 and nowhere else",
		"the log does not begin as a ledger must: nothing in it can be relied on"},
	wire.PersonalData: {CheckEntryForm, "a public entry without a person's number",
		"a person's number is in a place where everyone can read it"},
	wire.BadLeaf: {CheckLeafForm, "a public leaf (0x01 and an entry) or a sealed one (0x02 and two commitments)",
		"the log holds something that is not an entry: the operator, not a source, put it there"},
	wire.BadVRF: {CheckFiling, "a proof that the tag is the person's",
		"the entry is filed under another person, or the log uses a pseudonym key that is not the one in its genesis: the " +
			"person would not find the entry in their list"},
	wire.BadID: {CheckDisclosures, "an id of one of the known forms",
		"the person's id inside the entry is malformed"},
	wire.BadDisclosure: {CheckDisclosures, "disclosures that belong to the entry",
		"a detail shown with the entry is not part of what the organisation signed"},
	wire.UnreferencedDisc: {CheckDisclosures, "disclosures whose digests are in the signed entry",
		"a detail shown with the entry is not part of what the organisation signed"},
	wire.DuplicateDisc: {CheckDisclosures, "each disclosure once",
		"the same detail is shown twice, perhaps with different content"},
	wire.BadCheckpoint: {CheckCheckpointSignature, "a checkpoint signed by the log key",
		"the log did not sign this: another party wrote it, it was altered, or you hold the key of another log"},
	wire.BadIndexProof: {CheckHistory, "a path that a subject index can have",
		"the part of the index that is shown proves nothing: the statement was altered or wrongly made"},
	wire.BadIndexRoot: {CheckIndexRoot,
		"an index root that covers only entries before itself, signed by a key that was valid where they end",
		"the operator stated a root over entries that did not exist yet, which it cannot have computed, or signed it " +
			"with a key that no statement can prove"},
	wire.BadStatement: {CheckStatementForm, "a statement whose parts agree with each other",
		"the file contradicts itself: entries were removed, added, doubled or moved"},
	wire.BadProof: {CheckInclusion, "an inclusion proof that leads to the checkpoint's root",
		"the entry is not in the log at that place"},
}

// failure turns an error about the entry at index (nil: none) into a Failure. If err has no code
// that meanings knows, it is a failure of the check otherwise.
func failure(err error, index *uint64, otherwise Check) *Failure {
	f := &Failure{Check: otherwise, Index: index, Expected: "a well-formed structure", Found: err.Error(), Err: err,
		Meaning: "the bytes do not have the ledger's format: they were damaged on the way, or altered"}
	var unread *wire.UnreadError
	var own *wire.Error
	if errors.As(err, &unread) {
		f.Check, f.Expected, f.Found = meanings[unread.Cause.Code].check, "a "+unread.Cause.What+" that can be read", unread.Fault.Found
		if f.Check == "" {
			f.Check = otherwise
		}
		f.Meaning = "this says nothing about who wrote it, only that it cannot be read: " + unread.Fault.Do
	} else if errors.As(err, &own) {
		if m, ok := meanings[own.Code]; ok {
			f.Check, f.Expected, f.Meaning = m.check, m.expected, m.meaning
		}
	}
	return f
}

// malformed turns an error about the form of a statement or extract into a Failure. Its name does
// not depend on the code, so that it does not depend either on which fault a reader of JSON finds
// first.
func malformed(err error) *Failure {
	f := failure(err, nil, CheckStatementForm)
	f.Check = CheckStatementForm
	return f
}

// asFailure returns err if it is a *Failure, and otherwise the result of failure.
func asFailure(err error, index *uint64, otherwise Check) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return failure(err, index, otherwise)
}

// StepFailure turns an error of register.State.Step into a Failure about the entry at index. A code
// that is not in meanings comes from the rules, because meanings has all codes of the register.
func StepFailure(err error, index *uint64) *Failure {
	f := failure(err, index, CheckRules)
	if f.Check == CheckRules {
		f.Expected = "an entry that the rules allow at this index"
		f.Meaning = "the operator logged an act that the state of the agreement, request or policies does not allow. " +
			"Anyone who replays the public entries finds the same"
	}
	return f
}
