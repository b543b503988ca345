package audit

import (
	"encoding/base64"
	"slices"
	"strings"
)

// An event about several patients is cut into shares, one for each patient. BALP asks for one event
// for each patient, so it has no rule for whose a further entity is. Our rule is that a share keeps
// only what is certain not to be another patient's:
//
//   - an entity that is another patient goes, with the contained resource that it refers to;
//   - an entity that mentions only this patient stays, one that mentions only others goes;
//   - one that mentions no patient stays whole if it belongs to none (the search, the job, the
//     transaction, an organisation…);
//   - of any other entity the codes stay (type, role, lifecycle, securityLabel): they say which
//     kind of data, but not which item;
//   - the narrative goes; elsewhere, what mentions another patient goes.
//
// Mentions are found by numbers, references and words of names, in base64 too. Who acted stays in
// every share: the user's name and number are not searched.

// neutral are the resource types that belong to no patient.
var neutral = []string{
	"OperationOutcome", "Organization", "Practitioner", "PractitionerRole", "Location", "Device", "Endpoint",
	"HealthcareService", "Library", "PlanDefinition", "Questionnaire", "ValueSet", "CodeSystem", "StructureDefinition",
	"ResearchStudy",
}

// mentions are the marks by which a patient is recognised in text.
type mentions struct{ secrets }

func (m *mentions) addID(s string) {
	m.add(s)
	for _, w := range words(s) {
		m.words[w] = true // an id may be one digit
	}
	if n := squeeze(s); len(n) >= 6 {
		m.numbers = append(m.numbers, strings.ToLower(n))
	}
}

func (m *mentions) addName(s string) {
	m.add(s)
	for _, w := range common {
		delete(m.words, w)
	}
}

// addWords adds the words of members of a resource, without those that FHIR defines.
func (m *mentions) addWords(o object, names ...string) {
	for _, name := range names {
		eachString(name, o[name], func(name, s string) {
			if !slices.Contains([]string{"system", "use", "code", "url", "period", "start", "end"}, name) {
				m.addName(s)
			}
		})
	}
}

// common are words of names and descriptions that identify no one.
var common = []string{
	"patient", "person", "record", "unknown", "the", "and", "for", "mrs", "miss", "prof", "doctor", "nurse", "consultant",
	"professor", "sister", "staff", "user", "admin", "system", "service", "practice", "pharmacy", "pharmacist", "ward",
	"clinic", "clinician", "hospital", "health", "board", "nhs", "http", "https", "urn", "uuid", "oid",
}

// in reports whether text mentions the patient.
func (m *mentions) in(text string) bool {
	return slices.ContainsFunc([]string{text, squeeze(text)}, func(s string) bool {
		low := strings.ToLower(s)
		return slices.ContainsFunc(m.numbers, func(n string) bool { return strings.Contains(low, n) })
	}) || m.word(text)
}

// marksOf collects the ways in which an event names a patient.
func marksOf(in scope, p *patient) *mentions {
	m := &mentions{}
	m.words = map[string]bool{}
	refer := func(ref object) {
		r := text(ref, "reference")
		if _, typ, id := parseReference(r); typ != "" {
			m.addID(id)
		} else if i := strings.LastIndexAny(r, ":|="); i >= 0 {
			m.addID(r[i+1:])
		}
		m.addID(text(child(ref, "identifier"), "value"))
		m.addName(text(ref, "display"))
		for _, c := range in.Named(ref) {
			m.addID(text(c, "id"))
			for _, i := range objects(c, "identifier") {
				m.addID(text(i, "value"))
			}
			m.addWords(c, "name", "telecom", "address", "birthDate", "contact")
		}
	}
	for _, i := range p.identities {
		m.addID(idValue(i.ID))
	}
	entities, agents := objects(in.Root, "entity"), objects(in.Root, "agent")
	for _, i := range p.entities {
		refer(child(entities[i], "what"))
		m.addName(text(entities[i], "name"))
	}
	for _, i := range p.agents {
		refer(child(agents[i], "who"))
		m.addName(text(agents[i], "name"))
	}
	return m
}

// mentioned reports whether any string in v mentions the patient, base64 included. Codes and
// systems are skipped.
func (m *mentions) mentioned(v any) bool {
	found := false
	eachString("", v, func(name, s string) {
		if found || name == "system" || name == "code" || name == "resourceType" {
			return
		}
		found = m.in(s)
		if name == "query" || name == "data" || strings.HasPrefix(name, "valueBase64") {
			if raw, err := base64.StdEncoding.DecodeString(s); err == nil {
				found = found || m.in(string(raw))
			}
		}
	})
	return found
}

// maxPatients is up to how many patients of one event are looked for in all of it, since the work
// grows with their square. Beyond it, a share has what certainly is not another patient's.
const maxPatients = 1000

