package mapping

import (
	"slices"
	"strings"
)

// defaultSystems are the identifier systems of CHI and NHS numbers that public sources know, as
// spelling writes them. They are the same number under each.
var defaultSystems = map[string]string{
	// HL7 UK's OID of the CHI number; NHS England's FHIR guides for Scotland, and the older host of
	// its identifiers; HL7 UK's host; NHS Education for Scotland's forms (ReSPECT, vaccinations).
	"2.16.840.1.113883.2.1.3.2.4.16.53":       "chi",
	"fhir.nhs.uk/id/chi-number":               "chi",
	"fhir.nhs.net/id/chi-number":              "chi",
	"fhir.hl7.org.uk/id/chi-number":           "chi",
	"fhir.nhs.scot/id/chi-number":             "chi",
	"fhir.nhs.scot/id/national/chi-number":    "chi",
	"fhir.nhs.scot.uk/id/chi-number":          "chi",
	"fhir.nhs.scot.uk/id/national/chi-number": "chi",
	"fhir.scot.nhs.uk/id/chi-number":          "chi",
	// UK Core's system of the NHS number, and its hosts before that; HL7 UK's OIDs of the number that
	// was traced and of the one that was not (messages in HL7 version 3 and ITK).
	"fhir.nhs.uk/id/nhs-number":         "nhs",
	"fhir.nhs.net/id/nhs-number":        "nhs",
	"fhir.hl7.org.uk/id/nhs-number":     "nhs",
	"2.16.840.1.113883.2.1.4.1":         "nhs",
	"2.16.840.1.113883.2.1.3.2.4.18.23": "nhs",
}

// spelling returns an identifier system as it compares: URIs are written with http and https, in
// both cases and with a slash at the end, OIDs with and without urn:oid.
func spelling(system string) string {
	s := strings.ToLower(strings.TrimSpace(system))
	for _, scheme := range []string{"https://", "http://", "urn:oid:"} {
		s = strings.TrimPrefix(s, scheme)
	}
	return strings.TrimRight(s, "/")
}

// staffSystems are the identifier systems of NHS staff and of the United Kingdom's registers of
// health professionals, as spelling writes them.
var staffSystems = []string{
	"fhir.nhs.uk/id/sds-user-id", "fhir.nhs.uk/id/sds-role-profile-id", "fhir.nhs.net/id/sds-user-id",
	"fhir.nhs.net/id/sds-role-profile-id",
	"fhir.hl7.org.uk/id/gmc-number", "fhir.hl7.org.uk/id/gmp-number", "fhir.hl7.org.uk/id/nmc-number",
	"fhir.hl7.org.uk/id/gphc-number", "fhir.hl7.org.uk/id/hcpc-number", "fhir.hl7.org.uk/id/gdc-number",
	"fhir.nhs.scot.uk/national/gmc-number",
}

// StaffSystem reports whether an identifier system is of people who work in health care.
func StaffSystem(system string) bool { return slices.Contains(staffSystems, spelling(system)) }

// OwnPatient is the identifier system of ids of people in the ledger, of the scheme temp.
const OwnPatient = "urn:igledger:patient"

// numbered are the FHIR servers on which the id of a Patient is such a number: NHS England's
// Personal Demographics Service.
var numbered = map[string]string{
	"api.service.nhs.uk/personal-demographics/fhir/r4": "nhs",
}

// NumberedBy returns the scheme of the number that is the id of a Patient on a FHIR server, "" if
// it is the server's own.
func NumberedBy(base string) string { return numbered[spelling(base)] }
