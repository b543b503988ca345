package audit

import (
	"cmp"
	"slices"

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

func (p *patient) id() string { return cmp.Or(tree.Best(p.identities), entry.RegSources) }

// patients finds the patients of an event: those that its entities name. If no entity names one, it
// looks among the agents.
func (c Conversion) patients(in scope) []*patient {
	var list []*patient
	unfiled := &patient{}
	find := func(ids []identity) *patient {
		if len(ids) == 0 {
			return unfiled
		}
		var p *patient
		list = slices.DeleteFunc(list, func(q *patient) bool { // patients who share an identity become one
			if !slices.ContainsFunc(q.identities, func(i identity) bool { return slices.Contains(ids, i) }) {
				return false
			}
			if p == nil {
				p = &patient{}
			}
			p.identities = append(p.identities, q.identities...)
			p.entities = append(p.entities, q.entities...)
			return true
		})
		if p == nil {
			p = &patient{}
		}
		p.identities = append(p.identities, ids...)
		list = append(list, p)
		return p
	}
	for i, e := range objects(in.Root, "entity") {
		if c.isPatient(in, e) {
			p := find(c.identities(in, child(e, "what")))
			p.entities = append(p.entities, i)
		}
	}
	if len(unfiled.entities) > 0 {
		list = append(list, unfiled)
	}
	if len(list) == 0 {
		for _, a := range objects(in.Root, "agent") {
			if who := child(a, "who"); in.IsPatient(who) {
				if ids := c.identities(in, who); len(ids) > 0 {
					find(ids)
				}
			}
		}
	}
	for i, a := range objects(in.Root, "agent") {
		ids := c.identities(in, child(a, "who"))
		for _, p := range list {
			if slices.ContainsFunc(ids, func(i identity) bool { return slices.Contains(p.identities, i) }) {
				p.agents = append(p.agents, i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *patient) int { return cmp.Compare(first(a.entities), first(b.entities)) })
	return list
}

func first(list []int) int {
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

// isPatient reports whether an entity is a patient: by the type of what it refers to, its object
// role, or an identifier that only patients have.
func (c Conversion) isPatient(in scope, e object) bool {
	what := child(e, "what")
	return in.IsPatient(what) || codingOf(child(e, "role")).isPatientRole() ||
		c.scheme(child(what, "identifier")) != ""
}

// identities lists the ways in which a Reference names a patient.
func (c Conversion) identities(in scope, ref object) []identity { return c.ids().Identities(in, ref) }

// scheme returns the id scheme of an identifier, "" if it has none.
func (c Conversion) scheme(identifier object) string { return c.ids().Scheme(identifier) }

func (c Conversion) ids() tree.Patients { return tree.Patients{Issuer: c.Issuer, Map: c.Map} }

func parseReference(ref string) (base, typ, id string) { return tree.ParseReference(ref) }

func squeeze(s string) string { return tree.Squeeze(s) }

func idValue(id string) string { return tree.IDValue(id) }
