package fhir

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

type object = tree.Object

// Code systems that are read.
const (
	actCode       = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	practitioner  = "http://terminology.hl7.org/CodeSystem/practitioner-role"
	scopes        = "http://terminology.hl7.org/CodeSystem/consentscope"
	categories    = "http://terminology.hl7.org/CodeSystem/consentcategorycodes"
	consentAction = "http://terminology.hl7.org/CodeSystem/consentaction"
	auditAction   = "http://hl7.org/fhir/audit-event-action"
	resourceTypes = "http://hl7.org/fhir/resource-types"
	loinc         = "http://loinc.org"
)

// sameSystem maps older spellings of code systems to the present one.
var sameSystem = map[string]string{
	"http://hl7.org/fhir/v3/ActCode":           actCode,
	"urn:oid:2.16.840.1.113883.5.4":            actCode,
	"http://hl7.org/fhir/v3/ParticipationType": participation,
	"http://hl7.org/fhir/consentscope":         scopes,
	"http://hl7.org/fhir/consentaction":        consentAction,
}

// actions maps a code to the actions of an access (FHIR AuditEvent.action). A search is E, so a
// code that lets someone read also lets them search.
var actions = map[string]string{
	consentAction + "|collect":  "C",
	consentAction + "|access":   "RE",
	consentAction + "|use":      "RE",
	consentAction + "|disclose": "RE",
	consentAction + "|correct":  "U",
	auditAction + "|C":          "C",
	auditAction + "|R":          "R",
	auditAction + "|U":          "U",
	auditAction + "|D":          "D",
	auditAction + "|E":          "E",
}

// basePolicies are the policy rules that decide by themselves.
var basePolicies = map[string]string{actCode + "|OPTIN": permit, actCode + "|OPTOUT": deny, actCode + "|OPTOUTE": deny}

// emergencyOnly are categories that limit a consent to emergencies.
var emergencyOnly = []string{actCode + "|EMRGONLY", categories + "|emrgonly"}

// scopeOf maps a code to the scope of a consent. R4 has the code in scope or category, R5 only in
// category.
var scopeOf = map[string]string{
	scopes + "|adr": "adr", scopes + "|research": "research",
	scopes + "|patient-privacy": "patient-privacy", scopes + "|treatment": "treatment",
	categories + "|acd": "adr", categories + "|dnr": "adr", categories + "|hcd": "adr", categories + "|polst": "adr",
	categories + "|research": "research", categories + "|rsdid": "research", categories + "|rsreid": "research",
	actCode + "|RESEARCH": "research", actCode + "|RSDID": "research", actCode + "|RSREID": "research",
}

// recipientRoles are the roles of an actor to whom the data goes (IHE PCF: IRCP). Other roles say
// who wrote, holds or protects it.
var recipientRoles = []string{participation + "|IRCP", participation + "|PRCP", participation + "|TRC"}

// claim returns the spelling of a Coding in a rule: "system|code", or the code alone if it has no
// system or is a PurposeOfUse. It returns "" for a coding that a rule must not hold: no code, free
// text, a "*" (which would match every code of the system), or a person's number.
func claim(o object) string {
	system, code := tree.Text(o, "system"), tree.Text(o, "code")
	if s := sameSystem[system]; s != "" {
		system = s
	} else if purpose.IsSystem(system) {
		system = purpose.System
	}
	if code == "" || code == "*" || len(code) > 64 || len(system) > 256 || strings.ContainsFunc(system+code, notInCode) ||
		entry.ContainsPersonNumber(system) || entry.ContainsPersonNumber(code) {
		return ""
	}
	if system == "" || system == purpose.System && purpose.Known(code) {
		return code
	}
	return system + "|" + code
}

func notInCode(r rune) bool { return r <= 0x20 || r > 0x7e || r == '|' }

// codingObject returns the Coding of a claim.
func codingObject(c string) object {
	system, code := "", c
	if i := strings.LastIndexByte(c, '|'); i >= 0 {
		system, code = c[:i], c[i+1:]
	} else if purpose.Known(c) {
		system = purpose.System
	}
	if system == "" {
		return object{"code": code}
	}
	return object{"system": system, "code": code}
}

func concept(c string) object { return object{"coding": []any{codingObject(c)}} }

// maxCodes is the most codes that one list of an entry may have.
const maxCodes = 256

// claims returns the claims of Codings and CodeableConcepts, each once. ok is false if one of them
// has none, or if there are more than maxCodes.
func claims(list []object) (out []string, ok bool) {
	ok = true
	for _, o := range list {
		codings := []object{o}
		if o["coding"] != nil || o["code"] == nil {
			codings = tree.Objects(o, "coding")
		}
		found := false
		for _, c := range codings {
			s := claim(c)
			found = found || s != ""
			if s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		ok = ok && found
		if len(out) > maxCodes {
			return nil, false
		}
	}
	return out, ok
}
