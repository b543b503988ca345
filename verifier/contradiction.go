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

// Contradiction is a receipt and a statement of one log, both signed by the operator, that cannot
// both be true. It is evidence: anyone with the log's verifier key can check it, with igverify
// contradict or with their own code, and neither the source nor the citizen can have made it up.
//
// If Evasive is set, they can both be true, and the pair convicts no one: see CheckContradiction.
type Contradiction struct {
	Index     uint64
	Evasive   bool
	Receipt   []byte // JSON, without the parts that reveal the content
	Statement []byte // JSON; entries are hidden, and the proof of the tag, which helps to guess the id, is removed
}

// CheckContradiction compares a receipt with a statement about the same person. The operator is
// convicted if the receipt shows a leaf below M that the operator filed under the tag of one of the
// statement's histories, and the index root that the operator signed has a history of that tag
// without that leaf. Then one of three signed things is false: the receipt's checkpoint, the
// statement's checkpoint, or the index root in it. The check does not need or read the id, the
// content of entries. Receipt and statement must each prove what they say; otherwise nothing
// follows, and the report says why. If the policy asks for cosigners, at least one of the two
// checkpoints must carry the quorum: otherwise somebody with the log's key, who need not be the
// operator, may have made up a log that nobody saw.
//
// CheckContradiction reports a failure of CheckContradicted if and only if the operator is
// convicted.
//
// A statement that does not cover the receipt's entry contradicts nothing. But if it is younger
// than the receipt, it evades the question: either its checkpoint has the entry, at or above M, and
// it does not show it; or its checkpoint is from before the entry, although its cosigners dated it
// later than the receipt's dated theirs. Then CheckContradiction reports a failure of CheckEvasive.
// It convicts no one, because anyone could have taken newer entries out of the file, and because a
// cosigner's clock can be wrong.
//
// It returns evidence in both cases, and in no other.
func CheckContradiction(receipt, statement []byte, policy *Policy) (*Contradiction, Report) {
	return CheckContradictionAt(receipt, statement, policy, time.Time{})
}

// CheckContradictionAt is CheckContradiction for callers with a clock: cosignatures that are later
// than now by more than 5 minutes do not make a statement younger than a receipt.
func CheckContradictionAt(receipt, statement []byte, policy *Policy, now time.Time) (*Contradiction, Report) {
	c := newCheck(policy, now)
	found := c.contradiction(receipt, statement)
	return found, c.Report
}

// contradiction establishes what the statement proves, then what the receipt proves, and then
// compares them.
func (c *check) contradiction(receipt, statement []byte) *Contradiction {
	s, err := bundle.ParseStatement(statement)
	if err != nil {
		c.Fail(malformed(err))
		return nil
	}
	log := c.findLog(s.Origin)
	if log == nil {
		return nil
	}
	c.head = c.openHead(log, "the statement's: ", s.Checkpoint)
	if c.head == nil {
		return nil
	}
	hashes, err := s.LeafHashes()
	c.checkInclusion(&s.Evidence, hashes, err)
	if !c.checkGenesis(&s.Evidence) || !c.checkIndexRoot(&s.Evidence) {
		return nil
	}
	r := c.openReceipt(receipt)
	if c.Err() != nil || !c.checkPair(s.Checkpoint, r) {
		return nil
	}
	at := slices.IndexFunc(s.Histories(), func(h *bundle.History) bool { return h.Tag == *r.Tag })
	if at < 0 {
		c.Skip(CheckContradicted, At(r.index),
			"the receipt and the statement are about different people, so they cannot contradict each other")
		return nil
	}
	h := s.Histories()[at]
	c.checkHistory(h, tagWords)
	if c.Err() != nil {
		return nil
	}
	if r.index >= c.root.Size {
		return c.uncovered(s, h, r)
	}
	if !c.lacks(h, r) {
		return nil
	}
	c.Fail(&Failure{Check: CheckContradicted, Index: At(r.index),
		Expected: fmt.Sprintf("leaf %x, which the operator's receipt shows under this pseudonym, among the "+
			"entries below %d", proof.LeafHash(r.Leaf), c.root.Size),
		Found: fmt.Sprintf("an index root signed by the operator, at entry %d, whose history of %s does not include it",
			s.IndexRoot.Index, tagWords.count(len(h.Entries))),
		Meaning: "the operator accepted an entry about this person, proved that it was logged, and then stated a " +
			"history without it: one of the things it signed is false. Anyone who has the log's key can check " +
			"this with the receipt and the statement"})
	found, err := c.evidence(s, h, r)
	if err != nil {
		c.Fail(failure(err, At(r.index), CheckStatementForm))
	}
	return found
}

