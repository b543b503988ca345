// Package bundle holds what people take home: the opening of an entry, a source's receipt, the
// statement of a person's whole history, the extract of chosen entries, and the evidence in them.
// Parse functions check the form of a file only; what it proves is checked by package verifier.
package bundle

import (
	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// Opening reveals a sealed leaf to those entitled to see it. Its link part (TagSalt, Tag, VRFProof)
// shows whose history the leaf belongs to. Its content part (BodySalt, JWS, Disclosures) shows what
// was done. It is verified by verifier.OpenLeaf and verifier.CheckEntry.
type Opening struct {
	Index       uint64         `json:"index"` // in the log; the inclusion proof is separate
	TagSalt     wire.Hash      `json:"tagSalt"`
	Tag         wire.Hash      `json:"tag"`
	VRFProof    wire.Bytes     `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt    wire.Hash      `json:"bodySalt"`
	JWS         string         `json:"jws"`                // header.payload.signature
	Disclosures []string       `json:"disclosures"`        // the disclosures that are shown
	Flags       []entry.Flag   `json:"flags,omitempty"`    // the ledger's remarks; not proved
	Received    string         `json:"received,omitempty"` // RFC 3339, when the ledger received it; not proved
	Verdict     *entry.Verdict `json:"verdict,omitempty"`  // the policies' result; not proved, but can be recomputed
}

// ParseOpening reads an opening from JSON and checks its form. It checks no hash and no signature.
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

// Receipt proves to a submitter that its entry is in the log, filed under the right person. For a
// public entry only Leaf and Proof are set. The source must check it (verifier.CheckReceipt) before
// it forgets the event.
type Receipt struct {
	Leaf     wire.Bytes `json:"leaf"`
	TagSalt  *wire.Hash `json:"tagSalt,omitempty"`
	Tag      *wire.Hash `json:"tag,omitempty"`
	VRFProof wire.Bytes `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt *wire.Hash `json:"bodySalt,omitempty"`
	Proof    string     `json:"proof"` // tlog-proof@v1, see proof.Inclusion
}

// maxReceipt bounds a receipt in bytes. Most of a large one is signatures on its checkpoint.
const maxReceipt = 1 << 20

// ParseReceipt reads a receipt from JSON and checks its form. It verifies nothing.
func ParseReceipt(data []byte) (*Receipt, error) {
	if len(data) > maxReceipt {
		return nil, wire.Errorf(wire.TooLarge, "receipt", "%d bytes", len(data))
	}
	r := new(Receipt)
	if err := wire.DecodeJSON("receipt", data, r); err != nil {
		return nil, err
	}
	return r, nil
}
