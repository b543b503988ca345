package fhir

import (
	"slices"
	"strings"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies"
)

// reader reads one Consent.
type reader struct {
	c       Conversion
	in      tree.Scope
	root    object // that of in
	release Release
	id      string // the patient's number as the resource has it, which no open claim may hold; "" if unknown
	zone    *time.Location
	stand   bool     // references that cannot be resolved stand for organisations: see standIn
	count   int      // provisions read
	around  []string // purposes of the rule that is being read, or of the nearest around it that has some
	notes   []Unenforced
}

func (r *reader) note(path, why string) {
	r.notes = append(r.notes, Unenforced{Path: path, Why: why})
}

// effects say what follows from a limit that cannot be enforced.
var effects = map[string]string{
	permit: "; so this permission is not used",
	deny:   "; so this refusal is taken without the limit",
}

// rule reads what the person allows or forbids. Errors are *Error.
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
	// The root's limits are members of the resource itself: its period, and to whom it is granted.
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
		r.note("Consent.grantee", "says who must keep to the refusal; it applies to everyone")
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
		return nil, tree.Fail(NoDecision, path+".type", "want permit or deny, here or as policyRule OPTIN or OPTOUT")
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
			r.note("Consent.policyRule", "the refusal, taken without its limits, leaves nothing of the permission")
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

// ambiguousRoot reads a root provision without type. Its limits may belong to the base rule or be
// an exception to it. It takes what is permitted in both readings.
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

// provision reads one level and those below it. outer is the nearest list of data around it. The
// rule is nil if it is a permission that cannot be used. widened reports a refusal that lost a
// limit.
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
	rule.Restricts = decision == deny && restricts(o, policies.MeansRestriction(rule, r.around))
	if around := r.around; len(rule.Purposes) > 0 {
		r.around = rule.Purposes
		defer func() { r.around = around }()
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

// own reads the limits of the level itself, and notes each one that is lost. complete reports that
// there is none.
func (r *reader) own(o object, path string, rule *entry.ConsentRule, outer []string) (complete bool, err error) {
	limits, err := r.limits(o, path, rule)
	if err != nil {
		return false, err
	}
	if disjoint(rule.Data, outer) {
		rule.Data = nil
		limits = append(limits, lost{path, "it and the provision around it limit the data by different kinds of codes, " +
			"and a rule looks at each code by itself"})
	}
	for _, l := range limits {
		r.note(l.path, l.why+effects[rule.Decision])
	}
	return len(limits) == 0, nil
}

// level is one level of provisions, while the provisions in it are read.
type level struct {
	rule     *entry.ConsentRule
	path     string
	within   []*entry.ConsentRule // permissions within a permission
	refusals []*entry.ConsentRule // refusals within a refusal
	unusable bool                 // a permission that cannot be used

	// hidden reports, in a refusal, that an unused permission had refusals in it. They would win
	// over the permissions beside it.
	hidden bool
}

// nested reads a provision in a level and adds it to what the level has read.
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
		r.note(l.path, "a refusal in it, taken without its limits, leaves nothing of the permission"+effects[permit])
		l.unusable = true
	default:
		l.rule.Except = append(l.rule.Except, *x)
	}
	return nil
}

// decisionOf returns what a nested provision decides. In R5 it is the opposite of the decision
// around it. In R4 it is the type; a provision without one is taken as a refusal.
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
	// In a narrowed rule, the refusals would no longer win over what is beside this permission.
	if len(l.within) > 1 || len(l.rule.Except) > 0 {
		r.note(l.path, "a permission within a permission can be kept only if there is nothing beside it"+effects[permit])
		l.unusable = true
		return
	}
	if !narrow(l.rule, l.within[0]) {
		l.unusable = true
	}
}

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
	} else if slices.Contains(rule.Purposes, "") {
		rule.Purposes = nil
		lose("purpose", "a purpose has no code that an entry may hold")
	}
	if err := r.data(o, path, rule, lose); err != nil {
		return nil, err
	}
	if _, there := o["data"]; there {
		lose("data", "an access does not name single resources")
	}
	if _, there := o["expression"]; there {
		lose("expression", "expressions are not evaluated")
	}
	slices.SortFunc(out, func(a, b lost) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(out), nil
}

// data reads which kinds of data are meant. FHIR requires an access to match all of the elements,
// and a rule has one list. If there are several elements, the finest is kept: a permission has then
// lost a limit, and a refusal is taken without the others.
func (r *reader) data(o object, path string, rule *entry.ConsentRule, lose func(name, why string)) error {
	names := []string{"code", "securityLabel", "class", "documentType", "resourceType"}
	for _, name := range names {
		codes, err := r.codes(o, name, path)
		switch {
		case err != nil:
			return err
		case len(codes) == 0 || !slices.Contains(known[r.release], name):
		case slices.Contains(codes, ""):
			lose(name, "it has no code that an entry may hold")
		case len(rule.Data) > 0:
			lose(name, "a rule has one list of data and matches any of its codes; a second list limits it further")
		default:
			rule.Data = codes
			if name == "securityLabel" {
				r.note(path+"."+name, "applies only to accesses whose source labels the data")
			}
		}
	}
	return nil
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
