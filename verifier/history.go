package verifier

import (
	"errors"
	"fmt"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// historyWords is how reports speak of a history.
type historyWords struct{ one, many, of, about, none string }

var (
	ownWords = historyWords{"entry", "entries", "under this id", "the person whose id you gave", "no access on record"}
	// Reads of everyone's data concern the subject too.
	everyoneWords = historyWords{"read of everyone's data", "reads of everyone's data", "of this kind", "everyone",
		"no reads of everyone's data on record"}
	linkedWords = historyWords{"entry under a linked id", "entries under a linked id", "under that linked id",
		"the person under the linked id", "nothing on record"}
	// A contradiction knows only the tag of the person.
	tagWords = historyWords{"entry", "entries", "under this pseudonym", "", "nothing on record"}
)

// count returns the number with the right word: "1 entry", "2 entries".
func (w historyWords) count(n int) string { return count(n, w.one, w.many) }

// count returns n with the word for n things.
func count(n int, one, many string) string { return fmt.Sprintf("%d %s", n, plural(n, one, many)) }

// plural returns the word for n things.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// readHistory checks a history of id: that the index holds exactly its entries, and what each of
// them says. It returns a row for each entry.
func (c *check) readHistory(h *bundle.History, id string, words historyWords) []StatementEntry {
	c.checkHistory(h, words)
	rows, shown := c.rowsOf(h)
	read := c.readContents(shown, id, words)
	for i := range rows {
		if !rows[i].Hidden {
			rows[i].Entry, read = read[0], read[1:]
		}
	}
	return rows
}

// checkHistory checks that the index holds exactly the entries shown under the tag, or nothing.
func (c *check) checkHistory(h *bundle.History, words historyWords) {
	c.checkCovered(h)
	below, n := c.root.Size, len(h.Entries)
	root, err := h.IndexRootHash()
	switch right := err == nil && root == c.root.Root; {
	case right && n == 0:
		c.Pass(CheckHistory, nil, "the index shows %s below entry %d", words.none, below)
		return
	case right:
		c.Pass(CheckHistory, nil, "the %s %s all that the index has %s below entry %d",
			words.count(n), plural(n, "is", "are"), words.of, below)
		return
	}
	f := &Failure{Check: CheckHistory,
		Expected: fmt.Sprintf("%s that %s to the index root %x", words.count(n), plural(n, "leads", "lead"), c.root.Root),
		Found:    fmt.Sprintf("index root %x", root), Err: err,
		Meaning: "the list is not the one in the index: an access was left out, added, altered or moved, or the proof " +
			"is for another index. Nothing proves that the list is complete"}
	if n == 0 {
		f.Expected = fmt.Sprintf("proof that index root %x has nothing %s", c.root.Root, words.of)
		f.Meaning = "the proof that there are no accesses is not valid: there may be some on record"
	}
	if err != nil {
		f.Found = err.Error()
	}
	c.Fail(f)
}

// checkCovered checks that entries are below M and that newer ones are not.
func (c *check) checkCovered(h *bundle.History) {
	below := c.root.Size
	for i := range h.Entries {
		if at := h.Entries[i].Index; at >= below {
			c.Fail(&Failure{Check: CheckCovered, Index: At(at),
				Expected: fmt.Sprintf("an index below %d, which the index covers", below), Found: fmt.Sprint(at),
				Meaning: "the file says that the proof of completeness covers this entry, but it does not"})
		}
	}
	for i := range h.Newer {
		if at := h.Newer[i].Index; at < below {
			c.Fail(&Failure{Check: CheckCovered, Index: At(at),
				Expected: fmt.Sprintf("an index of %d or above", below), Found: fmt.Sprint(at),
				Meaning: "the file shows as newer an entry that the index covers: it is missing from the history where it belongs"})
		}
	}
}

// rowsOf returns a row for each entry of a history, and the openings of those that are not hidden.
func (c *check) rowsOf(h *bundle.History) (rows []StatementEntry, shown []*bundle.Opening) {
	for _, list := range []bundle.Entries{h.Entries, h.Newer} {
		for i := range list {
			e := &list[i]
			row := StatementEntry{
				Index:   e.Index,
				Opening: e.Opening(h.Tag),
				Newer:   e.Index >= c.root.Size,
				Hidden:  !e.Opened(),
			}
			if row.Hidden {
				row.LeafHash = *e.LeafHash
			} else {
				shown = append(shown, row.Opening)
			}
			rows = append(rows, row)
		}
	}
	return rows, shown
}

// readContents checks everything about shown entries that needs no register: form, disclosures,
// that they are about id (unless it is ""), and that none occurs twice. It returns one entry for
// each of shown, nil for those that could not be read.
func (c *check) readContents(shown []*bundle.Opening, id string, words historyWords) []*entry.Entry {
	list := make([]*entry.Entry, len(shown))
	failures := len(c.Failures)
	for n, o := range shown {
		c.onProgress(uint64(n), uint64(len(shown)))
		e, f := parseSealed(o)
		if f != nil {
			if errors.Is(f, wire.UnknownType) {
				f.Meaning = "this program is too old for the entry, or the type is invented: get a newer version before you judge"
			}
			c.Fail(f)
			continue
		}
		list[n] = e
		c.checkSubject(o.Index, e, id, words)
		c.checkDuplicate(o.Index, e)
		c.signed = append(c.signed, signedEntry{o.Index, e, false})
	}
	if len(c.Failures) == failures && len(shown) > 0 {
		c.Pass(CheckDisclosures, nil, "%s read; every detail shown is part of what was signed", words.count(len(shown)))
		if id != "" {
			c.Pass(CheckSubject, nil, "each is about %s", words.about)
		}
		c.Pass(CheckDuplicate, nil, "no act is shown twice")
	}
	return list
}

// checkSubject checks that an entry says it is about id. If id is "", it checks nothing.
func (c *check) checkSubject(index uint64, e *entry.Entry, id string, words historyWords) {
	sub := e.ShownSub()
	if id == "" || sub == id {
		return
	}
	f := &Failure{Check: CheckSubject, Index: At(index),
		Expected: "an entry about " + words.about,
		Found:    "an entry about another person",
		Meaning:  "another person's entry is shown as this person's"}
	if sub == "" {
		f.Found = "an entry that does not show whom it is about"
		f.Meaning = "whether it belongs here cannot be checked, so it is treated as false"
	}
	c.Fail(f)
}

// checkDuplicate checks that no entry shown before is the same act.
func (c *check) checkDuplicate(index uint64, e *entry.Entry) {
	act := e.Issuer + " " + e.ID
	if at, again := c.first[act]; again {
		c.Fail(&Failure{Check: CheckDuplicate, Index: At(index), Expected: "each act of an organisation once",
			Found: fmt.Sprintf("the act of entry %d again", at),
			Meaning: "the operator logged one act twice, perhaps with another spelling of its signature, or the source " +
				"gave two acts the same number"})
		return
	}
	c.first[act] = index
}
