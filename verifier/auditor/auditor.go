// Package auditor recomputes what an operator states about its log. It builds the subject index
// from the leaves and the audit feed, and compares every index root in the log with its own.
//
// It promises: if Add has found nothing up to a size, and the root of the LogReplay is that of a
// signed checkpoint, then all leaves below that size are well-formed, every public entry is signed
// by an organisation that may make it, every sealed leaf is filed under the tag it is committed to,
// and every index root is that of the leaves it covers. Behind says whether the newest root covers
// enough. This is what an auditor's cosignature states (docs/FORMATS.md, section 13).
//
// It does not promise that a leaf is filed under the right person. Only sources and citizens can
// check which tag a person has, and auditors by samples (Sample, CheckOpening). It does not promise
// that a source reported everything either: see verifier.Sources.
//
// With the openings of all sealed leaves, Verdicts runs beside an Auditor and computes the verdict
// of each access again.
//
// The package is pure: it uses no network and no clock. It takes 130 bytes of memory for each
// history, and 96 for each leaf that no index root covers yet.
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
	// OnPublic, unless nil, is called with each public entry that passed, for further checks.
	OnPublic func(index uint64, e *entry.Entry)

	replay  *verifier.LogReplay
	tree    *index.Tree        // over the leaves below covered
	covered uint64             // M of the newest index root; 0 if there is none
	root    uint64             // index of that root
	roots   uint64             // number of index roots so far
	longest uint64             // greatest lag at any size
	late    uint64             // greatest lag since the lag became too great; 0 if it is not
	tail    []index.Filed      // leaves from covered on; K is zero if a leaf is so wrong that it has no history
	frozen  *register.Register // copy of the current register that never changes; nil if it must be made
}

// Finding is something wrong with the log itself, not with how it was read.
type Finding struct {
	*verifier.Failure

	// Convicts means that the operator signed something false, which nothing it does later can
	// repair. Otherwise the log is wrong now, and may become right again.
	Convicts bool

	Own *wire.Hash // what a wrong index root should have been; else nil
}

// maxTail bounds the leaves that wait for an index root, which then take 1.6 GB.
const maxTail = 1 << 24

// ErrTooFar says that too many leaves wait for an index root to be held in memory.
var ErrTooFar = errors.New("too many entries without an index root")

// New returns an Auditor that begins at leaf 0. vkey is the verifier key of the log's checkpoints.
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

// Stats are numbers for reports.
type Stats struct {
	Size      uint64 `json:"size"`      // leaves taken
	Covered   uint64 `json:"covered"`   // M of the newest index root
	RootIndex uint64 `json:"rootIndex"` // index of that root; 0 if there is none
	Roots     uint64 `json:"roots"`     // number of index roots
	Lag       uint64 `json:"lag"`       // leaves that no root covers
	Longest   uint64 `json:"longestLag"`
	Histories int    `json:"histories"` // in the index at Covered
}

// Stats returns the numbers.
func (a *Auditor) Stats() Stats {
	return Stats{
		Size: a.Size(), Covered: a.covered, RootIndex: a.root, Roots: a.roots,
		Lag: a.lag(), Longest: a.longest, Histories: a.tree.Len(),
	}
}

func (a *Auditor) lag() uint64 { return a.Size() - a.covered }

