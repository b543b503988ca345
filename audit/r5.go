package audit

import (
	"cmp"
	"slices"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// FHIR R5 (5.0.0) AuditEvents are read through a view: a tree in the form of R4 that shares with
// the event every object that both versions have, such as a Reference or a Coding. What the reader
// notes about a shared object is noted about the event itself. What the view had to rename is
// copied back by its moves. The residue is therefore the R5 event, and the way back is as exact as
// that of an R4 event.
//
//	R4 view                    R5 event
//	type, subtype              the codings of category, then those of code
//	period                     occurredPeriod; occurredDateTime is its start
//	outcome, outcomeDesc       outcome.code, the text of outcome.detail
//	purposeOfEvent             authorization
//	agent.purposeOfUse         agent.authorization
//	agent.network              agent.networkUri, networkString, networkReference
//	entity.role, securityLabel their codings
//	entity.detail.type         its text, or the display or code of its coding
//	source.site, source.type   its display, identifier or reference; its codings
//	entity (a further one)     patient

// isR5 reports whether an AuditEvent is one of FHIR R5: what happened is its code, a
// CodeableConcept. R4 has no code, and cannot be without a type.
func isR5(root object) bool { return root["type"] == nil && root["code"] != nil }

// patientOf marks the entity that stands for AuditEvent.patient while an R5 event is cut into
// shares. It is true if the event has a list of entities that is empty. No event can hold it,
// because normaliseR5 refuses the name.
const patientOf = "igledger:patient"

// normaliseR5 checks those parts of an R5 event whose form the view relies on, and makes its
// patient an entity, so that it is found and cut like the others. restoreR5 undoes it.
func normaliseR5(root object) error {
	for _, name := range []string{"agent", "entity", "contained"} {
		if err := checkArray(root, name); err != nil {
			return err
		}
	}
	for _, e := range objects(root, "entity") {
		if _, ok := e[patientOf]; ok {
			return fail(BadValue, "AuditEvent.entity", "has a member that is not of FHIR")
		}
	}
	if err := checkReference(root, "patient", "AuditEvent"); err != nil {
		return err
	}
	for _, name := range []string{"code", "outcome", "occurredPeriod"} {
		if v, ok := root[name]; ok {
			if _, ok := v.(object); !ok {
				return fail(BadValue, "AuditEvent."+name, "want an object")
			}
		}
	}
	if code := child(root, "code"); len(codings(append(objects(root, "category"), code)...)) == 0 && text(code, "text") == "" {
		return fail(Missing, "AuditEvent.code", "want a CodeableConcept")
	}
	if p := child(root, "patient"); p != nil {
		others, ok := root["entity"]
		empty := ok && len(list(others)) == 0
		root["entity"] = append(list(others), object{"what": p, patientOf: empty})
		delete(root, "patient")
	}
	return nil
}

// restoreR5 makes the entity that stands for the patient the patient again.
func restoreR5(root object) {
	entities := list(root["entity"])
	for i, v := range entities {
		e, _ := v.(object)
		empty, ok := e[patientOf]
		if !ok {
			continue
		}
		if what := child(e, "what"); what != nil {
			root["patient"] = what
		}
		entities = slices.Delete(entities, i, i+1)
		if root["entity"] = entities; len(entities) == 0 && empty == false {
			delete(root, "entity")
		}
		return
	}
}

// move says that a string of the view is one of the event.
type move struct {
	from object
	name string
	to   object
	as   string
}

// A view is an AuditEvent in the form of R4.
type view struct {
	root  object
	of    object // the event as it came; root itself if that is R4
	moves []move

	raw     []byte // the whole event as it came
	several bool   // it is about several patients
	cut     bool   // something of it was cut when it was parsed, or shared out
}

// viewOf returns the view of an R4 event, or of a normalised R5 event.
func viewOf(root object) *view {
	v := &view{root: root, of: root}
	if isR5(root) {
		v.root = v.r4()
	}
	return v
}

// back makes an R5 event the residue of a, after its view has been made one.
func (v *view) back(a *entry.Access) {
	if !isR5(v.of) {
		return
	}
	for _, m := range v.moves {
		m.to[m.as] = m.from[m.name]
	}
	restoreR5(v.of)
	finish(&tree.Residue{}, v.of, a)
}

// string copies a string of the event into the view.
func (v *view) string(to object, as string, from object, name string) {
	if s, ok := from[name].(string); ok {
		to[as] = s
		v.moves = append(v.moves, move{from: to, name: as, to: from, as: name})
	}
}

// same are the members that both versions have in one form, and those that only R5 has and that say
// whose record it is.
var same = []string{
	"resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
	"encounter", "basedOn",
}

// keep copies members that are there, with what FHIR's JSON has beside them for their extensions.
func keep(to, from object, names ...string) object {
	for _, name := range names {
		for _, n := range []string{name, "_" + name} {
			if v, ok := from[n]; ok {
				to[n] = v
			}
		}
	}
	return to
}

func (v *view) r4() object {
	e, root := v.of, keep(object{}, v.of, same...)
	for _, name := range []string{"action", "recorded"} {
		if v.string(root, name, e, name); root[name] == nil {
			keep(root, e, name)
		}
	}
	if codes := codings(append(objects(e, "category"), child(e, "code"))...); len(codes) > 0 {
		root["type"] = codes[0].at
		for _, c := range codes[1:] {
			root["subtype"] = append(list(root["subtype"]), any(c.at))
		}
	} else {
		root["type"] = object{"display": text(child(e, "code"), "text")}
	}
	if p := child(e, "occurredPeriod"); p != nil {
		root["period"] = p
	} else if p := (object{}); e["occurredDateTime"] != nil {
		v.string(p, "start", e, "occurredDateTime")
		root["period"] = p
	}
	v.outcome(root)
	if p, ok := e["authorization"]; ok {
		root["purposeOfEvent"] = p
	}
	for _, a := range objects(e, "agent") {
		root["agent"] = append(list(root["agent"]), any(v.agent(a)))
	}
	for _, x := range objects(e, "entity") {
		root["entity"] = append(list(root["entity"]), any(v.entity(x)))
	}
	root["source"] = v.source(child(e, "source"))
	return root
}

// outcomes maps codes of AuditEvent.outcome in R5 to those of R4. R5 takes the severities of
// issues, of which a warning does not make the act fail, and many systems the codes of R4.
var outcomes = map[string]string{
	"success": "0", "information": "0", "warning": "0", "error": "8", "fatal": "12",
	"0": "0", "4": "4", "8": "8", "12": "12",
}

// outcome reads the result. An unknown code is left to the default, by which an access happened.
func (v *view) outcome(root object) {
	o := child(v.of, "outcome")
	if code := outcomes[text(child(o, "code"), "code")]; code != "" {
		root["outcome"] = code
	}
	for _, d := range objects(o, "detail") {
		if text(d, "text") != "" {
			v.string(root, "outcomeDesc", d, "text")
			return
		}
		for _, c := range objects(d, "coding") {
			if text(c, "display") != "" {
				v.string(root, "outcomeDesc", c, "display")
				return
			}
		}
	}
}

func (v *view) agent(a object) object {
	to := keep(object{}, a, "extension", "type", "role", "who", "requestor", "location", "policy")
	if p, ok := a["authorization"]; ok {
		to["purposeOfUse"] = p
	}
	n := object{}
	v.string(n, "address", a, "networkString")
	if a["networkUri"] != nil {
		n["type"] = "5"
		v.string(n, "address", a, "networkUri")
	}
	v.string(n, "address", child(a, "networkReference"), "reference")
	if len(n) > 0 {
		to["network"] = n
	}
	return to
}

func (v *view) entity(e object) object {
	to := keep(object{}, e, "extension", "what")
	if e[patientOf] != nil {
		to["role"] = codingObject(objectRole + "|1")
	}
	if roles := codings(child(e, "role")); len(roles) > 0 {
		first := slices.IndexFunc(roles, func(c coding) bool { return c.system == objectRole })
		if i := slices.IndexFunc(roles, coding.isPatientRole); i >= 0 {
			first = i
		}
		to["role"] = roles[max(first, 0)].at
	}
	for _, c := range codings(objects(e, "securityLabel")...) {
		to["securityLabel"] = append(list(to["securityLabel"]), any(c.at))
	}
	v.string(to, "query", e, "query")
	for _, d := range objects(e, "detail") {
		kind := child(d, "type")
		x := object{"type": text(kind, "text")}
		for _, c := range codings(kind) {
			x["type"] = cmp.Or(text(x, "type"), text(c.at, "display"), c.code)
		}
		for _, name := range []string{"valueString", "valueBase64Binary"} {
			v.string(x, name, d, name)
		}
		to["detail"] = append(list(to["detail"]), any(x))
	}
	return to
}

func (v *view) source(s object) object {
	to := keep(object{}, s, "extension", "observer")
	for _, c := range codings(objects(s, "type")...) {
		to["type"] = append(list(to["type"]), any(c.at))
	}
	site := child(s, "site")
	for _, at := range []struct {
		o    object
		name string
	}{{site, "display"}, {child(site, "identifier"), "value"}, {site, "reference"}} {
		if text(at.o, at.name) != "" {
			v.string(to, "site", at.o, at.name)
			break
		}
	}
	return to
}
