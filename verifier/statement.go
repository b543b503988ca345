package verifier

import (
	"fmt"
	"strings"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
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

// StatementEntry is an entry that was shown, with what a reader must know of it besides.
type StatementEntry struct {
	Index    uint64
	Opening  *bundle.Opening // without VRF proof
	Entry    *entry.Entry    // nil if it could not be read
	Newer    bool            // above what the index covers: it is in the log, but others like it may be missing
	Remarks  []string        // for readers
	Hidden   bool            // outside the period: that it exists is proved, its content not shown
	LeafHash wire.Hash       // of a hidden entry
}

// StatementReport is what was found of a statement. Its four findings stand apart because each can hold without the next.
type StatementReport struct {
	Report
	Head          proof.Checkpoint
	Below         uint64             // M: the index covers entries below it
	Entries       []StatementEntry   // in order of index
	Everyone      []StatementEntry   // reads of everybody's data (entry.RegEveryone), likewise; none in the statement of that register itself
	Linked        []LinkedHistory    // what is on record under other ids of the same person, by id
	Register      *register.Register // organisations and keys that the file shows, after its last entry; nil if it got not so far
	Authentic     bool               // everything shown stands in the log and was signed by who may
	Complete      bool               // and it is all there is about the id, the ids linked with it, and everybody, below Below (within the period, if there is one)
	Audited       []Cosignature      // by members of the policy's group "auditors"
	AuditedEnough bool               // by as many of them as the group asks for; false: completeness is the operator's word
	Witnessed     []Cosignature      // by all others
	AsOf          time.Time          // when the cosigners that count saw the checkpoint; zero: nobody's word
	Stale         bool               // AsOf is more than StaleAfter before Now
	Lines         Findings           // the same in words

	period   *bundle.Period
	everyone bool // everyone's history is part of the file
	unsigned int  // newer entries whose keys are newer than the index
	asked    bool // the policy asks for cosigners
}

// LinkedHistory is what a statement shows under an id that is linked with the subject's. The id is a personal datum: it is no part of what a report says in words.
type LinkedHistory struct {
	ID       string
	Entries  []StatementEntry // as in StatementReport
	Link     uint64           // position of the link that holds
	OneSided bool             // no link back is shown: that history's own statement would not show the subject's
}

// Findings are the four things a statement's reader wants to know, one line each.
type Findings struct {
	Authentic string `json:"authentic"`
	Complete  string `json:"complete"`
	Cosigned  string `json:"cosigned"`
	Fresh     string `json:"fresh"`
}

// StaleAfter is the age from which a statement is called stale: true of its day, but another should be asked for.
const StaleAfter = 48 * time.Hour

// CheckStatement checks that a statement is what the log holds about ID, all of it and nothing else, in this order: form → origin, checkpoint, cosignatures, quorum →
// inclusion of all that is shown → genesis → id → tags (VRF), of the id, of reads of everybody's data and of linked ids → index root, M <= j < N, lag → each history or its absence → histories of keys and organisations → content and disclosures → whom each
// entry is about → doubles → that the linked ids are those that the subject's links hold → signature and key status of each entry at its place. What cannot be opened fails. It stops an operator from leaving out, adding, altering, moving or misfiling an access, from hiding
// that a key was revoked, and, with the policy's cosigners, from showing this log to this person alone or stating a false index. It does not stop what the ledger
// never got, what its sources filed under another id, and what is lawfully withheld.
//
// Checks that fail are reported and the next are made as far as they can be.
func CheckStatement(ev StatementEvidence) *StatementReport {
	r := &StatementReport{asked: !ev.Policy.AsksNobody()}
	s, err := bundle.ParseStatement(ev.Statement)
	if err != nil {
		return r.stop(failure(err, nil, CheckStatementForm))
	}
	r.Pass(CheckStatementForm, nil, "%s of %d entries, %d newer", s.Format, len(s.Entries), len(s.Newer))
	r.period = s.Period
	v := &evidence{rep: &r.Report, doc: &s.Evidence, policy: ev.Policy}
	if !r.head(v, ev.Now) {
		return r.finish(ev.Now)
	}
	v.checkInclusion(s.LeafHashes())
	if !v.checkGenesis() || !r.checkTag(v, s, ev.ID) || !v.checkIndexRoot() {
		return r.finish(ev.Now)
	}
	r.Below = v.root.Size
	r.checkHistory(v, s.Own(), ownWords)
	r.Entries = r.read(v, s.Own(), ev.ID, ownWords)
	if s.Everyone != nil {
		r.checkHistory(v, s.Everyone, everyoneWords)
		r.Everyone = r.read(v, s.Everyone, entry.RegEveryone, everyoneWords)
	}
	r.readLinked(v, s, ev.ID)
	v.checkChains()
	r.judge(v)
	return r.finish(ev.Now)
}

// historyWords is how reports speak of a history.
type historyWords struct{ entries, of, about, none string }

var (
	ownWords = historyWords{"entries", "under this id", "the person whose id you gave", "no access on record"}
	// Reads of everybody's data are the subject's matter too.
	everyoneWords = historyWords{"reads of everybody's data", "as such", "everybody", "no reads of everybody's data on record"}
)

// read checks the content of what a history shows and gives its rows.
func (r *StatementReport) read(v *evidence, h *bundle.History, id string, words historyWords) (rows []StatementEntry) {
	var shown []*bundle.Opening
	for _, list := range []bundle.Entries{h.Entries, h.Newer} {
		for i := range list {
			e := &list[i]
			row := StatementEntry{Index: e.Index, Opening: e.Opening(h.Tag), Newer: e.Index >= r.Below, Hidden: !e.Opened()}
			if row.Hidden {
				row.LeafHash = *e.LeafHash
			} else {
				shown = append(shown, row.Opening)
			}
			rows = append(rows, row)
		}
	}
	read := v.checkContents(shown, id, words)
	for i := range rows {
		if !rows[i].Hidden {
			rows[i].Entry, read = read[0], read[1:]
		}
	}
	return rows
}

// head opens the checkpoint and keeps who stands behind it.
func (r *StatementReport) head(v *evidence, now time.Time) bool {
	if !v.checkHead(now) {
		return false
	}
	r.Head = v.head
	auditors := v.policy.Group(cosign.GroupAuditors)
	r.Audited = v.signersOf(auditors)
	for _, s := range v.sigs {
		if auditors == nil || !isOneOf(s, r.Audited) {
			r.Witnessed = append(r.Witnessed, s)
		}
	}
	if auditors != nil {
		_, r.AuditedEnough = auditors.AsOf(v.sigs)
	}
	if m := v.policy.Quorum(); m != nil {
		r.AsOf, _ = m.AsOf(v.sigs)
	} else { // nobody is asked for: whoever of the policy's cosigners saw it last
		for _, s := range v.sigs {
			if s.Time.After(r.AsOf) {
				r.AsOf = s.Time
			}
		}
	}
	if !r.AsOf.IsZero() && !now.IsZero() {
		r.Stale = now.Sub(r.AsOf) > StaleAfter
	}
	switch {
	case r.AsOf.IsZero():
		r.Skip(CheckAge, nil, "no cosigner that counts says when: the age is unknown")
	case now.IsZero():
		r.Skip(CheckAge, nil, "no clock was given; cosigners that count saw it at %s", r.AsOf.Format(time.RFC3339))
	default:
		r.Pass(CheckAge, nil, "%s", r.age(now))
	}
	return true
}

func isOneOf(s Cosignature, list []Cosignature) bool {
	for _, o := range list {
		if o.By == s.By {
			return true
		}
	}
	return false
}

func (r *StatementReport) age(now time.Time) string {
	at := "seen by the cosigners that count at " + r.AsOf.Format(time.RFC3339)
	if r.Stale {
		return fmt.Sprintf("STALE: %s, %d hours ago: true of that day; ask for a new one", at, int(now.Sub(r.AsOf).Hours()))
	}
	return at
}

// checkTag checks that the statement is about the caller's id.
func (r *StatementReport) checkTag(v *evidence, s *bundle.Statement, id string) bool {
	if err := entry.CheckID(id); err != nil {
		r.Fail(&Failure{Check: CheckID, Expected: "an id of one of the known forms, from whoever asks", Found: "none, or a malformed one", Meaning: "without knowing whose statement it should be nobody can say that it is theirs", Err: err})
		return false
	}
	r.Pass(CheckID, nil, "given by you, not taken from the file")
	if err := wire.VerifyTag(v.genesis.VRFKey, v.head.Origin, id, s.Subject.Tag, s.Subject.VRFProof); err != nil {
		r.Fail(&Failure{Check: CheckTag, Expected: "a VRF proof, under the key in the genesis, that the pseudonym in the file is that of the id you gave", Found: err.Error(), Err: err,
			Meaning: "the statement is about somebody else, or was made with another pseudonym key than the log's: another person's list, perhaps an empty one, is shown as this one's"})
		return false
	}
	r.Pass(CheckTag, nil, "the pseudonym in the file is the only one the log has for the id you gave")
	r.checkEveryone(v, s, id)
	r.checkLinkedTags(v, s)
	return true
}

// checkEveryone checks that the file shows the reads of everybody's data, under their own tag.
func (r *StatementReport) checkEveryone(v *evidence, s *bundle.Statement, id string) {
	h := s.Everyone
	if r.everyone = h != nil; !r.everyone {
		if id != entry.RegEveryone {
			r.Fail(&Failure{Check: CheckEveryone, Expected: "the reads of everybody's data besides, and proof that none is missing", Found: "nothing about them",
				Meaning: "reads in bulk, which touch this person's record as any other, are kept out of the statement: ask for one that has them"})
		}
		return
	}
	if err := wire.VerifyTag(v.genesis.VRFKey, v.head.Origin, entry.RegEveryone, h.Tag, h.VRFProof); err != nil {
		r.Fail(&Failure{Check: CheckEveryone, Expected: "a VRF proof, under the key in the genesis, of the pseudonym of " + entry.RegEveryone, Found: err.Error(), Err: err,
			Meaning: "another list, perhaps an empty one, is shown as that of the reads of everybody's data"})
		return
	}
	r.Pass(CheckEveryone, nil, "the reads of everybody's data are shown besides, under the only pseudonym the log has for them")
}

// checkHistory checks that the index holds exactly the entries shown under the tag, or nothing.
func (r *StatementReport) checkHistory(v *evidence, s *bundle.History, words historyWords) {
	for i := range s.Entries {
		if s.Entries[i].Index >= r.Below {
			r.Fail(&Failure{Check: CheckCovered, Index: At(s.Entries[i].Index), Expected: fmt.Sprintf("an index below %d, which the index covers", r.Below), Found: fmt.Sprint(s.Entries[i].Index), Meaning: "an entry is shown as covered by the proof of completeness that is not"})
		}
	}
	for i := range s.Newer {
		if s.Newer[i].Index < r.Below {
			r.Fail(&Failure{Check: CheckCovered, Index: At(s.Newer[i].Index), Expected: fmt.Sprintf("an index of %d or above", r.Below), Found: fmt.Sprint(s.Newer[i].Index), Meaning: "an entry that the index covers is shown as newer: it is missing from the history where it belongs"})
		}
	}
	root, err := s.IndexRootHash()
	if err == nil && root == v.root.Root {
		if len(s.Entries) == 0 {
			r.Pass(CheckHistory, nil, "the index has nothing %s: %s below entry %d", words.of, words.none, r.Below)
		} else {
			r.Pass(CheckHistory, nil, "the %d %s are all that the index has %s below entry %d", len(s.Entries), words.entries, words.of, r.Below)
		}
		return
	}
	f := &Failure{Check: CheckHistory, Expected: fmt.Sprintf("%d %s that lead to the index root %x", len(s.Entries), words.entries, v.root.Root), Found: fmt.Sprintf("index root %x", root), Err: err,
		Meaning: "the list is not the one the index holds: an access was left out, added, altered or moved, or the proof is of another index. Nothing shows that it is complete"}
	if len(s.Entries) == 0 {
		f.Expected = fmt.Sprintf("proof that index root %x has nothing %s", v.root.Root, words.of)
		f.Meaning = "the proof that nobody looked proves nothing: there may be accesses on record"
	}
	if err != nil {
		f.Found = err.Error()
	}
	r.Fail(f)
}

// judge checks every signature, and leaves remarks on the rows.
func (r *StatementReport) judge(v *evidence) {
	r.Register = v.judge()
	r.unsigned = len(v.late)
	all := [][]StatementEntry{r.Entries, r.Everyone}
	for i := range r.Linked {
		all = append(all, r.Linked[i].Entries)
	}
	for _, rows := range all {
		for i := range rows {
			r.remark(v, &rows[i])
		}
	}
}

func (r *StatementReport) remark(v *evidence, row *StatementEntry) {
	if row.Hidden {
		return
	}
	if row.Newer {
		row.Remarks = append(row.Remarks, fmt.Sprintf("newer than the index (entry %d): in the log, but others as new may be missing here, and a revocation of its key as well", r.Below))
	}
	if v.late[row.Index] {
		row.Remarks = append(row.Remarks, "WHO SIGNED IT IS NOT PROVED: its key is newer than the index too")
	}
	if row.Entry == nil {
		return
	}
	if k := r.Register.Key(row.Entry.KID); k != nil && k.SuspectFrom != nil && row.Index >= *k.SuspectFrom {
		row.Remarks = append(row.Remarks, fmt.Sprintf("its key was later declared suspect from entry %d on", *k.SuspectFrom))
	}
}

// stop ends a check that cannot go on.
func (r *StatementReport) stop(f *Failure) *StatementReport {
	r.Fail(f)
	return r.finish(time.Time{})
}

// onlyCompleteness are the checks that can fail while each entry shown is still what the log holds.
var onlyCompleteness = map[Check]bool{CheckHistory: true, CheckEveryone: true, CheckLinked: true, CheckIndexLag: true, CheckCovered: true, CheckAuditors: true}

// finish settles the findings and puts them into words.
func (r *StatementReport) finish(now time.Time) *StatementReport {
	r.Complete = len(r.Failures) == 0 && r.Register != nil && (r.period == nil || r.period.From < r.Below)
	r.Authentic = r.Register != nil
	for _, f := range r.Failures {
		r.Authentic = r.Authentic && onlyCompleteness[f.Check]
	}
	r.Lines = Findings{Authentic: r.authentic(), Complete: r.complete(), Cosigned: r.cosigned(), Fresh: "age unknown: no witness says when"}
	if !r.AsOf.IsZero() {
		r.Lines.Fresh = r.age(now)
	}
	return r
}

func (r *StatementReport) authentic() string {
	switch {
	case !r.Authentic && len(r.Failures) > 0:
		return fmt.Sprintf("NO: %s: %s", r.Failures[0].Check, r.Failures[0].Meaning)
	case !r.Authentic:
		return "not known"
	}
	text := fmt.Sprintf("yes: what is shown stands in the log %s, signed by those named, whose keys counted", r.Head.Origin)
	if r.unsigned > 0 {
		text += fmt.Sprintf("; not so %d newer entries, of whose signers nothing is proved yet", r.unsigned)
	}
	return text
}

func (r *StatementReport) complete() string {
	switch {
	case !r.Complete && r.Authentic && len(r.Failures) > 0:
		return fmt.Sprintf("NO: %s: %s", r.Failures[0].Check, r.Failures[0].Meaning)
	case !r.Complete && r.Authentic:
		return fmt.Sprintf("NO: the period begins at entry %d, the index covers entries below %d only", r.period.From, r.Below)
	case !r.Complete:
		return "NO: what is not authentic cannot be complete"
	}
	covered, hidden, newer := count(r.Entries)
	var b strings.Builder
	switch {
	case r.period != nil:
		fmt.Fprintf(&b, "yes, for entries %d to %d as of entry %d: %d shown, none left out; %d outside the period exist and are not shown", r.period.From, min(r.period.To, r.Below)-1, r.Below, covered, hidden)
	case covered == 0:
		fmt.Fprintf(&b, "yes, as of entry %d: no access on record", r.Below)
	default:
		fmt.Fprintf(&b, "yes, as of entry %d: %d entries on record, all shown", r.Below, covered)
	}
	if newer > 0 {
		fmt.Fprintf(&b, "; %d newer shown besides, outside the proof", newer)
	}
	if r.everyone {
		covered, hidden, newer := count(r.Everyone)
		if covered+hidden == 0 {
			b.WriteString("; no reads of everybody's data on record")
		} else {
			fmt.Fprintf(&b, "; all %d reads of everybody's data on record, %d of them shown", covered+hidden, covered)
		}
		if newer > 0 {
			fmt.Fprintf(&b, "; %d newer of these outside the proof", newer)
		}
	}
	r.completeLinked(&b)
	if !r.AuditedEnough {
		b.WriteString("; BY THE OPERATOR'S WORD ALONE: no auditors you name stand behind the index")
	}
	return b.String()
}

func count(rows []StatementEntry) (covered, hidden, newer int) {
	for _, e := range rows {
		switch {
		case e.Newer:
			newer++
		case e.Hidden:
			hidden++
		default:
			covered++
		}
	}
	return covered, hidden, newer
}

func (r *StatementReport) cosigned() string {
	list := func(sigs []Cosignature) string {
		if len(sigs) == 0 {
			return "nobody you name"
		}
		var names []string
		for _, s := range sigs {
			names = append(names, s.By.Name+" ("+s.Time.Format(time.RFC3339)+")")
		}
		return strings.Join(names, ", ")
	}
	text := "audited by " + list(r.Audited) + "; witnessed by " + list(r.Witnessed)
	if !r.asked {
		text += "; your policy asks for nobody: one log for everybody is the operator's word"
	}
	return text
}
