package auditor

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
	"igledger/verifier"
)

// EvidenceFormat is the name of this version of Evidence.
const EvidenceFormat = "igverify-evidence/1"

// Evidence is a finding as a file. It convinces anyone who holds the log's verifier key, even if
// they trust neither operator nor auditor. CheckEvidence checks it. It contains nothing about a
// person: a leaf hides whom and what it is about.
type Evidence struct {
	Format      string         `json:"format"`
	LogKey      string         `json:"logKey"` // names the log; the checker has the key from elsewhere
	Check       verifier.Check `json:"check"`
	Index       *uint64        `json:"index,omitempty"`
	Expected    string         `json:"expected"`
	Found       string         `json:"found"`
	Meaning     string         `json:"meaning"`
	Checkpoints []string       `json:"checkpoints,omitempty"` // contradictory signed notes, the earlier one first
	Root        *wire.Hash     `json:"root,omitempty"`        // the later log's root at the size of the earlier one
	Consistency []wire.Hash    `json:"consistency,omitempty"` // RFC 6962 proof of that root
	Leaf        wire.Bytes     `json:"leaf,omitempty"`        // the leaf at Index
	Proof       string         `json:"proof,omitempty"`       // its tlog-proof@v1, with a signed checkpoint
	Own         *wire.Hash     `json:"own,omitempty"`         // the index root that the leaf should have stated

	// Leaf 0, and its tlog-proof@v1 under a checkpoint of this file: for readers who know the log by
	// the hash of its genesis.
	Genesis      wire.Bytes `json:"genesis,omitempty"`
	GenesisProof string     `json:"genesisProof,omitempty"`
}

// WithGenesis returns the evidence with leaf 0 of the log and its inclusion path under the signed
// checkpoint, which is one of the evidence's own.
func (ev Evidence) WithGenesis(leaf []byte, path []wire.Hash, signed []byte) Evidence {
	ev.Genesis = leaf
	ev.GenesisProof = string(proof.Inclusion{Index: 0, Hashes: path, Checkpoint: signed}.Marshal())
	return ev
}

// signed returns the signed notes on which the evidence rests.
func (ev Evidence) signed() []string {
	if len(ev.Checkpoints) == 2 {
		return ev.Checkpoints
	}
	if p, err := proof.ParseInclusion([]byte(ev.Proof)); err == nil {
		return []string{string(p.Checkpoint)}
	}
	return nil
}

func evidence(vkey string, f *verifier.Failure) Evidence {
	return Evidence{
		Format:   EvidenceFormat,
		LogKey:   vkey,
		Check:    f.Check,
		Index:    f.Index,
		Expected: f.Expected,
		Found:    f.Found,
		Meaning:  f.Meaning,
	}
}

// EvidenceOfLeaf returns evidence that the leaf of a finding is in the log. path is its inclusion
// path under the signed checkpoint.
func EvidenceOfLeaf(vkey string, f Finding, leaf []byte, path []wire.Hash, signed []byte) Evidence {
	ev := evidence(vkey, f.Failure)
	ev.Leaf, ev.Own = leaf, f.Own
	ev.Proof = string(proof.Inclusion{Index: *f.Index, Hashes: path, Checkpoint: signed}.Marshal())
	return ev
}

// EvidenceOfFork returns evidence that consists of two signed notes and, if it can be built from
// tiles, the proof that they contradict each other. tiles are those of the later note.
func EvidenceOfFork(
	vkey string, f *verifier.Failure, earlier, later []byte, log note.Verifier, tiles verifier.TileFunc,
) Evidence {
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

// Marshal returns the file.
func (ev Evidence) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(ev, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing evidence: %w", err)
	}
	return append(b, '\n'), nil
}

// maxEvidence bounds a file of evidence.
const maxEvidence = 1 << 20

