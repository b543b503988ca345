package verifier

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// ReceiptEvidence is what a receipt is checked with. Receipt, Entry and Log are needed; the rest widens what can be said.
type ReceiptEvidence struct {
	Receipt  *bundle.Receipt
	Entry    *entry.Entry  // the source's own, with its disclosures
	Log      note.Verifier // see LogKey
	Genesis  *entry.Genesis
	Register *register.Register // as it stood at the entry's index, from a LogReplay; nil: signature and key status are not checked
}

// Receipted is what a receipt proves.
type Receipted struct {
	Index      uint64
	Checkpoint proof.Checkpoint
}

// CheckReceipt checks a receipt for an entry that the caller holds itself, as a source does before it forgets the event. It stops an operator who
// takes an entry and logs another, files it under nobody or under somebody else (Filing, with the VRF key of the genesis), gives a receipt for
// a place in the log where it is not (Inclusion), or accepted it from a key that did not count (KeyStatus, when Register is given).
func CheckReceipt(ev ReceiptEvidence) (Receipted, Report) {
	var rep Report
	var got Receipted
	r, e := ev.Receipt, ev.Entry
	p, err := proof.ParseInclusion([]byte(r.Proof))
	if err != nil {
		rep.Fail(failure(err, nil, CheckReceiptForm))
		return got, rep
	}
	i := At(p.Index)
	got.Index = p.Index
	if got.Checkpoint, err = OpenCheckpoint(p.Checkpoint, ev.Log); err != nil {
		rep.Fail(err.(*Failure))
		return got, rep
	}
	rep.Pass(CheckCheckpointSignature, nil, "%s signed size %d, root %x", ev.Log.Name(), got.Checkpoint.Size, got.Checkpoint.Root)
	checkAudience(&rep, e, ev.Log.Name(), i)

	l, err := proof.ParseLeaf(r.Leaf)
	if err == nil && l.Public == e.Type.Sealed() {
		err = &Failure{Check: CheckLeafForm, Index: i, Expected: map[bool]string{true: "a sealed leaf", false: "a public leaf"}[e.Type.Sealed()],
			Found: map[bool]string{true: "a public leaf", false: "a sealed leaf"}[l.Public], Meaning: "the operator logged the entry in the wrong form: an access in the open, or a public act in hiding"}
	}
	if err != nil {
		rep.Fail(asFailure(err, i, CheckLeafForm))
		return got, rep
	}
	if l.Public {
		rep.Pass(CheckLeafForm, i, "public leaf")
		if l.JWS != e.Compact {
			rep.Fail(&Failure{Check: CheckLeafContent, Index: i, Expected: "the entry you submitted", Found: "another entry, or another signature on it",
				Meaning: "the operator logged something else than what was submitted"})
		} else {
			rep.Pass(CheckLeafContent, i, "the leaf holds your entry")
		}
	} else {
		rep.Pass(CheckLeafForm, i, "sealed leaf")
		checkReceiptLink(&rep, ev, l, i)
	}
	checkInclusion(&rep, r.Leaf, p.Index, p.Hashes, got.Checkpoint, wire.Hash{})
	checkKey(&rep, e, ev.Register, i)
	return got, rep
}

// checkReceiptLink checks both commitments of a sealed leaf and under whom it is filed.
func checkReceiptLink(rep *Report, ev ReceiptEvidence, l proof.Leaf, i *uint64) {
	r, e := ev.Receipt, ev.Entry
	if r.TagSalt == nil || r.Tag == nil || r.BodySalt == nil {
		rep.Fail(&Failure{Check: CheckReceiptForm, Index: i, Expected: "tagSalt, tag and bodySalt", Found: "a receipt without one of them",
			Meaning: "the operator does not show under whom it filed the entry, or what it logged"})
		return
	}
	checkCommitment(rep, CheckTagCommitment, i, proof.TagCommit(*r.TagSalt, *r.Tag), l.TagCommit,
		"the leaf is filed under another pseudonym than the receipt says: the access would be missing from the person's list")
	checkCommitment(rep, CheckBodyCommitment, i, proof.BodyCommit(*r.BodySalt, e.Compact), l.BodyCommit,
		"the operator logged another entry than the one you hold")
	switch {
	case e.ShownSub() == "":
		rep.Fail(&Failure{Check: CheckDisclosures, Index: i, Expected: "your entry with its disclosure sub", Found: "an entry without it",
			Meaning: "whether the entry is filed under the right person cannot be checked without saying which person"})
	case ev.Genesis == nil:
		rep.Skip(CheckFiling, i, "the log's genesis was not given, so its pseudonym key is not known")
	default:
		checkFiling(rep, CheckFiling, ev.Genesis, ev.Log.Name(), e.ShownSub(), *r.Tag, r.VRFProof, i, "the entry is filed under the person it is about")
	}
}

