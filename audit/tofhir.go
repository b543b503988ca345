package audit

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"igledger/consent/fhir/mapping"
	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// ToAuditEvent returns an access as a FHIR R4 AuditEvent, in JSON. For an access that
// FromAuditEvent made, that is the source's event without what was withheld, translated if that was
// one of FHIR R5. For any other, or if the disclosure FHIR is withheld, it is an event made from
// the claims and from what else is shown.
//
// The claims decide: if the residue states another action, outcome or time, ToAuditEvent returns
// BadResidue.
func ToAuditEvent(a *entry.Access) ([]byte, error) {
	root, err := sourceEvent(a)
	if err != nil {
		return nil, err
	}
	root, err = inR4(root)
	if err != nil {
		return nil, fail(BadResidue, "fhir", "does not make an AuditEvent")
	}
	return writeTree(root)
}

// compose makes a plain event from an access that has no residue. Reading it makes the same access
// again, as far as it is shown.
func compose(a *entry.Access) object {
	root := object{"resourceType": "AuditEvent", "action": a.Action, "outcome": a.Outcome, "recorded": a.Recorded,
		"type":   object{"system": restType, "code": "rest"},
		"source": object{"site": a.Issuer, "observer": object{"type": "Device", "identifier": object{"value": a.Source}}}}
	for i, claim := range a.Event {
		if i == 0 {
			root["type"] = codingObject(claim)
		} else {
			root["subtype"] = append(list(root["subtype"]), codingObject(claim))
		}
	}
	if a.Occurred != "" || a.OccurredEnd != "" {
		root["period"] = compact(object{"start": a.Occurred, "end": a.OccurredEnd})
	}
	root["agent"] = composeAgents(a)
	if entities := composeEntities(a); len(entities) > 0 {
		root["entity"] = entities
	}
	if a.Text != nil && a.Text.Outcome != "" {
		root["outcomeDesc"] = a.Text.Outcome
	}
	return root
}

// composeAgents makes the user, the organisation that accessed, the parties and the client's
// system.
func composeAgents(a *entry.Access) []any {
	agents := []any{composeUser(a)}
	if who := composeOrganisation(a); who != nil {
		agents = append(agents, object{"requestor": false, "type": concept(roleClass + "|PROV"), "who": who})
	}
	told := a.Recipient
	for _, p := range a.Parties {
		if isAccessor(a, p) {
			continue
		}
		agent := composeParty(p)
		if told != "" && p.Type == dcm+"|110152" { // the recipient by its id, and not as the source wrote it
			agent["who"], told = organisationReference(told), ""
		}
		agents = append(agents, agent)
	}
	if told != "" {
		agents = append(agents, object{"requestor": false, "type": concept(dcm + "|110152"), "who": organisationReference(told)})
	}
	if agent := composeSystem(a); agent != nil {
		agents = append(agents, agent)
	}
	return agents
}

// composeOrganisation makes a Reference to the organisation that accessed, nil for the issuer.
func composeOrganisation(a *entry.Access) object {
	switch {
	case a.Foreign && a.Text != nil && a.Text.Organisation != "":
		return object{"type": "Organization", "display": a.Text.Organisation}
	case a.Foreign:
		return object{"type": "Organization"}
	case a.Org != "":
		return organisationReference(a.Org)
	}
	return nil
}

func organisationReference(id string) object {
	return object{"type": "Organization", "identifier": object{"system": mapping.OwnOrganisation, "value": id}}
}

