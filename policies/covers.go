package policies

import (
	"slices"
	"strings"

	"igledger/policies/purpose"
)

// Covers reports whether a permission for one purpose covers another that was asked for: PurposeOfUse by subsumption (TREAT covers BTG), codes of
// other systems only by equality. What excludes BTG from TREAT is a rule of its own (Rule.Except).
func Covers(permitted, asked string) bool { return asked != "" && purpose.Subsumes(permitted, asked) }

// coversPurposes reports whether every purpose asked for is covered. No purpose asked is covered by nothing: an access has to say why.
func coversPurposes(permitted, asked []string) bool {
	return len(asked) > 0 && !slices.ContainsFunc(asked, func(a string) bool { return !anyCovers(permitted, a) })
}

func anyCovers(permitted []string, asked string) bool {
	return slices.ContainsFunc(permitted, func(p string) bool { return Covers(p, asked) })
}

// coversDatum reports whether a data code is listed, itself or by "system|*".
func coversDatum(listed []string, code string) bool {
	return slices.ContainsFunc(listed, func(l string) bool {
		all, wild := strings.CutSuffix(l, "|*")
		system, _, _ := strings.Cut(code, "|")
		return l == code || wild && all != "" && all == system
	})
}

// uncovered lists the data codes asked for that an agreement over the listed ones does not cover.
func uncovered(listed, asked []string) []string {
	if len(listed) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(asked), func(code string) bool { return coversDatum(listed, code) })
}

// kinds gives the purposes with every wider one, and widest the widest of each: what policies ask questions about.
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
