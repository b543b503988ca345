package auditor

import (
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// EvidenceFormat names this version of Evidence.
const EvidenceFormat = "igverify-evidence/1"

// Evidence is a finding as a file that convinces whoever holds the log's verifier key and trusts neither operator nor auditor. CheckEvidence checks it.
// Nothing in it is about a person: a leaf hides whom and what it is about.
type Evidence struct {
	Format      string         `json:"format"`
	LogKey      string         `json:"logKey"` // to know which log it is about; who checks takes the key from elsewhere
	Check       verifier.Check `json:"check"`
	Index       *uint64        `json:"index,omitempty"`
	Expected    string         `json:"expected"`
	Found       string         `json:"found"`
	Meaning     string         `json:"meaning"`
	Checkpoints []string       `json:"checkpoints,omitempty"` // signed notes, the earlier one first, that contradict each other
	Root        *wire.Hash     `json:"root,omitempty"`        // of the log of the later one when it had the size of the earlier one
	Consistency []wire.Hash    `json:"consistency,omitempty"` // RFC 6962 proof of that
	Leaf        wire.Bytes     `json:"leaf,omitempty"`        // the leaf at Index
	Proof       string         `json:"proof,omitempty"`       // tlog-proof@v1 of it, with a signed checkpoint
	Own         *wire.Hash     `json:"own,omitempty"`         // index root that the leaf should have stated
}

func evidence(vkey string, f *verifier.Failure) Evidence {
	return Evidence{Format: EvidenceFormat, LogKey: vkey, Check: f.Check, Index: f.Index, Expected: f.Expected, Found: f.Found, Meaning: f.Meaning}
}

// EvidenceOfLeaf shows that the leaf a finding is about stands in the log: path is its inclusion path under the signed checkpoint.
func EvidenceOfLeaf(vkey string, f Finding, leaf []byte, path []wire.Hash, signed []byte) Evidence {
	ev := evidence(vkey, f.Failure)
	ev.Leaf, ev.Own = leaf, f.Own
	ev.Proof = string(proof.Inclusion{Index: *f.Index, Hashes: path, Checkpoint: signed}.Marshal())
	return ev
}

// EvidenceOfFork puts two signed notes side by side, with the proof that they contradict each other if tiles, which are the later one's, give it.
func EvidenceOfFork(vkey string, f *verifier.Failure, earlier, later []byte, log note.Verifier, tiles verifier.TileFunc) Evidence {
	ev := evidence(vkey, f)
	ev.Checkpoints = []string{string(earlier), string(later)}
	a, errA := proof.OpenCheckpoint(earlier, log)
	b, errB := proof.OpenCheckpoint(later, log)
	if errA == nil && errB == nil && a.Size > 0 && a.Size < b.Size {
		if root, path, err := verifier.PrefixProof(tiles, a.Size, b.Size); err == nil {
			ev.Root, ev.Consistency = &root, path
		}
	}
	return ev
}

// Marshal writes the file.
func (ev Evidence) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(ev, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing evidence: %w", err)
	}
	return append(b, '\n'), nil
}

// maxEvidence bounds a file of evidence.
const maxEvidence = 1 << 20

// CheckEvidence checks a file of evidence with the log's key alone. What it establishes, and what remains to be recomputed by somebody with the audit
// feed, is in the report; a failure in it means that the file does not prove what it says.
func CheckEvidence(data []byte, vkey string) verifier.Report {
	var rep verifier.Report
	bad := func(c verifier.Check, index *uint64, expected, found string) verifier.Report {
		rep.Fail(&verifier.Failure{Check: c, Index: index, Expected: expected, Found: found, Meaning: "this file proves nothing against the operator: it was altered, or made by somebody who errs"})
		return rep
	}
	var ev Evidence
	if len(data) > maxEvidence {
		return bad(verifier.CheckEvidenceForm, nil, fmt.Sprintf("at most %d bytes", maxEvidence), fmt.Sprint(len(data)))
	}
	if err := wire.DecodeJSON("evidence", data, &ev); err != nil {
		return bad(verifier.CheckEvidenceForm, nil, "a file of evidence", err.Error())
	}
	log, err := verifier.LogKey(vkey)
	if err != nil || ev.Format != EvidenceFormat {
		return bad(verifier.CheckEvidenceForm, nil, "format "+EvidenceFormat+" and a log's verifier key", "another format, or no key")
	}
	switch {
	case len(ev.Checkpoints) == 2:
		checkFork(&rep, ev, log, bad)
	case ev.Proof != "":
		checkLeaf(&rep, ev, log, bad)
	default:
		return bad(verifier.CheckEvidenceForm, nil, "two checkpoints, or a leaf with its proof", "neither")
	}
	return rep
}

