package verifier

import (
	"fmt"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/proof/cosign"
	"igledger/ledger/wire"
)

// checkInclusion checks that every leaf shown is at its stated place under the checkpoint. hashes
// and err are the results of the file's LeafHashes.
func (c *check) checkInclusion(ev *bundle.Evidence, hashes map[uint64]wire.Hash, err error) {
	if err == nil {
		err = proof.VerifyMulti(hashes, ev.Nodes, c.head.Size, c.head.Root)
	}
	if err == nil {
		c.Pass(CheckInclusion, nil, "every leaf shown (%d in all) is in the log of size %d, at its place",
			len(hashes), c.head.Size)
		return
	}
	f := failure(err, nil, CheckInclusion)
	if f.Check == CheckInclusion {
		f.Expected = fmt.Sprintf("leaves that, with the nodes in the file, hash to the root %x of size %d",
			c.head.Root, c.head.Size)
		f.Meaning = "something in the file is not what the log holds at that place: the content, link or position of " +
			"an entry was altered, or entries or nodes were removed or added. Ask for the file again. If the check still " +
			"fails, keep both files"
	}
	c.Fail(f)
}

// checkGenesis reads and checks leaf 0.
func (c *check) checkGenesis(ev *bundle.Evidence) bool {
	g, err := genesisOf(ev.Genesis.Leaf, c.head.log)
	if err != nil {
		c.Fail(asFailure(err, At(0), CheckGenesisLeaf))
		return false
	}
	e, err := readPublic(ev.Genesis.Leaf)
	if err != nil {
		c.Fail(failure(err, At(0), CheckGenesisLeaf))
		return false
	}
	if c.pinned != nil {
		if err := CheckGenesisHash(ev.Genesis.Leaf, *c.pinned); err != nil {
			c.Fail(asFailure(err, At(0), CheckGenesisLeaf))
			return false
		}
	}
	c.genesis = g
	c.signed = append(c.signed, signedEntry{0, e, true})
	c.Pass(CheckGenesisLeaf, At(0), "leaf 0 names this log key and the pseudonym key")
	return true
}

// genesisOf checks leaf 0. It must name one of the log's keys in the policy, unless the policy has
// none that a genesis can name: a log can also sign with ML-DSA-44, and then its signature alone
// says that this is its leaf 0.
func genesisOf(leaf []byte, log *cosign.PolicyLog) (*entry.Genesis, error) {
	var keys []string
	for _, k := range log.GenesisKeys() {
		keys = append(keys, k.VKey)
	}
	if len(keys) == 0 {
		e, err := readPublic(leaf)
		if err != nil {
			return nil, err
		}
		if g, ok := e.Body.(*entry.Genesis); ok && g.Audience == log.Origin {
			keys = []string{g.LogKey}
		} else {
			return nil, wire.Errorf(wire.BadGenesis, "genesis", "leaf 0 is not the genesis of %s", log.Origin)
		}
	}
	var first error
	for _, vkey := range keys {
		g, err := CheckGenesis(leaf, vkey)
		if err == nil {
			return g, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// checkIndexRoot reads the index root and checks its position: M <= j = N-1, and that it leaves out
// no more than the genesis allows. Its signature is judged with all others.
func (c *check) checkIndexRoot(ev *bundle.Evidence) bool {
	j, n := ev.IndexRoot.Index, c.head.Size
	e, err := readPublic(ev.IndexRoot.Leaf)
	if err != nil {
		c.Fail(failure(err, At(j), CheckIndexRoot))
		return false
	}
	root, ok := e.Body.(*entry.IndexRoot)
	if !ok {
		c.Fail(&Failure{Check: CheckIndexRoot, Index: At(j),
			Expected: "an index root", Found: "an entry of type " + string(e.Type),
			Meaning: "the file does not contain the operator's statement about the index, so it cannot prove that " +
				"nothing is missing"})
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
	c.checkAnchor(j)
	c.checkLag(j, n-root.Size)
	return true
}

// checkAnchor checks that the checkpoint ends in the index root at j. Otherwise, whoever holds an
// old statement could put a newer checkpoint above its index root, with cosignatures of today, and
// the operator could choose a root older than what it wants to hide.
func (c *check) checkAnchor(j uint64) {
	last := c.head.Size - 1
	if j == last {
		c.Pass(CheckAnchor, At(j), "it is the last entry of the checkpoint, so no other index root belongs to it")
		return
	}
	c.Fail(&Failure{Check: CheckAnchor, Index: At(j),
		Expected: fmt.Sprintf("the index root as the last entry of the checkpoint, entry %d", last),
		Found:    fmt.Sprintf("an index root at entry %d, %s before it", j, count(int(last-j), "entry", "entries")),
		Meaning: "an index root older than the checkpoint is used: what cosigners of the checkpoint saw is newer than what " +
			"this file proves, and entries in between are missing from it. Ask for a new file. If it is the same, the " +
			"operator, or whoever gave you the file, hides newer entries"})
}

// checkLag checks that the index root at j leaves out at most as many entries as the genesis
// promises.
func (c *check) checkLag(j, lag uint64) {
	if lag > c.genesis.IndexLag {
		c.Fail(&Failure{Check: CheckIndexLag, Index: At(j),
			Expected: fmt.Sprintf("an index root at most %s behind, as the genesis promises",
				count(int(c.genesis.IndexLag), "entry", "entries")),
			Found: fmt.Sprintf("%d behind size %d", lag, c.head.Size),
			Meaning: "the index root leaves out more entries before it than it may, and what they say about this person is " +
				"not proved. Ask for a new file. If that is the newest index root, the operator breaks the promise in the " +
				"genesis"})
		return
	}
	c.Pass(CheckIndexLag, At(j), "%s behind size %d, at most %d allowed",
		count(int(lag), "entry", "entries"), c.head.Size, c.genesis.IndexLag)
}

// readPublic reads the entry of a public leaf.
func readPublic(leaf []byte) (*entry.Entry, error) {
	l, err := proof.ParseLeaf(leaf)
	if err != nil {
		return nil, err
	}
	return l.Entry()
}
