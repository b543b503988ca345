package consent

import (
	"time"

	"igledger/ledger/entry"
)

// Held is a delegation that someone holds for a person.
type Held struct {
	ID         string // of the delegation
	Delegate   string // id of who acts for the person
	Scope      []string
	Start, End time.Time
	Revoked    bool
	Index      uint64 // of the newest act
}

// Live reports whether the delegation is in force at a time.
func (h *Held) Live(at time.Time) bool {
	return !h.Revoked && !at.Before(h.Start) && at.Before(h.End)
}

// Delegations returns the delegations that others hold for a person, from the state that the rules
// keep of them, also those that ended, in the order of their newest acts.
func Delegations(state []byte) ([]Held, error) {
	p, err := readPerson(state)
	if err != nil {
		return nil, err
	}
	list := make([]Held, 0, len(p.Delegations))
	for _, d := range p.Delegations {
		start, _ := entry.ParseTime(d.Start) // readPerson has checked both
		end, _ := entry.ParseTime(d.End)
		list = append(list, Held{
			ID: d.ID, Delegate: d.Delegate, Scope: d.Scope, Start: start, End: end, Revoked: d.Revoked, Index: d.Index,
		})
	}
	return list, nil
}

// Linked returns the other numbers of a person, from the state that the rules keep of them.
func Linked(state []byte) ([]string, error) {
	p, err := readPerson(state)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, l := range p.Linked {
		ids = append(ids, l.ID)
	}
	return ids, nil
}