// shares cuts an event into what concerns each of its patients. The caller may modify the trees.
func shares(whole scope, all []*patient) []object {
	if len(all) == 1 {
		return []object{whole.Root}
	}
	if len(all) > maxPatients {
		return sparse(whole.Root, all)
	}
	marks := make([]*mentions, len(all))
	entities, agents := map[int]int{}, map[int]int{} // index to patient
	for i, p := range all {
		marks[i] = marksOf(whole, p)
		for _, e := range p.entities {
			entities[e] = i
		}
		for _, a := range p.agents {
			agents[a] = i
		}
	}
	list := make([]object, len(all))
	for i := range all {
		list[i] = share(whole, i, entities, agents, marks)
	}
	return list
}

// sparse cuts an event about very many patients into shares: what kind of event it was, when, who
// acted, the patient's own entities, and the codes of those that are nobody's.
func sparse(whole object, all []*patient) []object {
	common, entities, agents := object{}, objects(whole, "entity"), objects(whole, "agent")
	for _, name := range []string{
		"resourceType", "type", "subtype", "category", "code", "action", "outcome", "recorded", "period",
		"occurredPeriod", "occurredDateTime", "purposeOfEvent", "authorization", "source",
	} {
		if v, ok := whole[name]; ok {
			common[name] = v
		}
	}
	ofPatient, isPatient := map[int]bool{}, map[int]bool{}
	for _, p := range all {
		for _, i := range p.entities {
			ofPatient[i] = true
		}
		for _, i := range p.agents {
			isPatient[i] = !asks(agents[i])
		}
	}
	var nobodys, acted []any
	for i, e := range entities {
		if !ofPatient[i] && len(nobodys) < 64 {
			nobodys = append(nobodys, only(e, "type", "role", "securityLabel"))
		}
	}
	for i, a := range agents {
		if !isPatient[i] && len(acted) < 64 {
			acted = append(acted, only(a, slices.Concat(whoActed, []string{"purposeOfUse"})...))
		}
	}
	list := make([]object, len(all))
	for i, p := range all {
		list[i] = cloneTree(common).(object)
		list[i]["agent"] = cloneTree(acted)
		var own []any
		for _, e := range p.entities {
			own = append(own, cloneTree(only(entities[e], "what", "type", "role", "securityLabel")))
		}
		list[i]["entity"] = append(own, cloneTree(nobodys).([]any)...)
	}
	return list
}

// only returns an object with some members of o.
func only(o object, names ...string) object {
	out := object{}
	for _, name := range names {
		if v, ok := o[name]; ok {
			out[name] = v
		}
	}
	return out
}

// share copies what of an event concerns patient number mine. The maps say which patient an entity
// or an agent is.
func share(whole scope, mine int, entityOf, agentOf map[int]int, marks []*mentions) object {
	own, others := marks[mine], othersThan(marks, mine)
	root := object{}
	for name, v := range whole.Root {
		if name != "entity" {
			root[name] = cloneTree(v)
		}
	}
	rest := shareOfRest(root, others)
	set := func(name string, list []any) {
		if len(list) > 0 {
			rest[name] = list
		}
	}
	set("entity", shareOfEntities(objects(whole.Root, "entity"), whole.With(root), mine, entityOf, own, others))
	set("agent", shareOfAgents(objects(root, "agent"), mine, agentOf, others))
	set("contained", shareOfContained(objects(root, "contained"), own, others))
	return rest
}

// othersThan collects the marks of all other patients, without those that this patient has too.
func othersThan(marks []*mentions, mine int) *mentions {
	own, others := marks[mine], &mentions{}
	others.words = map[string]bool{}
	for i, m := range marks {
		if i == mine {
			continue
		}
		for w := range m.words {
			if !own.words[w] {
				others.words[w] = true
			}
		}
		for _, n := range m.numbers {
			if !slices.Contains(own.numbers, n) {
				others.numbers = append(others.numbers, n)
			}
		}
	}
	return others
}

// shareOfEntities copies the patient's own entities, without mentions of others, and what further
// keeps of the entities that are not patients.
func shareOfEntities(list []object, in scope, mine int, entityOf map[int]int, own, others *mentions) []any {
	var kept []any
	for i, e := range list {
		of, isPatient := entityOf[i]
		switch {
		case !isPatient:
			e = further(in, cloneTree(e).(object), own, others)
		case of == mine:
			e, _ = scrub(e, others).(object)
		default:
			continue
		}
		if len(e) > 0 {
			kept = append(kept, cloneTree(e))
		}
	}
	return kept
}

// whoActed are the members of an agent that stay as they are in every share.
var whoActed = []string{
	"who", "name", "altId", "requestor", "type", "role", "network", "networkUri", "networkString", "networkReference",
}

