package verifier

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
)

// signedHead is a tree head and the log that signed it.
type signedHead struct {
	proof.Checkpoint
	log  *cosign.PolicyLog
	note string // signed, with cosignatures
}

// backers are the cosigners of the policy that cosigned a tree head.
type backers struct {
	audited   []Cosignature // by members of the group "auditors"
	enough    bool          // as many of them as that group requires
	witnessed []Cosignature // by all others
	asOf      time.Time     // when the quorum had seen it; zero: not known
	stale     bool          // asOf is longer ago than the caller takes
}

// checkHead opens the checkpoint of a statement or extract and checks its cosigners.
func (c *check) checkHead(ev *bundle.Evidence) bool {
	log := c.findLog(ev.Origin)
	if log == nil {
		return false
	}
	c.Pass(CheckOrigin, nil, "%s", ev.Origin)
	c.head = c.openHead(log, "", ev.Checkpoint)
	if c.head == nil {
		return false
	}
	c.checkCosigners(ev.Checkpoint)
	return true
}

// findLog returns the log of the policy that has this origin, or nil.
func (c *check) findLog(origin string) *cosign.PolicyLog {
	log := c.policy.Log(origin)
	if log == nil {
		c.Fail(&Failure{Check: CheckOrigin, Expected: "a log in your policy: " + originsOf(c.policy), Found: origin,
			Meaning: "the file is about a log that is not among those you trust"})
	}
	return log
}

func originsOf(p *Policy) string {
	var names []string
	for _, l := range p.Logs {
		names = append(names, l.Origin)
	}
	return strings.Join(names, ", ")
}

// openHead opens a checkpoint of log. If that fails, it returns nil. whose says in the report which
// of several checkpoints it is.
func (c *check) openHead(log *cosign.PolicyLog, whose, signed string) *signedHead {
	head, f := openCheckpoint([]byte(signed), log.Verifiers...)
	if f != nil {
		c.Fail(f)
		return nil
	}
	c.Pass(CheckCheckpointSignature, nil, "%s%s signed size %d, root %x", whose, head.Origin, head.Size, head.Root)
	return &signedHead{head, log, signed}
}

// checkCosigners checks the cosignatures on the tree head: whose they are, whether they are enough,
// and how old they are.
func (c *check) checkCosigners(signed string) {
	before := len(c.Failures)
	c.doubtMembers()
	sigs, ahead := openCosignatures(&c.Report, []byte(signed), c.head.Checkpoint, c.policy.Cosigners, c.now)
	if len(c.Failures) == before {
		c.Pass(CheckCosignature, nil, "%d by cosigners of your policy", len(sigs))
	}
	c.checkQuorum(sigs, ahead)
	c.backers = backersOf(c.policy, sigs)
	c.checkAge()
}

// nobodyVouches is what a policy without a quorum means for everything that is checked under it.
const nobodyVouches = "signed by the log only, nobody else vouches: that everyone sees the same log, and that its " +
	"index is true, is the operator's word alone"

// doubtMembers says which cosigners of the policy state nothing, or nothing of their own.
func (c *check) doubtMembers() {
	for _, w := range c.policy.Cosigners {
		switch {
		case !w.Known():
			c.Skip(CheckCosignature, nil, "the key of %s in your policy is of an algorithm that this program does not know "+
				"(%s), so it counts as one that never cosigned. A newer program may know it", w.Name, w.Algorithm())
		case c.policy.IsLog(w):
			c.Skip(CheckCosignature, nil, "%s in your policy has a key of the log itself: its cosignature is the operator's "+
				"own word", w.Name)
		}
	}
}

// checkQuorum checks the policy's quorum. If it is not met because of a group with a known name,
// the report names that group, and the quorum itself only if it would not be met with that group
// either: too few auditors make a list incomplete, but too few of anyone else make it false. ahead
// is the number of cosignatures that are dated ahead of this machine's clock: a slow clock must not
// accuse the operator.
func (c *check) checkQuorum(sigs []Cosignature, ahead int) {
	quorum := c.policy.Quorum()
	if quorum == nil {
		c.Skip(CheckQuorum, nil, "%s", nobodyVouches)
		return
	}
	if _, ok := quorum.AsOf(sigs); ok {
		c.Pass(CheckQuorum, nil, "%s", quorum.Want())
		return
	}
	clock := ""
	if ahead > 0 {
		clock = fmt.Sprintf(". Or the clock of this machine is slow: it shows %s, and %s dated ahead of that",
			c.now.UTC().Format(time.RFC3339), count(ahead, "cosignature is", "cosignatures are"))
	}
	with := slices.Clone(sigs)
	for _, g := range []struct {
		name, meaning string
		check         Check
	}{
		{cosign.GroupWitnesses, "too few witnesses saw this tree head: the operator may show it only to you", CheckWitnesses},
		{cosign.GroupAuditors, "too few auditors confirmed the subject index: that nothing is missing is the " +
			"operator's word alone", CheckAuditors},
	} {
		m := c.policy.Group(g.name)
		if m == nil {
			continue
		}
		if _, ok := m.AsOf(sigs); !ok {
			for _, by := range m.Cosigners() {
				with = append(with, Cosignature{By: by})
			}
			want := "cosignatures of " + m.Want()
			c.Fail(&Failure{Check: g.check, Expected: want, Found: namesOf(m, sigs), Meaning: g.meaning + clock})
		}
	}
	if _, ok := quorum.AsOf(with); !ok {
		c.Fail(&Failure{Check: CheckQuorum, Expected: "cosignatures of " + quorum.Want(), Found: namesOf(quorum, sigs),
			Meaning: "too few of the cosigners you trust cosigned this tree head" + clock})
	}
}

// namesOf lists the members of m that cosigned.
func namesOf(m *cosign.Group, sigs []Cosignature) string {
	var names []string
	for _, s := range signersOf(m, sigs) {
		names = append(names, s.By.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func signersOf(m *cosign.Group, sigs []Cosignature) []Cosignature {
	members := m.Cosigners()
	return slices.DeleteFunc(slices.Clone(sigs), func(s Cosignature) bool { return !slices.Contains(members, s.By) })
}

func backersOf(policy *Policy, sigs []Cosignature) backers {
	var b backers
	if auditors := policy.Group(cosign.GroupAuditors); auditors != nil {
		b.audited = signersOf(auditors, sigs)
		_, b.enough = auditors.AsOf(sigs)
	}
	for _, s := range sigs {
		if !slices.ContainsFunc(b.audited, func(a Cosignature) bool { return a.By == s.By }) {
			b.witnessed = append(b.witnessed, s)
		}
	}
	if quorum := policy.Quorum(); quorum != nil {
		b.asOf, _ = quorum.AsOf(sigs)
		return b
	}
	for _, s := range sigs { // the policy asks for no cosigner: use the latest of those it names
		if s.Time.After(b.asOf) {
			b.asOf = s.Time
		}
	}
	return b
}

// checkAge reports how old the checkpoint is. Being old is not a failure.
func (c *check) checkAge() {
	b := &c.backers
	if !b.asOf.IsZero() && !c.now.IsZero() {
		b.stale = c.now.Sub(b.asOf) > c.maxAge
	}
	switch {
	case b.asOf.IsZero():
		c.Skip(CheckAge, nil, "the age is unknown: no cosigner of your policy dates this checkpoint")
	case c.now.IsZero():
		c.Skip(CheckAge, nil, "no clock was given; cosigners of your policy saw it at %s", b.asOf.Format(time.RFC3339))
	default:
		c.Pass(CheckAge, nil, "%s", ageInWords(b.asOf, c.now, b.stale))
	}
}
