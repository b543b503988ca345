// Package proof holds what is proved of a log: leaves and their commitments, histories and their
// heads, checkpoints, inclusion of one leaf and of many, the subject index, and the audit feed.
// Cosignatures and trust policies are in package cosign, the index as a whole in package index.
//
// Functions compute and decode; the checks that need more than one structure are package verifier's.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// First bytes of everything that is hashed. None is shared with another use, so no hash of one kind can be passed off as another;
// 0x00 and 0x01 as prefixes of Merkle nodes are RFC 6962's and apply outside the leaf.
const (
	publicLeaf    = 0x01
	sealedLeaf    = 0x02
	hashTag       = 0x10
	hashBody      = 0x11
	hashKTag      = 0x12
	hashHeadTag   = 0x13
	hashHead      = 0x14
	hashValue     = 0x15
	hashIndexLeaf = 0x16
	hashIndexNode = 0x17
	hashKName     = 0x18
	hashHeadNam   = 0x19
)

// SealedLeafSize is the length of every leaf about a person: 0x02 ‖ tagCommit ‖ bodyCommit.
const SealedLeafSize = 65

// PublicLeaf is 0x01 ‖ JWS, for an entry everybody may read.
func PublicLeaf(jws string) []byte { return append([]byte{publicLeaf}, jws...) }

// SealedLeaf is 0x02 ‖ tagCommit ‖ bodyCommit: it hides the person and the content from whoever has no opening, and binds the operator to both.
func SealedLeaf(tagCommit, bodyCommit wire.Hash) []byte {
	leaf := make([]byte, 0, SealedLeafSize)
	leaf = append(leaf, sealedLeaf)
	leaf = append(leaf, tagCommit[:]...)
	return append(leaf, bodyCommit[:]...)
}

// Leaf is a decoded leaf: either a public entry's JWS, or the two commitments of a sealed one.
type Leaf struct {
	Public     bool
	JWS        string    // public only
	TagCommit  wire.Hash // sealed only
	BodyCommit wire.Hash // sealed only
}

// ParseLeaf reads a leaf. Any other form is a failed audit. The JWS of a public leaf is not looked into: see Parse.
func ParseLeaf(b []byte) (Leaf, error) {
	switch {
	case len(b) > entry.MaxLeafSize:
		return Leaf{}, wire.Errorf(wire.TooLarge, "leaf", "%d bytes, at most %d", len(b), entry.MaxLeafSize)
	case len(b) > 1 && b[0] == publicLeaf:
		return Leaf{Public: true, JWS: string(b[1:])}, nil
	case len(b) > 0 && b[0] == sealedLeaf:
		if len(b) != SealedLeafSize {
			return Leaf{}, wire.Errorf(wire.BadLength, "sealed leaf", "%d bytes, want %d", len(b), SealedLeafSize)
		}
		return Leaf{TagCommit: wire.Hash(b[1:33]), BodyCommit: wire.Hash(b[33:65])}, nil
	case len(b) == 0:
		return Leaf{}, wire.Errorf(wire.BadLeaf, "leaf", "empty")
	}
	return Leaf{}, wire.Errorf(wire.BadLeaf, "leaf", "first byte 0x%02x and %d bytes: neither public nor sealed", b[0], len(b))
}

// Entry reads the entry of a public leaf. A sealed type in a public leaf would show a person's access to everybody: a failed audit.
func (l Leaf) Entry() (*entry.Entry, error) {
	if !l.Public {
		return nil, wire.Errorf(wire.BadLeaf, "leaf", "is sealed: see Opening")
	}
	e, err := entry.ParseParts(l.JWS, nil)
	if err != nil {
		return nil, err
	}
	if e.Type.Sealed() {
		return nil, wire.Errorf(wire.BadLeaf, "public leaf", "holds an entry of the sealed type %s", e.Type)
	}
	return e, nil
}

// TagCommit is HMAC-SHA256(saltT, 0x10 ‖ tag).
func TagCommit(saltT wire.Hash, tag wire.Hash) wire.Hash { return commit(saltT, hashTag, tag[:]) }

// BodyCommit is HMAC-SHA256(saltB, 0x11 ‖ JWS), the JWS in ASCII as header.payload.signature without disclosures.
func BodyCommit(saltB wire.Hash, jws string) wire.Hash { return commit(saltB, hashBody, []byte(jws)) }

func commit(salt wire.Hash, prefix byte, data []byte) wire.Hash {
	m := hmac.New(sha256.New, salt[:])
	m.Write([]byte{prefix})
	m.Write(data)
	return wire.Hash(m.Sum(nil))
}

// LeafHash is RFC 6962's SHA-256(0x00 ‖ leaf).
func LeafHash(leaf []byte) wire.Hash { return hash([]byte{0x00}, leaf) }

// TagKey is K of a person's history: SHA-256(0x12 ‖ tag).
func TagKey(tag wire.Hash) wire.Hash { return hash([]byte{hashKTag}, tag[:]) }

// NameKey is K of a public history ("key:<kid>", "org:<id>", "agreement:<id>"): SHA-256(0x18 ‖ name).
func NameKey(name string) wire.Hash { return hash([]byte{hashKName}, []byte(name)) }

// TagHead0 is head_0 of a person's history: SHA-256(0x13 ‖ tag).
func TagHead0(tag wire.Hash) wire.Hash { return hash([]byte{hashHeadTag}, tag[:]) }

// NameHead0 is head_0 of a public history: SHA-256(0x19 ‖ name).
func NameHead0(name string) wire.Hash { return hash([]byte{hashHeadNam}, []byte(name)) }

// NextHead is head_i = SHA-256(0x14 ‖ head_{i-1} ‖ u64 index_i ‖ LeafHash(leaf_i)): a history can only grow at its end.
func NextHead(head wire.Hash, index uint64, leafHash wire.Hash) wire.Hash {
	return hash([]byte{hashHead}, head[:], binary.BigEndian.AppendUint64(make([]byte, 0, 8), index), leafHash[:])
}

// IndexValue is V = SHA-256(0x15 ‖ u64 count ‖ head_count), what the subject index holds under K.
func IndexValue(count uint64, head wire.Hash) wire.Hash {
	return hash([]byte{hashValue}, binary.BigEndian.AppendUint64(make([]byte, 0, 8), count), head[:])
}

func hash(parts ...[]byte) wire.Hash {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size <= 128 { // all but leaves: without garbage, for indices of millions
		b := make([]byte, 0, 128)
		for _, p := range parts {
			b = append(b, p...)
		}
		return sha256.Sum256(b)
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return wire.Hash(h.Sum(nil))
}
