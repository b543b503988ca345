package audit

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// Note says what of an event was not understood, or had to be read in some way that the reader
// should know of. An event with notes is taken: a note is counted, listed and never a refusal. It
// holds nothing from the event except positions.
type Note struct {
	Path string   // FHIR path, e.g. "AuditEvent.agent[1].who"
	Code NoteCode // what about it
}

// NoteCode names one reason for a note. Codes are stable.
type NoteCode string

// The codes.
const (
	NoPatient           NoteCode = "no-patient"           // no patient, or one only in words: filed under reg:sources
	TemporaryID         NoteCode = "temporary-id"         // the patient has only a number of the source's own
	WrongCheckDigit     NoteCode = "wrong-check-digit"    // the patient's number fails its check
	ForeignOrganisation NoteCode = "foreign-organisation" // who accessed, or was told, is none of this log
	UnknownPurpose      NoteCode = "unknown-purpose"      // a local code that the mapping does not have
	BreakGlassInWords   NoteCode = "break-glass-in-words" // words say so, and no code does
	PartialDate         NoteCode = "partial-date"         // a date without a time: the whole day, month or year
	NoZone              NoteCode = "no-zone"              // a time without a zone: that of the mapping
	NoTime              NoteCode = "no-time"              // nothing says when it was recorded: the end of its period, or its import
	MissingElement      NoteCode = "missing-element"      // an element that an AuditEvent must have
	UnknownValue        NoteCode = "unknown-value"        // a value outside its required values, which does not tell its meaning
	SizeCut             NoteCode = "too-large"            // a hash stands for what does not fit
	LeadingZero         NoteCode = "leading-zero"         // nine digits: read as a CHI number with the zero in front
	BundleTooLarge      NoteCode = "bundle-too-large"     // the patient may be named in a part of the Bundle that was not kept
)

// notes collects the notes of one event.
type notes []Note

// add adds a note, unless it is there.
func (n *notes) add(path string, code NoteCode) {
	if note := (Note{path, code}); !slices.Contains(*n, note) {
		*n = append(*n, note)
	}
}

// person notes what is to be said of the patient of an access.
func (n *notes) person(who identity, early bool) {
	const at = "AuditEvent.entity"
	switch {
	case who.ID == "":
		n.add(at, NoPatient)
	case strings.HasPrefix(who.ID, "temp:"):
		n.add(at, TemporaryID)
	case who.Restored:
		n.add(at, LeadingZero)
	case !entry.CheckDigitOK(who.ID):
		n.add(at, WrongCheckDigit)
	}
	if early && !strings.HasPrefix(who.ID, "chi:") && !strings.HasPrefix(who.ID, "nhs:") {
		n.add(at, BundleTooLarge)
	}
}
