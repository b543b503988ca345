package entry

import "igledger/ledger/wire"

// IndexRootHistory is the name of the public history of all index roots.
const IndexRootHistory = "index-root"

// IndexRoot is the body of a public entry by which the operator states the root of the subject index over all leaves below Size. It
// stands in the log at or above Size; how far above is bounded by the genesis' indexLag. Anybody with the audit feed can
// recompute it: a wrong one is the operator's signature under a falsehood.
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
		return wire.Errorf(wire.BadClaim, "root", "is that of the empty tree, but the index holds the genesis at least")
	}
	return nil
}

// CheckPosition reports whether the entry may stand at index: it can cover only what is below itself. Every verifier asks this;
// it stops an operator from stating roots over leaves that are still to be made.
func (r *IndexRoot) CheckPosition(index uint64) error {
	if r.Size > index {
		return wire.Errorf(wire.BadIndexRoot, "index root", "stands at %d and says to cover the leaves below %d", index, r.Size)
	}
	return nil
}
