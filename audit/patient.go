package audit

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"igledger/consent/fhir/tree"
	"igledger/ledger/entry"
)

// A patient whom the event names only in words has no id (see tree.Patients). The access is filed
// under reg:sources.

type identity = tree.Identity

// patient is one patient of an event. Entities and agents are indices into AuditEvent.entity and
// .agent.
type patient struct {
	identities []identity // none: cannot be filed
	entities   []int
	agents     []int
}

func (p *patient) id() string { return cmp.Or(tree.Best(p.identities).ID, entry.RegSources) }

func (p *patient) has(ids []identity) bool {
	return slices.ContainsFunc(p.identities, func(i identity) bool {
		return slices.ContainsFunc(ids, func(o identity) bool { return o.ID == i.ID })
	})
}

// patients finds the patients of an event: those that its entities name. If no entity says which
// patient, it looks on: among the agents, then for whose record an entity is part of, then in what
// was searched for, then for a number anywhere. So an event that has a number of a person is filed
// under a person. Whose record was certainly used besides is a patient of the event as well.
func (c Conversion) patients(in scope) []*patient {
	f := &finder{unfiled: &patient{}}
	for i, e := range objects(in.Root, "entity") {
		if c.isPatient(in, e) {
			p := f.find(c.identities(in, child(e, "what")))
			p.entities = append(p.entities, i)
		}
	}
	for _, look := range []func(scope, *finder){c.amongAgents, c.inRecords, c.inQueries, c.anywhere, c.inNames} {
		if len(f.list) == 0 {
			look(in, f)
			if len(f.list) == 1 { // whom the event named in words as well
				f.list[0].entities = append(f.list[0].entities, f.unfiled.entities...)
				f.unfiled = &patient{}
			}
		}
	}
	c.besides(in, f)
	list := f.list
	if len(f.unfiled.entities) > 0 {
		list = append(list, f.unfiled)
	}
	for i, a := range objects(in.Root, "agent") {
		ids := c.identities(in, child(a, "who"))
		for _, p := range list {
			if p.has(ids) {
				p.agents = append(p.agents, i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *patient) int { return cmp.Compare(first(a.entities), first(b.entities)) })
	return list
}

// resolved looks up patients who have local identifiers only. Two who turn out to be one become
// one.
func (c Conversion) resolved(list []*patient) []*patient {
	if c.Resolve == nil {
		return list
	}
	found := map[string]*patient{}
	return slices.DeleteFunc(list, func(p *patient) bool {
		for _, i := range p.identities {
			if i.Value == "" || !strings.HasPrefix(p.id(), "temp:") {
				continue
			}
			if id := c.Resolve(i.System, i.Value); id != "" && entry.CheckID(id) == nil {
				p.identities = append(p.identities, identity{ID: id})
			}
		}
		first := found[p.id()]
		if len(p.identities) == 0 || first == nil {
			found[p.id()] = p
			return false
		}
		first.identities = append(first.identities, p.identities...)
		first.entities, first.agents = append(first.entities, p.entities...), append(first.agents, p.agents...)
		return true
	})
}

// finder collects patients.
type finder struct {
	list    []*patient
	unfiled *patient // who has no identity
}

// find returns the patient with these identities. Patients who share one become one.
func (f *finder) find(ids []identity) *patient {
	if len(ids) == 0 {
		return f.unfiled
	}
	p := &patient{}
	f.list = slices.DeleteFunc(f.list, func(q *patient) bool {
		if !q.has(ids) {
			return false
		}
		p.identities = append(p.identities, q.identities...)
		p.entities = append(p.entities, q.entities...)
		return true
	})
	p.identities = append(p.identities, ids...)
	f.list = append(f.list, p)
	return p
}

// amongAgents finds the patients among those who took part: national records say so, and people who
// look at their own.
func (c Conversion) amongAgents(in scope, f *finder) {
	for _, a := range objects(in.Root, "agent") {
		if isSubject(in, a) {
			f.find(c.identities(in, child(a, "who")))
		}
	}
}

// isSubject reports whether an agent is a patient.
func isSubject(in scope, agent object) bool {
	who := child(agent, "who")
	types := codings(child(agent, "type"))
	return in.IsPatient(who) || in.Scheme(child(who, "identifier")) != "" ||
		anyIs(types, roleClass, "PAT") || anyIs(types, securityRole, "datasubject")
}

// inRecords finds the patients to whose record an entity or a relative belongs, and the people that
// an entity is without being called a patient.
func (c Conversion) inRecords(in scope, f *finder) {
	for i, e := range objects(in.Root, "entity") {
		what := child(e, "what")
		kind := in.ReferenceType(what)
		person := kind == "" && e["role"] == nil && codingOf(child(e, "type")).is(entityType, "1")
		if in.InRecord(what) || kind == "Person" || kind == "RelatedPerson" || person {
			p := f.find(c.identities(in, what))
			p.entities = append(p.entities, i)
		}
	}
	for _, a := range objects(in.Root, "agent") {
		if who := child(a, "who"); len(f.list) == 0 && in.InRecord(who) {
			f.find(c.identities(in, who))
		}
	}
}

// besides finds further patients whose records were used as well, such as a mother's beside her
// child's: those of whom an entity or a search has a CHI or NHS number that certainly is not one of
// those found.
func (c Conversion) besides(in scope, f *finder) {
	add := func(refs []object, entity int) {
		ids := c.allIdentities(in, refs)
		id := tree.Best(ids).ID
		scheme, _, _ := strings.Cut(id, ":")
		other := len(f.list) > 0 && (scheme == "chi" || scheme == "nhs") && !slices.ContainsFunc(f.list, func(p *patient) bool {
			return !slices.ContainsFunc(p.identities, func(i identity) bool { return strings.HasPrefix(i.ID, scheme+":") }) ||
				p.has([]identity{{ID: id}})
		})
		if other {
			p := f.find(ids)
			if entity >= 0 {
				p.entities = append(p.entities, entity)
			}
		}
	}
	for i, e := range objects(in.Root, "entity") {
		if what := child(e, "what"); in.InRecord(what) {
			add([]object{what}, i)
		}
		for _, refs := range c.asked(e) {
			add(refs, -1)
		}
	}
}

// anywhere finds the patients whose CHI or NHS number stands elsewhere in the event, such as in an
// extension, or to whose record belongs what it refers to elsewhere, such as an encounter, or who
// are the only thing that it contains. Who acted is not looked at.
func (c Conversion) anywhere(in scope, f *finder) {
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				look(x)
			}
		case object:
			switch {
			case c.scheme(v) != "" && text(v, "value") != "":
				f.find(c.identities(in, object{"identifier": v}))
			case v["resourceType"] == nil && (in.ReferenceType(v) == "Patient" || in.InRecord(v)):
				f.find(c.identities(in, v))
			default:
				for name, x := range v {
					if name != "agent" && name != "source" {
						look(x)
					}
				}
			}
		}
	}
	look(in.Root)
}

