package entry_test

import (
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/bundle"
	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// This file follows docs/FORMATS.md step by step for proofs, openings and receipts, to make and
// read their vectors. The checks of the product are in package verifier, whose tests read the same
// vectors.

func verifyProof(p proof.Inclusion, leaf []byte, log note.Verifier) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint(p.Checkpoint, log)
	if err != nil {
		return proof.Checkpoint{}, err
	}
	path := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		path[i] = p.Hashes[i][:]
	}
	h := proof.LeafHash(leaf)
	if merkle.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, h[:], path, c.Root[:]) != nil {
		return proof.Checkpoint{}, wire.Errorf(wire.BadProof, "proof", "leaf %d is not under the root", p.Index)
	}
	return c, nil
}

func openLeaf(o *bundle.Opening, leaf []byte) (*entry.Entry, error) {
	l, err := proof.ParseLeaf(leaf)
	switch {
	case err != nil:
		return nil, err
	case l.Public:
		return nil, wire.Errorf(wire.BadLeaf, "opening", "of a public leaf")
	case proof.TagCommit(o.TagSalt, o.Tag) != l.TagCommit || proof.BodyCommit(o.BodySalt, o.JWS) != l.BodyCommit:
		return nil, wire.Errorf(wire.BadCommitment, "opening", "of another leaf")
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err == nil && !e.Type.Sealed() {
		err = wire.Errorf(wire.BadLeaf, "opening", "of a public type")
	}
	return e, err
}

func checkReceipt(r *bundle.Receipt, e *entry.Entry, log note.Verifier, vrfKey wire.Hash) (uint64, proof.Checkpoint,
	error) {
	p, err := proof.ParseInclusion([]byte(r.Proof))
	if err != nil {
		return 0, proof.Checkpoint{}, err
	}
	if err := receiptLeaf(r, e, log.Name(), vrfKey); err != nil {
		return 0, proof.Checkpoint{}, err
	}
	c, err := verifyProof(p, r.Leaf, log)
	return p.Index, c, err
}

func receiptLeaf(r *bundle.Receipt, e *entry.Entry, origin string, vrfKey wire.Hash) error {
	l, err := proof.ParseLeaf(r.Leaf)
	switch {
	case err != nil:
		return err
	case e.Audience != origin:
		return wire.Errorf(wire.WrongAudience, "receipt", "for another log")
	case l.Public == e.Type.Sealed():
		return wire.Errorf(wire.BadLeaf, "receipt", "of the wrong form")
	case l.Public && l.JWS != e.Compact:
		return wire.Errorf(wire.BadCommitment, "receipt", "of another entry")
	case l.Public:
		return nil
	case r.TagSalt == nil || r.Tag == nil || r.BodySalt == nil:
		return wire.Errorf(wire.BadJSON, "receipt", "incomplete")
	case proof.TagCommit(*r.TagSalt, *r.Tag) != l.TagCommit || proof.BodyCommit(*r.BodySalt, e.Compact) != l.BodyCommit:
		return wire.Errorf(wire.BadCommitment, "receipt", "of another leaf")
	case e.ShownSub() == "":
		return wire.Errorf(wire.BadDisclosure, "receipt", "no sub is shown")
	}
	return wire.VerifyTag(vrfKey, origin, e.ShownSub(), *r.Tag, r.VRFProof)
}
