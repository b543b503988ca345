// Package bundle holds what people take home: the opening of an entry, a source's receipt, the
// statement of a person's whole history, the extract of chosen entries, and the evidence in them.
// Parse functions check the form of a file only; what it proves is checked by package verifier.
package bundle

import (
	"golang.org/x/mod/sumdb/note"

	"igledger/ledger/entry"
	"igledger/ledger/proof"
	"igledger/ledger/wire"
)

// Opening is what reveals a sealed leaf to somebody entitled to it. Its link part (TagSalt, Tag, VRFProof) shows whose history the leaf
// belongs to, its content part (BodySalt, JWS, Disclosures) what was done. Verified by Open.
type Opening struct {
	Index       uint64         `json:"index"` // position in the log, for which an inclusion proof must be had apart
	TagSalt     wire.Hash      `json:"tagSalt"`
	Tag         wire.Hash      `json:"tag"`
	VRFProof    wire.Bytes     `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt    wire.Hash      `json:"bodySalt"`
	JWS         string         `json:"jws"`                // header.payload.signature
	Disclosures []string       `json:"disclosures"`        // those shown
	Flags       []entry.Flag   `json:"flags,omitempty"`    // the ledger's remarks at append; not proved
	Received    string         `json:"received,omitempty"` // RFC 3339, when the ledger took it; not proved
	Verdict     *entry.Verdict `json:"verdict,omitempty"`  // what policy says of an access; not proved, but anybody can compute it again
}

// ParseOpening reads an opening from JSON.
func ParseOpening(data []byte) (*Opening, error) {
	if len(data) > wire.MaxJWS+wire.SDDigests*2*wire.MaxText {
		return nil, wire.Errorf(wire.TooLarge, "opening", "%d bytes", len(data))
	}
	o := new(Opening)
	if err := wire.DecodeJSON("opening", data, o); err != nil {
		return nil, err
	}
	if o.Index > wire.MaxInt {
		return nil, wire.Errorf(wire.BadClaim, "opening", "index is above 2^53-1")
	}
	if err := o.Verdict.Check(); err != nil {
		return nil, err
	}
	return o, nil
}

// Open checks that the opening belongs to leaf: both commitments, and the entry inside well-formed with disclosures that belong to it.
// The signature, the VRF proof and inclusion are checked apart (Register.Verify, VerifyTag, Proof.Verify).
func (o *Opening) Open(leaf []byte) (*entry.Entry, error) {
	l, err := proof.ParseLeaf(leaf)
	if err != nil {
		return nil, err
	}
	if l.Public {
		return nil, wire.Errorf(wire.BadLeaf, "opening", "leaf %d is a public one", o.Index)
	}
	if proof.TagCommit(o.TagSalt, o.Tag) != l.TagCommit {
		return nil, wire.Errorf(wire.BadCommitment, "opening", "tag and salt are not those of leaf %d: it belongs to somebody else's history", o.Index)
	}
	if proof.BodyCommit(o.BodySalt, o.JWS) != l.BodyCommit {
		return nil, wire.Errorf(wire.BadCommitment, "opening", "entry and salt are not those of leaf %d: the content was exchanged", o.Index)
	}
	e, err := entry.ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, err
	}
	if !e.Type.Sealed() {
		return nil, wire.Errorf(wire.BadLeaf, "opening", "leaf %d seals an entry of a public type", o.Index)
	}
	return e, nil
}

// Receipt proves to a submitter that its entry is in the log, filed under the right person. For a public entry only Leaf and Proof
// are set. The source checks it (verifier.CheckReceipt) before it forgets the event.
type Receipt struct {
	Leaf     wire.Bytes `json:"leaf"`
	TagSalt  *wire.Hash `json:"tagSalt,omitempty"`
	Tag      *wire.Hash `json:"tag,omitempty"`
	VRFProof wire.Bytes `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt *wire.Hash `json:"bodySalt,omitempty"`
	Proof    string     `json:"proof"` // tlog-proof@v1
}

// ParseReceipt reads a receipt from JSON.
func ParseReceipt(data []byte) (*Receipt, error) {
	if len(data) > 1<<18 {
		return nil, wire.Errorf(wire.TooLarge, "receipt", "%d bytes", len(data))
	}
	r := new(Receipt)
	if err := wire.DecodeJSON("receipt", data, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Check checks a receipt for e, which the caller holds itself, as the source does before it forgets the event: leaf form, both
// commitments, the tag is the VRF of its own sub under the genesis' key, inclusion under a checkpoint of log. It gives index and checkpoint.
func (r *Receipt) Check(e *entry.Entry, log note.Verifier, vrfKey wire.Hash) (uint64, proof.Checkpoint, error) {
	if e.Audience != log.Name() {
		return 0, proof.Checkpoint{}, wire.Errorf(wire.WrongAudience, "receipt", "the entry is for another log than %s", log.Name())
	}
	p, err := proof.ParseInclusion([]byte(r.Proof))
	if err != nil {
		return 0, proof.Checkpoint{}, err
	}
	if err := r.checkLeaf(e, log.Name(), vrfKey, p.Index); err != nil {
		return 0, proof.Checkpoint{}, err
	}
	c, err := p.Verify(r.Leaf, log)
	return p.Index, c, err
}

func (r *Receipt) checkLeaf(e *entry.Entry, origin string, vrfKey wire.Hash, index uint64) error {
	l, err := proof.ParseLeaf(r.Leaf)
	if err != nil {
		return err
	}
	if l.Public != !e.Type.Sealed() {
		return wire.Errorf(wire.BadLeaf, "receipt", "leaf %d is of the wrong form for an entry of type %s", index, e.Type)
	}
	if l.Public {
		if l.JWS != e.Compact {
			return wire.Errorf(wire.BadCommitment, "receipt", "leaf %d holds another entry than the one submitted", index)
		}
		return nil
	}
	if r.TagSalt == nil || r.Tag == nil || r.BodySalt == nil {
		return wire.Errorf(wire.BadJSON, "receipt", "tagSalt, tag or bodySalt is missing")
	}
	if proof.TagCommit(*r.TagSalt, *r.Tag) != l.TagCommit {
		return wire.Errorf(wire.BadCommitment, "receipt", "leaf %d is not committed to the tag: it would be missing from the person's list", index)
	}
	if proof.BodyCommit(*r.BodySalt, e.Compact) != l.BodyCommit {
		return wire.Errorf(wire.BadCommitment, "receipt", "leaf %d is not committed to the entry submitted", index)
	}
	sub := e.ShownSub()
	if sub == "" {
		return wire.Errorf(wire.BadDisclosure, "receipt", "the entry does not disclose sub, so its filing cannot be checked")
	}
	return wire.VerifyTag(vrfKey, origin, sub, *r.Tag, r.VRFProof)
}
