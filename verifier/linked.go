package verifier

import (
	"fmt"
	"maps"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// checkLinkedTags checks that what is shown under each linked id is filed under it.
func (c *check) checkLinkedTags(s *bundle.Statement) {
	before := len(c.Failures)
	for i := range s.Linked {
		l := &s.Linked[i]
		if err := c.verifyTag(l.ID, &l.Subject); err != nil {
			c.Fail(&Failure{Check: CheckLinked,
				Expected: fmt.Sprintf("a VRF proof, under the key in the genesis, of the pseudonym of linked id "+
					"%d of %d", i+1, len(s.Linked)),
				Found: err.Error(), Err: err,
				Meaning: "another list, perhaps an empty one, is shown as that of the linked id"})
		}
	}
	if len(c.Failures) > before {
		return
	}
	switch n := len(s.Linked); n {
	case 0:
	case 1:
		c.Pass(CheckLinked, nil, "the linked id is shown under the only pseudonym the log has for it")
	default:
		c.Pass(CheckLinked, nil, "each of the %d linked ids is shown under the only pseudonym the log has for it", n)
	}
}

// readLinked checks the histories of linked ids, and that they are of just the ids that the links shown in the subject's history
// hold below M. An operator who leaves one out hides what was done under another number of the same person; one who adds one
// shows another person's.
func (c *check) readLinked(s *bundle.Statement, id string) {
	links := linksOf(c.own, c.root.Size)
	missing := maps.Clone(links)
	for i := range s.Linked {
		l := &s.Linked[i]
		at, holds := links[l.ID]
		if !holds {
			c.Fail(&Failure{Check: CheckLinked,
				Expected: "histories of the ids that the links shown hold, and no others",
				Found:    fmt.Sprintf("linked id %d of %d, which no link that holds names", i+1, len(s.Linked)),
				Meaning:  "what is on record under another number, perhaps another person's, is shown as this person's"})
		}
		delete(missing, l.ID)
		rows := c.readHistory(&l.History, l.ID, linkedWords)
		_, back := linksOf(rows, c.root.Size)[id]
		c.linked = append(c.linked, LinkedHistory{ID: l.ID, Entries: rows, Link: at, OneSided: holds && !back})
	}
	for _, other := range missing.IDs() {
		c.Fail(&Failure{Check: CheckLinked, Index: At(missing[other]),
			Expected: "the history of the id that this entry links with the person's", Found: "none",
			Meaning: "what is on record under another number of the same person is kept out of the statement: ask for one that has it"})
	}
	switch {
	case len(links) != len(s.Linked) || len(missing) > 0:
	case len(links) == 1:
		c.Pass(CheckLinked, nil, "shown besides is the 1 id that the links on record hold; links of it are not followed")
	default:
		c.Pass(CheckLinked, nil, "shown besides are the %d ids that the links on record hold; links of these are not followed", len(links))
	}
}

// linksOf returns what the links among the entries below size hold.
func linksOf(rows []StatementEntry, size uint64) entry.Links {
	links := entry.Links{}
	for _, row := range rows {
		if row.Entry == nil || row.Index >= size {
			continue
		}
		if l, ok := row.Entry.Body.(*entry.Link); ok {
			links.Add(row.Index, l)
		}
	}
	return links
}
