package audit

import (
	"fmt"

	"igledger/consent/fhir/tree"
)

// Code names one reason why an AuditEvent cannot be read. Codes are stable. A Code is itself an
// error, so errors.Is(err, audit.Missing) works.
type Code = tree.Code

// What can be wrong.
const (
	BadJSON            = tree.BadJSON         // not one JSON value, duplicate member, invalid UTF-8, nested too deep
	NotAuditEvent Code = "not-an-audit-event" // another resourceType, or none
	Missing       Code = "missing-element"    // an element that an AuditEvent must have, or that filing it needs
	BadValue      Code = "bad-value"          // an element of the wrong kind or outside its required value set
	TooLarge           = tree.TooLarge        // over MaxRead
	BadConversion Code = "bad-conversion"     // the Conversion itself is not usable
	// the disclosure "fhir" does not make an AuditEvent, or contradicts the claims
	BadResidue Code = "bad-residue"
)

// Error says which element of an event was wrong. It never holds anything from the event except
// positions.
type Error = tree.Error

func fail(code Code, path, format string, args ...any) error {
	return tree.Fail(code, path, format, args...)
}

// StreamError says what of a stream could not be read as events, or where reading stopped.
type StreamError struct {
	Line  int // of input, from 1, on which the wrong value ends or breaks, or reading stopped
	To    int // last line that was passed over to find the next value, if it is after Line
	Event int // number that an event there would have had
	Err   error
}

func (e *StreamError) Error() string {
	more := ""
	if e.To > e.Line {
		more = fmt.Sprintf("; passed over to the end of line %d", e.To)
	}
	return fmt.Sprintf("line %d, event %d: %s%s", e.Line, e.Event, e.Err, more)
}

// Unwrap returns the cause.
func (e *StreamError) Unwrap() error { return e.Err }
