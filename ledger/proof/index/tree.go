// Package index is the subject index: the Merkle prefix tree that maps K, the key of a subject or
// of a public name, to the count and the head of its history (docs/FORMATS.md section 13). Its root
// is in the log, so an operator cannot show fewer entries than there are: a history has one value
// under one key, and an absent key has a proof of absence.
//
// It promises:
//
//   - The root depends on the contents only: not on the order of insertion, the batches, or how the
//     tree was loaded.
//   - Every proof made here verifies with proof.IndexProof against Root, and there is exactly one
//     for each key.
//   - Keys that an attacker chose to share long prefixes cost at most 256 nodes each, never a wrong
//     answer.
//
// It does not keep former roots: a proof is always against the newest. It is in memory only and is
// loaded with Build at start-up. It does not check that a history is true: those who recompute it
// from the log do.
package index

import (
	"iter"
	"sync"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Update states that the history under K is now State.
type Update struct {
	K     wire.Hash // see proof.HistoryOf
	State proof.State
}

// Filed is an entry of the log with the history that it belongs to.
type Filed struct {
	proof.History
	Index    uint64
	LeafHash wire.Hash
}

// Tree is a subject index. 5.5 million histories take 0.71 GB (130 bytes each). The caller holds
// the lock: Get, Root, Prove, Len and All only read and may run concurrently, while Apply and Add
// need the tree for themselves.
type Tree struct {
	forks  arena[fork]
	leaves arena[Update]
	top    ref
	root   wire.Hash
}

// A fork's hash is zero if it must be computed again. Between calls of Apply none is zero.
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

// Build loads a tree from histories in any order. If two are under one key, the later one wins. It
// is Apply for millions of histories: it collects nothing first, so the source may be a cursor. If
// the source fails half-way, discard the tree. Ascending keys load five times as fast as shuffled
// ones.
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
			at[e.K] = i
			list = append(list, Update{K: e.K, State: state})
		}
		list[i].State = list[i].State.Add(e.Index, e.LeafHash)
	}
	return list
}

// Apply inserts new histories and replaces those that are there. If two updates are under one key,
// the later one wins. A fork above many changes is hashed once, so a batch of thousands costs far
// less than its updates one by one. The caller must not pass an update with count 0, which would
// claim a history where there is none.
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

// put files u at its place and clears the hashes of the forks above it.
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
	// spread is the number of levels from the top at which the two sides are hashed in parallel: 64
	// pieces, many more than cores, so that uneven pieces even out.
	spread = 6
	// worthSpreading is the number of updates from which hashing in parallel is faster.
	worthSpreading = 256
)

// hash returns the hash of the subtree at r, and computes the forks below it that have none.
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

// sideBySide hashes both sides of f in parallel. It is separate from hash, which would otherwise
// allocate for each of millions of forks what only the top ones need.
func (t *Tree) sideBySide(f *fork, levels int) (left, right wire.Hash) {
	var side sync.WaitGroup
	side.Go(func() { left = t.hash(f.children[0], levels) })
	right = t.hash(f.children[1], levels)
	side.Wait()
	return left, right
}

// Root returns the root of the tree, zero if it is empty.
func (t *Tree) Root() wire.Hash { return t.root }

// Len returns the number of histories.
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

// Prove returns the proof, against Root, of the history under k and its state. If there is no such
// history, it returns the proof of that and false.
func (t *Tree) Prove(k wire.Hash) (proof.IndexProof, proof.State, bool) {
	var p proof.IndexProof
	r := t.top
	for depth := 0; r > 0; depth++ {
		f, b := t.fork(r), proof.IndexBit(k, depth)
		// This only reads: between calls of Apply every fork has a hash.
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
