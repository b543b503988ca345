package purpose

import (
	"slices"
	"strings"
)

// systems are the URIs under which PurposeOfUse codes are known: the code system of v3-ActReason
// and the value set of its purposes of use, as they were spelled over time.
var systems = []string{
	System,
	"https://terminology.hl7.org/CodeSystem/v3-ActReason",
	"http://hl7.org/fhir/v3/ActReason",
	"urn:oid:2.16.840.1.113883.5.8",
	"2.16.840.1.113883.5.8",
	"http://terminology.hl7.org/ValueSet/v3-PurposeOfUse",
	"http://hl7.org/fhir/ValueSet/v3-PurposeOfUse",
	"http://hl7.org/fhir/v3/vs/PurposeOfUse",
	"urn:oid:2.16.840.1.113883.1.11.20448",
	"2.16.840.1.113883.1.11.20448",
}

// IsSystem reports whether a URI is one under which PurposeOfUse codes are known.
func IsSystem(uri string) bool { return slices.Contains(systems, uri) }

// Code returns the PurposeOfUse code that s means: s itself, or what follows one of the systems, a
// version if there is one, and "|", "#", "/" or ":". It returns everything else, such as codes of
// other systems, as it is.
func Code(s string) string {
	i := strings.LastIndexAny(s, "|#/:")
	if i < 0 || !Known(s[i+1:]) {
		return s
	}
	system := s[:i]
	if s[i] == '|' { // the canonical of a system may have a version
		system, _, _ = strings.Cut(system, "|")
	}
	if IsSystem(system) {
		return s[i+1:]
	}
	return s
}

// Codes returns what each of list means. It returns list itself if that is what it says.
func Codes(list []string) []string {
	for i, s := range list {
		c := Code(s)
		if c == s {
			continue
		}
		out := slices.Clone(list)
		for ; i < len(out); i++ {
			out[i] = Code(out[i])
		}
		return out
	}
	return list
}
