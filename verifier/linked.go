package verifier

import (
	"fmt"
	"maps"
	"strings"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

var linkedWords = historyWords{"entries under a linked id", "under that linked id", "the person under the linked id", "nothing on record"}

// checkLinkedTags checks that what is shown under each linked id is filed under it.
func (r *StatementReport) checkLinkedTags(v *evidence, s *bundle.Statement) {
	before := len(r.Failures)
	for i := range s.Linked {
		l := &s.Linked[i]
		if err := wire.VerifyTag(v.genesis.VRFKey, v.head.Origin, l.ID, l.Tag, l.VRFProof); err != nil {
			r.Fail(&Failure{Check: CheckLinked, Expected: fmt.Sprintf("a VRF proof, under the key in the genesis, of the pseudonym of linked id %d of %d", i+1, len(s.Linked)), Found: err.Error(), Err: err,
				Meaning: "another list, perhaps an empty one, is shown as that of the linked id"})
		}
	}
	if len(s.Linked) > 0 && len(r.Failures) == before {
		r.Pass(CheckLinked, nil, "each of the %d linked ids is shown under the only pseudonym the log has for it", len(s.Linked))
	}
}

// readLinked checks the histories of linked ids, and that they are of just the ids that the links shown in the subject's history hold below M. Whoever leaves one out hides what was
// done under another number of the same person; whoever adds one shows somebody else's.
func (r *StatementReport) readLinked(v *evidence, s *bundle.Statement, id string) {
	links := linksOf(r.Entries, r.Below)
	missing := maps.Clone(links)
	for i := range s.Linked {
		l := &s.Linked[i]
		at, ok := links[l.ID]
		if !ok {
			r.Fail(&Failure{Check: CheckLinked, Expected: "histories of the ids that the links shown hold, and no others", Found: fmt.Sprintf("linked id %d of %d, which no link that holds names", i+1, len(s.Linked)),
				Meaning: "what is on record under another number, perhaps another person's, is shown as this person's"})
		}
		delete(missing, l.ID)
		r.checkHistory(v, &l.History, linkedWords)
		rows := r.read(v, &l.History, l.ID, linkedWords)
		_, back := linksOf(rows, r.Below)[id]
		r.Linked = append(r.Linked, LinkedHistory{ID: l.ID, Entries: rows, Link: at, OneSided: ok && !back})
	}
	for _, other := range missing.IDs() {
		r.Fail(&Failure{Check: CheckLinked, Index: At(missing[other]), Expected: "the history of the id that this entry links with the person's", Found: "none",
			Meaning: "what is on record under another number of the same person is kept out of the statement: ask for one that has it"})
	}
	if len(links) == len(s.Linked) && len(missing) == 0 {
		r.Pass(CheckLinked, nil, "shown besides are the %d ids that the links on record hold; links of these are not followed", len(links))
	}
}

// linksOf gives what the links among the entries below size hold.
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

// completeLinked says what is shown besides under linked ids.
func (r *StatementReport) completeLinked(b *strings.Builder) {
	if len(r.Linked) > 0 {
		shown, hidden := 0, 0
		for _, l := range r.Linked {
			s, h, _ := count(l.Entries)
			shown, hidden = shown+s, hidden+h
		}
		fmt.Fprintf(b, "; all %d entries under %d linked ids, %d of them shown", shown+hidden, len(r.Linked), shown)
	}
	if _, hidden, _ := count(r.Entries); hidden > 0 {
		b.WriteString("; that none of those outside the period links a further id is the operator's word")
	}
}