func checkFork(rep *verifier.Report, ev Evidence, log note.Verifier, bad func(verifier.Check, *uint64, string, string) verifier.Report) {
	var heads [2]proof.Checkpoint
	for i, signed := range ev.Checkpoints {
		head, err := verifier.OpenCheckpoint([]byte(signed), log)
		if err != nil {
			bad(verifier.CheckCheckpointSignature, nil, "two checkpoints that the log signed", "one that it did not")
			return
		}
		heads[i] = head
	}
	a, b := heads[0], heads[1]
	rep.Pass(verifier.CheckCheckpointSignature, nil, "the log signed both: sizes %d and %d", a.Size, b.Size)
	switch {
	case a.Size == b.Size && a.Root != b.Root:
		rep.Pass(verifier.CheckConsistent, nil, "convicted: two roots for one size")
	case ev.Root != nil && verifier.CheckPrefix(a.Size, *ev.Root, ev.Consistency, b) == nil && *ev.Root != a.Root:
		rep.Pass(verifier.CheckConsistent, nil, "convicted: the later log did not have the earlier one's root at its size")
	case b.Size < a.Size:
		rep.Skip(verifier.CheckConsistent, nil, "the auditor says that it was shown the smaller one after the larger: two signatures cannot show the order")
	default:
		bad(verifier.CheckConsistent, nil, "two checkpoints that contradict each other", "two that may well be of one log")
	}
}

func checkLeaf(rep *verifier.Report, ev Evidence, log note.Verifier, bad func(verifier.Check, *uint64, string, string) verifier.Report) {
	p, err := proof.ParseInclusion([]byte(ev.Proof))
	if err == nil {
		_, err = verifier.VerifyProof(p, ev.Leaf, log)
	}
	if err != nil || ev.Index == nil || p.Index != *ev.Index {
		bad(verifier.CheckInclusion, ev.Index, "a proof that this leaf stands in the log", "none that holds")
		return
	}
	rep.Pass(verifier.CheckInclusion, ev.Index, "this leaf stands in the log, under a checkpoint that the log signed")
	leaf, err := proof.ParseLeaf(ev.Leaf)
	var e *entry.Entry
	if err == nil && leaf.Public {
		e, err = leaf.Entry()
	}
	if err != nil {
		rep.Pass(ev.Check, ev.Index, "convicted: it is no leaf that a log may hold: %v", err)
		return
	}
	root, _ := bodyOf(e).(*entry.IndexRoot)
	switch {
	case ev.Own != nil && (root == nil || root.Root == *ev.Own):
		bad(verifier.CheckIndexRoot, ev.Index, "an index root other than the auditor's own", "no index root, or the same")
	case root != nil && root.Size > *ev.Index:
		rep.Pass(verifier.CheckIndexRoot, ev.Index, "convicted: it covers what comes after it")
	case ev.Own != nil:
		rep.Pass(verifier.CheckIndexRoot, ev.Index, "the operator states index root %x over the entries below %d; the auditor computed %x", root.Root, root.Size, *ev.Own)
		rep.Skip(verifier.CheckIndexRoot, ev.Index, "which of the two is right shows who recomputes it from the entries and the audit feed, as any other auditor can")
	case ev.Check == verifier.CheckRules:
		rep.Skip(ev.Check, ev.Index, "whether the state of agreements, requests and policies allows this entry shows who replays the public entries before it")
	default:
		rep.Skip(ev.Check, ev.Index, "whether the register's rules allow this entry shows who replays the log before it: igverify log")
	}
}

func bodyOf(e *entry.Entry) entry.Body {
	if e == nil {
		return nil
	}
	return e.Body
}
