package policies

import "fmt"

// Code names one reason why a policy set cannot be used. Codes are stable. A Code is itself an
// error, so errors.Is(err, policies.Syntax) works.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong with a policy set.
const (
	// TooLarge: more than MaxText bytes or MaxRules policies, or nested deeper than maxNesting.
	TooLarge Code = "policy-too-large"
	// Syntax: not Cedar.
	Syntax Code = "policy-syntax"
	// Schema: names something that the schema does not have, or uses it with the wrong type.
	Schema Code = "policy-schema"
	// Annotation: @id or @plain is missing or malformed, or another annotation is not known.
	Annotation Code = "policy-annotation"
	// DeniesEverything: the set denies even what any sensible set allows.
	DeniesEverything Code = "policy-denies-everything"
	// PermitsEverything: the set allows even what any sensible set denies.
	PermitsEverything Code = "policy-permits-everything"
)

// PolicyError says what is wrong in a policy set and where. Policies are public, so it may quote
// them.
type PolicyError struct {
	Code   Code
	Line   int // from 1: the line of the fault, or where its policy begins; 0: the set as a whole
	Reason string
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("policy set: %s: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("policy set, line %d: %s: %s", e.Line, e.Code, e.Reason)
}

// Unwrap returns the Code, so that errors.Is finds it.
func (e *PolicyError) Unwrap() error { return e.Code }

func fail(code Code, line int, format string, args ...any) error {
	return &PolicyError{Code: code, Line: line, Reason: fmt.Sprintf(format, args...)}
}
