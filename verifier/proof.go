package verifier

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/transparency-dev/merkle/compact"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// TileFunc returns the hash tile (level, index) of width hashes, 32*width bytes, from wherever the
// log is. The bytes are not trusted: a proof that is built from them proves nothing until it leads
// to a signed root.
type TileFunc func(level int, index uint64, width int) ([]byte, error)

// InclusionPath builds the RFC 6962 inclusion path of leaf index in the tree of size leaves from
// the log's tiles. The path proves nothing until it is checked: see CheckEntry.
func InclusionPath(tiles TileFunc, index, size uint64) ([]wire.Hash, error) {
	nodes, err := merkle.Inclusion(index, size)
	if err != nil {
		return nil, beyond(index, size)
	}
	return nodePath(tiles, nodes, size)
}

// LeafHashFromTile returns the hash of leaf index in the log's level-0 tile.
func LeafHashFromTile(tiles TileFunc, index, size uint64) (wire.Hash, error) {
	return nodeHash(tiles, compact.NewNodeID(0, index), size)
}

func beyond(index, size uint64) *Failure {
	return &Failure{Check: CheckInclusion, Index: At(index),
		Expected: fmt.Sprintf("an index below the log's size %d", size), Found: fmt.Sprintf("%d", index),
		Meaning: "this state of the log has no such entry: the log was cut short, you are reading an old copy, or the " +
			"entry is newer than the checkpoint that your cosigners saw",
		Err: wire.BadProof}
}

func nodePath(tiles TileFunc, nodes merkle.Nodes, size uint64) ([]wire.Hash, error) {
	raw := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, err := nodeHash(tiles, id, size)
		if err != nil {
			return nil, err
		}
		raw[i] = h[:]
	}
	raw, err := nodes.Rehash(raw, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, fmt.Errorf("building a proof: %w", err)
	}
	list := make([]wire.Hash, len(raw))
	for i, h := range raw {
		list[i] = wire.Hash(h)
	}
	return list, nil
}

// nodeHash computes the hash of the perfect subtree id from the one tile that holds it: a node of
// tree level 8l+h is the root of 2^h neighbouring hashes in a tile of level l.
func nodeHash(tiles TileFunc, id compact.NodeID, size uint64) (wire.Hash, error) {
	level, height := int(id.Level/8), id.Level%8
	first := id.Index << height
	index, offset := first>>8, int(first&0xff)
	width := WidthAt(level, index, size)
	data, err := tiles(level, index, width)
	if err != nil {
		return wire.Hash{}, err
	}
	t, err := parseTile(data, level, index, width)
	if err != nil {
		return wire.Hash{}, err
	}
	if offset+1<<height > width {
		return wire.Hash{}, fmt.Errorf("node %d/%d is not in a tree of %d leaves", id.Level, id.Index, size)
	}
	return subtree(t.Hashes[offset : offset+1<<height]), nil
}

// CheckInclusionOf checks that a leaf hash is at index under the root of c. It stops an operator
// from showing an entry that is not in the log. An error is a *Failure.
func CheckInclusionOf(leafHash wire.Hash, index uint64, path []wire.Hash, c proof.Checkpoint) error {
	if f := verifyInclusion(leafHash, index, path, c); f != nil {
		return f
	}
	return nil
}

func verifyInclusion(leafHash wire.Hash, index uint64, path []wire.Hash, c proof.Checkpoint) *Failure {
	if index >= c.Size {
		return beyond(index, c.Size)
	}
	hasher, nodes := rfc6962.DefaultHasher, rows(path)
	if err := merkle.VerifyInclusion(hasher, index, c.Size, leafHash[:], nodes, c.Root[:]); err != nil {
		root := "no root: the path has the wrong length"
		if got, err := merkle.RootFromInclusionProof(hasher, index, c.Size, leafHash[:], nodes); err == nil {
			root = fmt.Sprintf("%x", got)
		}
		return &Failure{Check: CheckInclusion, Index: At(index),
			Expected: fmt.Sprintf("a path from leaf hash %x to the root %x of size %d", leafHash, c.Root, c.Size),
			Found:    root,
			Meaning:  "this entry is not at that place in the log whose checkpoint was signed",
			Err:      wire.BadProof}
	}
	return nil
}

// VerifyProof checks that leaf is at p.Index under a checkpoint that log signed, and returns that
// checkpoint. An error is a *Failure.
func VerifyProof(p proof.Inclusion, leaf []byte, log note.Verifier) (proof.Checkpoint, error) {
	c, f := openCheckpoint(p.Checkpoint, log)
	if f == nil {
		f = verifyInclusion(proof.LeafHash(leaf), p.Index, p.Hashes, c)
	}
	if f != nil {
		return proof.Checkpoint{}, f
	}
	return c, nil
}

// ErrForked and ErrRewound say what a failure of CheckConsistency proves; test for them with
// errors.Is. If it is neither, the tiles are damaged or false and nothing follows about the
// checkpoints.
var (
	ErrForked  = errors.New("two signed checkpoints contradict each other")
	ErrRewound = errors.New("a checkpoint is smaller than an earlier one")
)

