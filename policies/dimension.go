package policies

import (
	"slices"
	"strings"

	"igledger/policies/terminology"
)

// Dimension is one respect in which data is described. A rule's list of data is met in each
// dimension that it limits: within a dimension any of its codes will do.
type Dimension int

// The dimensions of data. Which one a code is of follows from its system, see DimensionOf.
const (
	Codes   Dimension = iota // what the data says: SNOMED CT, LOINC, kinds of documents, local codes
	Types                    // its resource type
	Labels                   // its confidentiality, sensitivity and how it must be handled
	Records                  // the single resource, by reference
	Context                  // the encounter, care plan or episode of care that it belongs to, by reference
	Authors                  // who wrote it

	dimensions = iota
)

// Systems of codes of this ledger, for data that no code system describes. The code is a FHIR
// reference, or for authors also "system|value".
const (
	RecordSystem  = "urn:igledger:record"
	ContextSystem = "urn:igledger:context"
	AuthorSystem  = "urn:igledger:author"
)

const (
	confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	resourceTypes   = "http://hl7.org/fhir/resource-types"
	actCode         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
)

// dimensionOf holds the systems that are not of Codes. Encounter classes share v3-ActCode with the
// sensitivity and handling labels; data described by one is then asked to have its label listed,
// which is the safe side.
var dimensionOf = map[string]Dimension{
	resourceTypes:   Types,
	confidentiality: Labels,
	actCode:         Labels,
	"http://terminology.hl7.org/CodeSystem/v3-ActReason":        Labels, // meta.security may hold a purpose, and HTEST
	"http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw":  Labels,
	"http://terminology.hl7.org/CodeSystem/v3-ObservationValue": Labels, // integrity, compartment
	"http://terminology.hl7.org/CodeSystem/v3-Compartment":      Labels,
	RecordSystem:  Records,
	ContextSystem: Context,
	AuthorSystem:  Authors,
}

// sameSystem holds other spellings of systems that are read: older ones, OIDs and R5's.
var sameSystem = map[string]string{
	"http://hl7.org/fhir/fhir-types":                             resourceTypes,
	"http://hl7.org/fhir/ValueSet/resource-types":                resourceTypes,
	"http://hl7.org/fhir/v3/Confidentiality":                     confidentiality,
	"http://hl7.org/implement/standards/fhir/v3/Confidentiality": confidentiality,
	"urn:oid:2.16.840.1.113883.5.25":                             confidentiality,
	"http://hl7.org/fhir/v3/ActCode":                             actCode,
	"urn:oid:2.16.840.1.113883.5.4":                              actCode,
	"urn:oid:2.16.840.1.113883.6.96":                             "http://snomed.info/sct",
	"urn:oid:2.16.840.1.113883.6.1":                              "http://loinc.org",
}

// labelPrefix begins the label systems of HL7's guide on security labels (DS4P).
const labelPrefix = "http://hl7.org/fhir/uv/security-label-ds4p/CodeSystem/"

// DimensionOf returns the dimension of a code, "system|code" or "system|*", from its system. A code
// without a system, or of an unknown one, is one of Codes.
func DimensionOf(code string) Dimension {
	d, _ := place(code)
	return d
}

// place returns the dimension of a code, and the code with the present spelling of its system.
func place(code string) (Dimension, string) {
	system, rest, found := strings.Cut(code, "|")
	if !found {
		return Codes, code
	}
	if d, ok := dimensionOf[system]; ok {
		return d, code
	}
	if s := sameSystem[system]; s != "" {
		return dimensionOf[s], s + "|" + rest
	}
	if strings.HasPrefix(system, labelPrefix) {
		return Labels, code
	}
	return Codes, code
}

// levels are the codes of v3-Confidentiality, each wider than those before it.
var levels = []string{"U", "L", "M", "N", "R", "V"}

// level returns the place of a confidentiality label among levels, -1 if the code is none of them.
func level(code string) int {
	c, ok := strings.CutPrefix(code, confidentiality+"|")
	if !ok {
		return -1
	}
	return slices.Index(levels, c[strings.LastIndexByte(c, '|')+1:])
}

// isConfidentiality reports whether a canonical code is a label of confidentiality.
func isConfidentiality(code string) bool { return strings.HasPrefix(code, confidentiality+"|") }

// normal is the highest level of confidentiality that needs no mention.
var normal = slices.Index(levels, "N")

// reaches reports whether a listed code of a rule is about a code of the access, both canonical. A
// refusal reaches what may be meant, a permission only what is. A permission for one level of
// confidentiality is one for those below it too, and a refusal one of those above.
func reaches(listed, asked string, deny bool, codes *terminology.Index) bool {
	if CoversData(listed, asked) {
		return true
	}
	if l, a := level(listed), level(asked); l >= 0 && a >= 0 {
		return deny && a >= l || !deny && a <= l
	}
	if deny {
		return mayBeSame(listed, asked) || codes.MayCover(listed, asked)
	}
	return codes.Covers(listed, asked)
}

// mayBeSame reports whether two codes that hold references may name one resource: a relative
// reference may be to any server.
func mayBeSame(a, b string) bool {
	system, ra, _ := strings.Cut(a, "|")
	other, rb, _ := strings.Cut(b, "|")
	return system == other && dimensionOf[system] >= Records && sameReference(ra, rb)
}

// CoversAllData reports whether a rule's list of data covers everything that another's does: in
// each dimension that outer limits, inner lists codes too, and outer covers each of them. An empty
// list is all data. A refusal and a permission mean different things by a label of confidentiality.
func CoversAllData(outer, inner []string, outerDenies, innerDenies bool) bool {
	for _, o := range outer {
		d, limited := DimensionOf(o), false
		for _, i := range inner {
			di, i := place(i)
			if di != d {
				continue
			}
			limited = true
			if !slices.ContainsFunc(outer, func(o string) bool {
				_, o = place(o)
				return coversAsRule(o, i, outerDenies, innerDenies)
			}) {
				return false
			}
		}
		if !limited {
			return false
		}
	}
	return true
}

// coversAsRule reports whether everything that inner means in a rule is meant by outer, both
// canonical.
func coversAsRule(outer, inner string, outerDenies, innerDenies bool) bool {
	o, i := level(outer), level(inner)
	switch {
	case o < 0 || i < 0:
		return CoversData(outer, inner)
	case outerDenies == innerDenies:
		return reaches(outer, inner, outerDenies, nil)
	case outerDenies:
		return o == 0
	}
	return o == len(levels)-1
}

// CommonData returns the codes that two lists of data of permissions both cover, each in the
// dimensions that it limits, and whether there can be data of both. An empty list is all data.
func CommonData(a, b []string) (both []string, any bool) {
	limited := func(list []string, d Dimension) bool {
		return slices.ContainsFunc(list, func(c string) bool { return DimensionOf(c) == d })
	}
	for _, l := range []struct{ own, other []string }{{a, b}, {b, a}} {
		for _, c := range l.own {
			d, code := place(c)
			if !limited(l.other, d) || slices.ContainsFunc(l.other, func(o string) bool {
				_, o = place(o)
				return coversAsRule(o, code, false, false)
			}) {
				both = append(both, c)
			}
		}
	}
	slices.Sort(both)
	both = slices.Compact(both)
	for _, c := range slices.Concat(a, b) {
		if !limited(both, DimensionOf(c)) {
			return nil, false
		}
	}
	return both, true
}