// checkPair checks that one of the two checkpoints carries the policy's quorum.
func (c *check) checkPair(statement string, r *openedReceipt) bool {
	switch {
	case c.policy.AsksNobody():
		c.checkQuorum(nil, 0)
	case r.seconded || Seconded([]byte(statement), c.head.Checkpoint, c.policy, c.now):
		c.Pass(CheckQuorum, nil, "one of the two checkpoints is cosigned by %s", c.policy.Quorum().Want())
	default:
		c.Fail(&Failure{Check: CheckQuorum, Expected: "one of the two checkpoints cosigned by " + c.policy.Quorum().Want(),
			Found: "both signed by the log only, or by too few cosigners",
			Meaning: "nobody whom you trust saw the log that these files are of: whoever has the log's key can have made " +
				"both of them. To judge them by that key alone, give --log-key instead of --policy"})
		return false
	}
	return true
}

// lacks reports whether a history that is complete below M should have the receipt's leaf but does
// not.
func (c *check) lacks(h *bundle.History, r *openedReceipt) bool {
	leaf := proof.LeafHash(r.Leaf)
	for n := range h.Entries {
		if h.Entries[n].Index == r.index && h.Entries[n].Hash(h.Tag) == leaf {
			c.Pass(CheckContradicted, At(r.index), "the statement includes the receipt's entry")
			return false
		}
	}
	return true
}

// clocksDiffer is how much later than the receipt's a statement's cosigners must have dated it to
// call it evasive. Cosigners have clocks of their own, and some take a while over an anchor.
const clocksDiffer = time.Minute

// uncovered compares the receipt with a statement that covers entries below its entry only. It
// returns evidence if the statement is younger than the receipt.
func (c *check) uncovered(s *bundle.Statement, h *bundle.History, r *openedReceipt) *Contradiction {
	n, leaf := c.head.Size, proof.LeafHash(r.Leaf)
	evades := func(found string) *Contradiction {
		c.Fail(&Failure{Check: CheckEvasive, Index: At(r.index),
			Expected: "a statement younger than the receipt that shows the receipt's entry", Found: found,
			Meaning: "the statement evades the question: the operator accepted an entry about this person, and answered later " +
				"with a list that need not have it. This alone convicts no one, because newer entries may have been taken out of " +
				"the file, and a cosigner's clock may be wrong. Keep both files and ask for a new statement. It must cover the " +
				"entry: if it lacks it, the operator is convicted; if no statement ever covers it, show these files to an auditor"})
		pair, err := c.evidence(s, h, r)
		if err != nil {
			c.Fail(failure(err, At(r.index), CheckStatementForm))
			return nil
		}
		pair.Evasive = true
		return pair
	}
	if slices.ContainsFunc(h.Newer, func(e bundle.Entry) bool { return e.Index == r.index && e.Hash(h.Tag) == leaf }) {
		c.Pass(CheckContradicted, At(r.index), "the statement includes the receipt's entry, as a newer one")
		return nil
	}
	mine, its := c.cosignedAt(s.Checkpoint, c.head.Checkpoint), r.at
	switch {
	case r.index < n && s.Period != nil && (r.index < s.Period.From || r.index >= s.Period.To):
		c.Skip(CheckContradicted, At(r.index), "the receipt's entry is outside the period that the statement shows, and "+
			"newer than its index: ask for a newer statement, or for one without a period")
	case r.index < n:
		return evades(fmt.Sprintf("a checkpoint of size %d, which has the entry, and a list in which it is neither among "+
			"those below %d nor among the newer ones", n, c.root.Size))
	case !its.IsZero() && mine.Sub(its) > clocksDiffer:
		return evades(fmt.Sprintf("a checkpoint of size %d, from before the entry, although its cosigners saw it at %s, and "+
			"the entry was in the log at %s", n, mine.Format(time.RFC3339), its.Format(time.RFC3339)))
	case its.IsZero() || mine.IsZero():
		c.Skip(CheckContradicted, At(r.index), "the statement is of the log of size %d, before the receipt's entry, and no "+
			"cosigner of your policy dates both files, so which is younger is not known: ask for a newer statement", n)
	default:
		c.Skip(CheckContradicted, At(r.index), "the statement is of the log of size %d, before the receipt's entry, and not "+
			"younger than the receipt: ask for a newer statement", n)
	}
	return nil
}

