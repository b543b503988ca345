package main

import (
	"strings"

	"igledger/audit/plain"
	"igledger/consent"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// said is the catalogue of words in which accesses are shown.
var said = plain.In(plain.English)

// accessRows returns who, what, why and when, with the names of organisations in reg, which may be
// nil. Codes are in brackets after their words. The id of the person it is about is left out: the
// reader knows it, and the table may be printed or shared.
func accessRows(e *entry.Entry, o *bundle.Opening, reg *register.Register) []row {
	org := reg.Called
	a, ok := e.Body.(*entry.Access)
	if !ok {
		return actRows(e, o, org)
	}
	s := said.Access(a)
	var rows []row
	add := func(name string, values ...string) {
		if v := strings.Join(nonEmpty(values), ", "); v != "" {
			rows = append(rows, row{name, v})
		}
	}
	add("who", org(s.Organisation))
	if a.Staff != nil {
		add("  person", a.Staff.Name, codeOf(a.Staff.System, a.Staff.ID))
		add("  unit", codes(a.Staff.Units)...)
		add("  further id", a.Staff.IDs...)
	}
	add("  role", codes(a.Role)...)
	add("  system", a.System)
	for _, p := range a.Parties {
		add("  with", p.Name, p.ID, p.Address)
	}
	if a.Machine {
		add("  nature", said.Text(plain.MarkMachine))
	}
	add("what", codeOf(a.Action, said.Did(a)))
	add("  data", codes(a.Data)...)
	add("  event", codes(a.Event)...)
	add("  outcome", codeOf(a.Outcome, s.Result))
	if len(a.Purpose) == 0 {
		add("why", s.Why)
	}
	add("why", codes(a.Purpose)...)
	if s.Emergency {
		add("  emergency", said.Text(plain.MarkEmergency))
	}
	if t := a.Text; t != nil {
		add("  said", said.Quoted(t.Why))
		add("  justification", said.Quoted(t.Justification))
		add("  search", t.Query)
		if s.Act == entry.ActAccess { // or it is in the result
			add("  outcome", said.Quoted(t.Outcome))
		}
	}
	add("  agreement", a.Agreement)
	when := a.Occurred
	if when == "" {
		when = a.Recorded
	}
	add("when", when)
	add("  until", a.OccurredEnd)
	add("  recorded", a.Recorded)
	add("reported by", org(a.Issuer), "system "+a.Source)
	add("received", o.Received)
	add("verdict", verdictOf(o))
	for _, f := range o.Flags {
		add("remark", codeOf(string(f), said.Flag(f)))
	}
	if a.Sub == "" {
		add("not shown", said.Text(plain.WithheldSubject))
	}
	if a.Staff == nil { // decoys hide whether the entry has it
		add("not shown", said.Text(plain.WithheldStaff))
	}
	return rows
}

// verdictOf returns the verdict of an opening in words, marked as the ledger's word. The words of a
// policy set in the log are not available here: rules have the words of the built-in set, or their
// names if it does not have them.
func verdictOf(o *bundle.Opening) string {
	if o.Verdict == nil {
		return ""
	}
	return said.LedgersWord(strings.Join(said.VerdictWithReasons(o.Verdict, consent.New().Reasons(o.Verdict)), " "))
}

func codes(list []string) []string {
	var out []string
	for _, c := range list {
		if system, code, ok := strings.Cut(c, "|"); ok {
			c = codeOf(system, code)
		} else if words, ok := said.Purpose(c); ok {
			c = codeOf(c, words)
		}
		out = append(out, c)
	}
	return out
}

// codeOf returns words with their code, or the code's system, in brackets after them.
func codeOf(code, words string) string {
	if code == "" || words == "" || code == words {
		return words
	}
	return words + " (" + code + ")"
}

func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
