package proof

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"igledger/ledger/wire"
)

// The subject index is a prefix tree over the bits of K, most significant first: a map from K (TagKey, NameKey) to V (IndexValue).
//
//	empty subtree     32 zero bytes
//	one leaf          IndexLeaf(K, V), at the first depth at which no other K shares its bits: a lone leaf is the root
//	two and more      IndexNode(left, right), left holds the Ks whose next bit is 0
//
// Its root depends on the contents only. A proof is the path of K from the root down, one sibling a level:
//
//	depth 0            root                  K = 01…
//	                 /      \
//	depth 1        •         siblings[0]
//	             /   \
//	depth 2  siblings[1]  place of K: its leaf, or nothing, or another leaf that shares these bits
//
// What a proof shows, without trusting whoever made the root: one root has at most one answer for one K, since two different answers
// would be two preimages of one hash (leaf, node and empty place cannot be taken for each other: first bytes 0x16, 0x17, no preimage
// of zero). What it does not show: that the tree behind the root holds what the log holds, or is a prefix tree everywhere off the path
// (a sibling is one opaque hash). That is what auditors recompute for every index root.

// maxIndexDepth is the number of bits of K.
const maxIndexDepth = 256

// IndexProof is the path of one K. Depth is the number of siblings. With nil Other it shows K's leaf (Root), or that the place of
// K is empty (RootWithout); with Other it shows that K is absent because another leaf stands in its place (RootWithout).
type IndexProof struct {
	Siblings IndexSiblings `json:"siblings"`
	Other    *IndexOther   `json:"other,omitempty"`
}

// IndexSiblings are hashes from the root down; empty subtrees are zero, in JSON "".
type IndexSiblings []wire.Hash

// IndexOther is a leaf of the subject index.
type IndexOther struct {
	K wire.Hash `json:"k"`
	V wire.Hash `json:"v"`
}

// IndexLeaf is SHA-256(0x16 ‖ K ‖ V).
func IndexLeaf(k, v wire.Hash) wire.Hash { return hash([]byte{hashIndexLeaf}, k[:], v[:]) }

// IndexNode is SHA-256(0x17 ‖ left ‖ right), the node above two subtrees of which at most one is empty (32 zero bytes).
func IndexNode(left, right wire.Hash) wire.Hash {
	return hash([]byte{hashIndexNode}, left[:], right[:])
}

// IndexBit is bit i of k, bit 0 the most significant of the first byte.
func IndexBit(k wire.Hash, i int) int { return int(k[i/8]>>(7-i%8)) & 1 }

// Root is the root of a tree that holds V under K at the end of this path. It stops the operator from showing another count or
// another end of a history than those the root was made of. BadIndexProof: the path is not one that a prefix tree has.
func (p IndexProof) Root(k, v wire.Hash) (wire.Hash, error) {
	if p.Other != nil {
		return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof", "shows another leaf in the place of the one asked for")
	}
	if err := p.check(maxIndexDepth); err != nil {
		return wire.Hash{}, err
	}
	return p.climb(k, IndexLeaf(k, v)), nil
}

// RootWithout is the root of a tree that holds nothing under K, as this path shows. The root of the empty tree is zero, which no
// index-root entry states. It stops the operator from denying a history that the root was made of. BadIndexProof: the
// path is not one that a prefix tree has, or Other does not stand in the place of K.
func (p IndexProof) RootWithout(k wire.Hash) (wire.Hash, error) {
	// At depth 256 there is one place for one K: neither another leaf nor, beside two leaves, an empty place.
	if err := p.check(maxIndexDepth - 1); err != nil {
		return wire.Hash{}, err
	}
	if p.Other == nil {
		return p.climb(k, wire.Hash{}), nil
	}
	if p.Other.K == k {
		return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof", "the leaf said to stand in the place of the one asked for is that leaf")
	}
	for i := range p.Siblings {
		if IndexBit(p.Other.K, i) != IndexBit(k, i) {
			return wire.Hash{}, wire.Errorf(wire.BadIndexProof, "index proof", "the other leaf leaves the path at bit %d of %d", i, len(p.Siblings))
		}
	}
	return p.climb(k, IndexLeaf(p.Other.K, p.Other.V)), nil
}

// check refuses paths that no prefix tree has: too deep, or ending beside an empty subtree, where a leaf would have stood higher up
// and an empty place would have been part of a larger one.
func (p IndexProof) check(maxDepth int) error {
	d := len(p.Siblings)
	if d > maxDepth {
		return wire.Errorf(wire.BadIndexProof, "index proof", "%d siblings, at most %d", d, maxDepth)
	}
	if d > 0 && p.Siblings[d-1] == (wire.Hash{}) {
		return wire.Errorf(wire.BadIndexProof, "index proof", "the last of %d siblings is empty: the path is too long", d)
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

// ParseIndexProof reads a proof from JSON. Nothing in this module sends a proof alone: in statements and
// in the vectors it is a member of something larger. It is for verifiers that others build.
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

// UnmarshalJSONFrom reads what MarshalJSONTo writes, at most 256 hashes; the zero hash spelled out is refused.
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
			return wire.Errorf(wire.BadIndexProof, fmt.Sprintf("sibling %d", i), "an empty subtree is spelled as an empty string")
		}
	}
	return nil
}
