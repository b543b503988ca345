package verifier

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// TrustedHead is a tree head that a log of the reader's policy signed.
type TrustedHead struct {
	proof.Checkpoint
	Log    *cosign.PolicyLog
	Quorum bool   // the policy asks for cosigners, and enough of them cosigned
	Stale  string // why it is true but old; "": it is not, or nobody dates it
}

// OpenHead opens a signed note under a policy: the log's signature, whose cosignatures it carries,
// and whether they make the policy's quorum. Every check that rests on a checkpoint begins with it,
// so that a log which somebody forged from leaf 0 with the stolen key of the log is nowhere taken
// for the one that the cosigners saw. whose says in the report which of several checkpoints it is.
//
// If the log's signature is not good, OpenHead returns nil. If only cosigners are missing, it
// records the failure and returns the head, so that the caller can go on to say what else is
// wrong. If now is zero, ages are not judged; a head older than maxAge (0: StaleAfter) is stale.
func OpenHead(
	rep *Report, whose string, signed []byte, policy *Policy, now time.Time, maxAge time.Duration,
) *TrustedHead {
	c := newCheck(policy, now)
	if maxAge > 0 {
		c.maxAge = maxAge
	}
	defer func() { rep.Add(c.Report) }()
	log := c.signerOf(signed)
	if log == nil {
		return nil
	}
	c.head = c.openHead(log, whose, string(signed))
	if c.head == nil {
		return nil
	}
	if policy.AsksNobody() && len(policy.Cosigners) == 0 {
		c.checkQuorum(nil, 0)
		return &TrustedHead{Checkpoint: c.head.Checkpoint, Log: log}
	}
	before := len(c.Failures)
	c.checkCosigners(string(signed))
	head := &TrustedHead{Checkpoint: c.head.Checkpoint, Log: log, Quorum: !policy.AsksNobody() && len(c.Failures) == before}
	if b := c.backers; b.stale {
		head.Stale = fmt.Sprintf("the cosigners of your policy saw the log in this state at %s, %s ago, and nothing shows that they saw it later",
			b.asOf.Format(time.RFC3339), count(int(now.Sub(b.asOf).Hours()), "hour", "hours"))
	}
	return head
}

// Heads remembers what OpenHead last found, so that who checks the many receipts of one answer
// opens their checkpoint once. The same note, policy and time have the same result; a note that
// differs in one bit is opened anew. It is safe for concurrent use. The zero value is empty.
type Heads struct {
	mu   sync.Mutex
	of   opening
	head *TrustedHead
	rep  Report
}

// opening is all that the result of OpenHead depends on.
type opening struct {
	whose, signed string
	policy        *Policy
	now           time.Time
}

// open is OpenHead. Nobody changes what it returns.
func (h *Heads) open(rep *Report, of opening) *TrustedHead {
	if h == nil {
		return OpenHead(rep, of.whose, []byte(of.signed), of.policy, of.now, 0)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of != of {
		h.of, h.rep = of, Report{}
		h.head = OpenHead(&h.rep, of.whose, []byte(of.signed), of.policy, of.now, 0)
	}
	rep.Add(h.rep)
	return h.head
}

// signerOf returns the log of the policy that a signed note is by, as far as its first line tells:
// the signature is checked afterwards. With only one log in the policy it is that one.
func (c *check) signerOf(signed []byte) *cosign.PolicyLog {
	if len(c.policy.Logs) == 1 {
		return &c.policy.Logs[0]
	}
	origin, _, _ := strings.Cut(string(signed), "\n")
	if wire.CheckOrigin(origin) != nil {
		origin = "no origin in the first line"
	}
	return c.findLog(origin)
}

// GenesisKey returns the key by which a log's genesis names it: of several that the policy has, the
// one that signed the note, or else the first. It is false if the policy has none of that type.
func GenesisKey(log *cosign.PolicyLog, signed []byte) (cosign.LogKey, bool) {
	list := log.GenesisKeys()
	for _, k := range list {
		if _, f := openCheckpoint(signed, k); f == nil {
			return k, true
		}
	}
	if len(list) == 0 {
		return cosign.LogKey{}, false
	}
	return list[0], true
}

// Seconded reports whether a signed note carries the policy's quorum. It says nothing about the
// log's own signature, and is false if the policy asks for no cosigner.
func Seconded(signed []byte, head proof.Checkpoint, policy *Policy, now time.Time) bool {
	if policy.AsksNobody() {
		return false
	}
	good, _ := cosign.Read(signed, head, policy.Cosigners)
	counted, _ := cosign.Latest(good, now)
	_, ok := policy.Quorum().AsOf(counted)
	return ok
}

// GenesisHash returns the hash by which a log is told from every other, even from one under the
// same key: the RFC 6962 leaf hash of its leaf 0.
func GenesisHash(leaf []byte) wire.Hash { return proof.LeafHash(leaf) }

// CheckGenesisHash checks that leaf 0 is the one that the reader expects. An error is a *Failure.
func CheckGenesisHash(leaf []byte, want wire.Hash) error {
	if got := GenesisHash(leaf); got != want {
		return &Failure{Check: CheckGenesisLeaf, Index: At(0),
			Expected: fmt.Sprintf("a genesis with hash %x, as you know it", want),
			Found:    fmt.Sprintf("one with hash %x", got),
			Meaning: "this is not the log that you know, although it may have the same name and key: it began with " +
				"another genesis. The operator started again, or somebody else has its key"}
	}
	return nil
}