// CheckEvidence checks a file of evidence with only the log's key. The report has no failure if,
// and only if, the file convicts the operator on its own. A failure says that it proves nothing on
// its own, and, if it accuses the operator of what only a replay of the log shows, how to find out.
func CheckEvidence(data []byte, vkey string) verifier.Report {
	var rep verifier.Report
	bad := func(c verifier.Check, index *uint64, expected, found string) verifier.Report {
		rep.Fail(&verifier.Failure{Check: c, Index: index, Expected: expected, Found: found,
			Meaning: "this file proves nothing against the operator: it was altered, or made in error"})
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
		return bad(verifier.CheckEvidenceForm, nil, "format "+EvidenceFormat+" and a log's verifier key",
			"another format, or no key")
	}
	if !slices.Contains(accusations, ev.Check) {
		return bad(verifier.CheckEvidenceForm, nil, "a check that an auditor makes", "another one")
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

// CheckEvidenceUnder is CheckEvidence for readers who ask for more than the log's key. If the
// policy asks for cosigners, a checkpoint of the file must carry the quorum, one of the two if they
// contradict each other: whoever has the log's key can make up a log that nobody saw, and accuse
// its operator with it. If genesis is not nil, the file must show that the log begins with the leaf
// of this hash. The policy must name exactly one log, by a key that its genesis can name.
func CheckEvidenceUnder(data []byte, policy *verifier.Policy, genesis *wire.Hash, now time.Time) verifier.Report {
	var ev Evidence
	unread := wire.DecodeJSON("evidence", data, &ev)
	var log cosign.LogKey
	for _, k := range policy.Logs[0].GenesisKeys() {
		if log.VKey == "" || k.VKey == ev.LogKey {
			log = k
		}
	}
	rep := CheckEvidence(data, log.VKey)
	if unread != nil || log.VKey == "" {
		return rep // it says so
	}
	var heads []proof.Checkpoint
	seconded := false
	for _, signed := range ev.signed() {
		head, err := verifier.OpenCheckpoint([]byte(signed), log)
		if err != nil {
			return rep
		}
		heads = append(heads, head)
		seconded = seconded || verifier.Seconded([]byte(signed), head, policy, now)
	}
	switch {
	case policy.AsksNobody():
		rep.Skip(verifier.CheckQuorum, nil, "signed by the log only, nobody else vouches")
	case seconded:
		rep.Pass(verifier.CheckQuorum, nil, "a checkpoint of the file is cosigned by %s", policy.Quorum().Want())
	default:
		rep.Fail(&verifier.Failure{Check: verifier.CheckQuorum,
			Expected: "a checkpoint cosigned by " + policy.Quorum().Want(), Found: "none",
			Meaning: "nobody whom you trust saw the log that this file is about: whoever has the log's key can have made it " +
				"up. To judge the file by that key alone, give --log-key instead of --policy"})
	}
	if genesis != nil {
		checkBeginning(&rep, ev, log, *genesis, heads)
	}
	return rep
}

// checkBeginning checks that the log of the evidence begins with the leaf of this hash.
func checkBeginning(rep *verifier.Report, ev Evidence, log note.Verifier, want wire.Hash, heads []proof.Checkpoint) {
	p, err := proof.ParseInclusion([]byte(ev.GenesisProof))
	var head proof.Checkpoint
	if err == nil {
		head, err = verifier.VerifyProof(p, ev.Genesis, log)
	}
	if err != nil || p.Index != 0 || !slices.Contains(heads, head) {
		rep.Fail(&verifier.Failure{Check: verifier.CheckGenesisLeaf, Index: verifier.At(0),
			Expected: "leaf 0, with a proof under a checkpoint of the file", Found: "no such proof",
			Meaning: "the file does not show how the log that it is about began, so that it may be another log than yours"})
		return
	}
	var f *verifier.Failure
	if errors.As(verifier.CheckGenesisHash(ev.Genesis, want), &f) {
		rep.Fail(f)
		return
	}
	rep.Pass(verifier.CheckGenesisLeaf, verifier.At(0), "the log begins with the genesis that you know")
}

// accusations are the checks whose failure an auditor keeps as evidence.
var accusations = []verifier.Check{
	verifier.CheckConsistent, verifier.CheckIndexRoot, verifier.CheckLeafForm, verifier.CheckEntryForm,
	verifier.CheckGenesisLeaf, verifier.CheckDuplicate, verifier.CheckAudience, verifier.CheckSignature,
	verifier.CheckKeyStatus, verifier.CheckAuthority, verifier.CheckRegister, verifier.CheckRules,
}

// unproved records that the file accuses the operator of something that it does not prove on its
// own.
func unproved(rep *verifier.Report, c verifier.Check, index *uint64, found, how string) {
	rep.Fail(&verifier.Failure{Check: c, Index: index, Expected: "a file that convicts the operator on its own", Found: found,
		Meaning: "on its own this file proves nothing: " + how})
}

// reject records that evidence does not pass a check, and returns the report.
type reject func(c verifier.Check, index *uint64, expected, found string) verifier.Report

func checkFork(rep *verifier.Report, ev Evidence, log note.Verifier, bad reject) {
	var heads [2]proof.Checkpoint
	for i, signed := range ev.Checkpoints {
		head, err := verifier.OpenCheckpoint([]byte(signed), log)
		if err != nil {
			bad(verifier.CheckCheckpointSignature, nil, "two checkpoints that the log signed", "one that it did not sign")
			return
		}
		heads[i] = head
	}
	a, b := heads[0], heads[1]
	rep.Pass(verifier.CheckCheckpointSignature, nil, "the log signed both: sizes %d and %d", a.Size, b.Size)
	switch {
	case a.Size == b.Size && a.Root != b.Root:
		rep.Pass(verifier.CheckConsistent, nil, "convicted: the log signed two roots for one size")
	case ev.Root != nil && verifier.CheckPrefix(a.Size, *ev.Root, ev.Consistency, b) == nil && *ev.Root != a.Root:
		rep.Pass(verifier.CheckConsistent, nil, "convicted: the later log did not have the earlier one's root at its size")
	case b.Size < a.Size:
		unproved(rep, verifier.CheckConsistent, nil, "a smaller checkpoint that the auditor says it saw after a larger one",
			"every log signs many checkpoints, and signatures cannot prove the order in which they were shown")
	default:
		bad(verifier.CheckConsistent, nil, "two checkpoints that contradict each other", "two that may be of one log")
	}
}

func checkLeaf(rep *verifier.Report, ev Evidence, log note.Verifier, bad reject) {
	p, err := proof.ParseInclusion([]byte(ev.Proof))
	if err == nil {
		_, err = verifier.VerifyProof(p, ev.Leaf, log)
	}
	if err != nil || ev.Index == nil || p.Index != *ev.Index {
		bad(verifier.CheckInclusion, ev.Index, "a proof that this leaf is in the log", "no valid proof")
		return
	}
	rep.Pass(verifier.CheckInclusion, ev.Index, "this leaf is in the log, under a checkpoint that the log signed")
	leaf, err := proof.ParseLeaf(ev.Leaf)
	var e *entry.Entry
	if err == nil && leaf.Public {
		e, err = leaf.Entry()
	}
	if err != nil {
		rep.Pass(verifier.CheckLeafForm, ev.Index, "convicted: a log must not hold this leaf: %v", err)
		return
	}
	root, _ := bodyOf(e).(*entry.IndexRoot)
	switch {
	case ev.Own != nil && (root == nil || root.Root == *ev.Own):
		bad(verifier.CheckIndexRoot, ev.Index, "an index root other than the auditor's own", "no index root, or the same one")
	case root != nil && root.Size > *ev.Index:
		rep.Pass(verifier.CheckIndexRoot, ev.Index, "convicted: it covers entries that come after it")
	case ev.Own != nil:
		unproved(rep, verifier.CheckIndexRoot, ev.Index,
			fmt.Sprintf("the operator's index root %x over the entries below %d, and %x, which the auditor says it computed",
				root.Root, root.Size, *ev.Own),
			"to find out which of the two is right, recompute it from the entries and the audit feed, as any auditor can")
	case ev.Check == verifier.CheckRules:
		unproved(rep, ev.Check, ev.Index, "an entry that the auditor says the rules do not allow",
			"to find out whether the state of agreements, requests and policies allows it, replay the public entries before it")
	default:
		unproved(rep, ev.Check, ev.Index, "an entry that the auditor says the register does not allow",
			"to find out, replay the log before it with igverify log")
	}
}

func bodyOf(e *entry.Entry) entry.Body {
	if e == nil {
		return nil
	}
	return e.Body
}
