package policies

import (
	"slices"
	"strings"

	"igledger/policies/purpose"
)

// Covers reports whether a permission for one purpose covers the purpose asked for. PurposeOfUse
// codes cover by subsumption (TREAT covers BTG), codes of other systems only themselves. A rule
// that excludes BTG from TREAT needs an exception (Rule.Except).
func Covers(permitted, asked string) bool { return asked != "" && purpose.Subsumes(permitted, asked) }

// CoversData reports whether a listed data code covers another: it is the same, or it is "system|*"
// and the other begins with "system|".
//
// It never asks where the system of a code ends, since the text does not tell. A URI holds no "|",
// but a canonical "url|version" given as system does, and so does a code that is a SNOMED CT
// expression with terms ("80146002 |Appendectomy|"). In either case "a|*" and "a|b|*" both cover
// "a|b|c", so a refusal of a system reaches every code that could belong to it. A code without a
// system belongs to no system, not even to one of its own name, and "|*" is not a wildcard.
func CoversData(listed, asked string) bool {
	if listed == asked {
		return true
	}
	system, wild := strings.CutSuffix(listed, "*")
	return wild && len(system) > 1 && strings.HasSuffix(system, "|") && strings.HasPrefix(asked, system)
}

// kinds returns the purposes with every wider one, and the widest of each: policies ask about both.
func kinds(purposes []string) (all, widest []string) {
	for _, code := range purposes {
		for code != "" {
			all = append(all, code)
			p, _ := purpose.Lookup(code)
			if p.Parent == "" {
				widest = append(widest, code)
			}
			code = p.Parent
		}
	}
	return all, widest
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
