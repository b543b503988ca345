package fhir

import (
	"slices"
	"strings"
	"time"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/policies"
	"igledger/policies/purpose"
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
	read = r.underPolicy(read)
	if r.emergencyOnly() {
		inEmergencies(read)
		if read.Decision == deny {
			r.note("Consent.category", "emergency only: the refusal counts in all cases, and what it permits only in emergencies")
		}
	}
	return read, nil
}

// inEmergencies limits what a rule permits to emergencies.
func inEmergencies(rule *entry.ConsentRule) {
	for i := range rule.Also {
		inEmergencies(&rule.Also[i])
	}
	if rule.Decision == deny {
		for i := range rule.Except {
			inEmergencies(&rule.Except[i])
		}
		return
	}
	var kept []string
	for _, p := range rule.Purposes {
		switch {
		case purpose.Subsumes("ETREAT", p):
			kept = append(kept, p)
		case purpose.Subsumes(p, "ETREAT") && !slices.Contains(kept, "ETREAT"):
			kept = append(kept, "ETREAT")
		}
	}
	switch {
	case len(rule.Purposes) == 0:
		rule.Purposes = []string{"ETREAT"}
	case len(kept) == 0:
		rule.Data = []string{Unenforceable}
	default:
		slices.Sort(kept)
		rule.Purposes = slices.Compact(kept)
	}
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
		rule, _, err := r.provision(nested[0], "Consent.provision[0]", opposite(decision))
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
	rule, _, err := r.provision(limits, "Consent", decision)
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
		rule, _, err := r.provision(p, path, typ)
		return rule, err
	}
	exception, widened, err := r.provision(p, path, typ)
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
	rule, _, err := r.provision(p, path, base) // for its form
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

// provision reads one level and those below it. The rule is nil if it is a permission that cannot
// be used. widened reports a refusal that lost a limit.
func (r *reader) provision(o object, path, decision string) (rule *entry.ConsentRule, widened bool, err error) {
	rule, lost, err := r.readable(o, path, decision)
	if err != nil || lost && decision == permit {
		return nil, false, err
	}
	return rule, lost, nil
}

// readable reads as much as it can of one level and those below it. lost reports that a refusal
// lost a limit, or that a permission cannot be used.
func (r *reader) readable(o object, path, decision string) (rule *entry.ConsentRule, lost bool, err error) {
	r.count++
	if r.count > 256 {
		return nil, false, tree.Fail(tree.TooLarge, "Consent.provision", "more than 256 provisions")
	}
	rule = &entry.ConsentRule{Decision: decision}
	complete, err := r.own(o, path, rule)
	if err != nil {
		return nil, false, err
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
	l := &level{rule: rule, path: path, unusable: !complete, outermost: r.release == R4 && path == "Consent.provision"}
	for i, n := range nested {
		if err := r.nested(l, n, path+".provision["+itoa(i)+"]"); err != nil {
			return nil, false, err
		}
	}
	if decision == deny {
		r.overrule(rule, path, l.refusals, l.hidden, !complete)
		r.emptied(rule, path)
		return rule, !complete, nil
	}
	r.narrowed(l)
	r.widened(l)
	return rule, l.unusable, nil
}

// own reads the limits of the level itself, and notes each one that is lost. complete reports that
// there is none.
func (r *reader) own(o object, path string, rule *entry.ConsentRule) (complete bool, err error) {
	limits, err := r.limits(o, path, rule)
	if err != nil {
		return false, err
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
	within   []*entry.ConsentRule // permissions within a permission, which narrow it
	also     []addition           // and those that reach beyond it
	refusals []*entry.ConsentRule // refusals within a refusal
	unusable bool                 // a permission that cannot be used

	outermost bool // R4's root provision

	// hidden reports, in a refusal, that an unused permission had refusals in it. They would win
	// over the permissions beside it.
	hidden bool
}

// nested reads a provision in a level and adds it to what the level has read.
func (r *reader) nested(l *level, n object, at string) error {
	around := l.rule.Decision
	decision, err := r.decisionOf(n, at, around)
	if err != nil {
		return err
	}
	adds := false
	if decision == permit && around == permit && l.outermost {
		notes, own := len(r.notes), &entry.ConsentRule{Decision: permit} // read for its own limits alone
		if _, err := r.limits(n, at, own); err != nil {
			return err
		}
		r.notes, adds = r.notes[:notes], beyond(own, l.rule)
	}
	x, lost, err := r.readable(n, at, decision)
	unused, widened := lost && decision == permit, lost && decision == deny
	switch {
	case err != nil:
		return err
	case adds:
		if !unused {
			l.also = append(l.also, addition{x, at})
		}
	case unused:
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

// addition is a permission that the outermost one is widened by.
type addition struct {
	rule *entry.ConsentRule
	path string
}

// beyond reports whether a permission within another one reaches beyond it in something that both
// limit. Such a one cannot be meant to narrow it: it would permit nothing. It permits besides, with
// the limits of the outer one where it states none. One that lies within the outer one narrows it,
// which is the safe reading where both are possible.
func beyond(inner, outer *entry.ConsentRule) bool {
	for _, l := range lists(outer, inner) {
		if len(*l.a) > 0 && len(*l.b) > 0 && !l.coversAll() {
			return true
		}
	}
	return slices.ContainsFunc(inner.Data, func(c string) bool {
		d := policies.DimensionOf(c)
		own := ofDimension(outer.Data, d)
		return len(own) > 0 && !policies.CoversAllData(own, []string{c}, false, false)
	})
}

func ofDimension(list []string, d policies.Dimension) (own []string) {
	for _, c := range list {
		if policies.DimensionOf(c) == d {
			own = append(own, c)
		}
	}
	return own
}

// widened adds the permissions that reach beyond the outermost one, each with the limits and
// exceptions of the outermost one that it does not state itself.
func (r *reader) widened(l *level) {
	for _, a := range l.also {
		x := *a.rule
		for _, p := range lists(&x, l.rule) {
			if len(*p.a) == 0 {
				*p.a = *p.b
			}
		}
		for _, c := range l.rule.Data {
			if len(ofDimension(a.rule.Data, policies.DimensionOf(c))) == 0 {
				x.Data = append(slices.Clip(x.Data), c)
			}
		}
		if x.Start == "" && x.End == "" {
			x.Start, x.End = l.rule.Start, l.rule.End
		}
		if x.DataStart == "" && x.DataEnd == "" {
			x.DataStart, x.DataEnd = l.rule.DataStart, l.rule.DataEnd
		}
		x.Except = slices.Concat(l.rule.Except, x.Except)
		if slices.ContainsFunc(x.Except, func(e entry.ConsentRule) bool { return covers(&e, &x) }) {
			r.note(a.path, "a refusal beside it leaves nothing of it")
			continue
		}
		l.rule.Also = append(l.rule.Also, x)
	}
}
