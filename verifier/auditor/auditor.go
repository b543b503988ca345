// Package auditor recomputes what an operator states of its log: from the leaves and the audit feed it makes the subject index anew, and holds every index root
// in the log against its own.
//
// It promises: when Add has found nothing up to a size, and the root of LogReplay is that of a signed checkpoint, then all leaves below are well-formed, every public entry
// was made by who might make it, every sealed leaf is filed under the tag it is committed to, every index root is that of the leaves it covers, and Behind says whether
// the newest covers enough. That is what an auditor's cosignature states (docs/FORMATS.md, section 13).
//
// It does not promise that a leaf is filed under the right person: which tag a person has only sources and citizens can check, and auditors by samples (Sample,
// CheckOpening). Nor that a source reported everything: see verifier.Sources.
//
// With the openings of all sealed leaves Verdicts computes what policy says of each access again, beside an Auditor.
//
// It is pure: no network and no clock. Memory: 130 bytes a history, and 96 for each leaf that no index root covers yet.
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

// Auditor takes all leaves of a log in order, each with its record of the audit feed. It is for one goroutine.
type Auditor struct {
	// OnPublic, unless nil, gets each public entry that passed, for further checks.
	OnPublic func(index uint64, e *entry.Entry)

	replay  *verifier.LogReplay
	tree    *index.Tree        // over the leaves below covered
	covered uint64             // M of the newest index root; 0: there is none
	root    uint64             // its position
	roots   uint64             // how many were met
	longest uint64             // greatest lag at any size
	late    uint64             // greatest lag since one was too great; 0: it is not now
	tail    []index.Filed      // leaves from covered on; a zero K: a leaf so wrong that it has no history
	frozen  *register.Register // as the register is now, never changed; nil: to be made
}

// Finding is something wrong with the log itself, not with how it was read.
type Finding struct {
	*verifier.Failure
	Convicts bool       // the operator signed a falsehood, and nothing it does later mends it. Else it is bad now, and may be good again
	Own      *wire.Hash // of a wrong index root: what it should have been
}

// maxTail bounds the leaves that wait for an index root: 1.6 GB.
const maxTail = 1 << 24

// ErrTooFar says that so many leaves wait for an index root that memory would not do.
var ErrTooFar = errors.New("too many entries without an index root")

// New begins at leaf 0 of the log whose checkpoints vkey verifies.
func New(vkey string) (*Auditor, error) {
	replay, err := verifier.NewLogReplay(vkey)
	if err != nil {
		return nil, err
	}
	return &Auditor{replay: replay, tree: index.New()}, nil
}

// Replay is the log as it was replayed so far. Leaves are added by Add only.
func (a *Auditor) Replay() *verifier.LogReplay { return a.replay }

// Size is the number of leaves taken.
func (a *Auditor) Size() uint64 { return a.replay.Size() }

// Stats are numbers for reports.
type Stats struct {
	Size      uint64 `json:"size"`      // leaves taken
	Covered   uint64 `json:"covered"`   // M of the newest index root
	RootIndex uint64 `json:"rootIndex"` // its position; 0: none
	Roots     uint64 `json:"roots"`     // index roots met
	Lag       uint64 `json:"lag"`       // leaves that no root covers
	Longest   uint64 `json:"longestLag"`
	Histories int    `json:"histories"` // in the index at Covered
}

// Stats gives the numbers.
func (a *Auditor) Stats() Stats {
	return Stats{a.Size(), a.covered, a.root, a.roots, a.lag(), a.longest, a.tree.Len()}
}

func (a *Auditor) lag() uint64 { return a.Size() - a.covered }

