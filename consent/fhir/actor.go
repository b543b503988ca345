package fhir

import (
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// pair is what an actor limits a provision to: an organisation, a role of its staff, or staff of that role of that organisation.
type pair struct{ org, role string }

// actors reads whom a provision is about. why says which limit was lost; then rule has neither recipients nor roles. Any of several actors will do, so a
// permission may lack those that cannot be expressed, unless there are exceptions to it, which are about those too; a refusal may not.
func (r *reader) actors(list []object, path string, rule *entry.ConsentRule, exceptions bool) (why string, err error) {
	var pairs []pair
	for i, a := range list {
		got, w, err := r.actor(a)
		if err != nil {
			return "", tree.Fail(BadValue, path+".actor["+itoa(i)+"]", "want role as a CodeableConcept and reference as a Reference")
		}
		switch {
		case w == "":
			pairs = append(pairs, got...)
		case rule.Decision == permit && !exceptions && !strings.HasPrefix(w, otherPart):
			r.note(path+".actor["+itoa(i)+"]", w+"; so it is not among those permitted")
			why = w
		default:
			return w, nil
		}
	}
	if len(pairs) == 0 {
		return why, nil
	}
	if len(pairs) > 1024 {
		return "more actors than a rule has room for", nil
	}
	for _, p := range pairs {
		if p.org != "" && !slices.Contains(rule.Recipients, p.org) {
			rule.Recipients = append(rule.Recipients, p.org)
		}
		if p.role != "" && !slices.Contains(rule.Roles, p.role) {
			rule.Roles = append(rule.Roles, p.role)
		}
	}
	// A rule has a list of organisations and a list of roles and wants both met: that says the same only if every organisation is there with every role.
	if want := max(len(rule.Recipients), 1) * max(len(rule.Roles), 1); want != len(distinct(pairs)) || max(len(rule.Recipients), len(rule.Roles)) > maxCodes ||
		slices.ContainsFunc(pairs, func(p pair) bool {
			return (p.org == "") != (len(rule.Recipients) == 0) || (p.role == "") != (len(rule.Roles) == 0)
		}) {
		rule.Recipients, rule.Roles = nil, nil
		return "organisations and roles are named that a rule would join otherwise", nil
	}
	return "", nil
}

func distinct(pairs []pair) map[pair]bool {
	m := map[pair]bool{}
	for _, p := range pairs {
		m[p] = true
	}
	return m
}

// otherPart begins what is said of actors who are not those to whom the data goes: what they limit is not who accesses.
const otherPart = "an actor is not one to whom the data goes"

// actor reads one.
func (r *reader) actor(a object) (pairs []pair, why string, err error) {
	role, reference := tree.Child(a, "role"), tree.Child(a, "reference")
	for _, name := range []string{"role", "reference"} {
		v, there := a[name]
		if _, ok := v.(object); there && !ok {
			return nil, "", tree.Fail(BadValue, "", "")
		}
	}
	for name := range a {
		if name != "id" && name != "role" && name != "reference" {
			return nil, otherPart + ": an extension says more of it", nil
		}
	}
	codes, ok := claims([]object{role})
	if role != nil && !ok || len(r.id) >= 6 && strings.Contains(strings.Join(codes, "\n"), r.id) {
		return nil, otherPart + ": its role has no code", nil
	}
	recipient := role == nil || slices.ContainsFunc(codes, func(c string) bool { return slices.Contains(recipientRoles, c) })
	if tree.Text(reference, "reference") == "" && reference["identifier"] == nil && tree.Text(reference, "type") == "PractitionerRole" || reference == nil && !recipient {
		for _, c := range codes {
			pairs = append(pairs, pair{role: c})
		}
		return pairs, "", nil
	}
	if !recipient && slices.ContainsFunc(codes, func(c string) bool {
		return strings.HasPrefix(c, "http://terminology.hl7.org/") && !strings.HasPrefix(c, practitioner+"|")
	}) {
		return nil, otherPart, nil
	}
	org := r.organisation(reference)
	if org == "" {
		return nil, "an actor is no organisation of the log: persons, devices and groups are not told apart by a rule", nil
	}
	if recipient {
		return []pair{{org: org}}, "", nil
	}
	for _, c := range codes {
		pairs = append(pairs, pair{org, c})
	}
	return pairs, "", nil
}

// organisation is the id in the log of the organisation that a Reference names, "" if it names none.
func (r *reader) organisation(ref object) string {
	org := r.c.Organisations[tree.Text(ref, "reference")]
	if i := tree.Child(ref, "identifier"); org == "" && slices.Contains(OrganisationSystems, tree.Text(i, "system")) {
		org = tree.Text(i, "value")
	}
	if t := tree.ReferenceType(r.root, ref); wire.CheckOrgID(org) != nil || t != "" && t != "Organization" {
		return ""
	}
	return org
}
