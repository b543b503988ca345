package fhir

import (
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// The overarching policies of IHE PCF (Volume 1, 53.2.1), which a Consent names by their URI.
const (
	pcfDeny       = "https://profiles.ihe.net/ITI/PCF/Policy-deny"
	pcfBreakGlass = "https://profiles.ihe.net/ITI/PCF/Policy-break-glass-only"
	pcfTreatment  = "https://profiles.ihe.net/ITI/PCF/Policy-basic-normal"
	pcfAll        = "https://profiles.ihe.net/ITI/PCF/Policy-all-normal"
)

// pcfPolicies says what follows from each policy, in words. The first that a Consent names decides.
var pcfPolicies = []struct{ uri, why string }{
	{pcfDeny, "IHE's policy denies all use: what the provisions permit is an exception to it, and a permission without limits " +
		"agrees with it"},
	{pcfBreakGlass, "IHE's policy denies all use but break-glass: what the provisions permit is an exception to it, and a " +
		"permission without limits agrees with it"},
	{pcfTreatment, "IHE's policy permits treatment: a permission that names no purpose is for treatment; whether the user is a " +
		"clinician is for the agreement to say (roles)"},
	{pcfAll, "IHE's policy permits all authorised uses: the provisions decide, and the agreement says what is authorised"},
}

// pcfPolicy returns the URI of the strictest of IHE's policies that the Consent names, "" if it
// names none.
func (r *reader) pcfPolicy() string {
	for _, p := range pcfPolicies {
		for _, name := range []string{"policy", "policyRule", "policyBasis"} {
			if pcfWords(r.root[name], p.uri) != "" {
				return p.uri
			}
		}
	}
	return ""
}

// pcfWords returns what follows from a policy that an element names, or that it names with this
// URI, in words; "" if there is none.
func pcfWords(v any, uri string) (why string) {
	tree.EachString("", v, func(_, s string) {
		for _, p := range pcfPolicies {
			if s == p.uri && (uri == "" || uri == s) {
				why = p.why
			}
		}
	})
	return why
}

// underPolicy returns the rule that a Consent's provisions are under the policy of IHE that it
// names.
func (r *reader) underPolicy(read *entry.ConsentRule) *entry.ConsentRule {
	policy := r.pcfPolicy()
	switch {
	case policy == pcfTreatment && read.Decision == permit:
		if len(read.Purposes) == 0 {
			read.Purposes = []string{"TREAT"}
		}
		for i := range read.Also {
			if len(read.Also[i].Purposes) == 0 {
				read.Also[i].Purposes = []string{"TREAT"}
			}
		}
	case policy != pcfDeny && policy != pcfBreakGlass:
	case read.Decision == deny:
		read.Restricts = true // it denies care too
	default:
		denied := &entry.ConsentRule{Decision: deny, Restricts: true, Start: read.Start, End: read.End}
		if policy == pcfBreakGlass {
			denied.Except = []entry.ConsentRule{{Decision: permit, Purposes: []string{"BTG"}}}
		}
		also := read.Also
		read.Also = nil
		if !covers(read, &entry.ConsentRule{Decision: permit, Start: read.Start, End: read.End}) {
			denied.Except = append(denied.Except, *read)
		}
		denied.Except = append(denied.Except, also...)
		return denied
	}
	return read
}
