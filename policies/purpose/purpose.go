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
	Plain  string // our own wording for citizens; completes "Your record was looked at …"
}

// tree lists parents before their children.
var tree = []Purpose{
	{"HMARKT", "", "to market health products or services"},

	{"HOPERAT", "", "to run the health service"},
	{"CAREMGT", "HOPERAT", "to manage care across services"},
	{"DONAT", "HOPERAT", "to arrange organ, tissue or blood donation"},
	{"FRAUD", "HOPERAT", "to look for fraud"},
	{"GOV", "HOPERAT", "for government purposes"},
	{"HACCRED", "HOPERAT", "to assess whether a service meets its standards"},
	{"HCOMPL", "HOPERAT", "to check that the law and the rules are kept"},
	{"HDECD", "HOPERAT", "to deal with matters after a death"},
	{"HDIRECT", "HOPERAT", "to keep a directory of staff or services"},
	{"HDM", "HOPERAT", "to manage how care is delivered"},
	{"HLEGAL", "HOPERAT", "for legal advice or legal proceedings"},
	{"HOUTCOMS", "HOPERAT", "to measure how well treatment works"},
	{"HPRGRP", "HOPERAT", "to report on how a service performs"},
	{"HQUALIMP", "HOPERAT", "to improve the quality of care"},
	{"HSYSADMIN", "HOPERAT", "to look after the computer systems"},
	{"LABELING", "HSYSADMIN", "to put privacy labels on records"},
	{"METAMGT", "HSYSADMIN", "to keep the descriptions of records in order"},
	{"MEMADMIN", "HOPERAT", "to manage membership of a health plan"},
	{"MILCDM", "HOPERAT", "for military command purposes"},
	{"PATADMIN", "HOPERAT", "to arrange appointments, admissions and letters"},
	{"PATSFTY", "HOPERAT", "to keep patients safe"},
	{"PERFMSR", "HOPERAT", "to measure performance"},
	{"RECORDMGT", "HOPERAT", "to keep your record correct and in order"},
	{"SYSDEV", "HOPERAT", "to build computer systems"},
	{"HTEST", "SYSDEV", "to test computer systems"},
	{"TRAIN", "HOPERAT", "to train staff"},

	{"HPAYMT", "", "to handle payment for care"},
	{"CLMATTCH", "HPAYMT", "to support a claim for payment"},
	{"COVAUTH", "HPAYMT", "to approve payment before care is given"},
	{"COVERAGE", "HPAYMT", "to deal with who pays for care"},
	{"ELIGDTRM", "COVERAGE", "to decide whether care is covered"},
	{"ELIGVER", "COVERAGE", "to check that care is covered"},
	{"ENROLLM", "COVERAGE", "to sign somebody up for cover"},
	{"MILDCRG", "COVERAGE", "to arrange cover after military service"},
	{"REMITADV", "HPAYMT", "to explain a payment"},

	{"HRESCH", "", "for health research"},
	{"BIORCH", "HRESCH", "for biomedical research"},
	{"CLINTRCH", "HRESCH", "for a clinical trial"},
	{"CLINTRCHNPC", "CLINTRCH", "for a clinical trial without giving care"},
	{"CLINTRCHPC", "CLINTRCH", "for a clinical trial that also gives care"},
	{"PRECLINTRCH", "CLINTRCH", "to prepare a clinical trial"},
	{"DSRCH", "HRESCH", "for research on a disease"},
	{"POARCH", "HRESCH", "for research on ancestry and origins"},
	{"TRANSRCH", "HRESCH", "for research that brings findings into care"},

	{"PATRQT", "", "because you asked for it"},
	{"FAMRQT", "PATRQT", "because your family asked for it"},
	{"PWATRNY", "PATRQT", "because somebody with power of attorney asked for it"},
	{"SUPNWK", "PATRQT", "because somebody who supports you asked for it"},

	{"PUBHLTH", "", "to protect public health"},
	{"DISASTER", "PUBHLTH", "to respond to a disaster"},
	{"THREAT", "PUBHLTH", "to respond to a threat to health"},

	{"TREAT", "", "to give you care"},
	{"CLINTRL", "TREAT", "to give you care in a clinical trial"},
	{"COC", "TREAT", "to hand your care over between services"},
	{"ETREAT", "TREAT", "to give you emergency care"},
	{"BTG", "ETREAT", "in an emergency, by overriding the usual limits"},
	{"ERTREAT", "ETREAT", "to give you care in an emergency department"},
	{"POPHLTH", "TREAT", "to plan care for a group of people"},
}

// All returns all codes, each after its parent.
func All() []Purpose { return slices.Clone(tree) }

// Lookup returns the purpose with this code, and whether there is one.
func Lookup(code string) (Purpose, bool) {
	i := slices.IndexFunc(tree, func(p Purpose) bool { return p.Code == code })
	if i < 0 {
		return Purpose{}, false
	}
	return tree[i], true
}

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
	return claimed || slices.Contains(purposes, "BTG") || slices.Contains(events, overrideStarted)
}

// Subsumes reports whether purpose a covers purpose b: b is a, or a is one of the wider codes above
// b. TREAT covers BTG, so a permission for treatment covers break-glass unless a rule excludes it
// by name. A code that is not Known covers only itself.
func Subsumes(a, b string) bool {
	for a != b {
		p, ok := Lookup(b)
		if !ok || p.Parent == "" {
			return false
		}
		b = p.Parent
	}
	return true
}
