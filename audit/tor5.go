package audit

import (
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// Elements that only one of the versions has are extensions in the other, by the names that FHIR
// gives such extensions (versions.html, "Extensions for converting between versions").
const (
	r4Only = "http://hl7.org/fhir/4.0/StructureDefinition/extension-AuditEvent."
	r5Only = "http://hl7.org/fhir/5.0/StructureDefinition/extension-AuditEvent."
)

// unknownWhy is the extension of an element that must be there and is not known.
func unknownWhy() object {
	return object{"extension": []any{object{
		"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}}}
}

func extend(o object, url, value string, v any) {
	if v == nil || v == "" {
		return
	}
	o["extension"] = append(list(o["extension"]), object{"url": url, value: v})
}

// ToR5 returns an access as a FHIR R5 AuditEvent, in JSON: the source's event if that was one, else
// what ToAuditEvent returns, translated.
func ToR5(a *entry.Access) ([]byte, error) {
	root, err := sourceEvent(a)
	if err != nil {
		return nil, err
	}
	return writeTree(inR5(root))
}

// inR4 returns an event in R4, with what only R5 has as extensions. It takes the event apart.
func inR4(root object) (object, error) {
	if !isR5(root) {
		return root, nil
	}
	severity, basedOn, encounter := root["severity"], list(root["basedOn"]), root["encounter"]
	if err := normaliseR5(root); err != nil {
		return nil, err
	}
	to := viewOf(root).root
	extend(to, r5Only+"severity", "valueCode", severity)
	for _, b := range basedOn {
		extend(to, r5Only+"basedOn", "valueReference", b)
	}
	extend(to, r5Only+"encounter", "valueReference", encounter)
	from := objects(root, "entity")
	for i, e := range objects(to, "entity") {
		if from[i][patientOf] != nil {
			e["type"] = codingObject(entityType + "|1")
		}
		for _, a := range objects(from[i], "agent") {
			x := object{"url": r5Only + "entity.agent"}
			extend(x, "type", "valueCodeableConcept", a["type"])
			extend(x, "who", "valueReference", a["who"])
			extend(x, "requestor", "valueBoolean", a["requestor"])
			e["extension"] = append(list(e["extension"]), any(x))
		}
	}
	return to, nil
}

// severities are the codes of outcomes in R5.
var severities = map[string]string{"0": "success", "4": "error", "8": "error", "12": "fatal"}

// inR5 returns an event in R5, with what only R4 has as extensions.
func inR5(root object) object {
	if isR5(root) {
		return root
	}
	to := keep(object{}, root, append(same, "action", "recorded")...)
	typ := object{"coding": []any{root["type"]}}
	to["category"], to["code"] = []any{typ}, typ
	if sub := list(root["subtype"]); len(sub) > 0 {
		to["code"] = object{"coding": sub}
	}
	if p := child(root, "period"); p != nil {
		to["occurredPeriod"] = p
	}
	if o := outcomeR5(root); o != nil {
		to["outcome"] = o
	}
	if p, ok := root["purposeOfEvent"]; ok {
		to["authorization"] = p
	}
	for _, a := range objects(root, "agent") {
		to["agent"] = append(list(to["agent"]), any(agentR5(a)))
	}
	for _, e := range objects(root, "entity") {
		to["entity"] = append(list(to["entity"]), any(entityR5(e)))
		if what := child(e, "what"); to["patient"] == nil && len(what) > 0 && codingOf(child(e, "role")).isPatientRole() {
			to["patient"] = what
		}
	}
	from := child(root, "source")
	source := keep(object{}, from, "extension", "observer")
	if site := text(from, "site"); site != "" {
		source["site"] = object{"display": site}
	}
	for _, t := range list(from["type"]) {
		source["type"] = append(list(source["type"]), object{"coding": []any{t}})
	}
	to["source"] = source
	return to
}

func outcomeR5(root object) object {
	code, words := text(root, "outcome"), text(root, "outcomeDesc")
	if code == "" && words == "" {
		return nil
	}
	o := object{"code": unknownWhy()}
	if s := severities[code]; s != "" {
		o["code"] = codingObject("http://hl7.org/fhir/issue-severity|" + s)
	}
	if words != "" {
		o["detail"] = []any{object{"text": words}}
	}
	return o
}

// agentR5 translates an agent. R5 has its name in who.
func agentR5(a object) object {
	to := keep(object{}, a, "extension", "type", "role", "requestor", "location", "policy")
	if p, ok := a["purposeOfUse"]; ok {
		to["authorization"] = p
	}
	who, name := keep(object{}, child(a, "who"), "extension", "reference", "type", "identifier", "display"), text(a, "name")
	switch {
	case name != "" && who["display"] == nil:
		who["display"] = name
	case name != "" && who["display"] != name:
		extend(to, r4Only+"agent.name", "valueString", name)
	case who["display"] == nil && who["reference"] == nil && who["identifier"] == nil: // R5 rule ref-2
		who["display"] = "not named"
	}
	to["who"] = who
	extend(to, r4Only+"agent.altId", "valueString", a["altId"])
	extend(to, r4Only+"agent.media", "valueCoding", a["media"])
	if n := child(a, "network"); n["address"] != nil {
		as := "networkString"
		if text(n, "type") == "5" {
			as = "networkUri"
		}
		to[as] = n["address"]
	}
	return to
}

func entityR5(e object) object {
	to := keep(object{}, e, "extension", "query")
	if what := child(e, "what"); what != nil {
		to["what"] = named(what)
	}
	extend(to, r4Only+"entity.type", "valueCoding", e["type"])
	extend(to, r4Only+"entity.lifecycle", "valueCoding", e["lifecycle"])
	extend(to, r4Only+"entity.name", "valueString", e["name"])
	extend(to, r4Only+"entity.description", "valueString", e["description"])
	if r := child(e, "role"); r != nil {
		to["role"] = object{"coding": []any{r}}
	}
	for _, l := range list(e["securityLabel"]) {
		to["securityLabel"] = append(list(to["securityLabel"]), object{"coding": []any{l}})
	}
	for _, d := range objects(e, "detail") {
		x := keep(object{}, d, "extension", "valueString", "valueBase64Binary")
		x["type"] = object{"text": text(d, "type")}
		to["detail"] = append(list(to["detail"]), any(x))
	}
	return to
}

// named gives a Reference that has only a type a display: R5 rule ref-2 wants something that names
// what it refers to.
func named(ref object) object {
	if ref["reference"] != nil || ref["identifier"] != nil || ref["display"] != nil || ref["extension"] != nil {
		return ref
	}
	to := keep(object{}, ref, "type")
	to["display"] = strings.TrimSpace("some " + text(ref, "type"))
	return to
}

// sourceEvent returns the event that the residue of an access makes, in the version in which it
// came, or a composed one.
func sourceEvent(a *entry.Access) (object, error) {
	if len(a.FHIR) == 0 {
		return compose(a), nil
	}
	v, err := parseTree("fhir", a.FHIR)
	if err != nil {
		return nil, fail(BadResidue, "fhir", "not one JSON value")
	}
	budget := MaxEvent
	filled, _ := tree.FillTree(v, fields(a), &budget)
	root, ok := filled.(object)
	if !ok || root["resourceType"] != "AuditEvent" || budget < 0 {
		return nil, fail(BadResidue, "fhir", "does not make an AuditEvent of at most %d bytes", MaxEvent)
	}
	if name := contradicts(root, a); name != "" {
		return nil, fail(BadResidue, "AuditEvent."+name, "contradicts the claim")
	}
	return root, nil
}

// contradicts returns the member of an event that states something else than the claims of its
// entry, "" if none does.
func contradicts(root object, a *entry.Access) string {
	action, outcome := statedAction(root), statedOutcome(root)
	if isR5(root) {
		outcome = outcomes[text(child(child(root, "outcome"), "code"), "code")]
	}
	switch {
	case action != "" && action != a.Action:
		return "action"
	case !sameMoment(text(root, "recorded"), a.Recorded):
		return "recorded"
	case outcome != "" && outcome != a.Outcome:
		return "outcome"
	}
	return ""
}
