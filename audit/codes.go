package audit

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// Code systems that the conversion looks for.
const (
	dcm             = "http://dicom.nema.org/resources/ontology/DCM"
	restType        = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	restSubtype     = "http://hl7.org/fhir/restful-interaction"
	lifecycle       = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	securityRole    = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
	participation   = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	roleClass       = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
	roleCode        = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
	participantType = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	userAgent       = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
	otherIDType     = "https://profiles.ihe.net/ITI/BALP/CodeSystem/OtherIdentifierTypes"
	otherID         = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/ihe-otherId"
	homeCommunity   = "urn:ihe:iti:xca:2010"
	identifierType  = "http://terminology.hl7.org/CodeSystem/v2-0203"
	snomed          = "http://snomed.info/sct"
	entityType      = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	balpEntity      = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	objectRole      = "http://terminology.hl7.org/CodeSystem/object-role"
	resourceTypes   = "http://hl7.org/fhir/resource-types"
)

// actReason lists the spellings of v3-ActReason.

// A coding is a FHIR Coding with the object that it came from.
type coding struct {
	system, code string
	at           object
}

func codingOf(o object) coding {
	c := coding{text(o, "system"), text(o, "code"), o}
	if slices.Contains(dcmSpellings, c.system) {
		c.system = dcm
	}
	return c
}

// dcmSpellings are other names of DICOM's code system: its OID, the name in DICOM itself, and those
// of earlier versions of FHIR.
var dcmSpellings = []string{
	"urn:oid:1.2.840.10008.2.16.4", "1.2.840.10008.2.16.4", "DCM", "http://dicom.nema.org/resources/ontology/DCM/",
	"http://nema.org/dicom/dicm", "http://nema.org/dicom/dcid",
}

// codings returns the codings of CodeableConcepts.
func codings(concepts ...object) []coding {
	var list []coding
	for _, c := range concepts {
		for _, o := range objects(c, "coding") {
			list = append(list, codingOf(o))
		}
	}
	return list
}

func (c coding) is(system string, codes ...string) bool {
	return c.system == system && slices.Contains(codes, c.code)
}

// isPatientRole reports whether an entity's role is object-role#1 Patient. The system may have its
// name from before R4.
func (c coding) isPatientRole() bool {
	return c.is(objectRole, "1") || c.is("http://hl7.org/fhir/object-role", "1") || c.is("", "1")
}

func anyIs(list []coding, system string, codes ...string) bool {
	return slices.ContainsFunc(list, func(c coding) bool { return c.is(system, codes...) })
}

// claim returns the spelling of a coding in an open claim: "system|code", or the code alone if it
// has no system.
func (c coding) claim() string {
	if c.system == "" {
		return c.code
	}
	return c.system + "|" + c.code
}

// secrets are words that would tell who a person in the event is. No open claim holds one.
type secrets struct {
	words   map[string]bool // lower case, at least 3 letters or digits
	numbers []string        // at least 6 characters: not even as part of a longer word
}

func (s *secrets) add(text string) {
	if s.words == nil {
		s.words = map[string]bool{}
	}
	for _, w := range words(text) {
		if len(w) >= 3 {
			s.words[w] = true
		}
		if len(w) >= 6 && w != "113883" /* HL7's OID */ && strings.ContainsAny(w, "0123456789") {
			s.numbers = append(s.numbers, w)
		}
	}
}

func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f)
	})
}

// number reports whether text holds a number that identifies a person.
func (s *secrets) number(text string) bool {
	low := strings.ToLower(text)
	flat := squeeze(low)
	return entry.ContainsPersonNumber(text) || slices.ContainsFunc(s.numbers, func(n string) bool {
		return strings.Contains(low, n) || strings.Contains(flat, n)
	})
}

// word reports whether text holds a word of a person's name or identifier.
func (s *secrets) word(text string) bool {
	return slices.ContainsFunc(words(text), func(w string) bool { return s.words[w] })
}

// token reports whether t may be in an open claim as a code, a system's name or the like. It must
// be 1 to max printable ASCII characters without space, and hold nothing that identifies a person.
func (s *secrets) token(t string, max int) bool {
	return t != "" && len(t) <= max && printable(t) && !s.number(t) && !s.word(t)
}

// open reports whether a coding may be in an open claim. That something is a code is the system's
// own word. So neither the code nor the system may hold blanks (free text) or a word that names a
// person in the event. Other codings stay in the residue.
func (s *secrets) open(c coding) bool {
	if !s.token(c.code, 64) || strings.Contains(c.code, "|") {
		return false
	}
	if c.system == "" {
		return true
	}
	if slices.ContainsFunc(publicSystems, func(p string) bool { return strings.HasPrefix(c.system, p) }) {
		return len(c.system) <= 256 && printable(c.system) && !strings.Contains(c.system, "|") && !s.number(c.system)
	}
	return s.token(c.system, 256) && strings.Contains(c.system, ":") && !strings.Contains(c.system, "|")
}

// publicSystems are the beginnings of names of code systems. Unlike those of a local system, their
// words cannot be a person's name.
var publicSystems = []string{
	"http://terminology.hl7.org/", "http://hl7.org/fhir/", "http://dicom.nema.org/", "http://snomed.info/",
	"http://loinc.org", "https://profiles.ihe.net/", "urn:oid:",
}

func printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e })
}

func isResource(name string) bool { return tree.IsResource(name) }
