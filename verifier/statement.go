package verifier

import (
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// StatementEvidence is what a statement or extract is checked with. Only Now may be left out.
type StatementEvidence struct {
	Statement []byte    // the file
	Policy    *Policy   // see ParsePolicy, PolicyForLog
	ID        string    // the person the caller means, from the caller, never from the statement; may be "" for an extract only
	Now       time.Time // for the age; zero: age is not judged
}

// StatementEntry is an entry that was shown, with what its reader must know.
type StatementEntry struct {
	Index    uint64
	Opening  *bundle.Opening // without VRF proof
	Entry    *entry.Entry    // nil if it could not be read
	Newer    bool            // above what the index covers: it is in the log, but others like it may be missing
	Remarks  []string        // for readers
	Hidden   bool            // outside the period: that it exists is proved, its content not shown
	LeafHash wire.Hash       // of a hidden entry
}

// StatementReport is what was found of a statement. Authentic, Complete, cosigned and fresh are four findings, because each can
// hold without the next.
type StatementReport struct {
	Report
	Head          proof.Checkpoint
	Extract       bool               // it is of an extract, which never says that it is complete
	Below         uint64             // M: the index covers entries below it
	Period        *bundle.Period     // what the statement covers; nil: everything below M
	Entries       []StatementEntry   // in order of index
	Everyone      []StatementEntry   // reads of everybody's data (entry.RegEveryone), likewise; none in the statement of that register itself
	EveryoneShown bool               // they are part of the file, even if there are none
	Linked        []LinkedHistory    // what is on record under other ids of the same person, by id
	Register      *register.Register // organisations and keys that the file shows, after its last entry; nil if the check did not get so far
	Authentic     bool               // everything shown is in the log and was signed by those who may
	Complete      bool               // and it is all there is about the id, ids linked with it and everybody, below Below and within Period
	Unproved      int                // newer entries whose keys are newer than the index: who signed them is not proved
	Audited       []Cosignature      // by members of the policy's group "auditors"
	AuditedEnough bool               // by as many of them as the group asks for; false: completeness is the operator's word
	Witnessed     []Cosignature      // by all others
	NobodyAsked   bool               // the policy asks for no cosigners
	AsOf          time.Time          // when the cosigners that count saw the checkpoint; zero: no cosigner says
	Stale         bool               // AsOf is more than StaleAfter before Checked
	Checked       time.Time          // StatementEvidence.Now
	Lines         Findings           // the same in words
}

// LinkedHistory is what a statement shows under an id that is linked with the subject's. The id is a personal datum: no words of
// a report contain it.
type LinkedHistory struct {
	ID       string
	Entries  []StatementEntry // as in StatementReport
	Link     uint64           // position of the link that holds
	OneSided bool             // no link back is shown: that history's own statement would not show the subject's
}

// StaleAfter is the age from which a statement is called stale: true of its day, but another should be asked for.
const StaleAfter = 48 * time.Hour

// CheckStatement checks that a statement is what the log holds about ID, all of it and nothing else. It stops an operator from
// leaving out, adding, altering, moving or misfiling an access, from hiding that a key was revoked, and, with the policy's
// cosigners, from showing this log to this person alone or stating a false index. It does not stop what the ledger never got,
// what its sources filed under another id, and what is lawfully withheld.
//
// What cannot be opened fails. Checks that fail are reported, and the next are made as far as they can be.
func CheckStatement(ev StatementEvidence) *StatementReport {
	c := newCheck(ev.Policy, ev.Now)
	c.statement(ev)
	return c.report()
}

// statement makes the checks in order. The index root says what the log holds below M; what is shown leads to it or not; who
// signed is judged last, by the register that the public histories make, each entry at its own place.
func (c *check) statement(ev StatementEvidence) {
	s, err := bundle.ParseStatement(ev.Statement)
	if err != nil {
		c.Fail(failure(err, nil, CheckStatementForm))
		return
	}
	c.Pass(CheckStatementForm, nil, "%s of %s, %d newer", s.Format, count(len(s.Entries), "entry", "entries"), len(s.Newer))
	c.period = s.Period
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
	c.judge()
}

// checkPerson checks that the statement is about the caller's id.
func (c *check) checkPerson(s *bundle.Statement, id string) bool {
	if err := entry.CheckID(id); err != nil {
		c.Fail(&Failure{Check: CheckID, Expected: "an id of one of the known forms, from whoever asks", Found: "none, or a malformed one",
			Meaning: "without knowing whose statement it should be nobody can say that it is theirs", Err: err})
		return false
	}
	c.Pass(CheckID, nil, "given by you, not taken from the file")
	if err := c.verifyTag(id, &s.Subject); err != nil {
		c.Fail(&Failure{Check: CheckTag,
			Expected: "a VRF proof, under the key in the genesis, that the pseudonym in the file is that of the " +
				"id you gave",
			Found: err.Error(), Err: err,
			Meaning: "the statement is about somebody else, or was made with another pseudonym key than the " +
				"log's: another person's list, perhaps an empty one, is shown as this one's"})
		return false
	}
	c.Pass(CheckTag, nil, "the pseudonym in the file is the only one the log has for the id you gave")
	return true
}

// verifyTag returns an error unless the log files id under the tag of a history.
func (c *check) verifyTag(id string, s *bundle.Subject) error {
	return wire.VerifyTag(c.genesis.VRFKey, c.head.Origin, id, s.Tag, s.VRFProof)
}

// checkEveryone checks that the file shows the reads of everybody's data, under their own tag.
func (c *check) checkEveryone(s *bundle.Statement, id string) {
	if c.bulk = s.Everyone != nil; !c.bulk {
		if id != entry.RegEveryone {
			c.Fail(&Failure{Check: CheckEveryone,
				Expected: "the reads of everybody's data besides, and proof that none is missing",
				Found:    "nothing about them",
				Meaning:  "reads in bulk, which touch this person's record as any other, are kept out of the statement: ask for one that has them"})
		}
		return
	}
	if err := c.verifyTag(entry.RegEveryone, &s.Everyone.Subject); err != nil {
		c.Fail(&Failure{Check: CheckEveryone,
			Expected: "a VRF proof, under the key in the genesis, of the pseudonym of " + entry.RegEveryone,
			Found:    err.Error(), Err: err,
			Meaning: "another list, perhaps an empty one, is shown as that of the reads of everybody's data"})
		return
	}
	c.Pass(CheckEveryone, nil, "the reads of everybody's data are shown besides, under the only pseudonym the log has for them")
}
