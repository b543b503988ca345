package wire

import vrf "filippo.io/mostly-harmless/vrf-r255"

// A tag is the pseudonym of an id in one log: VRF output[:32] under suite C2SP vrf-r255 (RFC 9381
// over ristretto255). Only the operator can compute it, which stops everyone else from enumerating
// the ~2^26 CHI numbers. It is also unique and provable, so the operator cannot file one person's
// accesses under two tags.

// VRFProofSize is the length of a vrf-r255 proof in bytes: Gamma 32 ‖ c 16 ‖ s 32.
const VRFProofSize = 80

// TagAlpha returns the VRF input of an id: "igledger/tag/v1\n" ‖ origin ‖ "\n" ‖ id.
func TagAlpha(origin, id string) []byte { return []byte("igledger/tag/v1\n" + origin + "\n" + id) }

// VRFKey computes tags. It is kept outside the database and its backups: anyone who has it can link
// the entries of every person.
type VRFKey struct{ key *vrf.PrivateKey }

// NewVRFKey makes a random key.
func NewVRFKey() *VRFKey { return &VRFKey{vrf.GenerateKey()} }

// ParseVRFKey reads the 32-byte secret scalar that Bytes returns. If it is zero or not canonical,
// it returns BadVRF.
func ParseVRFKey(b []byte) (*VRFKey, error) {
	k, err := vrf.NewPrivateKey(b)
	if err != nil || Hash(k.PublicKey().Bytes()) == (Hash{}) {
		return nil, Errorf(BadVRF, "VRF private key", "not a canonical non-zero scalar of 32 bytes")
	}
	return &VRFKey{k}, nil
}

// Bytes returns the 32-byte secret scalar.
func (k *VRFKey) Bytes() []byte { return k.key.Bytes() }

// Public returns the 32-byte public key, which the genesis holds.
func (k *VRFKey) Public() Hash { return Hash(k.key.PublicKey().Bytes()) }

// Tag returns the tag of id in the log origin, and its proof of VRFProofSize bytes. It takes about
// 0.23 ms.
func (k *VRFKey) Tag(origin, id string) (tag Hash, proof []byte) {
	p := k.key.Prove(TagAlpha(origin, id))
	return Hash(p.Hash()[:32]), p.Bytes()
}

// ParseVRFPublic decodes the VRF public key of a genesis: a canonical ristretto255 element other
// than the identity. Otherwise it returns BadVRF.
func ParseVRFPublic(public Hash) (*vrf.PublicKey, error) {
	pk, err := vrf.NewPublicKey(public[:])
	if err != nil || public == (Hash{}) { // the library accepts the identity element, RFC 9381 section 5.4.5 does not
		return nil, Errorf(BadVRF, "VRF public key", "not a canonical ristretto255 element other than the identity")
	}
	return pk, nil
}

// VerifyTag checks that proof shows tag to be the one tag of id in the log origin, under public,
// the VRF public key of its genesis. The id must come from the caller, never from what is being
// checked. It stops the operator from filing an access under another person. It returns BadVRF or
// BadLength.
func VerifyTag(public Hash, origin, id string, tag Hash, proof []byte) error {
	pk, err := ParseVRFPublic(public)
	if err != nil {
		return err
	}
	if len(proof) != VRFProofSize {
		return Errorf(BadLength, "VRF proof", "%d bytes, want %d", len(proof), VRFProofSize)
	}
	p, err := vrf.NewProof(proof)
	if err != nil {
		return Errorf(BadVRF, "VRF proof", "does not decode")
	}
	out, err := pk.Verify(p, TagAlpha(origin, id))
	if err != nil {
		return Errorf(BadVRF, "VRF proof",
			"does not verify for this id and key: the entry is filed under another person")
	}
	if Hash(out[:32]) != tag {
		return Errorf(BadVRF, "VRF proof", "proves a tag other than the one given")
	}
	return nil
}
