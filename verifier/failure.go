package verifier

import (
	"fmt"
	"strings"
)

// Check is the name of a check. Names are stable: scripts and auditors' reports rely on them.
type Check string

// The checks.
const (
	CheckCheckpointSignature Check = "checkpoint-signature" // the log's signature on a checkpoint
	CheckConsistent          Check = "consistency"          // an earlier checkpoint is a prefix of a later one
	CheckGenesisLeaf         Check = "genesis"              // leaf 0 is a genesis for this log and log key
	CheckReceiptForm         Check = "receipt-form"         // the receipt decodes strictly
	CheckOpeningForm         Check = "opening-form"         // the opening decodes strictly
	CheckEntryForm           Check = "entry-form"           // the entry decodes strictly
	CheckLeafForm            Check = "leaf-form"            // public or sealed, as the entry's type requires
	CheckLeafContent         Check = "leaf-content"         // a public leaf holds exactly the entry
	CheckTagCommitment       Check = "tag-commitment"       // a sealed leaf is committed to the tag
	CheckBodyCommitment      Check = "body-commitment"      // a sealed leaf is committed to the entry
	CheckDisclosures         Check = "disclosures"          // each disclosure is referenced once (RFC 9901)
	CheckFiling              Check = "filing"               // the tag is the VRF of the entry's own sub
	CheckSubject             Check = "subject"              // the entry is about, and filed under, the id the caller gave
	CheckInclusion           Check = "inclusion"            // the leaf is in the tree
	CheckAudience            Check = "audience"             // the entry was made for this log
	CheckSignature           Check = "signature"            // the organisation's signature
	CheckKeyStatus           Check = "key-status"           // the key was valid at the entry's index
	CheckAuthority           Check = "authority"            // the key and its organisation may sign this type
	CheckRegister            Check = "register"             // a public entry obeys the register's rules
	CheckDuplicate           Check = "duplicate"            // (iss, jti) occurs once among public entries
	CheckBundle              Check = "entry-bundle"         // an entry bundle has the C2SP tlog-tiles form
	CheckHashTile            Check = "hash-tile"            // a hash tile holds the hashes of the leaves
	CheckRoot                Check = "root"                 // the leaves hash to the checkpoint's root

	// Of statements and extracts, in the order in which they are made.
	CheckStatementForm Check = "statement-form" // the file decodes strictly and its parts agree
	CheckScope         Check = "scope"          // the file covers what the caller asked for, and no other part
	CheckOrigin        Check = "origin"         // it is about a log that the policy knows
	CheckCosignature   Check = "cosignature"    // every line with a known cosigner's name is theirs
	CheckQuorum        Check = "quorum"         // enough cosigners, by the policy's quorum
	CheckWitnesses     Check = "witness-quorum" // enough witnesses
	CheckAuditors      Check = "auditor-quorum" // enough auditors
	CheckAge           Check = "age"            // how old the checkpoint is; being old is no failure
	CheckID            Check = "id"             // the caller gave a well-formed id
	CheckTag           Check = "tag"            // the tag is the VRF of that id under the genesis' key
	CheckEveryone      Check = "everyone"       // reads of everyone's data are shown too, under the tag of that register
	CheckLinked        Check = "linked"         // the histories of exactly the ids linked with the subject's are shown too
	CheckIndexRoot     Check = "index-root"     // the index root is an entry of the operator's, M <= j < N
	CheckAnchor        Check = "anchor"         // the checkpoint ends in its index root, and is not held back
	CheckPeriod        Check = "period"         // index roots just outside the days tie them to positions
	CheckIndexLag      Check = "index-lag"      // it lags behind at most as the genesis allows
	CheckHistory       Check = "history"        // the entries are all that the index has under the tag, or it has none
	CheckKeyHistory    Check = "key-history"    // the history of each signing key and organisation is complete
	CheckCovered       Check = "covered"        // entries are below M, newer ones are not
	CheckSeenBefore    Check = "seen"           // nothing that this reader saw before is missing or changed
	CheckContradicted  Check = "contradiction"  // a receipt and a statement do not contradict each other
	CheckWitnessView   Check = "witness-view"   // what a witness shows of the log agrees with what the log shows
	CheckEvasive       Check = "evasion"        // a statement younger than a receipt does not evade its entry
	CheckEvidenceForm  Check = "evidence-form"  // a file of evidence decodes strictly
	CheckOpened        Check = "opened"         // the operator opens a leaf to an auditor who asks
	CheckRules         Check = "rules"          // an entry obeys the rules about agreements, consents and policies
	CheckState         Check = "state"          // what an auditor remembers was not set back
	CheckVerdict       Check = "verdict"        // a verdict is the one that follows from the entries below it
	CheckReading       Check = "reading"        // a reading of the ledger was by someone who may read it
)

// Failure is a check that failed. No field carries a personal datum.
type Failure struct {
	Check    Check
	Index    *uint64 // the entry concerned; nil: the log as a whole
	Expected string  // what an honest log would have shown
	Found    string
	Meaning  string // for a citizen or auditor: what follows, and about whom
	Err      error  // the cause, often a *wire.Error; may be nil
}

// Error returns the whole failure on one line.
func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(string(f.Check))
	if f.Index != nil {
		fmt.Fprintf(&b, ": entry %d", *f.Index)
	}
	fmt.Fprintf(&b, ": expected %s, found %s: %s", f.Expected, f.Found, f.Meaning)
	return b.String()
}

// Unwrap lets errors.Is find a wire.Code.
func (f *Failure) Unwrap() error { return f.Err }

// At returns i as an index for a Failure or Result.
func At(i uint64) *uint64 { return &i }

// Status is how a check ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Skipped Status = "skipped" // not made, for the reason in Note; nothing follows, good or bad
)

// Result is one line of a Report.
type Result struct {
	Check    Check   `json:"check"`
	Status   Status  `json:"status"`
	Index    *uint64 `json:"index,omitempty"`
	Note     string  `json:"note,omitempty"`
	Expected string  `json:"expected,omitempty"`
	Found    string  `json:"found,omitempty"`
	Meaning  string  `json:"meaning,omitempty"`
}

// Report lists checks in the order in which they were made. The zero value is an empty report. A
// Report is not safe for concurrent use.
type Report struct {
	Results  []Result
	Failures []*Failure
}

// Pass records that a check passed. The note says what it established.
func (r *Report) Pass(c Check, index *uint64, format string, args ...any) {
	r.Results = append(r.Results, Result{Check: c, Status: OK, Index: index, Note: fmt.Sprintf(format, args...)})
}

// Skip records that a check was not made. The note says why.
func (r *Report) Skip(c Check, index *uint64, format string, args ...any) {
	r.Results = append(r.Results, Result{Check: c, Status: Skipped, Index: index, Note: fmt.Sprintf(format, args...)})
}

// Fail records a failure.
func (r *Report) Fail(f *Failure) {
	r.Failures = append(r.Failures, f)
	r.Results = append(r.Results, Result{
		Check:    f.Check,
		Status:   Failed,
		Index:    f.Index,
		Expected: f.Expected,
		Found:    f.Found,
		Meaning:  f.Meaning,
	})
}

// Add appends the results of another report.
func (r *Report) Add(o Report) {
	r.Results, r.Failures = append(r.Results, o.Results...), append(r.Failures, o.Failures...)
}

// Err returns the first failure, or nil if every check that was made passed.
func (r *Report) Err() error {
	if len(r.Failures) == 0 {
		return nil
	}
	return r.Failures[0]
}
