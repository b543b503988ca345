package verifier

import (
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/ledger/wire"
)

// check is the state of the check of one file: what the file is checked against, and what has been
// established so far.
//
// CheckStatement, CheckExtract and CheckContradiction call its steps in the order of
// docs/FORMATS.md section 12. A step adds to the embedded Report. If a step reports false, nothing
// after it can be judged and its caller returns. So head, genesis and root are set in every later
// step.
type check struct {
	Report
	policy *Policy
	pinned *wire.Hash    // hash of the genesis that the reader expects; nil: any
	now    time.Time     // zero: age is not judged
	maxAge time.Duration // above it, a checkpoint is stale

	onProgress func(at, of uint64)

	head    *signedHead       // tree head, see openHead
	backers backers           // its cosigners, see checkCosigners
	genesis *entry.Genesis    // leaf 0, see checkGenesis
	root    *entry.IndexRoot  // the index root on which completeness rests, see checkIndexRoot
	first   map[string]uint64 // (iss, jti) of each sealed entry shown -> its index
	signed  []signedEntry     // every signed entry shown, unordered until judge sorts it
	proved  map[string]bool   // public histories shown -> whether the index proves them whole
	late    map[uint64]bool   // newer entries by keys of which nothing is shown

	register *register.Register // after the last entry; nil: no signature was judged
	chosen   bool               // it is an extract: someone chose what it shows
	asked    *bundle.Days       // whole if nil
	period   *bundle.Period     // of the file; nil: whole
	partly   string             // why only a part of what was asked for is covered; "": all of it is
	own      []StatementEntry
	everyone []StatementEntry
	bulk     bool // the file has a list of reads of everyone's data, perhaps an empty one
	linked   []LinkedHistory
	doubtful []StatementEntry // see setApart
}

func newCheck(policy *Policy, now time.Time) *check {
	return &check{
		policy: policy,
		now:    now,
		maxAge: StaleAfter,

		onProgress: func(_, _ uint64) {},

		first:  map[string]uint64{},
		proved: map[string]bool{},
		late:   map[uint64]bool{},
	}
}

// onlyCompleteness holds the checks that can fail although each entry shown is what the log holds.
var onlyCompleteness = map[Check]bool{
	CheckScope:      true,
	CheckSeenBefore: true,
	CheckPeriod:     true,
	CheckHistory:    true,
	CheckEveryone:   true,
	CheckLinked:     true,
	CheckAnchor:     true,
	CheckIndexLag:   true,
	CheckCovered:    true,
	CheckAuditors:   true,
}

// report returns the report of what was found, as far as the check came.
func (c *check) report() *StatementReport {
	c.setApart()
	r := &StatementReport{
		Report:        c.Report,
		Entries:       c.own,
		Everyone:      c.everyone,
		EveryoneShown: c.bulk,
		Linked:        c.linked,
		Extract:       c.chosen,
		Asked:         c.asked,
		Period:        c.period,
		Partly:        c.partly,
		MaxAge:        c.maxAge,
		Register:      c.register,
		Doubtful:      c.doubtful,
		Audited:       c.backers.audited,
		AuditedEnough: c.backers.enough,
		Witnessed:     c.backers.witnessed,
		NobodyAsked:   c.policy.AsksNobody(),
		AsOf:          c.backers.asOf,
		Stale:         c.backers.stale,
		Checked:       c.now,
	}
	if c.head != nil {
		r.Head, r.Signed = c.head.Checkpoint, c.head.note
	}
	if c.root != nil {
		r.Below = c.root.Size
		c.dateByOperator(r)
	}
	for _, rows := range c.histories() {
		r.Hidden += tally(rows).hidden
	}
	r.Authentic = r.Register != nil
	for _, f := range r.Failures {
		r.Authentic = r.Authentic && onlyCompleteness[f.Check]
	}
	r.Complete = len(r.Failures) == 0 && r.Register != nil && !r.Extract && r.Partly == ""
	r.Lines = findings(r)
	return r
}
