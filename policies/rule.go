package policies

import (
	"slices"
	"time"
)

// Decisions of a rule or of several consents together.
const (
	Permit = "permit"
	Deny   = "deny"
)

// Rule is what a person allows or forbids, as data: the shape of entry.ConsentRule and of FHIR Consent.provision. It applies where every list that is
// not empty is met and the time lies in its period.
//
// What an access does not state is met by every refusal and by no limited permission: who does not say which data was read may have read the data
// that was refused, and cannot show that it kept to the data that was allowed. An access never states of what time its data is, so a refusal
// limited by DataStart or DataEnd counts for data of every time, and a permission limited so counts for none.
type Rule struct {
	Deny       bool      // forbids; else allows
	Start, End time.Time // accesses from Start on, before End; zero: open
	Purposes   []string  // PurposeOfUse codes, each with all below it; codes of other systems for themselves only
	Data       []string  // "system|code"; "system|*" is every code of a system
	Recipients []string  // organisation ids
	Roles      []string  // of the human user; one of them will do
	Actions    []string  // C R U D E
	DataStart  time.Time // data from then on
	DataEnd    time.Time // data before
	Except     []Rule    // each the opposite of the rule it stands in, at every depth
}

// Request is the part of an access on which consents decide.
type Request struct {
	Org, Action           string
	Purposes, Data, Roles []string
	At                    time.Time
}

// Record is the newest act of one consent record, if that act says something: withdrawn and expired ones are not given to Combine.
type Record struct {
	ID string
	Rule
	RefusesOnly bool // what it permits counts for nothing
}

// Combine is the one rule for several consents of a person, since the standards give none. Of each
// record the newest act counts (that is the caller's to see to). Each pair of a purpose and a data
// code of the access is looked at by itself. Within a rule, an exception that applies to the pair
// decides over the rule it belongs to, so the deepest wins; where exceptions of one level apply
// together, a refusal wins. Of the records that apply to the pair, a refusal wins over any
// permission, whatever their order and age; what a record that RefusesOnly permits is not looked at.
// The access is denied if one pair is denied, permitted if every pair is permitted, by whichever
// records, and otherwise the records say nothing of it. ID is the first record, in the order given,
// that decided so.
func Combine(records []Record, q Request) Consent {
	live := make([]*Record, 0, len(records))
	for i := range records {
		if r := &records[i]; r.meets(&q, r.Deny) {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return Consent{}
	}
	purposes, data := make([][]string, 0, max(1, len(q.Purposes))), orUnstated(q.Data)
	for _, p := range orUnstated(q.Purposes) {
		all, _ := kinds([]string{p})
		purposes = append(purposes, all)
	}
	permits, denies := make([]bool, len(live)), make([]bool, len(live))
	all := true
	var refused []string
	for _, d := range data {
		no := false
		for _, p := range purposes {
			yes := false
			for i, r := range live {
				switch r.pair(&q, p, d, r.Deny) {
				case Deny:
					denies[i], no = true, true
				case Permit:
					if !r.RefusesOnly {
						permits[i], yes = true, true
					}
				}
			}
			all = all && yes
		}
		if no {
			refused = append(refused, d)
		}
	}
	switch {
	case len(refused) == len(data):
		return Consent{Decision: Deny, ID: live[slices.Index(denies, true)].ID}
	case len(refused) > 0:
		return Consent{Decision: Deny, ID: live[slices.Index(denies, true)].ID, Refused: refused}
	case all:
		return Consent{Decision: Permit, ID: live[slices.Index(permits, true)].ID}
	}
	return Consent{}
}

// orUnstated stands "" for what an access does not state.
func orUnstated(codes []string) []string {
	if len(codes) == 0 {
		return []string{""}
	}
	return codes
}

// meets looks at all but purposes and data.
func (r *Rule) meets(q *Request, deny bool) bool {
	return within(q.At, r.Start, r.End) &&
		(deny || r.DataStart.IsZero() && r.DataEnd.IsZero()) &&
		(len(r.Recipients) == 0 || slices.Contains(r.Recipients, q.Org)) &&
		(len(r.Actions) == 0 || slices.Contains(r.Actions, q.Action)) &&
		(len(r.Roles) == 0 || overlap(r.Roles, q.Roles) || deny && len(q.Roles) == 0)
}

// pair decides on one purpose, given with all wider ones, and one data code of an access that meets the rest of r: Permit, Deny, or "" if r does not
// apply. deny is what r itself says.
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
		// Said twice over is no permission: an exception to a refusal that itself says deny stays a refusal.
		xDeny := !deny || x.Deny
		if !x.meets(q, xDeny) {
			continue
		}
		switch x.pair(q, purpose, datum, xDeny) {
		case Deny:
			return Deny
		case Permit:
			decided = Permit
		}
	}
	switch {
	case decided != "":
		return decided
	case deny:
		return Deny
	}
	return Permit
}
