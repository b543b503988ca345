// Package terminology knows which code of a code system lies below which: a refusal of "sexual
// health" names a branch of SNOMED CT, and an access states a leaf. It reads a FHIR Bundle of
// CodeSystems and ValueSets, or a file of SNOMED CT in Release Format 2, into an index in memory.
// No code system comes with igledger.
//
// Verdicts depend on it, so a policy set names the SHA-256 of each file (entry.PolicySet), and
// whoever computes a verdict again needs the same files.
package terminology

import (
	"slices"
	"strings"

	"igledger/ledger/wire"
)

// Index is a set of code systems. It is immutable and safe for concurrent use. The nil Index knows
// none: every code then covers itself only.
type Index struct {
	files   []wire.Hash        // SHA-256 of each, sorted
	systems map[string]*system // by URI
	sets    map[string]*valueSet
}

// system is one code system. The codes above code number n are up[from[n]:from[n+1]], sorted.
type system struct {
	numbers map[string]uint32
	from    []uint32
	up      []uint32
}

// valueSet holds codes as "system|code".
type valueSet struct{ members map[string]bool }

// Files returns the SHA-256 of each file, sorted: what a policy set names.
func (x *Index) Files() []wire.Hash {
	if x == nil {
		return nil
	}
	return x.files
}

// Covers reports whether a code lies below another: outer and inner are "system|code", or outer is
// the URL of a value set followed by "|*", which covers the members of the set. It is strict: where
// the index does not know a code, it covers nothing. A code need not be asked about itself.
func (x *Index) Covers(outer, inner string) bool {
	if x == nil {
		return false
	}
	if url, ok := strings.CutSuffix(outer, "|*"); ok && x.sets[url] != nil {
		return x.inSet(url, inner, false)
	}
	s, top, low := x.both(outer, inner)
	if s == nil {
		return false
	}
	// Every concept that an expression is built on must lie below.
	focus := concepts(low)
	return len(focus) > 0 && !slices.ContainsFunc(focus, func(c string) bool { return c != top && !s.below(c, top) })
}

// MayCover reports whether data stated under the code inner may be data of the code outer, which
// was refused. Besides what Covers covers, that is so if inner is the wider of the two, or if the
// code system that was given does not know one of them: a newer release may put it anywhere.
func (x *Index) MayCover(outer, inner string) bool {
	if x == nil {
		return false
	}
	if url, ok := strings.CutSuffix(outer, "|*"); ok && x.sets[url] != nil {
		return x.inSet(url, inner, true)
	}
	s, top, low := x.both(outer, inner)
	if s == nil {
		return false
	}
	if !s.knows(top) {
		return true
	}
	return slices.ContainsFunc(mentioned(low), func(c string) bool {
		return c == top || !s.knows(c) || s.below(c, top) || s.below(top, c)
	})
}

// inSet reports whether a code is a member of a value set, or with wider, whether it may be.
func (x *Index) inSet(url, code string, wider bool) bool {
	set := x.sets[url]
	name, low := split(code)
	if set.members[name+"|"+low] {
		return true
	}
	s := x.systems[name]
	if !wider || s == nil {
		return false
	}
	for _, c := range mentioned(low) {
		if !s.knows(c) {
			return set.holds(name)
		}
		if set.members[name+"|"+c] {
			return true
		}
	}
	for member := range set.members {
		system, top := split(member)
		if system == name && slices.ContainsFunc(mentioned(low), func(c string) bool { return s.below(top, c) }) {
			return true
		}
	}
	return false
}

// holds reports whether a member is of a system.
func (v *valueSet) holds(system string) bool {
	for member := range v.members {
		if strings.HasPrefix(member, system+"|") {
			return true
		}
	}
	return false
}

// both returns the system of two codes, nil if they are of two systems or of one that is not here.
func (x *Index) both(outer, inner string) (s *system, top, low string) {
	name, top := split(outer)
	other, low := split(inner)
	if name == "" || name != other || top == "*" {
		return nil, "", ""
	}
	return x.systems[name], top, low
}

// split returns the system and the code of "system|code". Versions in the system do not count, nor
// editions of SNOMED CT, which are further segments of its URI.
func split(claim string) (system, code string) {
	system, code, ok := strings.Cut(claim, "|")
	if !ok {
		return "", claim
	}
	// An expression of SNOMED CT may hold terms between bars.
	if isSNOMED(system) {
		if version, rest, ok := strings.Cut(code, "|"); ok && strings.Contains(version, "snomed.info") {
			code = rest
		}
		return snomed, code
	}
	if i := strings.LastIndexByte(code, '|'); i >= 0 {
		code = code[i+1:]
	}
	return system, code
}

const snomed = "http://snomed.info/sct"

func isSNOMED(system string) bool {
	return system == snomed || strings.HasPrefix(system, snomed+"/") || system == "urn:oid:2.16.840.1.113883.6.96"
}

// concepts returns the codes that a code is built on. That is the code itself, or the focus
// concepts of a SNOMED CT expression, which stand before its refinement.
func concepts(code string) []string {
	focus, _, _ := strings.Cut(code, ":")
	return mentioned(focus)
}

// mentioned returns the code, or every concept in a SNOMED CT expression: numbers outside the bars
// of terms.
func mentioned(code string) []string {
	if !strings.ContainsAny(code, ":+=|{( ") {
		return []string{code}
	}
	var list []string
	for i, part := range strings.Split(code, "|") {
		if i%2 == 1 {
			continue // a term
		}
		for _, w := range strings.FieldsFunc(part, func(r rune) bool { return r < '0' || r > '9' }) {
			if len(w) >= 6 { // identifiers have 6 to 18 digits (SNOMED CT, SCTID)
				list = append(list, w)
			}
		}
	}
	if len(list) == 0 {
		return []string{code}
	}
	return list
}

func (s *system) knows(code string) bool {
	_, ok := s.numbers[code]
	return ok
}

// below reports whether a code lies below another.
func (s *system) below(code, top string) bool {
	n, ok := s.numbers[code]
	m, there := s.numbers[top]
	if !ok || !there {
		return false
	}
	_, found := slices.BinarySearch(s.up[s.from[n]:s.from[n+1]], m)
	return found
}