// Add takes the next leaf with its record. A record that does not open the leaf is the error, a *verifier.Failure: it says nothing of the log, changes nothing, and may be
// asked for again. What is wrong with the log is found: the leaf then counts as it stands, so that one wrong leaf does not hide another.
func (a *Auditor) Add(leaf []byte, rec proof.FeedRecord) (found []Finding, err error) {
	at := a.Size()
	if len(a.tail) == maxTail {
		return nil, fmt.Errorf("%w: %d", ErrTooFar, maxTail)
	}
	parsed, formErr := proof.ParseLeaf(leaf)
	if formErr == nil {
		if err := rec.Check(parsed, at); err != nil {
			return nil, &verifier.Failure{Check: verifier.CheckTagCommitment, Index: verifier.At(at), Expected: "a feed record that opens the leaf", Found: "another one", Err: err,
				Meaning: "the operator gives auditors another link than the one that the leaf is committed to: with it the subject index cannot be made, and nothing be said of its roots"}
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

// Register is the register after the leaves so far, which later ones do not change: roles come and go, and an entry is judged by those of its place.
func (a *Auditor) Register() *register.Register {
	if a.frozen == nil {
		a.frozen = a.replay.Register().Clone()
	}
	return a.frozen
}

// public looks at a public entry that is well-formed and by who might make it.
func (a *Auditor) public(at uint64, e *entry.Entry) (found []Finding) {
	if a.OnPublic != nil {
		a.OnPublic(at, e)
	}
	if root, ok := e.Body.(*entry.IndexRoot); ok {
		return a.check(at, root)
	}
	return nil
}

// allowed is the longest lag, or the greatest number before the genesis.
func (a *Auditor) allowed() uint64 {
	if g := a.replay.Register().Genesis; g != nil {
		return g.IndexLag
	}
	return ^uint64(0)
}

// check holds an index root against the leaves it covers, and moves the tree there, whether it is right or not.
func (a *Auditor) check(at uint64, r *entry.IndexRoot) (found []Finding) {
	a.roots++
	if r.Size < a.covered {
		return []Finding{{Convicts: true, Failure: &verifier.Failure{Check: verifier.CheckIndexRoot, Index: verifier.At(at), Expected: fmt.Sprintf("an index root over the entries below %d or more", a.covered),
			Found: fmt.Sprintf("one over those below %d", r.Size), Meaning: "the index root covers less than one before it: statements under it would leave out what earlier ones had to show", Err: wire.BadIndexRoot}}}
	}
	a.cover(r.Size)
	a.root = at
	if own := a.tree.Root(); own != r.Root {
		found = append(found, Finding{Convicts: true, Own: &own, Failure: &verifier.Failure{Check: verifier.CheckIndexRoot, Index: verifier.At(at),
			Expected: fmt.Sprintf("index root %x over the entries below %d, as they give it", own, r.Size), Found: fmt.Sprintf("%x", r.Root), Err: wire.BadIndexRoot,
			Meaning: "the operator signed a false index root: statements under it can leave out accesses. Anybody with the audit feed can recompute it"}})
	}
	if a.late > 0 && a.lag() <= a.allowed() {
		found = append(found, Finding{Failure: a.behind(a.late, "the index fell further behind than the genesis allows before this root: statements made then could leave out more than they may")})
		found[len(found)-1].Index = verifier.At(at)
		a.late = 0
	}
	return found
}

// cover files the leaves below size, of which the tail holds those from covered on.
func (a *Auditor) cover(size uint64) {
	n := size - a.covered
	filed := make([]index.Filed, 0, n)
	for _, w := range a.tail[:n] {
		if w.K != (wire.Hash{}) { // else it belongs to no history: it was found to be no entry
			filed = append(filed, w)
		}
	}
	a.tree.Add(filed)
	a.covered = size
	a.tail = append([]index.Filed(nil), a.tail[n:]...)
}

// Behind is the finding that the index is too far behind the leaves taken so far, or nil. A checkpoint of this size must not be cosigned then.
func (a *Auditor) Behind() *Finding {
	if a.lag() <= a.allowed() {
		return nil
	}
	return &Finding{Failure: a.behind(a.lag(), "the newest index root leaves out more than it may: what came since is not in proofs of completeness")}
}

func (a *Auditor) behind(lag uint64, meaning string) *verifier.Failure {
	return &verifier.Failure{Check: verifier.CheckIndexLag, Expected: fmt.Sprintf("an index root at most %d entries behind, as the genesis promises", a.allowed()),
		Found: fmt.Sprintf("%d behind", lag), Meaning: meaning}
}
