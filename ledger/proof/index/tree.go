// Package index is the subject index: the Merkle prefix tree that maps K, the key of a subject or of a public name, to the count and the head of its history
// (DESIGN.md section 4, docs/FORMATS.md). With its root in the log nobody can be shown fewer entries than there are: a history has one value under one
// key, and a key that is not there has a proof of that.
//
// What is promised:
//
//   - The root depends on the contents only: not on the order of insertion, the batches, or how the tree was loaded.
//   - Every proof made here verifies with entry.IndexProof against Root, and for each key there is exactly one.
//   - Keys chosen to share long prefixes cost at most 256 nodes each, never a wrong answer.
//
// What is not: the tree keeps no former roots, so a proof is always against the newest; it is in memory only and is loaded with Build at start-up; and it
// does not check that a history is true, which is the matter of whoever recomputes it from the log.
package index

import (
	"iter"
	"sync"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Update says that the history under K is now State.
type Update struct {
	K     wire.Hash // see proof.HistoryOf
	State proof.State
}

// Filed is an entry of the log with the history it belongs to.
type Filed struct {
	proof.History
	Index    uint64
	LeafHash wire.Hash
}

// Tree is a subject index. 5.5 million histories take 0.71 GB (130 bytes each). Get, Root, Prove and Len only read and may run side by side; Apply needs
// the tree for itself. The caller holds the lock.
type Tree struct {
	forks  arena[fork]
	leaves arena[Update]
	top    ref
	root   wire.Hash
}

// A fork's zero hash means that it must be computed anew; between calls of Apply none is zero.
type fork struct {
	hash     wire.Hash
	children [2]ref
}

// A ref is a place in the tree: 0 is empty, r > 0 is fork r-1, r < 0 is leaf -r-1.
type ref int32

func forkRef(i int) ref { return ref(i + 1) }
func leafRef(i int) ref { return ref(-i - 1) }

func (t *Tree) fork(r ref) *fork   { return t.forks.at(int(r) - 1) }
func (t *Tree) leaf(r ref) *Update { return t.leaves.at(-int(r) - 1) }

// New returns the empty tree.
func New() *Tree { return &Tree{} }

// Build loads a tree from histories in any order; of two under one key the later counts. It is Apply for millions: nothing is collected first, so the
// source may be a cursor (if it fails half-way, throw the tree away). Ascending keys load five times as fast as shuffled ones.
func Build(histories iter.Seq[Update]) *Tree {
	t := New()
	for u := range histories {
		t.put(u)
	}
	t.root = t.hash(t.top, spread)
	return t
}

// Add appends entries, ascending by index, each to its history.
func (t *Tree) Add(entries []Filed) { t.Apply(t.Updates(entries)) }

// Updates returns what Add would apply, without changing the tree.
func (t *Tree) Updates(entries []Filed) []Update {
	at := map[wire.Hash]int{}
	var list []Update
	for _, e := range entries {
		i, ok := at[e.K]
		if !ok {
			state, found := t.Get(e.K)
			if !found {
				state = e.Start()
			}
			i = len(list)
			at[e.K], list = i, append(list, Update{K: e.K, State: state})
		}
		list[i].State = list[i].State.Add(e.Index, e.LeafHash)
	}
	return list
}

// Apply inserts new histories and replaces those that are there; of two updates under one key the later counts. A fork above many changes is
// hashed once, so a batch of thousands costs far less than its updates one by one. A history has at least one entry: an update with
// count 0 would claim one where there is none, and is the caller's mistake.
func (t *Tree) Apply(updates []Update) {
	for _, u := range updates {
		t.put(u)
	}
	levels := spread
	if len(updates) < worthSpreading {
		levels = 0
	}
	t.root = t.hash(t.top, levels)
}

// put files u at its place and marks the forks above it.
func (t *Tree) put(u Update) {
	place := &t.top
	depth := 0
	for ; *place > 0; depth++ {
		f := t.fork(*place)
		f.hash = wire.Hash{}
		place = &f.children[proof.IndexBit(u.K, depth)]
	}
	if *place == 0 {
		*place = t.addLeaf(u)
		return
	}
	here := *place
	there := t.leaf(here)
	if there.K == u.K {
		there.State = u.State
		return
	}
	for ; proof.IndexBit(there.K, depth) == proof.IndexBit(u.K, depth); depth++ {
		i, f := t.forks.add()
		*place = forkRef(i)
		place = &f.children[proof.IndexBit(u.K, depth)]
	}
	i, f := t.forks.add()
	*place = forkRef(i)
	f.children[proof.IndexBit(there.K, depth)] = here
	f.children[proof.IndexBit(u.K, depth)] = t.addLeaf(u)
}

func (t *Tree) addLeaf(u Update) ref {
	i, l := t.leaves.add()
	*l = u
	return leafRef(i)
}

const (
	// spread is over how many levels from the top the two sides are hashed side by side: 64 pieces, many more than cores, so that uneven ones even out.
	spread = 6
	// worthSpreading is the number of updates from which that gains anything.
	worthSpreading = 256
)

// hash returns the hash of what stands at r, and computes the marked forks below it anew.
func (t *Tree) hash(r ref, levels int) wire.Hash {
	if r == 0 {
		return wire.Hash{}
	}
	if r < 0 {
		l := t.leaf(r)
		return proof.IndexLeaf(l.K, l.State.Value())
	}
	f := t.fork(r)
	if f.hash != (wire.Hash{}) {
		return f.hash
	}
	if levels > 0 {
		f.hash = proof.IndexNode(t.sideBySide(f, levels-1))
	} else {
		f.hash = proof.IndexNode(t.hash(f.children[0], 0), t.hash(f.children[1], 0))
	}
	return f.hash
}

// sideBySide is apart from hash, which would otherwise allocate for each of millions of forks what only the top ones need.
func (t *Tree) sideBySide(f *fork, levels int) (left, right wire.Hash) {
	var side sync.WaitGroup
	side.Go(func() { left = t.hash(f.children[0], levels) })
	right = t.hash(f.children[1], levels)
	side.Wait()
	return left, right
}

// Root is the root of the tree: zero if it is empty.
func (t *Tree) Root() wire.Hash { return t.root }

// Len is the number of histories.
func (t *Tree) Len() int { return t.leaves.len }

// Get returns the history under k, and whether there is one.
func (t *Tree) Get(k wire.Hash) (proof.State, bool) {
	r := t.top
	for depth := 0; r > 0; depth++ {
		r = t.fork(r).children[proof.IndexBit(k, depth)]
	}
	if r == 0 || t.leaf(r).K != k {
		return proof.State{}, false
	}
	return t.leaf(r).State, true
}

// Prove returns the proof against Root of the history under k, or (false) that there is none.
func (t *Tree) Prove(k wire.Hash) (proof.IndexProof, proof.State, bool) {
	var p proof.IndexProof
	r := t.top
	for depth := 0; r > 0; depth++ {
		f, b := t.fork(r), proof.IndexBit(k, depth)
		// Only reads: no fork is marked outside Apply.
		p.Siblings = append(p.Siblings, t.hash(f.children[1-b], 0))
		r = f.children[b]
	}
	if r == 0 {
		return p, proof.State{}, false
	}
	l := t.leaf(r)
	if l.K == k {
		return p, l.State, true
	}
	p.Other = &proof.IndexOther{K: l.K, V: l.State.Value()}
	return p, proof.State{}, false
}
