// Package iso27560 writes consent records and receipts in the form of ISO/IEC TS 27560:2023. They
// are in JSON-LD with the terms of the W3C Data Privacy Vocabulary (DPV 2.3), after its guide to
// ISO/IEC 27560 (profiles dpv-27560:record and dpv-27560:receipt).
//
// It promises that what it writes has every field that is mandatory there. The fields come from the
// consent's entries, the agreement that the consent was asked for, and the register of
// organisations. If it cannot fill a field, it returns an error that names the field, and invents
// nothing. A language that is not known is "und" (BCP 47), and a recipient that is party to no
// agreement has no contact. The context is inline: reading a record fetches nothing. The text of
// ISO/IEC TS 27560 itself was not available, only the guide's table of it.
//
// It does not sign. The entries, which a record names by their jti, and their receipts in the log
// are the evidence for a record.
package iso27560

import (
	"fmt"

	"igledger/ledger/entry"
)

// Source is what a record is made from.
type Source struct {
	Acts          []*entry.Consent       // all acts of one consent record, opened, in the order of the log
	Agreements    []*entry.AgreementText // the agreements that the consent was asked for
	Organisations []entry.Member         // as registered: every party and every recipient
	Jurisdiction  string                 // ISO 3166 code of the country or its part, e.g. "GB-SCT"
}

// Code names one reason why a record cannot be made. Codes are stable.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong.
const (
	Missing   Code = "missing-field" // a field that ISO/IEC TS 27560 requires cannot be filled
	BadSource Code = "bad-source"    // the acts belong to several records, or to another agreement
)

// Error says which field is wrong. It never holds a personal datum.
type Error struct {
	Code   Code
	Field  string // ISO/IEC TS 27560, e.g. "privacy_notice"
	Detail string // where it would come from
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Field, e.Code, e.Detail) }

// Unwrap returns the Code, so that errors.Is finds it.
func (e *Error) Unwrap() error { return e.Code }

// under is a source under one of its agreements.
type under struct {
	Source
	Agreement *entry.AgreementText
}

func missing(field, detail string) error { return &Error{Missing, field, detail} }
