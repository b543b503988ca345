package verifier

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// EntryEvidence is what an opening is checked with. All but ID, Register and LoggedHash are needed.
type EntryEvidence struct {
	Opening    *bundle.Opening
	Leaf       []byte      // the leaf at Opening.Index, from the log
	Path       []wire.Hash // its inclusion path under Checkpoint, see InclusionPath
	Checkpoint proof.Checkpoint
	Log        note.Verifier
	Genesis    *entry.Genesis
	Register   *register.Register // as it stood at Opening.Index, from a LogReplay; nil: signature and key status are not checked
	ID         string             // the person the caller means, from the caller, never from the opening; "" if not said
	LoggedHash wire.Hash          // what the log's hash tile has for the leaf: tells an exchanged leaf from a false place; zero if unknown
}

// CheckEntry checks that an opening shows what is in the log. It stops an operator from showing an entry that was never logged
// or another than was logged (commitments, inclusion), one that no organisation signed or whose key was not valid (signature,
// key status), somebody else's access as yours (subject) or one it filed under somebody else (filing). The entry is returned if
// it decodes at all, so that it can be looked at even when a check failed.
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

// OpenLeaf checks that an opening belongs to leaf, which the caller has from the log: both commitments, and an entry about a
// person inside whose disclosures are its own. Signature, filing and inclusion are not checked. An error is a *Failure.
func OpenLeaf(o *bundle.Opening, leaf []byte) (*entry.Entry, error) {
	var rep Report
	e := openLeaf(&rep, o, leaf)
	if err := rep.Err(); err != nil {
		return nil, err
	}
	return e, nil
}

// openLeaf returns the entry of an opening even if it is not that of the leaf, and nil if there is nothing to read.
func openLeaf(rep *Report, o *bundle.Opening, leaf []byte) *entry.Entry {
	i := At(o.Index)
	l, err := proof.ParseLeaf(leaf)
	if err == nil && l.Public {
		err = &Failure{Check: CheckLeafForm, Index: i, Expected: "a sealed leaf", Found: "a public one",
			Meaning: "the opening is of another entry than it says", Err: wire.BadLeaf}
	}
	if err != nil {
		rep.Fail(asFailure(err, i, CheckLeafForm))
		return nil
	}
	rep.Pass(CheckLeafForm, i, "sealed leaf")
	commitment{CheckTagCommitment, i, proof.TagCommit(o.TagSalt, o.Tag), l.TagCommit}.check(rep,
		"the entry belongs to somebody else's history than the opening says")
	commitment{CheckBodyCommitment, i, proof.BodyCommit(o.BodySalt, o.JWS), l.BodyCommit}.check(rep,
		"you are shown another content than what was logged")
	e, f := parseSealed(o)
	if f != nil {
		rep.Fail(f)
		return nil
	}
	rep.Pass(CheckDisclosures, i, "%d shown, each signed as part of the entry", len(e.Disclosures))
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
		return nil, &Failure{Check: CheckLeafForm, Index: i, Expected: "an entry about a person", Found: "an entry of type " + string(e.Type),
			Meaning: "the operator hides what must be public", Err: wire.BadLeaf}
	}
	return e, nil
}

// checkPerson checks under whom the entry is filed: its own sub (the operator's honesty) and the caller's id (that it is about
// the person whom the caller means).
func checkPerson(rep *Report, ev EntryEvidence, e *entry.Entry, i *uint64) {
	shown := e.ShownSub()
	under := func(name Check, id string) filing {
		return filing{name, i, ev.Genesis.VRFKey, ev.Log.Name(), id, ev.Opening.Tag, ev.Opening.VRFProof}
	}
	if shown == "" {
		rep.Skip(CheckFiling, i, "the opening does not say whom the entry is about")
	} else {
		under(CheckFiling, shown).check(rep, "filed under the person the entry itself names")
	}
	switch {
	case ev.ID == "":
		rep.Skip(CheckSubject, i, "no id was given, so it was not checked that the entry is about the person you mean")
	case shown != "" && shown != ev.ID:
		rep.Fail(&Failure{Check: CheckSubject, Index: i, Expected: "an entry about the person whose id you gave",
			Found:   "an entry about somebody else",
			Meaning: "you are shown another person's entry as this one's"})
	default:
		under(CheckSubject, ev.ID).check(rep, "filed under the person whose id you gave")
	}
}

// ParseOpening reads an opening file; a failure is a *Failure. Flags and Received, which nothing proves, must at least be well-formed.
func ParseOpening(data []byte) (*bundle.Opening, error) {
	o, err := bundle.ParseOpening(data)
	if err != nil {
		return nil, failure(err, nil, CheckOpeningForm)
	}
	bad := func(what string) error {
		return &Failure{Check: CheckOpeningForm, Index: At(o.Index), Expected: what, Found: "something else",
			Meaning: "the opening was damaged or altered"}
	}
	for n, f := range o.Flags { // they are not proved, but one that does not exist shows tampering
		if !slices.Contains(entry.Flags(), f) {
			return nil, bad(fmt.Sprintf("a known remark as flag %d", n))
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, o.Received); o.Received != "" && err != nil {
		return nil, bad("an RFC 3339 time of receipt")
	}
	return o, nil
}
