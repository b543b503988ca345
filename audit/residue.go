package audit

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"igledger/ledger/entry"
)

// The residue is the disclosure "fhir" of an access: the AuditEvent itself, with every string that stands elsewhere in the entry replaced by
// a reference to it. So nothing is dropped, nothing stands twice, and a withheld disclosure stays withheld. A string of the residue is
//
//	text      itself, if it does not begin with "="
//	==text    the literal "=text"
//	=text     a template: each {name} in it is replaced by that field of the entry, "{{}" by "{"
//
// The names: action, outcome, recorded, occurred, occurredEnd, org, system, source, agreement; event/0/system, event/0/code and so on for
// event, data, purpose and role; id (the subject's number, see idValue); staff/id, staff/system, staff/name, staff/altId; parties/0/id,
// parties/0/name, parties/0/address; text/why, text/justification, text/outcome, text/query, text/query64 (standard base64 of text/query).
//
// A string is replaced only if filling the template in gives exactly it back, so the way back is exact by construction. Where the way
// back meets a name whose field is withheld, it leaves the element out.

// template is a finished string of a residue.
type template string

// residue collects where in a tree fields of the entry stand.
type residue struct{ marks []mark }

type mark struct {
	template string
	get      func() any
	set      func(any)
}

// member says that o's member name can be told by t.
func (r *residue) member(o object, name, t string) {
	if _, ok := o[name].(string); ok {
		r.marks = append(r.marks, mark{t, func() any { return o[name] }, func(v any) { o[name] = v }})
	}
}

// element says that the i-th of list can be told by t.
func (r *residue) element(list []any, i int, t string) {
	r.marks = append(r.marks, mark{t, func() any { return list[i] }, func(v any) { list[i] = v }})
}

// finish turns the tree into the residue of a.
func (r *residue) finish(root object, a *entry.Access) {
	values := fields(a)
	for _, m := range r.marks {
		s, ok := m.get().(string)
		if !ok {
			continue // told already
		}
		if got, ok := fill(m.template, values); ok && got == s {
			m.set(template(m.template))
		}
	}
	hide := personal(a, values)
	for name, v := range root {
		root[name] = seal(name, v, hide, values)
	}
}

// personal replaces what names the subject or the member of staff wherever else it stands: in the narrative, in contained
// resources, in a description. Values too short to be sure of are left.
func personal(a *entry.Access, values map[string]string) *strings.Replacer {
	pairs := []string{"{", "{{}"}
	for _, name := range []string{"id", "staff/name", "staff/id", "staff/altId"} {
		if v := values[name]; len(v) >= 6 || name != "id" && len(v) >= 4 {
			pairs = append(pairs, v, "{"+name+"}")
		}
	}
	return strings.NewReplacer(pairs...)
}

// seal finishes the strings that were not told.
func seal(name string, v any, hide *strings.Replacer, values map[string]string) any {
	switch v := v.(type) {
	case object:
		for k, e := range v {
			v[k] = seal(k, e, hide, values)
		}
	case []any:
		for i, e := range v {
			v[i] = seal(name, e, hide, values)
		}
	case string:
		if slices.Contains([]string{"resourceType", "system", "url", "code"}, name) && !entry.ContainsPersonNumber(v) {
			return literal(v)
		}
		return hidden(v, hide, values)
	}
	return v
}

func literal(s string) template {
	if strings.HasPrefix(s, "=") {
		return template("=" + s)
	}
	return template(s)
}

func hidden(s string, hide *strings.Replacer, values map[string]string) template {
	t := "=" + hide.Replace(s)
	if got, ok := fill(t, values); ok && got == s && strings.ReplaceAll(t, "{{}", "{") != "="+s {
		return template(t)
	}
	return literal(s)
}

// fill gives the string that a template stands for, false if a field it names is not there.
func fill(t string, values map[string]string) (string, bool) {
	t, ok := strings.CutPrefix(t, "=")
	if !ok || strings.HasPrefix(t, "=") {
		return t, true
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(t, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, "}")
		v, ok := values[name]
		if !closed || !ok || b.Len()+len(v) > MaxEvent { // the bound stops an entry made to blow up
			return "", false
		}
		b.WriteString(v)
		t = after
	}
}

// fillTree fills every template of v; ok is false for what is withheld, and for objects and arrays of which nothing else was left.
func fillTree(v any, values map[string]string, budget *int) (filled any, ok bool) {
	switch v := v.(type) {
	case object:
		o := make(object, len(v))
		for k, e := range v {
			if f, ok := fillTree(e, values, budget); ok {
				o[k] = f
			}
		}
		return o, len(o) > 0 || len(v) == 0
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			if f, ok := fillTree(e, values, budget); ok {
				list = append(list, f)
			}
		}
		return list, len(list) > 0 || len(v) == 0
	case string:
		s, ok := fill(v, values)
		*budget -= len(s)
		return s, ok && *budget >= 0
	}
	return v, true
}

// fields names the fields of an entry for templates. What is empty or withheld has no name.
func fields(a *entry.Access) map[string]string {
	m := map[string]string{"{": "{"}
	set := func(name, v string) {
		if v != "" {
			m[name] = v
		}
	}
	for name, v := range map[string]string{"action": a.Action, "outcome": a.Outcome, "recorded": a.Recorded, "occurred": a.Occurred,
		"occurredEnd": a.OccurredEnd, "org": a.Org, "system": a.System, "source": a.Source, "agreement": a.Agreement, "id": idValue(a.Sub)} {
		set(name, v)
	}
	for name, list := range map[string][]string{"event": a.Event, "data": a.Data, "purpose": a.Purpose, "role": a.Role} {
		for i, claim := range list {
			system, code := splitClaim(claim)
			set(name+"/"+itoa(i)+"/system", system)
			set(name+"/"+itoa(i)+"/code", code)
		}
	}
	if s := a.Staff; s != nil {
		for name, v := range map[string]string{"id": s.ID, "system": s.System, "name": s.Name, "altId": s.AltID} {
			set("staff/"+name, v)
		}
	}
	for i, p := range a.Parties {
		for name, v := range map[string]string{"id": p.ID, "name": p.Name, "address": p.Address} {
			set("parties/"+itoa(i)+"/"+name, v)
		}
	}
	if t := a.Text; t != nil {
		for name, v := range map[string]string{"why": t.Why, "justification": t.Justification, "outcome": t.Outcome, "query": t.Query} {
			set("text/"+name, v)
		}
		set("text/query64", base64.StdEncoding.EncodeToString([]byte(t.Query)))
	}
	return m
}

// splitClaim takes "system|code" apart; a plain code has no system.
func splitClaim(claim string) (system, code string) {
	if i := strings.LastIndexByte(claim, '|'); i >= 0 {
		return claim[:i], claim[i+1:]
	}
	return "", claim
}

func itoa(i int) string { return strconv.Itoa(i) }
