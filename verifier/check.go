package verifier

import (
	"time"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// check is the check of one file under way: what it is held against, and what has been established so far.
//
// CheckStatement, CheckExtract and CheckContradiction each lead it through its steps, in the order of docs/FORMATS.md section 12.
// A step adds to the embedded Report. One that reports false has failed in a way after which nothing that follows can be
// judged: its caller returns. So head, genesis and root are set in every later step.
type check struct {
	Report
	policy *Policy
	now    time.Time // zero: age is not judged

	head    *signedHead       // tree head, see openHead
	backers backers           // whose word it is besides the log's, see checkCosigners
	genesis *entry.Genesis    // leaf 0, see checkGenesis
	root    *entry.IndexRoot  // the index root on which completeness rests, see checkIndexRoot
	first   map[string]uint64 // (iss, jti) of each sealed entry shown -> its index
	signed  []signedEntry     // all that somebody signed, in no order until judge has sorted it
	proved  map[string]bool   // public histories shown -> whole by the index
	late    map[uint64]bool   // newer entries whose key is newer than the index root too

	register *register.Register // after the last entry; nil: no signature was judged
	chosen   bool               // it is an extract: what is shown was chosen
	period   *bundle.Period
	own      []StatementEntry
	everyone []StatementEntry
	bulk     bool // the file shows reads of everybody's data, perhaps none
	linked   []LinkedHistory
}

func newCheck(policy *Policy, now time.Time) *check {
	return &check{policy: policy, now: now, first: map[string]uint64{}, proved: map[string]bool{}, late: map[uint64]bool{}}
}

// onlyCompleteness are the checks that can fail while each entry shown is still what the log holds.
var onlyCompleteness = map[Check]bool{CheckHistory: true, CheckEveryone: true, CheckLinked: true, CheckIndexLag: true,
	CheckCovered: true, CheckAuditors: true}

// report makes the report of what was found, as far as the check came.
func (c *check) report() *StatementReport {
	r := &StatementReport{
		Report:        c.Report,
		Entries:       c.own,
		Everyone:      c.everyone,
		EveryoneShown: c.bulk,
		Linked:        c.linked,
		Extract:       c.chosen,
		Period:        c.period,
		Register:      c.register,
		Unproved:      len(c.late),
		Audited:       c.backers.audited,
		AuditedEnough: c.backers.enough,
		Witnessed:     c.backers.witnessed,
		NobodyAsked:   c.policy.AsksNobody(),
		AsOf:          c.backers.asOf,
		Stale:         c.backers.stale,
		Checked:       c.now,
	}
	if c.head != nil {
		r.Head = c.head.Checkpoint
	}
	if c.root != nil {
		r.Below = c.root.Size
	}
	r.Authentic = r.Register != nil
	for _, f := range r.Failures {
		r.Authentic = r.Authentic && onlyCompleteness[f.Check]
	}
	r.Complete = len(r.Failures) == 0 && r.Register != nil && !r.Extract && (r.Period == nil || r.Period.From < r.Below)
	r.Lines = findings(r)
	return r
}
