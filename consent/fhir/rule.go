package fhir

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// reader reads one Consent.
type reader struct {
	c       Conversion
	root    object
	release Release
	id      string // the patient's number as the resource has it, which no open claim may hold; "" if unknown
	count   int    // provisions read
	notes   []Unenforced
}

func (r *reader) note(path, why string) {
	r.notes = append(r.notes, Unenforced{Path: path, Why: why})
}

// effects say what follows from a limit that cannot be kept.
var effects = map[string]string{
	permit: "; so this permission is not used",
	deny:   "; so this refusal is taken without the limit",
}

// rule reads what the person allows or forbids. *Error.
func (r *reader) rule() (*entry.ConsentRule, error) {
	rule := r.ruleR4
	if r.release == R5 {
		rule = r.ruleR5
	}
	read, err := rule()
	if err != nil {
		return nil, err
	}
	if n := 0; read != nil && !bounded(read, 1, &n) {
		return nil, tree.Fail(tree.TooLarge, "Consent.provision", "more than 8 levels or 256 provisions")
	}
	if read == nil {
		read = &entry.ConsentRule{Decision: permit, Data: []string{Unenforceable}}
		r.note("Consent", "no part of the permission can be used; it is recorded as one that permits nothing")
	}
	if only := r.emergencyOnly(); only && read.Decision == permit && len(read.Purposes) == 0 {
		read.Purposes = []string{"ETREAT"}
	} else if only {
		r.note("Consent.category", "emergency only: the provision decides, not the category")
	}
	return read, nil
}

func (r *reader) emergencyOnly() bool {
	list, _ := claims(tree.Objects(r.root, "category"))
	return slices.ContainsFunc(list, func(c string) bool { return slices.Contains(emergencyOnly, c) })
}

func (r *reader) ruleR5() (*entry.ConsentRule, error) {
	decision := tree.Text(r.root, "decision")
	if decision != permit && decision != deny {
		return nil, tree.Fail(NoDecision, "Consent.decision", "want permit or deny")
	}
	if noDefault(r.root) {
		nested := tree.Objects(r.root, "provision")
		if len(nested) != 1 {
			return nil, tree.Fail(BadValue, "Consent.provision", "want one, with no-default")
		}
		rule, _, err := r.provision(nested[0], "Consent.provision[0]", opposite(decision), nil)
		return rule, err
	}
	// The root's limits stand at the resource itself: its period, and whom it is granted to.
	limits := object{"provision": r.root["provision"], "period": r.root["period"]}
	for name, v := range limits {
		if v == nil {
			delete(limits, name)
		}
	}
	if grantees := tree.Objects(r.root, "grantee"); len(grantees) > 0 && decision == permit {
		var actors []any
		for _, g := range grantees {
			actors = append(actors, object{"reference": g})
		}
		limits["actor"] = actors
	} else if len(grantees) > 0 {
		r.note("Consent.grantee", "says who is to keep to the refusal; it counts for everybody")
	}
	rule, _, err := r.provision(limits, "Consent", decision, nil)
	for i := range r.notes {
		r.notes[i].Path = strings.Replace(r.notes[i].Path, "Consent.actor", "Consent.grantee", 1)
	}
	return rule, err
}

func (r *reader) ruleR4() (*entry.ConsentRule, error) {
	const path = "Consent.provision"
	base := ""
	codes, _ := claims([]object{tree.Child(r.root, "policyRule")})
	for _, c := range codes {
		if d := basePolicies[c]; d != "" && base != deny {
			base = d
		}
	}
	p, there := r.root["provision"].(object)
	typ, err := r.typeOf(p, path)
	switch {
	case err != nil:
		return nil, err
	case typ == "" && base == "":
		return nil, tree.Fail(NoDecision, path+".type", "neither it nor policyRule OPTIN or OPTOUT says permit or deny")
	case !there:
		return &entry.ConsentRule{Decision: base}, nil
	case typ == "" && ambiguous(p):
		return r.ambiguousRoot(p, path, base)
	case typ == "" || typ == base || base == "":
		if typ == "" {
			typ = base
		}
		rule, _, err := r.provision(p, path, typ, nil)
		return rule, err
	}
	exception, widened, err := r.provision(p, path, typ, nil)
	rule := &entry.ConsentRule{Decision: base}
	switch {
	case err != nil:
		return nil, err
	case exception == nil:
		return rule, nil
	case covers(exception, rule):
		if widened {
			r.note("Consent.policyRule", "nothing is left of the permission once the refusal is taken without its limits")
		}
		return exception, nil
	}
	rule.Except = []entry.ConsentRule{*exception}
	return rule, nil
}

// ambiguous reports whether a root provision without type has limits beyond its period.
func ambiguous(p object) bool {
	return hasOther(p, "id", "period", "provision")
}

