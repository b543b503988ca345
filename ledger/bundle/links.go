package bundle

import (
	"maps"
	"slices"
	"strings"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Links are the links of one history that hold: id -> position of the entry that says so. The zero value is nil and cannot be added to.
type Links map[string]uint64

// Add takes in the next link of the history, in order of index.
func (m Links) Add(index uint64, l *entry.Link) {
	if l.Act == "linked" {
		m[l.Other] = index
	} else {
		delete(m, l.Other)
	}
}

// IDs gives the ids, ascending.
func (m Links) IDs() []string { return slices.Sorted(maps.Keys(m)) }

// LinkOf gives the link that an opening shows, or nil if it is an entry of another type; these are not parsed further than that takes.
func LinkOf(o *Opening) (*entry.Link, error) {
	_, rest, _ := strings.Cut(o.JWS, ".")
	encoded, _, _ := strings.Cut(rest, ".")
	payload, err := wire.Decode64("entry payload", encoded)
	if err != nil {
		return nil, err
	}
	if t, err := entry.TypeOf(payload); err != nil || t != entry.TypeLink {
		return nil, err
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, err
	}
	return e.Body.(*entry.Link), nil
}
