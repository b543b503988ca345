package verifier

import (
	"fmt"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// checkInclusion checks that every leaf shown is where it is said to be under the checkpoint; hashes and err are of the file's
// LeafHashes.
func (c *check) checkInclusion(ev *bundle.Evidence, hashes map[uint64]wire.Hash, err error) {
	if err == nil {
		err = proof.VerifyMulti(hashes, ev.Nodes, c.head.Size, c.head.Root)
	}
	if err == nil {
		c.Pass(CheckInclusion, nil, "all %d leaves shown are in the log of size %d, each at its place", len(hashes), c.head.Size)
		return
	}
	f := failure(err, nil, CheckInclusion)
	if f.Check == CheckInclusion {
		f.Expected = fmt.Sprintf("leaves that, with the nodes given, hash to the root %x of size %d", c.head.Root, c.head.Size)
		f.Meaning = "something shown is not what the log holds at that place: an entry's content, link or " +
			"position was altered, or entries or nodes were taken out or added. Ask for the file again; if it " +
			"stays so, keep it"
	}
	c.Fail(f)
}

// checkGenesis reads leaf 0.
func (c *check) checkGenesis(ev *bundle.Evidence) bool {
	g, err := CheckGenesis(ev.Genesis.Leaf, c.head.log.Key)
	if err != nil {
		c.Fail(asFailure(err, At(0), CheckGenesisLeaf))
		return false
	}
	e, err := readPublic(ev.Genesis.Leaf)
	if err != nil {
		c.Fail(failure(err, At(0), CheckGenesisLeaf))
		return false
	}
	c.genesis = g
	c.signed = append(c.signed, signedEntry{0, e, true})
	c.Pass(CheckGenesisLeaf, At(0), "leaf 0 names this log key and the pseudonym key")
	return true
}

// checkIndexRoot reads the index root and where it is: M <= j < N, at most the genesis' lag behind. Its signature is judged
// with all others.
func (c *check) checkIndexRoot(ev *bundle.Evidence) bool {
	j, n := ev.IndexRoot.Index, c.head.Size
	e, err := readPublic(ev.IndexRoot.Leaf)
	if err != nil {
		c.Fail(failure(err, At(j), CheckIndexRoot))
		return false
	}
	root, ok := e.Body.(*entry.IndexRoot)
	if !ok {
		c.Fail(&Failure{Check: CheckIndexRoot, Index: At(j), Expected: "an index root", Found: "an entry of type " + string(e.Type),
			Meaning: "the file leads to no word of the operator about the index: it proves nothing about what is missing"})
		return false
	}
	if err := root.CheckPosition(j); err != nil {
		c.Fail(failure(err, At(j), CheckIndexRoot))
		return false
	}
	if j >= n {
		f := beyond(j, n)
		f.Check = CheckIndexRoot
		c.Fail(f)
		return false
	}
	c.root = root
	c.signed = append(c.signed, signedEntry{j, e, false})
	c.Pass(CheckIndexRoot, At(j), "covers the entries below %d, root %x", root.Size, root.Root)
	c.checkLag(j, n-root.Size)
	return true
}

// checkLag checks that the index root at j is as near to the checkpoint as the genesis promises.
func (c *check) checkLag(j, lag uint64) {
	if lag > c.genesis.IndexLag {
		c.Fail(&Failure{Check: CheckIndexLag, Index: At(j),
			Expected: fmt.Sprintf("an index root at most %d entries behind, as the genesis promises", c.genesis.IndexLag),
			Found:    fmt.Sprintf("%d behind size %d", lag, c.head.Size),
			Meaning: "the file rests on an old index root although newer ones are due: what came since would be " +
				"missing from it. Ask for a new one; if there is none, the operator does not keep what the " +
				"genesis promises"})
		return
	}
	c.Pass(CheckIndexLag, At(j), "%d entries behind size %d, at most %d allowed", lag, c.head.Size, c.genesis.IndexLag)
}

// readPublic reads the entry of a public leaf.
func readPublic(leaf []byte) (*entry.Entry, error) {
	l, err := proof.ParseLeaf(leaf)
	if err != nil {
		return nil, err
	}
	return l.Entry()
}
