package consent

import (
	"slices"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
	"igledger/policies"
)

// A link carries refusals and nothing else: what a person refused under one number counts for accesses filed under another that her history says is hers
// too. No permission and no delegation comes over it, whoever stated it and in however many directions: an organisation may link a number that it gave
// itself to anybody's, both ways, and would otherwise choose whose permission covers it. So a link makes a verdict stricter or leaves it as it is.
//
// Only the links of the access's own history count, in one direction and one step, as in statements.

// linked is another number of the person, as the newest link of her history on it says.
type linked struct {
	ID    string `json:"id"`
	Index uint64 `json:"index"` // of the link
}

// link takes in the next link of the history.
func (p *person) link(b *entry.Link, index uint64) error {
	p.Linked = slices.DeleteFunc(p.Linked, func(l linked) bool { return l.ID == b.Other })
	if b.Act != "linked" {
		return nil
	}
	if len(p.Linked) >= entry.MaxLinked {
		return refuse(wire.TooLarge, "link", "the person has %d other numbers, the most that are kept: unlink some first", entry.MaxLinked)
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
		if nobody(l.ID) || entry.CheckID(l.ID) != nil || seen[l.ID] || i > 0 && l.Index <= p.Linked[i-1].Index {
			return false
		}
		seen[l.ID] = true
	}
	return true
}

// linkedRecords are the consents under the person's other numbers that bear on an access under an agreement, by the age of the links, for refusals only.
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
