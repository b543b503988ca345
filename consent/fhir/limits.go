package fhir

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies"
	"igledger/policies/purpose"
)

// known are the members of a provision by release. Any other member is a limit that is not
// understood.
var known = map[Release][]string{
	R4: {"id", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code",
		"dataPeriod", "data", "provision"},
	R5: {"id", "period", "actor", "action", "securityLabel", "purpose", "documentType", "resourceType", "code",
		"dataPeriod", "data", "expression", "provision"},
}

// limits reads to what a provision applies, and returns the limits that no rule can express.
func (r *reader) limits(o object, path string, rule *entry.ConsentRule) ([]lost, error) {
	var out []lost
	lose := func(name, why string) { out = append(out, lost{path + "." + name, why}) }
	for name := range o {
		if !slices.Contains(known[r.release], name) && !marksOnly(o, name) {
			lose("(other)", "an extension or element that is not understood limits it")
		}
	}
	for _, p := range []struct {
		name       string
		start, end *string
	}{{"period", &rule.Start, &rule.End}, {"dataPeriod", &rule.DataStart, &rule.DataEnd}} {
		if err := r.period(o, p.name, path, p.start, p.end); err != nil {
			return nil, err
		}
	}
	if rule.DataStart+rule.DataEnd != "" {
		r.note(path+".dataPeriod", "no access says from what time its data is: a permission limited by it permits nothing, "+
			"and a refusal applies to data from any time")
	}
	actors, err := list(o, "actor", path)
	if err != nil {
		return nil, err
	}
	why, err := r.actors(actors, path, rule, o["provision"] != nil)
	if err != nil {
		return nil, err
	} else if why != "" {
		lose("actor", why)
	}
	acts, err := list(o, "action", path)
	if err != nil {
		return nil, err
	}
	if !r.actions(acts, path, rule) {
		lose("action", "it has an action that no access has")
		rule.Actions = nil
	}
	rule.Purposes, err = r.codes(o, "purpose", path)
	if err != nil {
		return nil, err
	} else if slices.ContainsFunc(rule.Purposes, nameless) {
		rule.Purposes = nil
		lose("purpose", "a purpose has no code that an entry may hold")
	}
	r.meant(rule, path+".purpose")
	if err := r.data(o, path, rule, lose); err != nil {
		return nil, err
	}
	if _, there := o["expression"]; there {
		lose("expression", "expressions are not evaluated")
	}
	slices.SortFunc(out, func(a, b lost) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(out), nil
}

// nameless reports whether a purpose is no code that an entry may hold, or one of no system that is
// none of PurposeOfUse.
func nameless(code string) bool {
	return code == "" || !strings.Contains(code, "|") && !purpose.Known(code)
}

// meant adds to what a refusal is for the purposes that the mapping has for local codes, since it
// takes the one for the other in accesses. A permission for a local code is not one for all that
// has the same meaning.
func (r *reader) meant(rule *entry.ConsentRule, path string) {
	for _, local := range rule.Purposes {
		meant := r.c.Map.Purpose(local)
		if meant == "" && r.c.Map.Emergency(local) {
			meant = "BTG"
		}
		switch {
		case meant == "" || slices.Contains(rule.Purposes, meant):
		case rule.Decision == deny && len(rule.Purposes) < maxCodes:
			rule.Purposes = append(rule.Purposes, meant)
			r.note(path, "accesses for a local code state the purpose that the mapping has for it: the refusal is for that, too")
		default:
			r.note(path, "accesses for a local code state the purpose that the mapping has for it, which the permission is not for")
		}
	}
}

// data reads which kinds of data are meant. FHIR requires an access to match all of the elements. A
// rule has one list, which is met in each dimension. So two elements in one dimension cannot both
// be kept: a permission has then lost a limit, and a refusal is taken without the second.
func (r *reader) data(o object, path string, rule *entry.ConsentRule, lose func(name, why string)) error {
	limited := map[policies.Dimension]bool{}
	keep := func(name string, codes []string) bool {
		own := map[policies.Dimension]bool{}
		for _, c := range codes {
			own[policies.DimensionOf(c)] = true
		}
		if len(own) > 1 {
			lose(name, "its codes are of different kinds, and a rule would ask for one of each")
			return false
		}
		for d := range own {
			if limited[d] {
				lose(name, "a rule has one list of each kind of codes; a second list limits it further")
				return false
			}
			limited[d] = true
		}
		rule.Data = append(rule.Data, codes...)
		return true
	}
	for _, name := range []string{"code", "securityLabel", "class", "documentType", "resourceType"} {
		codes, err := r.codes(o, name, path)
		switch {
		case err != nil:
			return err
		case len(codes) == 0 || !slices.Contains(known[r.release], name):
		case slices.Contains(codes, ""):
			lose(name, "it has no code that an entry may hold")
		case keep(name, codes) && name == "securityLabel":
			r.note(path+"."+name, "applies only to accesses whose source labels the data: others are met by a refusal, "+
				"and by no permission")
		}
	}
	single, err := list(o, "data", path)
	if err != nil {
		return err
	}
	var codes []string
	for _, d := range single {
		c := r.single(d)
		if len(c) == 0 {
			lose("data", "it names data in a way that no access states")
			return nil
		}
		codes = append(codes, c...)
	}
	if len(codes) > 0 && keep("data", codes) {
		r.note(path+".data", "applies only to accesses that state single resources, encounters or authors: others are met by "+
			"a refusal, and by no permission")
	}
	return nil
}

// meanings are the systems of the codes for single data, by FHIR's consent-data-meaning.
var meanings = map[string]string{
	"instance": policies.RecordSystem, "related": policies.ContextSystem, "authoredby": policies.AuthorSystem,
}

// contexts are the types of what data belongs to. That it is related to something else is more than
// an access states.
var contexts = []string{"Encounter", "CarePlan", "EpisodeOfCare"}

// single returns the codes of one element of provision.data, one for each spelling of what it
// names. It returns nil if there is none.
func (r *reader) single(d object) (codes []string) {
	system, ref := meanings[tree.Text(d, "meaning")], tree.Child(d, "reference")
	if system == "" || hasOther(d, "id", "meaning", "reference") {
		return nil
	}
	kind := r.in.ReferenceType(ref)
	if system == policies.ContextSystem && !slices.Contains(contexts, kind) {
		return nil
	}
	names := r.literals(ref)
	if system == policies.AuthorSystem {
		names = append(r.identifiers(ref), names...)
	}
	for _, name := range names {
		if !r.namesPatient([]string{name}) && !entry.ContainsPersonNumber(name) {
			codes = append(codes, system+"|"+name)
		}
	}
	return codes
}

// codes returns the claims of an element, or one empty claim if a code cannot be in an entry.
func (r *reader) codes(o object, name, path string) ([]string, error) {
	l, err := list(o, name, path)
	if err != nil {
		return nil, err
	}
	out, ok := claims(l)
	if !ok || r.namesPatient(out) {
		return []string{""}, nil
	}
	return out, nil
}

// actions reads the actions, and reports whether an access has each of them.
func (r *reader) actions(list []object, path string, rule *entry.ConsentRule) bool {
	letters := ""
	for i, o := range list {
		codes, _ := claims([]object{o})
		found := ""
		for _, c := range codes {
			found += actions[c]
			if c == consentAction+"|use" || c == consentAction+"|disclose" {
				r.note(path+".action["+itoa(i)+"]",
					"an access does not say whether it uses or discloses: the action is read as access")
			}
		}
		if found == "" {
			return false
		}
		letters += found
	}
	for _, a := range strings.Split("CRUDE", "") {
		if strings.Contains(letters, a) {
			rule.Actions = append(rule.Actions, a)
		}
	}
	return true
}

// period reads a FHIR Period. It starts with the first moment of start and ends after the last
// moment of end.
func (r *reader) period(o object, name, path string, start, end *string) error {
	v, there := o[name]
	p, ok := v.(object)
	if there && !ok {
		return tree.Fail(BadValue, path+"."+name, "want a Period")
	}
	if v, there := p["start"]; there {
		first, _, ok := span(v, r.zone)
		if !ok {
			return tree.Fail(BadValue, path+"."+name+".start", "not a dateTime")
		}
		*start = rfc3339(first)
	}
	if v, there := p["end"]; there {
		_, last, ok := span(v, r.zone)
		if !ok {
			return tree.Fail(BadValue, path+"."+name+".end", "not a dateTime")
		}
		*end = rfc3339(last)
	}
	if from, _, ok := span(*start, r.zone); ok && *end != "" {
		if before, _, _ := span(*end, r.zone); !from.Before(before) {
			return tree.Fail(BadValue, path+"."+name, "ends before it starts")
		}
	}
	if hasOther(p, "id", "start", "end") {
		return tree.Fail(NotUnderstood, path+"."+name, "has a member other than start and end")
	}
	return nil
}

// list returns an array of objects, nil if there is none.
func list(o object, name, path string) ([]object, error) {
	v, there := o[name]
	if !there {
		return nil, nil
	}
	l, ok := v.([]any)
	out := tree.Objects(o, name)
	if !ok || len(out) != len(l) || len(l) == 0 {
		return nil, tree.Fail(BadValue, path+"."+name, "want an array of objects, not empty")
	}
	return out, nil
}
