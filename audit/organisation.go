package audit

import (
	"slices"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/wire"
)

// Who accessed is an organisation, and three answers must not be confused:
//
//   - the event names no accessing organisation: it is the issuer, which reports its own use;
//   - it names one that the ledger or the mapping knows (tree.Scope.OrganisationID): it is that one,
//     which may be the issuer;
//   - it names one that neither knows: it is foreign, under the words of the event. It is never the
//     issuer, or another organisation's use would pass as the issuer's own.

// accessor is a Reference that may say which organisation accessed.
type accessor struct {
	in    scope
	ref   object
	agent object // the agent whose who it is; nil if another resource has it
	path  string
}

// otherParts are types of agents that are not those who access: they hold, keep, carry or permit
// what is accessed. An organisation with one of them is not the one that accessed.
var otherParts = map[string][]string{
	dcm:             {"110150", "110151", "110152", "110153", "110154", "110155"}, // but see client
	securityRole:    {"authserver", "datasubject", "datacollector", "dataprocessor"},
	participation:   {"CST"},
	participantType: {"custodian"},
	userAgent:       {"AuthzOauthService"},
	homeCommunity:   {"homeCommunityId"},
	roleClass:       {"PAT"},
	snomed:          {"159541003", "429577009"}, // BALP's custodian and authorizer of a disclosure
}

// swissGroup is the role of a group of health professionals in the Swiss electronic patient record.
// It is an organisation of the provider directory.
var swissGroup = map[string][]string{"urn:oid:2.16.756.5.30.1.127.3.10.14": {"GRP"}}

// organisation finds who accessed. The first group of accessors that names anybody decides. If all
// that it names are known, the access is that of one that is not the issuer, if there is one: so
// nothing counts as the issuer's own that another organisation had a part in.
func (b *builder) organisation(list []object, u int) {
	for i, group := range b.accessors(list, u) {
		if len(group) > 0 {
			b.accessedBy(group)
			b.a.Machine = b.a.Machine && i != 2 // an organisation that accessed by itself has people
			return
		}
	}
	if u < 0 {
		return
	}
	issuer := text(child(child(list[u], "who"), "identifier"), "system")
	if id := b.in.Map.ByIssuer(issuer); wire.CheckOrgID(id) == nil {
		b.a.Org = id
	}
}

// accessors lists who may have accessed, the plainest first:
//
//  1. the organisation of the user: an agent of type PROV (BALP's userorg), or that of the user's
//     PractitionerRole; and an organisation that asked;
//  2. in a disclosure, the organisation at one end: the sender if a person sent, else the recipient;
//  3. an organisation without a part that makes it something else (the national summary care record
//     gives its agents no types), or in the part of the client;
//  4. the home community of the user (XCA), the organisation of the place where the user was, and the
//     owner of a machine that asked.
func (b *builder) accessors(list []object, u int) [4][]accessor {
	var groups [4][]accessor
	end := "110152"
	if u >= 0 && !slices.Contains(b.a.Event, dcm+"|110107") {
		end = "110153"
	}
	for i, a := range list {
		who, types := child(a, "who"), codings(child(a, "type"))
		n := accessor{b.in, who, a, "AuditEvent.agent[" + itoa(i) + "].who"}
		add := func(group int) { groups[group] = append(groups[group], n) }
		organisation := namesOrganisation(b.in, a)
		in, of := b.in.OrganisationOf(who)
		provider := anyIs(types, roleClass, "PROV")
		switch {
		case provider && of == nil && !slices.Contains(people, b.in.ReferenceType(who)):
			add(0)
		case disclosure(b.a) && anyIs(types, dcm, end) && organisation:
			add(1)
		case asks(a) && organisation && disclosure(b.a):
			add(2)
		case asks(a) && organisation:
			add(0)
		case anyIs(types, homeCommunity, "homeCommunityId"):
			add(3)
		case organisation && !b.otherPart(types):
			add(2)
		}
		if of != nil && (i == u || provider) {
			groups[0] = append(groups[0], accessor{in, of, nil, n.path})
		} else if of != nil && u < 0 && asks(a) {
			groups[3] = append(groups[3], accessor{in, of, nil, n.path})
		}
		if in, of := b.in.OrganisationOf(child(a, "location")); of != nil && i == u {
			groups[3] = append(groups[3], accessor{in, of, nil, "AuditEvent.agent[" + itoa(i) + "].location"})
		}
	}
	return groups
}

// otherPart reports whether an agent of these types is not the one that accesses.
func (b *builder) otherPart(types []coding) bool {
	return typed(types, otherParts) && !anyIs(types, dcm, client(b.a)...)
}

// organisationWords are the types of agents, in words, that only organisations have, in the form of
// plainWords.
var organisationWords = []string{
	"organisation", "user organisation", "accessing organisation", "requesting organisation", "healthcare organisation",
	"provider organisation", "healthcare provider organisation", "organisation of the user",
}

// namesOrganisation reports whether an agent is an organisation.
func namesOrganisation(in scope, agent object) bool {
	who := child(agent, "who")
	if kind := in.ReferenceType(who); kind != "" {
		return kind == "Organization"
	}
	i, roles := child(who, "identifier"), codings(objects(agent, "role")...)
	if anyIs(roles, roleClass, "PROV") && !asks(agent) && text(agent, "name") == "" { // with one, or if it asks, a person may be meant
		return true
	}
	if slices.Contains(organisationWords, strings.ReplaceAll(plainWords(text(child(agent, "type"), "text")), "organiz", "organis")) {
		return true
	}
	return in.Map.IsOrganisation(mapping.Identifier{System: text(i, "system"), Value: text(i, "value")}) ||
		anyIs(codings(child(i, "type")), identifierType, "XX", "FI") ||
		typed(roles, swissGroup)
}

// accessedBy notes who accessed: one of the group, or one of it that is foreign.
func (b *builder) accessedBy(group []accessor) {
	org := ""
	for _, n := range group {
		id := n.in.OrganisationID(n.ref)
		if wire.CheckOrgID(id) != nil || b.s.number(id) {
			b.foreign(n)
			return
		}
		if org == "" || org == b.a.Issuer {
			org = id
		}
	}
	b.a.Org = org
	for _, n := range group {
		b.r.Member(child(n.ref, "identifier"), "value", "={org}")
	}
}

// foreign notes that an organisation accessed that is none of the log.
func (b *builder) foreign(n accessor) {
	b.a.Foreign = true
	b.n.add(n.path, ForeignOrganisation)
	const field = "text/organisation"
	identifier := child(n.ref, "identifier")
	switch {
	case short(text(n.ref, "display"), 512):
		b.text().Organisation = b.take(n.ref, "display", field)
	case short(text(n.agent, "name"), 512):
		b.text().Organisation = b.take(n.agent, "name", field)
	case short(n.in.OrganisationName(n.ref), 512):
		b.text().Organisation = n.in.OrganisationName(n.ref)
	case short(text(identifier, "value"), 512):
		b.text().Organisation = b.take(identifier, "value", field)
	case short(text(n.ref, "reference"), 512) && !strings.HasPrefix(text(n.ref, "reference"), "#"):
		b.text().Organisation = b.take(n.ref, "reference", field)
	}
}
