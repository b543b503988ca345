package reading

import (
	"strings"
	"time"
	"unicode"

	"igledger/audit"
	"igledger/audit/plain"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/verifier"
)

// Entry is one access or other act: who, what, why and when. "" means unknown or not shown.
type Entry struct {
	Entry         uint64   `json:"entry"` // position in the log
	When          string   `json:"when"`  // when it happened, as the source claims
	Until         string   `json:"until"`
	Who           string   `json:"who"` // organisation by its name in the log's register, with its id
	Role          string   `json:"role"`
	Person        string   `json:"person"`
	System        string   `json:"system"` // through which it accessed
	Act           string   `json:"act"`    // "access"; "attempt", "decision": nobody used the record; "": another act about the person
	What          string   `json:"what"`   // "read Observation", "tried to read Observation"
	Why           string   `json:"why"`    // "to give you care"
	Justification string   `json:"justification"`
	Result        string   `json:"result"`
	Agreement     string   `json:"agreement"`
	Emergency     bool     `json:"emergency"`  // the usual limits were overridden
	Override      string   `json:"override"`   // Emergency in words, else ""
	Machine       bool     `json:"machine"`    // no human behind it
	Nature        string   `json:"nature"`     // Machine in words, else ""
	ReportedBy    string   `json:"reportedBy"` // organisation that signed
	Received      string   `json:"received"`   // when the ledger received it; its word, not proved
	Newer         bool     `json:"newer"`      // in the log, but not covered by the proof of completeness
	Remarks       []string `json:"remarks"`
}

// said is the catalogue of words in which the report is.
var said = plain.In(plain.English)

func row(s *verifier.StatementEntry, reg *register.Register) Entry {
	unreadable := said.Text(plain.Unreadable)
	e := Entry{Entry: s.Index, Newer: s.Newer, Who: unreadable, What: unreadable, Why: unreadable}
	if s.Opening != nil {
		e.Received = s.Opening.Received
		for _, f := range s.Opening.Flags {
			e.Remarks = append(e.Remarks, said.LedgersWord(clean(said.Flag(f), maxName)))
		}
		if v := s.Opening.Verdict; v != nil { // igverify also says which rules decided; this page does not have the policies
			e.Remarks = append(e.Remarks, said.LedgersWord(clean(said.Verdict(v), maxText)))
		}
	}
	for _, r := range s.Remarks {
		e.Remarks = append(e.Remarks, clean(r, maxSentence))
	}
	if s.Entry == nil {
		return e
	}
	d := said.Describe(s.Entry)
	access, ok := s.Entry.Body.(*entry.Access)
	if ok {
		d, e.Until = audit.Describe(said, access), access.OccurredEnd
	}
	e.When = d.When.Format(time.RFC3339)
	e.Who, e.ReportedBy = organisation(reg, d.Organisation), organisation(reg, s.Entry.Issuer)
	e.Role, e.Person, e.System = clean(d.Role, maxName), clean(d.Staff, maxName), clean(d.System, maxName)
	e.What, e.Why, e.Result = clean(d.What, maxText), clean(d.Why, maxText), clean(d.Result, maxText)
	e.Act = string(d.Act)
	e.Justification, e.Agreement = clean(d.Justification, maxText), clean(d.Agreement, maxName)
	e.Emergency, e.Machine = d.Emergency, d.Machine
	if e.Emergency {
		e.Override = said.Text(plain.MarkEmergency)
	}
	if e.Machine {
		e.Nature = said.Text(plain.MarkMachine)
	}
	if ok && access.Staff == nil && !access.Machine { // decoys hide whether the entry has it
		e.Person = said.Text(plain.Withheld)
	}
	return e
}

func organisation(reg *register.Register, id string) string {
	name := ""
	if reg != nil && reg.Organisation(id) != nil {
		name = clean(reg.Organisation(id).Name, maxName)
	}
	if name == "" {
		return clean(id, maxName)
	}
	return name + " (" + clean(id, maxName) + ")"
}

// Lengths in characters at which a text is cut, so that no entry hides the others.
const (
	maxName     = 200
	maxText     = 600
	maxSentence = 4000
)

// maxMarks is the number of combining marks that a letter keeps: more would be drawn over the lines
// above.
const maxMarks = 3

// clean makes a text from others safe to show: on one line, without control, direction or invisible
// characters, without stacks of marks, and no longer than limit.
func clean(s string, limit int) string {
	var b strings.Builder
	n, marks, space := 0, 0, true
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Z) || !unicode.IsPrint(r) {
			r = ' '
		}
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
			if marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		if r == ' ' && space {
			continue
		}
		space = r == ' '
		n++
		if n > limit {
			b.WriteString("… (cut)")
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
