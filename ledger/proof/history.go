package proof

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// History is the place of a history in the subject index: its key, and the head it has before its
// first entry. Every leaf of the log belongs to exactly one.
type History struct {
	K     wire.Hash
	Head0 wire.Hash
}

// HistoryOf returns the history that a leaf belongs to: of a public leaf that of its entry's name, of
// a sealed one that of the tag it is committed to. e is the leaf's entry; of a sealed leaf that has
// not been opened it is nil.
func HistoryOf(e *entry.Entry, tag wire.Hash) History {
	if e != nil && !e.Type.Sealed() {
		return HistoryOfName(e.Name())
	}
	return HistoryOfTag(tag)
}

// HistoryOfName returns the history of a public name, such as "key:<kid>", "org:<id>" or
// "agreement:<id>".
func HistoryOfName(name string) History { return History{NameKey(name), NameHead0(name)} }

// HistoryOfTag returns the history of the person with the tag.
func HistoryOfTag(tag wire.Hash) History { return History{TagKey(tag), TagHead0(tag)} }

// Start returns the state of the history before its first entry.
func (h History) Start() State { return State{Head: h.Head0} }

// State is a history up to some entry: how many entries it has, and the head of their hash chain.
type State struct {
	Count uint64
	Head  wire.Hash
}

// Add returns the state after a further entry, whose index is above those before it.
func (s State) Add(index uint64, leafHash wire.Hash) State {
	return State{Count: s.Count + 1, Head: NextHead(s.Head, index, leafHash)}
}

// Value returns V, what the subject index commits to under K.
func (s State) Value() wire.Hash { return IndexValue(s.Count, s.Head) }