// ambiguousRoot takes of a root provision without type what is permitted whether its limits belong to the base rule or are an exception to it.
func (r *reader) ambiguousRoot(p object, path, base string) (*entry.ConsentRule, error) {
	rule, _, err := r.provision(p, path, base, nil) // for its form
	if err != nil {
		return nil, err
	}
	const ambiguous = "has no type: its limits may be those of the base rule or an exception to it"
	if base == permit {
		r.note(path, ambiguous+"; so no permission is taken from it")
		return nil, nil
	}
	r.note(path, ambiguous+"; so the refusal is taken whole")
	return &entry.ConsentRule{Decision: deny, Start: rule.Start, End: rule.End}, nil
}

// typeOf reads R4's provision.type, "" if there is none.
func (r *reader) typeOf(p object, path string) (string, error) {
	v, there := p["type"]
	if s, _ := v.(string); s == permit || s == deny || !there {
		return s, nil
	}
	return "", tree.Fail(BadValue, path+".type", "want permit or deny")
}

// lost is a limit that no rule can express.
type lost struct{ path, why string }

// provision reads one level and those below it. outer is the nearest list of data around it. The rule
// is nil if it is a permission that cannot be used. widened reports a refusal that lost a limit.
func (r *reader) provision(o object, path, decision string, outer []string) (
	rule *entry.ConsentRule, widened bool, err error,
) {
	r.count++
	if r.count > 256 {
		return nil, false, tree.Fail(tree.TooLarge, "Consent.provision", "more than 256 provisions")
	}
	rule = &entry.ConsentRule{Decision: decision}
	complete, err := r.own(o, path, rule, outer)
	if err != nil {
		return nil, false, err
	}
	if len(rule.Data) > 0 {
		outer = rule.Data
	}
	nested, err := list(o, "provision", path)
	if err != nil {
		return nil, false, err
	}
	l := &level{rule: rule, path: path, unusable: !complete}
	for i, n := range nested {
		if err := r.nested(l, n, path+".provision["+itoa(i)+"]", outer); err != nil {
			return nil, false, err
		}
	}
	if decision == deny {
		r.overrule(rule, path, l.refusals, l.hidden, !complete)
		return rule, !complete, nil
	}
	r.narrowed(l)
	if l.unusable {
		return nil, false, nil
	}
	return rule, false, nil
}

// own reads what a level itself limits, and notes each limit that is lost. complete is false if there
// is one.
func (r *reader) own(o object, path string, rule *entry.ConsentRule, outer []string) (complete bool, err error) {
	limits, err := r.limits(o, path, rule)
	if err != nil {
		return false, err
	}
	if disjoint(rule.Data, outer) {
		rule.Data = nil
		limits = append(limits, lost{path, "it and what it stands in limit the data by different sorts of codes, " +
			"and a rule looks at each code by itself"})
	}
	for _, l := range limits {
		r.note(l.path, l.why+effects[rule.Decision])
	}
	return len(limits) == 0, nil
}

// level is one level of provisions, while those in it are read.
type level struct {
	rule     *entry.ConsentRule
	path     string
	within   []*entry.ConsentRule // permissions within a permission
	refusals []*entry.ConsentRule // refusals within a refusal
	hidden   bool                 // in a refusal: an unused permission had refusals in it, which would win over its neighbours
	unusable bool                 // in a permission: it cannot be used
}

// nested reads a provision of a level and files it by what it and the level decide.
func (r *reader) nested(l *level, n object, at string, outer []string) error {
	around := l.rule.Decision
	decision, err := r.decisionOf(n, at, around)
	if err != nil {
		return err
	}
	x, widened, err := r.provision(n, at, decision, outer)
	switch {
	case err != nil:
		return err
	case x == nil: // a permission that cannot be used
		l.unusable = l.unusable || around == permit
		l.hidden = l.hidden || n["provision"] != nil
	case decision == permit && around == permit:
		l.within = append(l.within, x)
	case decision == deny && around == deny:
		l.refusals = append(l.refusals, x)
	case decision == deny && widened && covers(x, l.rule):
		r.note(l.path, "nothing is left of the permission once a refusal in it is taken without its limits"+effects[permit])
		l.unusable = true
	default:
		l.rule.Except = append(l.rule.Except, *x)
	}
	return nil
}

// decisionOf returns what a nested provision decides. In R5 it is the opposite of what is around it. In
// R4 it is the type; a provision without one is taken as a refusal.
func (r *reader) decisionOf(n object, at, around string) (string, error) {
	typ, err := r.typeOf(n, at)
	switch {
	case err != nil:
		return "", err
	case r.release == R5:
		return opposite(around), nil
	case typ != "":
		return typ, nil
	case around == permit:
		r.note(at, "has no type; it is taken as a refusal")
	default:
		r.note(at, "has no type; it is not taken as a permission")
	}
	return deny, nil
}

