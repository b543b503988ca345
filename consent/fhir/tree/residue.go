package tree

import (
	"slices"
	"strings"

	"igledger/ledger/entry"
)

// A residue is the disclosure "fhir" of an entry: the resource itself, in which every string that
// is also elsewhere in the entry is replaced by a reference to it. So nothing is dropped, nothing
// is there twice, and a withheld disclosure stays withheld. A string of the residue is
//
//	text      itself, if it does not begin with "="
//	==text    the literal "=text"
//	=text     a template: each {name} in it is replaced by that field of the entry, "{{}" by "{"
//
// A string is replaced only if filling in the template makes exactly that string, so the way back
// is exact by construction. If a template names a withheld field, the way back leaves the element
// out.

// template is a finished string of a residue.
type template string

// Residue collects which strings of a tree are fields of the entry.
type Residue struct{ marks []mark }

type mark struct {
	template string
	get      func() any
	set      func(any)
}

// Member says that template t makes o's member name.
func (r *Residue) Member(o Object, name, t string) {
	if _, ok := o[name].(string); ok {
		r.marks = append(r.marks, mark{t, func() any { return o[name] }, func(v any) { o[name] = v }})
	}
}

// Element says that template t makes the i-th element of list.
func (r *Residue) Element(list []any, i int, t string) {
	r.marks = append(r.marks, mark{t, func() any { return list[i] }, func(v any) { list[i] = v }})
}

// Finish turns the tree into the residue of an entry with these fields. personal names the fields
// that identify a person. Their values are replaced wherever else they occur: in the narrative, in
// contained resources, in a description.
func (r *Residue) Finish(root Object, fields map[string]string, personal ...Personal) {
	for _, m := range r.marks {
		s, ok := m.get().(string)
		if !ok {
			continue // already a template
		}
		if got, ok := Fill(m.template, fields); ok && got == s {
			m.set(template(m.template))
		}
	}
	hide := Replacer{{"{", "{{}"}}
	for _, p := range personal {
		if v := fields[p.Name]; v != "" && len(v) >= p.Least {
			hide = append(hide, struct{ Old, New string }{v, "{" + p.Name + "}"})
		}
	}
	for name, v := range root {
		root[name] = seal(name, v, hide, fields)
	}
}

// Personal names a field that identifies a person.
type Personal struct {
	Name  string
	Least int // in bytes; a shorter value may occur by chance and is not replaced elsewhere
}

// seal finishes the strings that have no template.
func seal(name string, v any, hide Replacer, values map[string]string) any {
	switch v := v.(type) {
	case Object:
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

func hidden(s string, hide Replacer, values map[string]string) template {
	replaced := hide.Replace(s)
	if replaced == s { // nothing to hide: a template would say no more than the string
		return literal(s)
	}
	t := "=" + replaced
	if got, ok := Fill(t, values); ok && got == s && strings.ReplaceAll(t, "{{}", "{") != "="+s {
		return template(t)
	}
	return literal(s)
}

// Replacer replaces strings as a strings.Replacer does, which takes longer to make than a resource
// to be read. No Old is empty.
type Replacer []struct{ Old, New string }

// Replace returns s with every Old replaced, from the left, the first in the list first.
func (r Replacer) Replace(s string) string {
	var b strings.Builder
	from := 0
	for i := 0; i < len(s); i++ {
		for _, p := range r {
			if s[i] == p.Old[0] && strings.HasPrefix(s[i:], p.Old) {
				b.WriteString(s[from:i])
				b.WriteString(p.New)
				i += len(p.Old) - 1
				from = i + 1
				break
			}
		}
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// Fill returns the string that a template makes, and false if a field that it names is missing.
// values["{"] must be "{".
func Fill(t string, values map[string]string) (string, bool) {
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
		if !closed || !ok || b.Len()+len(v) > Max { // the bound stops an entry that was made to explode
			return "", false
		}
		b.WriteString(v)
		t = after
	}
}

// FillTree fills in every template of v. ok is false for what is withheld, and for objects and
// arrays of which nothing else is left. budget is how many bytes of strings may come out; it is
// negative if there were more.
func FillTree(v any, values map[string]string, budget *int) (filled any, ok bool) {
	switch v := v.(type) {
	case Object:
		o := make(Object, len(v))
		for k, e := range v {
			if f, ok := FillTree(e, values, budget); ok {
				o[k] = f
			}
		}
		return o, len(o) > 0 || len(v) == 0
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			if f, ok := FillTree(e, values, budget); ok {
				list = append(list, f)
			}
		}
		return list, len(list) > 0 || len(v) == 0
	case string:
		s, ok := Fill(v, values)
		*budget -= len(s)
		return s, ok && *budget >= 0
	}
	return v, true
}
