package verifier

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// ReceiptEvidence holds what CheckReceipt needs. Receipt, Entry and Policy are required; with the
// others more can be checked.
type ReceiptEvidence struct {
	Receipt *bundle.Receipt
	Entry   *entry.Entry   // the source's own copy, with its disclosures
	Policy  *Policy        // see ParsePolicy, PolicyForLog
	Now     time.Time      // for cosignatures from the future; zero: age is not judged
	Genesis *entry.Genesis // nil: filing is not checked
	Filings *Filings       // VRF proofs that held before; nil: each is checked anew
	Heads   *Heads         // the checkpoint that was opened last; nil: each is opened anew

	// Register is the register as it was at the entry's index, from a LogReplay. If it is nil,
	// signature and key status are not checked.
	Register *register.Register
}

// Receipted is what a receipt proves.
type Receipted struct {
	Index      uint64
	Checkpoint proof.Checkpoint
	Signed     string // the checkpoint as a signed note
	Quorum     bool   // the policy asks for cosigners, and enough of them cosigned the checkpoint
}

// CheckReceipt checks a receipt for an entry that the caller holds, as a source does before it
// forgets the event. It stops an operator from accepting an entry and then logging another one
// (CheckBodyCommitment), filing it under another person or under no one (CheckFiling, with the VRF
// key of the genesis), issuing a receipt for a place in the log where the entry is not
// (CheckInclusion), or accepting it from a key that was not valid (CheckKeyStatus, if Register is
// given). If the policy asks for cosigners, it also stops an operator from acknowledging the entry
// in a log that it shows to this source only (CheckQuorum). A receipt of which only the quorum is
// missing is worth waiting for a better one: see OnlyQuorum.
func CheckReceipt(ev ReceiptEvidence) (Receipted, Report) {
	var rep Report
	var got Receipted
	p, err := proof.ParseInclusion([]byte(ev.Receipt.Proof))
	if err != nil {
		rep.Fail(failure(err, nil, CheckReceiptForm))
		return got, rep
	}
	i := At(p.Index)
	got = Receipted{Index: p.Index, Signed: string(p.Checkpoint)}
	head := ev.Heads.open(&rep, opening{"the receipt's: ", got.Signed, ev.Policy, ev.Now})
	if head == nil {
		return got, rep
	}
	got.Checkpoint, got.Quorum = head.Checkpoint, head.Quorum
	checkAudience(&rep, ev.Entry, head.Origin, i)
	if f := checkReceiptLeaf(&rep, ev, head.Origin, i); f != nil {
		rep.Fail(f)
		return got, rep
	}
	inclusion{leaf: ev.Receipt.Leaf, index: p.Index, path: p.Hashes, head: head.Checkpoint}.check(&rep)
	checkKey(&rep, ev.Entry, ev.Register, i)
	return got, rep
}

// OnlyQuorum reports whether nothing failed but that too few cosigners of the policy have cosigned.
func (r *Report) OnlyQuorum() bool {
	for _, f := range r.Failures {
		if f.Check != CheckQuorum && f.Check != CheckWitnesses && f.Check != CheckAuditors {
			return false
		}
	}
	return len(r.Failures) > 0
}

// VerifyReceipt is CheckReceipt for callers that need only a yes or no. It checks the leaf form,
// both commitments, that the tag is the VRF of the entry's own sub under the log's key, and
// inclusion under a checkpoint that log signed. It does not check who signed the entry, which its
// source knows, nor who else saw the checkpoint. vrfKey may be zero for a public entry. An error is
// the first *Failure.
func VerifyReceipt(r *bundle.Receipt, e *entry.Entry, log note.Verifier, vrfKey wire.Hash) (Receipted, error) {
	policy := &Policy{Logs: []cosign.PolicyLog{{Origin: log.Name(), Verifiers: []note.Verifier{log}}}}
	ev := ReceiptEvidence{Receipt: r, Entry: e, Policy: policy, Genesis: &entry.Genesis{VRFKey: vrfKey}}
	got, rep := CheckReceipt(ev)
	if err := rep.Err(); err != nil {
		return Receipted{}, err
	}
	return got, nil
}