// CheckConsistency checks that the log of checkpoint current contains all of the log of checkpoint
// saved, unchanged and in place, with a proof built from the current log's tiles. Both checkpoints
// have been opened by OpenCheckpoint. It stops an operator from rewinding its log, from rewriting
// what was in it, and from showing two histories to one person. Only witnesses stop an operator
// from showing two histories to two people.
//
// If the failure is a fork, the two signed notes and the tiles prove it: keep both notes.
func CheckConsistency(saved, current proof.Checkpoint, tiles TileFunc) error {
	f := func(cause error, expected, found, meaning string) error {
		return &Failure{Check: CheckConsistent, Expected: expected, Found: found, Meaning: meaning, Err: cause}
	}
	head := func(c proof.Checkpoint) string { return fmt.Sprintf("size %d, root %x", c.Size, c.Root) }
	switch {
	case saved.Origin != current.Origin:
		return f(nil, "checkpoints of one log", "origins "+saved.Origin+" and "+current.Origin,
			"these are two logs, not two states of one log")
	case current.Size < saved.Size:
		return f(ErrRewound, "a log of at least "+head(saved), head(current),
			"the log is smaller than one that it signed before: it was rewound and entries were removed, or you were "+
				"given an old copy. Ask again. If the check still fails, the two signed checkpoints are evidence")
	case current.Size == saved.Size && current.Root != saved.Root:
		return f(ErrForked, head(saved), head(current), "the log forked: the operator signed two different "+
			"histories of the same length. The two signed checkpoints prove it to anyone")
	case current.Size == saved.Size:
		return nil
	case saved.Size == 0:
		if saved.Root != (&edge{}).root() {
			return f(ErrForked, head(proof.Checkpoint{Root: (&edge{}).root()}), head(saved),
				"the operator signed a false root for an empty log")
		}
		return nil
	}
	nodes, err := merkle.Consistency(saved.Size, current.Size)
	if err != nil {
		return fmt.Errorf("consistency of %d and %d: %w", saved.Size, current.Size, err)
	}
	hashes, err := nodePath(tiles, nodes, current.Size)
	if err != nil {
		return err
	}
	if verifyConsistency(saved, current, hashes) == nil {
		return nil
	}
	// Either the tiles do not lead to the current root, and prove nothing; or they do, with another
	// root at the saved size.
	own, err := rootFromTiles(tiles, saved.Size, current.Size)
	if err != nil {
		return err
	}
	if verifyConsistency(proof.Checkpoint{Size: saved.Size, Root: own}, current, hashes) == nil {
		return f(ErrForked, head(saved),
			fmt.Sprintf("the current log of %s had root %x at size %d", head(current), own, saved.Size),
			"the log forked: entries that it had signed before were changed or removed. The two signed "+
				"checkpoints, with the log's tiles, prove it to anyone")
	}
	return f(nil, "hash tiles that lead from "+head(saved)+" to "+head(current),
		"hashes that do not lead to the current root",
		"the log does not prove that it kept its earlier entries: its hash tiles are damaged or false. Until it does, "+
			"treat the log as forked")
}

// PrefixProof returns the root that the log of size leaves had when it had at leaves, by its tiles,
// and the RFC 6962 consistency proof between the two. Together with the checkpoint of size, and a
// different root signed for at, it convicts the party that signed both. CheckPrefix checks it
// without the tiles.
func PrefixProof(tiles TileFunc, at, size uint64) (root wire.Hash, path []wire.Hash, err error) {
	nodes, err := merkle.Consistency(at, size)
	if err == nil && at > 0 && at < size {
		path, err = nodePath(tiles, nodes, size)
	}
	if err != nil {
		return root, nil, err
	}
	root, err = rootFromTiles(tiles, at, size)
	return root, path, err
}

// CheckPrefix checks that path proves that the tree of head began with the tree of size at and this
// root.
func CheckPrefix(at uint64, root wire.Hash, path []wire.Hash, head proof.Checkpoint) error {
	if at == 0 || at >= head.Size {
		return fmt.Errorf("a prefix of size %d of a tree of %d: want one that is smaller and not empty", at, head.Size)
	}
	return verifyConsistency(proof.Checkpoint{Size: at, Root: root}, head, path)
}

func verifyConsistency(a, b proof.Checkpoint, hashes []wire.Hash) error {
	return merkle.VerifyConsistency(rfc6962.DefaultHasher, a.Size, b.Size, rows(hashes), a.Root[:], b.Root[:])
}

// rootFromTiles computes the root that the log had at size at, from the tiles of the log of the
// given size.
func rootFromTiles(tiles TileFunc, at, size uint64) (wire.Hash, error) {
	ids := compact.RangeNodes(0, at, make([]compact.NodeID, 0, bits.OnesCount64(at)))
	var root wire.Hash
	for i := len(ids) - 1; i >= 0; i-- { // right to left: each is the left sibling of all after it
		h, err := nodeHash(tiles, ids[i], size)
		if err != nil {
			return root, err
		}
		if i == len(ids)-1 {
			root = h
		} else {
			root = wire.Hash(rfc6962.DefaultHasher.HashChildren(h[:], root[:]))
		}
	}
	return root, nil
}

func rows(hashes []wire.Hash) [][]byte {
	list := make([][]byte, len(hashes))
	for i := range hashes {
		list[i] = hashes[i][:]
	}
	return list
}
