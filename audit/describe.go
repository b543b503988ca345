package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// Summary is an access in words, for tables on screens. Empty fields are unknown or withheld. No field has line breaks or control characters.
type Summary struct {
	When          time.Time // when it happened, by the source's claim
	Organisation  string    // id of the organisation that accessed
	Role          string    // of the user, in words if the event had words, else the code
	Staff         string    // name, else identifier
	System        string    // through which it accessed
	What          string    // "read Observation"
	Why           string    // "to give you care"; "no reason given"
	Justification string    // of break-glass
	Result        string    // "succeeded", "refused or failed"
	Agreement     string    // id
	Emergency     bool
	Machine       bool // no human behind it
}

// Describe says an access in words.
func Describe(a *entry.Access) Summary {
	s := Summary{When: a.Time(), Organisation: a.Accessor(), System: a.System, Agreement: a.Agreement, Emergency: a.Emergency, Machine: a.Machine,
		What: what(a), Why: why(a), Result: results[a.Outcome]}
	if a.Staff != nil {
		if s.Staff = a.Staff.Name; s.Staff == "" {
			s.Staff = a.Staff.ID
		}
	}
	if a.Text != nil {
		s.Justification = a.Text.Justification
	}
	s.Role = role(a)
	for _, f := range []*string{&s.Organisation, &s.Role, &s.Staff, &s.System, &s.What, &s.Why, &s.Justification, &s.Agreement} {
		*f = oneLine(*f)
	}
	return s
}

// oneLine makes a source's text safe to print: one line, no control or direction characters by which it could look like another.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)), " ")
}

// results words AuditEvent.outcome: 4 is a failure the user may get over, 8 one that stopped the act, 12 one of the system.
var results = map[string]string{"0": "succeeded", "4": "failed in part", "8": "refused or failed", "12": "system failure"}

// verbs words types and subtypes that say more than the action does.
var verbs = []struct{ claim, verb string }{
	{dcm + "|110122", "signed in"}, {dcm + "|110123", "signed out"}, {lifecycle + "|disclose", "disclosed"}, {dcm + "|110106", "exported"}, {dcm + "|110107", "imported"},
	{dcm + "|110101", "read the audit log"}, {dcm + "|110113", "access decision"}, {dcm + "|110120", "application started"},
	{dcm + "|110121", "application stopped"},
}

var actions = map[string]string{"C": "created", "R": "read", "U": "changed", "D": "deleted", "E": "searched"}

func what(a *entry.Access) string {
	verb := actions[a.Action]
	for _, v := range verbs {
		if slices.Contains(a.Event, v.claim) {
			verb = v.verb
			break
		}
	}
	if verb == actions["E"] && !slices.ContainsFunc(a.Event, func(e string) bool {
		return e == dcm+"|110112" || strings.HasPrefix(e, restSubtype+"|search")
	}) {
		verb = "performed an operation"
	}
	var kinds []string
	for _, d := range a.Data {
		if system, code := splitClaim(d); system == resourceTypes {
			kinds = append(kinds, code)
		}
	}
	direction := ""
	if disclosure(a) && slices.Contains(a.Event, lifecycle+"|disclose") {
		verb, direction = disclosed(a)
	}
	return strings.TrimSpace(verb + " " + strings.Join(kinds, ", ") + direction)
}

// disclosed says a disclosure from the side of who accessed: received from the sender, or disclosed to the recipient.
func disclosed(a *entry.Access) (verb, direction string) {
	end := func(code string) (name string, own bool) {
		for _, p := range a.Parties {
			if p.Type == dcm+"|"+code {
				return cmp.Or(p.Name, p.ID), p.ID == a.Accessor() || strings.HasSuffix(p.ID, "/"+a.Accessor())
			}
		}
		return "", false
	}
	sender, _ := end("110153")
	recipient, own := end("110152")
	switch {
	case own && sender != "":
		return "received", " from " + sender
	case own:
		return "received", ""
	case recipient != "":
		return "disclosed", " to " + recipient
	}
	return "disclosed", ""
}

func why(a *entry.Access) string {
	var list []string
	for _, p := range a.Purpose {
		if known, ok := purpose.Lookup(p); ok {
			list = append(list, known.Plain)
		}
	}
	if a.Text != nil && a.Text.Why != "" {
		list = append(list, a.Text.Why)
	}
	if len(list) == 0 && len(a.Purpose) > 0 {
		return "for a purpose in the source's own code"
	}
	if len(list) == 0 {
		return "no reason given"
	}
	return strings.Join(list, "; ")
}

// role takes the words for the user's role from the residue, if it is shown.
func role(a *entry.Access) string {
	code := ""
	if len(a.Role) > 0 {
		_, code = splitClaim(a.Role[0])
	}
	if len(a.FHIR) == 0 {
		return code
	}
	raw, err := ToAuditEvent(a)
	if err != nil {
		return code
	}
	v, err := parseTree("AuditEvent", raw)
	root, _ := v.(object)
	u := user(root)
	if err != nil || u < 0 {
		return code
	}
	for _, c := range objects(objects(root, "agent")[u], "role") {
		if w := text(c, "text"); w != "" {
			return w
		}
		for _, coding := range objects(c, "coding") {
			if w := text(coding, "display"); w != "" {
				return w
			}
		}
	}
	return code
}