// checkReceiptLeaf checks that the leaf is the entry's. If it returns a failure, the check of the
// receipt ends.
func checkReceiptLeaf(rep *Report, ev ReceiptEvidence, origin string, i *uint64) *Failure {
	e := ev.Entry
	l, err := proof.ParseLeaf(ev.Receipt.Leaf)
	if err != nil {
		return failure(err, i, CheckLeafForm)
	}
	if l.Public == e.Type.Sealed() {
		return &Failure{Check: CheckLeafForm, Index: i,
			Expected: "a " + leafForm(!e.Type.Sealed()), Found: "a " + leafForm(l.Public),
			Meaning: "the operator logged the entry in the wrong form: it published an access, or hid a public act",
			Err:     wire.BadLeaf}
	}
	rep.Pass(CheckLeafForm, i, "%s", leafForm(l.Public))
	if !l.Public {
		checkReceiptLink(rep, ev, origin, l, i)
		return nil
	}
	if l.JWS != e.Compact {
		rep.Fail(&Failure{Check: CheckLeafContent, Index: i, Expected: "the entry you submitted",
			Found:   "another entry, or another signature on it",
			Meaning: "the operator logged something other than the entry you submitted", Err: wire.BadCommitment})
		return nil
	}
	rep.Pass(CheckLeafContent, i, "the leaf holds your entry")
	return nil
}

func leafForm(public bool) string {
	if public {
		return "public leaf"
	}
	return "sealed leaf"
}

// checkReceiptLink checks both commitments of a sealed leaf, and under which person it is filed.
func checkReceiptLink(rep *Report, ev ReceiptEvidence, origin string, l proof.Leaf, i *uint64) {
	r, sub := ev.Receipt, ev.Entry.ShownSub()
	if r.TagSalt == nil || r.Tag == nil || r.BodySalt == nil {
		rep.Fail(&Failure{Check: CheckReceiptForm, Index: i,
			Expected: "tagSalt, tag and bodySalt", Found: "a receipt without one of them",
			Meaning: "the operator does not show under which person it filed the entry, or what it logged", Err: wire.BadJSON})
		return
	}
	commitment{CheckTagCommitment, i, proof.TagCommit(*r.TagSalt, *r.Tag), l.TagCommit}.check(rep,
		"the leaf is not filed under the pseudonym in the receipt: the access would be missing from the person's list")
	commitment{CheckBodyCommitment, i, proof.BodyCommit(*r.BodySalt, ev.Entry.Compact), l.BodyCommit}.check(rep,
		"the operator logged an entry that is not the one you hold")
	switch {
	case sub == "":
		rep.Fail(&Failure{Check: CheckDisclosures, Index: i,
			Expected: "your entry with its disclosure sub", Found: "an entry without it",
			Meaning: "without the person's id, whether the entry is filed under the right person cannot be checked",
			Err:     wire.BadDisclosure})
	case ev.Genesis == nil:
		rep.Skip(CheckFiling, i, "the log's genesis was not given, so its pseudonym key is unknown")
	default:
		filing{CheckFiling, i, ev.Genesis.VRFKey, origin, sub, *r.Tag, r.VRFProof, ev.Filings}.check(rep,
			"the entry is filed under the person it is about")
	}
}

// commitment is a commitment in a leaf, and the value that opens it.
type commitment struct {
	name   Check
	index  *uint64
	opened wire.Hash // hash of salt and value
	leaf   wire.Hash // in the leaf
}

// check checks that they are the same. meaning says what it means if they are not.
func (c commitment) check(rep *Report, meaning string) {
	if c.opened != c.leaf {
		rep.Fail(&Failure{Check: c.name, Index: c.index,
			Expected: fmt.Sprintf("commitment %x, computed from what you hold", c.opened),
			Found:    fmt.Sprintf("%x in the leaf", c.leaf), Meaning: meaning, Err: wire.BadCommitment})
		return
	}
	rep.Pass(c.name, c.index, "matches the commitment in the leaf")
}

