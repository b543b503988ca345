package main

import (
	"fmt"
	"time"

	"igledger/audit/plain"
	"igledger/internal/command"
	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/verifier"
)

// linkedHistory is what a statement shows under another number of the same person.
type linkedHistory struct {
	ID       string        `json:"id"`
	Link     uint64        `json:"link"`     // entry that links it
	OneSided bool          `json:"oneSided"` // no link back is shown
	Accesses []shownAccess `json:"accesses"`
}

func linkedHistories(r *verifier.StatementReport) (list []linkedHistory) {
	for _, l := range r.Linked {
		list = append(list, linkedHistory{l.ID, l.Link, l.OneSided, accesses(l.Entries, r.Register)})
	}
	return list
}

// writeLinked prints a table for each history.
func writeLinked(w command.Screen, list []linkedHistory) {
	for _, l := range list {
		title := fmt.Sprintf("on record under %s, which belongs to the same person by entry %d:\n", command.Plain(l.ID), l.Link)
		if len(l.Accesses) == 0 {
			fmt.Fprintf(w, "\n%snothing\n", title)
		}
		writeAccesses(w, title, l.Accesses)
		if l.OneSided {
			fmt.Fprintf(w, "no link back is shown: a statement of that number would not show the entries of this one\n")
		}
	}
}

// actRows returns the rows of a sealed entry that is not an access.
func actRows(e *entry.Entry, o *bundle.Opening, org func(id string) string) (rows []row) {
	a := said.Describe(e)
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, row{name, value})
		}
	}
	add("who", org(a.Organisation))
	add("  person", a.Staff)
	add("  role", a.Role)
	add("  system", a.System)
	add("what", a.What)
	add("  answer", a.Result)
	add("why", a.Why)
	if a.Emergency {
		add("  emergency", said.Text(plain.MarkEmergency))
	}
	add("  justification", said.Quoted(a.Justification))
	add("  agreement", a.Agreement)
	add("when", a.When.Format(time.RFC3339))
	add("reported by", org(e.Issuer))
	add("received", o.Received)
	for _, f := range o.Flags {
		add("remark", codeOf(string(f), said.Flag(f)))
	}
	add("verdict", verdictOf(o))
	return rows
}