// cosignedAt returns when the policy's cosigners saw a checkpoint, zero if that is not known.
func (c *check) cosignedAt(signed string, head proof.Checkpoint) time.Time {
	good, _ := cosign.Read([]byte(signed), head, c.policy.Cosigners)
	counted, _ := cosign.Latest(good, c.now)
	return backersOf(c.policy, counted).asOf
}

// openedReceipt is a receipt that has been checked on its own.
type openedReceipt struct {
	*bundle.Receipt
	index    uint64
	seconded bool      // its checkpoint carries the policy's quorum
	at       time.Time // when its cosigners saw it; zero: not known
}

// openReceipt checks what a receipt proves on its own: that the operator signed a tree with this
// leaf, and committed the leaf to a tag. The receipt that it returns has a tag, unless a check
// failed.
func (c *check) openReceipt(data []byte) *openedReceipt {
	r, err := bundle.ParseReceipt(data)
	var p proof.Inclusion
	if err == nil {
		p, err = proof.ParseInclusion([]byte(r.Proof))
	}
	if err != nil {
		c.Fail(failure(err, nil, CheckReceiptForm))
		return nil
	}
	i := At(p.Index)
	head := c.openHead(c.head.log, "the receipt's: ", string(p.Checkpoint))
	if head == nil {
		return nil
	}
	l, err := proof.ParseLeaf(r.Leaf)
	if err == nil && (l.Public || r.Tag == nil || r.TagSalt == nil) {
		err = &Failure{Check: CheckReceiptForm, Index: i,
			Expected: "a receipt for a sealed entry, with tag and salt",
			Found:    "a receipt for a public entry, or without tag or salt",
			Meaning:  "the receipt does not show under which person the operator filed the entry"}
	}
	if err != nil {
		c.Fail(asFailure(err, i, CheckLeafForm))
		return nil
	}
	commitment{CheckTagCommitment, i, proof.TagCommit(*r.TagSalt, *r.Tag), l.TagCommit}.check(&c.Report,
		"the receipt names a different pseudonym from the one in its leaf: it proves nothing against the operator")
	inclusion{leaf: r.Leaf, index: p.Index, path: p.Hashes, head: head.Checkpoint}.check(&c.Report)
	return &openedReceipt{r, p.Index, Seconded(p.Checkpoint, head.Checkpoint, c.policy, c.now),
		c.cosignedAt(string(p.Checkpoint), head.Checkpoint)}
}

// evidence returns copies of the statement and the receipt without what a third party need not see:
// histories other than h, content, salts of content, newer entries, and the proof of the tag.
func (c *check) evidence(s *bundle.Statement, h *bundle.History, r *openedReceipt) (*Contradiction, error) {
	bare := *s
	bare.Subject, bare.Everyone, bare.Linked = h.Subject, nil, bundle.LinkedHistories{}
	bare.Entries, bare.Newer = make(bundle.Entries, len(h.Entries)), bundle.Entries{}
	for i := range h.Entries {
		bare.Entries[i] = bundle.HiddenEntry(h.Entries[i].Index, h.Entries[i].Hash(h.Tag))
	}
	bare.Period = &bundle.Period{From: c.root.Size, To: c.head.Size} // contains no hidden entry
	bare.Subject.VRFProof = make([]byte, wire.VRFProofSize)
	bare.Text = bundle.Text{"To be checked against the receipt beside it, with igverify contradict. The content of entries " +
		"was removed, and with it the newer entries."}
	all, err := s.LeafHashes()
	if err != nil {
		return nil, err
	}
	kept, err := bare.LeafHashes()
	if err != nil {
		return nil, err
	}
	bare.Nodes = fewerLeaves(all, kept, s.Nodes, c.head.Size)
	found := &Contradiction{Index: r.index}
	if found.Statement, err = bare.Marshal(); err != nil {
		return nil, err
	}
	found.Receipt, err = json.Marshal(bundle.Receipt{Leaf: r.Leaf, TagSalt: r.TagSalt, Tag: r.Tag, Proof: r.Proof})
	return found, err
}

// fewerLeaves turns a verified multi-inclusion proof of the leaves in all into one of the leaves in
// kept, a subset. A subtree without a leaf of kept becomes a node.
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