// inNames finds the patients whom entities name by nothing but a number of people: in place of a
// name, as an identifier without a system, in a detail, or in a name or description. Of what system
// it is, the event does not say, so it stays a number of its source.
func (c Conversion) inNames(in scope, f *finder) {
	for i, e := range objects(in.Root, "entity") {
		identifier := tree.Value(child(child(e, "what"), "identifier"))
		said := []string{identifier, text(e, "name")}
		for _, d := range objects(e, "detail") {
			said = append(said, text(d, "valueString"))
		}
		said = append(said, numbers(text(e, "name")), numbers(text(e, "description")))
		for _, s := range said {
			if value := squeeze(s); personNumber(value) || insured.MatchString(value) {
				p := f.find(c.identities(in, object{"identifier": object{"value": value}}))
				p.entities = append(p.entities, i)
				break
			}
		}
	}
}

// numbers returns the first number of people that stands in words by itself, "" if there is none.
func numbers(words string) string {
	for _, w := range strings.FieldsFunc(words, func(r rune) bool { return r < '0' || r > '9' }) {
		if personNumber(w) {
			return w
		}
	}
	return ""
}

func personNumber(s string) bool { return len(s) == 10 && entry.ContainsPersonNumber(s) }

// insured is the form of the German number of insured persons, which their prescriptions' audit
// events have as a name.
var insured = regexp.MustCompile(`^[A-Z][0-9]{9}$`)

