package iso27560

import (
	"strings"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

type object = map[string]any

// context returns the prefixes of a record's terms.
func context() object {
	return object{
		"dct":     "http://purl.org/dc/terms/",
		"dpv":     "https://w3id.org/dpv#",
		"eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
		"gb":      "https://w3id.org/dpv/legal/gb#",
		"health":  "https://w3id.org/dpv/sector/health#",
		"loc":     "https://w3id.org/dpv/loc#",
		"pd":      "https://w3id.org/dpv/pd#",
		"rdf":     "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
		"schema":  "https://schema.org/",
		"skos":    "http://www.w3.org/2004/02/skos/core#",
		"xsd":     "http://www.w3.org/2001/XMLSchema#",
	}
}

// purposeTerms maps PurposeOfUse codes to DPV purposes. A code that is not here has the purpose of
// the next wider code.
var purposeTerms = map[string]string{
	"HMARKT":  "dpv:Marketing",
	"HOPERAT": "health:HealthcareManagement",
	"HPAYMT":  "dpv:PaymentManagement",
	"HRESCH":  "health:HealthcareScientificResearch",
	"PATRQT":  "dpv:ServiceProvision",
	"PUBHLTH": "health:PublicHealthMonitoring",
	"TREAT":   "health:HealthcareServiceManagement",
	"ETREAT":  "health:EmergencyCareManagement",
	"POPHLTH": "health:PopulationHealthAnalysis",
}

// purposeTerm returns the DPV purpose of a code, "" for codes of other systems.
func purposeTerm(code string) string {
	for code != "" {
		if t := purposeTerms[code]; t != "" {
			return t
		}
		p, _ := purpose.Lookup(code)
		code = p.Parent
	}
	return ""
}

// partyTerms maps the role of a party to its party_role.
var partyTerms = map[string]string{
	"controller":       "dpv:DataController",
	"joint-controller": "dpv:JointDataControllers",
	"processor":        "dpv:DataProcessor",
	"recipient":        "dpv:Recipient",
}

// consentTypes maps how a decision was expressed to its event_type.
var consentTypes = map[string]string{
	"implied":             "dpv:ImpliedConsent",
	"verbal":              "dpv:ExpressedConsent",
	"written":             "dpv:ExpressedConsent",
	"electronic":          "dpv:ExpressedConsent",
	"explicit-electronic": "dpv:ExplicitlyExpressedConsent",
}

// operations maps actions of an access to kinds of processing.
var operations = map[string]string{
	"C": "dpv:Collect", "R": "dpv:Access", "U": "dpv:Modify", "D": "dpv:Erase", "E": "dpv:Query",
}

// byTerms maps v3-RoleCode or v3-RoleClass to who decided in the person's place. Others are
// representatives.
var byTerms = map[string]string{
	"GUARD": "dpv:GuardianOfDataSubject", "GUADLTM": "dpv:GuardianOfDataSubject", "PRN": "dpv:ParentOfDataSubject",
}

// state returns the event_state after an act.
func state(x *entry.Consent) string {
	switch {
	case x.Act == "withdrawn":
		return "dpv:ConsentWithdrawn"
	case x.Act == "expired":
		return "dpv:ConsentExpired"
	case x.Rule.Decision == "deny":
		return "dpv:ConsentRefused"
	case x.Act == "reconfirmed":
		return "dpv:RenewedConsentGiven"
	}
	return "dpv:ConsentGiven"
}

func organisationIRI(id string) string { return "urn:igledger:organisation:" + id }

func codeObject(claim string) object {
	return object{"@type": "skos:Concept", "skos:notation": claim[strings.LastIndexByte(claim, '|')+1:], "dct:identifier": claim}
}
