package audit

import (
	"slices"

	"igledger/ledger/wire"
)

// To whom data went is another question than who accessed: what a nurse of the holder sends to an
// insurer is the nurse's act, and no use of the holder's own. In an event that moves data, the
// agents at its far end say it, and so does an entity that is a data destination:
//
//   - one that the ledger or the mapping knows is the recipient, the issuer only if no other is named;
//   - one that neither knows is none: an export then left for an unknown organisation
//     (entry.Access.Disclosed), and other movements are foreign;
//   - a machine whose owner is not known says nothing: an export without a recipient is one to
//     somebody unknown, an import comes to the issuer.

// destinations are types of agents that are given the data.
var destinations = map[string][]string{
	dcm:           {"110152"},
	participation: {"IRCP", "PRCP", "REFT", "TRC"},
}

// movements are events that move data, besides those that say that it left: it may stay in the
// house.
var movements = []string{
	dcm + "|110102", dcm + "|110103", dcm + "|110104", lifecycle + "|transmit", "http://hl7.org/fhir/iso-21089-lifecycle|transmit",
}

// recipient finds to whom data went.
func (b *builder) recipient(root object, list []object) {
	a := b.a
	moved := slices.ContainsFunc(a.Event, func(code string) bool { return slices.Contains(movements, code) })
	if !a.Transfer() && !moved {
		return
	}
	var named []accessor
	name := func(ref, agent object, path string, organisation bool) {
		if in, of := b.in.OrganisationOf(ref); of != nil {
			named = append(named, accessor{in, of, nil, path})
		} else if organisation {
			named = append(named, accessor{b.in, ref, agent, path})
		}
	}
	for i, agent := range list {
		types, asked := codings(child(agent, "type")), asks(agent)
		// BALP's user is an information recipient too: of the event, who asks
		if typed(types, destinations) && (!asked || anyIs(types, dcm, "110152")) {
			name(child(agent, "who"), agent, "AuditEvent.agent["+itoa(i)+"].who", namesOrganisation(b.in, agent))
		}
	}
	for i, e := range objects(root, "entity") {
		if codingOf(child(e, "role")).is(objectRole, "16") {
			what := child(e, "what")
			name(what, nil, "AuditEvent.entity["+itoa(i)+"].what", namesOrganisation(b.in, object{"who": what}))
		}
	}
	for _, n := range named {
		id := n.in.OrganisationID(n.ref)
		if wire.CheckOrgID(id) != nil || b.s.number(id) {
			b.unknownRecipient(n)
			return
		}
		if a.Recipient == "" || a.Recipient == a.Issuer {
			a.Recipient = id
		}
	}
	for _, n := range named {
		b.r.Member(child(n.ref, "identifier"), "value", "={recipient}")
	}
	if _, left := a.Disclosed(); left && a.Recipient == "" {
		b.n.add("AuditEvent.agent", ForeignOrganisation)
	}
}

// unknownRecipient notes that data went to an organisation that is none of the log.
func (b *builder) unknownRecipient(n accessor) {
	a := b.a
	a.Recipient = ""
	if _, left := a.Disclosed(); left {
		b.n.add(n.path, ForeignOrganisation)
	} else if !a.Foreign && (a.Org == "" || a.Org == a.Issuer) {
		a.Org = ""
		b.foreign(n)
	}
}
