package iso27560

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

// purposes returns the agreement's purposes that the rule is about, then the rule's purposes that
// the agreement does not cover.
func (s under) purposes(rule *entry.ConsentRule) []any {
	var out []any
	left := slices.Clone(rule.Purposes)
	for _, p := range s.Agreement.Purposes {
		touches := func(code string) bool { return purpose.Subsumes(p.Code, code) || purpose.Subsumes(code, p.Code) }
		if len(rule.Purposes) > 0 && !slices.ContainsFunc(rule.Purposes, touches) {
			continue
		}
		left = slices.DeleteFunc(left, touches)
		o := purposeObject(p.Code)
		o["dct:description"] = p.Text
		if p.DPV != "" {
			o["skos:broader"] = object{"@id": p.DPV}
		}
		out = append(out, o)
	}
	for _, code := range left {
		out = append(out, purposeObject(code))
	}
	return out
}

func purposeObject(code string) object {
	code = purpose.Code(code)
	o := codeObject(code)
	o["@type"] = "dpv:Purpose"
	if purpose.Known(code) {
		o["dct:identifier"] = purpose.System + "|" + code
	}
	if t := purposeTerm(code); t != "" {
		o["skos:broader"] = object{"@id": t}
	}
	return o
}

// data returns the agreement's kinds of data that the rule is about, then the rule's codes that
// none of them has. All of it is health data, which Article 9 makes special, and all is needed for
// the purposes: agreements have no optional data.
func (s under) data(rule *entry.ConsentRule) []any {
	kind := "dpv:PersonalData"
	if len(s.Agreement.Article9) > 0 {
		kind = "dpv:SpecialCategoryPersonalData"
	}
	item := func(text string, codes []string) object {
		o := object{
			"@type": kind, "skos:broader": object{"@id": "pd:MedicalHealth"},
			"dpv:hasNecessity": object{"@id": "dpv:Required"},
		}
		if text != "" {
			o["dct:description"] = text
		}
		if len(codes) > 0 {
			list := make([]any, len(codes))
			for i, c := range codes {
				list[i] = codeObject(c)
			}
			o["dct:subject"] = list
		}
		return o
	}
	var out []any
	left := slices.Clone(rule.Data)
	for _, d := range s.Agreement.Data {
		has := func(code string) bool { return slices.Contains(d.Codes, code) }
		if len(rule.Data) > 0 && len(d.Codes) > 0 && !slices.ContainsFunc(rule.Data, has) {
			continue
		}
		left = slices.DeleteFunc(left, has)
		out = append(out, item(d.Text, d.Codes))
	}
	if len(left) > 0 {
		out = append(out, item("", left))
	}
	return out
}

// recipients returns those that the rule names, else all parties that receive data under the
// agreement.
func (s under) recipients(rule *entry.ConsentRule) []string {
	if len(rule.Recipients) > 0 {
		return rule.Recipients
	}
	var out []string
	for _, f := range s.Agreement.Flows {
		if !slices.Contains(out, f.To) {
			out = append(out, f.To)
		}
	}
	for _, p := range s.Agreement.Parties {
		if p.Role == "recipient" && !slices.Contains(out, p.Org) {
			out = append(out, p.Org)
		}
	}
	if len(out) == 0 {
		return s.Agreement.Organisations()
	}
	return out
}

// rule returns what the person decided, level by level: a rule within a rule is the exception to
// it.
func (s under) rule(rule *entry.ConsentRule) object {
	o := object{"@type": "dpv:Permission"}
	if rule.Decision == "deny" {
		o["@type"] = "dpv:Prohibition"
	}
	each := func(name string, codes []string, f func(string) any) {
		var list []any
		for _, c := range codes {
			list = append(list, f(c))
		}
		if len(list) > 0 {
			o[name] = list
		}
	}
	code := func(c string) any { return codeObject(c) }
	each("dpv:hasPurpose", rule.Purposes, func(c string) any { return purposeObject(c) })
	each("dpv:hasPersonalData", rule.Data, code)
	each("dpv:hasRecipient", rule.Recipients, func(id string) any { return object{"@id": organisationIRI(id)} })
	each("schema:roleName", rule.Roles, func(c string) any { return c })
	each("dpv:hasProcessing", rule.Actions, func(a string) any { return object{"@id": operations[a]} })
	for name, t := range map[string]string{"schema:startDate": rule.Start, "schema:endDate": rule.End} {
		if t != "" {
			o[name] = typed("xsd:dateTime", utc(t))
		}
	}
	if rule.DataStart+rule.DataEnd != "" {
		interval := []string{"..", ".."} // ISO 8601-2: open
		for i, t := range []string{rule.DataStart, rule.DataEnd} {
			if t != "" {
				interval[i] = utc(t)
			}
		}
		o["dct:temporal"] = strings.Join(interval, "/")
	}
	var nested []any
	for i := range rule.Except {
		nested = append(nested, s.rule(&rule.Except[i]))
	}
	if len(nested) > 0 {
		o["dpv:hasRule"] = nested
	}
	return o
}