// Add takes the next leaf with its record. If the record does not open the leaf, Add changes
// nothing and returns a *verifier.Failure as the error: it says nothing about the log, and the
// caller may ask for the record again. Whatever is wrong with the log is in found. Such a leaf is
// taken as it is, so that one wrong leaf does not hide another.
func (a *Auditor) Add(leaf []byte, rec proof.FeedRecord) (found []Finding, err error) {
	at := a.Size()
	if len(a.tail) == maxTail {
		return nil, fmt.Errorf("%w: %d", ErrTooFar, maxTail)
	}
	parsed, formErr := proof.ParseLeaf(leaf)
	if formErr == nil {
		if err := rec.Check(parsed, at); err != nil {
			return nil, &verifier.Failure{Check: verifier.CheckTagCommitment, Index: verifier.At(at), Err: err,
				Expected: "a feed record that opens the leaf",
				Found:    "one that does not",
				Meaning: "the operator gave auditors a link that is not the one the leaf is committed to: " +
					"with it the subject index cannot be built, and its roots cannot be checked"}
		}
	}
	w := index.Filed{Index: at, LeafHash: proof.LeafHash(leaf)}
	var e *entry.Entry
	if formErr == nil && parsed.Public {
		e, _ = parsed.Entry()
		if e != nil {
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
// change: roles come and go, and an entry is judged by the roles at its own index. The caller must
// not modify it.
func (a *Auditor) Register() *register.Register {
	if a.frozen == nil {
		a.frozen = a.replay.Register().Clone()
	}
	return a.frozen
}

// public checks a public entry that is well-formed and signed by an organisation that may make it.
func (a *Auditor) public(at uint64, e *entry.Entry) (found []Finding) {
	if a.OnPublic != nil {
		a.OnPublic(at, e)
	}
	if root, ok := e.Body.(*entry.IndexRoot); ok {
		return a.check(at, root)
	}
	return nil
}

// allowed returns the longest lag that the genesis allows, or the greatest number before the
// genesis.
func (a *Auditor) allowed() uint64 {
	if g := a.replay.Register().Genesis; g != nil {
		return g.IndexLag
	}
	return ^uint64(0)
}

// check compares an index root with the leaves it covers. Right or wrong, it moves the tree to the
// size of the root.
func (a *Auditor) check(at uint64, r *entry.IndexRoot) (found []Finding) {
	a.roots++
	if r.Size < a.covered {
		return []Finding{{Convicts: true, Failure: &verifier.Failure{
			Check: verifier.CheckIndexRoot, Index: verifier.At(at), Err: wire.BadIndexRoot,
			Expected: fmt.Sprintf("an index root over the entries below %d or more", a.covered),
			Found:    fmt.Sprintf("one over the entries below %d", r.Size),
			Meaning: "the index root covers less than an earlier one: " +
				"statements under it would leave out what earlier statements had to show"}}}
	}
	a.cover(r.Size)
	a.root = at
	if own := a.tree.Root(); own != r.Root {
		found = append(found, Finding{Convicts: true, Own: &own, Failure: &verifier.Failure{
			Check: verifier.CheckIndexRoot, Index: verifier.At(at), Err: wire.BadIndexRoot,
			Expected: fmt.Sprintf("index root %x, computed from the entries below %d", own, r.Size),
			Found:    fmt.Sprintf("%x", r.Root),
			Meaning: "the operator signed a false index root: statements under it can leave out accesses. " +
				"Anyone with the audit feed can recompute it"}})
	}
	if a.late > 0 && a.lag() <= a.allowed() {
		f := a.behind(a.late, "the index fell further behind than the genesis allows before this root: "+
			"statements made then could leave out more than allowed")
		f.Index = verifier.At(at)
		found = append(found, Finding{Failure: f})
		a.late = 0
	}
	return found
}

// cover adds to the tree the leaves below size that it does not have: the first of the tail.
func (a *Auditor) cover(size uint64) {
	n := size - a.covered
	filed := make([]index.Filed, 0, n)
	for _, w := range a.tail[:n] {
		if w.K != (wire.Hash{}) { // zero: the leaf was found not to be an entry, and has no history
			filed = append(filed, w)
		}
	}
	a.tree.Add(filed)
	a.covered = size
	a.tail = append([]index.Filed(nil), a.tail[n:]...)
}

// Behind returns a finding if the index is too far behind the leaves taken so far, and nil
// otherwise. A checkpoint of a size with such a finding must not be cosigned.
func (a *Auditor) Behind() *Finding {
	if a.lag() <= a.allowed() {
		return nil
	}
	return &Finding{Failure: a.behind(a.lag(), "the newest index root leaves out more than allowed: "+
		"proofs of completeness do not cover the newest entries")}
}

func (a *Auditor) behind(lag uint64, meaning string) *verifier.Failure {
	entries := "entries"
	if a.allowed() == 1 {
		entries = "entry"
	}
	return &verifier.Failure{Check: verifier.CheckIndexLag,
		Expected: fmt.Sprintf("an index root at most %d %s behind, as the genesis promises", a.allowed(), entries),
		Found:    fmt.Sprintf("%d behind", lag),
		Meaning:  meaning}
}
