package policies

import "fmt"

// Code names one way in which a policy set cannot be used. Codes are stable. A Code is itself an error, so errors.Is(err, policies.Syntax) works.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong with a policy set.
const (
	TooLarge          Code = "policy-too-large"          // more than MaxText bytes or MaxRules policies, or nested deeper than maxNesting
	Syntax            Code = "policy-syntax"             // not Cedar
	Schema            Code = "policy-schema"             // speaks of something that the schema does not have, or in the wrong type
	Annotation        Code = "policy-annotation"         // @id or @plain is missing or malformed, or another annotation is not known
	DeniesEverything  Code = "policy-denies-everything"  // even what any sensible set allows
	PermitsEverything Code = "policy-permits-everything" // even what any sensible set denies
)

// PolicyError says where in a policy set something is wrong, and what. Policies are public, so it may quote them.
type PolicyError struct {
	Code   Code
	Line   int // of the text, from 1: of the fault, or where the policy at fault begins; 0 if it is the set as a whole
	Reason string
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("policy set: %s: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("policy set, line %d: %s: %s", e.Line, e.Code, e.Reason)
}

// Unwrap lets errors.Is find the Code.
func (e *PolicyError) Unwrap() error { return e.Code }

func fail(code Code, line int, format string, args ...any) error {
	return &PolicyError{Code: code, Line: line, Reason: fmt.Sprintf(format, args...)}
}
