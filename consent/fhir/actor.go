package fhir

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// pair is what an actor limits a provision to: an organisation, a role of its staff, one member of
// staff, or a unit where they work; or those who are all of these.
type pair struct{ org, role, staff, unit string }

// fields returns the members of a pair, in the order of the lists of a rule that they go into.
func (p pair) fields() [4]string { return [4]string{p.org, p.role, p.staff, p.unit} }

func actorLists(rule *entry.ConsentRule) [4]*[]string {
	return [4]*[]string{&rule.Recipients, &rule.Roles, &rule.Staff, &rule.Units}
}

// actors reads to whom a provision applies. why says which limit was lost; the rule then has no
// actors.
//
// An access has to match one of the actors. A permission may therefore lose actors that no rule can
// express, unless it has exceptions, which apply to those actors too. A refusal may not.
func (r *reader) actors(list []object, path string, rule *entry.ConsentRule, exceptions bool) (why string, err error) {
	var pairs []pair
	for i, a := range list {
		at := path + ".actor[" + itoa(i) + "]"
		got, w, err := r.actor(a, at)
		if err != nil {
			return "", tree.Fail(BadValue, at, "want role as a CodeableConcept and reference as a Reference")
		}
		switch {
		case w == "":
			pairs = append(pairs, got...)
		case rule.Decision == permit && !exceptions && !strings.HasPrefix(w, otherPart):
			r.note(at, w+"; so the permission leaves it out")
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
	if rule.Decision == permit && !exceptions {
		if pairs, why = alike(pairs); why != "" {
			r.note(path+".actor", why+"; so the permission leaves them out")
			why = ""
		}
	}
	lists := actorLists(rule)
	for _, p := range pairs {
		for i, v := range p.fields() {
			if v != "" && !slices.Contains(*lists[i], v) {
				*lists[i] = append(*lists[i], v)
			}
		}
	}
	longest := 0
	for _, l := range lists {
		longest = max(longest, len(*l))
	}
	if !joins(rule, pairs) || longest > maxCodes {
		for _, l := range lists {
			*l = nil
		}
		return "a rule cannot express this combination of organisations, roles, staff and places", nil
	}
	return "", nil
}

// alike returns the pairs that limit the same things as the first that names an organisation, or as
// the first. why says that there were others.
func alike(pairs []pair) (same []pair, why string) {
	shape := func(p pair) (s [4]bool) {
		for i, v := range p.fields() {
			s[i] = v != ""
		}
		return s
	}
	like := pairs[max(0, slices.IndexFunc(pairs, func(p pair) bool { return p.org != "" }))]
	for _, p := range pairs {
		if shape(p) == shape(like) {
			same = append(same, p)
		}
	}
	if len(same) < len(pairs) {
		why = "some actors are organisations and others staff or places, and a rule can only ask for both at once"
	}
	return same, why
}

// joins reports whether the rule says the same as the pairs. A rule has a list of each, and an
// access must match all of them. So every organisation must be paired with every role, and so on.
func joins(rule *entry.ConsentRule, pairs []pair) bool {
	lists, all := actorLists(rule), 1
	for i, l := range lists {
		all *= max(len(*l), 1)
		for _, p := range pairs {
			if (p.fields()[i] == "") != (len(*l) == 0) {
				return false
			}
		}
	}
	return len(distinct(pairs)) == all
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

// actor reads one actor, which is at a path. why says why no rule can express it.
func (r *reader) actor(a object, at string) (pairs []pair, why string, err error) {
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
	named, why := r.named(reference, at)
	if why != "" {
		return nil, why, nil
	}
	if recipient {
		return named, "", nil
	}
	for _, p := range named {
		for _, role := range codes {
			p.role = role
			pairs = append(pairs, p)
		}
	}
	return pairs, "", nil
}

const noActor = "an actor is neither an organisation in the log, nor a member of staff or a unit by an identifier: " +
	"devices, teams, groups and relatives cannot be matched"

// named returns who a Reference names: an organisation of the log, a member of staff by each of
// their identifiers, or a unit by each of its own. why says why there is none.
func (r *reader) named(ref object, at string) (list []pair, why string) {
	for _, l := range r.literals(ref) {
		if id := r.c.Map.Unit(l); id != "" {
			return []pair{{unit: id}}, ""
		}
	}
	switch r.in.ReferenceType(ref) {
	case "Practitioner":
		for _, id := range append(r.identifiers(ref), r.literals(ref)...) {
			list = append(list, pair{staff: id})
		}
		if len(list) > 0 && len(r.identifiers(ref)) == 0 {
			r.note(at, "it names a member of staff by a bare reference, which few accesses state: a refusal holds open those "+
				"that state identifiers, and a permission counts where it was recorded only")
		}
	case "PractitionerRole":
		return r.roleOf(ref)
	case "Location", "HealthcareService":
		for _, id := range append(r.identifiers(ref), r.literals(ref)...) {
			list = append(list, pair{unit: id})
		}
	case "Organization", "":
		if org := r.organisation(ref); org != "" {
			return []pair{{org: org}}, ""
		}
		if r.in.ReferenceType(ref) == "" {
			break
		}
		// A number without system is no organisation's, and a bare reference may be to one of the log.
		for _, id := range r.identifiers(ref) {
			if strings.IndexByte(id, '|') > 0 {
				list = append(list, pair{unit: id})
			}
		}
		if len(list) > 0 {
			r.note(at, "it is no organisation in the log; it is compared with the units that accesses state")
		}
	}
	if len(list) == 0 && r.stand {
		text, _ := tree.Write(ref)
		return []pair{{unit: fmt.Sprintf("%s%x", standIn, sha256.Sum256(text))}}, ""
	}
	if len(list) == 0 || r.namesPatient([]string{list[0].staff + list[0].unit}) {
		return nil, noActor
	}
	return list, ""
}

// roleOf returns who a PractitionerRole is: a person, in roles, of an organisation, at places. One
// that is not at hand is taken as its own reference, which a source may give as its user.
func (r *reader) roleOf(ref object) (list []pair, why string) {
	role := r.in.Resolve(ref)
	if role == nil {
		for _, id := range append(r.identifiers(ref), r.literals(ref)...) {
			list = append(list, pair{staff: id})
		}
		if len(list) == 0 {
			return nil, noActor
		}
		return list, ""
	}
	list = []pair{{}}
	times := func(n int, set func(p *pair, i int)) {
		var out []pair
		for _, p := range list {
			for i := range n {
				q := p
				set(&q, i)
				out = append(out, q)
			}
		}
		if n > 0 {
			list = out
		}
	}
	if who := tree.Child(role, "practitioner"); who != nil {
		ids := append(r.identifiers(who), r.literals(who)...)
		if len(ids) == 0 {
			return nil, noActor
		}
		times(len(ids), func(p *pair, i int) { p.staff = ids[i] })
	}
	if org := tree.Child(role, "organization"); org != nil {
		named, why := r.named(org, "Consent")
		if why != "" {
			return nil, why
		}
		times(len(named), func(p *pair, i int) { p.org, p.unit = named[i].org, named[i].unit })
	}
	codes, ok := claims(tree.Objects(role, "code"))
	if !ok {
		return nil, noActor
	}
	times(len(codes), func(p *pair, i int) { p.role = codes[i] })
	var places []string
	for _, name := range []string{"location", "healthcareService"} {
		for _, place := range tree.Objects(role, name) {
			places = append(places, append(r.identifiers(place), r.literals(place)...)...)
		}
	}
	if len(places) > 0 && list[0].unit != "" {
		return nil, "an actor works at a place and in a unit, and a rule can ask for one of them only"
	}
	times(len(places), func(p *pair, i int) { p.unit = places[i] })
	if len(list) > 256 || list[0] == (pair{}) {
		return nil, noActor
	}
	return list, ""
}

// identifiers returns by which identifiers a Reference names something: its own, those of the
// resource that it resolves to, and the mapping's. Each is spelled as entry.Identifier does.
func (r *reader) identifiers(ref object) (list []string) {
	add := func(i object) {
		system, value := tree.Text(i, "system"), tree.Text(i, "value")
		id := entry.Identifier(system, value)
		if value != "" && len(id) <= 512 && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	add(tree.Child(ref, "identifier"))
	for _, i := range tree.Objects(r.in.Resolve(ref), "identifier") {
		add(i)
	}
	for _, l := range r.literals(ref) {
		if id := r.c.Map.Member(l); id != "" && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// literals returns the spellings of a literal reference to a resource of a server: as it is,
// without version, and with the server's base if that is known.
func (r *reader) literals(ref object) (list []string) {
	l, _, _ := strings.Cut(tree.Text(ref, "reference"), "/_history/")
	base, typ, _ := tree.ParseReference(l)
	if typ == "" || len(l) > 400 {
		return nil
	}
	list = []string{strings.TrimPrefix(l, "/")}
	if own := r.in.BaseURL(); base == "" && own != "" {
		list = append(list, own+"/"+list[0])
	}
	return list
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
		pairs = append(pairs, pair{org: org, role: role})
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
	org := r.in.OrganisationID(ref)
	switch t := r.in.ReferenceType(ref); {
	case wire.CheckOrgID(org) == nil:
		return org
	case r.stand && (t == "" || t == "Organization"):
		text, _ := tree.Write(ref)
		return fmt.Sprintf("%s%x", standIn, sha256.Sum256(text))[:64]
	}
	return ""
}
