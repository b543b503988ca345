// Package iso27560 writes consent records and receipts as ISO/IEC TS 27560:2023 wants them, in JSON-LD with the terms of the W3C Data Privacy
// Vocabulary (DPV 2.3) after its guide to ISO/IEC 27560 (profiles dpv-27560:record and dpv-27560:receipt).
//
// It promises that every field that is mandatory there is in what it writes, taken from the consent's entries, the agreement the consent was asked for and
// the register of organisations; where one cannot be had it refuses and names it, and makes nothing up. The context is inline: nothing is fetched to read a
// record. The text of ISO/IEC TS 27560 itself was not at hand, only the guide's table of it.
//
// It does not sign: what stands behind a record are the entries, which it names by their jti, and their receipts in the log.
package iso27560

import (
	"fmt"

	"igledger/ledger/entry"
)

// Source is what a record is made of.
type Source struct {
	Acts          []*entry.Consent     // all acts of one consent record, in the order of the log; opened
	Agreement     *entry.AgreementText // that the consent was asked for
	Organisations []entry.Member       // as registered: every party and every recipient
	Jurisdiction  string               // ISO 3166 code of the country or its part, e.g. "GB-SCT"
}

// Code names one way in which a record cannot be made. Codes are stable.
type Code string

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// What can be wrong.
const (
	Missing   Code = "missing-field" // a field that ISO/IEC TS 27560 wants cannot be filled
	BadSource Code = "bad-source"    // the acts are not those of one record, or belong to another agreement
)

// Error says which field. It never holds a personal datum.
type Error struct {
	Code   Code
	Field  string // ISO/IEC TS 27560, e.g. "privacy_notice"
	Detail string // where it would come from
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Field, e.Code, e.Detail) }

// Unwrap lets errors.Is find the Code.
func (e *Error) Unwrap() error { return e.Code }

func missing(field, detail string) error { return &Error{Missing, field, detail} }
