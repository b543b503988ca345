package entry

import "igledger/ledger/wire"

// IndexRootHistory is the name of the public history of all index roots.
const IndexRootHistory = "index-root"

// IndexRoot is the body of a public entry by which the operator states the root of the subject
// index over all leaves below Size. Its index in the log is Size or higher; the genesis' indexLag
// bounds how much higher. Anyone with the audit feed can recompute the root, so a wrong one is a
// false statement with the operator's signature.
type IndexRoot struct {
	Common
	Size uint64    `json:"size"` // M: the index covers the leaves 0 to M-1; at least 1, the genesis
	Root wire.Hash `json:"root"` // never zero: the genesis is in it
}

func (r *IndexRoot) check() error {
	if r.Size == 0 || r.Size > wire.MaxInt {
		return wire.Errorf(wire.BadClaim, "size", "want 1 to 2^53-1")
	}
	if r.Root == (wire.Hash{}) {
		return wire.Errorf(wire.BadClaim, "root", "is that of the empty tree, but the index always holds the genesis")
	}
	return nil
}

// CheckPosition returns BadIndexRoot if the entry cannot be at index: it can cover only leaves
// before itself. It stops an operator from stating roots over leaves that are still to be made.
func (r *IndexRoot) CheckPosition(index uint64) error {
	if r.Size > index {
		return wire.Errorf(wire.BadIndexRoot, "index root",
			"is at index %d, but covers the leaves below %d", index, r.Size)
	}
	return nil
}