// filing is the claim that an entry is filed under a person.
type filing struct {
	name   Check // CheckFiling, or CheckSubject if the caller says who the person is
	index  *uint64
	key    wire.Hash // VRF key of the log
	origin string
	id     string // the person's
	tag    wire.Hash
	proof  []byte // VRF proof that tag is that of id
	known  *Filings
}

// check checks that the claim is proved. note says what that establishes.
func (c filing) check(rep *Report, note string) {
	if err := c.known.verify(c); err != nil {
		f := failure(err, c.index, c.name)
		f.Check, f.Meaning = c.name, meanings[wire.BadVRF].meaning
		f.Expected = "a VRF proof, under the key in the genesis, that the tag is this person's"
		rep.Fail(f)
		return
	}
	rep.Pass(c.name, c.index, "%s", note)
}

func checkAudience(rep *Report, e *entry.Entry, origin string, i *uint64) {
	if e.Audience != origin {
		rep.Fail(&Failure{Check: CheckAudience, Index: i,
			Expected: "an entry made for " + origin, Found: "one made for " + e.Audience,
			Meaning: meanings[wire.WrongAudience].meaning, Err: wire.WrongAudience})
		return
	}
	rep.Pass(CheckAudience, i, "made for this log")
}

// inclusion is the claim that a leaf is at an index of the tree of head.
type inclusion struct {
	leaf   []byte
	index  uint64
	path   []wire.Hash
	head   proof.Checkpoint
	logged wire.Hash // hash of the leaf in the log's hash tile; zero if unknown
}

// check checks that the claim is proved. If the tree contains the hash in the tile but not the
// leaf, the leaf was exchanged.
func (c inclusion) check(rep *Report) {
	own := proof.LeafHash(c.leaf)
	f := verifyInclusion(own, c.index, c.path, c.head)
	if f == nil {
		rep.Pass(CheckInclusion, At(c.index), "in the log of size %d", c.head.Size)
		return
	}
	if c.logged != (wire.Hash{}) && c.logged != own && verifyInclusion(c.logged, c.index, c.path, c.head) == nil {
		f = exchanged(c.index, c.logged, own)
	}
	rep.Fail(f)
}

func exchanged(index uint64, logged, served wire.Hash) *Failure {
	return &Failure{Check: CheckInclusion, Index: At(index),
		Expected: fmt.Sprintf("a leaf with hash %x, which is in the log", logged),
		Found:    fmt.Sprintf("a leaf with hash %x", served),
		Meaning: fmt.Sprintf("the operator exchanged the content of entry %d after it was logged, or it was damaged on "+
			"the way", index)}
}

// checkKey checks the signature, authority and key status of e at index i by the register as it was
// there. If e is public, it also checks the register's rules.
func checkKey(rep *Report, e *entry.Entry, reg *register.Register, i *uint64) {
	if reg == nil {
		rep.Skip(CheckKeyStatus, i, "the log was not replayed up to the entry, so its key is unknown")
		return
	}
	state := register.State{Register: reg}
	if e.Type.ChangesRegister() { // reg is the caller's
		state = state.Clone()
	}
	if err := state.Step(e, *i); err != nil {
		rep.Fail(failure(err, i, CheckSignature))
		return
	}
	rep.Pass(CheckKeyStatus, i, "key %s of %s was valid at this index", e.KID, e.Issuer)
	rep.Pass(CheckSignature, i, "signed by that key")
}

// ParseReceipt parses a receipt file. An error is a *Failure.
func ParseReceipt(data []byte) (*bundle.Receipt, error) {
	r, err := bundle.ParseReceipt(data)
	if err != nil {
		return nil, failure(err, nil, CheckReceiptForm)
	}
	return r, nil
}

// ParseEntry parses an entry in SD-JWT form. An error is a *Failure.
func ParseEntry(sdjwt string) (*entry.Entry, error) {
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return nil, failure(err, nil, CheckEntryForm)
	}
	return e, nil
}
