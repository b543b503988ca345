package audit

import (
	"cmp"
	"slices"

	"igledger/ledger/entry"
	"igledger/policies/purpose"
)

const (
	balpProfiles = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
	custodian    = "http://terminology.hl7.org/CodeSystem/provenance-participant-type|custodian"
)

// interaction is what IHE BALP wants of the event of one kind of access to a patient's data.
type interaction struct {
	profile        string
	subtypes       []string // of restful-interaction, one of which the event has; the first is the default
	client, server string   // types of their agents
	user           string   // type of the human user
	data           string   // object role of the entity that holds the data
}

// interactions by action.
var interactions = map[string]interaction{
	"R": {"PatientRead", []string{"read", "vread"}, dcm + "|110152", dcm + "|110153", participation + "|IRCP", "4"},
	"C": {"PatientCreate", []string{"create"}, dcm + "|110153", dcm + "|110152", participation + "|AUT", "4"},
	"U": {"PatientUpdate", []string{"update", "patch"}, dcm + "|110153", dcm + "|110152", participation + "|AUT", "4"},
	"D": {"PatientDelete", []string{"delete"}, dcm + "|110150", custodian, participation + "|AUT", "4"},
	"E": {
		"PatientQuery", []string{"search-type", "search", "search-system"}, dcm + "|110153", dcm + "|110152",
		participation + "|IRCP", "24",
	},
}

// native returns an access that has no event of its source's as an event: what compose makes, in
// the form of the BALP profile for its action if the access is of that kind. Unlike compose, it
// names what the access leaves to be understood, such as that the issuer's own people accessed, so
// reading it would not make the same entry again. It claims the profile only if the event conforms.
func native(a *entry.Access) object {
	root := compose(a)
	root["id"] = a.ID
	agents := objects(root, "agent")
	for _, agent := range agents {
		if who := child(agent, "who"); len(who) == 0 || len(who) == 1 && who["type"] != nil {
			agent["who"] = compact(object{"type": text(who, "type"), "display": cmp.Or(text(agent, "name"), "not named")})
		}
	}
	if !slices.ContainsFunc(agents, isOrganisation) {
		root["agent"] = append(list(root["agent"]), object{"requestor": false, "type": concept(roleClass + "|PROV"),
			"who": organisationReference(a.Issuer)})
	}
	if a.Emergency && !purpose.Emergency(false, a.Event, a.Purpose) {
		root["subtype"] = append(list(root["subtype"]), any(codingObject(dcm+"|110127")))
	}
	var details []any
	for _, d := range []struct{ name, value string }{
		{"decision", a.Decision}, {"delegation", a.Delegation}, {"request", a.Request}, {"identity", string(a.Identity)},
	} {
		if d.value != "" {
			details = append(details, object{"type": d.name, "valueString": d.value})
		}
	}
	if len(details) > 0 {
		root["entity"] = append(list(root["entity"]), object{"type": codingObject(entityType + "|4"), "detail": details})
	}
	is, ok := interactions[a.Action]
	rest := len(a.Event) == 0 || a.Event[0] == restType+"|rest" && slices.ContainsFunc(is.subtypes, func(s string) bool {
		return slices.Contains(a.Event, restSubtype+"|"+s)
	})
	query := a.Text != nil && a.Text.Query != ""
	if !ok || !rest || a.Outcome != "0" || entry.IsRegister(a.Sub) || a.Action == "E" && !query {
		return root
	}
	if len(a.Event) == 0 {
		root["subtype"] = append([]any{codingObject(restSubtype + "|" + is.subtypes[0])}, list(root["subtype"])...)
	}
	is.agents(a, root)
	is.entities(root)
	if is.conforms(root) {
		root["meta"] = object{"profile": []any{balpProfiles + is.profile}}
	}
	return root
}

func isOrganisation(agent object) bool {
	return anyIs(codings(child(agent, "type")), roleClass, "PROV")
}

// agents gives the user the type that the profile wants, and adds the systems at both ends. What is
// not known of them is said to be unknown.
func (is interaction) agents(a *entry.Access, root object) {
	agents := list(root["agent"])
	user := agents[0].(object)
	if a.Machine {
		user["type"] = concept(is.client)
		if a.System != "" {
			user["who"] = who(a.System)
		}
		// The client is there once.
		agents = slices.DeleteFunc(agents, func(v any) bool {
			x, _ := v.(object)
			return text(x, "name") == "" && x["requestor"] == false && typeIs(x, is.client) && a.System != "" &&
				text(child(child(x, "who"), "identifier"), "value")+text(child(x, "who"), "reference") == a.System
		})
	} else {
		user["type"] = concept(is.user)
	}
	for _, end := range []struct {
		typ string
		who object
	}{{is.client, object{"display": "not stated"}}, {is.server, object{"type": "Device", "identifier": object{"value": a.Source}}}} {
		i := slices.IndexFunc(agents, func(v any) bool { return typeIs(v.(object), end.typ) })
		if i < 0 {
			i = len(agents)
			agents = append(agents, object{"requestor": false, "type": concept(end.typ), "who": end.who})
		}
		if agent := agents[i].(object); agent["network"] == nil {
			agent["network"] = object{"_address": unknownWhy()}
		}
	}
	root["agent"] = agents
}

func typeIs(agent object, claim string) bool {
	return slices.ContainsFunc(codings(child(agent, "type")), func(c coding) bool { return c.claim() == claim })
}

// entities puts the data into the one system object that the profile has, or in a search beside the
// query, with the labels. Further types of data have entities of their own without a type.
func (is interaction) entities(root object) {
	var kept []any
	var labels any
	data := object{"type": codingObject(entityType + "|2"), "role": codingObject(objectRole + "|" + is.data)}
	for _, e := range objects(root, "entity") {
		switch what := child(e, "what"); {
		case !codingOf(child(e, "type")).is(entityType, "2"):
			kept = append(kept, e)
		case e["securityLabel"] != nil:
			labels = e["securityLabel"]
		case e["query"] != nil:
			data["query"] = e["query"]
		case is.data != "24" && data["what"] == nil:
			data["what"] = named(what)
		default:
			kept = append(kept, object{"what": named(what)})
		}
	}
	if labels != nil {
		data["securityLabel"] = labels
	}
	if is.data != "24" {
		if data["what"] == nil {
			data["what"] = object{"display": "not stated"}
		}
		delete(data, "query")
	}
	root["entity"] = append(kept, data)
}

// conforms reports whether the event has each agent and entity as often as the profile says. An
// access may name parties that it has no place for.
func (is interaction) conforms(root object) bool {
	count := func(elements []object, fits func(o object) bool) (n int) {
		for _, o := range elements {
			if fits(o) {
				n++
			}
		}
		return n
	}
	agents, entities := objects(root, "agent"), objects(root, "entity")
	object1 := func(e object) bool { return codingOf(child(e, "type")).is(entityType, "1") }
	object2 := func(e object) bool { return codingOf(child(e, "type")).is(entityType, "2") }
	return count(agents, func(a object) bool { return typeIs(a, is.client) }) == 1 &&
		count(agents, func(a object) bool { return typeIs(a, is.server) }) == 1 &&
		count(agents, func(a object) bool { return typeIs(a, is.user) }) <= 1 &&
		count(entities, object1) == 1 && count(entities, object2) == 1
}

// purposeClaim returns a purpose of an entry as "system|code".
func purposeClaim(p string) string {
	if p := purpose.Code(p); purpose.Known(p) {
		return purpose.System + "|" + p
	}
	return p
}
