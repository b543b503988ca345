package audit

import (
	"slices"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
)

// Types of agents: those that people have, and those that only systems have. BALP types its users
// IRCP, AUT, INF or CST, those of tokens by the kind of token, plain FHIR humanuser. DICOM has
// client and server as source and destination.
var (
	humanTypes = map[string][]string{
		securityRole:  {"humanuser", "datasubject"},
		participation: {"IRCP", "AUT", "INF", "CST", "PPRF", "PRF", "ENT"},
		roleClass:     {"PAT", "GUARD", "NOK", "AGNT", "ECON"},
		roleCode:      {"POWATT", "HPOWATT", "DPOWATT", "SPOWATT", "RESPRSN", "GUADLTM", "DELEGATEE", "DELEGATOR"},
		userAgent:     {"UserSamlAgent", "UserOauthAgent"},
	}
	systemTypes = map[string][]string{
		dcm:             {"110150", "110151", "110152", "110153", "110154", "110155"},
		securityRole:    {"authserver", "datacollector", "dataprocessor"},
		roleClass:       {"PROV"},
		participantType: {"custodian"},
		userAgent:       {"AuthzOauthService"},
		homeCommunity:   {"homeCommunityId"},
	}
	people = []string{"Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Person"}
	things = []string{"Device", "Organization", "HealthcareService", "Location", "Endpoint"}
	teams  = []string{"Group", "CareTeam"}
)

func typed(list []coding, table map[string][]string) bool {
	return slices.ContainsFunc(list, func(c coding) bool { return slices.Contains(table[c.system], c.code) })
}

// likeness says how likely an agent is the person who accessed.
type likeness int

const (
	thing  likeness = iota // a system, an organisation, or a person who certainly is not the one
	spoken                 // the patient, who does not ask: more likely the one spoken of
	maybe                  // nothing says that it is no person
	person                 // something says that it is one, or that it asked
)

// human says whether an agent is a person. In doubt it is one, and so are several people (CareTeam,
// Group). A person's look-up that passes for a
// machine's would stay hidden; the opposite mistake only raises a question.
func human(in scope, agent object) likeness {
	who, types, requestor := child(agent, "who"), codings(child(agent, "type")), asks(agent)
	kind := referenceType(in, who)
	switch {
	case slices.Contains(things, kind), namesOrganisation(in, agent):
		return thing
	case isSubject(in, agent) && !requestor && anyIs(types, snomed, "429577009"): // who permitted a disclosure
		return thing
	case isSubject(in, agent) && !requestor:
		return spoken
	case slices.Contains(people, kind), typed(types, humanTypes), mapping.StaffSystem(text(child(who, "identifier"), "system")):
		return person
	case typed(types, systemTypes) && (!requestor || text(agent, "name") == ""): // people have DICOM's roles too: who asks, by name
		return thing
	case requestor:
		return person
	case len(who) > 0, text(agent, "name") != "", text(agent, "altId") != "", len(objects(agent, "role")) > 0:
		return maybe
	}
	return thing
}

// referenceType returns the resource type that a Reference names, "" if it does not say.
func referenceType(in scope, ref object) string { return in.ReferenceType(ref) }

// user returns the index of the agent who accessed: the person who asked, or else the team, else
// the first of those who are most likely one. If an organisation asked, only a person who asked is
// the user, since people of another organisation may only have answered. If a machine asked, others
// are the user only if they certainly are people. It returns -1 if there is none.
func user(in scope) int {
	list := objects(in.Root, "agent")
	for _, several := range []bool{false, true} {
		i := slices.IndexFunc(list, func(a object) bool {
			return asks(a) && human(in, a) == person && slices.Contains(teams, referenceType(in, child(a, "who"))) == several
		})
		if i >= 0 {
			return i
		}
	}
	if organisationAsks(in) {
		return -1
	}
	least := spoken
	if slices.ContainsFunc(list, asks) {
		least = person
	}
	for want := person; want >= least; want-- {
		if i := slices.IndexFunc(list, func(a object) bool { return human(in, a) == want }); i >= 0 {
			return i
		}
	}
	return -1
}

func asks(agent object) bool { requestor, _ := agent["requestor"].(bool); return requestor }

