package consent

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

// A link carries refusals and nothing else. What a person refused under one number also applies to
// accesses filed under another number that their history says is theirs. Permissions and
// delegations do not cross a link, no matter who stated it and in how many directions. An
// organisation may link a number that it issued itself to any other number, both ways; it could
// otherwise choose whose permission covers it. So a link makes a verdict stricter or leaves it
// unchanged.
//
// Only the links in the access's own history are used, in one direction and one step, as in
// statements.

// linked is another number of the person, as the newest link of their history about it says.
type linked struct {
	ID    string `json:"id"`
	Index uint64 `json:"index"` // of the link
}

// link applies the next link of the history.
func (p *person) link(b *entry.Link, index uint64) error {
	p.Linked = slices.DeleteFunc(p.Linked, func(l linked) bool { return l.ID == b.Other })
	if b.Act != "linked" {
		return nil
	}
	if len(p.Linked) >= entry.MaxLinked {
		return refuse(wire.TooLarge, "link",
			"the person already has %d other numbers, which is the limit: unlink some first", entry.MaxLinked)
	}
	p.Linked = append(p.Linked, linked{b.Other, index})
	return nil
}

func (p *person) checkLinks() bool {
	if len(p.Linked) > entry.MaxLinked {
		return false
	}
	seen := map[string]bool{}
	for i, l := range p.Linked {
		if noPerson(l.ID) || entry.CheckID(l.ID) != nil || seen[l.ID] || i > 0 && l.Index <= p.Linked[i-1].Index {
			return false
		}
		seen[l.ID] = true
	}
	return true
}

// RecorderOf returns the organisation that recorded a consent of a person first, under the id sub
// or under a number linked with it. It returns "" if there is no such consent.
func (r *Rules) RecorderOf(consent, sub string, state func(id string) []byte) (string, error) {
	p, err := readPerson(state(sub))
	if err != nil {
		return "", err
	}
	if rec := p.record(consent); rec != nil {
		return rec.Holder, nil
	}
	for _, l := range p.Linked {
		q, err := readPerson(state(l.ID))
		if err != nil {
			return "", err
		}
		if rec := q.record(consent); rec != nil {
			return rec.Holder, nil
		}
	}
	return "", nil
}

// linkedRecords returns the consents under the person's other numbers that apply to an access under
// an agreement. They are in the order of the links, and only their refusals matter.
func (p *person) linkedRecords(agreement string, state func(id string) []byte) (list []policies.Record, err error) {
	for _, l := range p.Linked {
		q, err := readPerson(state(l.ID))
		if err != nil {
			return nil, err
		}
		for _, r := range q.records(agreement) {
			r.RefusesOnly = true
			list = append(list, r)
		}
	}
	return list, nil
}
