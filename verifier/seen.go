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
	Histories  map[string][]SeenEntry `json:"histories"`
}

// SeenEntry is an entry that was shown or counted.
type SeenEntry struct {
	Index    uint64    `json:"index"`
	LeafHash wire.Hash `json:"leafHash"`
	Link     bool      `json:"link,omitempty"` // it is known to be a link, which no statement hides
}

// CheckSeen compares a statement with what its reader saw before (nil: nothing), and adds to the
// report what is wrong. It stops an operator that has rewound or forked its log, or made an index
// that lacks an entry, from showing the new state to those who saw the old one. id is the person's,
// name makes the name of a history of an id. If no check of the statement has failed, it returns what
// to remember from now on, otherwise seen.
func CheckSeen(r *StatementReport, seen *Seen, id string, name func(id string) string) *Seen {
	if r.Register == nil || r.Extract {
		return seen
	}
	shown := map[string][]SeenEntry{name(id): seenOf(r.Entries)}
	hidden := map[uint64]bool{}
	lists := [][]StatementEntry{r.Entries}
	if r.EveryoneShown {
		shown[name(entry.RegEveryone)] = seenOf(r.Everyone)
		lists = append(lists, r.Everyone)
	}
	for _, l := range r.Linked {
		shown[name(l.ID)] = seenOf(l.Entries)
		lists = append(lists, l.Entries)
	}
	for _, list := range lists {
		for _, e := range list {
			hidden[e.Index] = e.Hidden
		}
	}
	if seen != nil {
		failures := len(r.Failures)
		r.checkSeenHead(seen)
		for n, before := range seen.Histories {
			if now, ok := shown[n]; ok {
				r.checkSeenHistory(seen, before, now, hidden)
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

func seenOf(rows []StatementEntry) []SeenEntry {
	list := []SeenEntry{}
	for _, e := range rows {
		s := SeenEntry{Index: e.Index, LeafHash: e.LeafHash}
		if o := e.Opening; !e.Hidden && o != nil {
			s.LeafHash = proof.LeafHash(proof.SealedLeaf(proof.TagCommit(o.TagSalt, o.Tag), proof.BodyCommit(o.BodySalt, o.JWS)))
			s.Link = e.Entry != nil && e.Entry.Type == entry.TypeLink
		}
		list = append(list, s)
	}
	return list
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
	default:
		return
	}
	r.Fail(f)
}

// checkSeenHistory checks that a history still has what was seen of it, and nothing new where it was
// seen whole.
func (r *StatementReport) checkSeenHistory(seen *Seen, before, now []SeenEntry, hidden map[uint64]bool) {
	have := map[uint64]wire.Hash{}
	for _, e := range now {
		have[e.Index] = e.LeafHash
	}
	had := map[uint64]bool{}
	for _, e := range before {
		had[e.Index] = true
		h, ok := have[e.Index]
		switch {
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
		if e.Index < min(seen.Below, r.Below) && !had[e.Index] {
			r.seenFailure(e.Index, "no entry, as in the statement that you saw", "an entry",
				"an earlier statement that was complete did not have this entry: one of the two is false")
		}
	}
}

func (r *StatementReport) seenFailure(at uint64, expected, found, meaning string) {
	r.Fail(&Failure{Check: CheckSeenBefore, Index: At(at), Expected: expected, Found: found,
		Meaning: meaning + ". Keep both files, and ask an auditor"})
}

// with returns what to remember after a statement in which nothing was wrong.
func (s *Seen) with(r *StatementReport, shown map[string][]SeenEntry) *Seen {
	next := &Seen{Checkpoint: r.Signed, Size: r.Head.Size, Root: r.Head.Root, Below: r.Below, AsOf: r.dated(), Histories: shown}
	if s == nil {
		return next
	}
	next.Below = max(s.Below, r.Below)
	for n, before := range s.Histories {
		known := map[uint64]int{}
		for i, e := range next.Histories[n] {
			known[e.Index] = i
		}
		for _, e := range before { // newer entries outside a period, links that are known
			if i, ok := known[e.Index]; ok {
				next.Histories[n][i].Link = next.Histories[n][i].Link || e.Link
			} else {
				next.Histories[n] = append(next.Histories[n], e)
			}
		}
	}
	return next
}
