package verifier

import (
	"strings"
	"time"

	"igledger/ledger/entry"
)

// Act is what a sealed entry other than an access states, in words for its person. No id of a person is in it.
type Act struct {
	Org  string // organisation whose act it is
	What string
	Why  string // "" if nothing is said
	When string // RFC 3339, by the signer's claim
}

// DescribeAct gives the words; false for accesses, which have words of their own, and for public entries.
func DescribeAct(e *entry.Entry) (Act, bool) {
	a := Act{Org: e.Issuer, When: time.Unix(e.IssuedAt, 0).UTC().Format(time.RFC3339)}
	switch b := e.Body.(type) {
	case *entry.Link:
		a.What, a.Why = "stated that another number belongs to the same person", b.Reason
		if b.Act == "unlinked" {
			a.What = "stated that another number does not belong to the same person, or no longer"
		}
	case *entry.Consent:
		a.What, a.When = "recorded a decision of the person or who acts for her: consent "+b.Act+" ("+b.Scope+")", b.Decided
		if b.Text != nil {
			a.Why = b.Text.Reason
		}
		if b.Agreement != "" {
			a.Why = join("; ", a.Why, "asked for under agreement "+b.Agreement)
		}
	case *entry.Delegation:
		a.What, a.Why = "recorded that somebody may act for the person until "+b.End+" ("+b.Kind+": "+strings.Join(b.Scope, ", ")+")", b.Basis
		if b.Act == "revoked" {
			a.What = "recorded that somebody may no longer act for the person"
		}
	case *entry.Decision:
		a.Org, a.When, a.Why = b.Org, b.Asked, strings.Join(b.Purpose, ", ")
		a.What = "asked whether it might access the record and was told no"
		if b.Decision == "permit" {
			a.What = "asked whether it might access the record and was told yes"
		}
	case *entry.SourceCount:
		a.What = "stated how many entries it reported on a day"
	default:
		return Act{}, false
	}
	return a, true
}

func join(between, a, b string) string {
	if a == "" {
		return b
	}
	return a + between + b
}
