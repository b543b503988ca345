// Package purpose has the PurposeOfUse codes of HL7 v3-ActReason and says which covers which.
// Policies decide by them; package audit/plain has the words for them. The package depends only on
// the standard library, so the checker in a browser links it without the policies.
package purpose

import "slices"

// System is the code system of the PurposeOfUse codes.
const System = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

// Purpose is one PurposeOfUse code.
type Purpose struct {
	Code   string // v3-ActReason code, e.g. "TREAT"
	Parent string // the next wider code; "" for the seven widest
}

// tree lists parents before their children.
var tree = []Purpose{
	{"HMARKT", ""},

	{"HOPERAT", ""},
	{"CAREMGT", "HOPERAT"},
	{"DONAT", "HOPERAT"},
	{"FRAUD", "HOPERAT"},
	{"GOV", "HOPERAT"},
	{"HACCRED", "HOPERAT"},
	{"HCOMPL", "HOPERAT"},
	{"HDECD", "HOPERAT"},
	{"HDIRECT", "HOPERAT"},
	{"HDM", "HOPERAT"},
	{"HLEGAL", "HOPERAT"},
	{"HOUTCOMS", "HOPERAT"},
	{"HPRGRP", "HOPERAT"},
	{"HQUALIMP", "HOPERAT"},
	{"HSYSADMIN", "HOPERAT"},
	{"LABELING", "HSYSADMIN"},
	{"METAMGT", "HSYSADMIN"},
	{"MEMADMIN", "HOPERAT"},
	{"MILCDM", "HOPERAT"},
	{"PATADMIN", "HOPERAT"},
	{"PATSFTY", "HOPERAT"},
	{"PERFMSR", "HOPERAT"},
	{"RECORDMGT", "HOPERAT"},
	{"SYSDEV", "HOPERAT"},
	{"HTEST", "SYSDEV"},
	{"TRAIN", "HOPERAT"},

	{"HPAYMT", ""},
	{"CLMATTCH", "HPAYMT"},
	{"COVAUTH", "HPAYMT"},
	{"COVERAGE", "HPAYMT"},
	{"ELIGDTRM", "COVERAGE"},
	{"ELIGVER", "COVERAGE"},
	{"ENROLLM", "COVERAGE"},
	{"MILDCRG", "COVERAGE"},
	{"REMITADV", "HPAYMT"},

	{"HRESCH", ""},
	{"BIORCH", "HRESCH"},
	{"CLINTRCH", "HRESCH"},
	{"CLINTRCHNPC", "CLINTRCH"},
	{"CLINTRCHPC", "CLINTRCH"},
	{"PRECLINTRCH", "CLINTRCH"},
	{"DSRCH", "HRESCH"},
	{"POARCH", "HRESCH"},
	{"TRANSRCH", "HRESCH"},

	{"PATRQT", ""},
	{"FAMRQT", "PATRQT"},
	{"PWATRNY", "PATRQT"},
	{"SUPNWK", "PATRQT"},

	{"PUBHLTH", ""},
	{"DISASTER", "PUBHLTH"},
	{"THREAT", "PUBHLTH"},

	{"TREAT", ""},
	{"CLINTRL", "TREAT"},
	{"COC", "TREAT"},
	{"ETREAT", "TREAT"},
	{"BTG", "ETREAT"},
	{"ERTREAT", "ETREAT"},
	{"POPHLTH", "TREAT"},
}

// All returns all codes, each after its parent.
func All() []Purpose { return slices.Clone(tree) }

// Lookup returns the purpose with this code, and whether there is one.
func Lookup(code string) (Purpose, bool) {
	p, ok := byCode[code]
	return p, ok
}

// byCode has the purposes of tree. A long list of accesses looks up thousands.
var byCode = func() map[string]Purpose {
	m := make(map[string]Purpose, len(tree))
	for _, p := range tree {
		m[p.Code] = p
	}
	return m
}()

// Known reports whether code is a PurposeOfUse code of v3-ActReason. It is case-sensitive.
func Known(code string) bool {
	_, ok := Lookup(code)
	return ok
}

// overrideStarted is DICOM's "Emergency Override Started" (PS3.16 CID 401).
const overrideStarted = "http://dicom.nema.org/resources/ontology/DCM|110127"

// Emergency reports whether an access or a decision is an emergency, in which the usual limits were
// overridden. It is one if the entry claims so, if one of its purposes is BTG (break the glass), or
// if one of its events, as "system|code", is DCM 110127. Treatment in an emergency (ETREAT) is not
// one: most of it overrides nothing.
//
// People are told the result of this function, and a FHIR AuditEvent becomes an entry by it.
// Verdicts look at the entry's own claim alone.
func Emergency(claimed bool, events, purposes []string) bool {
	return claimed || slices.Contains(Codes(purposes), "BTG") || slices.Contains(events, overrideStarted)
}

// Care reports whether a code is of care for the person. Population health is planning, though its
// code is below TREAT.
func Care(code string) bool { return Code(code) != "POPHLTH" && Subsumes("TREAT", code) }

// Subsumes reports whether purpose a covers purpose b: b is a, or a is one of the wider codes above
// b. TREAT covers BTG, so a permission for treatment covers break-glass unless a rule excludes it
// by name. A code that is not Known covers only itself. Both may be spelled as Code reads them.
func Subsumes(a, b string) bool {
	a, b = Code(a), Code(b)
	for a != b {
		p, ok := Lookup(b)
		if !ok || p.Parent == "" {
			return false
		}
		b = p.Parent
	}
	return true
}
