package verifier

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// Contradiction is a receipt and a statement of one log, both signed by the operator, that cannot both be true. It is evidence: whoever holds the log's
// verifier key can check it, with igverify contradict or with code of their own, and neither the source nor the citizen can have made it up.
type Contradiction struct {
	Index     uint64
	Receipt   []byte // JSON, without what shows the content
	Statement []byte // JSON, every entry hidden and without the proof of the tag, by which an id could be found by trial
}

// CheckContradiction compares a receipt with a statement about the same person. The operator is convicted if the receipt shows a leaf that it filed under the statement's tag, that of reads of everybody's data or a linked one, below M, and the
// index root it signed has a history of that tag without that leaf. Then one of its signed words is false: the receipt's checkpoint, the statement's checkpoint or the index root
// in it. Not needed and not looked at: the id, the content of entries, cosigners. Both must prove what they say on their own, or nothing follows and the report says why.
//
// The report fails by CheckContradicted, and evidence is given, if and only if the operator is convicted.
func CheckContradiction(receipt, statement []byte, policy *Policy) (*Contradiction, Report) {
	var rep Report
	s, err := bundle.ParseStatement(statement)
	if err != nil {
		rep.Fail(failure(err, nil, CheckStatementForm))
		return nil, rep
	}
	v := &evidence{rep: &rep, doc: &s.Evidence, policy: policy}
	if v.log = policy.Log(s.Origin); v.log == nil {
		v.checkHead(time.Time{})
		return nil, rep
	}
	if v.head, err = OpenCheckpoint([]byte(s.Checkpoint), v.log.Verifier); err != nil {
		rep.Fail(asFailure(err, nil, CheckCheckpointSignature))
		return nil, rep
	}
	rep.Pass(CheckCheckpointSignature, nil, "the statement's: %s signed size %d, root %x", v.head.Origin, v.head.Size, v.head.Root)
	v.checkInclusion(s.LeafHashes())
	if !v.checkGenesis() || !v.checkIndexRoot() {
		return nil, rep
	}
	r, p := openReceipt(&rep, receipt, v.log)
	if rep.Err() != nil {
		return nil, rep
	}

	i, leaf := At(p.Index), proof.LeafHash(r.Leaf)
	var h *bundle.History
	for _, one := range s.Histories() {
		if one.Tag == *r.Tag {
			h = one
		}
	}
	if h == nil {
		rep.Skip(CheckContradicted, i, "the receipt is about another person than the statement: nothing follows")
		return nil, rep
	}
	claimed := &StatementReport{Below: v.root.Size}
	claimed.checkHistory(v, h, historyWords{"entries", "under this pseudonym", "", "nothing on record"})
	rep.Add(claimed.Report)
	if rep.Err() != nil {
		return nil, rep
	}
	if p.Index >= v.root.Size {
		rep.Skip(CheckContradicted, i, "the entry is newer than what the statement covers, entries below %d: nothing follows. Ask for a newer statement", v.root.Size)
		return nil, rep
	}
	for n := range h.Entries {
		if h.Entries[n].Index == p.Index && h.Entries[n].Hash(h.Tag) == leaf {
			rep.Pass(CheckContradicted, i, "the statement has the entry of the receipt")
			return nil, rep
		}
	}
	rep.Fail(&Failure{Check: CheckContradicted, Index: i, Expected: fmt.Sprintf("leaf %x, which the operator's receipt shows under this pseudonym, among the entries below %d", leaf, v.root.Size),
		Found:   fmt.Sprintf("an index root by the operator, at entry %d, whose history of %d entries lacks it", s.IndexRoot.Index, len(h.Entries)),
		Meaning: "the operator took an entry about this person, proved that it was logged, and then stated a history without it: one of the things it signed is false. Receipt and statement convict it before anybody who has the log's key"})
	c, err := evidenceOf(r, s, h, v.head, v.root.Size, p.Index)
	if err != nil {
		rep.Fail(failure(err, i, CheckStatementForm))
	}
	return c, rep
}

