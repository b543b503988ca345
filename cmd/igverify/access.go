package main

import (
	"strings"

	"igledger/consent"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/register"
)

// Words for codes people meet most. Others are shown as they are.
var (
	actionWords  = map[string]string{"C": "created", "R": "read", "U": "updated", "D": "deleted", "E": "executed (a search, a decision)"}
	outcomeWords = map[string]string{"0": "success", "4": "minor failure", "8": "serious failure", "12": "major failure"}
	purposeWords = map[string]string{ // v3-ActReason
		"TREAT": "treatment", "ETREAT": "emergency treatment", "BTG": "break the glass", "HPAYMT": "payment", "HOPERAT": "health care operations",
		"HRESCH": "research", "PUBHLTH": "public health", "PATRQT": "at the patient's request", "CAREMGT": "care management", "COC": "coordination of care",
		"HSYSADMIN": "system administration", "PATADMIN": "patient administration", "HQUALIMP": "quality improvement", "RECORDMGT": "records management"}
)

// accessRows says who, what, why and when, with the names that reg (which may be nil) has for organisations. The id of the person it is about is left out: whoever asks knows it, and the table may be printed or shared.
func accessRows(e *entry.Entry, o *bundle.Opening, reg *register.Register) []row {
	org := func(id string) string {
		if reg == nil || reg.Organisation(id) == nil {
			return id
		}
		return reg.Organisation(id).Name + " (" + id + ")"
	}
	a, ok := e.Body.(*entry.Access)
	if !ok {
		rows := actRows(e, o, org)
		if v := verdictOf(o); v != "" {
			rows = append(rows, row{"verdict", v})
		}
		return rows
	}
	var rows []row
	add := func(name string, values ...string) {
		if v := strings.Join(nonEmpty(values), ", "); v != "" {
			rows = append(rows, row{name, v})
		}
	}
	add("who", org(a.Accessor()))
	if a.Staff != nil {
		add("  person", a.Staff.Name, codeOf(a.Staff.System, a.Staff.ID))
	}
	add("  role", codes(a.Role, nil)...)
	add("  system", a.System)
	for _, p := range a.Parties {
		add("  with", p.Name, p.ID, p.Address)
	}
	if a.Machine {
		add("  nature", "a machine, no person behind it")
	}
	add("what", word(actionWords, a.Action))
	add("  data", codes(a.Data, nil)...)
	add("  event", codes(a.Event, nil)...)
	add("  outcome", word(outcomeWords, a.Outcome))
	add("why", codes(a.Purpose, purposeWords)...)
	if a.Emergency {
		add("  emergency", "break-glass")
	}
	if t := a.Text; t != nil {
		add("  in words", t.Why)
		add("  justification", t.Justification)
		add("  search", t.Query)
		add("  outcome", t.Outcome)
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
		add("remark", string(f))
	}
	if a.Sub == "" {
		add("not shown", "whom it is about")
	}
	if a.Staff == nil { // decoys hide whether the entry has it
		add("not shown", "the member of staff, if the entry names one")
	}
	return rows
}

// verdictOf says the verdict of an opening in words, marked as what it is. Of a policy set that the log has stated, whose words are not at hand, it names the rules.
func verdictOf(o *bundle.Opening) string {
	if o.Verdict == nil {
		return ""
	}
	return strings.Join(consent.New().Plain(o.Verdict), " ") + " (the ledger's word, not proved)"
}

func codes(list []string, words map[string]string) []string {
	var out []string
	for _, c := range list {
		if system, code, ok := strings.Cut(c, "|"); ok {
			c = codeOf(system, code)
		} else {
			c = word(words, c)
		}
		out = append(out, c)
	}
	return out
}

func codeOf(system, code string) string {
	if system == "" || code == "" {
		return code
	}
	return code + " (" + system + ")"
}

func word(words map[string]string, code string) string {
	if w := words[code]; w != "" {
		return w + " (" + code + ")"
	}
	return code
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