func composeUser(a *entry.Access) object {
	user := object{"requestor": true, "type": concept(securityRole + "|humanuser")}
	if a.Machine {
		user = object{"requestor": true, "who": object{"type": "Device"}, "type": concept(dcm + "|110150")}
	}
	if s := a.Staff; s != nil {
		user["name"], user["altId"] = s.Name, s.AltID
		if strings.Contains(s.ID, "/") && s.System == "" {
			user["who"] = object{"reference": s.ID}
		} else if s.ID != "" {
			user["who"] = object{"identifier": compact(object{"system": s.System, "value": s.ID})}
		}
	}
	for _, r := range a.Role {
		user["role"] = append(list(user["role"]), concept(r))
	}
	if purposes := composePurposes(a); len(purposes) > 0 {
		user["purposeOfUse"] = purposes
	}
	if a.Agreement != "" {
		user["policy"] = []any{AgreementURI + a.Agreement}
	}
	return compact(user)
}

// composePurposes adds the reason in words to the first purpose, or to one of its own.
func composePurposes(a *entry.Access) []any {
	var list []any
	for _, p := range a.Purpose {
		list = append(list, concept(purposeClaim(p)))
	}
	if a.Text == nil || a.Text.Why == "" {
		return list
	}
	if len(list) == 0 {
		return []any{object{"text": a.Text.Why}}
	}
	list[0].(object)["text"] = a.Text.Why
	return list
}

// isAccessor reports whether a party is the organisation that accessed, as the source wrote it. It
// has an agent of its own.
func isAccessor(a *entry.Access, p entry.Party) bool {
	return p.Type == roleClass+"|PROV" && (a.Org != "" || a.Foreign)
}

func composeParty(p entry.Party) object {
	agent := object{"requestor": false, "name": p.Name}
	if p.Type != "" {
		agent["type"] = concept(p.Type)
	}
	if p.ID != "" {
		agent["who"] = who(p.ID)
	}
	if p.Address != "" {
		agent["network"] = object{"address": p.Address}
	}
	return compact(agent)
}

// composeSystem makes the client's system. It returns nil if the access names none, or if one of
// the parties is it.
func composeSystem(a *entry.Access) object {
	types := client(a)
	isParty := slices.ContainsFunc(a.Parties, func(p entry.Party) bool {
		return !isAccessor(a, p) && p.ID == a.System
	})
	if a.System == "" || len(types) == 0 || isParty {
		return nil
	}
	return object{"requestor": false, "type": concept(dcm + "|" + types[0]), "who": who(a.System)}
}

func composeEntities(a *entry.Access) []any {
	var entities []any
	patientRole := object{"type": codingObject(entityType + "|1"), "role": codingObject(objectRole + "|1")}
	if what := tree.PatientReference(a.Sub); what != nil {
		patientRole["what"] = what
		entities = append(entities, patientRole)
	}
	var labels []any
	for _, d := range a.Data {
		if system, code := splitClaim(d); system == resourceTypes {
			entities = append(entities, object{"what": object{"type": code}, "type": codingObject(entityType + "|2")})
		} else {
			labels = append(labels, codingObject(d))
		}
	}
	if len(labels) > 0 {
		entities = append(entities, object{"type": codingObject(entityType + "|2"), "securityLabel": labels})
	}
	if a.Text != nil && a.Text.Query != "" {
		entities = append(entities, object{"type": codingObject(entityType + "|2"), "role": codingObject(objectRole + "|24"),
			"query": base64.StdEncoding.EncodeToString([]byte(a.Text.Query))})
	}
	if a.Text != nil && a.Text.Justification != "" {
		entities = append(entities, object{"type": codingObject(entityType + "|4"),
			"detail": []any{object{"type": "justification", "valueString": a.Text.Justification}}})
	}
	return entities
}

func who(id string) object {
	if _, typ, _ := parseReference(id); typ != "" || strings.HasPrefix(id, "#") {
		return object{"reference": id}
	}
	return object{"identifier": object{"value": id}}
}

func codingObject(claim string) object {
	system, code := splitClaim(claim)
	return compact(object{"system": system, "code": code})
}

func concept(claim string) object { return object{"coding": []any{codingObject(claim)}} }

func list(v any) []any { l, _ := v.([]any); return l }

// compact removes empty strings.
func compact(o object) object {
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == "" })
	return o
}