// openReceipt checks what a receipt alone proves: that the operator signed a tree with this leaf, and committed the leaf to this tag.
func openReceipt(rep *Report, data []byte, log *cosign.PolicyLog) (*bundle.Receipt, proof.Inclusion) {
	r, err := ParseReceipt(data)
	if err != nil {
		rep.Fail(asFailure(err, nil, CheckReceiptForm))
		return nil, proof.Inclusion{}
	}
	p, err := proof.ParseInclusion([]byte(r.Proof))
	if err != nil {
		rep.Fail(failure(err, nil, CheckReceiptForm))
		return nil, p
	}
	i := At(p.Index)
	head, err := OpenCheckpoint(p.Checkpoint, log.Verifier)
	if err != nil {
		rep.Fail(asFailure(err, nil, CheckCheckpointSignature))
		return nil, p
	}
	rep.Pass(CheckCheckpointSignature, nil, "the receipt's: %s signed size %d, root %x", head.Origin, head.Size, head.Root)
	l, err := proof.ParseLeaf(r.Leaf)
	if err == nil && (l.Public || r.Tag == nil || r.TagSalt == nil) {
		err = &Failure{Check: CheckReceiptForm, Index: i, Expected: "a receipt of a sealed entry with tag and salt", Found: "another", Meaning: "the receipt does not show under whom the operator filed the entry"}
	}
	if err != nil {
		rep.Fail(asFailure(err, i, CheckLeafForm))
		return nil, p
	}
	commitment{CheckTagCommitment, i, proof.TagCommit(*r.TagSalt, *r.Tag), l.TagCommit}.check(rep, "the receipt names another pseudonym than its leaf is committed to: it convicts nobody")
	inclusion{leaf: r.Leaf, index: p.Index, path: p.Hashes, head: head}.check(rep)
	return r, p
}

// evidenceOf takes out of both what a third party need not see: other histories than h, content, salts of content, newer entries, the proof of the tag.
func evidenceOf(r *bundle.Receipt, s *bundle.Statement, h *bundle.History, head proof.Checkpoint, below, index uint64) (*Contradiction, error) {
	bare := *s
	bare.Subject, bare.Everyone, bare.Linked = h.Subject, nil, bundle.LinkedHistories{}
	bare.Entries, bare.Newer = make(bundle.Entries, len(h.Entries)), bundle.Entries{}
	for i := range h.Entries {
		bare.Entries[i] = bundle.HiddenEntry(h.Entries[i].Index, h.Entries[i].Hash(h.Tag))
	}
	bare.Period = &bundle.Period{From: below, To: below + 1} // no hidden entry lies in it
	bare.Subject.VRFProof = make([]byte, wire.VRFProofSize)
	bare.Text = bundle.Text{"Evidence against the operator, together with the receipt beside it: check both with igverify contradict. The content of entries is taken out."}
	all, err := s.LeafHashes()
	if err != nil {
		return nil, err
	}
	kept, err := bare.LeafHashes()
	if err != nil {
		return nil, err
	}
	bare.Nodes = fewerLeaves(all, kept, s.Nodes, head.Size)
	c := &Contradiction{Index: index}
	if c.Statement, err = bare.Marshal(); err != nil {
		return nil, err
	}
	c.Receipt, err = json.Marshal(bundle.Receipt{Leaf: r.Leaf, TagSalt: r.TagSalt, Tag: r.Tag, Proof: r.Proof})
	return c, err
}

// fewerLeaves makes of a multi-inclusion proof of all, which has been verified, one of the leaves kept among them: subtrees that hold none of these become nodes.
func fewerLeaves(all, kept map[uint64]wire.Hash, nodes []wire.Hash, size uint64) []wire.Hash {
	out := []wire.Hash{}
	sorted := slices.Sorted(maps.Keys(all))
	var climb func(lo, hi uint64, in []uint64, emit bool) wire.Hash
	climb = func(lo, hi uint64, in []uint64, emit bool) wire.Hash {
		none := emit && !slices.ContainsFunc(in, func(i uint64) bool { _, ok := kept[i]; return ok })
		var h wire.Hash
		switch {
		case len(in) == 0:
			h, nodes = nodes[0], nodes[1:]
		case hi-lo == 1:
			h = all[lo]
		default:
			mid := lo + 1<<(bits.Len64(hi-lo-1)-1)
			at, _ := slices.BinarySearch(in, mid)
			l := climb(lo, mid, in[:at], emit && !none)
			r := climb(mid, hi, in[at:], emit && !none)
			h = wire.Hash(rfc6962.DefaultHasher.HashChildren(l[:], r[:]))
		}
		if none {
			out = append(out, h)
		}
		return h
	}
	climb(0, size, sorted, true)
	return out
}
