package entry

import (
	"slices"
	"strings"
)

// Act is what an access entry says happened. A source reports what was done, what was tried, and
// what was decided, all as AuditEvents, and only the first is an access.
type Act string

// The acts.
const (
	ActAccess   Act = "access"   // the record was used
	ActAttempt  Act = "attempt"  // someone tried to use it, and failed or was refused
	ActDecision Act = "decision" // a system decided whether it may be used
)

// Event codes of a decision: DICOM's Security Alert, as the type, and then nothing but the subtypes
// that IHE BALP has for decisions.
const (
	securityAlert  = "http://dicom.nema.org/resources/ontology/DCM|110113"
	decisionSystem = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType|"
)

// Act returns what the entry says happened. Verdicts, reports and everything that people read go by
// it. In doubt it is an access: an event that says in any other code, or by its action, that data
// was used as well is not a mere decision. A decision that permitted says nothing of what followed,
// which has an entry of its own.
func (a *Access) Act() Act {
	switch {
	case a.decision():
		return ActDecision
	case a.Outcome != "0":
		return ActAttempt
	}
	return ActAccess
}

func (a *Access) decision() bool {
	if len(a.Event) < 2 || a.Event[0] != securityAlert || a.Action != "E" {
		return false
	}
	return !slices.ContainsFunc(a.Event[1:], func(code string) bool {
		return !strings.HasPrefix(code, decisionSystem)
	})
}

// Event codes of what goes from one organisation to another: DICOM's Export and Import, and the
// codes of HL7 for a disclosure.
const (
	exportEvent = "http://dicom.nema.org/resources/ontology/DCM|110106"
	importEvent = "http://dicom.nema.org/resources/ontology/DCM|110107"
)

var disclosureEvents = []string{
	"http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose", "http://hl7.org/fhir/iso-21089-lifecycle|disclose",
	"http://terminology.hl7.org/CodeSystem/consentaction|disclose", "http://terminology.hl7.org/CodeSystem/v3-ActCode|IDSCL",
	// of what was used: Export and Disclosure
	"http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle|10", "http://terminology.hl7.org/CodeSystem/dicom-audit-lifecycle|11",
	"http://hl7.org/fhir/dicom-audit-lifecycle|10", "http://hl7.org/fhir/dicom-audit-lifecycle|11",
	"Disclosure", "disclosure", // HL7's example has no system
}

// Transfer reports whether the event says that data went from one organisation to another: an
// export, an import or a disclosure.
func (a *Access) Transfer() bool { return slices.Contains(a.Event, importEvent) || a.exported() }

func (a *Access) exported() bool {
	return slices.ContainsFunc(a.Event, func(code string) bool {
		return code == exportEvent || slices.Contains(disclosureEvents, code)
	})
}

// Disclosed reports whether data left the organisation that reports the access and holds the
// record, and to whom: to is "" for one that is none of the log. It did if the entry names a
// recipient that is another, or names none and the event is an export or a disclosure. An import
// comes to the issuer, unless the entry says otherwise.
func (a *Access) Disclosed() (to string, left bool) {
	if a.Recipient != "" {
		return a.Recipient, a.Recipient != a.Issuer
	}
	return "", a.exported() && !slices.Contains(a.Event, importEvent)
}
