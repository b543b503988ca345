package policies

import (
	"slices"
	"strings"
	"time"

	"igledger/policies/terminology"
)

// Decisions of a rule or of several consents together.
const (
	Permit = "permit"
	Deny   = "deny"

	restrict = "restrict" // a Deny by a rule that restricts
)

// Rule is what a person allows or forbids, as data. It has the shape of entry.ConsentRule and of
// FHIR Consent.provision. It applies if the access matches every list that is not empty and its
// time lies in the rule's period. Its list of data is matched in each Dimension that it limits.
//
// If an access does not state something, every refusal limited by it applies, and no permission
// limited by it does. An access that does not say which data was read may have read the refused
// data, and cannot show that it kept to the allowed data. An access never states from what time its
// data is. So a refusal limited by DataStart or DataEnd applies to data of any time, and a
// permission limited by them never applies.
//
// Staff names persons. A machine is none of them, so a rule limited by Staff never applies to it.
// If no user is named by what the rule compares, a refusal limited by Staff applies, and so does
// one limited by Units if no unit is; see Consent.Unnamed.
type Rule struct {
	Deny       bool      // the rule forbids; otherwise it allows
	Restricts  bool      // if Deny: it stops care too, which an objection does not
	Start, End time.Time // accesses from Start, before End; zero: open
	Purposes   []string  // PurposeOfUse codes, each with all below it; codes of other systems match only themselves
	Data       []string  // "system|code"; "system|*" is every code of a system
	Recipients []string  // organisation ids
	Roles      []string  // of the human user, who needs one of them
	Staff      []string  // the human user, "system|value", or a value without system
	Units      []string  // where the user worked, likewise; one of them
	Actions    []string  // C R U D E
	DataStart  time.Time // data from then on; zero: open
	DataEnd    time.Time // data before then; zero: open
	Except     []Rule    // exceptions; each says the opposite of the rule that it is in, at every depth
}

// Request is the part of an access that consents decide about.
type Request struct {
	Org, Action           string
	Holder                string // the organisation that holds the record
	Purposes, Data, Roles []string
	Staff, Units          []string // the user's identifiers, and where they worked; empty: not stated
	Machine               bool     // no human user
	At                    time.Time
	Codes                 *terminology.Index // which code lies below which
}

// Record is the newest act of one consent record. The caller leaves out records whose newest act
// says nothing, such as withdrawn and expired ones.
type Record struct {
	ID     string
	Holder string // the organisation that recorded it
	Rule
	RefusesOnly bool // its permissions are ignored
}

// Combine is the one rule for several consents of a person; the standards have none. The caller
// passes the newest act of each record.
//
// Combine looks at each combination of a purpose and a code in each dimension of the data that the
// access states, since each may be what was read. Within a record, an exception that applies to the
// combination decides over the rule that it is in, so the deepest one wins. If several exceptions
// of one level apply, a refusal wins. Of the records that apply, a refusal wins over any
// permission, whatever their order and age. Permissions of a record that RefusesOnly are ignored.
//
// The access is denied if one combination is denied. It is permitted if every combination is
// permitted, possibly by different records. Otherwise the decision is "". ID names the first
// record, in the order given, that decided so. If a rule that restricts denied a combination, the
// access is restricted, and ID names the first record that has such a rule.
func Combine(records []Record, q Request) Consent {
	g := grids.Get().(*grid)
	defer g.free()
	for i := range records {
		r := &records[i]
		applies, held := r.meets(&q, r.Holder, r.Deny)
		if !applies {
			continue
		}
		if g.nodes == nil {
			g.lay(q.Purposes, q.Data)
		}
		g.add(&r.Rule, &q, r.Holder, i, r.Deny, held)
	}
	if g.nodes == nil {
		return Consent{}
	}
	count := g.classify()
	if g.large || count > maxCombinations {
		return g.roughly(records)
	}
	var few [16]bool
	t := tally{permits: len(records), denies: len(records), restricts: len(records), permitted: true, denied: few[:]}
	if count > len(few) {
		t.denied = make([]bool, count)
	}
	g.each(func(n int, at *[axes]int) { t.denied[n] = g.judge(records, at, &t) })
	switch {
	case t.denies < len(records):
		c := Consent{Decision: Deny, ID: records[t.denies].ID}
		if c.Restricts = t.restricts < len(records); c.Restricts {
			c.ID = records[t.restricts].ID
		}
		c.Unnamed = !g.deniesNamed(c.Restricts)
		c.Refused = g.parts(q.Data, func(n int) bool { return t.denied[n] })
		if len(c.Refused) > 0 {
			// What is left is another access, and may now leave open what this one stated.
			rest := q
			rest.Data = slices.DeleteFunc(slices.Clone(q.Data), func(d string) bool { return slices.Contains(c.Refused, d) })
			if Combine(records, rest).Decision == Deny {
				c.Refused = nil
			}
		}
		return c
	case t.permitted:
		return Consent{Decision: Permit, ID: records[t.permits].ID}
	}
	return Consent{}
}

// tally collects what the records say of the combinations of an access.
type tally struct {
	permits, denies, restricts int    // the first record that did so with a combination; their number if none
	permitted                  bool   // every combination so far
	denied                     []bool // by number of the combination
}

// judge asks every record about a combination and reports whether one denies it.
func (g *grid) judge(records []Record, at *[axes]int, t *tally) (denied bool) {
	permitted := g.ghostly(at)
	for i := 0; i < len(g.nodes); i = g.nodes[i].end {
		record := g.nodes[i].record
		switch g.says(i, at, false) {
		case restrict:
			denied = true
			t.denies = min(t.denies, record)
			t.restricts = min(t.restricts, record)
		case Deny:
			denied = true
			t.denies = min(t.denies, record)
		case Permit:
			if !records[record].RefusesOnly {
				permitted = true
				t.permits = min(t.permits, record)
			}
		}
	}
	t.permitted = t.permitted && permitted
	return denied
}

