package reading

import "igledger/verifier"

// titles says what each check of a statement asks, for citizens.
var titles = map[verifier.Check]string{
	verifier.CheckStatementForm:       "The file is whole and its parts agree",
	verifier.CheckOrigin:              "It is about a log that your trust policy names",
	verifier.CheckCheckpointSignature: "The log signed the state that the file rests on",
	verifier.CheckCosignature:         "Each word of a witness or auditor is genuine",
	verifier.CheckQuorum:              "Enough of those you trust stand behind it",
	verifier.CheckWitnesses:           "Enough witnesses saw the same log",
	verifier.CheckAuditors:            "Enough auditors recomputed the index",
	verifier.CheckAge:                 "How old it is",
	verifier.CheckInclusion:           "Everything shown is in the log, unchanged and in its place",
	verifier.CheckGenesisLeaf:         "The log begins as it must",
	verifier.CheckID:                  "A number was entered by you, not taken from the file",
	verifier.CheckTag:                 "The file is about the number you entered",
	verifier.CheckEveryone:            "Reads of everybody's data are shown besides",
	verifier.CheckLinked:              "What is on record under linked numbers is shown, and no other",
	verifier.CheckIndexRoot:           "The index of the log that it uses is itself in the log",
	verifier.CheckIndexLag:            "That index is recent enough",
	verifier.CheckCovered:             "What counts as covered by the index is",
	verifier.CheckHistory:             "Nothing was left out, added or moved",
	verifier.CheckKeyHistory:          "What happened to each signer's key is shown whole",
	verifier.CheckEntryForm:           "Each entry can be read",
	verifier.CheckLeafForm:            "Each entry is of the kind it must be",
	verifier.CheckLeafContent:         "Each public entry is what the log holds",
	verifier.CheckDisclosures:         "What is shown of each entry is what was signed",
	verifier.CheckSubject:             "Each entry is about the number you entered",
	verifier.CheckFiling:              "Each entry is filed under the number you entered",
	verifier.CheckDuplicate:           "No access is listed twice",
	verifier.CheckAudience:            "Each entry was made for this log",
	verifier.CheckSignature:           "Each entry was signed by the organisation it names",
	verifier.CheckKeyStatus:           "Each signing key counted at that moment",
	verifier.CheckAuthority:           "Each signer was allowed to make such entries",
	verifier.CheckRegister:            "Organisations and keys were registered by the rules",
}

// title is what a check is called; one without a title is called by its name.
func title(c verifier.Check) string {
	if t := titles[c]; t != "" {
		return t
	}
	return string(c)
}
