package audit

import (
	"slices"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Types of agents: those that people have, and those that only systems have. BALP types its users
// IRCP, AUT, INF or CST, plain FHIR humanuser. DICOM has client and server as source and
// destination.
var (
	humanTypes = map[string][]string{
		securityRole:  {"humanuser", "datasubject"},
		participation: {"IRCP", "AUT", "INF", "CST", "PPRF", "PRF", "ENT"},
		roleClass:     {"PAT", "GUARD", "NOK", "AGNT", "ECON"},
		roleCode:      {"POWATT", "HPOWATT", "DPOWATT", "SPOWATT", "RESPRSN", "GUADLTM", "DELEGATEE", "DELEGATOR"},
	}
	systemTypes = map[string][]string{
		dcm:          {"110150", "110151", "110152", "110153", "110154", "110155"},
		securityRole: {"authserver", "datacollector", "dataprocessor"},
		roleClass:    {"PROV"},
	}
	people = []string{"Practitioner", "PractitionerRole", "Patient", "RelatedPerson", "Person"}
	things = []string{"Device", "Organization", "HealthcareService", "Location", "Endpoint", "Group", "CareTeam"}
)

func typed(list []coding, table map[string][]string) bool {
	return slices.ContainsFunc(list, func(c coding) bool { return slices.Contains(table[c.system], c.code) })
}

// human reports whether an agent is a person, or may be one for all that the event says. In doubt
// it is a person. A person's look-up that passes for a machine's would stay hidden; the opposite
// mistake only raises a question.
func human(in scope, agent object) bool {
	kind, types := referenceType(in, child(agent, "who")), codings(child(agent, "type"))
	switch requestor := asks(agent); {
	case slices.Contains(people, kind):
		return true
	case slices.Contains(things, kind):
		return false
	case typed(types, humanTypes):
		return true
	case typed(types, systemTypes): // people have DICOM's roles too: a requestor with a name
		return requestor && text(agent, "name") != ""
	case numberedOrganisation(in, agent):
		return false
	case isSubject(in, agent), mapping.StaffSystem(text(child(child(agent, "who"), "identifier"), "system")):
		return true
	default: // if the event does not say who asked, it is someone with a role
		return requestor || !anyAsks(in) && (text(agent, "altId") != "" || agent["role"] != nil)
	}
}

// numberedOrganisation reports whether an agent has an identifier that only organisations have.
func numberedOrganisation(in scope, agent object) bool {
	i := child(child(agent, "who"), "identifier")
	return text(i, "system") == mapping.ODS || in.Map.ByIdentifier(text(i, "system"), text(i, "value")) != ""
}

func anyAsks(in scope) bool { return slices.ContainsFunc(objects(in.Root, "agent"), asks) }

// referenceType returns the resource type that a Reference names, "" if it does not say.
func referenceType(in scope, ref object) string { return in.ReferenceType(ref) }

// user returns the index of the agent who accessed: the human who asked, else the first human, who is
// the patient only if there is no other. If
// an organisation asked, only a human who asked is the user, since people of another organisation
// may only have answered. It returns -1 if there is none.
func user(in scope) int {
	list := objects(in.Root, "agent")
	if i := slices.IndexFunc(list, func(a object) bool { return asks(a) && human(in, a) }); i >= 0 {
		return i
	}
	if organisationAsks(in) {
		return -1
	}
	if i := slices.IndexFunc(list, func(a object) bool { return human(in, a) && !isSubject(in, a) }); i >= 0 {
		return i
	}
	return slices.IndexFunc(list, func(a object) bool { return human(in, a) })
}

func asks(agent object) bool { requestor, _ := agent["requestor"].(bool); return requestor }

func organisationAsks(in scope) bool {
	return slices.ContainsFunc(objects(in.Root, "agent"), func(a object) bool {
		return asks(a) && referenceType(in, child(a, "who")) == "Organization"
	})
}

// client returns the agent types of the system that was used for the access, the best first. BALP's
// read has the client as destination; its query, create and update as source; its delete and its
// authorisation as application. In a disclosure both ends are parties.
func client(a *entry.Access) []string {
	switch {
	case disclosure(a):
		return nil
	case a.Action == "R":
		return []string{"110152", "110150", "110153"}
	case a.Action == "D":
		return []string{"110150", "110153"}
	}
	return []string{"110153", "110150"}
}

// disclosure reports whether the event says that data went to another organisation (DCM 110106
// Export) or came from one (110107 Import).
func disclosure(a *entry.Access) bool {
	return slices.Contains(a.Event, dcm+"|110106") || slices.Contains(a.Event, dcm+"|110107")
}

// agents reads people, systems and organisations from the event.
func (b *builder) agents(root object) {
	list, u := objects(root, "agent"), user(b.in)
	// organisations that ask or are told have people
	b.a.Machine = u < 0 && len(list) > 0 && !disclosure(b.a) && !organisationAsks(b.in)
	b.organisation(root, list, u)
	for _, code := range client(b.a) {
		i := slices.IndexFunc(list, func(a object) bool {
			return !human(b.in, a) && anyIs(codings(child(a, "type")), dcm, code)
		})
		if i >= 0 && b.system(child(list[i], "who")) {
			break
		}
	}
	for i, agent := range list {
		if i == u {
			b.staff(agent)
		} else if len(b.a.Parties) < 32 && !isSubject(b.in, agent) {
			b.party(agent)
		}
		b.agreement(agent)
	}
	if u >= 0 {
		b.codes("role", &b.a.Role, codings(objects(list[u], "role")...))
	}
}

// organisation finds who accessed: the organisation of the user (type v3-RoleClass#PROV). In a
// disclosure it is the sender if a person sent, else the recipient. Otherwise it is an organisation
// that asked. If there is none, it is the issuer.
func (b *builder) organisation(root object, list []object, u int) {
	end := "110152"
	if u >= 0 {
		end = "110153"
	}
	for _, fits := range []func(a object) bool{
		func(a object) bool { return anyIs(codings(child(a, "type")), roleClass, "PROV") },
		func(a object) bool {
			return disclosure(b.a) && anyIs(codings(child(a, "type")), dcm, end) &&
				referenceType(b.in, child(a, "who")) == "Organization"
		},
		func(a object) bool { return asks(a) && referenceType(b.in, child(a, "who")) == "Organization" },
	} {
		for _, a := range list {
			if fits(a) && b.orgID(child(a, "who")) {
				return
			}
		}
	}
}

func (b *builder) orgID(who object) bool {
	if id := text(child(who, "identifier"), "value"); wire.CheckOrgID(id) == nil && !b.s.number(id) {
		b.a.Org = id
		b.r.Member(child(who, "identifier"), "value", "={org}")
		return true
	}
	_, typ, id := parseReference(text(who, "reference"))
	if typ == "Organization" && wire.CheckOrgID(id) == nil && !b.s.number(id) {
		b.a.Org = id
		return true
	}
	return false
}

func (b *builder) system(who object) bool {
	for _, at := range []struct {
		o    object
		name string
	}{{child(who, "identifier"), "value"}, {who, "reference"}} {
		if v := text(at.o, at.name); b.s.token(v, 128) {
			b.a.System = v
			b.r.Member(at.o, at.name, "={system}")
			return true
		}
	}
	return false
}

func (b *builder) staff(agent object) {
	who, s := child(agent, "who"), entry.Staff{}
	if i := child(who, "identifier"); short(text(i, "value"), 512) {
		s.ID = b.take(i, "value", "staff/id")
		if short(text(i, "system"), 512) {
			s.System = b.take(i, "system", "staff/system")
		}
	} else if short(text(who, "reference"), 512) {
		s.ID = b.take(who, "reference", "staff/id")
	}
	if short(text(agent, "name"), 512) {
		s.Name = b.take(agent, "name", "staff/name")
		b.r.Member(who, "display", "={staff/name}") // if they agree
	} else if short(text(who, "display"), 512) {
		s.Name = b.take(who, "display", "staff/name")
	}
	if short(text(agent, "altId"), 512) {
		s.AltID = b.take(agent, "altId", "staff/altId")
	}
	if !s.Empty() {
		b.a.Staff = &s
	}
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
