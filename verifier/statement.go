package verifier

import (
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// StatementEvidence holds what CheckStatement and CheckExtract need. Whose record, which days and
// how old it may be come from the caller: a file that could choose them would choose what to hide.
type StatementEvidence struct {
	Statement []byte  // the file
	Policy    *Policy // see ParsePolicy, PolicyForLog
	// ID is the person whom the caller means. It comes from the caller, never from the statement.
	// It may be "" only for an extract.
	ID     string
	Period *bundle.Days  // the days asked for; nil: the whole history
	Now    time.Time     // for the age; zero: age is not judged
	MaxAge time.Duration // zero: StaleAfter

	Genesis *wire.Hash // hash of leaf 0 that the caller expects, see GenesisHash; nil: any

	// OnProgress is called with how many of the entries of a list were read, and then with how many
	// signatures were checked. May be nil.
	OnProgress func(at, of uint64)
}

// StatementEntry is an entry that was shown, with what a reader must know about it.
type StatementEntry struct {
	Index    uint64
	Opening  *bundle.Opening // without VRF proof
	Entry    *entry.Entry    // nil if it could not be read
	Newer    bool            // not covered by the index: it is in the log, but others like it may be missing
	Remarks  []string        // for readers
	Hidden   bool            // outside the period: its existence is proved, its content is not shown
	LeafHash wire.Hash       // of a hidden entry
}

// StatementReport is the result of checking a statement or an extract. Authentic, Complete,
// cosigned and fresh are separate findings, because each can hold without the next.
type StatementReport struct {
	Report
	Head    proof.Checkpoint
	Signed  string         // the signed note with Head; "" if the check did not get that far
	Extract bool           // the file is an extract, which is never complete
	Below   uint64         // M: the index covers entries below it
	Asked   *bundle.Days   // what the caller asked for; nil: the whole history
	Period  *bundle.Period // what the statement covers; nil: everything below M
	Partly  string         // why it covers only a part of Asked; "": it covers all of it
	Hidden  int            // entries that are counted and proved, but whose content is not shown

	Entries       []StatementEntry // in order of index
	Everyone      []StatementEntry // reads of everyone's data (entry.RegEveryone), in statements of others
	EveryoneShown bool             // the file has a list of these reads, perhaps an empty one
	Linked        []LinkedHistory  // other ids of the same person, by id

	// Doubtful are the entries that are not what they claim: a check of the entry itself failed, which
	// is its first remark. They are in none of the lists above.
	Doubtful []StatementEntry

	// Register holds the organisations and keys that the file shows, after its last entry. It is
	// nil if the check did not get that far.
	Register *register.Register

	// Authentic says that everything shown is in the log and was signed by a party that was allowed
	// to sign it.
	Authentic bool
	// Complete says that, in addition, nothing is missing about the id, linked ids and everyone,
	// below Below and within what was Asked.
	Complete bool

	Audited       []Cosignature // by members of the policy's group "auditors"
	AuditedEnough bool          // by as many as the group requires; false: completeness is the operator's word alone
	Witnessed     []Cosignature // by all others
	NobodyAsked   bool          // the policy asks for no cosigners
	AsOf          time.Time     // when the cosigners of the policy saw the checkpoint; zero: not known
	SignedAt      time.Time     // the operator's own date, if NobodyAsked and AsOf is not known; zero: none
	Stale         bool          // AsOf, or else SignedAt, is more than MaxAge before Checked
	MaxAge        time.Duration // StatementEvidence.MaxAge or its default
	Checked       time.Time     // StatementEvidence.Now
	Lines         Findings      // the findings in words
}

// LinkedHistory is the history that a statement shows for an id that is linked with the subject's.
// The id is a personal datum: no text of a report contains it.
type LinkedHistory struct {
	ID       string
	Entries  []StatementEntry // as in StatementReport
	Link     uint64           // index of the link in force
	OneSided bool             // no link back is shown: a statement of that id would not show the subject's history
}

// StaleAfter is the age above which a statement is called stale unless the caller sets another: it
// was true on its day, but a reader should ask for a new one.
const StaleAfter = 48 * time.Hour

// CheckStatement checks that a statement is what the log holds about ID, all of it and nothing
// else. It stops an operator from leaving out, adding, altering, moving or misfiling an access,
// from hiding that a key was revoked, and from answering another question than was asked. With the
// policy's cosigners, it also stops an operator from showing this log only to this person, or
// stating a false index. It does not find what the ledger never received, what sources filed under
// another id, and what is lawfully withheld.
//
// An entry that cannot be opened is a failure. After a failure, CheckStatement makes the later
// checks that are still possible. StatementReport.Outcome says what a caller may do with the
// result.
func CheckStatement(ev StatementEvidence) *StatementReport {
	c := newCheck(ev.Policy, ev.Now)
	c.ask(ev)
	c.statement(ev)
	return c.report()
}

// statement makes the checks in order. The index root says what the log holds below M, and the
// histories shown must lead to it. Who signed is judged last, each entry at its own index, by the
// register that the public histories build.
func (c *check) statement(ev StatementEvidence) {
	s, err := bundle.ParseStatement(ev.Statement)
	if err != nil {
		c.Fail(malformed(err))
		return
	}
	c.Pass(CheckStatementForm, nil, "%s with %s and %s", s.Format, count(len(s.Entries), "entry", "entries"),
		count(len(s.Newer), "newer one", "newer ones"))
	c.checkScope(s.Period)
	if !c.checkHead(&s.Evidence) {
		return
	}
	hashes, err := s.LeafHashes()
	c.checkInclusion(&s.Evidence, hashes, err)
	if !c.checkGenesis(&s.Evidence) || !c.checkPerson(s, ev.ID) {
		return
	}
	c.checkEveryone(s, ev.ID)
	c.checkLinkedTags(s)
	if !c.checkIndexRoot(&s.Evidence) {
		return
	}
	c.own = c.readHistory(s.Own(), ev.ID, ownWords)
	if s.Everyone != nil {
		c.everyone = c.readHistory(s.Everyone, entry.RegEveryone, everyoneWords)
	}
	c.readLinked(s, ev.ID)
	c.readChains(&s.Evidence)
	c.checkPeriod(s)
	c.judge()
}

// checkPerson checks that the statement is about the caller's id.
func (c *check) checkPerson(s *bundle.Statement, id string) bool {
	if err := entry.CheckID(id); err != nil {
		c.Fail(&Failure{Check: CheckID,
			Expected: "an id of one of the known forms, given by you",
			Found:    "no id, or a malformed one",
			Meaning:  "without the id of the person, whether the statement is theirs cannot be checked",
			Err:      err})
		return false
	}
	c.Pass(CheckID, nil, "given by you, not taken from the file")
	if err := c.verifyTag(id, &s.Subject); err != nil {
		c.Fail(&Failure{Check: CheckTag,
			Expected: "a VRF proof, under the key in the genesis, that the pseudonym in the file belongs to the " +
				"id you gave",
			Found: err.Error(), Err: err,
			Meaning: "the statement is about another person, or was made with a pseudonym key that is not the " +
				"log's: another person's list, perhaps an empty one, is shown as this person's"})
		return false
	}
	c.Pass(CheckTag, nil, "the pseudonym in the file is the only one that the log has for the id you gave")
	return true
}

// verifyTag checks that the tag of a history is the one under which the log files id.
func (c *check) verifyTag(id string, s *bundle.Subject) error {
	return wire.VerifyTag(c.genesis.VRFKey, c.head.Origin, id, s.Tag, s.VRFProof)
}

// checkEveryone checks that the file shows the reads of everyone's data, under their own tag.
func (c *check) checkEveryone(s *bundle.Statement, id string) {
	c.bulk = s.Everyone != nil
	if !c.bulk {
		if id != entry.RegEveryone {
			c.Fail(&Failure{Check: CheckEveryone,
				Expected: "the reads of everyone's data too, and proof that none is missing",
				Found:    "nothing about them",
				Meaning: "the statement leaves out reads of everyone's data, which include this person's record: ask " +
					"for one that includes them"})
		}
		return
	}
	if err := c.verifyTag(entry.RegEveryone, &s.Everyone.Subject); err != nil {
		c.Fail(&Failure{Check: CheckEveryone,
			Expected: "a VRF proof, under the key in the genesis, of the pseudonym of " + entry.RegEveryone,
			Found:    err.Error(), Err: err,
			Meaning: "another list, perhaps an empty one, is shown as the list of reads of everyone's data"})
		return
	}
	c.Pass(CheckEveryone, nil, "the reads of everyone's data are shown too, under the only pseudonym that the log has "+
		"for them")
}
