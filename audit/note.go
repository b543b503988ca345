package audit

import "slices"

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
	NoTime              NoteCode = "no-time"              // nothing says when it was recorded
	SizeCut             NoteCode = "too-large"            // a hash stands for what does not fit
)

// notes collects the notes of one event.
type notes []Note

// add adds a note, unless it is there.
func (n *notes) add(path string, code NoteCode) {
	if note := (Note{path, code}); !slices.Contains(*n, note) {
		*n = append(*n, note)
	}
}
