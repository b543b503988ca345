package verifier

import (
	"fmt"
	"maps"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
)

// checkLinkedTags checks that the history shown for each linked id is filed under that id.
func (c *check) checkLinkedTags(s *bundle.Statement) {
	before := len(c.Failures)
	for i := range s.Linked {
		l := &s.Linked[i]
		if err := c.verifyTag(l.ID, &l.Subject); err != nil {
			c.Fail(&Failure{Check: CheckLinked,
				Expected: fmt.Sprintf("a VRF proof, under the key in the genesis, of the pseudonym of linked id "+
					"%d of %d", i+1, len(s.Linked)),
				Found: err.Error(), Err: err,
				Meaning: "another list, perhaps an empty one, is shown as the list of the linked id"})
		}
	}
	if len(c.Failures) > before {
		return
	}
	switch n := len(s.Linked); n {
	case 0:
	case 1:
		c.Pass(CheckLinked, nil, "the linked id is shown under the only pseudonym that the log has for it")
	default:
		c.Pass(CheckLinked, nil, "each of the %d linked ids is shown under the only pseudonym that the log has for it", n)
	}
}

// readLinked checks the histories of linked ids, and that these are exactly the ids with which the
// subject is linked below M, by the links in the subject's history. An operator who leaves one out
// hides what was done under another number of the same person; one who adds one shows another
// person's accesses.
func (c *check) readLinked(s *bundle.Statement, id string) {
	links := linksOf(c.own, c.root.Size)
	missing := maps.Clone(links)
	for i := range s.Linked {
		l := &s.Linked[i]
		at, holds := links[l.ID]
		if !holds {
			c.Fail(&Failure{Check: CheckLinked,
				Expected: "histories of the ids that are linked with the person's, and no others",
				Found:    fmt.Sprintf("linked id %d of %d, which no link in force names", i+1, len(s.Linked)),
				Meaning:  "the list of another number, perhaps another person's, is shown as this person's"})
		}
		delete(missing, l.ID)
		rows := c.readHistory(&l.History, l.ID, linkedWords)
		_, back := linksOf(rows, c.root.Size)[id]
		c.linked = append(c.linked, LinkedHistory{ID: l.ID, Entries: rows, Link: at, OneSided: holds && !back})
	}
	for _, other := range missing.IDs() {
		c.Fail(&Failure{Check: CheckLinked, Index: At(missing[other]),
			Expected: "the history of the id that this entry links with the person's", Found: "none",
			Meaning: "the statement leaves out what is on record under another number of the same person: ask for one that " +
				"includes it"})
	}
	switch {
	case len(links) != len(s.Linked) || len(missing) > 0:
	case len(links) == 1:
		c.Pass(CheckLinked, nil, "the history of the 1 linked id is shown too; its own links are not followed")
	default:
		c.Pass(CheckLinked, nil, "the histories of the %d linked ids are shown too; their own links are not followed",
			len(links))
	}
}

// linksOf returns the links that are in force by the entries below size.
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
