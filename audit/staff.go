package audit

import (
	"slices"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// staff reads who the user was: by the agent's own words, and by what they resolve to. Every
// identifier counts, since a person may have refused someone by any of them.
func (b *builder) staff(agent object) {
	who, s := child(agent, "who"), entry.Staff{}
	if short(text(agent, "name"), 512) {
		s.Name = b.take(agent, "name", "staff/name")
		b.r.Member(who, "display", "={staff/name}") // if they agree
	} else if short(text(who, "display"), 512) {
		s.Name = b.take(who, "display", "staff/name")
	}
	named := b.in.Staff(who)
	if i := child(who, "identifier"); short(text(i, "value"), 512) {
		s.ID = b.take(i, "value", "staff/id")
		if short(text(i, "system"), 512) {
			s.System = b.take(i, "system", "staff/system")
		}
	} else if i := best(named.Identifiers); i != nil {
		s.ID, s.System = text(i, "value"), text(i, "system")
	} else if r := text(who, "reference"); short(r, 512) && len(named.References) > 0 && named.References[0] == r {
		s.ID = b.take(who, "reference", "staff/id")
	}
	if short(text(agent, "altId"), 512) {
		s.AltID = b.take(agent, "altId", "staff/altId")
	}
	if s.Name == "" && short(named.Name, 512) {
		s.Name = named.Name
	}
	b.otherIDs(agent, &s)
	for _, i := range named.Identifiers {
		s.Further(text(i, "system"), text(i, "value"))
	}
	for _, r := range named.References {
		s.Further("", r)
	}
	b.units(b.in, child(agent, "location"), &s)
	if role := b.in.Resolve(who); text(role, "resourceType") == "PractitionerRole" {
		for _, place := range append(objects(role, "location"), objects(role, "healthcareService")...) {
			b.units(b.in, place, &s)
		}
	}
	if !s.Empty() {
		b.a.Staff = &s
	}
}

// best returns the identifier by which others are most likely to know someone: of a register of
// health professionals, else one with a system. It returns nil if there is none that fits.
func best(identifiers []object) object {
	var found object
	rank := 0
	for _, i := range identifiers {
		r := 1
		switch system := text(i, "system"); {
		case !short(text(i, "value"), 512) || len(system) > 512:
			r = 0
		case mapping.StaffSystem(system):
			r = 3
		case system != "":
			r = 2
		}
		if r > rank {
			found, rank = i, r
		}
	}
	return found
}

// units adds the ways in which a Reference names a place or unit where the user worked.
func (b *builder) units(in scope, ref object, s *entry.Staff) {
	add := func(unit string) {
		if len(unit) <= 256 && printable(unit) && len(s.Units) < 64 && !slices.Contains(s.Units, unit) {
			s.Units = append(s.Units, unit)
		}
	}
	for _, i := range append([]object{child(ref, "identifier")}, objects(in.Resolve(ref), "identifier")...) {
		if v := text(i, "value"); v != "" {
			add(text(i, "system") + "|" + v)
		}
	}
	literal, _, _ := strings.Cut(text(ref, "reference"), "/_history/")
	if unit := in.Map.Unit(literal); unit != "" {
		add(unit)
	}
	if !strings.HasPrefix(literal, "#") {
		add(literal)
	}
}

// otherIDs reads BALP's further identifiers of a user (from SAML): subject-id is the user's name as
// people read it, the others are numbers of registers.
func (b *builder) otherIDs(agent object, s *entry.Staff) {
	for _, x := range objects(agent, "extension") {
		i := child(x, "valueIdentifier")
		if text(x, "url") != otherID || !short(text(i, "value"), 512) {
			continue
		}
		switch subject := anyIs(codings(child(i, "type")), otherIDType, "SAML-subject-id"); {
		case subject && s.Name == "":
			s.Name = b.take(i, "value", "staff/name")
		case subject && s.Name == text(i, "value"):
			b.r.Member(i, "value", "={staff/name}")
		case text(i, "system") != "":
			s.Further(text(i, "system"), text(i, "value"))
		case s.AltID == "":
			s.AltID = b.take(i, "value", "staff/altId")
		default:
			s.Further("", text(i, "value"))
		}
	}
}

// roles reads the roles of the user, and what the mapping says that they mean.
func (b *builder) roles(agent object) {
	concepts := objects(agent, "role")
	if r := b.in.Resolve(child(agent, "who")); text(r, "resourceType") == "PractitionerRole" {
		concepts = append(concepts, objects(r, "code")...)
	}
	for _, concept := range concepts {
		found := codings(concept)
		b.codes("role", &b.a.Role, found)
		local := []string{text(concept, "text")}
		for _, c := range found {
			local = append(local, c.claim())
		}
		for _, l := range local {
			if m := b.in.Map.Role(l); m != "" && len(b.a.Role) < 64 && !slices.Contains(b.a.Role, m) {
				b.a.Role = append(b.a.Role, m)
			}
		}
	}
}
