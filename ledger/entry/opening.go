package entry

import "golang.org/x/mod/sumdb/note"

// Opening is what reveals a sealed leaf to somebody entitled to it. Its link part (TagSalt, Tag, VRFProof) shows whose history the leaf
// belongs to, its content part (BodySalt, JWS, Disclosures) what was done. Verified by Open.
type Opening struct {
	Index       uint64   `json:"index"` // position in the log, for which an inclusion proof must be had apart
	TagSalt     Hash     `json:"tagSalt"`
	Tag         Hash     `json:"tag"`
	VRFProof    Bytes    `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt    Hash     `json:"bodySalt"`
	JWS         string   `json:"jws"`                // header.payload.signature
	Disclosures []string `json:"disclosures"`        // those shown
	Flags       []Flag   `json:"flags,omitempty"`    // the ledger's remarks at append; not proved
	Received    string   `json:"received,omitempty"` // RFC 3339, when the ledger took it; not proved
	Verdict     *Verdict `json:"verdict,omitempty"`  // what policy says of an access; not proved, but anybody can compute it again
}

// ParseOpening reads an opening from JSON.
func ParseOpening(data []byte) (*Opening, error) {
	if len(data) > maxJWS+SDDigests*2*maxText {
		return nil, fail(TooLarge, "opening", "%d bytes", len(data))
	}
	o := new(Opening)
	if err := DecodeJSON("opening", data, o); err != nil {
		return nil, err
	}
	if o.Index > MaxInt {
		return nil, fail(BadClaim, "opening", "index is above 2^53-1")
	}
	if err := o.Verdict.check(); err != nil {
		return nil, err
	}
	return o, nil
}

// Open checks that the opening belongs to leaf: both commitments, and the entry inside well-formed with disclosures that belong to it.
// The signature, the VRF proof and inclusion are checked apart (Register.Verify, VerifyTag, Proof.Verify).
func (o *Opening) Open(leaf []byte) (*Entry, error) {
	l, err := ParseLeaf(leaf)
	if err != nil {
		return nil, err
	}
	if l.Public {
		return nil, fail(BadLeaf, "opening", "leaf %d is a public one", o.Index)
	}
	if TagCommit(o.TagSalt, o.Tag) != l.TagCommit {
		return nil, fail(BadCommitment, "opening", "tag and salt are not those of leaf %d: it belongs to somebody else's history", o.Index)
	}
	if BodyCommit(o.BodySalt, o.JWS) != l.BodyCommit {
		return nil, fail(BadCommitment, "opening", "entry and salt are not those of leaf %d: the content was exchanged", o.Index)
	}
	e, err := ParseParts(o.JWS, o.Disclosures)
	if err != nil {
		return nil, err
	}
	if !e.Type.Sealed() {
		return nil, fail(BadLeaf, "opening", "leaf %d seals an entry of a public type", o.Index)
	}
	return e, nil
}

// Receipt proves to a submitter that its entry is in the log, filed under the right person. For a public entry only Leaf and Proof
// are set. The source checks it (verifier.CheckReceipt) before it forgets the event.
type Receipt struct {
	Leaf     Bytes  `json:"leaf"`
	TagSalt  *Hash  `json:"tagSalt,omitempty"`
	Tag      *Hash  `json:"tag,omitempty"`
	VRFProof Bytes  `json:"vrfProof,omitempty"` // 80 bytes
	BodySalt *Hash  `json:"bodySalt,omitempty"`
	Proof    string `json:"proof"` // tlog-proof@v1
}

// ParseReceipt reads a receipt from JSON.
func ParseReceipt(data []byte) (*Receipt, error) {
	if len(data) > 1<<18 {
		return nil, fail(TooLarge, "receipt", "%d bytes", len(data))
	}
	r := new(Receipt)
	if err := DecodeJSON("receipt", data, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Check checks a receipt for e, which the caller holds itself, as the source does before it forgets the event: leaf form, both
// commitments, the tag is the VRF of its own sub under the genesis' key, inclusion under a checkpoint of log. It gives index and checkpoint.
func (r *Receipt) Check(e *Entry, log note.Verifier, vrfKey Hash) (uint64, Checkpoint, error) {
	if e.Audience != log.Name() {
		return 0, Checkpoint{}, fail(WrongAudience, "receipt", "the entry is for another log than %s", log.Name())
	}
	p, err := ParseProof([]byte(r.Proof))
	if err != nil {
		return 0, Checkpoint{}, err
	}
	if err := r.checkLeaf(e, log.Name(), vrfKey, p.Index); err != nil {
		return 0, Checkpoint{}, err
	}
	c, err := p.Verify(r.Leaf, log)
	return p.Index, c, err
}

func (r *Receipt) checkLeaf(e *Entry, origin string, vrfKey Hash, index uint64) error {
	l, err := ParseLeaf(r.Leaf)
	if err != nil {
		return err
	}
	if l.Public != !e.Type.Sealed() {
		return fail(BadLeaf, "receipt", "leaf %d is of the wrong form for an entry of type %s", index, e.Type)
	}
	if l.Public {
		if l.JWS != e.Compact {
			return fail(BadCommitment, "receipt", "leaf %d holds another entry than the one submitted", index)
		}
		return nil
	}
	if r.TagSalt == nil || r.Tag == nil || r.BodySalt == nil {
		return fail(BadJSON, "receipt", "tagSalt, tag or bodySalt is missing")
	}
	if TagCommit(*r.TagSalt, *r.Tag) != l.TagCommit {
		return fail(BadCommitment, "receipt", "leaf %d is not committed to the tag: it would be missing from the person's list", index)
	}
	if BodyCommit(*r.BodySalt, e.Compact) != l.BodyCommit {
		return fail(BadCommitment, "receipt", "leaf %d is not committed to the entry submitted", index)
	}
	sub := e.ShownSub()
	if sub == "" {
		return fail(BadDisclosure, "receipt", "the entry does not disclose sub, so its filing cannot be checked")
	}
	return VerifyTag(vrfKey, origin, sub, *r.Tag, r.VRFProof)
}