func organisationAsks(in scope) bool {
	return slices.ContainsFunc(objects(in.Root, "agent"), func(a object) bool { return asks(a) && namesOrganisation(in, a) })
}

// client returns the agent types of the system that was used for the access, the best first. BALP's
// read has the client as destination; its query, create and update as source; its delete and its
// authorisation as application. The other end of it is the server, which is never the client. In a
// disclosure both ends are parties.
func client(a *entry.Access) []string {
	switch {
	case disclosure(a):
		return nil
	case a.Action == "R":
		return []string{"110152", "110150"}
	case a.Action == "D":
		return []string{"110150", "110153"}
	}
	return []string{"110153", "110150"}
}

// disclosure reports whether the event says that data went to another organisation or came from
// one.
func disclosure(a *entry.Access) bool { return a.Transfer() }

// agents reads people, systems and organisations from the event.
func (b *builder) agents(root object) {
	list, u := objects(root, "agent"), user(b.in)
	// organisations that ask or are told have people
	b.a.Machine = u < 0 && len(list) > 0 && !disclosure(b.a) && !organisationAsks(b.in)
	b.organisation(list, u)
	b.recipient(root, list)
	b.client(list, u)
	for i, agent := range list {
		if i == u {
			b.staff(agent)
		} else if len(b.a.Parties) < 32 && !isSubject(b.in, agent) {
			b.party(agent)
		}
		b.agreement(agent)
	}
	if u >= 0 {
		b.roles(list[u])
	}
}

// client finds the system through which the organisation accessed: the agent in the part of the
// client, or a machine that asked and has no part.
func (b *builder) client(list []object, u int) {
	for _, code := range client(b.a) {
		i := slices.IndexFunc(list, func(a object) bool {
			return human(b.in, a) == thing && anyIs(codings(child(a, "type")), dcm, code)
		})
		if i >= 0 && b.system(child(list[i], "who")) {
			return
		}
	}
	i := slices.IndexFunc(list, func(a object) bool {
		return asks(a) && human(b.in, a) == thing && !namesOrganisation(b.in, a) && !typed(codings(child(a, "type")), otherParts)
	})
	if i >= 0 && u < 0 && !disclosure(b.a) {
		b.system(child(list[i], "who"))
	}
}

// system notes the system that an agent is, by its identifier, its reference or its display.
func (b *builder) system(who object) bool {
	for _, at := range []struct {
		o    object
		name string
	}{{child(who, "identifier"), "value"}, {who, "reference"}, {who, "display"}} {
		if v := text(at.o, at.name); b.s.token(v, 128) && !strings.HasPrefix(v, "#") {
			b.a.System = v
			b.r.Member(at.o, at.name, "={system}")
			return true
		}
	}
	return false
}

func (b *builder) party(agent object) {
	who, p, name := child(agent, "who"), entry.Party{}, "parties/"+itoa(len(b.a.Parties))
	if t := codings(child(agent, "type")); len(t) > 0 && short(t[0].claim(), 256) {
		p.Type = t[0].claim()
	}
	if short(text(who, "reference"), 256) {
		p.ID = b.take(who, "reference", name+"/id")
	} else if i := child(who, "identifier"); short(text(i, "value"), 256) {
		p.ID = b.take(i, "value", name+"/id")
	}
	if short(text(agent, "name"), 256) {
		p.Name = b.take(agent, "name", name+"/name")
	} else if short(text(who, "display"), 256) {
		p.Name = b.take(who, "display", name+"/name")
	}
	if n := child(agent, "network"); short(text(n, "address"), 256) {
		p.Address = b.take(n, "address", name+"/address")
	}
	if p != (entry.Party{}) {
		b.a.Parties = append(b.a.Parties, p)
	}
}

// agreement reads the first policy of the form AgreementURI<id>.
func (b *builder) agreement(agent object) {
	policies, _ := agent["policy"].([]any)
	for i, p := range policies {
		uri, _ := p.(string)
		id, ok := strings.CutPrefix(uri, AgreementURI)
		if !ok || !b.s.token(id, 512-len(AgreementURI)) || b.a.Agreement != "" && b.a.Agreement != id {
			continue
		}
		b.a.Agreement = id
		b.r.Element(policies, i, "="+AgreementURI+"{agreement}")
	}
}
