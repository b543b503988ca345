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

// EntryEvidence holds what CheckEntry needs. Only ID, Register and LoggedHash may be left out.
type EntryEvidence struct {
	Opening    *bundle.Opening
	Leaf       []byte      // the leaf at Opening.Index, from the log
	Path       []wire.Hash // its inclusion path under Checkpoint, see InclusionPath
	Checkpoint proof.Checkpoint
	Log        note.Verifier
	Genesis    *entry.Genesis

	// Register is the register as it was at Opening.Index, from a LogReplay. If it is nil,
	// signature and key status are not checked.
	Register *register.Register
	// ID is the person whom the caller means. It comes from the caller, never from the opening. ""
	// if the caller does not say.
	ID string
	// LoggedHash is the hash of the leaf in the log's hash tile. It tells an exchanged leaf from a
	// wrong place. Zero if unknown.
	LoggedHash wire.Hash
}

// CheckEntry checks that an opening shows what is in the log. It stops an operator from showing an
// entry that differs from the one that was logged, or was never logged (commitments, inclusion), an
// entry that no organisation signed or whose key was not valid (signature, key status), another
// person's access as yours (subject), or an access that is filed under another person (filing). If
// the entry decodes at all it is returned, even if a check failed, so that a person can look at it.
func CheckEntry(ev EntryEvidence) (*entry.Entry, Report) {
	var rep Report
	o, i := ev.Opening, At(ev.Opening.Index)
	inclusion{ev.Leaf, o.Index, ev.Path, ev.Checkpoint, ev.LoggedHash}.check(&rep)
	e := openLeaf(&rep, o, ev.Leaf)
	if e == nil {
		return nil, rep
	}
	checkAudience(&rep, e, ev.Log.Name(), i)
	checkKey(&rep, e, ev.Register, i)
	checkPerson(&rep, ev, e, i)
	return e, rep
}

// OpenLeaf checks that an opening belongs to leaf, which the caller has from the log: it checks
// both commitments, and that the opening holds an entry about a person and only disclosures of that
// entry. It does not check signature, filing or inclusion. An error is a *Failure.
func OpenLeaf(o *bundle.Opening, leaf []byte) (*entry.Entry, error) {
	var rep Report
	e := openLeaf(&rep, o, leaf)
	if err := rep.Err(); err != nil {
		return nil, err
	}
	return e, nil
}

// openLeaf returns the entry of an opening, even if the leaf is committed to another one. If no
// entry can be read, it returns nil.
func openLeaf(rep *Report, o *bundle.Opening, leaf []byte) *entry.Entry {
	i := At(o.Index)
	l, err := proof.ParseLeaf(leaf)
	if err == nil && l.Public {
		err = &Failure{Check: CheckLeafForm, Index: i, Expected: "a sealed leaf", Found: "a public one",
			Meaning: "the opening is not of the entry that it names", Err: wire.BadLeaf}
	}
	if err != nil {
		rep.Fail(asFailure(err, i, CheckLeafForm))
		return nil
	}
	rep.Pass(CheckLeafForm, i, "sealed leaf")
	commitment{CheckTagCommitment, i, proof.TagCommit(o.TagSalt, o.Tag), l.TagCommit}.check(rep,
		"the entry belongs to the history of another person, not to the one that the opening names")
	commitment{CheckBodyCommitment, i, proof.BodyCommit(o.BodySalt, o.JWS), l.BodyCommit}.check(rep,
		"the content shown to you is not the content that was logged")
	e, f := parseSealed(o)
	if f != nil {
		rep.Fail(f)
		return nil
	}
	rep.Pass(CheckDisclosures, i, "%s shown, signed as part of the entry",
		count(len(e.Disclosures), "detail", "details"))
	return e
}

// parseSealed reads the entry of an opening, which must be of a type about persons.
func parseSealed(o *bundle.Opening) (*entry.Entry, *Failure) {
	i := At(o.Index)
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, failure(err, i, CheckEntryForm)
	}
	if !e.Type.Sealed() {
		return nil, &Failure{Check: CheckLeafForm, Index: i,
			Expected: "an entry about a person", Found: "an entry of type " + string(e.Type),
			Meaning: "the operator hides an entry that must be public", Err: wire.BadLeaf}
	}
	return e, nil
}

// checkPerson checks under which person the entry is filed: under its own sub (the operator was
// honest), and under the caller's id (it is about the person whom the caller means).
func checkPerson(rep *Report, ev EntryEvidence, e *entry.Entry, i *uint64) {
	shown := e.ShownSub()
	under := func(name Check, id string) filing {
		return filing{name, i, ev.Genesis.VRFKey, ev.Log.Name(), id, ev.Opening.Tag, ev.Opening.VRFProof, nil}
	}
	if shown == "" {
		rep.Skip(CheckFiling, i, "the opening does not say whom the entry is about")
	} else {
		under(CheckFiling, shown).check(rep, "filed under the person the entry itself names")
	}
	switch {
	case ev.ID == "":
		rep.Skip(CheckSubject, i, "no id was given, so whom the entry is about was not checked")
	case shown != "" && shown != ev.ID:
		rep.Fail(&Failure{Check: CheckSubject, Index: i, Expected: "an entry about the person whose id you gave",
			Found:   "an entry about another person",
			Meaning: "another person's entry is shown to you as this person's"})
	default:
		under(CheckSubject, ev.ID).check(rep, "filed under the person whose id you gave")
	}
}

// ParseOpening parses an opening file. Flags and Received, which nothing proves, must be
// well-formed. An error is a *Failure.
func ParseOpening(data []byte) (*bundle.Opening, error) {
	o, err := bundle.ParseOpening(data)
	if err != nil {
		return nil, failure(err, nil, CheckOpeningForm)
	}
	bad := func(what string) error {
		return &Failure{Check: CheckOpeningForm, Index: At(o.Index), Expected: what, Found: "something else",
			Meaning: "the opening was damaged or altered"}
	}
	for n, f := range o.Flags { // one that is not known is of a newer ledger
		if f == "" || !wire.Plain(string(f), 64) {
			return nil, bad(fmt.Sprintf("1 to 64 bytes of text as flag %d", n))
		}
	}
	if _, err := entry.ParseTime(o.Received); o.Received != "" && err != nil {
		return nil, bad("an RFC 3339 time of receipt")
	}
	return o, nil
}
