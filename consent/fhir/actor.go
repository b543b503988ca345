package fhir

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// pair is what an actor limits a provision to: an organisation, a role of its staff, or staff of
// that role of that organisation.
type pair struct{ org, role string }

// actors reads to whom a provision applies. why says which limit was lost; the rule then has
// neither recipients nor roles.
//
// An access has to match one of the actors. A permission may therefore lose actors that no rule can
// express, unless it has exceptions, which apply to those actors too. A refusal may not.
func (r *reader) actors(list []object, path string, rule *entry.ConsentRule, exceptions bool) (why string, err error) {
	var pairs []pair
	for i, a := range list {
		got, w, err := r.actor(a)
		if err != nil {
			return "", tree.Fail(BadValue, path+".actor["+itoa(i)+"]",
				"want role as a CodeableConcept and reference as a Reference")
		}
		switch {
		case w == "":
			pairs = append(pairs, got...)
		case rule.Decision == permit && !exceptions && !strings.HasPrefix(w, otherPart):
			r.note(path+".actor["+itoa(i)+"]", w+"; so the permission leaves it out")
			why = w
		default:
			return w, nil
		}
	}
	if len(pairs) == 0 {
		return why, nil
	}
	if len(pairs) > 1024 {
		return "there are more actors than a rule can hold", nil
	}
	for _, p := range pairs {
		if p.org != "" && !slices.Contains(rule.Recipients, p.org) {
			rule.Recipients = append(rule.Recipients, p.org)
		}
		if p.role != "" && !slices.Contains(rule.Roles, p.role) {
			rule.Roles = append(rule.Roles, p.role)
		}
	}
	if !joins(rule, pairs) || max(len(rule.Recipients), len(rule.Roles)) > maxCodes {
		rule.Recipients, rule.Roles = nil, nil
		return "a rule cannot express this combination of organisations and roles", nil
	}
	return "", nil
}

// joins reports whether the rule says the same as the pairs. A rule has a list of organisations and
// a list of roles, and an access must match both. So every organisation must be paired with every
// role.
func joins(rule *entry.ConsentRule, pairs []pair) bool {
	for _, p := range pairs {
		if (p.org == "") != (len(rule.Recipients) == 0) || (p.role == "") != (len(rule.Roles) == 0) {
			return false
		}
	}
	return len(distinct(pairs)) == max(len(rule.Recipients), 1)*max(len(rule.Roles), 1)
}

func distinct(pairs []pair) map[pair]bool {
	m := map[pair]bool{}
	for _, p := range pairs {
		m[p] = true
	}
	return m
}

// otherPart begins the message about actors who are not those to whom the data goes. What they
// limit is not who accesses.
const otherPart = "an actor is not someone to whom the data goes"

// actor reads one actor. why says why no rule can express it.
func (r *reader) actor(a object) (pairs []pair, why string, err error) {
	if err := checkActor(a); err != nil {
		return nil, "", err
	}
	if hasOther(a, "id", "role", "reference") {
		return nil, otherPart + ": an extension says more about it", nil
	}
	role, reference := tree.Child(a, "role"), tree.Child(a, "reference")
	codes, ok := claims([]object{role})
	if role != nil && !ok || r.namesPatient(codes) {
		return nil, otherPart + ": its role has no code", nil
	}
	recipient := role == nil || slices.ContainsFunc(codes, isRecipient)
	if namesNoOne(reference) || reference == nil && !recipient {
		return withRoles("", codes), "", nil
	}
	if !recipient && slices.ContainsFunc(codes, isOtherPart) {
		return nil, otherPart, nil
	}
	org := r.organisation(reference)
	if org == "" {
		return nil, "an actor is not an organisation in the log: a rule cannot name persons, devices and groups", nil
	}
	if recipient {
		return []pair{{org: org}}, "", nil
	}
	return withRoles(org, codes), "", nil
}

// checkActor checks the form of the members that are read.
func checkActor(a object) error {
	for _, name := range []string{"role", "reference"} {
		v, there := a[name]
		if _, ok := v.(object); there && !ok {
			return tree.Fail(BadValue, "", "")
		}
	}
	return nil
}

// hasOther reports whether o has a member that is not among names.
func hasOther(o object, names ...string) bool {
	for name := range o {
		if !slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// withRoles pairs an organisation, or "", with each role.
func withRoles(org string, roles []string) (pairs []pair) {
	for _, role := range roles {
		pairs = append(pairs, pair{org, role})
	}
	return pairs
}

// namesPatient reports whether claims hold the patient's number.
func (r *reader) namesPatient(claims []string) bool {
	return len(r.id) >= 6 && strings.Contains(strings.Join(claims, "\n"), r.id)
}

// namesNoOne reports whether a Reference says only that staff of some role are meant.
func namesNoOne(ref object) bool {
	return tree.Text(ref, "type") == "PractitionerRole" && tree.Text(ref, "reference") == "" && ref["identifier"] == nil
}

// isRecipient reports whether a role is one of those to whom data goes.
func isRecipient(role string) bool { return slices.Contains(recipientRoles, role) }

// isOtherPart reports whether HL7 defines a role and it is not a job: the actor wrote, holds or
// protects the data.
func isOtherPart(role string) bool {
	return strings.HasPrefix(role, "http://terminology.hl7.org/") && !strings.HasPrefix(role, practitioner+"|")
}

// organisation returns the id in the log of the organisation that a Reference names, "" if it names
// none.
func (r *reader) organisation(ref object) string {
	if t := r.in.ReferenceType(ref); t != "" && t != "Organization" {
		return ""
	}
	org := r.c.Map.ByReference(tree.Text(ref, "reference"))
	for _, i := range append([]object{tree.Child(ref, "identifier")}, tree.Objects(r.in.Resolve(ref), "identifier")...) {
		org = cmp.Or(org, r.c.Map.ByIdentifier(tree.Text(i, "system"), tree.Text(i, "value")))
	}
	switch {
	case wire.CheckOrgID(org) == nil:
		return org
	case r.stand:
		text, _ := tree.Write(ref)
		return fmt.Sprintf("%s%x", standIn, sha256.Sum256(text))[:64]
	}
	return ""
}
