package audit

import (
	"fmt"

	"igledger/consent/fhir/tree"
)

// Code names one way in which an AuditEvent cannot be read. Codes are stable. A Code is itself an error, so errors.Is(err, audit.Missing) works.
type Code = tree.Code

// What can be wrong.
const (
	BadJSON            = tree.BadJSON         // not one JSON value, duplicate member, invalid UTF-8, nested too deep
	NotAuditEvent Code = "not-an-audit-event" // resourceType is another one or missing
	Missing       Code = "missing-element"    // an element that AuditEvent or its filing cannot do without
	BadValue      Code = "bad-value"          // an element of the wrong kind or outside its required value set
	TooLarge           = tree.TooLarge        // over MaxEvent, or a disclosure over what an entry takes
	BadConversion Code = "bad-conversion"     // the Conversion itself is not usable
	BadResidue    Code = "bad-residue"        // the disclosure "fhir" of an entry does not give an AuditEvent, or contradicts the claims
)

// Error says which element of an event was wrong. It never holds anything out of the event but positions.
type Error = tree.Error

func fail(code Code, path, format string, args ...any) error {
	return tree.Fail(code, path, format, args...)
}

// StreamError says where in a stream of events reading stopped.
type StreamError struct {
	Line  int // line of input, from 1, on which the offending value ends or reading stopped
	Event int // number of the event that failed; those before it were handed over
	Err   error
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("line %d, event %d: %s", e.Line, e.Event, e.Err)
}

// Unwrap gives the cause.
func (e *StreamError) Unwrap() error { return e.Err }
