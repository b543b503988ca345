package verifier

import (
	"fmt"
	"time"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Seen is what a reader remembers of the statements of one person in one log. It holds neither the
// id nor content: histories are under names that the reader makes of the ids, and cannot be undone
// without their secret.
type Seen struct {
	Checkpoint string                 `json:"checkpoint"` // of the largest log seen, a signed note: evidence
	Size       uint64                 `json:"size"`       // its size and root
	Root       wire.Hash              `json:"root"`
	Below      uint64                 `json:"below"` // M of that statement
	AsOf       time.Time              `json:"asOf"`  // when the log was seen in that state; zero: not known
	Histories  map[string]SeenHistory `json:"histories"`
}

// SeenHistory is what was seen of one history. That of a linked id may be older than the rest: it
// is not in the statements that are made while the ids are not linked.
type SeenHistory struct {
	Below   uint64      `json:"below"` // M of the newest statement that had it
	Entries []SeenEntry `json:"entries"`
}

// SeenEntry is an entry that was shown or counted.
type SeenEntry struct {
	Index    uint64    `json:"index"`
	LeafHash wire.Hash `json:"leafHash"`
	Link     bool      `json:"link,omitempty"` // it is known to be a link, which no statement hides
}

// About reports whether this is what was kept of the person whose history has that name, and not
// something else in its place.
func (s *Seen) About(name string) bool {
	h, ok := s.Histories[name]
	return ok && s.Size > 0 && h.Below > 0 && h.Below <= s.Below && s.Below < s.Size
}

// CheckSeen compares a statement with what its reader saw before (nil: nothing), and adds to the
// report what is wrong. It stops an operator that has rewound or forked its log, or made an index
// that lacks an entry, from showing the new state to those who saw the old one. id is the person's,
// name makes the name of a history of an id. If no check of the statement has failed, it returns
// what to remember from now on, otherwise seen.
func CheckSeen(r *StatementReport, seen *Seen, id string, name func(id string) string) *Seen {
	if r.Register == nil || r.Extract {
		r.Skip(CheckSeenBefore, nil, "this file was not compared with what you saw before, because %s", notCompared(r))
		return seen
	}
	shown := map[string]SeenHistory{name(id): r.seenOf(r.Entries)}
	hidden := map[uint64]bool{}
	lists := [][]StatementEntry{r.Entries}
	if r.EveryoneShown {
		shown[name(entry.RegEveryone)] = r.seenOf(r.Everyone)
		lists = append(lists, r.Everyone)
	}
	for _, l := range r.Linked {
		shown[name(l.ID)] = r.seenOf(l.Entries)
		lists = append(lists, l.Entries)
	}
	for _, list := range lists {
		for _, e := range list {
			hidden[e.Index] = e.Hidden
		}
	}
	if seen == nil {
		r.Skip(CheckSeenBefore, nil, "nothing is remembered of this person in this log: this is the first look")
	} else {
		failures := len(r.Failures)
		r.checkSeenHead(seen)
		for n, before := range seen.Histories {
			if now, ok := shown[n]; ok {
				r.checkSeenHistory(before, now.Entries, hidden)
			}
		}
		if len(r.Failures) > failures {
			r.Complete = false
			r.Lines = findings(r)
		} else {
			r.Pass(CheckSeenBefore, nil, "what you saw before, when the log had size %d, is still there", seen.Size)
		}
	}
	if len(r.Failures) > 0 {
		return seen
	}
	return seen.with(r, shown)
}

func notCompared(r *StatementReport) string {
	if r.Extract {
		return "it is an extract"
	}
	return "a check failed on which all others rest"
}

func (r *StatementReport) seenOf(rows []StatementEntry) SeenHistory {
	list := []SeenEntry{}
	for _, e := range rows {
		s := SeenEntry{Index: e.Index, LeafHash: e.LeafHash}
		if o := e.Opening; !e.Hidden && o != nil {
			s.LeafHash = proof.LeafHash(proof.SealedLeaf(proof.TagCommit(o.TagSalt, o.Tag), proof.BodyCommit(o.BodySalt, o.JWS)))
			s.Link = e.Entry != nil && e.Entry.Type == entry.TypeLink
		}
		list = append(list, s)
	}
	return SeenHistory{r.Below, list}
}

// checkSeenHead compares the state of the log with the largest one seen.
func (r *StatementReport) checkSeenHead(seen *Seen) {
	f := &Failure{Check: CheckSeenBefore,
		Expected: fmt.Sprintf("a log that contains the one of size %d, root %x, that you saw", seen.Size, seen.Root),
		Found:    fmt.Sprintf("size %d, root %x", r.Head.Size, r.Head.Root)}
	switch {
	case r.Head.Size < seen.Size:
		f.Err = ErrRewound
		f.Meaning = "the log is smaller than you have seen it: this is an older file, or the log went back. Check the newest " +
			"file that you have. If this is the newest, keep it and the state directory as evidence"
	case r.Head.Size == seen.Size && r.Head.Root != seen.Root:
		f.Err = ErrForked
		f.Meaning = "the log forked: the operator signed two histories of the same length. The checkpoint of this file and " +
			"the one in the state directory prove it to anyone"
	case r.Below < seen.Below:
		f.Expected = fmt.Sprintf("an index of the entries below %d or more, as you saw", seen.Below)
		f.Found, f.Err = fmt.Sprintf("one of the entries below %d", r.Below), ErrRewound
		f.Meaning = "the index covers less than you have seen it cover, although the log did not shrink: no honest ledger " +
			"does that. The list may lack what you saw, and more. Keep both files, and ask an auditor"
	default:
		return
	}
	r.Fail(f)
}

// checkSeenHistory checks that a history still has what was seen of it, and nothing new where it
// was seen whole.
func (r *StatementReport) checkSeenHistory(before SeenHistory, now []SeenEntry, hidden map[uint64]bool) {
	have := map[uint64]wire.Hash{}
	for _, e := range now {
		have[e.Index] = e.LeafHash
	}
	apart := map[uint64]bool{} // shown, and not what they claim: the report says so already
	for _, e := range r.Doubtful {
		apart[e.Index] = true
	}
	had := map[uint64]bool{}
	for _, e := range before.Entries {
		had[e.Index] = true
		h, ok := have[e.Index]
		switch {
		case apart[e.Index]:
		case !ok && e.Index >= r.Below && e.Index < r.Head.Size && !r.outside(e.Index):
			r.seenFailure(e.Index, "the entry that you saw there, as a newer one", "none",
				"an entry that an earlier statement showed is in this log, and neither in the list nor among the newer ones: it "+
					"was taken out")
		case !ok && e.Index < r.Below:
			r.seenFailure(e.Index, "the entry that you saw there", "none",
				"an entry that an earlier statement showed is missing: it was removed from the index, or the log is another one")
		case ok && h != e.LeafHash:
			r.seenFailure(e.Index, "the entry that you saw there", "another one",
				"an entry that an earlier statement showed was replaced: the log forked, and keeps another history")
		case ok && e.Link && hidden[e.Index]:
			r.seenFailure(e.Index, "a link that you saw, which every statement shows", "a hidden entry",
				"what is on record under another number of the same person is left out")
		}
	}
	for _, e := range now {
		if e.Index < min(before.Below, r.Below) && !had[e.Index] {
			r.seenFailure(e.Index, "no entry, as in the statement that you saw", "an entry",
				"an earlier statement that was complete did not have this entry: one of the two is false")
		}
	}
}

// outside reports whether the statement is for a period that does not have position i, so that it
// need not show a newer entry there.
func (r *StatementReport) outside(i uint64) bool {
	return r.Period != nil && (i < r.Period.From || i >= r.Period.To)
}

func (r *StatementReport) seenFailure(at uint64, expected, found, meaning string) {
	r.Fail(&Failure{Check: CheckSeenBefore, Index: At(at), Expected: expected, Found: found,
		Meaning: meaning + ". Keep both files, and ask an auditor"})
}

// with returns what to remember after a statement in which nothing was wrong.
func (s *Seen) with(r *StatementReport, shown map[string]SeenHistory) *Seen {
	next := &Seen{Checkpoint: r.Signed, Size: r.Head.Size, Root: r.Head.Root, Below: r.Below, AsOf: r.Dated(), Histories: shown}
	if s == nil {
		return next
	}
	for n, before := range s.Histories {
		now, ok := next.Histories[n]
		if !ok { // of an id that is no longer linked
			next.Histories[n] = before
			continue
		}
		known := map[uint64]int{}
		for i, e := range now.Entries {
			known[e.Index] = i
		}
		for _, e := range before.Entries { // newer entries outside a period, links that are known
			if i, ok := known[e.Index]; ok {
				now.Entries[i].Link = now.Entries[i].Link || e.Link
			} else {
				now.Entries = append(now.Entries, e)
			}
		}
		next.Histories[n] = now
	}
	return next
}
