package audit

import (
	"cmp"
	"encoding/base64"
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
// was searched for. So an event that has a number of a person is filed under a person.
func (c Conversion) patients(in scope) []*patient {
	f := &finder{unfiled: &patient{}}
	for i, e := range objects(in.Root, "entity") {
		if c.isPatient(in, e) {
			p := f.find(c.identities(in, child(e, "what")))
			p.entities = append(p.entities, i)
		}
	}
	for _, look := range []func(scope, *finder){c.amongAgents, c.inRecords, c.inQueries, c.inNames} {
		if len(f.list) == 0 {
			look(in, f)
			if len(f.list) == 1 { // whom the event named in words as well
				f.list[0].entities = append(f.list[0].entities, f.unfiled.entities...)
				f.unfiled = &patient{}
			}
		}
	}
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

// resolved looks up patients who have local identifiers only. Two who turn out to be one become one.
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

// inNames finds the patients whom entities name by nothing but a number of people, in place of a name
// or as an identifier without a system. Of what system it is, the event does not say, so it stays a
// number of its source.
func (c Conversion) inNames(in scope, f *finder) {
	for i, e := range objects(in.Root, "entity") {
		value, name := squeeze(tree.Value(child(child(e, "what"), "identifier"))), squeeze(text(e, "name"))
		if !personNumber(value) {
			value = name
		}
		if personNumber(value) || insured.MatchString(value) {
			p := f.find(c.identities(in, object{"identifier": object{"value": value}}))
			p.entities = append(p.entities, i)
		}
	}
}

func personNumber(s string) bool { return len(s) == 10 && entry.ContainsPersonNumber(s) }

// insured is the form of the German number of insured persons, which their prescriptions' audit
// events have as a name.
var insured = regexp.MustCompile(`^[A-Z][0-9]{9}$`)

// inQueries finds the patients that a search named.
func (c Conversion) inQueries(in scope, f *finder) {
	for _, e := range objects(in.Root, "entity") {
		raw, err := base64.StdEncoding.DecodeString(text(e, "query"))
		if err != nil {
			continue
		}
		known := func(identifier object) bool { return c.scheme(identifier) != "" }
		for _, ref := range searchedFor(string(raw), known) {
			f.find(c.identities(in, ref))
		}
	}
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
