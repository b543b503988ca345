// Package auditor recomputes what an operator states about its log. From the leaves and the audit
// feed it builds the subject index again, and it compares every index root in the log with its own.
//
// It promises: if Add has found nothing up to a size, and the root of LogReplay is that of a signed
// checkpoint, then all leaves below that size are well-formed, every public entry was made by a
// party that was allowed to make it, every sealed leaf is filed under the tag to which it is
// committed, every index root is that of the leaves it covers, Behind says whether the newest index
// root covers enough, and Unanchored whether it is the last leaf. That is what an auditor's
// cosignature states (docs/FORMATS.md, section 13).
//
// It does not promise that a leaf is filed under the right person: which tag belongs to a person
// only sources and citizens can check, and auditors by samples (Sample, CheckOpening). Nor does it
// promise that a source reported everything: see verifier.Sources.
//
// With the openings of all sealed leaves, Verdicts computes again, next to an Auditor, what the
// policies say about each access.
//
// The package uses no network and no clock. It needs 130 bytes of memory for each history, and 96
// for each leaf that no index root covers yet.
package auditor

import (
	"errors"
	"fmt"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/index"
	"igledger/ledger/register"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// Auditor takes all leaves of a log in order, each with its record of the audit feed. It is not
// safe for concurrent use.
type Auditor struct {
	// OnPublic is called for each public entry that passed, for further checks, unless it is nil.
	OnPublic func(index uint64, e *entry.Entry)

	replay  *verifier.LogReplay
	tree    *index.Tree        // over the leaves below covered
	covered uint64             // M of the newest index root; 0: there is none
	root    uint64             // its position
	dated   uint64             // its iat
	roots   uint64             // index roots seen
	longest uint64             // greatest lag at any size
	late    uint64             // greatest lag since the lag became too great; 0: it is not too great
	tail    []index.Filed      // leaves from covered on; a leaf so wrong that it has no history has a zero K
	frozen  *register.Register // a copy of the register as it is now, which never changes; nil: not made yet
}

// Finding is something wrong with the log itself, not with how it was read.
type Finding struct {
	*verifier.Failure
	Convicts bool       // the operator signed a falsehood, and cannot put it right later; false: it may put it right
	Own      *wire.Hash // if an index root is wrong: what it should have been
}

// maxTail bounds the leaves that wait for an index root: 1.6 GB.
const maxTail = 1 << 24

// ErrTooFar says that more leaves wait for an index root than memory allows.
var ErrTooFar = errors.New("too many entries without an index root")

// New returns an Auditor that begins at leaf 0 of the log whose checkpoints vkey verifies.
func New(vkey string) (*Auditor, error) {
	replay, err := verifier.NewLogReplay(vkey)
	if err != nil {
		return nil, err
	}
	return &Auditor{replay: replay, tree: index.New()}, nil
}

// Replay returns the replay of the log so far. The caller must not add leaves to it: Add does.
func (a *Auditor) Replay() *verifier.LogReplay { return a.replay }

// Size returns the number of leaves taken.
func (a *Auditor) Size() uint64 { return a.replay.Size() }

// Stats holds numbers for reports.
type Stats struct {
	Size      uint64 `json:"size"`      // leaves taken
	Covered   uint64 `json:"covered"`   // M of the newest index root
	RootIndex uint64 `json:"rootIndex"` // its position; 0: none
	Roots     uint64 `json:"roots"`     // index roots seen
	Lag       uint64 `json:"lag"`       // leaves that no root covers
	Longest   uint64 `json:"longestLag"`
	Histories int    `json:"histories"` // in the index at Covered
}

// Stats returns numbers for reports.
func (a *Auditor) Stats() Stats {
	return Stats{a.Size(), a.covered, a.root, a.roots, a.lag(), a.longest, a.tree.Len()}
}

func (a *Auditor) lag() uint64 { return a.Size() - a.covered }

// Add takes the next leaf with its record. If the record does not open the leaf, Add returns a
// *verifier.Failure and changes nothing: that says nothing about the log, and the caller may fetch
// the record again. Anything wrong with the log is returned as a Finding; the leaf is added as it
// is, so that one wrong leaf does not hide another.
func (a *Auditor) Add(leaf []byte, rec proof.FeedRecord) (found []Finding, err error) {
	at := a.Size()
	if len(a.tail) == maxTail {
		return nil, fmt.Errorf("%w: %d", ErrTooFar, maxTail)
	}
	parsed, formErr := proof.ParseLeaf(leaf)
	if formErr == nil {
		if err := rec.Check(parsed, at); err != nil {
			return nil, &verifier.Failure{Check: verifier.CheckTagCommitment, Index: verifier.At(at),
				Expected: "a feed record that opens the leaf", Found: "a record that does not", Err: err,
				Meaning: "the operator gives auditors a link that is not the one in the leaf: without the true link the subject " +
					"index cannot be recomputed or its roots checked"}
		}
	}
	w := index.Filed{Index: at, LeafHash: proof.LeafHash(leaf)}
	var e *entry.Entry
	if formErr == nil && parsed.Public {
		if e, _ = parsed.Entry(); e != nil {
			w.History = proof.HistoryOf(e, rec.Tag)
		}
	} else if formErr == nil {
		w.History = proof.HistoryOf(nil, rec.Tag)
	}
	a.tail = append(a.tail, w)
	if err := a.replay.Add(leaf); err != nil {
		var f *verifier.Failure
		if !errors.As(err, &f) {
			return nil, err
		}
		found = append(found, Finding{Failure: f, Convicts: true})
	} else if e != nil {
		if e.Type.ChangesRegister() {
			a.frozen = nil
		}
		found = a.public(at, e)
	}
	a.longest = max(a.longest, a.lag())
	if a.late > 0 || a.lag() > a.allowed() {
		a.late = max(a.late, a.lag())
	}
	return found, nil
}

// Register returns a copy of the register after the leaves so far, which later leaves do not
// change. An entry is judged by the roles at its own index, and roles come and go. The caller must
// not modify it.
func (a *Auditor) Register() *register.Register {
	if a.frozen == nil {
		a.frozen = a.replay.Register().Clone()
	}
	return a.frozen
}

// public checks a public entry that is well-formed and was made by a party that was allowed to make
// it.
func (a *Auditor) public(at uint64, e *entry.Entry) (found []Finding) {
	if a.OnPublic != nil {
		a.OnPublic(at, e)
	}
	if root, ok := e.Body.(*entry.IndexRoot); ok {
		return append(a.checkDate(at, root), a.check(at, root)...)
	}
	return nil
}

// checkDate checks that no index root is dated before an earlier one. Statements for a period rest
// on these dates.
func (a *Auditor) checkDate(at uint64, r *entry.IndexRoot) (found []Finding) {
	iat := uint64(r.IssuedAt)
	if iat < a.dated {
		found = []Finding{{Convicts: true, Failure: &verifier.Failure{Check: verifier.CheckIndexRoot, Index: verifier.At(at),
			Expected: fmt.Sprintf("an index root dated %d or later, as the one before it", a.dated),
			Found:    fmt.Sprintf("iat %d", iat), Err: wire.BadIndexRoot,
			Meaning: "the operator dated an index root before an earlier one: statements for a period can leave out " +
				"accesses on its first or last day"}}}
	}
	a.dated = max(a.dated, iat)
	return found
}

// allowed returns the longest lag that the genesis allows, or the greatest number before the
// genesis.
func (a *Auditor) allowed() uint64 {
	if g := a.replay.Register().Genesis; g != nil {
		return g.IndexLag
	}
	return ^uint64(0)
}

// check compares an index root with the leaves it covers, and moves the tree there, whether the
// root is right or not.
func (a *Auditor) check(at uint64, r *entry.IndexRoot) (found []Finding) {
	a.roots++
	if r.Size < a.covered {
		return []Finding{{Convicts: true, Failure: &verifier.Failure{Check: verifier.CheckIndexRoot, Index: verifier.At(at),
			Expected: fmt.Sprintf("an index root over the entries below %d or more", a.covered),
			Found:    fmt.Sprintf("an index root over those below %d", r.Size), Err: wire.BadIndexRoot,
			Meaning: "the index root covers less than an earlier one: statements under it would leave out what earlier ones " +
				"had to show"}}}
	}
	a.cover(r.Size)
	a.root = at
	if own := a.tree.Root(); own != r.Root {
		found = append(found, Finding{Convicts: true, Own: &own, Failure: &verifier.Failure{
			Check: verifier.CheckIndexRoot, Index: verifier.At(at),
			Expected: fmt.Sprintf("index root %x, computed from the entries below %d", own, r.Size),
			Found:    fmt.Sprintf("%x", r.Root), Err: wire.BadIndexRoot,
			Meaning: "the operator signed a false index root: statements under it can leave out accesses. Anyone with the " +
				"audit feed can recompute it"}})
	}
	if a.late > 0 && a.lag() <= a.allowed() {
		f := a.behind(a.late, "before this root the index fell further behind than the genesis allows: statements made then "+
			"could leave out more than they may")
		f.Index = verifier.At(at)
		found = append(found, Finding{Failure: f})
		a.late = 0
	}
	return found
}

// cover adds the leaves below size to the tree. The tail holds those from covered on.
func (a *Auditor) cover(size uint64) {
	n := size - a.covered
	filed := make([]index.Filed, 0, n)
	for _, w := range a.tail[:n] {
		if w.K != (wire.Hash{}) { // otherwise it is not an entry, which was found before, and has no history
			filed = append(filed, w)
		}
	}
	a.tree.Add(filed)
	a.covered = size
	a.tail = append([]index.Filed(nil), a.tail[n:]...)
}

// Behind returns a finding if the index is too far behind the leaves taken so far, and otherwise
// nil. If it returns a finding, a checkpoint of this size must not be cosigned.
func (a *Auditor) Behind() *Finding {
	if a.lag() <= a.allowed() {
		return nil
	}
	return &Finding{Failure: a.behind(a.lag(), "the newest index root leaves out more than it may: proofs of "+
		"completeness do not cover later entries")}
}

// Unanchored returns a finding if the leaves taken so far do not end in an index root that is
// right, and otherwise nil. If it returns a finding, a checkpoint of this size must not be
// cosigned: a statement rests on the index root in which its checkpoint ends.
func (a *Auditor) Unanchored() *Finding {
	last := a.Size() - 1
	if a.roots > 0 && a.root == last {
		return nil
	}
	found := "no index root so far"
	if a.roots > 0 {
		found = fmt.Sprintf("the newest index root at entry %d", a.root)
	}
	return &Finding{Failure: &verifier.Failure{Check: verifier.CheckAnchor,
		Expected: fmt.Sprintf("an anchor: a checkpoint whose last entry, %d, is an index root", last), Found: found,
		Meaning: "the log offers a checkpoint that is no anchor. It is not cosigned, because an older index root could then be " +
			"shown under it, which leaves out newer entries"}}
}

func (a *Auditor) behind(lag uint64, meaning string) *verifier.Failure {
	return &verifier.Failure{Check: verifier.CheckIndexLag,
		Expected: fmt.Sprintf("an index root at most %d entries behind, as the genesis promises", a.allowed()),
		Found:    fmt.Sprintf("%d behind", lag), Meaning: meaning}
}
