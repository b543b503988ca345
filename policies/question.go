package policies

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/cedar-policy/cedar-go"
)

// The grounds on which an access may be allowed: the actions of the schema.
var (
	ownRecords = cedar.NewEntityUID("Action", "own-records")
	ledger     = cedar.NewEntityUID("Action", "ledger")
	agreement  = cedar.NewEntityUID("Action", "agreement")
	breakGlass = cedar.NewEntityUID("Action", "break-glass")
)

// grounds returns the grounds to ask about, in order.
func (f *Facts) grounds() []cedar.EntityUID {
	if f.Ledger {
		return []cedar.EntityUID{ledger}
	}
	list := make([]cedar.EntityUID, 0, 3)
	if f.Own {
		list = append(list, ownRecords)
	}
	list = append(list, agreement)
	if f.Emergency {
		list = append(list, breakGlass)
	}
	return list
}

// questions returns the access in the form of the schema, once for each choice of the person. The
// caller sets the action. A question holds no time and no id of a consent or delegation: a policy
// could tell people apart by them, and decisions could not be remembered.
func (f *Facts) questions() (list [choices]cedar.Request) {
	all, widest := kinds(f.Purposes)
	context := cedar.RecordMap{
		"known":      cedar.Boolean(!f.Foreign),
		"disclosed":  cedar.Boolean(f.Disclosed),
		"action":     cedar.String(f.Action),
		"purposes":   set(f.Purposes),
		"kinds":      set(all),
		"widest":     set(widest),
		"data":       set(f.Data),
		"roles":      set(f.Roles),
		"machine":    cedar.Boolean(f.Machine),
		"emergency":  cedar.Boolean(f.Emergency),
		"justified":  cedar.Boolean(f.Justified),
		"named":      cedar.Boolean(f.Named || f.Agreement != nil),
		"delegation": cedar.String(f.delegation()),
	}
	if f.Agreement != nil {
		context["agreement"] = f.agreement()
	}
	for i := range list {
		context["consent"], context["restricted"] = cedar.String(consents[i]), cedar.Boolean(choice(i) == restricts)
		list[i] = cedar.Request{
			Principal: cedar.NewEntityUID("Organisation", cedar.String(f.Org)),
			Resource:  cedar.NewEntityUID("Record", "person"),
			Context:   cedar.NewRecord(context), // which copies it
		}
	}
	return list
}

func (f *Facts) agreement() cedar.Record {
	a := f.Agreement
	return cedar.NewRecord(cedar.RecordMap{
		"id":           cedar.String(a.ID),
		"version":      cedar.Long(min(a.Version, math.MaxInt64)),
		"state":        cedar.String(a.State),
		"current":      cedar.Boolean(within(f.At, a.Start, a.End)),
		"party":        cedar.Boolean(slices.Contains(a.Parties, f.Org)),
		"recipient":    cedar.Boolean(!f.Disclosed || slices.Contains(a.Parties, f.Recipient)),
		"holder":       cedar.Boolean(f.Holder == "" || slices.Contains(a.Parties, f.Holder)),
		"purposes":     cedar.Boolean(len(a.unlistedPurposes(f.Purposes)) == 0),
		"data":         cedar.Boolean(len(a.unlistedData(f.Data, f.Codes)) == 0),
		"role":         cedar.Boolean(len(a.unlistedRoles(f.Roles, f.Machine)) == 0),
		"consentBasis": cedar.Boolean(a.ConsentBasis),
		"research":     cedar.Boolean(a.Research),
		"approved":     cedar.Boolean(a.Project != ""),
	})
}

// choice is what a person chose, as far as a policy can tell.
type choice int

// The choices.
const (
	unsaid choice = iota
	permits
	refuses
	restricts
	choices // how many there are
)

// consents has the consent of each choice, as the schema has it.
var consents = [choices]string{"none", Permit, Deny, Deny}

// personal are the attributes of the schema's Access by which a policy learns of the choice, and no
// others.
var personal = []string{"consent", "restricted"}

// choice returns what the person chose.
func (c *Consent) choice() choice {
	switch {
	case c.Decision == Permit:
		return permits
	case c.Decision == Deny && c.Restricts:
		return restricts
	case c.Decision == Deny:
		return refuses
	}
	return unsaid
}

func (f *Facts) delegation() string {
	switch d := f.Delegate; {
	case d == nil:
		return "none"
	case !d.Known:
		return "unknown"
	case d.Revoked || !within(f.At, d.Start, d.End):
		return "ended"
	case !slices.Contains(d.Scope, "access"):
		return "outside"
	}
	return "valid"
}

func set(list []string) cedar.Set {
	values := make([]cedar.Value, len(list))
	for i, s := range list {
		values[i] = cedar.String(s)
	}
	return cedar.NewSet(values...)
}

// maxKey is the length of the longest key that is remembered.
const maxKey = 2 << 10

// key appends everything that outcomes looks at to b, each text with its length before it, so that
// equal keys have equal outcomes. That is all but what the person chose. It reports whether the key
// is small enough to remember.
func (f *Facts) key(b []byte) (key []byte, small bool) {
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	texts := func(lists ...[]string) {
		for _, list := range lists {
			b = binary.AppendUvarint(b, uint64(len(list)))
			for _, s := range list {
				text(s)
			}
		}
	}
	bits := func(list ...bool) {
		var n byte
		for _, set := range list {
			n <<= 1
			if set {
				n |= 1
			}
		}
		b = append(b, n)
	}
	text(f.Org)
	text(f.Recipient)
	text(f.Action)
	texts(f.Purposes, f.Data, f.Roles)
	text(f.delegation())
	bits(f.Own, f.Foreign, f.Disclosed, f.Ledger)
	bits(f.Machine, f.Emergency, f.Justified, f.Named, f.Agreement != nil)
	if a := f.Agreement; a != nil {
		text(f.Holder)
		text(a.ID)
		text(a.State)
		b = binary.AppendUvarint(b, a.Version)
		texts(a.Parties, a.Purposes, a.Roles)
		b = binary.AppendUvarint(b, uint64(len(a.Data)))
		texts(a.Data...)
		bits(within(f.At, a.Start, a.End), a.ConsentBasis, a.Research, a.Project != "")
	}
	return b, len(b) <= maxKey
}