// shareOfAgents keeps every agent that asked or is not another patient.
func shareOfAgents(list []object, mine int, agentOf map[int]int, others *mentions) []any {
	var kept []any
	for i, a := range list {
		if of, isPatient := agentOf[i]; isPatient && of != mine && !asks(a) {
			continue
		}
		agent, details := object{}, object{}
		for name, v := range a {
			if slices.Contains(whoActed, name) {
				agent[name] = v
			} else {
				details[name] = v
			}
		}
		rest, _ := scrub(details, others).(object)
		for name, v := range rest {
			agent[name] = v
		}
		kept = append(kept, agent)
	}
	return kept
}

// shareOfContained keeps the contained resources that mention this patient, or are no patient's,
// and mention no other.
func shareOfContained(list []object, own, others *mentions) []any {
	var kept []any
	for _, r := range list {
		if others.mentioned(r) {
			continue
		}
		if own.mentioned(r) || slices.Contains(neutral, text(r, "resourceType")) {
			kept = append(kept, r)
		}
	}
	return kept
}

// shareOfRest takes mentions of others out of all other members. The narrative goes.
func shareOfRest(root object, others *mentions) object {
	rest := object{}
	for name, v := range root {
		switch name {
		case "agent", "contained", "text":
		case "resourceType", "type", "action", "recorded", "period", "occurredPeriod", "occurredDateTime", "source":
			rest[name] = v
		default:
			if _, ok := v.(string); ok && name == "outcome" { // in R5 it is an object with words
				rest[name] = v
			} else if kept := scrub(object{name: v}, others); kept != nil {
				rest[name] = kept.(object)[name]
			}
		}
	}
	return rest
}

// further returns what a share keeps of an entity that is not a patient.
func further(in scope, e object, own, others *mentions) object {
	about := []any{e, in.Resolve(child(e, "what"))}
	mine, theirs := own.mentioned(about), others.mentioned(about)
	kind := referenceType(in, child(e, "what"))
	typ, role := codingOf(child(e, "type")), codings(child(e, "role")) // a Coding in R4, a CodeableConcept in R5
	role = append(role, codingOf(child(e, "role")))
	switch {
	case mine && !theirs:
		return e
	case theirs && !mine:
		return nil
	case theirs:
	case slices.Contains(neutral, kind), typ.system == balpEntity, e["what"] == nil && anyIs(role, objectRole, "20", "24"):
		return e
	}
	codes := object{}
	for _, name := range []string{"type", "role", "lifecycle", "securityLabel"} {
		if v, ok := e[name]; ok {
			if kept := scrub(v, others); kept != nil {
				codes[name] = kept
			}
		}
	}
	return codes
}

// scrub removes from v what mentions others: the member, or the whole extension that it is in. It
// returns nil if nothing is left.
func scrub(v any, others *mentions) any {
	switch v := v.(type) {
	case object:
		o := object{}
		for name, e := range v {
			if _, ok := e.(string); ok && others.mentioned(object{name: e}) {
				if _, extension := v["url"]; extension {
					return nil
				}
				continue
			}
			if _, ok := e.(string); ok || e == nil {
				o[name] = e
				continue
			}
			if kept := scrub(e, others); kept != nil {
				o[name] = kept
			}
		}
		if len(o) == 0 && len(v) > 0 {
			return nil
		}
		return o
	case []any:
		list := []any{}
		for _, e := range v {
			if s, ok := e.(string); ok && others.in(s) {
				continue
			}
			if e == nil {
				list = append(list, nil)
				continue
			}
			if kept := scrub(e, others); kept != nil {
				list = append(list, kept)
			}
		}
		if len(list) == 0 && len(v) > 0 {
			return nil
		}
		return list
	}
	return v
}

// personsOf collects the words that name a person in an event. They are kept out of open claims.
func personsOf(c Conversion, in scope) secrets {
	m := &mentions{}
	m.words = map[string]bool{}
	person := func(r object) {
		if slices.Contains(people, text(r, "resourceType")) {
			m.addWords(r, "name")
			for _, i := range objects(r, "identifier") {
				m.addName(text(i, "value"))
			}
		}
	}
	refer := func(ref object) {
		m.addName(text(child(ref, "identifier"), "value"))
		m.addName(text(ref, "display"))
		if _, typ, id := parseReference(text(ref, "reference")); slices.Contains(people, typ) {
			m.addName(id)
		}
		for _, r := range in.Named(ref) {
			person(r)
		}
	}
	for _, e := range objects(in.Root, "entity") {
		if what := child(e, "what"); c.isPatient(in, e) || in.InRecord(what) {
			refer(what)
			m.addName(text(e, "name"))
		}
	}
	for _, a := range objects(in.Root, "agent") {
		if human(in, a) != thing {
			refer(child(a, "who"))
			m.addName(text(a, "name"))
			m.addName(text(a, "altId"))
		}
	}
	for _, r := range objects(in.Root, "contained") {
		person(r)
	}
	return m.secrets
}