// narrowed applies the permissions within a permission.
func (r *reader) narrowed(l *level) {
	if len(l.within) == 0 {
		return
	}
	// Narrowed, the refusals would no longer win over what stands beside this permission.
	if len(l.within) > 1 || len(l.rule.Except) > 0 {
		r.note(l.path, "a permission within a permission can be kept only if nothing stands beside it"+effects[permit])
		l.unusable = true
		return
	}
	if !narrow(l.rule, l.within[0]) {
		l.unusable = true
	}
}

// known are the members of a provision by release; any other is a limit that is not understood.
var known = map[Release][]string{
	R4: {"id", "type", "period", "actor", "action", "securityLabel", "purpose", "class", "code", "dataPeriod", "data", "provision"},
	R5: {"id", "period", "actor", "action", "securityLabel", "purpose", "documentType", "resourceType", "code", "dataPeriod", "data", "expression", "provision"},
}

// limits reads to what a provision applies.
func (r *reader) limits(o object, path string, rule *entry.ConsentRule) ([]lost, error) {
	var out []lost
	lose := func(name, why string) { out = append(out, lost{path + "." + name, why}) }
	for name := range o {
		if !slices.Contains(known[r.release], name) {
			lose("(other)", "an extension or element that is not understood limits it")
		}
	}
	for _, p := range []struct {
		name       string
		start, end *string
	}{{"period", &rule.Start, &rule.End}, {"dataPeriod", &rule.DataStart, &rule.DataEnd}} {
		if err := period(o, p.name, path, p.start, p.end); err != nil {
			return nil, err
		}
	}
	if rule.DataStart+rule.DataEnd != "" {
		r.note(path+".dataPeriod", "no access says of what time its data is: a permission limited so permits nothing, a refusal counts for data of every time")
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
		lose("action", "an action is not one that an access has")
		rule.Actions = nil
	}
	rule.Purposes, err = r.codes(o, "purpose", path)
	if err != nil {
		return nil, err
	} else if slices.Contains(rule.Purposes, "") {
		rule.Purposes = nil
		lose("purpose", "a purpose has no code that may stand in an entry")
	}
	if err := r.data(o, path, rule, lose); err != nil {
		return nil, err
	}
	for name, why := range map[string]string{"data": "single resources are not told apart in an access", "expression": "expressions are not evaluated"} {
		if _, there := o[name]; there {
			lose(name, why)
		}
	}
	slices.SortFunc(out, func(a, b lost) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(out), nil
}

// data reads what sorts of data are meant. FHIR wants all of the elements met, a rule has one list: of a permission with several that is a limit lost, of
// a refusal one of them, the finest, is kept.
func (r *reader) data(o object, path string, rule *entry.ConsentRule, lose func(name, why string)) error {
	names := []string{"code", "securityLabel", "class", "documentType", "resourceType"}
	for _, name := range names {
		codes, err := r.codes(o, name, path)
		switch {
		case err != nil:
			return err
		case len(codes) == 0 || r.release == R5 && name == "class" || r.release == R4 && (name == "documentType" || name == "resourceType"):
		case slices.Contains(codes, ""):
			lose(name, "it has no code that may stand in an entry")
		case len(rule.Data) > 0:
			lose(name, "a rule has one list of data, met by any of its codes; a second one limits it further")
		default:
			rule.Data = codes
			if name == "securityLabel" {
				r.note(path+"."+name, "counts for accesses whose source labels the data")
			}
		}
	}
	return nil
}

// codes gives the claims of an element; one that has none is "".
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

func (r *reader) actions(list []object, path string, rule *entry.ConsentRule) bool {
	letters := ""
	for i, o := range list {
		codes, _ := claims([]object{o})
		found := ""
		for _, c := range codes {
			found += actions[c]
			if c == consentAction+"|use" || c == consentAction+"|disclose" {
				r.note(path+".action["+itoa(i)+"]", "an access does not say whether it uses or discloses: it is read as access")
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

// period reads a FHIR Period: it starts with the first moment of start and ends after the last of end.
func period(o object, name, path string, start, end *string) error {
	v, there := o[name]
	p, ok := v.(object)
	if there && !ok {
		return tree.Fail(BadValue, path+"."+name, "want a Period")
	}
	if v, there := p["start"]; there {
		first, _, ok := span(v)
		if !ok {
			return tree.Fail(BadValue, path+"."+name+".start", "not a dateTime")
		}
		*start = rfc3339(first)
	}
	if v, there := p["end"]; there {
		_, last, ok := span(v)
		if !ok {
			return tree.Fail(BadValue, path+"."+name+".end", "not a dateTime")
		}
		*end = rfc3339(last)
	}
	if from, _, ok := span(*start); ok && *end != "" {
		if before, _, _ := span(*end); !from.Before(before) {
			return tree.Fail(BadValue, path+"."+name, "ends before it starts")
		}
	}
	if hasOther(p, "id", "start", "end") {
		return tree.Fail(NotUnderstood, path+"."+name, "has a member other than start and end")
	}
	return nil
}

// list gives an array of objects, none if it is not there.
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
