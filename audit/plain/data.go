package plain

import (
	"strings"

	"igledger/ledger/entry"
)

// resources are the FHIR resource types that have words, which complete "read …".
var resources = []string{
	"Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse",
	"AuditEvent", "Basic", "Binary", "BodyStructure", "Bundle", "CarePlan", "CareTeam",
	"ChargeItem", "Claim", "ClinicalImpression", "Communication", "CommunicationRequest",
	"Composition", "Condition", "Consent", "Coverage", "DetectedIssue", "Device", "DeviceRequest",
	"DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "Encounter",
	"EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal", "Group",
	"GuidanceResponse", "ImagingStudy", "Immunization", "ImmunizationRecommendation", "Invoice",
	"List", "Location", "Media", "Medication", "MedicationAdministration", "MedicationDispense",
	"MedicationRequest", "MedicationStatement", "MolecularSequence", "NutritionOrder",
	"Observation", "Organization", "Patient", "Person", "Practitioner", "PractitionerRole",
	"Procedure", "Provenance", "Questionnaire", "QuestionnaireResponse", "RelatedPerson",
	"RequestGroup", "ResearchStudy", "ResearchSubject", "RiskAssessment", "Schedule",
	"ServiceRequest", "Slot", "Specimen", "Substance", "SupplyDelivery", "SupplyRequest", "Task",
	"VisionPrescription",
}

// codes are the common codes of data that have words, as the keys of the catalogue have them: a
// short name of the system and the code.
var codes = []string{
	"loinc.1558-6", "loinc.4548-4", "loinc.2339-0", "loinc.718-7", "loinc.57021-8", "loinc.2160-0",
	"loinc.2093-3", "loinc.55284-4", "loinc.85354-9", "loinc.8480-6", "loinc.8462-4",
	"loinc.8867-4", "loinc.8310-5", "loinc.9279-1", "loinc.59408-5", "loinc.29463-7",
	"loinc.8302-2", "loinc.39156-5", "loinc.72166-2", "loinc.11502-2", "loinc.18842-5",
	"loinc.34133-9", "loinc.60591-5", "loinc.11488-4", "loinc.10160-0", "loinc.48765-2",
	"loinc.11369-6", "loinc.11450-4", "loinc.56445-0", "loinc.94500-6", "loinc.55277-8",
	"sct.371530004", "sct.373942005", "sct.4241000179101", "sct.4201000179104", "sct.103693007",
	"sct.308646001", "sct.394802001", "sct.408443003", "sct.224930009", "sct.737427001",
	"sct.86406008", "sct.74732009", "confidentiality.R", "confidentiality.V", "confidentiality.N",
	"sensitivity.HIV", "sensitivity.PSY", "sensitivity.ETH", "sensitivity.SDV", "sensitivity.SEX",
	"sensitivity.STD", "sensitivity.GDIS",
}

// systems are the code systems of codes.
var systems = map[string]string{
	"http://loinc.org":       "loinc",
	"http://snomed.info/sct": "sct",
	"http://terminology.hl7.org/CodeSystem/v3-Confidentiality": "confidentiality",
	"http://terminology.hl7.org/CodeSystem/v3-ActCode":         "sensitivity",
}

// Data returns what a category of data, "system|code", is called, and reports whether there are
// words for it. Of one that has none it returns the code.
func (c *Catalogue) Data(category string) (string, bool) {
	system, code := splitCode(category)
	key := Key("kind." + code)
	if system != resourceTypes {
		key = Key("code." + systems[system] + "." + code)
	}
	if text, ok := c.lookup(key); ok {
		return text, true
	}
	return code, false
}

// kinds returns what the FHIR resource types that were used are called, "" if none is known.
func (c *Catalogue) kinds(a *entry.Access) string {
	var list []string
	for _, d := range a.Data {
		if system, _ := splitCode(d); system == resourceTypes {
			said, _ := c.Data(d)
			list = append(list, said)
		}
	}
	return strings.Join(list, ", ")
}