// deniesNamed reports whether a combination would be denied if the access named the user, and it
// was someone whom no rule names. With restricts, only restrictions count.
func (g *grid) deniesNamed(restricts bool) (denied bool) {
	if !slices.ContainsFunc(g.nodes, func(n node) bool { return n.held }) {
		return true
	}
	g.each(func(_ int, at *[axes]int) {
		for i := 0; i < len(g.nodes) && !denied; i = g.nodes[i].end {
			said := g.says(i, at, true)
			denied = said == restrict || said == Deny && !restricts
		}
	})
	return denied
}

// roughly decides about more combinations than can be looked at: every refusal that may be about
// one of them counts, and no permission does.
func (g *grid) roughly(records []Record) (c Consent) {
	for _, n := range g.nodes {
		if n.deny && (g.large || !slices.Contains(n.reaches[:], 0)) {
			if n.restricts {
				return Consent{Decision: Deny, ID: records[n.record].ID, Restricts: true}
			}
			if c.Decision == "" {
				c = Consent{Decision: Deny, ID: records[n.record].ID}
			}
		}
	}
	return c
}

// orUnstated returns codes, or one empty code if the access states none.
func orUnstated(codes []string) []string {
	if len(codes) == 0 {
		return unstated
	}
	return codes
}

// meets reports whether the rule applies as far as everything but purposes and data is concerned.
// deny says whether r forbids, and holder who recorded it. held reports that r applies only because
// the access does not name the user or their unit.
func (r *Rule) meets(q *Request, holder string, deny bool) (applies, held bool) {
	applies = within(q.At, r.Start, r.End) &&
		(deny || r.DataStart.IsZero() && r.DataEnd.IsZero()) &&
		(len(r.Recipients) == 0 || q.Org != "" && slices.Contains(r.Recipients, q.Org) || deny && (q.Org == "" || r.receives(q.Units))) &&
		(len(r.Actions) == 0 || slices.Contains(r.Actions, q.Action)) &&
		(len(r.Roles) == 0 || overlap(r.Roles, q.Roles) || deny && len(q.Roles) == 0) &&
		(len(r.Staff) == 0 || !q.Machine)
	if !applies || len(r.Staff) == 0 && len(r.Units) == 0 {
		return applies, false
	}
	for _, l := range []struct{ listed, stated []string }{{r.Staff, q.Staff}, {r.Units, q.Units}} {
		switch {
		case len(l.listed) == 0:
		case slices.ContainsFunc(l.stated, func(s string) bool {
			return slices.Contains(l.listed, s) && (deny || global(s) || q.Org == holder) ||
				deny && slices.ContainsFunc(l.listed, func(listed string) bool { return sameReference(listed, s) })
		}):
		case deny && !comparable(l.listed, l.stated):
			held = true
		default:
			return false, false
		}
	}
	return true, held
}

// NamesUsers reports whether the rule or an exception to it depends on who the user was or where
// they worked.
func (r *Rule) NamesUsers() bool {
	return len(r.Staff)+len(r.Units) > 0 || slices.ContainsFunc(r.Except, func(x Rule) bool { return x.NamesUsers() })
}

// comparable reports whether the names that a rule lists and those that an access states are of one
// kind, so that being different tells who is not meant. A bare reference ("Practitioner/7") and an
// identifier do not compare, nor do references to resources of two types, and nothing compares with
// no name.
func comparable(listed, stated []string) bool {
	return slices.ContainsFunc(stated, func(s string) bool {
		return slices.ContainsFunc(listed, func(l string) bool { return referenceType(s) == referenceType(l) })
	})
}

// referenceType returns the type of the resource that a bare reference names, "" of an identifier.
func referenceType(id string) string {
	if !isReference(id) {
		return ""
	}
	parts := strings.Split(id, "/")
	return parts[len(parts)-2]
}

// sameReference reports whether two bare references may name one resource.
func sameReference(a, b string) bool {
	return isReference(a) && isReference(b) && (a == b || strings.HasSuffix(a, "/"+b) || strings.HasSuffix(b, "/"+a))
}

func isReference(id string) bool { return strings.Contains(id, "/") && !strings.Contains(id, "|") }

// receives reports whether a unit is one of the recipients. An organisation may be a party of its
// own, or where the staff of another one work.
func (r *Rule) receives(units []string) bool {
	return slices.ContainsFunc(units, func(u string) bool {
		system, value, _ := strings.Cut(u, "|")
		return slices.Contains(organisations, system) && slices.Contains(r.Recipients, value)
	})
}

// organisations are the systems whose values are ids of organisations in the log.
var organisations = []string{"urn:igledger:organisation", "https://fhir.nhs.uk/Id/ods-organization-code"}

// known reports whether a code that a permission lists means the same in the record of this access:
// a relative reference means something only where the consent was recorded.
func (q *Request) known(code string, holder string) bool {
	_, value, _ := strings.Cut(code, "|")
	return global(value) || q.Holder == holder
}

// global reports whether an identifier means the same everywhere: it has a system, or is an
// absolute reference. Staff numbers without a system, and relative references, are each
// organisation's own.
func global(id string) bool {
	return strings.IndexByte(id, '|') > 0 || strings.Contains(id, "://") || strings.HasPrefix(id, "urn:")
}
