package reading

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"igledger/audit"
	"igledger/ledger/entry"
	"igledger/ledger/register"
	"igledger/verifier"
)

// Entry is one access: who, what, why and when. "" is unknown or not shown.
type Entry struct {
	Entry         uint64   `json:"entry"` // position in the log
	When          string   `json:"when"`  // when it happened, by the source's claim
	Until         string   `json:"until"`
	Who           string   `json:"who"` // organisation by its name in the log's register, with its id
	Role          string   `json:"role"`
	Person        string   `json:"person"`
	System        string   `json:"system"` // through which it accessed
	What          string   `json:"what"`   // "read Observation"
	Why           string   `json:"why"`    // "to give you care"
	Justification string   `json:"justification"`
	Result        string   `json:"result"`
	Agreement     string   `json:"agreement"`
	Emergency     bool     `json:"emergency"`  // the usual limits were overridden
	Machine       bool     `json:"machine"`    // no human behind it
	ReportedBy    string   `json:"reportedBy"` // organisation that signed
	Received      string   `json:"received"`   // when the ledger took it; its word, not proved
	Newer         bool     `json:"newer"`      // in the log, outside the proof of completeness
	Remarks       []string `json:"remarks"`
}

// flagWords words the ledger's remarks.
var flagWords = map[entry.Flag]string{
	entry.FlagCheckDigit:       "the number in this entry fails its check digit",
	entry.FlagUnknownAgreement: "the agreement it names is not in the ledger",
	entry.FlagLate:             "reported more than a day after it was written",
	entry.FlagSequenceGap:      "other reports of the same system are missing before this one, or still to come",
	entry.FlagSequenceBack:     "reported out of order",
	entry.FlagNoSequence:       "reported without a running number",
	entry.FlagConsentNotBasis:  "consent was recorded, but the use does not rest on consent",
	entry.FlagSuspectKey:       "signed with a key that is under suspicion",
}

// verdictWords word what policy says of an access. Which rules decided igverify says: the policies are not part of this page.
var verdictWords = map[entry.VerdictResult]string{
	entry.Covered:    "covered",
	entry.BreakGlass: "an emergency override, which the organisation has to justify afterwards",
	entry.NotCovered: "not covered by any agreement, consent or law that the ledger knows",
}

func row(s *verifier.StatementEntry, reg *register.Register) Entry {
	e := Entry{Entry: s.Index, Newer: s.Newer, Who: "not readable", What: "not readable", Why: "not readable"}
	if s.Opening != nil {
		e.Received = s.Opening.Received
		for _, f := range s.Opening.Flags {
			w := flagWords[f]
			if w == "" {
				w = string(f)
			}
			e.Remarks = append(e.Remarks, "the ledger's remark: "+clean(w, maxName))
		}
	}
	if s.Opening != nil && s.Opening.Verdict != nil {
		e.Remarks = append(e.Remarks, "the ledger's verdict, not proved: "+verdictWords[s.Opening.Verdict.Result])
	}
	for _, r := range s.Remarks {
		e.Remarks = append(e.Remarks, clean(r, maxSentence))
	}
	if s.Entry == nil {
		return e
	}
	a, ok := s.Entry.Body.(*entry.Access)
	if !ok {
		return act(e, s.Entry, reg)
	}
	d := audit.Describe(a)
	e.When, e.Until = d.When.Format(time.RFC3339), a.OccurredEnd
	e.Who, e.ReportedBy = organisation(reg, a.Accessor()), organisation(reg, a.Issuer)
	e.Role, e.Person, e.System = clean(d.Role, maxName), clean(d.Staff, maxName), clean(d.System, maxName)
	e.What, e.Why, e.Result = clean(d.What, maxName), clean(d.Why, maxText), d.Result
	e.Justification, e.Agreement = clean(d.Justification, maxText), clean(d.Agreement, maxName)
	e.Emergency = a.Emergency || slices.Contains(a.Purpose, "BTG")
	e.Machine = a.Machine
	if a.Staff == nil && !a.Machine { // decoys hide whether the entry has it
		e.Person = "not shown"
	}
	return e
}

// act fills in what an entry other than an access states.
func act(e Entry, stated *entry.Entry, reg *register.Register) Entry {
	if a, ok := verifier.DescribeAct(stated); ok {
		e.When, e.Who, e.ReportedBy = a.When, organisation(reg, a.Org), organisation(reg, stated.Issuer)
		e.What, e.Why = clean(a.What, maxText), clean(a.Why, maxText)
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

// Lengths in characters beyond which a text is cut, so that no entry hides the others.
const (
	maxName     = 200
	maxText     = 600
	maxSentence = 4000
)

// maxMarks is how many combining marks one letter keeps: more are drawn over the lines above.
const maxMarks = 3

// clean makes a text of others safe to show: one line, no control, direction or invisible characters, no towers of marks, not longer than limit.
func clean(s string, limit int) string {
	var b strings.Builder
	n, marks, space := 0, 0, true
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Z) || !unicode.IsPrint(r) {
			r = ' '
		}
		if unicode.In(r, unicode.Mn, unicode.Me) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		if r == ' ' && space {
			continue
		}
		space = r == ' '
		if n++; n > limit {
			b.WriteString("… (cut)")
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}
