package policies

import (
	"strings"
	"testing"

	"igledger/policies/purpose"
)

func TestCoversData(t *testing.T) {
	const sct, expression = "http://snomed.info/sct", "80146002 |Appendectomy|"
	for _, c := range []struct {
		name, listed, asked string
		want                bool
	}{
		{"itself", "a|b", "a|b", true},
		{"another code", "a|b", "a|c", false},
		{"a longer code", "a|b", "a|bc", false},
		{"another case", "a|b", "a|B", false},
		{"a code without system", "b", "b", true},
		{"a code without system is not one of a system", "a|b", "b", false},
		{"every code of a system", "a|*", "a|b", true},
		{"the other way round", "a|b", "a|*", false},
		{"every code of another system", "c|*", "a|b", false},
		{"a system is not a beginning", "http://hl7.org|*", "http://hl7.org/fhir|x", false},
		{"nor an end", "b|*", "a|b", false},
		{"all of a system in all of it", "a|*", "a|*", true},
		{"a star alone", "*", "a|b", false},
		{"no system", "|*", "|b", false},
		{"no system, itself", "|*", "|*", true},
		{"a star within a code", "a|b*", "a|bc", false},
		{"the code of a system's name", "a|*", "a", false},
		{"nothing", "", "a|b", false},

		{"a system with a version", "http://x.scot/cs|1.0|*", "http://x.scot/cs|1.0|y", true},
		{"another version", "http://x.scot/cs|1.0|*", "http://x.scot/cs|2.0|y", false},
		{"every version", "http://x.scot/cs|*", "http://x.scot/cs|1.0|y", true},
		{"all of a version in all of its system", "http://x.scot/cs|*", "http://x.scot/cs|1.0|*", true},
		{"a code with its term", sct + "|*", sct + "|" + expression, true},
		{"a code with its term, itself", sct + "|" + expression, sct + "|" + expression, true},
		{"a code with its term is not the code alone", sct + "|80146002", sct + "|" + expression, false},
	} {
		if got := CoversData(c.listed, c.asked); got != c.want {
			t.Errorf("%s: CoversData(%q, %q) = %v", c.name, c.listed, c.asked, got)
		}
	}
}

// What holds of CoversData whatever the codes. Inputs are cut to the characters that matter, so
// that the codes are often related.
func FuzzCoversData(f *testing.F) {
	for _, s := range [][3]string{{"a|*", "a|b|*", "a|b|c"}, {"a|b|*", "a|b|c", "a|b"}, {"|*", "|a", "a"}, {"*", "a*", "a|**"}, {"", "", "|"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, s := range []*string{&a, &b, &c} {
			*s = strings.Map(func(r rune) rune { return []rune("ab|*")[uint32(r)%4] }, *s)
		}
		for _, s := range []string{a, b, c} {
			if !CoversData(s, s) {
				t.Errorf("%q does not cover itself", s)
			}
		}
		if CoversData(a, b) && CoversData(b, c) && !CoversData(a, c) {
			t.Errorf("%q covers %q, and that %q, but not the first the last", a, b, c)
		}
		// The naive reading: some way to take the code apart into system and code makes it one of
		// the system.
		want := a == b
		for i := 1; i < len(b); i++ {
			want = want || b[i] == '|' && a == b[:i]+"|*"
		}
		if got := CoversData(a, b); got != want {
			t.Errorf("CoversData(%q, %q) = %v", a, b, got)
		}
		if a != "" && !CoversData(a+"|*", a+"|"+b) {
			t.Errorf("%q is not one of the codes of %q", a+"|"+b, a)
		}
	})
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		permitted, asked string
		want             bool
	}{
		{"TREAT", "BTG", true}, {"BTG", "TREAT", false}, {"", "", false}, {"TREAT", "", false},
		{"urn:x|a", "urn:x|a", true}, {"urn:x|a", "urn:x|b", false}, {purpose.System + "|TREAT", "BTG", true},
	} {
		if got := Covers(c.permitted, c.asked); got != c.want {
			t.Errorf("Covers(%q, %q) = %v", c.permitted, c.asked, got)
		}
	}
}
