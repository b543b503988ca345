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
