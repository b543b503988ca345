package proof

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// History is the place of a history in the subject index: its key, and its head before its first
// entry. Every leaf of the log belongs to exactly one history.
type History struct {
	K     wire.Hash
	Head0 wire.Hash
}

// HistoryOf returns the history that a leaf belongs to: for a public leaf the history of its
// entry's name, for a sealed leaf that of the tag it is committed to. e is the leaf's entry, or nil
// for a sealed leaf that has not been opened.
func HistoryOf(e *entry.Entry, tag wire.Hash) History {
	if e != nil && !e.Type.Sealed() {
		return HistoryOfName(e.Name())
	}
	return HistoryOfTag(tag)
}

// HistoryOfName returns the history of a public name, such as "key:<kid>", "org:<id>" or
// "agreement:<id>".
func HistoryOfName(name string) History { return History{NameKey(name), NameHead0(name)} }

// HistoryOfTag returns the history of the person with this tag.
func HistoryOfTag(tag wire.Hash) History { return History{TagKey(tag), TagHead0(tag)} }

// Start returns the state of the history before its first entry.
func (h History) Start() State { return State{Head: h.Head0} }

// State is a history up to some entry: the number of its entries, and the head of their hash chain.
type State struct {
	Count uint64
	Head  wire.Hash
}

// Add returns the state after one more entry. Its index must be above those of the entries before
// it.
func (s State) Add(index uint64, leafHash wire.Hash) State {
	return State{Count: s.Count + 1, Head: NextHead(s.Head, index, leafHash)}
}

// Value returns V, the value that the subject index commits to under K.
func (s State) Value() wire.Hash { return IndexValue(s.Count, s.Head) }
