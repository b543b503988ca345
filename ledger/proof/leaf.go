// Package proof holds what is proved of a log: leaves and their commitments, histories and their
// heads, checkpoints, inclusion of one leaf and of many, the subject index, and the audit feed.
// Cosignatures and trust policies are in package cosign, the index as a whole in package index.
//
// Functions compute and decode; the checks that need more than one structure are package
// verifier's.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"igledger/ledger/entry"
	"igledger/ledger/wire"
)

// First bytes of everything that is hashed. Each has one use, so a hash of one kind cannot be
// passed off as another. The prefixes 0x00 and 0x01 of Merkle nodes are those of RFC 6962 and apply
// outside the leaf.
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

// SealedLeafSize is the size in bytes of every leaf about a person: 0x02 ‖ tagCommit ‖ bodyCommit.
const SealedLeafSize = 65

// PublicLeaf returns 0x01 ‖ JWS, the leaf of an entry that everyone may read.
func PublicLeaf(jws string) []byte { return append([]byte{publicLeaf}, jws...) }

// SealedLeaf returns 0x02 ‖ tagCommit ‖ bodyCommit. It hides the person and the content from
// everyone without the opening, and binds the operator to both.
func SealedLeaf(tagCommit, bodyCommit wire.Hash) []byte {
	leaf := make([]byte, 0, SealedLeafSize)
	leaf = append(leaf, sealedLeaf)
	leaf = append(leaf, tagCommit[:]...)
	return append(leaf, bodyCommit[:]...)
}

// Leaf is a decoded leaf: either the JWS of a public entry, or the two commitments of a sealed one.
type Leaf struct {
	Public     bool
	JWS        string    // public only
	TagCommit  wire.Hash // sealed only
	BodyCommit wire.Hash // sealed only
}

// ParseLeaf reads a leaf. It returns BadLeaf, BadLength or TooLarge, which is a failed audit: a log
// holds no leaf of another form. It does not parse the JWS of a public leaf: see Entry.
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
	return Leaf{}, wire.Errorf(wire.BadLeaf, "leaf",
		"neither public nor sealed: first byte 0x%02x, %d bytes", b[0], len(b))
}

// Entry reads the entry of a public leaf. If the leaf is sealed, or is public and holds an entry of
// a sealed type, it returns BadLeaf. The latter would show a person's access to everyone and is a
// failed audit.
func (l Leaf) Entry() (*entry.Entry, error) {
	if !l.Public {
		return nil, wire.Errorf(wire.BadLeaf, "leaf", "is sealed: only its opening shows the entry")
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

// TagCommit returns HMAC-SHA256(saltT, 0x10 ‖ tag).
func TagCommit(saltT wire.Hash, tag wire.Hash) wire.Hash { return commit(saltT, hashTag, tag[:]) }

// BodyCommit returns HMAC-SHA256(saltB, 0x11 ‖ JWS). The JWS is ASCII, header.payload.signature
// without disclosures.
func BodyCommit(saltB wire.Hash, jws string) wire.Hash { return commit(saltB, hashBody, []byte(jws)) }

func commit(salt wire.Hash, prefix byte, data []byte) wire.Hash {
	m := hmac.New(sha256.New, salt[:])
	m.Write([]byte{prefix})
	m.Write(data)
	return wire.Hash(m.Sum(nil))
}

// LeafHash returns SHA-256(0x00 ‖ leaf), as RFC 6962 section 2.1 defines it.
func LeafHash(leaf []byte) wire.Hash { return hash([]byte{0x00}, leaf) }

// TagKey returns K of a person's history: SHA-256(0x12 ‖ tag).
func TagKey(tag wire.Hash) wire.Hash { return hash([]byte{hashKTag}, tag[:]) }

// NameKey returns K of a public history ("key:<kid>", "org:<id>", "agreement:<id>"): SHA-256(0x18 ‖
// name).
func NameKey(name string) wire.Hash { return hash([]byte{hashKName}, []byte(name)) }

// TagHead0 returns head_0 of a person's history: SHA-256(0x13 ‖ tag).
func TagHead0(tag wire.Hash) wire.Hash { return hash([]byte{hashHeadTag}, tag[:]) }

// NameHead0 returns head_0 of a public history: SHA-256(0x19 ‖ name).
func NameHead0(name string) wire.Hash { return hash([]byte{hashHeadNam}, []byte(name)) }

// NextHead returns head_i = SHA-256(0x14 ‖ head_{i-1} ‖ u64 index_i ‖ LeafHash(leaf_i)). A history
// can only grow at its end.
func NextHead(head wire.Hash, index uint64, leafHash wire.Hash) wire.Hash {
	return hash([]byte{hashHead}, head[:], binary.BigEndian.AppendUint64(make([]byte, 0, 8), index), leafHash[:])
}

// IndexValue returns V = SHA-256(0x15 ‖ u64 count ‖ head_count), the value under K in the subject
// index.
func IndexValue(count uint64, head wire.Hash) wire.Hash {
	return hash([]byte{hashValue}, binary.BigEndian.AppendUint64(make([]byte, 0, 8), count), head[:])
}

func hash(parts ...[]byte) wire.Hash {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if size <= 128 { // all but leaves: no allocation, for indices of millions
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