func checkCommitment(rep *Report, c Check, i *uint64, opened, leaf wire.Hash, meaning string) {
	if opened != leaf {
		rep.Fail(&Failure{Check: c, Index: i, Expected: fmt.Sprintf("commitment %x, as what you hold gives it", opened), Found: fmt.Sprintf("%x in the leaf", leaf), Meaning: meaning, Err: wire.BadCommitment})
		return
	}
	rep.Pass(c, i, "the leaf is committed to it")
}

func checkFiling(rep *Report, c Check, g *entry.Genesis, origin, id string, tag wire.Hash, proof []byte, i *uint64, note string) {
	if err := wire.VerifyTag(g.VRFKey, origin, id, tag, proof); err != nil {
		f := failure(err, i, c)
		f.Check, f.Meaning = c, meanings[wire.BadVRF].meaning
		f.Expected = "a VRF proof, under the key in the genesis, that the tag is that of this person"
		rep.Fail(f)
		return
	}
	rep.Pass(c, i, "%s", note)
}

func checkAudience(rep *Report, e *entry.Entry, origin string, i *uint64) {
	if e.Audience != origin {
		rep.Fail(&Failure{Check: CheckAudience, Index: i, Expected: "an entry made for " + origin, Found: "one made for " + e.Audience, Meaning: meanings[wire.WrongAudience].meaning, Err: wire.WrongAudience})
		return
	}
	rep.Pass(CheckAudience, i, "made for this log")
}

// checkInclusion checks a leaf's path. logged, unless zero, is what the log's hash tile has for the leaf: if that one is in the tree, the leaf was exchanged.
func checkInclusion(rep *Report, leaf []byte, index uint64, path []wire.Hash, c proof.Checkpoint, logged wire.Hash) {
	err := CheckInclusionOf(proof.LeafHash(leaf), index, path, c)
	if err == nil {
		rep.Pass(CheckInclusion, At(index), "in the log of size %d", c.Size)
		return
	}
	f := err.(*Failure)
	if logged != (wire.Hash{}) && logged != proof.LeafHash(leaf) && CheckInclusionOf(logged, index, path, c) == nil {
		f = exchanged(index, logged, proof.LeafHash(leaf))
	}
	rep.Fail(f)
}

func exchanged(index uint64, logged, served wire.Hash) *Failure {
	return &Failure{Check: CheckInclusion, Index: At(index), Expected: fmt.Sprintf("a leaf with hash %x, which is in the log", logged), Found: fmt.Sprintf("a leaf with hash %x", served),
		Meaning: fmt.Sprintf("the operator exchanged the content of entry %d after it was logged, or it was damaged on the way", index)}
}

// checkKey checks signature, authority and key status of e at index i by the register as it stood there, and the register's rules if e is public.
func checkKey(rep *Report, e *entry.Entry, reg *register.Register, i *uint64) {
	if reg == nil {
		rep.Skip(CheckKeyStatus, i, "the log was not replayed up to the entry, so its key is not known")
		return
	}
	err := reg.Verify(e, *i)
	if err == nil {
		err = reg.Clone().Apply(e, *i)
	}
	if err != nil {
		rep.Fail(failure(err, i, CheckSignature))
		return
	}
	rep.Pass(CheckKeyStatus, i, "key %s of %s counted at this index", e.KID, e.Issuer)
	rep.Pass(CheckSignature, i, "signed by it")
}

func asFailure(err error, i *uint64, otherwise Check) *Failure {
	if f, ok := err.(*Failure); ok {
		return f
	}
	return failure(err, i, otherwise)
}

// ParseReceipt reads a receipt file; a failure is a *Failure.
func ParseReceipt(data []byte) (*bundle.Receipt, error) {
	r, err := bundle.ParseReceipt(data)
	if err != nil {
		return nil, failure(err, nil, CheckReceiptForm)
	}
	return r, nil
}

// ParseEntry reads an entry in SD-JWT form; a failure is a *Failure.
func ParseEntry(sdjwt string) (*entry.Entry, error) {
	e, err := entry.Parse(sdjwt)
	if err != nil {
		return nil, failure(err, nil, CheckEntryForm)
	}
	return e, nil
}
