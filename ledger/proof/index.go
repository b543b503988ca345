package proof

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// The subject index is a prefix tree over the bits of K, most significant first: a map from K
// (TagKey, NameKey) to V (IndexValue).
//
//	empty subtree     32 zero bytes
//	one leaf          IndexLeaf(K, V), at the first depth at which no other K shares its bits: a lone leaf is the root
//	two and more      IndexNode(left, right), left holds the Ks whose next bit is 0
//
// The root depends on the contents only. A proof is the path of K from the root down, with one
// sibling at each level:
//
//	depth 0            root                  K = 01…
//	                 /      \
//	depth 1        •         siblings[0]
//	             /   \
//	depth 2  siblings[1]  place of K: its leaf, or nothing, or another leaf that shares these bits
//
// A proof needs no trust in the operator who made the root. One root has at most one answer for one
// K: two different answers would be two preimages of one hash. (Leaf, node and empty place cannot
// be taken for each other: first bytes 0x16, 0x17, no preimage of zero.) A proof does not show that
// the tree behind the root holds what the log holds, or that it is a prefix tree off the path,
// because a sibling is one opaque hash. Auditors recompute that for every index root.

// maxIndexDepth is the number of bits of K.
const maxIndexDepth = 256

// IndexProof is the path of one K. If Other is nil, it shows either K's leaf (Root) or that the
// place of K is empty (RootWithout). If Other is set, it shows that K is absent because another
// leaf is in its place (RootWithout).
type IndexProof struct {
	Siblings IndexSiblings `json:"siblings"`
	Other    *IndexOther   `json:"other,omitempty"`
}

// IndexSiblings are the hashes of the siblings from the root down, at most 256. An empty subtree is
// zero, in JSON "".
type IndexSiblings []wire.Hash

// IndexOther is a leaf of the subject index.
type IndexOther struct {
	K wire.Hash `json:"k"`
	V wire.Hash `json:"v"`
}

// IndexLeaf returns SHA-256(0x16 ‖ K ‖ V).
func IndexLeaf(k, v wire.Hash) wire.Hash { return hash([]byte{hashIndexLeaf}, k[:], v[:]) }

// IndexNode returns SHA-256(0x17 ‖ left ‖ right), the node above two subtrees of which at most one
// is empty (32 zero bytes).
func IndexNode(left, right wire.Hash) wire.Hash {
	return hash([]byte{hashIndexNode}, left[:], right[:])
}

// IndexBit returns bit i of k. Bit 0 is the most significant bit of the first byte.
func IndexBit(k wire.Hash, i int) int { return int(k[i/8]>>(7-i%8)) & 1 }

// Root returns the root of a tree that holds V under K at the end of this path. It stops the
// operator from showing another count or another end of a history than those that the root was made
// from. If no prefix tree has such a path, it returns BadIndexProof.
func (p IndexProof) Root(k, v wire.Hash) (wire.Hash, error) {
	if p.Other != nil {
		return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof",
			"shows that another leaf is in the place of the one asked for")
	}
	if err := p.check(maxIndexDepth); err != nil {
		return wire.Hash{}, err
	}
	return p.climb(k, IndexLeaf(k, v)), nil
}

// RootWithout returns the root of a tree that holds nothing under K, as this path shows. The root
// of the empty tree is zero, which no index-root entry states. It stops the operator from denying a
// history that the root was made from. If no prefix tree has such a path, or Other is not in the
// place of K, it returns BadIndexProof.
func (p IndexProof) RootWithout(k wire.Hash) (wire.Hash, error) {
	// At depth 256 a place has exactly one K: no other leaf can be there, and it is not empty
	// beside a leaf.
	if err := p.check(maxIndexDepth - 1); err != nil {
		return wire.Hash{}, err
	}
	if p.Other == nil {
		return p.climb(k, wire.Hash{}), nil
	}
	if p.Other.K == k {
		return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof",
			"the absence proof names the very leaf whose absence it should show")
	}
	for i := range p.Siblings {
		if IndexBit(p.Other.K, i) != IndexBit(k, i) {
			return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof",
				"the other leaf is not on the path: it differs at bit %d of %d", i, len(p.Siblings))
		}
	}
	return p.climb(k, IndexLeaf(p.Other.K, p.Other.V)), nil
}

// check refuses paths that no prefix tree has: too deep, or ending beside an empty subtree. There,
// a leaf would have been higher up, and an empty place would have been part of a larger one.
func (p IndexProof) check(maxDepth int) error {
	d := len(p.Siblings)
	if d > maxDepth {
		return wire.Errorf(wire.BadIndexProof, "index proof", "%d siblings, at most %d", d, maxDepth)
	}
	if d > 0 && p.Siblings[d-1] == (wire.Hash{}) {
		return wire.Errorf(wire.BadIndexProof, "index proof",
			"the path is too long: the last of its %d siblings is empty", d)
	}
	return nil
}

func (p IndexProof) climb(k, h wire.Hash) wire.Hash {
	for i := len(p.Siblings) - 1; i >= 0; i-- {
		if IndexBit(k, i) == 0 {
			h = IndexNode(h, p.Siblings[i])
		} else {
			h = IndexNode(p.Siblings[i], h)
		}
	}
	return h
}

// ParseIndexProof reads a proof from JSON. It returns BadJSON, BadIndexProof or TooLarge. Nothing
// in this module sends a proof alone: in statements and in the vectors it is a member of something
// larger. ParseIndexProof is for verifiers that others build.
func ParseIndexProof(data []byte) (IndexProof, error) {
	if len(data) > 1<<16 {
		return IndexProof{}, wire.Errorf(wire.TooLarge, "index proof", "%d bytes", len(data))
	}
	var p IndexProof
	if err := wire.DecodeJSON("index proof", data, &p); err != nil {
		return IndexProof{}, err
	}
	if p.Siblings == nil {
		return IndexProof{}, wire.Errorf(wire.BadIndexProof, "index proof", "siblings is missing")
	}
	return p, nil
}

// MarshalJSONTo writes an array of strings: base64url of a hash, or "" for an empty subtree.
func (s IndexSiblings) MarshalJSONTo(e *jsontext.Encoder) error {
	list := make([]string, len(s))
	for i, h := range s {
		if h != (wire.Hash{}) {
			list[i] = wire.Encode64(h[:])
		}
	}
	return json.MarshalEncode(e, list)
}

// UnmarshalJSONFrom reads what MarshalJSONTo writes, at most 256 hashes. It refuses a zero hash
// that is spelled out.
func (s *IndexSiblings) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var list []string
	if err := wire.DecodeList(d, "siblings", maxIndexDepth, &list, nil); err != nil {
		return err
	}
	*s = make(IndexSiblings, len(list))
	for i, text := range list {
		if text == "" {
			continue
		}
		if err := (*s)[i].UnmarshalText([]byte(text)); err != nil {
			return err
		}
		if (*s)[i] == (wire.Hash{}) {
			return wire.Errorf(wire.BadIndexProof, fmt.Sprintf("sibling %d", i),
				"an empty subtree must be an empty string")
		}
	}
	return nil
}