// inQueries finds the patients that a search named.
func (c Conversion) inQueries(in scope, f *finder) {
	for _, e := range objects(in.Root, "entity") {
		for _, refs := range c.asked(e) {
			f.find(c.allIdentities(in, refs))
		}
	}
}

// allIdentities lists the ways in which References name one patient.
func (c Conversion) allIdentities(in scope, refs []object) (list []identity) {
	for _, ref := range refs {
		list = append(list, c.identities(in, ref)...)
	}
	return list
}

// asked returns the patients that an entity says were asked for, each by its References: in its
// query, in a request that stands elsewhere in it, or in a search that it refers to.
func (c Conversion) asked(e object) [][]object {
	known := func(identifier object) bool { return c.scheme(identifier) != "" }
	requests := []string{requestOf(text(e, "query"))}
	said := []string{text(e, "description"), text(e, "name")}
	for _, d := range objects(e, "detail") {
		said = append(said, text(d, "valueString"), requestOf(text(d, "valueBase64Binary")))
	}
	for _, s := range said {
		if isRequest(s) {
			requests = append(requests, s)
		}
	}
	if ref := text(child(e, "what"), "reference"); strings.Contains(ref, "?") && !strings.HasPrefix(ref, "Patient?") {
		requests = append(requests, ref)
	}
	var list [][]object
	for _, r := range requests {
		for _, ref := range searchedFor(r, known) {
			list = append(list, []object{ref})
		}
		list = append(list, patientsIn(r)...)
	}
	return list
}

// patientsIn returns the Patients by whose content a request asked, as $match does (R4
// patient-operation-match.html), each by its identifiers: in the body, which is one or is
// Parameters.
func patientsIn(request string) [][]object {
	i := strings.IndexByte(request, '{')
	if i < 0 || !strings.Contains(request[i:], `"Patient"`) {
		return nil
	}
	v, err := tree.Parse("AuditEvent.entity.query", []byte(strings.TrimSpace(request[i:])))
	body, _ := v.(object)
	if err != nil {
		return nil
	}
	var list [][]object
	for _, r := range append([]object{body}, objects(body, "parameter")...) {
		if p := child(r, "resource"); p != nil {
			r = p
		}
		if text(r, "resourceType") != "Patient" || len(list) == maxSearched {
			continue
		}
		var refs []object
		for _, i := range objects(r, "identifier") {
			refs = append(refs, object{"type": "Patient", "identifier": i})
		}
		list = append(list, refs)
	}
	return list
}

func first(list []int) int {
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

// isPatient reports whether an entity is a patient: by the type of what it refers to, its object
// role, or an identifier that only patients have. A group is none, whatever it is called.
func (c Conversion) isPatient(in scope, e object) bool {
	what := child(e, "what")
	kind := in.ReferenceType(what)
	return kind != "Group" && (in.IsPatient(what) || kind == "Person" && len(in.Named(what)) > 1 ||
		codingOf(child(e, "role")).isPatientRole() || c.scheme(child(what, "identifier")) != "")
}

// identities lists the ways in which a Reference names a patient.
func (c Conversion) identities(in scope, ref object) []identity { return c.ids().Identities(in, ref) }

// scheme returns the id scheme of an identifier, "" if it has none.
func (c Conversion) scheme(identifier object) string { return scope{Map: c.Map}.Scheme(identifier) }

func (c Conversion) ids() tree.Patients {
	return tree.Patients{Issuer: c.Issuer, Source: c.Source, Map: c.Map}
}

func parseReference(ref string) (base, typ, id string) { return tree.ParseReference(ref) }

func squeeze(s string) string { return tree.Squeeze(s) }

func idValue(id string) string { return tree.IDValue(id) }
