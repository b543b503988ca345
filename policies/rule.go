package policies

import (
	"cmp"
	"slices"
	"time"
)

// Decisions of a rule or of several consents together.
const (
	Permit = "permit"
	Deny   = "deny"

	restrict = "restrict" // a Deny by a rule that restricts
)

// Rule is what a person allows or forbids, as data. It has the shape of entry.ConsentRule and of
// FHIR Consent.provision. It applies if the access matches every list that is not empty and its
// time lies in the rule's period.
//
// If an access does not state something, every refusal limited by it applies, and no permission
// limited by it does. An access that does not say which data was read may have read the refused
// data, and cannot show that it kept to the allowed data. An access never states from what time its
// data is. So a refusal limited by DataStart or DataEnd applies to data of any time, and a
// permission limited by them never applies.
type Rule struct {
	Deny       bool      // the rule forbids; otherwise it allows
	Restricts  bool      // if Deny: it stops care too, which an objection does not
	Start, End time.Time // accesses from Start, before End; zero: open
	Purposes   []string  // PurposeOfUse codes, each with all below it; codes of other systems match only themselves
	Data       []string  // "system|code"; "system|*" is every code of a system
	Recipients []string  // organisation ids
	Roles      []string  // of the human user, who needs one of them
	Actions    []string  // C R U D E
	DataStart  time.Time // data from then on; zero: open
	DataEnd    time.Time // data before then; zero: open
	Except     []Rule    // exceptions; each says the opposite of the rule that it is in, at every depth
}

// Request is the part of an access that consents decide about.
type Request struct {
	Org, Action           string
	Purposes, Data, Roles []string
	At                    time.Time
}

// Record is the newest act of one consent record. The caller leaves out records whose newest act
// says nothing, such as withdrawn and expired ones.
type Record struct {
	ID string
	Rule
	RefusesOnly bool // its permissions are ignored
}

// Combine is the one rule for several consents of a person; the standards have none. The caller
// passes the newest act of each record.
//
// Combine looks at each pair of a purpose and a data code of the access by itself. Within a record,
// an exception that applies to the pair decides over the rule that it is in, so the deepest one
// wins. If several exceptions of one level apply, a refusal wins. Of the records that apply to the
// pair, a refusal wins over any permission, whatever their order and age. Permissions of a record
// that RefusesOnly are ignored.
//
// The access is denied if one pair is denied. It is permitted if every pair is permitted, possibly
// by different records. Otherwise the decision is "". ID names the first record, in the order
// given, that decided so. If a rule that restricts denied a pair, the access is restricted, and ID
// names the first record that has such a rule.
func Combine(records []Record, q Request) Consent {
	t := tally{q: &q, live: make([]*Record, 0, len(records))}
	for i := range records {
		if r := &records[i]; r.meets(&q, r.Deny) {
			t.live = append(t.live, r)
		}
	}
	if len(t.live) == 0 {
		return Consent{}
	}
	t.permits = make([]bool, len(t.live))
	t.denies = make([]bool, len(t.live))
	t.restricts = make([]bool, len(t.live))
	t.purposes = make([][]string, 0, max(1, len(q.Purposes)))
	for _, p := range orUnstated(q.Purposes) {
		all, _ := kinds([]string{p})
		t.purposes = append(t.purposes, all)
	}
	data := orUnstated(q.Data)
	allPermitted := true
	var refused []string
	for _, d := range data {
		permitted, denied := t.datum(d)
		allPermitted = allPermitted && permitted
		if denied {
			refused = append(refused, d)
		}
	}
	switch {
	case len(refused) > 0:
		deny := Consent{Decision: Deny, ID: t.first(t.denies)}
		if i := slices.Index(t.restricts, true); i >= 0 {
			deny.ID, deny.Restricts = t.live[i].ID, true
		}
		if len(refused) < len(data) {
			deny.Refused = refused
		}
		return deny
	case allPermitted:
		return Consent{Decision: Permit, ID: t.first(t.permits)}
	}
	return Consent{}
}

// tally collects what the records that apply say of each pair of a purpose and a data code.
type tally struct {
	q               *Request
	live            []*Record  // the records that apply, apart from purposes and data
	purposes        [][]string // of the access, each with all wider ones
	permits, denies []bool     // by index in live: whether the record permitted or denied a pair
	restricts       []bool     // by index in live: whether it denied a pair by a rule that restricts
}

// datum asks about one data code with each purpose of the access. It reports whether every purpose
// is permitted, and whether one is denied.
func (t *tally) datum(code string) (permitted, denied bool) {
	permitted = true
	for _, purpose := range t.purposes {
		yes, no := t.pair(purpose, code)
		permitted = permitted && yes
		denied = denied || no
	}
	return permitted, denied
}

// pair reports whether a record permits the pair, and whether one denies it.
func (t *tally) pair(purpose []string, datum string) (permitted, denied bool) {
	for i, r := range t.live {
		switch r.pair(t.q, purpose, datum, r.Deny) {
		case restrict:
			t.denies[i], t.restricts[i], denied = true, true, true
		case Deny:
			t.denies[i], denied = true, true
		case Permit:
			if !r.RefusesOnly {
				t.permits[i], permitted = true, true
			}
		}
	}
	return permitted, denied
}

// first returns the id of the first record that is marked.
func (t *tally) first(marked []bool) string { return t.live[slices.Index(marked, true)].ID }

// orUnstated returns codes, or one empty code if the access states none.
func orUnstated(codes []string) []string {
	if len(codes) == 0 {
		return []string{""}
	}
	return codes
}

// meets reports whether the rule applies as far as everything but purposes and data is concerned.
// deny says whether r forbids.
func (r *Rule) meets(q *Request, deny bool) bool {
	return within(q.At, r.Start, r.End) &&
		(deny || r.DataStart.IsZero() && r.DataEnd.IsZero()) &&
		(len(r.Recipients) == 0 || slices.Contains(r.Recipients, q.Org) || deny && q.Org == "") &&
		(len(r.Actions) == 0 || slices.Contains(r.Actions, q.Action)) &&
		(len(r.Roles) == 0 || overlap(r.Roles, q.Roles) || deny && len(q.Roles) == 0)
}

// pair decides about one purpose and one data code of an access that r.meets. purpose is the code
// with all wider ones. The result is Permit, Deny, restrict, or "" if r does not apply. deny says
// whether r forbids.
func (r *Rule) pair(q *Request, purpose []string, datum string, deny bool) string {
	if len(purpose) == 0 && !deny && len(r.Purposes) > 0 || datum == "" && !deny && len(r.Data) > 0 {
		return ""
	}
	if len(purpose) > 0 && len(r.Purposes) > 0 && !overlap(r.Purposes, purpose) {
		return ""
	}
	if datum != "" && len(r.Data) > 0 && !anyCoversData(r.Data, datum) {
		return ""
	}
	decided := ""
	for i := range r.Except {
		x := &r.Except[i]
		// An exception to a refusal that itself says deny stays a refusal.
		xDeny := !deny || x.Deny
		if !x.meets(q, xDeny) {
			continue
		}
		switch x.pair(q, purpose, datum, xDeny) {
		case restrict:
			return restrict
		case Deny:
			decided = Deny
		case Permit:
			decided = cmp.Or(decided, Permit)
		}
	}
	switch {
	case decided != "":
		return decided
	case deny && r.Restricts:
		return restrict
	case deny:
		return Deny
	}
	return Permit
}
